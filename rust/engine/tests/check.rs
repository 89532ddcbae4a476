//! Check: what it finds, what it says of it, and that no damage keeps it from the rest.

use engine::{BackupOptions, CheckOptions, CheckReport, Credentials, InitOptions, Location, Repository};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

struct Place {
    folder: TempDir,
}

impl Place {
    /// A repository of so many snapshots, each with a file of its own.
    async fn new(snapshots: u64) -> Place {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        let source = place.folder.path().join("source");
        fs::create_dir(&source).unwrap();
        let options = InitOptions { create_key: true, ..Default::default() };
        let repository = Repository::init(place.location(), options).await.unwrap();
        for number in 0..snapshots {
            let mut noise = vec![0; 300_000];
            blake3::Hasher::new().update(&number.to_le_bytes()).finalize_xof().fill(&mut noise);
            fs::write(source.join(number.to_string()), noise).unwrap();
            let options = BackupOptions { paths: vec![source.clone()], ..Default::default() };
            repository.backup(options, None, CancellationToken::new()).await.unwrap();
        }
        place
    }

    fn location(&self) -> Location {
        Location {
            url: self.object("").to_string_lossy().into_owned(),
            credentials: Credentials::KeyFile(self.folder.path().join("key")),
            memory: Some(64 << 20),
        }
    }

    fn object(&self, name: &str) -> PathBuf {
        self.folder.path().join("repository").join(name)
    }

    fn objects(&self, folder: &str) -> Vec<String> {
        fn visit(path: &Path, name: &str, found: &mut Vec<String>) {
            for entry in fs::read_dir(path).unwrap() {
                let entry = entry.unwrap();
                let name = format!("{name}/{}", entry.file_name().to_str().unwrap());
                match entry.path().is_dir() {
                    true => visit(&entry.path(), &name, found),
                    false => found.push(name),
                }
            }
        }
        let mut found = Vec::new();
        visit(&self.object(folder), folder, &mut found);
        found.sort();
        found
    }

    /// Packs with the content of files, not those of folders.
    fn data_packs(&self) -> Vec<String> {
        let is_large = |name: &String| fs::metadata(self.object(name)).unwrap().len() > 100_000;
        self.objects("packs").into_iter().filter(is_large).collect()
    }

    async fn check(&self, read_data: bool) -> CheckReport {
        // As another program would: with nothing in memory.
        let repository = Repository::open(self.location()).await.unwrap();
        repository.check(CheckOptions { read_data }, None, CancellationToken::new()).await.unwrap()
    }
}

fn told(report: &CheckReport) -> Vec<(&str, &str)> {
    report.damage.iter().map(|damage| (damage.object.as_str(), damage.why.as_str())).collect()
}

