//! Damage: whatever byte of a repository is flipped and whatever object is lost, the answer is an error or the right bytes.

use engine::{
    BackupOptions, CheckOptions, Credentials, Error, InitOptions, IssueKind, Location, Repository, RestoreOptions,
};
use futures::StreamExt;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

type Content = BTreeMap<&'static str, Vec<u8>>;

fn location(folder: &Path) -> Location {
    Location {
        url: folder.join("repository").to_string_lossy().into_owned(),
        credentials: Credentials::KeyFile(folder.join("key")),
        memory: Some(64 << 20),
    }
}

/// A small repository of two files, one of them in two chunks.
async fn small(folder: &Path) -> Content {
    let source = folder.join("source");
    fs::create_dir(&source).unwrap();
    let mut noise = vec![0; 300_000];
    blake3::Hasher::new().finalize_xof().fill(&mut noise);
    let content = Content::from([("noise", noise), ("text", b"some words, some words ".repeat(50))]);
    for (name, bytes) in &content {
        fs::write(source.join(name), bytes).unwrap();
    }
    let repository =
        Repository::init(location(folder), InitOptions { create_key: true, ..Default::default() }).await.unwrap();
    let options = BackupOptions { paths: vec![source], ..Default::default() };
    repository.backup(options, None, CancellationToken::new()).await.unwrap();
    content
}

fn objects(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.join("repository")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path),
            }
        }
    }
    found.sort();
    found
}

/// Reads everything: whether all of it could be read. Wrong bytes fail the test.
async fn read_all(folder: &Path, content: &Content, what: &str) -> Result<(), Error> {
    let repository = Repository::open(location(folder)).await?;
    let snapshot = repository.resolve("latest").await?;
    let mut result = Ok(());
    for (name, expected) in content {
        let mut bytes = Vec::new();
        let mut stream = repository.read(snapshot.id, name.as_bytes().to_vec());
        let mut whole = true;
        while let Some(part) = stream.next().await {
            match part {
                Ok(part) => bytes.extend_from_slice(&part),
                Err(error) => {
                    whole = false;
                    result = Err(error);
                }
            }
        }
        assert!(expected.starts_with(&bytes) && (!whole || bytes == *expected), "{what}: {name} has other bytes");
    }
    result
}

async fn is_found_by_check(folder: &Path) -> bool {
    let Ok(repository) = Repository::open(location(folder)).await else { return true };
    let report = repository.check(CheckOptions { read_data: true }, None, CancellationToken::new()).await.unwrap();
    !report.damage.is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_never_gives_other_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let content = small(folder.path()).await;
    read_all(folder.path(), &content, "undamaged").await.unwrap();
    assert!(!is_found_by_check(folder.path()).await);
    for object in objects(folder.path()) {
        let good = fs::read(&object).unwrap();
        // All of a small object; of a large one its ends, and here and there between.
        let stride = (good.len() / 150).max(1);
        let ends = (0..64).chain(good.len().saturating_sub(64)..good.len());
        for at in (0..good.len()).step_by(stride).chain(ends).filter(|&at| at < good.len()) {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            fs::write(&object, bad).unwrap();
            let what = format!("byte {at} of {}", object.display());
            let _ = read_all(folder.path(), &content, &what).await;
            if at % 16 == 0 {
                assert!(is_found_by_check(folder.path()).await, "check passes over {what}");
            }
        }
        fs::write(&object, good).unwrap();
    }
    read_all(folder.path(), &content, "mended").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_or_cut_object_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let content = small(folder.path()).await;
    for object in objects(folder.path()) {
        let good = fs::read(&object).unwrap();
        let name = object.strip_prefix(folder.path().join("repository")).unwrap().to_string_lossy().into_owned();
        for left in [None, Some(0), Some(good.len() / 2), Some(good.len() - 1)] {
            match left {
                None => fs::remove_file(&object).unwrap(),
                Some(left) => fs::write(&object, &good[..left]).unwrap(),
            }
            let read = read_all(folder.path(), &content, &name).await;
            match read {
                // What the index has lost is found in the packs; the end of a pack is needed for that only.
                Ok(()) => {
                    let told = name.starts_with("index/") || is_found_by_check(folder.path()).await;
                    assert!(told, "{name}, {left:?} left, is not missed");
                }
                Err(error) => assert!(!error.to_string().is_empty()),
            }
            fs::write(&object, &good).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_leaves_out_what_is_damaged_and_brings_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let content = small(folder.path()).await;
    // The pack of the noise, by its size.
    let pack = objects(folder.path()).into_iter().max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    let mut bytes = fs::read(&pack).unwrap();
    bytes[150_000] ^= 1;
    fs::write(&pack, bytes).unwrap();
    let repository = Repository::open(location(folder.path())).await.unwrap();
    let snapshot = repository.resolve("latest").await.unwrap();
    let target = folder.path().join("target");
    let options = RestoreOptions { snapshot: snapshot.id, target: target.clone(), only: Vec::new() };
    let report = repository.restore(options, None, CancellationToken::new()).await.unwrap();
    let kinds: Vec<_> = report.issues.iter().map(|issue| issue.kind).collect();
    assert_eq!(kinds, [IssueKind::Damaged], "{:?}", report.issues);
    assert!(report.issues[0].path.ends_with(b"/noise"), "{:?}", report.issues);
    let source = target.join(folder.path().join("source").strip_prefix("/").unwrap());
    assert_eq!(fs::read(source.join("text")).unwrap(), content["text"]);
    let left: Vec<_> = fs::read_dir(&source).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["text"], "no part of the damaged file is left");
}
