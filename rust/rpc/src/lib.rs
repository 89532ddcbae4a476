//! The in-process RPC runtime behind the boundary of Strongroom's libraries (`include/sr.h`, docs/boundary.md): requests
//! and completions, buffers, objects, cancellation, streams, panics. It knows nothing of backup.
//!
//! The IDL compiler generates types, traits and a [`Service`] on top of it; `export!` gives a library its C functions.

#![deny(unsafe_op_in_unsafe_fn)]
#![warn(missing_docs)]

mod bell;
mod buffer;
mod builtin;
pub mod client;
pub mod codec;
mod error;
pub mod ffi;
mod frame;
mod log;
mod memory;
mod panics;
mod queue;
mod request;
mod runtime;
pub mod service;
mod slots;
mod tables;

pub use buffer::Buffer;
pub use codec::{Decode, Encode, Reader, Writer};
pub use error::{Declared, Error, Failure, IntoPayload};
pub use log::Sink as LogSink;
pub use panics::contained;
pub use request::{Final, Work};
pub use service::{Call, Context, Emitter, Service, Shield, Sink};
pub use tables::Object;
