//! Calls that were submitted, and the threads that start them.
//!
//! A puller takes calls from the backlog and polls each once; most are over then, and the others become tasks of the
//! runtime. A wake-up costs more than a hundred small calls, so as few as possible are made:
//!
//! - A puller that finds nothing searches on for a moment before it sleeps, longer where that paid the last times. One
//!   searches at a time, and while one does, nobody is woken.
//! - While a puller is awake, it is left to take what comes, unless a caller has nothing left to do: a queue whose poller
//!   sleeps, or is about to, wakes another one. So a call that keeps its puller busy holds no other up, and small calls do
//!   not take turns on all cores.
//!
//! No call is forgotten: who adds to the backlog looks afterwards at who is awake, and who goes to sleep looks afterwards
//! at the backlog; the same holds between `push` and pollers that go idle. All of that is sequentially consistent.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::request::Request;

/// Calls that a puller takes at once, at most. Their answers are shown together.
const MOST: usize = 32;

/// How long a puller searches before it sleeps, at least and at most.
const LEAST_SEARCH: Duration = Duration::from_micros(1);
const MOST_SEARCH: Duration = Duration::from_micros(30);

/// A call between its submission and its start.
pub(crate) struct Queued {
    pub(crate) request: Arc<Request>,
    pub(crate) object: u64,
    pub(crate) method: u32,
    /// The arguments, in the batch that they came with.
    pub(crate) batch: Arc<[u8]>,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

pub(crate) struct Backlog {
    calls: Mutex<VecDeque<Queued>>,
    length: AtomicUsize,
    pullers: usize,
    awake: AtomicUsize,
    /// Whether a puller searches, or was woken to.
    searching: AtomicBool,
    /// Pullers that were woken and do not know it yet.
    woken: Mutex<usize>,
    bed: Condvar,
    closed: AtomicBool,
}

impl Backlog {
    pub(crate) fn new(pullers: usize) -> Self {
        Backlog {
            calls: Mutex::default(),
            length: AtomicUsize::new(0),
            pullers,
            awake: AtomicUsize::new(pullers),
            searching: AtomicBool::new(false),
            woken: Mutex::new(0),
            bed: Condvar::new(),
            closed: AtomicBool::new(false),
        }
    }

    /// Adds calls. `idle` says whether a poller has nothing to do.
    pub(crate) fn push(&self, calls: Vec<Queued>, idle: impl Fn() -> bool) {
        let count = calls.len();
        self.calls.lock().extend(calls);
        self.length.fetch_add(count, SeqCst);
        if self.awake.load(SeqCst) == 0 || idle() {
            self.rouse();
        }
    }

    /// Wakes a puller where there is something to do for it and nobody who looks for that.
    pub(crate) fn rouse(&self) {
        if self.length.load(SeqCst) > 0
            && self.awake.load(SeqCst) < self.pullers
            && self.searching.compare_exchange(false, true, SeqCst, SeqCst).is_ok()
        {
            self.wake();
        }
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

    /// Takes calls and gives them to `run`, until the backlog is closed. `idle` as for `push`.
    pub(crate) fn pull(&self, idle: impl Fn() -> bool, mut run: impl FnMut(&mut Vec<Queued>)) {
        let mut taken = Vec::with_capacity(MOST);
        let mut patience = LEAST_SEARCH;
        let mut searches = false;
        loop {
            let left = self.take(&mut taken);
            if !taken.is_empty() {
                if std::mem::take(&mut searches) {
                    self.searching.store(false, SeqCst);
                }
                if left > 0 && idle() {
                    self.rouse();
                }
                run(&mut taken);
                taken.clear();
                continue;
            }
            searches = searches || self.searching.compare_exchange(false, true, SeqCst, SeqCst).is_ok();
            if searches {
                if self.search(patience) {
                    patience = (patience * 2).min(MOST_SEARCH);
                    continue;
                }
                patience = (patience / 2).max(LEAST_SEARCH);
                self.searching.store(false, SeqCst);
            }
            if self.closed.load(SeqCst) {
                return;
            }
            searches = self.sleep();
        }
    }

    /// Moves a puller's share of the calls into `taken`, and answers how many are left.
    fn take(&self, taken: &mut Vec<Queued>) -> usize {
        if self.length.load(SeqCst) == 0 {
            return 0;
        }
        let mut calls = self.calls.lock();
        let share = calls.len().div_ceil(self.pullers).min(MOST);
        taken.extend(calls.drain(..share));
        self.length.fetch_sub(share, SeqCst);
        calls.len()
    }

    /// Looks for calls for a while; answers whether there are any.
    fn search(&self, patience: Duration) -> bool {
        let start = Instant::now();
        while !self.closed.load(SeqCst) {
            for _ in 0..16 {
                if self.length.load(SeqCst) > 0 {
                    return true;
                }
                std::hint::spin_loop();
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
