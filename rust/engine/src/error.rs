//! Errors, one variant for each of the public interface.

use std::io;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation on a repository failed. The texts are those of the public interface.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("there is no repository at {url}; create one with init")]
    NotFound { url: String },
    #[error("there is already a repository at {url}")]
    AlreadyExists { url: String },
    #[error("{url} is not a repository: {why}")]
    NotARepository { url: String, why: String },
    #[error("the password or key file opens no key of this repository")]
    WrongKey,
    #[error("this repository has format {found} and this program reads up to {supported}; use a newer release")]
    NewerFormat { found: u32, supported: u32 },
    /// `object` is a name in the store.
    #[error("{object} is damaged: {why}")]
    Damaged { object: String, why: String },
    #[error("no space is left to write {what}; free some and run again, nothing committed is lost")]
    NoSpace { what: String },
    /// The store refused or failed; `what` says what was being done.
    #[error("{what}: {why}")]
    Store { what: String, why: String },
    #[error("the store at {url} lets an object be created twice, which could lose a backup; use one that honours If-None-Match")]
    StoreNotSafe { url: String },
    #[error("no snapshot matches {name}; list them with snapshots")]
    NoSuchSnapshot { name: String },
    #[error("the snapshot has no {}; list its entries with ls", String::from_utf8_lossy(at))]
    NoSuchPath { at: Vec<u8> },
    #[error("{what}: {why}")]
    Invalid { what: String, why: String },
    /// A file of this machine, not of the repository.
    #[error("{}: {why}", String::from_utf8_lossy(at))]
    File { at: Vec<u8>, why: String },
    #[error("cancelled; nothing committed is lost")]
    Cancelled,
}

impl Error {
    pub(crate) fn damaged(object: impl Into<String>, why: impl Into<String>) -> Error {
        Error::Damaged { object: object.into(), why: why.into() }
    }

    pub(crate) fn invalid(what: impl Into<String>, why: impl Into<String>) -> Error {
        Error::Invalid { what: what.into(), why: why.into() }
    }

    pub(crate) fn file(path: &std::path::Path, error: &io::Error) -> Error {
        Error::File { at: crate::path::bytes(path).into_owned(), why: error.to_string() }
    }
}
