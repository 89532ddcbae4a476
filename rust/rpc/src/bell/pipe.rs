//! Unix without eventfd: a pipe. Callers wait for its end for reading.

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{fcntl_getfl, fcntl_setfl, OFlags};

use crate::error::Error;

/// `SR_WAKE_PIPE`.
pub(crate) const KIND: u32 = 2;

pub(crate) struct Bell {
    pub(crate) descriptor: OwnedFd,
    ringer: PipeWriter,
}

impl Bell {
    pub(crate) fn new() -> Result<Self, Error> {
        let make = || {
            let (reader, ringer) = std::io::pipe()?;
            let descriptor = OwnedFd::from(reader);
            fcntl_setfl(&descriptor, fcntl_getfl(&descriptor)? | OFlags::NONBLOCK)?;
            fcntl_setfl(&ringer, fcntl_getfl(&ringer)? | OFlags::NONBLOCK)?;
            Ok(Bell { descriptor, ringer })
        };
        make().map_err(|error: std::io::Error| Error::system("making the pipe of a queue", error))
    }

    pub(crate) fn ring(&self) {
        // It fails only where the pipe is full: then it is readable already.
        let _ = (&self.ringer).write(&[1]);
    }

    pub(crate) fn clear(&self) {
        let mut reader = match self.descriptor.try_clone() {
            Ok(copy) => PipeReader::from(copy),
            Err(_) => return,
        };
        // Until nothing is left that has rung.
        while matches!(reader.read(&mut [0; 64]), Ok(64)) {}
    }

    pub(crate) fn descriptor(&self) -> i32 {
        self.descriptor.as_raw_fd()
    }
}
