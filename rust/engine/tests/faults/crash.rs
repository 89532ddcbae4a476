//! A crash, or trouble, at every operation of the store in turn. Afterwards the repository is clean, every committed
//! snapshot comes back byte for byte, and the next backup succeeds.

use super::*;
use crate::source::{change, fill, noise};
use crate::store::{Disk, Fault};
use engine::{chunk, generate_key_file, IngestOptions, InitOptions, NewFile};
use parking_lot::Mutex;
use std::fs;
use tempfile::TempDir;

const FAULTS: &[Fault] = &[
    Fault::DeathBefore,
    Fault::DeathAfter,
    Fault::DeathWithin,
    Fault::Torn,
    Fault::Refused,
    Fault::Lost,
    Fault::Taken,
    Fault::Full,
    Fault::Slow,
    Fault::Stale,
    Fault::Flipped,
];

/// So that the smallest tree has files of several chunks.
const CHUNKS: chunk::Params = chunk::Params { min: 16 << 10, average: 64 << 10, max: 256 << 10 };

/// A repository with one snapshot of a source, which has changed since.
struct Scene {
    folder: TempDir,
    base: Disk,
    first: Snapshot,
    before: Items,
    now: Items,
}

impl Scene {
    async fn new() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        generate_key_file(&folder.path().join("key")).unwrap();
        let source = folder.path().join("source");
        fs::create_dir(&source).unwrap();
        fill(&source);
        let before = items(&source);
        let disk = Arc::default();
        let store = Arc::new(FaultStore::new(&disk));
        let options = InitOptions { create_key: false, chunks: CHUNKS };
        let repository = Repository::init_in(store, location(folder.path()), options).await.unwrap();
        let first = backup(&repository, &source, "host", "first").await.unwrap().snapshot;
        change(&source);
        let now = items(&source);
        assert_ne!(before, now);
        let base = disk.lock().clone();
        Scene { folder, base, first, before, now }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn source(&self) -> PathBuf {
        self.path().join("source")
    }

    /// The disk as it was, and a process's way to it.
    fn start(&self) -> (Arc<Mutex<Disk>>, FaultStore) {
        let disk = Arc::new(Mutex::new(self.base.clone()));
        let store = FaultStore::new(&disk);
        (disk, store)
    }
}

