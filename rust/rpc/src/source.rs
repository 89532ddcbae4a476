//! What a buffer is filled from: an open file, pipe or socket of the caller's.

use std::num::NonZeroUsize;

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::Source;
#[cfg(windows)]
pub(crate) use windows::Source;

/// How long a read waits for a pipe or socket before it comes back, so that its request can be cancelled.
const LOOK_MILLISECONDS: u16 = 20;

/// What one read brought.
pub(crate) enum Read {
    Some(NonZeroUsize),
    /// There is nothing more.
    End,
    /// Nothing has come so far.
    NotYet,
}
