//! Reserved and committed pages.

use std::io;
use std::ptr::NonNull;

use windows_sys::Win32::System::Memory::{
    VirtualAlloc, VirtualFree, VirtualProtect, MEM_COMMIT, MEM_DECOMMIT, MEM_RELEASE, MEM_RESERVE, PAGE_NOACCESS,
    PAGE_READWRITE,
};

pub(super) fn map(capacity: usize) -> io::Result<NonNull<u8>> {
    // SAFETY: new pages at an address of the system's choice are no memory that is in use.
    let start = unsafe { VirtualAlloc(std::ptr::null(), capacity, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE) };
    NonNull::new(start.cast()).ok_or_else(io::Error::last_os_error)
}

/// # Safety
/// The region was mapped with this capacity, and nobody has a reference into it.
pub(super) unsafe fn cool(start: NonNull<u8>, capacity: usize) {
    // SAFETY: as above.
    unsafe { VirtualFree(start.as_ptr().cast(), capacity, MEM_DECOMMIT) };
}

/// Makes a region usable that was cooled.
///
/// # Safety
/// As for `cool`.
pub(super) unsafe fn warm(start: NonNull<u8>, capacity: usize) -> io::Result<()> {
    // Committed again, pages are zeros.
    // SAFETY: as above.
    match unsafe { VirtualAlloc(start.as_ptr().cast(), capacity, MEM_COMMIT, PAGE_READWRITE) }.is_null() {
        true => Err(io::Error::last_os_error()),
        false => Ok(()),
    }
}

/// # Safety
/// As for `cool`, where access is taken away.
pub(super) unsafe fn protect(start: NonNull<u8>, capacity: usize, accessible: bool) {
    let access = if accessible { PAGE_READWRITE } else { PAGE_NOACCESS };
    let mut before = 0;
    // SAFETY: as above.
    unsafe { VirtualProtect(start.as_ptr().cast(), capacity, access, &mut before) };
}

/// # Safety
/// The region was mapped with this capacity, and nobody uses it any more.
pub(super) unsafe fn unmap(start: NonNull<u8>, _capacity: usize) {
    // SAFETY: as above. A release takes all that was reserved together.
    unsafe { VirtualFree(start.as_ptr().cast(), 0, MEM_RELEASE) };
}
