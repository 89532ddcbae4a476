//! What a caller's event loop waits on: readable once it was rung, until it is cleared.

#[cfg(target_os = "linux")]
mod eventfd;
#[cfg(all(unix, not(target_os = "linux")))]
mod pipe;
#[cfg(windows)]
mod socket;

#[cfg(target_os = "linux")]
pub(crate) use eventfd::{Bell, KIND};
#[cfg(all(unix, not(target_os = "linux")))]
pub(crate) use pipe::{Bell, KIND};
#[cfg(windows)]
pub(crate) use socket::{Bell, KIND};
