//! Golden repositories: what a format version held is there forever.
//!
//! `conformance/reader` has made them, and reads them too.

use engine::tree::Xattr;
use engine::{CheckOptions, Credentials, Kind, Location, Repository, Snapshot, SnapshotFilter};
use futures::{StreamExt, TryStreamExt};
use serde_json::Value;
use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};

/// Under Bazel tests run at the top of the tree, with cargo in their crate.
fn testdata() -> PathBuf {
    let here = PathBuf::from("conformance/reader/testdata");
    match here.is_dir() {
        true => here,
        false => Path::new("../..").join(here),
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            false => std::fs::write(&target, std::fs::read(&path).unwrap()).unwrap(),
        }
    }
}

/// Opens a copy, so that nothing can change the original.
async fn open(folder: &Path, credentials: Credentials) -> (tempfile::TempDir, Repository) {
    let copied = tempfile::tempdir().unwrap();
    copy(&folder.join("repository"), copied.path());
    let url = copied.path().to_str().unwrap().into();
    let repository = Repository::open(Location { url, credentials, memory: None }).await.unwrap();
    (copied, repository)
}

async fn snapshots(repository: &Repository) -> Vec<Snapshot> {
    repository.snapshots(SnapshotFilter::default()).try_collect().await.unwrap()
}

async fn is_sound(repository: &Repository) {
    let options = CheckOptions { read_data: true };
    let report = repository.check(options, None, Default::default()).await.unwrap();
    assert!(report.damage.is_empty(), "{:?}", report.damage);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Runtime::new().unwrap().block_on(test);
}

#[test]
fn the_vectors_of_the_specification_open() {
    run(async {
        let folder = testdata().join("vectors");
        let password = std::fs::read_to_string(folder.join("password")).unwrap().trim_end().to_owned();
        for credentials in [Credentials::KeyFile(folder.join("key-file")), Credentials::Password(password.into())] {
            let (_copy, repository) = open(&folder, credentials).await;
            assert_eq!(repository.id(), std::array::from_fn(|n| 0x40 + n as u8));
            let snapshot = &snapshots(&repository).await[0];
            assert_eq!((snapshot.host.as_str(), snapshot.statistics.bytes_stored), ("host", 512));
            let entries: Vec<_> = repository.list(snapshot.id, Vec::new(), true).try_collect().await.unwrap();
            assert_eq!(entries.len(), 1);
            assert_eq!(entries[0].path, b"file");
            assert_eq!((entries[0].metadata.mtime.secs, entries[0].metadata.mtime.nanos), (-1, 999_999_999));
            let content: Vec<_> = repository.read(snapshot.id, b"file".to_vec()).try_collect().await.unwrap();
            assert_eq!(content.concat(), b"hello, strongroom\n");
            is_sound(&repository).await;
        }
    });
}

#[test]
fn format_1_opens() {
    run(async {
        let folder = testdata().join("format-1");
        let (_copy, repository) = open(&folder, Credentials::KeyFile(folder.join("key-file"))).await;
        let expected: Value = serde_json::from_slice(&std::fs::read(folder.join("expected.json")).unwrap()).unwrap();
        let snapshots = snapshots(&repository).await;
        assert_eq!(snapshots.len(), expected["snapshots"].as_array().unwrap().len());
        for (snapshot, wanted) in snapshots.iter().zip(expected["snapshots"].as_array().unwrap()) {
            assert_eq!(snapshot.tags, [wanted["tag"].as_str().unwrap()]);
            compare(&repository, snapshot, wanted, expected["links"].as_u64().unwrap()).await;
        }
        is_sound(&repository).await;
    });
}

async fn compare(repository: &Repository, snapshot: &Snapshot, wanted: &Value, links: u64) {
    let top = wanted["path"].as_str().unwrap().trim_start_matches('/');
    let entries: Vec<_> = repository.list(snapshot.id, top.into(), true).try_collect().await.unwrap();
    let mut found: BTreeMap<String, _> = BTreeMap::new();
    for entry in entries {
        let Some(path) = entry.path.strip_prefix(format!("{top}/").as_bytes()) else { continue };
        // Names need not be UTF-8, so expected.json has each byte as a character.
        found.insert(path.iter().copied().map(char::from).collect(), entry);
    }
    let before = found.len();
    found.retain(|path, _| !path.starts_with("links/"));
    assert_eq!((before - found.len()) as u64, links);
    let wanted = wanted["entries"].as_object().unwrap();
    assert!(found.keys().eq(wanted.keys()), "{:?}", found.keys());
    for (path, entry) in found {
        let (metadata, wanted) = (&entry.metadata, &wanted[&path]);
        let number = |key: &str| wanted[key].as_i64().unwrap();
        assert_eq!(i64::from(metadata.mode), number("mode") & 0o7777, "{path}");
        assert_eq!((i64::from(metadata.uid), i64::from(metadata.gid)), (number("uid"), number("gid")), "{path}");
        let mtime = metadata.mtime.secs * 1_000_000_000 + i64::from(metadata.mtime.nanos);
        assert_eq!((mtime, metadata.size as i64), (number("mtime"), number("size")), "{path}");
        let target = metadata.target.as_ref().map(|target| std::str::from_utf8(target).unwrap());
        assert_eq!(target, wanted["target"].as_str(), "{path}");
        assert_eq!(metadata.kind == Kind::File, wanted["blake3"].is_string(), "{path}");
        if metadata.kind == Kind::File {
            let mut hasher = blake3::Hasher::new();
            let mut content = repository.read(snapshot.id, entry.path.clone());
            while let Some(piece) = content.next().await {
                hasher.update(&piece.unwrap());
            }
            assert_eq!(wanted["blake3"], hasher.finalize().to_string(), "{path}");
            let text = |xattr: &Xattr| (String::from_utf8(xattr.name.clone()).unwrap(), hex(&xattr.value).into());
            let xattrs = metadata.xattrs.iter().map(text).collect();
            assert_eq!(wanted["xattrs"], Value::Object(xattrs), "{path}");
        }
    }
}
