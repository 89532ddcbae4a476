//! A store that keeps no packs, so that a backup is measured without the disk.

use bytes::Bytes;
use engine::store::{Store, StoreError};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;

/// Packs are dropped; what a run reads back of others (keys, config, log, index) is kept in memory.
#[derive(Clone, Default)]
pub struct NullStore {
    kept: Arc<Mutex<BTreeMap<String, Bytes>>>,
}

impl NullStore {
    fn kept(&self) -> MutexGuard<'_, BTreeMap<String, Bytes>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for NullStore {
    fn create(&self, name: &str, data: Bytes) -> Result<(), StoreError> {
        if name.starts_with("packs/") {
            return Ok(());
        }
        let mut kept = self.kept();
        if kept.contains_key(name) {
            return Err(StoreError::Exists);
        }
        // A copy: the buffer is the pipeline's.
        kept.insert(name.to_owned(), Bytes::copy_from_slice(&data));
        Ok(())
    }

    fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Bytes, StoreError> {
        let data = self.kept().get(name).cloned().ok_or(StoreError::Missing)?;
        let range = range.unwrap_or(0..data.len() as u64);
        let (start, end) = ((range.start as usize).min(data.len()), (range.end as usize).min(data.len()));
        Ok(data.slice(start..end.max(start)))
    }

    fn list(&self, folder: &str) -> Result<Vec<(String, u64)>, StoreError> {
        let inside = format!("{folder}/");
        let kept = self.kept();
        let found = kept.iter().filter(|(name, _)| name.starts_with(&inside));
        Ok(found.map(|(name, data)| (name.clone(), data.len() as u64)).collect())
    }

    fn parallelism(&self) -> usize {
        2
    }

    fn cancelled_by(&self, _cancel: CancellationToken) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }
}
