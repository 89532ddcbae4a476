//! A finer clock than tokio's, whose timers end with whole milliseconds: there, one that is to take a millisecond takes two.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::{Condvar, Mutex, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::oneshot::{channel, Sender};

#[derive(Default)]
struct Clock {
    alarms: Mutex<BinaryHeap<Alarm>>,
    earlier: Condvar,
}

struct Alarm {
    at: Instant,
    ring: Sender<()>,
}

/// The earliest is the greatest, which a heap gives first.
impl Ord for Alarm {
    fn cmp(&self, other: &Self) -> Ordering {
        other.at.cmp(&self.at)
    }
}

impl PartialOrd for Alarm {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Alarm {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Alarm {}

fn clock() -> &'static Clock {
    static CLOCK: OnceLock<&Clock> = OnceLock::new();
    CLOCK.get_or_init(|| {
        let clock: &Clock = Box::leak(Box::default());
        let thread = std::thread::Builder::new().name("clock".to_owned());
        thread.spawn(|| clock.run()).expect("the threads of a benchmark start");
        clock
    })
}

impl Clock {
    fn run(&self) {
        let mut due = Vec::new();
        let mut alarms = self.alarms.lock().expect("nobody panics with the alarms");
        loop {
            let now = Instant::now();
            while alarms.peek().is_some_and(|alarm| alarm.at <= now) {
                due.extend(alarms.pop());
            }
            if !due.is_empty() {
                drop(alarms);
                for Alarm { ring, .. } in due.drain(..) {
                    // Who waited may be gone.
                    let _ = ring.send(());
                }
                alarms = self.alarms.lock().expect("nobody panics with the alarms");
                continue;
            }
            let wait = alarms.peek().map_or(Duration::MAX, |next| next.at - now);
            (alarms, _) = self.earlier.wait_timeout(alarms, wait).expect("nobody panics with the alarms");
        }
    }
}

/// Waits for so long.
pub async fn sleep(duration: Duration) {
    let at = Instant::now() + duration;
    let (ring, rung) = channel();
    let clock = clock();
    let first = {
        let mut alarms = clock.alarms.lock().expect("nobody panics with the alarms");
        let first = alarms.peek().is_none_or(|next| at < next.at);
        alarms.push(Alarm { at, ring });
        first
    };
    if first {
        clock.earlier.notify_one();
    }
    // The clock rings every alarm.
    let _ = rung.await;
}
