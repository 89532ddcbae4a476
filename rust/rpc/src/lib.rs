//! The in-process RPC runtime behind the boundary of Strongroom's libraries (`include/sr.h`, docs/boundary.md): requests
//! and completions, buffers, objects, cancellation, streams, panics. It knows nothing of backup.
//!
//! The IDL compiler generates types, traits and a [`Service`] on top of it; `export!` gives a library its C functions.

#![deny(unsafe_op_in_unsafe_fn)]
#![warn(missing_docs)]

mod backlog;
#[cfg_attr(all(test, feature = "loom"), path = "models/bell.rs")]
mod bell;
mod buffer;
mod builtin;
mod callback;
pub mod client;
pub mod codec;
mod compatible;
mod error;
pub mod ffi;
mod forge;
mod fork;
mod frame;
mod incoming;
mod log;
mod memory;
mod moment;
mod panics;
pub mod path;
mod queue;
mod request;
mod requests;
mod runtime;
pub mod service;
mod slots;
mod source;
#[cfg_attr(all(test, feature = "loom"), path = "models/sync.rs")]
mod sync;
mod tables;

pub use buffer::Buffer;
pub use callback::Callback;
pub use codec::{Reader, Writer};
pub use error::{Declared, Error, Failure, FromPayload, IntoPayload, Thrown};
pub use incoming::Incoming;
pub use log::Sink as LogSink;
pub use moment::Timestamp;
pub use panics::contained;
pub use request::{Final, Work};
pub use service::{Call, Context, Emitter, Service, Shield, Sink};
pub use tables::Object;
