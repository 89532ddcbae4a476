//! Zeroed memory in one piece, for which the system finds room when it is first written to.

#[cfg_attr(unix, path = "arena/unix.rs")]
#[cfg_attr(windows, path = "arena/windows.rs")]
mod system;

pub(crate) use system::{map, unmap};
