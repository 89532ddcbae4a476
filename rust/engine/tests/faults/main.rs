//! Stores that fail on command, and what must hold whatever they do.

mod crash;
mod model;
mod source;
mod store;

use engine::{BackupOptions, BackupReport, CheckOptions, Credentials, Error, Location, Repository, RestoreOptions};
use engine::{Id, Snapshot, SnapshotFilter};
use futures::StreamExt;
use source::{items, Items};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::FaultStore;
use tokio_util::sync::CancellationToken;

/// The key file is in `folder`.
fn location(folder: &Path) -> Location {
    let credentials = Credentials::KeyFile(folder.join("key"));
    Location { url: "memory://disk".into(), credentials, memory: Some(64 << 20) }
}

async fn open(folder: &Path, store: &FaultStore) -> Result<Repository, Error> {
    Repository::open_in(Arc::new(store.clone()), location(folder)).await
}

async fn backup(repository: &Repository, source: &Path, host: &str, tag: &str) -> Result<BackupReport, Error> {
    let options = BackupOptions {
        paths: vec![source.to_path_buf()],
        host: host.into(),
        tags: vec![tag.into()],
        ..Default::default()
    };
    repository.backup(options, None, CancellationToken::new()).await
}

async fn snapshots(repository: &Repository) -> Vec<Snapshot> {
    let found: Vec<_> = repository.snapshots(SnapshotFilter::default()).collect().await;
    found.into_iter().map(|snapshot| snapshot.expect("a snapshot can be read")).collect()
}

/// Where what was saved from `source` is in a target.
fn restored(target: &Path, source: &Path) -> PathBuf {
    target.join(source.strip_prefix("/").expect("an absolute path"))
}

/// Restores to a new folder below `folder`: all of the source as the snapshot has it.
async fn bring_back(repository: &Repository, snapshot: Id, folder: &Path, source: &Path) -> Items {
    let target = tempfile::tempdir_in(folder).expect("a target");
    let options = RestoreOptions { snapshot, target: target.path().into(), only: Vec::new() };
    let report = repository.restore(options, None, CancellationToken::new()).await.expect("the restore succeeds");
    assert_eq!(report.issues, []);
    items(&restored(target.path(), source))
}

/// Fails unless every byte of the repository is as it must be.
async fn is_clean(repository: &Repository, what: &str) {
    let options = CheckOptions { read_data: true };
    let report = repository.check(options, None, CancellationToken::new()).await.expect("check runs");
    assert_eq!(report.damage, [], "{what}");
}
