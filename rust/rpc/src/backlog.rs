//! Calls that were submitted, and the threads that start them.
//!
//! A puller takes calls from the backlog and polls each once; most are over then, and the others become tasks of the
//! runtime. A wake-up costs as much as dozens of small calls, so as few as possible are made:
//!
//! - A puller that finds nothing searches on for a moment before it sleeps, where calls come so fast that this pays. One
//!   searches at a time, and while one does, nobody is woken.
//! - Where calls have been short of late, a puller takes many at once, and is left to take what comes while it is awake.
//!   Only where it stays away for long, or many wait, is another one woken, by who adds a call or by a poller that finds
//!   nothing.
//! - Where calls have been long, pullers share them evenly, and who finds more than its share wakes another one.
//!
//! So small calls do not take turns on all cores, and a call that keeps its puller busy holds up the few beside it, which
//! is why methods that block or compute for long do it elsewhere ([`Context::blocking`](crate::Context::blocking)).
//!
//! No call is forgotten: who adds to the backlog looks afterwards at who is awake, and who goes to sleep looks afterwards
//! at the backlog. Both are sequentially consistent.

use std::collections::VecDeque;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;

use crate::sync::{looks, spin_loop, AtomicBool, AtomicU64, AtomicUsize, Condvar, Instant, Mutex};

/// Calls that a puller takes at once, at most. Their answers are shown together.
const MOST: usize = 32;

/// So many calls are too many for one puller.
const MANY: usize = 8 * MOST;

/// How long a puller searches before it sleeps, at least and at most.
const LEAST_SEARCH: Duration = Duration::from_micros(1);
const MOST_SEARCH: Duration = Duration::from_micros(30);

/// Where a sleep ends sooner than this, searching would have been cheaper.
const NAP: Duration = Duration::from_micros(100);

/// Calls are short where they take less than this to start, on average of about the last eight rounds.
const SHORT: Duration = Duration::from_micros(2);

/// A puller that has not come back for so long may be busy with a long call.
const AWAY: Duration = Duration::from_micros(50);

pub(crate) struct Backlog<T> {
    calls: Mutex<VecDeque<T>>,
    length: AtomicUsize,
    pullers: usize,
    awake: AtomicUsize,
    /// Whether a puller searches, or was woken to.
    searching: AtomicBool,
    /// Pullers that were woken and do not know it yet.
    woken: Mutex<usize>,
    bed: Condvar,
    closed: AtomicBool,
    epoch: Instant,
    /// When a puller last took calls, in nanoseconds of the epoch.
    taken: AtomicU64,
    /// Average nanoseconds that a call took.
    cost: AtomicU64,
}

impl<T> Backlog<T> {
    pub(crate) fn new(pullers: usize) -> Self {
        Backlog {
            calls: Mutex::new(VecDeque::new()),
            length: AtomicUsize::new(0),
            pullers,
            awake: AtomicUsize::new(pullers),
            searching: AtomicBool::new(false),
            woken: Mutex::new(0),
            bed: Condvar::new(),
            closed: AtomicBool::new(false),
            epoch: Instant::now(),
            taken: AtomicU64::new(0),
            cost: AtomicU64::new(0),
        }
    }

    /// Adds calls.
    pub(crate) fn push(&self, calls: Vec<T>) {
        {
            let mut waiting = self.calls.lock();
            // Under the lock: what is counted is there, so that nobody looks for it in vain, again and again.
            self.length.fetch_add(calls.len(), SeqCst);
            waiting.extend(calls);
        }
        self.rouse();
    }

    /// Wakes a puller where there is something to do for it and nobody who is about to do it.
    pub(crate) fn rouse(&self) {
        let (awake, length) = (self.awake.load(SeqCst), self.length.load(SeqCst));
        if length > 0
            && awake < self.pullers
            && !self.searching.load(SeqCst)
            && (awake == 0 || length > MANY || !self.is_short() || self.is_away())
            && self.searching.compare_exchange(false, true, SeqCst, SeqCst).is_ok()
        {
            self.wake();
        }
    }

