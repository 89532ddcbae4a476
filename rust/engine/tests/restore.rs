//! Restores that meet trouble: damage, a target that is in use, trees of unusual shape, a cancellation.

use engine::{
    chunk, BackupOptions, CheckOptions, Credentials, Error, InitOptions, IssueKind, Location, Repository,
    RestoreOptions, RestoreReport, Snapshot,
};
use futures::StreamExt;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

struct Place {
    folder: TempDir,
    repository: Repository,
}

impl Place {
    async fn new(chunks: chunk::Params) -> Place {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("source")).unwrap();
        let location = Location {
            url: folder.path().join("repository").to_string_lossy().into_owned(),
            credentials: Credentials::KeyFile(folder.path().join("key")),
            memory: Some(128 << 20),
        };
        let repository = Repository::init(location, InitOptions { create_key: true, chunks }).await.unwrap();
        Place { folder, repository }
    }

    fn source(&self) -> PathBuf {
        self.folder.path().join("source")
    }

    fn target(&self) -> PathBuf {
        self.folder.path().join("target")
    }

    /// Where the source is in the target.
    fn restored(&self) -> PathBuf {
        self.target().join(self.source().strip_prefix("/").unwrap())
    }

    /// A path of the source, as the snapshot has it.
    fn named(&self, name: &str) -> Vec<u8> {
        self.source().join(name).strip_prefix("/").unwrap().to_string_lossy().into_owned().into_bytes()
    }

    async fn backup(&self) -> Snapshot {
        let options = BackupOptions { paths: vec![self.source()], ..Default::default() };
        let report = self.repository.backup(options, None, CancellationToken::new()).await.unwrap();
        assert_eq!(report.issues, []);
        report.snapshot
    }

    async fn restore(&self, snapshot: &Snapshot, only: &[&str]) -> Result<RestoreReport, Error> {
        let only = only.iter().map(|name| self.named(name)).collect();
        let options = RestoreOptions { snapshot: snapshot.id, target: self.target(), only };
        self.repository.restore(options, None, CancellationToken::new()).await
    }

    /// The packs, the largest first.
    fn packs(&self) -> Vec<PathBuf> {
        let folders = fs::read_dir(self.folder.path().join("repository/packs")).unwrap();
        let mut packs: Vec<_> = folders
            .flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap())
            .map(|pack| pack.unwrap().path())
            .collect();
        packs.sort_by_key(|pack| std::cmp::Reverse(fs::metadata(pack).unwrap().len()));
        packs
    }
}

fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn issues(report: &RestoreReport) -> Vec<(String, IssueKind)> {
    report.issues.iter().map(|issue| (String::from_utf8_lossy(&issue.path).into_owned(), issue.kind)).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[tokio::test(flavor = "multi_thread")]
async fn no_name_of_a_damaged_file_gets_what_stood_there_before() {
    let place = Place::new(Default::default()).await;
    fs::write(place.source().join("first"), noise(1, 3 << 20)).unwrap();
    fs::hard_link(place.source().join("first"), place.source().join("second")).unwrap();
    fs::write(place.source().join("sound"), b"sound").unwrap();
    let snapshot = place.backup().await;
    for pack in place.packs().iter().filter(|pack| fs::metadata(pack).unwrap().len() > 1 << 20) {
        let mut bytes = fs::read(pack).unwrap();
        bytes[500_000] ^= 1;
        fs::write(pack, bytes).unwrap();
    }
    fs::create_dir_all(place.restored()).unwrap();
    fs::write(place.restored().join("first"), b"stale").unwrap();
    let report = place.restore(&snapshot, &[]).await.unwrap();
    let name = |name: &str| String::from_utf8(place.named(name)).unwrap();
    assert_eq!(issues(&report), [(name("first"), IssueKind::Damaged), (name("second"), IssueKind::Damaged)]);
    assert!(!place.restored().join("second").exists(), "a link of what is not the file");
    assert_eq!(fs::read(place.restored().join("first")).unwrap(), b"stale");
    assert_eq!(fs::read(place.restored().join("sound")).unwrap(), b"sound");
    let statistics = &report.statistics;
    assert_eq!((statistics.files, statistics.bytes), (1, 5), "only what is there is counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_one_file_are_all_counted() {
    let place = Place::new(Default::default()).await;
    fs::write(place.source().join("first"), noise(1, 100_000)).unwrap();
    fs::hard_link(place.source().join("first"), place.source().join("second")).unwrap();
    let snapshot = place.backup().await;
    let report = place.restore(&snapshot, &[]).await.unwrap();
    assert_eq!(report.issues, []);
    let (saved, restored) = (snapshot.statistics, report.statistics);
    assert_eq!((restored.files, restored.bytes), (saved.files, saved.bytes));
    assert_eq!(restored.folders, saved.folders);
}

/// The second of two packs cannot be read at all: a directory stands for it, which the system refuses to read.
#[tokio::test(flavor = "multi_thread")]
async fn a_pack_that_cannot_be_read_takes_only_its_own_files_along() {
    let place = Place::new(Default::default()).await;
    fs::write(place.source().join("a"), noise(1, 200_000)).unwrap();
    place.backup().await;
    let before = place.packs();
    fs::write(place.source().join("b"), noise(2, 200_000)).unwrap();
    let snapshot = place.backup().await;
    let broken = place.packs().into_iter().find(|pack| !before.contains(pack)).unwrap();
    fs::remove_file(&broken).unwrap();
    fs::create_dir(&broken).unwrap();
    let report = place.restore(&snapshot, &[]).await.unwrap();
    assert_eq!(issues(&report), [(String::from_utf8(place.named("b")).unwrap(), IssueKind::Unreadable)]);
    assert!(report.issues[0].message.contains("Is a directory"), "{}", report.issues[0].message);
    assert!(fs::read(place.restored().join("a")).unwrap() == noise(1, 200_000));
    assert!(!place.restored().join("b").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_files_whose_chunks_are_far_apart_come_back() {
    // Small chunks, so that each of very many files is in several packs.
    let place = Place::new(chunk::Params { min: 1 << 10, average: 4 << 10, max: 16 << 10 }).await;
    for number in 0..3000 {
        fs::write(place.source().join(number.to_string()), noise(number, 20_000)).unwrap();
    }
    let snapshot = place.backup().await;
    let report = place.restore(&snapshot, &[]).await.unwrap();
    assert_eq!(report.issues, []);
    for number in 0..3000 {
        assert!(fs::read(place.restored().join(number.to_string())).unwrap() == noise(number, 20_000), "{number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_leaves_the_folders_above_it_alone() {
    let place = Place::new(Default::default()).await;
    fs::create_dir_all(place.source().join("above/part")).unwrap();
    fs::write(place.source().join("above/part/file"), b"content").unwrap();
    fs::set_permissions(place.source().join("above"), fs::Permissions::from_mode(0o711)).unwrap();
    let snapshot = place.backup().await;

    // A folder that is not there is made as the snapshot has it.
    place.restore(&snapshot, &["above/part"]).await.unwrap();
    assert_eq!(mode(&place.restored().join("above")), 0o711);
    // One that is there belongs to whoever made it.
    fs::set_permissions(place.restored().join("above"), fs::Permissions::from_mode(0o755)).unwrap();
    let before = fs::metadata(place.restored().join("above")).unwrap();
    place.restore(&snapshot, &["above/part"]).await.unwrap();
    let after = fs::metadata(place.restored().join("above")).unwrap();
    assert_eq!((after.mode(), after.mtime(), after.ctime_nsec()), (before.mode(), before.mtime(), before.ctime_nsec()));
    assert_eq!(fs::read(place.restored().join("above/part/file")).unwrap(), b"content");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_restore_leaves_folders_as_usable_as_before() {
    let place = Place::new(Default::default()).await;
    fs::create_dir(place.source().join("folder")).unwrap();
    for number in 0..60 {
        fs::write(place.source().join(format!("folder/{number}")), noise(number, 2 << 20)).unwrap();
    }
    fs::set_permissions(place.source().join("folder"), fs::Permissions::from_mode(0o755)).unwrap();
    let snapshot = place.backup().await;
    let folder = place.restored().join("folder");
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();

    let cancel = CancellationToken::new();
    let options = RestoreOptions { snapshot: snapshot.id, target: place.target(), only: Vec::new() };
    let under_way = {
        let (cancel, folder) = (cancel.clone(), folder.clone());
        tokio::task::spawn_blocking(move || {
            // As soon as there is something in it.
            while fs::read_dir(&folder).unwrap().next().is_none() {
                std::thread::yield_now();
            }
            cancel.cancel();
        })
    };
    let result = place.repository.restore(options, None, cancel).await;
    under_way.await.unwrap();
    assert_eq!(result.unwrap_err(), Error::Cancelled);
    assert_eq!(mode(&folder), 0o755);
    for entry in fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let number = name.parse().unwrap_or_else(|_| panic!("{name} was left behind"));
        assert!(fs::read(entry.path()).unwrap() == noise(number, 2 << 20), "{name} is not whole");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_no_folder_is_told() {
    let place = Place::new(Default::default()).await;
    let snapshot = place.backup().await;
    fs::write(place.target(), b"a file").unwrap();
    let error = place.restore(&snapshot, &[]).await.unwrap_err();
    let target = place.target().to_string_lossy().into_owned();
    assert_eq!(error, Error::File { at: target.into(), why: "File exists (os error 17)".into() });
    assert_eq!(fs::read(place.target()).unwrap(), b"a file");
}

const DEEP: usize = 9000;

/// Makes folders in one another, deeper than a path may be long, and a file in the last.
fn dig(top: &Path) {
    use rustix::fs::{Mode, OFlags, CWD};
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut at = rustix::fs::openat(CWD, top, flags, Mode::empty()).unwrap();
    for _ in 0..DEEP {
        rustix::fs::mkdirat(&at, "a folder", Mode::RWXU).unwrap();
        at = rustix::fs::openat(&at, "a folder", flags, Mode::empty()).unwrap();
    }
    let file = rustix::fs::openat(&at, "file", OFlags::CREATE | OFlags::WRONLY, Mode::RUSR).unwrap();
    rustix::io::write(&file, b"at the bottom").unwrap();
}

/// Removes them, which needs no long path: the second always comes up.
fn fill_up(top: &Path) {
    let (first, second) = (top.join("a folder"), top.join("second"));
    for _ in 1..DEEP {
        fs::rename(first.join("a folder"), &second).unwrap();
        fs::remove_dir(&first).unwrap();
        fs::rename(&second, &first).unwrap();
    }
    assert_eq!(fs::read(first.join("file")).unwrap(), b"at the bottom");
    fs::remove_dir_all(&first).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_may_be_deeper_than_paths_are_long() {
    let place = Place::new(Default::default()).await;
    dig(&place.source());
    let snapshot = place.backup().await;
    let entries = place.repository.list(snapshot.id, place.named(""), true).count().await;
    assert_eq!(entries, 1 + DEEP + 1);
    let read: Vec<_> = place.repository.read(snapshot.id, b"file".to_vec()).collect().await;
    assert_eq!(read, [Ok(b"at the bottom"[..].into())]);
    let check = place.repository.check(CheckOptions { read_data: true }, None, CancellationToken::new()).await.unwrap();
    assert_eq!(check.damage, []);
    let report = place.restore(&snapshot, &[]).await.unwrap();
    assert_eq!(report.issues, []);
    fill_up(&place.source());
    fill_up(&place.restored());
}
