//! An open repository: the public entry points.

use crate::backup::{BackupOptions, BackupReport};
use crate::check::{CheckOptions, CheckReport};
use crate::chunk;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::ingest::{Ingest, IngestOptions};
use crate::location::Location;
use crate::progress::ProgressSender;
use crate::restore::{RestoreOptions, RestoreReport};
use crate::snapshot::{Snapshot, SnapshotFilter};
use crate::tree::Entry;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use tokio_util::sync::CancellationToken;

#[derive(Debug, Clone, Default)]
pub struct InitOptions {
    /// Make the key file that the credentials name, with a new random key and mode 0600. It must not exist yet.
    pub create_key: bool,
    /// Sizes of chunks; fixed for the life of the repository.
    pub chunks: chunk::Params,
}

/// An open repository. Clones share it.
///
/// Every method must be called within a tokio runtime whose time and IO drivers run. Long operations run on threads of
/// their own; dropping their future cancels them like their token does.
#[derive(Clone)]
pub struct Repository {
    id: Id,
    url: String,
}

fn unbuilt<T>() -> Result<T> {
    Err(Error::invalid("engine", "not built yet"))
}

impl Repository {
    /// Creates a repository where there is none, and opens it.
    pub async fn init(_location: Location, _options: InitOptions) -> Result<Repository> {
        unbuilt()
    }

    pub async fn open(_location: Location) -> Result<Repository> {
        unbuilt()
    }

    /// The repository's random identity.
    pub fn id(&self) -> [u8; 32] {
        self.id.0
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Walks and reads the paths, and commits a snapshot of them. What cannot be read is in [`BackupReport::issues`].
    pub async fn backup(
        &self,
        _options: BackupOptions,
        _progress: ProgressSender,
        _cancel: CancellationToken,
    ) -> Result<BackupReport> {
        unbuilt()
    }

    /// Starts a snapshot whose content the caller moves in.
    pub async fn ingest(&self, _options: IngestOptions, _cancel: CancellationToken) -> Result<Ingest> {
        unbuilt()
    }

    /// All snapshots that pass the filter, oldest first.
    pub fn snapshots(&self, _filter: SnapshotFilter) -> BoxStream<'static, Result<Snapshot>> {
        futures::stream::empty().boxed()
    }

    /// The snapshot that `name` means: `latest`, or the first hexadecimal digits of an id.
    pub async fn resolve(&self, _name: &str) -> Result<Snapshot> {
        unbuilt()
    }

    /// The entries at `at` and below; the empty path is the top. Without `recursive`: `at` itself if it is no folder, else
    /// what is directly in it. Each folder comes before what is in it, siblings in byte order.
    pub fn list(&self, _snapshot: Id, _at: Vec<u8>, _recursive: bool) -> BoxStream<'static, Result<Entry>> {
        futures::stream::empty().boxed()
    }

    /// The content of one file, in order, holes as zeros. A file is also found by its last path elements, where these are
    /// unambiguous. Reads ahead only as far as the receiver takes.
    pub fn read(&self, _snapshot: Id, _at: Vec<u8>) -> BoxStream<'static, Result<Bytes>> {
        futures::stream::empty().boxed()
    }

    /// Restores to a folder. What could not be restored is in [`RestoreReport::issues`].
    pub async fn restore(
        &self,
        _options: RestoreOptions,
        _progress: ProgressSender,
        _cancel: CancellationToken,
    ) -> Result<RestoreReport> {
        unbuilt()
    }

    pub async fn check(
        &self,
        _options: CheckOptions,
        _progress: ProgressSender,
        _cancel: CancellationToken,
    ) -> Result<CheckReport> {
        unbuilt()
    }
}