    fn now(&self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }

    fn is_away(&self) -> bool {
        self.now().saturating_sub(self.taken.load(Relaxed)) > AWAY.as_nanos() as u64
    }

    /// Whether calls have been short of late.
    pub(crate) fn is_short(&self) -> bool {
        self.cost.load(Relaxed) < SHORT.as_nanos() as u64
    }

    fn wake(&self) {
        *self.woken.lock() += 1;
        self.bed.notify_one();
    }

    /// Ends the pullers, each when it finds nothing left to take.
    pub(crate) fn close(&self) {
        self.closed.store(true, SeqCst);
        (0..self.pullers).for_each(|_| self.wake());
    }

    /// Takes calls and gives them to `run`, until the backlog is closed.
    pub(crate) fn pull(&self, mut run: impl FnMut(&mut Vec<T>)) {
        let mut taken = Vec::with_capacity(MOST);
        let mut patience = LEAST_SEARCH;
        let mut searches = false;
        loop {
            let left = self.take(&mut taken);
            if !taken.is_empty() {
                if std::mem::take(&mut searches) {
                    self.searching.store(false, SeqCst);
                }
                let (start, count) = (self.now(), taken.len() as u64);
                self.taken.store(start, Relaxed);
                if left > 0 {
                    self.rouse();
                }
                run(&mut taken);
                taken.clear();
                self.learn((self.now() - start) / count);
                continue;
            }
            // Where another one is awake and calls are short, that one takes what comes.
            let enough = self.awake.load(SeqCst) > 1 && self.is_short();
            searches = searches || !enough && self.searching.compare_exchange(false, true, SeqCst, SeqCst).is_ok();
            if searches {
                if !enough && self.search(patience) {
                    continue;
                }
                self.searching.store(false, SeqCst);
            }
            // In this order: a call that was added before the close may have come after the look above.
            if self.closed.load(SeqCst) && self.length.load(SeqCst) == 0 {
                return;
            }
            let since = Instant::now();
            searches = self.sleep();
            patience = match since.elapsed() < NAP {
                true => (patience * 4).min(MOST_SEARCH),
                false => (patience / 2).max(LEAST_SEARCH),
            };
        }
    }

    /// Takes a round into the average. One that was interrupted says little, so that it counts no more than a call that is
    /// not short.
    fn learn(&self, cost: u64) {
        let average = self.cost.load(Relaxed);
        self.cost.store(average - average / 8 + cost.min(8 * SHORT.as_nanos() as u64) / 8, Relaxed);
    }

    /// Moves a puller's share of the calls into `taken`, and answers how many are left.
    fn take(&self, taken: &mut Vec<T>) -> usize {
        if self.length.load(SeqCst) == 0 {
            return 0;
        }
        let mut calls = self.calls.lock();
        let share = if self.is_short() { calls.len() } else { calls.len().div_ceil(self.pullers) }.min(MOST);
        taken.extend(calls.drain(..share));
        self.length.fetch_sub(share, SeqCst);
        calls.len()
    }

    /// Looks for calls for a while; answers whether there are any.
    fn search(&self, patience: Duration) -> bool {
        let start = Instant::now();
        while !self.closed.load(SeqCst) {
            for _ in 0..looks(16) {
                if self.length.load(SeqCst) > 0 {
                    return true;
                }
                spin_loop();
            }
            if start.elapsed() > patience {
                break;
            }
        }
        false
    }

    /// Sleeps until it is woken, unless there are calls; answers whether it was woken, and so has the search.
    fn sleep(&self) -> bool {
        let mut woken = self.woken.lock();
        self.awake.fetch_sub(1, SeqCst);
        while *woken == 0 && self.length.load(SeqCst) == 0 {
            self.bed.wait(&mut woken);
        }
        self.awake.fetch_add(1, SeqCst);
        let was_woken = *woken > 0;
        *woken = woken.saturating_sub(1);
        was_woken
    }
}

#[cfg(all(test, feature = "loom"))]
#[path = "models/backlog.rs"]
mod model;
