//! Calls of a snapshot in the making.

use rpc::{Buffer, Context};
use tokio::sync::RwLock;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::convert::failure;
use crate::generated::{self, BackupReport, IngestOptions, NewFile};
use crate::repository::Answer;

/// A snapshot in the making.
pub struct Ingest {
    /// `None` once it was committed. Files may be written side by side; a commit waits for the writes before it.
    running: RwLock<Option<engine::Ingest>>,
    cancel: CancellationToken,
    /// An ingest that the caller closes, or forgets, stops.
    _stop: DropGuard,
}

impl Ingest {
    pub(crate) async fn start(repository: &engine::Repository, cx: &Context, options: IngestOptions) -> Answer<Self> {
        // The ingest outlives the request that starts it, so it has a token of its own.
        let cancel = CancellationToken::new();
        let stop = cancel.clone().drop_guard();
        let running = repository.ingest(options.into(), cancel.clone()).await.map_err(|error| failure(cx, error))?;
        Ok(Ingest { running: RwLock::new(Some(running)), cancel, _stop: stop })
    }
}

/// What calls after the commit find.
const COMMITTED: rpc::Error = rpc::Error::Closed("ingest");

impl generated::Ingest for Ingest {
    async fn add(&self, cx: Context, file: NewFile) -> Answer<u64> {
        let running = self.running.read().await;
        let ingest = running.as_ref().ok_or(COMMITTED)?;
        Ok(ingest.add(file.into()).await.map_err(|error| failure(&cx, error))?.0)
    }

    async fn write(&self, cx: Context, file: u64, data: Buffer) -> Answer<()> {
        let running = self.running.read().await;
        let ingest = running.as_ref().ok_or(COMMITTED)?;
        ingest.write(engine::EntryId(file), data.into()).await.map_err(|error| failure(&cx, error))
    }

    async fn commit(&self, cx: Context) -> Answer<BackupReport> {
        let ingest = self.running.write().await.take().ok_or(COMMITTED)?;
        // Whether the snapshot was committed must not be lost to a cancellation: the engine ends by itself when it is told.
        let _shield = cx.shield();
        let cancelled = cx.cancellation();
        let commit = ingest.commit();
        tokio::pin!(commit);
        let result = tokio::select! {
            result = &mut commit => result,
            () = cancelled.cancelled() => {
                self.cancel.cancel();
                commit.await
            }
        };
        Ok(result.map_err(|error| failure(&cx, error))?.into())
    }
}
