//! How much of the time each stage works rather than waits: the busiest one limits the run.

use crate::machine::processor_time;
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

pub(crate) struct Busy {
    stages: Mutex<BTreeMap<Stage, (Duration, u32)>>,
    /// The processor's time that the process had used when the run began.
    before: Duration,
}

/// Beside the stages: the share of all cores' time that the process used. A thread that waits for a core counts as busy with its
/// stage, so where this is near 1, it is what limits the run.
pub(crate) const PROCESSOR: &str = "processor";

impl Default for Busy {
    fn default() -> Busy {
        Busy { stages: Mutex::default(), before: processor_time() }
    }
}

impl Busy {
    /// A thread begins to work on a stage.
    pub fn enter(&self, stage: Stage) -> Shift<'_> {
        Shift { busy: self, stage, began: Instant::now(), idle: Duration::ZERO }
    }

    /// Mean share of each stage's threads, over a run that took `wall`, and that of the processor.
    pub fn shares(&self, wall: Duration) -> BTreeMap<String, f64> {
        let share = |time: Duration, threads: u32| {
            (time.as_secs_f64() / wall.as_secs_f64().max(1e-9) / f64::from(threads)).min(1.0)
        };
        let stages = self.stages.lock();
        let mut shares: BTreeMap<String, f64> =
            stages.iter().map(|(stage, (time, threads))| (stage.name().to_owned(), share(*time, *threads))).collect();
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
        shares.insert(PROCESSOR.to_owned(), share(processor_time().saturating_sub(self.before), cores));
        shares
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_not_busy_and_the_processor_is_told() {
        let busy = Busy::default();
        let began = Instant::now();
        let mut shift = busy.enter(Stage::Walk);
        shift.wait(|| std::thread::sleep(Duration::from_millis(50)));
        drop(shift);
        drop(busy.enter(Stage::Upload));
        let shares = busy.shares(began.elapsed());
        let names: Vec<&str> = shares.keys().map(String::as_str).collect();
        assert_eq!(names, ["processor", "upload", "walk"]);
        assert!(shares.values().all(|share| (0.0..=1.0).contains(share)), "{shares:?}");
        // Something was computed, at least this.
        assert!(shares[PROCESSOR] > 0.0);
    }
}
