//! An object store: S3 and what speaks it, or one in memory.

use super::{Store, StoreError};
use crate::error::{Error, Result};
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::aws::{AmazonS3Builder, Checksum, S3ConditionalPut};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, PutMode, PutOptions, PutPayload};
use std::future::Future;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

#[derive(Clone)]
pub struct RemoteStore {
    inner: Arc<dyn ObjectStore>,
    prefix: String,
    runtime: Handle,
    cancel: CancellationToken,
    /// Microseconds until the quickest answer so far began; 0: none has come.
    distance: Arc<AtomicU64>,
}

/// Calls at a time to a store that is near, and to one that is as far away as there are any.
const FEWEST_CALLS: usize = 16;
const MOST_CALLS: usize = 64;
/// What is hoped for of the way to the store, in bytes a second.
const RATE: u64 = 1 << 30;
/// Bytes of a large call.
const CALL: u64 = 4 << 20;

/// As many calls as keep the way full: what is under way is the rate times the distance (Little's law).
fn calls(distance: Duration) -> usize {
    let under_way = distance.as_micros() as u64 * RATE / 1_000_000;
    (under_way.div_ceil(CALL) as usize).clamp(FEWEST_CALLS, MOST_CALLS)
}

impl RemoteStore {
    /// Keeps objects below `prefix` of an object store. Must be called within a tokio runtime, which serves its calls.
    pub fn new(inner: Arc<dyn ObjectStore>, prefix: &str) -> RemoteStore {
        let prefix = prefix.trim_matches('/').to_owned();
        RemoteStore {
            inner,
            prefix,
            runtime: Handle::current(),
            cancel: CancellationToken::new(),
            distance: Arc::default(),
        }
    }

    /// Opens `s3://bucket/prefix` as the `AWS_*` environment variables say.
    pub fn s3(url: &str) -> Result<RemoteStore> {
        let rest = url.strip_prefix("s3://").unwrap_or(url);
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(Error::invalid(url, "it names no bucket; give s3://bucket/prefix"));
        }
        let built = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            // The server compares it with what came; the signature needs the same digest anyway.
            .with_checksum_algorithm(Checksum::SHA256)
            .build()
            .map_err(|error| Error::invalid(url, error.to_string()))?;
        Ok(RemoteStore::new(Arc::new(built), prefix))
    }

    fn path(&self, name: &str) -> Path {
        match self.prefix.is_empty() {
            true => Path::from(name),
            false => Path::from(format!("{}/{name}", self.prefix)),
        }
    }

    fn learn(&self, answered: Duration) {
        let answered = (answered.as_micros() as u64).max(1);
        let _ =
            self.distance.fetch_update(Relaxed, Relaxed, |least| (least == 0 || answered < least).then_some(answered));
    }

    fn wait<T>(&self, call: impl Future<Output = object_store::Result<T>>) -> Result<T, StoreError> {
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => Err(StoreError::Cancelled),
                answer = call => answer.map_err(store_error),
            }
        })
    }
}

fn store_error(error: object_store::Error) -> StoreError {
    match error {
        object_store::Error::NotFound { .. } => StoreError::Missing,
        object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. } => StoreError::Exists,
        error => {
            let text = error.to_string();
            // What S3 servers over a full disk answer (507, or minio's code).
            match text.contains("XMinioStorageFull") || text.contains("507 Insufficient Storage") {
                true => StoreError::Full,
                false => StoreError::Failed(text),
            }
        }
    }
}

impl Store for RemoteStore {
    fn create(&self, name: &str, data: Bytes) -> Result<(), StoreError> {
        let options = PutOptions { mode: PutMode::Create, ..Default::default() };
        let path = self.path(name);
        self.wait(self.inner.put_opts(&path, PutPayload::from_bytes(data), options)).map(|_| ())
    }

    fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Bytes, StoreError> {
        let path = self.path(name);
        let options = GetOptions { range: range.map(GetRange::Bounded), ..Default::default() };
        self.wait(async {
            let asked = Instant::now();
            let answer = self.inner.get_opts(&path, options).await?;
            self.learn(asked.elapsed());
            answer.bytes().await
        })
    }

    fn list(&self, folder: &str) -> Result<Vec<(String, u64)>, StoreError> {
        let path = self.path(folder);
        let found = self.wait(self.inner.list(Some(&path)).try_collect::<Vec<_>>())?;
        let strip = |location: &Path| {
            let name = location.as_ref().strip_prefix(self.prefix.as_str())?;
            Some(name.trim_start_matches('/').to_owned())
        };
        Ok(found.iter().filter_map(|object| Some((strip(&object.location)?, object.size))).collect())
    }

    fn parallelism(&self) -> usize {
        calls(Duration::from_micros(self.distance.load(Relaxed)))
    }

    fn cancelled_by(&self, cancel: CancellationToken) -> Arc<dyn Store> {
        Arc::new(RemoteStore { cancel, ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_far_away_gets_more_calls_at_a_time() {
        let of = |milliseconds| calls(Duration::from_millis(milliseconds));
        assert_eq!([of(0), of(10), of(50)], [FEWEST_CALLS; 3]);
        assert_eq!([of(100), of(200), of(60_000)], [26, 52, MOST_CALLS]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_quickest_answer_tells_how_far_it_is() {
        let store = RemoteStore::new(Arc::new(object_store::memory::InMemory::new()), "");
        assert_eq!(store.parallelism(), FEWEST_CALLS);
        for (answered, calls) in [(200, 52), (100, 26), (150, 26)] {
            store.learn(Duration::from_millis(answered));
            assert_eq!(store.parallelism(), calls);
        }
    }
}
