//! Callers that push, and pullers that search, sleep and wake each other. A call that is forgotten leaves its caller
//! waiting for ever, which loom reports as a deadlock.

use std::sync::Arc;

use loom::thread::{spawn, JoinHandle};

use super::*;
use crate::sync::model;

/// The clock of a model goes on by so much whenever somebody looks at it.
const TICKS: [Duration; 2] = [
    // Calls are short, and no puller stays away for long.
    Duration::from_nanos(1100),
    // Calls are long, and so is every absence.
    Duration::from_millis(1),
];

/// A backlog, and what its pullers have started.
struct Work {
    backlog: Backlog<u64>,
    started: Mutex<Vec<u64>>,
    more: Condvar,
}

impl Work {
    fn new(pullers: usize) -> (Arc<Self>, Vec<JoinHandle<()>>) {
        let work =
            Arc::new(Work { backlog: Backlog::new(pullers), started: Mutex::new(Vec::new()), more: Condvar::new() });
        let puller = |_| {
            let work = work.clone();
            spawn(move || {
                work.backlog.pull(|taken| {
                    work.started.lock().extend(taken.iter());
                    work.more.notify_all();
                });
            })
        };
        let pullers = (0..pullers).map(puller).collect();
        (work, pullers)
    }

    /// Waits until so many calls were started.
    fn wait(&self, count: usize) {
        let mut started = self.started.lock();
        while started.len() < count {
            self.more.wait(&mut started);
        }
    }

    /// Ends the pullers; answers what was started.
    fn end(&self, pullers: Vec<JoinHandle<()>>) -> Vec<u64> {
        self.backlog.close();
        pullers.into_iter().for_each(|puller| puller.join().expect("does not panic"));
        let mut started = self.started.lock().clone();
        started.sort_unstable();
        started
    }
}

fn with_each_clock(body: impl Fn() + Send + Sync + Copy + 'static) {
    for tick in TICKS {
        model(move || {
            Instant::start(tick);
            body();
        });
    }
}

/// One caller, who waits for each answer before the next call: pullers go to sleep in between.
#[test]
fn no_call_is_forgotten() {
    with_each_clock(|| {
        let (work, pullers) = Work::new(1);
        work.backlog.push(vec![1]);
        work.wait(1);
        work.backlog.push(vec![2]);
        work.wait(2);
        assert_eq!(work.end(pullers), [1, 2]);
    });
}

#[test]
fn no_call_is_forgotten_between_two_pullers() {
    with_each_clock(|| {
        let (work, pullers) = Work::new(2);
        work.backlog.push(vec![1, 2]);
        work.wait(2);
        assert_eq!(work.end(pullers), [1, 2]);
    });
}

/// Two callers at once.
#[test]
fn no_call_is_forgotten_between_two_callers() {
    with_each_clock(|| {
        let (work, pullers) = Work::new(1);
        let other = {
            let work = work.clone();
            spawn(move || work.backlog.push(vec![1]))
        };
        work.backlog.push(vec![2]);
        work.wait(2);
        other.join().expect("does not panic");
        assert_eq!(work.end(pullers), [1, 2]);
    });
}

/// Calls that are there when the backlog closes are started, and pullers that sleep wake up.
#[test]
fn closing_ends_pullers_after_the_last_call() {
    with_each_clock(|| {
        let (work, pullers) = Work::new(2);
        work.backlog.push(vec![1]);
        assert_eq!(work.end(pullers), [1]);
    });
}

/// A call that waits for the next one: the puller that sleeps, or is about to, starts that one, where the first has been
/// away for long.
#[test]
fn a_call_that_blocks_does_not_hold_up_the_next() {
    model(|| {
        Instant::start(Duration::from_millis(1));
        let backlog = Arc::new(Backlog::new(2));
        let stage = Arc::new((Mutex::new(0), Condvar::new()));
        let reach = |stage: &(Mutex<u64>, Condvar), number| {
            *stage.0.lock() = number;
            stage.1.notify_all();
        };
        let wait = |stage: &(Mutex<u64>, Condvar), number| {
            let mut now = stage.0.lock();
            while *now < number {
                stage.1.wait(&mut now);
            }
        };
        let puller = |_| {
            let (backlog, stage) = (backlog.clone(), stage.clone());
            spawn(move || {
                backlog.pull(|taken| {
                    for call in taken {
                        reach(&stage, *call);
                        wait(&stage, 2);
                    }
                });
            })
        };
        let pullers: Vec<_> = (0..2).map(puller).collect();
        backlog.push(vec![1]);
        wait(&stage, 1);
        backlog.push(vec![2]);
        wait(&stage, 2);
        backlog.close();
        pullers.into_iter().for_each(|puller| puller.join().expect("does not panic"));
    });
}
