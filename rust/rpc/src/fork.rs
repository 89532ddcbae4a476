//! Processes that were forked from one that had used the library. Threads do not survive a fork, and locks that one of them
//! held stay locked, so nothing of the library is entered there: every function says so instead.

use std::sync::atomic::{AtomicU32, Ordering};
#[cfg(unix)]
use std::sync::OnceLock;

use crate::error::Error;

/// How often this process has come out of a fork since `watch` was first called in an ancestor.
static FORKS: AtomicU32 = AtomicU32::new(0);

#[cfg(unix)]
extern "C" fn count() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// Whether this process has what another one left behind. It must be asked before any lock is taken.
pub(crate) fn is_child() -> bool {
    FORKS.load(Ordering::Relaxed) != 0
}

/// Counts forks from now on. Called before the library starts a thread.
#[cfg(unix)]
pub(crate) fn watch() -> Result<(), Error> {
    static WATCHED: OnceLock<i32> = OnceLock::new();
    // SAFETY: what is called in the child only adds to an atomic number, which may be done there.
    match WATCHED.get_or_init(|| unsafe { libc::pthread_atfork(None, None, Some(count)) }) {
        0 => Ok(()),
        code => Err(Error::system("watching for forks", std::io::Error::from_raw_os_error(*code))),
    }
}

/// Windows starts every process afresh.
#[cfg(windows)]
pub(crate) fn watch() -> Result<(), Error> {
    Ok(())
}
