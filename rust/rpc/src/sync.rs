//! What threads meet at, in the parts whose interleavings are proved: plainly parking_lot's locks and the atomics of `std`.
//! The models in `models` put loom's in their place (`models/sync.rs`), which run a test in every order that threads may
//! take.

pub(crate) use std::hint::spin_loop;
pub(crate) use std::sync::atomic::{fence, AtomicBool, AtomicI64, AtomicU32, AtomicU64, AtomicUsize};
pub(crate) use std::sync::OnceLock;
pub(crate) use std::time::Instant;

pub(crate) use futures::task::AtomicWaker;
pub(crate) use parking_lot::{Condvar, Mutex};

/// How often a loop looks before it goes on. It changes nothing that holds after one look, so a model looks once.
pub(crate) const fn looks(count: u32) -> u32 {
    count
}
