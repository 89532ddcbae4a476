//! Backup and restore through the public API: what goes in comes out.

use engine::{
    BackupOptions, BackupReport, CheckOptions, Compression, Credentials, Error, IngestOptions, InitOptions, IssueKind,
    Location, NewFile, Repository, RestoreOptions, Snapshot, SnapshotFilter,
};
use futures::StreamExt;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{symlink, FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// A place for a repository, its key and a source.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Place {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(place.source()).unwrap();
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn source(&self) -> PathBuf {
        self.at("source")
    }

    fn location(&self) -> Location {
        Location {
            url: self.at("repository").to_string_lossy().into_owned(),
            credentials: Credentials::KeyFile(self.at("key")),
            memory: Some(128 << 20),
        }
    }

    async fn init(&self) -> Repository {
        Repository::init(self.location(), InitOptions { create_key: true, ..Default::default() }).await.unwrap()
    }

    async fn backup(&self, repository: &Repository) -> BackupReport {
        backup(repository, BackupOptions { paths: vec![self.source()], ..Default::default() }).await.unwrap()
    }

    /// What a restore of the source brings, by path within it.
    async fn restored(&self, repository: &Repository, snapshot: &Snapshot) -> BTreeMap<PathBuf, Item> {
        let target = tempfile::tempdir().unwrap();
        let options = RestoreOptions { snapshot: snapshot.id, target: target.path().into(), only: Vec::new() };
        let report = repository.restore(options, None, CancellationToken::new()).await.unwrap();
        assert_eq!(report.issues, []);
        items(&target.path().join(self.source().strip_prefix("/").unwrap()))
    }
}

async fn backup(repository: &Repository, options: BackupOptions) -> Result<BackupReport, Error> {
    repository.backup(options, None, CancellationToken::new()).await
}

/// Bytes that do not compress and do not repeat.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// All of an entry that a restore must bring back.
#[derive(Debug, PartialEq)]
struct Item {
    mode: u32,
    owner: (u32, u32),
    modified: (i64, i64),
    size: u64,
    content: Option<Vec<u8>>,
    target: Option<PathBuf>,
}

fn items(top: &Path) -> BTreeMap<PathBuf, Item> {
    fn visit(top: &Path, path: &Path, found: &mut BTreeMap<PathBuf, Item>) {
        let metadata = fs::symlink_metadata(path).unwrap();
        let is_folder = metadata.is_dir();
        let item = Item {
            mode: metadata.mode(),
            owner: (metadata.uid(), metadata.gid()),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            size: if is_folder { 0 } else { metadata.size() },
            content: metadata.is_file().then(|| fs::read(path).unwrap()),
            target: metadata.is_symlink().then(|| fs::read_link(path).unwrap()),
        };
        found.insert(path.strip_prefix(top).unwrap().to_path_buf(), item);
        if is_folder {
            for entry in fs::read_dir(path).unwrap() {
                visit(top, &entry.unwrap().path(), found);
            }
        }
    }
    let mut found = BTreeMap::new();
    visit(top, top, &mut found);
    found
}

fn fill(source: &Path) {
    fs::create_dir_all(source.join("deep/er/still")).unwrap();
    fs::write(source.join("empty"), b"").unwrap();
    fs::write(source.join("text"), "one line\n".repeat(1000)).unwrap();
    fs::write(source.join("deep/large"), noise(1, 9 << 20)).unwrap();
    fs::write(source.join("deep/zeros"), vec![0; 5 << 20]).unwrap();
    for number in 0..300 {
        fs::write(source.join(format!("deep/er/{number}")), noise(number, 1 + 97 * number as usize)).unwrap();
    }
    let name = unsafe_name();
    fs::write(source.join("deep").join(name), b"a name that is no UTF-8").unwrap();
    symlink("../text", source.join("deep/link")).unwrap();
    symlink("nowhere", source.join("dangling")).unwrap();
    fs::hard_link(source.join("deep/large"), source.join("again")).unwrap();
    fs::set_permissions(source.join("text"), fs::Permissions::from_mode(0o640)).unwrap();
    fs::set_permissions(source.join("deep/er/still"), fs::Permissions::from_mode(0o500)).unwrap();
    let sparse = fs::File::create(source.join("sparse")).unwrap();
    sparse.set_len(64 << 20).unwrap();
    sparse.write_all_at(&noise(7, 100_000), 20 << 20).unwrap();
    sparse.write_all_at(b"end", (64 << 20) - 3).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, source.join("pipe"), rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
        .unwrap();
}

