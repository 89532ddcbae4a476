//! Anonymous mappings.

use std::io;
use std::ptr::NonNull;

fn anonymous(at: *mut libc::c_void, capacity: usize, flags: libc::c_int) -> io::Result<NonNull<u8>> {
    // SAFETY: without `MAP_FIXED`, an anonymous mapping is at an address of the kernel's choice and touches no memory that is in
    // use; `cool` passes it with a region that is its caller's.
    let start = unsafe {
        libc::mmap(
            at,
            capacity,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | flags,
            -1,
            0,
        )
    };
    match NonNull::new(start.cast::<u8>()) {
        Some(start) if start.as_ptr() != libc::MAP_FAILED.cast() => Ok(start),
        _ => Err(io::Error::last_os_error()),
    }
}

pub(super) fn map(capacity: usize) -> io::Result<NonNull<u8>> {
    anonymous(std::ptr::null_mut(), capacity, 0)
}

/// # Safety
/// The region was mapped with this capacity, and nobody has a reference into it.
pub(super) unsafe fn cool(start: NonNull<u8>, capacity: usize) {
    if cfg!(target_os = "linux") {
        // SAFETY: as above.
        unsafe { libc::madvise(start.as_ptr().cast(), capacity, libc::MADV_DONTNEED) };
    } else {
        // Only Linux promises zeros after `MADV_DONTNEED`; a new mapping in the place of the old one has them everywhere. Where it
        // is refused, the old one stays, and its pages with it.
        let _ = anonymous(start.as_ptr().cast(), capacity, libc::MAP_FIXED);
    }
}

/// Makes a region usable that was cooled.
///
/// # Safety
/// As for `cool`.
pub(super) unsafe fn warm(_start: NonNull<u8>, _capacity: usize) -> io::Result<()> {
    // Its pages come with their first use.
    Ok(())
}

/// # Safety
/// As for `cool`, where access is taken away.
pub(super) unsafe fn protect(start: NonNull<u8>, capacity: usize, accessible: bool) {
    let access = if accessible { libc::PROT_READ | libc::PROT_WRITE } else { libc::PROT_NONE };
    // SAFETY: as above.
    unsafe { libc::mprotect(start.as_ptr().cast(), capacity, access) };
}

/// # Safety
/// The region was mapped with this capacity, and nobody uses it any more.
pub(super) unsafe fn unmap(start: NonNull<u8>, capacity: usize) {
    // SAFETY: as above.
    unsafe { libc::munmap(start.as_ptr().cast(), capacity) };
}
