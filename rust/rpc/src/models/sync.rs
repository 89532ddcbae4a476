//! Loom's locks and atomics, in the shape of those that `sync` has otherwise.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::Ordering::{self, AcqRel, Acquire, Release, SeqCst};
use std::task::Waker;
use std::time::Duration;

pub(crate) use loom::hint::spin_loop;
pub(crate) use loom::sync::atomic::fence;

/// Runs `body` in every order in which its threads can take turns, where none loses its turn more than twice before it
/// waits; `LOOM_MAX_PREEMPTIONS` sets another bound. What two threads can do to each other needs one or two, says the
/// literature (Musuvathi and Qadeer, Iterative Context Bounding, 2007), and each more takes ten times as long.
pub(crate) fn model(body: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound.get_or_insert(2);
    model.check(body);
}

pub(crate) const fn looks(_: u32) -> u32 {
    1
}

/// A lock that does not poison.
#[derive(Default)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

/// It is empty only while its thread waits.
pub(crate) struct MutexGuard<'a, T>(Option<loom::sync::MutexGuard<'a, T>>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Mutex(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard(Some(self.0.lock().expect("no thread panics in a model")))
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.0.as_ref().expect("held")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("held")
    }
}

pub(crate) struct Condvar(loom::sync::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Condvar(loom::sync::Condvar::new())
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let held = guard.0.take().expect("held");
        guard.0 = Some(self.0.wait(held).expect("no thread panics in a model"));
    }

    /// Loom has no time: models do not wait for a while.
    pub(crate) fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, _: std::time::Instant) {
        self.wait(guard);
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}

/// Loom takes sequentially consistent loads and stores for acquire and release, and knows only such fences. A fence before
/// each gives any two of them the order that the language promises, and promises nothing about weaker ones.
fn ordered(ordering: Ordering) -> Ordering {
    if ordering == SeqCst {
        fence(SeqCst);
    }
    ordering
}

fn load_part(ordering: Ordering) -> Ordering {
    match ordered(ordering) {
        SeqCst => Acquire,
        weaker => weaker,
    }
}

fn store_part(ordering: Ordering) -> Ordering {
    match ordered(ordering) {
        SeqCst => Release,
        weaker => weaker,
    }
}

fn both_parts(ordering: Ordering) -> Ordering {
    match ordered(ordering) {
        SeqCst => AcqRel,
        weaker => weaker,
    }
}

fn failed_part(ordering: Ordering) -> Ordering {
    match ordering {
        SeqCst => Acquire,
        weaker => weaker,
    }
}

macro_rules! atomics {
    ($($name:ident: $value:ty;)*) => {$(
        pub(crate) struct $name(loom::sync::atomic::$name);

        #[allow(dead_code, reason = "each of them has the same functions")]
        impl $name {
            pub(crate) fn new(value: $value) -> Self {
                $name(loom::sync::atomic::$name::new(value))
            }

            pub(crate) fn load(&self, ordering: Ordering) -> $value {
                self.0.load(load_part(ordering))
            }

            pub(crate) fn store(&self, value: $value, ordering: Ordering) {
                self.0.store(value, store_part(ordering));
            }

            pub(crate) fn swap(&self, value: $value, ordering: Ordering) -> $value {
                self.0.swap(value, both_parts(ordering))
            }

            pub(crate) fn compare_exchange(
                &self, current: $value, new: $value, success: Ordering, failure: Ordering,
            ) -> Result<$value, $value> {
                self.0.compare_exchange(current, new, both_parts(success), failed_part(failure))
            }
        }
    )*};
}
atomics! {
    AtomicBool: bool;
    AtomicI64: i64;
    AtomicU32: u32;
    AtomicU64: u64;
    AtomicUsize: usize;
}

impl AtomicU64 {
    /// Nobody looks from outside.
    pub(crate) fn as_ptr(&self) -> *mut u64 {
        std::ptr::null_mut()
    }
}

macro_rules! counters {
    ($($name:ident: $value:ty;)*) => {$(
        #[allow(dead_code, reason = "each of them has the same functions")]
        impl $name {
            pub(crate) fn fetch_add(&self, value: $value, ordering: Ordering) -> $value {
                self.0.fetch_add(value, both_parts(ordering))
            }

            pub(crate) fn fetch_sub(&self, value: $value, ordering: Ordering) -> $value {
                self.0.fetch_sub(value, both_parts(ordering))
            }

            pub(crate) fn fetch_or(&self, value: $value, ordering: Ordering) -> $value {
                self.0.fetch_or(value, both_parts(ordering))
            }

            pub(crate) fn fetch_update(
                &self, set: Ordering, fetch: Ordering, change: impl FnMut($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                self.0.fetch_update(both_parts(set), failed_part(fetch), change)
            }
        }
    )*};
}
counters! {
    AtomicI64: i64;
    AtomicU32: u32;
    AtomicU64: u64;
    AtomicUsize: usize;
}

/// Its value is there for who sees that it is.
pub(crate) struct OnceLock<T> {
    made: AtomicBool,
    value: std::sync::OnceLock<T>,
}

impl<T> OnceLock<T> {
    pub(crate) fn new() -> Self {
        OnceLock { made: AtomicBool::new(false), value: std::sync::OnceLock::new() }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        if self.made.load(Acquire) {
            self.value.get()
        } else {
            None
        }
    }

    pub(crate) fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        if !self.made.load(Acquire) {
            self.value.get_or_init(make);
            self.made.store(true, Release);
        }
        self.value.get().expect("made")
    }
}

/// The newest waker, woken once.
pub(crate) struct AtomicWaker(Mutex<Option<Waker>>);

impl AtomicWaker {
    pub(crate) fn new() -> Self {
        AtomicWaker(Mutex::new(None))
    }

    pub(crate) fn register(&self, waker: &Waker) {
        *self.0.lock() = Some(waker.clone());
    }

    pub(crate) fn take(&self) -> Option<Waker> {
        self.0.lock().take()
    }

    pub(crate) fn wake(&self) {
        if let Some(waker) = self.take() {
            waker.wake();
        }
    }
}

/// A clock that goes on by one tick whenever it is looked at, so that a model takes the same way each time it is run.
#[derive(Clone, Copy)]
pub(crate) struct Instant(Duration);

thread_local! {
    // All threads of a model are one of the system's.
    static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    static TICK: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

impl Instant {
    /// Starts the clock of a model.
    pub(crate) fn start(tick: Duration) {
        TICK.set(tick);
        NOW.set(Duration::ZERO);
    }

    pub(crate) fn now() -> Self {
        NOW.set(NOW.get() + TICK.get());
        Instant(NOW.get())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        Instant::now().0 - self.0
    }
}
