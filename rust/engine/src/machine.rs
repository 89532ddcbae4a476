//! What the machine and the process are: memory, processor's time, names.

#[cfg_attr(unix, path = "machine/unix.rs")]
#[cfg_attr(windows, path = "machine/windows.rs")]
mod system;

pub(crate) use system::{host, ids, memory, processor_time, user};
