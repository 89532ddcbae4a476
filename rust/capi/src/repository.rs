//! Calls of an open repository.

use std::future::Future;
use std::path::PathBuf;

use futures::stream::{BoxStream, StreamExt};
use rpc::{Buffer, Context, Emitter, Failure, Sink};
use tokio::sync::watch;

use crate::convert::{bytes, failure};
use crate::generated::{
    self, BackupOptions, BackupReport, CheckOptions, CheckReport, Entry, IngestOptions, InitOptions, Location,
    Progress, RepositoryError, RestoreOptions, RestoreReport, Snapshot, SnapshotFilter,
};
use crate::Ingest;

/// What the methods of this crate answer.
pub(crate) type Answer<T> = Result<T, Failure<RepositoryError>>;

/// An open repository.
pub struct Repository(engine::Repository);

impl generated::Repository for Repository {
    type Ingest = Ingest;

    async fn init(cx: Context, at: Location, options: InitOptions) -> Answer<Self> {
        let opened = engine::Repository::init(at.into(), options.into()).await;
        Ok(Repository(opened.map_err(|error| failure(&cx, error))?))
    }

    async fn open(cx: Context, at: Location) -> Answer<Self> {
        let opened = engine::Repository::open(at.into()).await;
        Ok(Repository(opened.map_err(|error| failure(&cx, error))?))
    }

    async fn backup(&self, cx: Context, options: BackupOptions, emitter: Emitter<Progress>) -> Answer<BackupReport> {
        // Whether the snapshot was committed must not be lost to a cancellation: the engine ends by itself when it is told.
        let _shield = cx.shield();
        let (sender, receiver) = watch::channel(engine::Progress::default());
        let run = self.0.backup(options.into(), Some(sender), cx.cancellation());
        told(&cx, run, receiver, &emitter).await
    }

    async fn ingest(&self, cx: Context, options: IngestOptions) -> Answer<Ingest> {
        Ingest::start(&self.0, &cx, options).await
    }

    async fn snapshots(&self, cx: Context, filter: SnapshotFilter, sink: Sink<Snapshot>) -> Answer<()> {
        send_all(&cx, self.0.snapshots(filter.into()), sink).await
    }

    async fn resolve(&self, cx: Context, name: String) -> Answer<Snapshot> {
        Ok(self.0.resolve(&name).await.map_err(|error| failure(&cx, error))?.into())
    }

    async fn list(
        &self,
        cx: Context,
        snapshot: [u8; 32],
        at: PathBuf,
        recursive: bool,
        sink: Sink<Entry>,
    ) -> Answer<()> {
        send_all(&cx, self.0.list(engine::Id(snapshot), bytes(at), recursive), sink).await
    }

    async fn read(&self, cx: Context, snapshot: [u8; 32], at: PathBuf, sink: Sink<Buffer>) -> Answer<()> {
        send_all(&cx, self.0.read(engine::Id(snapshot), bytes(at)), sink).await
    }

    async fn restore(&self, cx: Context, options: RestoreOptions, emitter: Emitter<Progress>) -> Answer<RestoreReport> {
        let (sender, receiver) = watch::channel(engine::Progress::default());
        let run = self.0.restore(options.into(), Some(sender), cx.cancellation());
        told(&cx, run, receiver, &emitter).await
    }

    async fn check(&self, cx: Context, options: CheckOptions, emitter: Emitter<Progress>) -> Answer<CheckReport> {
        let (sender, receiver) = watch::channel(engine::Progress::default());
        let run = self.0.check(options.into(), Some(sender), cx.cancellation());
        told(&cx, run, receiver, &emitter).await
    }

    fn id(&self) -> Result<[u8; 32], rpc::Error> {
        Ok(self.0.id())
    }

    fn url(&self) -> Result<String, rpc::Error> {
        Ok(self.0.url().to_owned())
    }
}

/// Runs an operation to its end, and emits how far it is.
async fn told<T, R: From<T>>(
    cx: &Context,
    run: impl Future<Output = engine::Result<T>>,
    mut progress: watch::Receiver<engine::Progress>,
    emitter: &Emitter<Progress>,
) -> Answer<R> {
    tokio::pin!(run);
    let mut telling = true;
    let result = loop {
        tokio::select! {
            result = &mut run => break result,
            changed = progress.changed(), if telling => match changed {
                Ok(()) => emitter.emit(progress.borrow_and_update().clone().into()),
                Err(_) => telling = false,
            },
        }
    };
    // The last state counts everything, and comes before the result.
    if progress.has_changed().unwrap_or(true) {
        emitter.emit(progress.borrow_and_update().clone().into());
    }
    result.map(R::from).map_err(|error| failure(cx, error))
}

/// Sends what the engine yields, as fast as the caller takes it.
async fn send_all<T, R>(
    cx: &Context,
    mut stream: BoxStream<'static, engine::Result<T>>,
    mut sink: Sink<R>,
) -> Answer<()>
where
    R: From<T> + Send,
{
    while let Some(item) = stream.next().await {
        sink.send(item.map_err(|error| failure(cx, error))?.into()).await?;
    }
    Ok(())
}
