//! Windows.

use std::time::Duration;
use windows_sys::Win32::Foundation::FILETIME;
use windows_sys::Win32::System::SystemInformation::{
    ComputerNameDnsHostname, GetComputerNameExW, GlobalMemoryStatusEx, MEMORYSTATUSEX,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, GetProcessTimes};
use windows_sys::Win32::System::WindowsProgramming::GetUserNameW;

/// RAM in bytes, where the system tells.
pub(crate) fn memory() -> Option<u64> {
    let mut status = MEMORYSTATUSEX { dwLength: size_of::<MEMORYSTATUSEX>() as u32, ..Default::default() };
    // SAFETY: the record has the length that it says.
    let told = unsafe { GlobalMemoryStatusEx(&mut status) } != 0;
    told.then_some(status.ullTotalPhys)
}

/// The processor's time that the process has used so far, on all of its threads.
pub(crate) fn processor_time() -> Duration {
    let [mut made, mut ended, mut kernel, mut user] = [FILETIME::default(); 4];
    // SAFETY: all four outlive the call.
    unsafe { GetProcessTimes(GetCurrentProcess(), &mut made, &mut ended, &mut kernel, &mut user) };
    let ticks = |time: FILETIME| u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime);
    // A tick is 100 ns.
    Duration::from_nanos((ticks(kernel) + ticks(user)).saturating_mul(100))
}

/// Whom files belong to that this process makes: Windows has no numbers for that.
pub(crate) fn ids() -> (u32, u32) {
    (0, 0)
}

/// Who runs this program.
pub(crate) fn user() -> String {
    let mut name = [0; 257];
    let mut length = name.len() as u32;
    // SAFETY: the buffer has as many units as the call is told.
    match unsafe { GetUserNameW(name.as_mut_ptr(), &mut length) } {
        0 => String::new(),
        // The zero at the end is counted.
        _ => String::from_utf16_lossy(&name[..(length as usize).saturating_sub(1)]),
    }
}

/// The system's host name.
pub(crate) fn host() -> String {
    let mut name = [0; 256];
    let mut length = name.len() as u32;
    // SAFETY: the buffer has as many units as the call is told.
    match unsafe { GetComputerNameExW(ComputerNameDnsHostname, name.as_mut_ptr(), &mut length) } {
        0 => String::new(),
        _ => String::from_utf16_lossy(&name[..length as usize]),
    }
}
