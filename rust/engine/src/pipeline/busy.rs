//! How much of the time each stage works rather than waits: the busiest one limits the run.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The stages of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Walk,
    Read,
    /// Identify, compress, seal.
    Work,
    /// Write to the store.
    Upload,
    /// Fetch, open, verify, write: restore and check.
    Restore,
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Stage::Walk => "walk",
            Stage::Read => "read",
            Stage::Work => "work",
            Stage::Upload => "upload",
            Stage::Restore => "restore",
        }
    }
}

#[derive(Default)]
pub(crate) struct Busy {
    stages: Mutex<BTreeMap<Stage, (Duration, u32)>>,
}

impl Busy {
    /// A thread begins to work on a stage.
    pub fn enter(&self, stage: Stage) -> Shift<'_> {
        Shift { busy: self, stage, began: Instant::now(), idle: Duration::ZERO }
    }

    /// Mean share of each stage's threads, over a run that took `wall`.
    pub fn shares(&self, wall: Duration) -> BTreeMap<String, f64> {
        let share = |time: Duration, threads: u32| {
            (time.as_secs_f64() / wall.as_secs_f64().max(1e-9) / f64::from(threads)).min(1.0)
        };
        let stages = self.stages.lock();
        stages.iter().map(|(stage, (time, threads))| (stage.name().to_owned(), share(*time, *threads))).collect()
    }
}

/// A thread's time on a stage, until it is dropped.
pub(crate) struct Shift<'b> {
    busy: &'b Busy,
    stage: Stage,
    began: Instant,
    idle: Duration,
}

impl Shift<'_> {
    /// Runs something that waits for another stage.
    pub fn wait<T>(&mut self, for_another: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let result = for_another();
        self.idle += began.elapsed();
        result
    }
}

impl Drop for Shift<'_> {
    fn drop(&mut self) {
        let mut stages = self.busy.stages.lock();
        let (time, threads) = stages.entry(self.stage).or_default();
        *time += self.began.elapsed().saturating_sub(self.idle);
        *threads += 1;
    }
}
