//! Linux and macOS.

use rustix::time::{clock_gettime, ClockId};
use std::time::Duration;

/// RAM in bytes, where the system tells.
pub(crate) fn memory() -> Option<u64> {
    #[cfg(target_os = "linux")]
    {
        let info = std::fs::read_to_string("/proc/meminfo").ok()?;
        let line = info.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kib.saturating_mul(1024))
    }
    #[cfg(not(target_os = "linux"))]
    {
        // SAFETY: the call takes and answers numbers only.
        let (pages, size) = unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
        Some(u64::try_from(pages).ok()?.saturating_mul(u64::try_from(size).ok()?))
    }
}

/// The processor's time that the process has used so far, on all of its threads.
pub(crate) fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

/// Whom files belong to that this process makes.
pub(crate) fn ids() -> (u32, u32) {
    (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw())
}

/// Who runs this program: a name, or the number where there is none.
pub(crate) fn user() -> String {
    let (uid, _) = ids();
    match crate::tree::OwnerNames::default().user(uid) {
        Some(name) => String::from_utf8_lossy(&name).into_owned(),
        None => uid.to_string(),
    }
}

/// The system's host name.
pub(crate) fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
