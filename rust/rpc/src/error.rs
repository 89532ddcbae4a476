//! Ways for a request to fail: the runtime's own, and those that an interface declares.

use std::fmt;

use crate::codec::{Reader, Writer};

/// Why the runtime itself ended a request: domain 0 of the boundary's errors (docs/boundary.md).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// A cancel frame came, or the runtime was freed.
    Cancelled,
    /// The request's deadline passed.
    DeadlineExceeded,
    /// The object or buffer is closed, or was never given out.
    Closed(&'static str),
    /// The payload is not what the IDL says.
    Malformed(&'static str),
    /// No method has this id.
    UnknownMethod(u32),
    /// A view is open on a buffer that was sent.
    Busy,
    /// More was asked for than callers may ever hold.
    NoMemory {
        /// Bytes that were asked for.
        asked: u64,
        /// Bytes that all callers together may hold.
        limit: u64,
    },
    /// The operating system refused.
    System(String),
    /// The object has another interface.
    WrongType,
    /// A callback of the caller's failed in a way that the IDL does not name; the text is the caller's.
    Callback(String),
}

impl Error {
    /// The variant's number on the wire.
    pub fn variant(&self) -> u32 {
        match self {
            Error::Cancelled => 1,
            Error::DeadlineExceeded => 2,
            Error::Closed(_) => 3,
            Error::Malformed(_) => 4,
            Error::UnknownMethod(_) => 5,
            Error::Busy => 6,
            Error::NoMemory { .. } => 7,
            Error::System(_) => 8,
            Error::WrongType => 9,
            Error::Callback(_) => 10,
        }
    }

    /// A `system` error that says what was done when it happened.
    pub fn system(what: &str, error: std::io::Error) -> Self {
        Error::System(format!("{what}: {error}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Cancelled => write!(f, "the request was cancelled"),
            Error::DeadlineExceeded => write!(f, "the request's deadline passed before it was done"),
            Error::Closed(what) => write!(f, "the {what} is closed, or was never open"),
            Error::Malformed(why) => {
                write!(f, "the request is malformed: {why}; the binding and the library may be of different releases")
            }
            Error::UnknownMethod(id) => {
                write!(
                    f,
                    "the library has no method {id:#010x}; the binding and the library may be of different releases"
                )
            }
            Error::Busy => write!(f, "a view is open on the buffer; release it before the buffer is sent"),
            Error::NoMemory { asked, limit } => {
                write!(f, "{asked} bytes were asked for, and callers may hold {limit} altogether; ask for less or raise buffer_memory")
            }
            Error::System(what) => write!(f, "{what}"),
            Error::WrongType => write!(f, "the object has another interface than the method that was called"),
            Error::Callback(what) => write!(f, "the callback failed: {what}"),
        }
    }
}

impl std::error::Error for Error {}

/// An error type of an IDL file. The compiler generates the implementations.
pub trait Declared: fmt::Display + Send + 'static {
    /// What the error is called by on the wire.
    const DOMAIN: u32;
    /// The variant's number, from 0.
    fn variant(&self) -> u32;
    /// Writes the variant's fields, without a length before them.
    fn encode_fields(self, writer: &mut Writer<'_>);
}

/// An error type that methods of callbacks throw. The compiler generates the implementations.
pub trait Thrown: Declared + Sized {
    /// Reads the variant's fields.
    fn decode_fields(variant: u32, reader: &mut Reader<'_>) -> Result<Self, Error>;
}

/// What a method that declares an error fails with.
#[derive(Debug, PartialEq)]
pub enum Failure<E> {
    /// One of the errors that the method declares.
    Declared(E),
    /// One of the runtime's own.
    Runtime(Error),
}

impl<E: Declared> From<E> for Failure<E> {
    fn from(error: E) -> Self {
        Failure::Declared(error)
    }
}

impl<E> From<Error> for Failure<E> {
    fn from(error: Error) -> Self {
        Failure::Runtime(error)
    }
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Declared(error) => error.fmt(f),
            Failure::Runtime(error) => error.fmt(f),
        }
    }
}

/// What can become the payload of an error frame.
pub trait IntoPayload: Send + 'static {
    /// Writes domain, variant, message and the fields with their length.
    fn encode_error(self, writer: &mut Writer<'_>);
}

impl IntoPayload for Error {
    fn encode_error(self, writer: &mut Writer<'_>) {
        writer.u32(0);
        writer.u32(self.variant());
        writer.text(&self.to_string());
        writer.u32(0);
    }
}

impl<E: Declared> IntoPayload for Failure<E> {
    fn encode_error(self, writer: &mut Writer<'_>) {
        match self {
            Failure::Runtime(error) => error.encode_error(writer),
            Failure::Declared(error) => {
                writer.u32(E::DOMAIN);
                writer.u32(error.variant());
                writer.text(&error.to_string());
                writer.record(|writer| error.encode_fields(writer));
            }
        }
    }
}

/// What a call of a callback can fail with.
pub trait FromPayload: From<Error> {
    /// Reads what the caller answered.
    fn decode_error(reader: &mut Reader<'_>) -> Result<Self, Error>;
}

/// Domain, variant and message of an error.
fn head(reader: &mut Reader<'_>) -> Result<(u32, u32, String), Error> {
    Ok((reader.u32()?, reader.u32()?, reader.text()?))
}

/// What an error of domain 0 means when it comes from the caller: its own runtime fails in other ways than this one.
fn of_caller(variant: u32, message: String) -> Error {
    match variant {
        3 => Error::Closed("callback"),
        _ => Error::Callback(message),
    }
}

const UNKNOWN: Error = Error::Malformed("a callback answered an error that is not its own");

impl FromPayload for Error {
    fn decode_error(reader: &mut Reader<'_>) -> Result<Self, Error> {
        match head(reader)? {
            (0, variant, message) => Ok(of_caller(variant, message)),
            _ => Err(UNKNOWN),
        }
    }
}

impl<E: Thrown> FromPayload for Failure<E> {
    fn decode_error(reader: &mut Reader<'_>) -> Result<Self, Error> {
        match head(reader)? {
            (0, variant, message) => Ok(of_caller(variant, message).into()),
            (domain, variant, _) if domain == E::DOMAIN => {
                reader.record(|reader| E::decode_fields(variant, reader)).map(Failure::Declared)
            }
            _ => Err(UNKNOWN),
        }
    }
}
