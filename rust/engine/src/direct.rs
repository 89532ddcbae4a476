//! Input and output past the page cache.
//!
//! The page cache copies what is written into fresh pages and writes those back: on the machines that this was measured on,
//! a quarter of a disk's speed for several times the processor's time. Without it, the memory, the place in the file and the
//! length must all be multiples of a page.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod linux;

#[cfg(not(target_os = "linux"))]
use elsewhere as system;
#[cfg(target_os = "linux")]
use linux as system;

pub(crate) use system::{engage, find_room, will_read_on};

/// What of a range is in the page cache.
enum Look {
    /// All of it, and it was read.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "no other system tells"))]
    All,
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "no other system tells"))]
    NotAll,
    /// The file system cannot tell.
    Unknown,
}

/// What memory, places and lengths must be multiples of. Disks have blocks of 512 or 4096 bytes.
pub(crate) const PAGE: usize = 4096;

/// From here on a file is worth it.
pub(crate) const LARGE: usize = 1 << 20;

/// Writes all of it: whole pages, where the file goes past the page cache.
pub(crate) fn write_all_at(file: &File, data: &[u8], offset: u64) -> io::Result<()> {
    system::with_pages(file, || write_at(file, data, offset))
}

#[cfg(unix)]
fn write_at(file: &File, data: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, data, offset)
}

#[cfg(windows)]
fn write_at(file: &File, mut data: &[u8], mut offset: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    while !data.is_empty() {
        let written = file.seek_write(data, offset)?;
        data = &data[written..];
        offset += written as u64;
    }
    Ok(())
}

/// Reads once.
#[cfg(unix)]
fn read_once(file: &File, room: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, room, offset)
}

/// Reads once.
#[cfg(windows)]
fn read_once(file: &File, room: &mut [u8], offset: u64) -> io::Result<usize> {
    match std::os::windows::fs::FileExt::seek_read(file, room, offset) {
        // Beyond its end.
        Err(error) if error.raw_os_error() == Some(windows_sys::Win32::Foundation::ERROR_HANDLE_EOF as i32) => Ok(0),
        read => read,
    }
}

#[derive(Clone, Copy)]
#[repr(C, align(4096))]
pub(crate) struct Page(pub [u8; PAGE]);

impl Page {
    pub const EMPTY: Page = Page([0; PAGE]);
}

/// Bytes that begin at a page, in room that only grows: made once and used again.
#[derive(Default)]
pub struct PageBuffer {
    pages: Vec<Page>,
}

impl PageBuffer {
    /// At least so many bytes, with whatever they were used for before.
    pub fn room(&mut self, bytes: usize) -> &mut [u8] {
        let pages = bytes.div_ceil(PAGE);
        if self.pages.len() < pages {
            self.pages.resize(pages, Page::EMPTY);
        }
        self.bytes_mut()
    }

    pub fn bytes(&self) -> &[u8] {
        let pages: *const Page = self.pages.as_ptr();
        // SAFETY: pages are arrays of bytes without gaps, and the slice is borrowed as long as they are.
        unsafe { std::slice::from_raw_parts(pages.cast(), self.pages.len() * PAGE) }
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let pages: *mut Page = self.pages.as_mut_ptr();
        // SAFETY: as above, and borrowed alone.
        unsafe { std::slice::from_raw_parts_mut(pages.cast(), self.pages.len() * PAGE) }
    }

    /// A part of it, for as long as anyone has it.
    pub fn share(self, range: Range<usize>) -> bytes::Bytes {
        bytes::Bytes::from_owner(self).slice(range)
    }
}

impl AsRef<[u8]> for PageBuffer {
    fn as_ref(&self) -> &[u8] {
        self.bytes()
    }
}

/// Reads a range of a file: from the page cache where all of it is there, and past it otherwise, where the file system can do
/// that. Answers where in the buffer the bytes are: fewer than were asked for where the file ends before.
pub(crate) fn read(path: &Path, range: Range<u64>, into: &mut PageBuffer) -> io::Result<Range<usize>> {
    let length = usize::try_from(range.end.saturating_sub(range.start)).map_err(io::Error::other)?;
    let file = File::open(path)?;
    if length >= LARGE / 4 {
        let room = &mut into.room(length)[..length];
        match system::look(&file, room, range.start) {
            Look::All => return Ok(0..length),
            Look::NotAll if engage(&file) => return read_pages(&file, &range, into),
            _ => {}
        }
    }
    let room = &mut into.room(length)[..length];
    Ok(0..read_at(&file, room, range.start)?)
}

/// Fills the buffer as far as the file reaches.
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    fill(buffer, |part, done| read_once(file, part, offset + done))
}

/// Fills the buffer.
///
/// # Errors
/// Also where the file ends before.
pub(crate) fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    match read_at(file, buffer, offset)? == buffer.len() {
        true => Ok(()),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// The pages around a range.
fn read_pages(file: &File, range: &Range<u64>, into: &mut PageBuffer) -> io::Result<Range<usize>> {
    let page = PAGE as u64;
    let first = range.start / page * page;
    let length = (range.end.next_multiple_of(page) - first) as usize;
    let room = &mut into.room(length)[..length];
    let found = fill(room, |part, done| match done.is_multiple_of(page) {
        true => read_page_at(file, part, first + done),
        // Only the end of the file is no whole page.
        false => Ok(0),
    })?;
    let start = (range.start - first) as usize;
    let end = (range.end - first) as usize;
    Ok(start.min(found)..end.min(found))
}

/// Reads whole pages; fewer, and not whole ones, where the file ends.
pub(crate) fn read_page_at(file: &File, pages: &mut [u8], offset: u64) -> io::Result<usize> {
    system::with_pages(file, || read_once(file, pages, offset))
}

/// Calls `read` with what is left of the room until that is full or nothing more comes.
fn fill(room: &mut [u8], mut read: impl FnMut(&mut [u8], u64) -> io::Result<usize>) -> io::Result<usize> {
    let mut done = 0;
    while done < room.len() {
        match read(&mut room[done..], done as u64) {
            Ok(0) => break,
            Ok(length) => done += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_range_is_read_from_the_cache_and_past_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let data: Vec<u8> = (0..3 * LARGE + 1234).map(|n| (n * n / 251) as u8).collect();
        std::fs::write(&path, &data).unwrap();
        let end = data.len() as u64;
        let mut buffer = PageBuffer::default();
        for cached in [true, false] {
            for range in [0..end, 0..1, 1..end - 1, 4096..8192, 5000..5000, 1234..LARGE as u64 + 4321, end - 9..end + 9]
            {
                if !cached {
                    let file = File::open(&path).unwrap();
                    file.sync_all().unwrap();
                    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
                }
                let found = read(&path, range.clone(), &mut buffer).unwrap();
                let expected = &data[range.start as usize..data.len().min(range.end as usize)];
                assert_eq!(&buffer.bytes()[found], expected, "{range:?}");
            }
        }
        assert_eq!(read(&path, end..end + 4096, &mut buffer).unwrap().len(), 0);
        assert!(read(&folder.path().join("none"), 0..1, &mut buffer).is_err());
    }

    #[test]
    fn a_shared_part_outlives_its_buffer() {
        let mut buffer = PageBuffer::default();
        buffer.room(5000)[..4].copy_from_slice(b"abcd");
        assert_eq!(buffer.bytes().as_ptr().addr() % PAGE, 0);
        assert_eq!(&buffer.share(1..3)[..], b"bc");
    }
}
