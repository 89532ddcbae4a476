//! Systems other than Linux: everything goes by way of the page cache.

use super::Look;
use std::fs::File;
use std::io;

/// Has a file go past the page cache from now on. `false`: that cannot be done, and nothing changes.
pub(crate) fn engage(_file: &File) -> bool {
    false
}

pub(super) fn with_pages<T>(_file: &File, mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    act()
}

/// Reads a range if all of it is in the page cache.
pub(super) fn look(_file: &File, _room: &mut [u8], _offset: u64) -> Look {
    Look::Unknown
}

/// Finds room for a part of a file. `false`: that is done only when it is written to.
pub(crate) fn find_room(_file: &File, _offset: u64, _length: u64) -> io::Result<bool> {
    Ok(false)
}

/// A hint that a file is read from its beginning to its end.
pub(crate) fn will_read_on(_file: &File) {}