const FROM_A_COPY: &str = "bring it back from a copy of the repository, or files with content in it cannot be restored";

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_repository_is_sound() {
    let place = Place::new(3).await;
    for read_data in [false, true] {
        let report = place.check(read_data).await;
        assert_eq!(told(&report), []);
        assert_eq!((report.snapshots, report.packs, report.unused_packs), (3, 6, 0));
        assert_eq!(report.bytes_read > 900_000, read_data);
        // Each snapshot has one file more, and the folders above it anew.
        assert!(report.chunks > 6, "{}", report.chunks);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn packs_that_are_lost_or_changed_are_all_named() {
    let place = Place::new(4).await;
    let packs = place.data_packs();
    assert_eq!(packs.len(), 4);
    fs::remove_file(place.object(&packs[0])).unwrap();
    let pack = fs::read(place.object(&packs[1])).unwrap();
    fs::write(place.object(&packs[1]), &pack[..pack.len() - 1]).unwrap();
    let mut pack = fs::read(place.object(&packs[2])).unwrap();
    pack[1000] ^= 1;
    fs::write(place.object(&packs[2]), pack).unwrap();

    let report = place.check(false).await;
    let short = format!(
        "it has {} bytes instead of {}; {FROM_A_COPY}",
        fs::metadata(place.object(&packs[1])).unwrap().len(),
        fs::metadata(place.object(&packs[1])).unwrap().len() + 1
    );
    let missing = format!("it is missing; {FROM_A_COPY}");
    assert_eq!(told(&report), [(packs[0].as_str(), missing.as_str()), (packs[1].as_str(), short.as_str())]);
    let report = place.check(true).await;
    let names: Vec<_> = told(&report).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, &packs[..3], "the content of all the others was read too");
    assert!(report.damage[2].why.contains("the seal of its segment 0 is broken"), "{:?}", report.damage[2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_that_cannot_be_read_does_not_end_the_check() {
    let place = Place::new(3).await;
    let packs = place.data_packs();
    // A directory stands for the second pack, which the system refuses to read.
    fs::remove_file(place.object(&packs[1])).unwrap();
    fs::create_dir(place.object(&packs[1])).unwrap();
    let mut pack = fs::read(place.object(&packs[2])).unwrap();
    pack[1000] ^= 1;
    fs::write(place.object(&packs[2]), pack).unwrap();
    let report = place.check(true).await;
    let names: Vec<_> = told(&report).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, [packs[1].as_str(), packs[2].as_str()]);
    assert!(report.damage[0].why.starts_with("it is missing"), "{:?}", report.damage[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn packs_of_a_damaged_index_object_are_not_called_unused() {
    let place = Place::new(3).await;
    let index = place.objects("index").remove(1);
    let mut object = fs::read(place.object(&index)).unwrap();
    let middle = object.len() / 2;
    object[middle] ^= 1;
    fs::write(place.object(&index), object).unwrap();
    let report = place.check(true).await;
    let why = "its seal is broken; the packs tell what it told, nothing is lost; \
               bring it back from a copy of the repository";
    assert_eq!(told(&report), [(index.as_str(), why)]);
    assert_eq!((report.packs, report.unused_packs), (6, 0));
    assert!(report.bytes_read > 900_000, "the packs that it named are read too: {}", report.bytes_read);
}

#[tokio::test(flavor = "multi_thread")]
async fn packs_of_an_interrupted_run_are_counted() {
    let place = Place::new(2).await;
    // As a run leaves it that ended before its index was written.
    let name = "ab".repeat(16);
    fs::create_dir_all(place.object("packs/ab")).unwrap();
    fs::copy(place.object(&place.data_packs()[0]), place.object(&format!("packs/ab/{name}"))).unwrap();
    let report = place.check(true).await;
    assert_eq!(told(&report), []);
    assert_eq!((report.packs, report.unused_packs), (4, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_followed_from_its_first_entry() {
    let place = Place::new(4).await;
    let entry = |number: u64| format!("log/{number:016}");
    let second = fs::read(place.object(&entry(2))).unwrap();
    fs::remove_file(place.object(&entry(2))).unwrap();
    let missing = "it is missing, perhaps with a snapshot; bring it back from a copy of the repository";
    let report = place.check(false).await;
    assert_eq!(told(&report), [(entry(2).as_str(), missing)]);
    assert_eq!(report.snapshots, 3);

    // One entry cannot stand for another.
    fs::copy(place.object(&entry(3)), place.object(&entry(2))).unwrap();
    let report = place.check(false).await;
    let lost = "bring it back from a copy of the repository, or its snapshot is lost";
    assert_eq!(told(&report), [(entry(2).as_str(), format!("its seal is broken; {lost}").as_str())]);

    // A number far away is one gap, however wide.
    fs::write(place.object(&entry(2)), second).unwrap();
    fs::write(place.object(&entry(9_999_999_999_999_999)), b"from nowhere").unwrap();
    let report = place.check(false).await;
    let gap = "it is missing like the 9999999999999993 that follow, perhaps with a snapshot; \
               bring it back from a copy of the repository";
    let (last, short) = (entry(9_999_999_999_999_999), format!("it is too short; {lost}"));
    assert_eq!(told(&report), [(entry(5).as_str(), gap), (last.as_str(), short.as_str())]);
    assert_eq!(report.snapshots, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_that_are_lost_are_told_beside_the_rest() {
    let place = Place::new(2).await;
    let data = place.data_packs();
    let folders: Vec<_> = place.objects("packs").into_iter().filter(|name| !data.contains(name)).collect();
    for name in &folders {
        fs::remove_file(place.object(name)).unwrap();
    }
    let report = place.check(true).await;
    let names: Vec<_> = told(&report).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, folders);
    assert_eq!(report.bytes_read, 600_000, "content is read all the same");
    assert!(report.damage.iter().all(|damage| damage.why == format!("it is missing; {FROM_A_COPY}")), "{report:?}");
}

/// What no pack has any more is stored by the next backup: the advice holds.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_index_has_lost_comes_back_with_the_next_backup() {
    let place = Place::new(2).await;
    let data = place.data_packs();
    for name in place.objects("index").iter().chain(&data) {
        fs::remove_file(place.object(name)).unwrap();
    }
    let report = place.check(false).await;
    assert!(report.damage.iter().all(|damage| damage.object.starts_with("tree ")), "{:?}", report.damage);
    let repository = Repository::open(place.location()).await.unwrap();
    let source = place.folder.path().join("source");
    let options = BackupOptions { paths: vec![source], ..Default::default() };
    let backup = repository.backup(options, None, CancellationToken::new()).await.unwrap();
    assert_eq!(backup.issues, []);
    assert_eq!(backup.snapshot.statistics.bytes_new, 600_000);
    let report = place.check(true).await;
    assert_eq!(told(&report).into_iter().filter(|(name, _)| name.starts_with("chunk ")).count(), 0);
}
