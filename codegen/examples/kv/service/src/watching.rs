//! Those who want to know of changes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kv::{Change, Key, Watcher};
use rpc::Error;

/// The watchers of one store.
#[derive(Default)]
pub struct Watchers(Mutex<Vec<Arc<Watching>>>);

struct Watching {
    prefix: Key,
    watcher: Watcher,
    seen: AtomicU64,
}

impl Watchers {
    /// Adds one; it stays until the watch is dropped.
    pub fn add(watchers: &Arc<Watchers>, prefix: Key, watcher: Watcher) -> Watch {
        let watching = Arc::new(Watching { prefix, watcher, seen: AtomicU64::new(0) });
        watchers.all().push(watching.clone());
        Watch { watching, watchers: watchers.clone() }
    }

    /// Tells those whom it concerns, and waits for them. One that fails, or wants no more, is removed.
    pub async fn tell(&self, change: Change) {
        let key = match &change {
            Change::Put { entry } => &entry.key,
            Change::Deleted { key, .. } => key,
        };
        let concerned: Vec<_> =
            self.all().iter().filter(|watching| key.starts_with(&watching.prefix)).cloned().collect();
        for watching in concerned {
            watching.seen.fetch_add(1, Ordering::Relaxed);
            if !matches!(watching.watcher.changed(change.clone()).await, Ok(true)) {
                self.remove(&watching);
            }
        }
    }

    fn remove(&self, watching: &Arc<Watching>) {
        self.all().retain(|other| !Arc::ptr_eq(other, watching));
    }

    fn all(&self) -> MutexGuard<'_, Vec<Arc<Watching>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A watcher at work.
pub struct Watch {
    watching: Arc<Watching>,
    watchers: Arc<Watchers>,
}

impl kv::Watch for Watch {
    fn seen(&self) -> Result<u64, Error> {
        Ok(self.watching.seen.load(Ordering::Relaxed))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.watchers.remove(&self.watching);
    }
}