/// What must hold after a run on a disk, whatever happened to it; `committed` are the snapshots that it promised.
async fn holds(scene: &Scene, disk: &Arc<Mutex<Disk>>, committed: &[Id], fault: Fault, what: &str) {
    let repository = open(scene.path(), &FaultStore::new(disk)).await.expect(what);
    let options = CheckOptions { read_data: true };
    let report = repository.check(options, None, CancellationToken::new()).await.expect(what);
    match fault {
        // What a part of it has the name of is told, and nothing else.
        Fault::Torn => assert!(report.damage.iter().all(|damage| what.ends_with(&damage.object)), "{what}: {report:?}"),
        _ => assert_eq!(report.damage, [], "{what}"),
    }
    let found = snapshots(&repository).await;
    assert_eq!(found[0], scene.first, "{what}");
    assert!(found.len() <= 2, "{what}: {found:?}");
    for id in committed {
        assert!(found.iter().any(|snapshot| snapshot.id == *id), "{what}: {id} was committed");
    }
    for snapshot in &found {
        let expected = if snapshot.id == scene.first.id { &scene.before } else { &scene.now };
        let back = bring_back(&repository, snapshot.id, scene.path(), &scene.source()).await;
        assert!(back == *expected, "{what}: {back:?} instead of {expected:?}");
    }
    let next = backup(&repository, &scene.source(), "host", "next").await.expect(what).snapshot;
    let back = bring_back(&repository, next.id, scene.path(), &scene.source()).await;
    assert!(back == scene.now, "{what}: {back:?} instead of {:?}", scene.now);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_survives_a_fault_at_every_operation() {
    let scene = Scene::new().await;
    for &fault in FAULTS {
        for at in 0.. {
            let (disk, store) = scene.start();
            store.arm(at, fault);
            let outcome = match open(scene.path(), &store).await {
                Ok(repository) => backup(&repository, &scene.source(), "host", "second").await,
                Err(error) => Err(error),
            };
            let Some(what) = store.disarm() else {
                outcome.expect("nothing happened to it");
                assert!(at > 0, "{fault:?} never happened");
                break;
            };
            if fault.is_death() {
                let error = outcome.as_ref().err();
                assert!(error.is_some(), "{what}: a dead process tells of a snapshot");
            }
            // A write that has no answer is settled; nothing else of these makes a backup fail.
            let is_write = what.contains(", create ");
            let goes_on = matches!(fault, Fault::Slow | Fault::Stale | Fault::Taken);
            if goes_on || (is_write && matches!(fault, Fault::Refused | Fault::Lost)) {
                assert!(outcome.is_ok(), "{what}: {:?}", outcome.err());
            }
            if fault == Fault::Full {
                assert!(matches!(outcome, Err(Error::NoSpace { .. })), "{what}: {outcome:?}");
            }
            let committed: Vec<Id> = outcome.iter().map(|report| report.snapshot.id).collect();
            holds(&scene, &disk, &committed, fault, &what).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verified_backup_names_no_pack_that_was_spoiled() {
    let scene = Scene::new().await;
    for verify in [false, true] {
        for at in 0.. {
            let (disk, store) = scene.start();
            let repository = open(scene.path(), &store).await.unwrap();
            store.arm(at, Fault::Spoiled);
            let options = BackupOptions { paths: vec![scene.source()], verify, ..Default::default() };
            let outcome = repository.backup(options, None, CancellationToken::new()).await;
            let Some(what) = store.disarm() else {
                outcome.expect("nothing happened to it");
                assert!(at > 0, "no pack was spoiled");
                break;
            };
            let spoiled = what.rsplit(' ').next().unwrap_or_default();
            match outcome {
                Ok(_) => {
                    assert!(!verify, "{what}: it is not noticed");
                    // This is what the option is for.
                    let repository = open(scene.path(), &FaultStore::new(&disk)).await.expect(&what);
                    let options = CheckOptions { read_data: true };
                    let report = repository.check(options, None, CancellationToken::new()).await.expect(&what);
                    assert!(report.damage.iter().any(|damage| damage.object == spoiled), "{what}: {report:?}");
                }
                Err(error) => {
                    assert!(verify, "{what}: {error}");
                    let text = format!(
                        "{spoiled} is damaged: it does not read back as it was written; see to the disk or the server, \
                         then back up again: no snapshot names it"
                    );
                    assert_eq!(error.to_string(), text);
                    holds(&scene, &disk, &[], Fault::Spoiled, &what).await;
                }
            }
        }
    }
}

/// What an ingest brings, by path.
fn ingested() -> [(&'static str, Vec<u8>); 2] {
    [("dump.sql", noise(5, 200_000)), ("mail/1", noise(6, 900))]
}

async fn ingest(repository: &Repository) -> Result<Snapshot, Error> {
    let ingest = repository.ingest(IngestOptions::default(), CancellationToken::new()).await?;
    for (path, content) in ingested() {
        let file = NewFile { path: path.into(), mode: 0o600, modified: None };
        let entry = ingest.add(file).await?;
        ingest.write(entry, content.into()).await?;
    }
    Ok(ingest.commit().await?.snapshot)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ingest_survives_a_fault_at_every_operation() {
    let scene = Scene::new().await;
    for &fault in FAULTS.iter().filter(|fault| **fault != Fault::Torn) {
        for at in 0.. {
            let (disk, store) = scene.start();
            store.arm(at, fault);
            let outcome = match open(scene.path(), &store).await {
                Ok(repository) => ingest(&repository).await,
                Err(error) => Err(error),
            };
            let happened = store.disarm();
            let what = happened.clone().unwrap_or_default();
            let repository = open(scene.path(), &FaultStore::new(&disk)).await.expect(&what);
            is_clean(&repository, &what).await;
            let found = snapshots(&repository).await;
            assert_eq!(found[0], scene.first, "{what}");
            if let Ok(snapshot) = &outcome {
                assert_eq!(found.last(), Some(snapshot), "{what}: it was committed");
            }
            let next = ingest(&repository).await.expect(&what);
            for snapshot in found[1..].iter().chain([&next]) {
                for (path, content) in ingested() {
                    let parts: Vec<_> = repository.read(snapshot.id, path.into()).collect().await;
                    let bytes: Vec<u8> = parts.into_iter().flat_map(|part| part.expect(&what)).collect();
                    assert!(bytes == content, "{what}: {path}");
                }
            }
            if happened.is_none() {
                outcome.expect("nothing happened to it");
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_init_survives_a_fault_at_every_operation() {
    let scene = Scene::new().await;
    for &fault in FAULTS {
        for at in 0.. {
            let disk = Arc::default();
            let store = FaultStore::new(&disk);
            store.arm(at, fault);
            let options = InitOptions { create_key: false, chunks: CHUNKS };
            let brought: Arc<dyn engine::store::Store> = Arc::new(store.clone());
            let outcome = Repository::init_in(brought, location(scene.path()), options.clone()).await;
            let Some(what) = store.disarm() else {
                outcome.expect("nothing happened to it");
                break;
            };
            // A config that a store keeps in part is no config, and the store no place for a repository.
            if fault == Fault::Torn && disk.lock().names().any(|name| name == "config") {
                continue;
            }
            let again = Repository::init_in(Arc::new(FaultStore::new(&disk)), location(scene.path()), options).await;
            match again {
                Ok(_) => assert!(outcome.is_err(), "{what}: made twice"),
                Err(Error::AlreadyExists { .. }) => {}
                Err(error) => panic!("{what}: {error}"),
            }
            let repository = open(scene.path(), &FaultStore::new(&disk)).await.expect(&what);
            let snapshot = backup(&repository, &scene.source(), "host", "next").await.expect(&what).snapshot;
            is_clean(&repository, &what).await;
            let back = bring_back(&repository, snapshot.id, scene.path(), &scene.source()).await;
            assert!(back == scene.now, "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_survives_a_fault_at_every_operation() {
    let scene = Scene::new().await;
    for &fault in FAULTS {
        for at in 0.. {
            let (disk, store) = scene.start();
            let target = tempfile::tempdir_in(scene.path()).unwrap();
            let options = RestoreOptions { snapshot: scene.first.id, target: target.path().into(), only: Vec::new() };
            store.arm(at, fault);
            let outcome = match open(scene.path(), &store).await {
                Ok(repository) => repository.restore(options.clone(), None, CancellationToken::new()).await,
                Err(error) => Err(error),
            };
            let happened = store.disarm();
            let what = happened.clone().unwrap_or_default();
            let there = restored(target.path(), &scene.source());
            if there.exists() {
                // Whatever has its name is whole; a folder gets its mode and time when all is over.
                for (name, item) in items(&there).iter().filter(|(_, item)| !item.is_folder()) {
                    assert_eq!(scene.before.get(name), Some(item), "{what}: {}", name.display());
                }
            }
            if let Ok(report) = &outcome {
                let whole = there.exists() && items(&there) == scene.before;
                assert!(whole || !report.issues.is_empty(), "{what}: what is missing is not told");
            }
            let repository = open(scene.path(), &FaultStore::new(&disk)).await.expect(&what);
            let report = repository.restore(options, None, CancellationToken::new()).await.expect(&what);
            assert_eq!(report.issues, [], "{what}");
            assert!(items(&there) == scene.before, "{what}");
            if happened.is_none() {
                assert!(outcome.is_ok_and(|report| report.issues.is_empty()));
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_survives_a_fault_at_every_operation() {
    let scene = Scene::new().await;
    for &fault in FAULTS {
        for at in 0.. {
            let (disk, store) = scene.start();
            store.arm(at, fault);
            let options = CheckOptions { read_data: true };
            let outcome = match open(scene.path(), &store).await {
                Ok(repository) => repository.check(options, None, CancellationToken::new()).await,
                Err(error) => Err(error),
            };
            let Some(what) = store.disarm() else {
                assert_eq!(outcome.expect("nothing happened to it").damage, []);
                break;
            };
            match fault {
                Fault::Slow => assert_eq!(outcome.expect(&what).damage, []),
                _ if fault.is_death() => {
                    assert!(
                        outcome.map_or(true, |report| !report.damage.is_empty()),
                        "{what}: a dead process is content"
                    );
                }
                _ => {}
            }
            let (left, before): (Vec<String>, Vec<String>) =
                (disk.lock().names().map(String::from).collect(), scene.base.names().map(String::from).collect());
            assert_eq!(left, before, "{what}: a check writes nothing");
        }
    }
}
