//! Committed pages.

use std::io;
use std::ptr::{self, NonNull};
use windows_sys::Win32::System::Memory::{
    VirtualAlloc, VirtualFree, MEM_COMMIT, MEM_RELEASE, MEM_RESERVE, PAGE_READWRITE,
};

pub(crate) fn map(length: usize) -> io::Result<NonNull<u8>> {
    // SAFETY: no address is asked for, so nothing that is there already is touched.
    let start = unsafe { VirtualAlloc(ptr::null(), length, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE) };
    NonNull::new(start.cast()).ok_or_else(io::Error::last_os_error)
}

/// # Safety
/// It was mapped with this length, and nobody uses it any more.
pub(crate) unsafe fn unmap(start: NonNull<u8>, _length: usize) {
    // SAFETY: as above. A release takes all that was reserved together.
    unsafe { VirtualFree(start.as_ptr().cast(), 0, MEM_RELEASE) };
}
