//! Anonymous mappings, in large pages where the system has them: with small ones, the first write to each costs more than all that is
//! later done with the bytes.

use rustix::mm::{mmap_anonymous, munmap, MapFlags, ProtFlags};
use std::io;
use std::ptr::{self, NonNull};

pub(crate) fn map(length: usize) -> io::Result<NonNull<u8>> {
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: no address is asked for, so nothing that is there already is touched.
    let start = unsafe { mmap_anonymous(ptr::null_mut(), length, access, MapFlags::PRIVATE) }?;
    // SAFETY: the range is the one that was just mapped; the advice changes no content. A system without large pages
    // refuses it, and nothing is lost.
    #[cfg(target_os = "linux")]
    let _ = unsafe { rustix::mm::madvise(start, length, rustix::mm::Advice::LinuxHugepage) };
    NonNull::new(start.cast()).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}

/// # Safety
/// It was mapped with this length, and nobody uses it any more.
pub(crate) unsafe fn unmap(start: NonNull<u8>, length: usize) {
    // SAFETY: as above.
    let _ = unsafe { munmap(start.as_ptr().cast(), length) };
}
