//! Points in time, and spans of it.

use std::time::{Duration, SystemTime};

use crate::error::Error;

pub(crate) const BILLION: u32 = 1_000_000_000;

/// A point in time: seconds since the beginning of 1970 (UTC), and nanoseconds after them. It reaches as far as a
/// [`SystemTime`] does on Linux, and further than on other systems.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Negative before 1970.
    pub seconds: i64,
    /// Less than a billion; they count forwards also before 1970.
    pub nanos: u32,
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => {
                let seconds = i64::try_from(after.as_secs()).unwrap_or(i64::MAX);
                Timestamp { seconds, nanos: after.subsec_nanos() }
            }
            Err(error) => {
                let before = error.duration();
                match before.subsec_nanos() {
                    0 => Timestamp { seconds: 0i64.saturating_sub_unsigned(before.as_secs()), nanos: 0 },
                    nanos => {
                        Timestamp { seconds: (-1i64).saturating_sub_unsigned(before.as_secs()), nanos: BILLION - nanos }
                    }
                }
            }
        }
    }
}

impl TryFrom<Timestamp> for SystemTime {
    type Error = Error;

    fn try_from(time: Timestamp) -> Result<Self, Error> {
        let whole = Duration::from_secs(time.seconds.unsigned_abs());
        let second = match time.seconds {
            0.. => SystemTime::UNIX_EPOCH.checked_add(whole),
            _ => SystemTime::UNIX_EPOCH.checked_sub(whole),
        };
        second.and_then(|second| second.checked_add(Duration::from_nanos(time.nanos.into()))).ok_or_else(|| {
            Error::System(format!("the system's clock does not reach {} seconds from 1970", time.seconds))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn system_times_come_back(seconds in -1i64 << 40..1 << 40, nanos in 0..BILLION) {
            let time = Timestamp { seconds, nanos };
            let system = SystemTime::try_from(time).expect("is in reach");
            prop_assert_eq!(Timestamp::from(system), time);
        }

        #[test]
        fn their_order_is_that_of_system_times(a in -3i64..3, b in -3i64..3, n in 0..BILLION, m in 0..BILLION) {
            let (first, second) = (Timestamp { seconds: a, nanos: n }, Timestamp { seconds: b, nanos: m });
            let system = |time| SystemTime::try_from(time).expect("is in reach");
            prop_assert_eq!(first.cmp(&second), system(first).cmp(&system(second)));
        }
    }

    #[test]
    fn the_last_moments_are_in_reach_of_some_clocks() {
        for seconds in [i64::MIN, i64::MAX] {
            let far = Timestamp { seconds, nanos: 5 };
            assert!(
                SystemTime::try_from(far).is_ok_and(|time| Timestamp::from(time) == far)
                    || cfg!(not(target_os = "linux"))
            );
        }
    }
}
