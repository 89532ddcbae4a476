//! Descriptors.

use std::io::{Error as IoError, ErrorKind};
use std::num::NonZeroUsize;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::{Read, LOOK_MILLISECONDS};
use crate::error::Error;

pub(crate) struct Source(OwnedFd);

impl Source {
    /// A descriptor of its own for what the caller's number stands for.
    pub(crate) fn duplicate(descriptor: i32) -> Result<Source, Error> {
        // SAFETY: the call takes numbers only; one that is no descriptor makes an error.
        let copy = unsafe { libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, 0) };
        if copy < 0 {
            return Err(Error::system("reading from the descriptor", IoError::last_os_error()));
        }
        // SAFETY: the descriptor was just made, and nobody else has it.
        let copy = unsafe { OwnedFd::from_raw_fd(copy) };
        // The end of a pipe that is for writing never becomes readable, so the wait for it would go on for ever.
        // SAFETY: the call reads the flags of a descriptor that is open.
        let flags = unsafe { libc::fcntl(copy.as_raw_fd(), libc::F_GETFL) };
        if flags >= 0 && flags & libc::O_ACCMODE == libc::O_WRONLY {
            return Err(Error::system("reading from the descriptor", IoError::from_raw_os_error(libc::EBADF)));
        }
        Ok(Source(copy))
    }

    /// Reads once, into room that is not empty.
    pub(crate) fn read(&self, room: &mut [u8]) -> Result<Read, Error> {
        let descriptor = self.0.as_raw_fd();
        let mut wait = libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 };
        // SAFETY: `wait` is one pollfd, as the count says. A descriptor that is none makes an error.
        match unsafe { libc::poll(&mut wait, 1, LOOK_MILLISECONDS.into()) } {
            0 => return Ok(Read::NotYet),
            ready if ready > 0 => {}
            _ => match IoError::last_os_error() {
                // A signal: a read would wait, and look at no cancellation.
                error if error.kind() == ErrorKind::Interrupted => return Ok(Read::NotYet),
                error => return Err(Error::system("waiting for the descriptor", error)),
            },
        }
        // SAFETY: the kernel writes at most `room.len()` bytes into `room`, which is borrowed for that.
        match unsafe { libc::read(descriptor, room.as_mut_ptr().cast(), room.len()) } {
            read if read >= 0 => Ok(NonZeroUsize::new(read as usize).map_or(Read::End, Read::Some)),
            _ => match IoError::last_os_error() {
                error if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => Ok(Read::NotYet),
                error => Err(Error::system("reading from the descriptor", error)),
            },
        }
    }
}