fn unsafe_name() -> std::ffi::OsString {
    use std::os::unix::ffi::OsStringExt;
    std::ffi::OsString::from_vec(b"\xff\xfe name\n".to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_comes_back_as_it_was() {
    let place = Place::new();
    fill(&place.source());
    let before = items(&place.source());
    let repository = place.init().await;
    let report = place.backup(&repository).await;
    assert_eq!(report.issues, []);
    assert_eq!(report.snapshot.paths, [place.source().to_string_lossy().as_bytes()]);

    // As another program would open it.
    let repository = Repository::open(place.location()).await.unwrap();
    let latest = repository.resolve("latest").await.unwrap();
    assert_eq!(latest, report.snapshot);
    assert_eq!(place.restored(&repository, &latest).await, before);

    let target = tempfile::tempdir().unwrap();
    let options = RestoreOptions { snapshot: latest.id, target: target.path().into(), only: Vec::new() };
    repository.restore(options, None, CancellationToken::new()).await.unwrap();
    let restored = target.path().join(place.source().strip_prefix("/").unwrap());
    let inode = |name: &str| fs::metadata(restored.join(name)).unwrap().ino();
    assert_eq!(inode("again"), inode("deep/large"), "hard links are one file");
    let sparse = fs::metadata(restored.join("sparse")).unwrap();
    assert!(sparse.blocks() * 512 < 4 << 20, "holes stay holes: {} bytes on disk", sparse.blocks() * 512);

    let check = repository.check(CheckOptions { read_data: true }, None, CancellationToken::new()).await.unwrap();
    assert_eq!(check.damage, []);
    assert_eq!((check.snapshots, check.unused_packs), (1, 0));
    assert!(check.bytes_read > 9 << 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_is_not_stored_again() {
    let place = Place::new();
    fill(&place.source());
    let repository = place.init().await;
    let first = place.backup(&repository).await.snapshot.statistics;
    assert_eq!(first.unchanged, 0);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;

    // After the racy moment all is skipped; what is read all the same is known.
    place.backup(&repository).await;
    let third = place.backup(&repository).await;
    let statistics = &third.snapshot.statistics;
    assert_eq!(statistics.unchanged, statistics.files);
    assert_eq!((statistics.bytes_read, statistics.chunks_new, statistics.bytes), (0, 0, first.bytes));

    let options = BackupOptions { paths: vec![place.source()], paranoid: true, ..Default::default() };
    let paranoid = backup(&repository, options).await.unwrap();
    assert_eq!(paranoid.snapshot.statistics.unchanged, 0);
    assert_eq!(
        (paranoid.snapshot.statistics.bytes_read, paranoid.snapshot.statistics.chunks_new),
        (first.bytes_read, 0)
    );

    // An edit in the middle stores the chunks around it.
    let path = place.source().join("deep/large");
    fs::File::options().write(true).open(&path).unwrap().write_all_at(b"edited", 4 << 20).unwrap();
    let before = items(&place.source());
    let edited = place.backup(&repository).await;
    let new = edited.snapshot.statistics.bytes_new;
    assert!(new > 0 && new <= 5 << 20, "{new} bytes were new");
    assert_eq!(place.restored(&repository, &edited.snapshot).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_files_between_known_ones_share_a_segment() {
    let place = Place::new();
    for number in (0..200).step_by(2) {
        fs::write(place.source().join(format!("{number:03}")), noise(number, 500)).unwrap();
    }
    let repository = place.init().await;
    place.backup(&repository).await;
    for number in (1..200).step_by(2) {
        fs::write(place.source().join(format!("{number:03}")), noise(number, 700)).unwrap();
    }
    let before = items(&place.source());
    // All are read again, in the order of their names, and every second one is known.
    let options = BackupOptions { paths: vec![place.source()], paranoid: true, ..Default::default() };
    let report = backup(&repository, options).await.unwrap();
    assert_eq!(report.snapshot.statistics.bytes_new, 100 * 700);
    assert_eq!(place.restored(&repository, &report.snapshot).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_compression_restores() {
    let place = Place::new();
    fs::write(place.source().join("text"), "words and words ".repeat(100_000)).unwrap();
    fs::write(place.source().join("noise"), noise(3, 3 << 20)).unwrap();
    let before = items(&place.source());
    for compression in [Compression::Off, Compression::Lz4, Compression::Zstd(-7), Compression::Zstd(19)] {
        let folder = Place { folder: tempfile::tempdir().unwrap() };
        let repository = folder.init().await;
        let options = BackupOptions { paths: vec![place.source()], compression, ..Default::default() };
        let report = backup(&repository, options).await.unwrap();
        let stored = report.snapshot.statistics.bytes_stored;
        assert_eq!(stored < 4 << 20, compression != Compression::Off, "{compression:?} stored {stored} bytes");
        assert_eq!(place.restored(&repository, &report.snapshot).await, before, "{compression:?}");
    }
    let repository = place.init().await;
    let options =
        BackupOptions { paths: vec![place.source()], compression: Compression::Zstd(20), ..Default::default() };
    let error = backup(&repository, options).await.unwrap_err();
    assert_eq!(error.to_string(), "compression: zstd has no level 20; choose -7 to 19");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_is_restored_and_read() {
    let place = Place::new();
    fill(&place.source());
    let repository = place.init().await;
    let snapshot = place.backup(&repository).await.snapshot;
    let source = place.source().strip_prefix("/").unwrap().to_path_buf();
    let path = |name: &str| source.join(name).to_string_lossy().into_owned().into_bytes();

    let target = tempfile::tempdir().unwrap();
    let only = vec![path("deep/er"), path("text")];
    let options = RestoreOptions { snapshot: snapshot.id, target: target.path().into(), only };
    repository.restore(options, None, CancellationToken::new()).await.unwrap();
    let restored = items(&target.path().join(&source));
    let expected = items(&place.source());
    assert_eq!(restored.len(), 2 + 2 + 301);
    assert!(restored.iter().all(|(path, item)| expected[path] == *item));

    let options = RestoreOptions { snapshot: snapshot.id, target: target.path().into(), only: vec![b"none".to_vec()] };
    let error = repository.restore(options, None, CancellationToken::new()).await.unwrap_err();
    assert_eq!(error, Error::NoSuchPath { at: b"none".to_vec() });

    for name in ["deep/large", "sparse", "empty", "deep/er/299", "deep/zeros"] {
        let mut content = Vec::new();
        let mut stream = repository.read(snapshot.id, name.as_bytes().to_vec());
        while let Some(part) = stream.next().await {
            content.extend_from_slice(&part.unwrap());
        }
        assert!(content == fs::read(place.source().join(name)).unwrap(), "{name}");
    }
    for (name, text) in [
        ("none", "the snapshot has no none; list its entries with ls"),
        ("still", "the snapshot has no still; list its entries with ls"),
    ] {
        let error = repository.read(snapshot.id, name.into()).next().await.unwrap().unwrap_err();
        assert_eq!(error.to_string(), text);
    }
    let folder = repository.read(snapshot.id, path("deep")).next().await.unwrap().unwrap_err();
    assert!(folder.to_string().ends_with("it is a folder, which has no content; name a file"), "{folder}");

    let listed: Vec<_> =
        repository.list(snapshot.id, path("deep"), false).map(|entry| entry.unwrap().path).collect().await;
    assert_eq!(listed.len(), 5);
    let all: Vec<_> = repository.list(snapshot.id, Vec::new(), true).map(|entry| entry.unwrap().path).collect().await;
    assert_eq!(all.len(), source.components().count() - 1 + expected.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_replaces_what_has_changed() {
    let place = Place::new();
    fs::create_dir(place.source().join("folder")).unwrap();
    fs::write(place.source().join("folder/file"), b"as it was").unwrap();
    let before = items(&place.source());
    let repository = place.init().await;
    let snapshot = place.backup(&repository).await.snapshot;
    fs::write(place.source().join("folder/file"), b"changed, and longer").unwrap();
    let options = RestoreOptions { snapshot: snapshot.id, target: "/".into(), only: Vec::new() };
    // Whoever runs this may not own the folders above.
    let report = repository.restore(options, None, CancellationToken::new()).await.unwrap();
    assert!(report.issues.iter().all(|issue| issue.kind == IssueKind::Metadata), "{:?}", report.issues);
    assert_eq!(items(&place.source()), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn ingested_files_come_back() {
    let place = Place::new();
    let repository = place.init().await;
    let ingest = repository.ingest(IngestOptions::default(), CancellationToken::new()).await.unwrap();
    let file = |path: &str| NewFile { path: path.into(), mode: 0o640, modified: None };
    let dump = ingest.add(file("dump.sql")).await.unwrap();
    let content = noise(5, 11 << 20);
    for part in content.chunks(300_000) {
        ingest.write(dump, part.to_vec().into()).await.unwrap();
    }
    let mut mails = Vec::new();
    for number in 0..500 {
        let id = ingest.add(file(&format!("mail/{}/{number}", number % 7))).await.unwrap();
        ingest.write(id, format!("mail {number}").into_bytes().into()).await.unwrap();
        mails.push(id);
    }
    ingest.finish(mails[0]).await.unwrap();
    assert!(matches!(ingest.write(mails[0], b"late"[..].into()).await, Err(Error::Invalid { .. })));
    for wrong in ["", "/a", "a/../b", "a//b", "dump.sql", "dump.sql/below", "mail"] {
        assert!(matches!(ingest.add(file(wrong)).await, Err(Error::Invalid { .. })), "{wrong:?}");
    }
    let report = ingest.commit().await.unwrap();
    assert_eq!((report.snapshot.statistics.files, report.snapshot.statistics.folders), (501, 8));

    let target = tempfile::tempdir().unwrap();
    let options = RestoreOptions { snapshot: report.snapshot.id, target: target.path().into(), only: Vec::new() };
    repository.restore(options, None, CancellationToken::new()).await.unwrap();
    assert!(fs::read(target.path().join("dump.sql")).unwrap() == content);
    for number in 0..500 {
        let mail = fs::read(target.path().join(format!("mail/{}/{number}", number % 7))).unwrap();
        assert_eq!(mail, format!("mail {number}").into_bytes());
    }
    assert_eq!(fs::metadata(target.path().join("dump.sql")).unwrap().mode() & 0o7777, 0o640);

    // Not committed: no snapshot.
    let ingest = repository.ingest(IngestOptions::default(), CancellationToken::new()).await.unwrap();
    ingest.add(file("lost")).await.unwrap();
    drop(ingest);
    let snapshots: Vec<_> = repository.snapshots(SnapshotFilter::default()).collect().await;
    assert_eq!(snapshots.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn repositories_that_cannot_be_opened_say_why() {
    let place = Place::new();
    let url = place.location().url;
    let open = |location: Location| async move { Repository::open(location).await.err().unwrap().to_string() };
    fs::write(place.at("key"), "strongroom-key-1 ".to_owned() + &"ab".repeat(32)).unwrap();
    assert_eq!(open(place.location()).await, format!("there is no repository at {url}; create one with init"));
    fs::create_dir(&url).unwrap();
    fs::write(Path::new(&url).join("letter"), "mine").unwrap();
    assert_eq!(open(place.location()).await, format!("{url} is not a repository: it has no config object"));
    let init = Repository::init(place.location(), InitOptions::default()).await.err().unwrap();
    assert!(matches!(init, Error::NotARepository { .. }), "{init}");
    fs::remove_file(Path::new(&url).join("letter")).unwrap();

    Repository::init(place.location(), InitOptions::default()).await.unwrap();
    let again = Repository::init(place.location(), InitOptions::default()).await.err().unwrap();
    assert_eq!(again, Error::AlreadyExists { url: url.clone() });
    let other = |text: String| {
        fs::write(place.at("other"), text).unwrap();
        Location { credentials: Credentials::KeyFile(place.at("other")), ..place.location() }
    };
    assert_eq!(open(other("strongroom-key-1 ".to_owned() + &"cd".repeat(32))).await, Error::WrongKey.to_string());
    let location = Location { credentials: Credentials::Password("guess".to_owned().into()), ..place.location() };
    assert_eq!(open(location).await, Error::WrongKey.to_string());
    assert!(open(other("no key".into()))
        .await
        .ends_with("it is not a key file; give the file that init made, or a copy of it"));
    let location = Location { url: "gs://bucket".into(), ..place.location() };
    assert_eq!(open(location).await, "gs://bucket: cannot store to gs://; give a folder or s3://bucket/prefix");
}
