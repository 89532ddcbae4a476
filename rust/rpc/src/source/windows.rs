//! Handles of files and pipes. Sockets cannot be looked at as these can: they are refused.

use std::io::{Error as IoError, ErrorKind, Read as _};
use std::num::NonZeroUsize;
use std::os::windows::io::{AsRawHandle, BorrowedHandle, OwnedHandle, RawHandle};
use std::ptr::null_mut;
use std::time::Duration;

use windows_sys::Win32::Foundation::{ERROR_BROKEN_PIPE, ERROR_INVALID_HANDLE};
use windows_sys::Win32::Storage::FileSystem::{GetFileType, FILE_TYPE_PIPE};
use windows_sys::Win32::System::Pipes::PeekNamedPipe;

use super::{Read, LOOK_MILLISECONDS};
use crate::error::Error;

pub(crate) struct Source {
    file: std::fs::File,
    is_pipe: bool,
}

impl Source {
    /// A handle of its own for what the caller's stands for.
    pub(crate) fn duplicate(handle: i32) -> Result<Source, Error> {
        // Handles have 32 bits, and are extended by their sign.
        let handle = handle as isize as RawHandle;
        let failed = |error| Error::system("reading from the handle", error);
        if handle.is_null() || handle as isize == -1 {
            return Err(failed(IoError::from_raw_os_error(ERROR_INVALID_HANDLE as i32)));
        }
        // SAFETY: the handle is borrowed for one call; one that is none makes an error of it.
        let copy: OwnedHandle = unsafe { BorrowedHandle::borrow_raw(handle) }.try_clone_to_owned().map_err(failed)?;
        // SAFETY: the handle is open.
        let is_pipe = unsafe { GetFileType(copy.as_raw_handle()) } == FILE_TYPE_PIPE;
        Ok(Source { file: copy.into(), is_pipe })
    }

    /// Reads once, into room that is not empty.
    pub(crate) fn read(&self, room: &mut [u8]) -> Result<Read, Error> {
        if self.is_pipe {
            let mut there = 0;
            let pipe = self.file.as_raw_handle();
            // SAFETY: the handle is open, and the number outlives the call.
            if unsafe { PeekNamedPipe(pipe, null_mut(), 0, null_mut(), &mut there, null_mut()) } == 0 {
                return match IoError::last_os_error() {
                    error if error.raw_os_error() == Some(ERROR_BROKEN_PIPE as i32) => Ok(Read::End),
                    error => Err(Error::system("waiting for the handle", error)),
                };
            }
            if there == 0 {
                std::thread::sleep(Duration::from_millis(LOOK_MILLISECONDS.into()));
                return Ok(Read::NotYet);
            }
        }
        match (&self.file).read(room) {
            Ok(read) => Ok(NonZeroUsize::new(read).map_or(Read::End, Read::Some)),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(Read::NotYet),
            Err(error) => Err(Error::system("reading from the handle", error)),
        }
    }
}
