//! Linux: `O_DIRECT`, where the file system has it.

use super::Look;
use rustix::fs::{fadvise, fallocate, fcntl_getfl, fcntl_setfl, Advice, FallocateFlags, OFlags};
use rustix::io::{preadv2, Errno, ReadWriteFlags};
use std::fs::File;
use std::io::{self, IoSliceMut};

/// Has a file go past the page cache from now on. `false`: its file system cannot do that, and nothing changes.
pub(crate) fn engage(file: &File) -> bool {
    fcntl_getfl(file).and_then(|flags| fcntl_setfl(file, flags | OFlags::DIRECT)).is_ok()
}

/// Does something with whole pages of a file. A file system that has other rules says so by an error, and gets it by way of
/// the page cache.
pub(super) fn with_pages<T>(file: &File, mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    match act() {
        Err(error) if error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => {
            let flags = fcntl_getfl(file)?;
            if !flags.contains(OFlags::DIRECT) {
                return Err(error);
            }
            fcntl_setfl(file, flags.difference(OFlags::DIRECT))?;
            act()
        }
        done => done,
    }
}

/// Reads a range if all of it is in the page cache.
pub(super) fn look(file: &File, room: &mut [u8], offset: u64) -> Look {
    let length = room.len();
    match preadv2(file, &mut [IoSliceMut::new(room)], offset, ReadWriteFlags::NOWAIT) {
        Ok(read) if read == length => Look::All,
        Ok(_) | Err(Errno::AGAIN) => Look::NotAll,
        Err(_) => Look::Unknown,
    }
}

/// Finds room for a part of a file, so that a full disk shows before anything is written. `false`: its file system finds room only when
/// it is written to.
pub(crate) fn find_room(file: &File, offset: u64, length: u64) -> io::Result<bool> {
    match fallocate(file, FallocateFlags::empty(), offset, length) {
        Ok(()) => Ok(true),
        Err(Errno::OPNOTSUPP) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A hint that a file is read from its beginning to its end; what the system makes of it is its business.
pub(crate) fn will_read_on(file: &File) {
    let _ = fadvise(file, 0, None, Advice::Sequential);
}
