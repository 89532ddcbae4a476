//! Linux: an eventfd.

use rustix::event::{eventfd, EventfdFlags};
use rustix::fd::{AsRawFd, OwnedFd};

use crate::error::Error;

/// `SR_WAKE_EVENTFD`.
pub(crate) const KIND: u32 = 1;

pub(crate) struct Bell {
    pub(crate) descriptor: OwnedFd,
}

impl Bell {
    pub(crate) fn new() -> Result<Self, Error> {
        match eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK) {
            Ok(descriptor) => Ok(Bell { descriptor }),
            Err(error) => Err(Error::system("making the descriptor of a queue", error.into())),
        }
    }

    pub(crate) fn ring(&self) {
        // It fails only where the counter is full: then it is readable already.
        let _ = rustix::io::write(&self.descriptor, &1u64.to_ne_bytes());
    }

    pub(crate) fn clear(&self) {
        // It fails only where nothing has rung.
        let _ = rustix::io::read(&self.descriptor, &mut [0; 8]);
    }

    pub(crate) fn descriptor(&self) -> i32 {
        self.descriptor.as_raw_fd()
    }
}
