//! The Rust examples of the reference. `idlc docs` cuts them out; here they run. Rust is the side that answers, so they implement
//! the interface, over memory, and a caller calls them through the C functions, as bindings do.

#[expect(dead_code, reason = "the examples need not use all of the interface")]
#[path = "../../../rust/capi/src/generated.rs"]
mod generated;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use generated::{
    BackupOptions, BackupReport, CheckOptions, CheckReport, Compression, Credentials, Damage, Entry, EntryKind,
    Explanation, FileIssue, IngestOptions, InitOptions, IssueKind, Location, NewFile, Progress, RepositoryError,
    RestoreOptions, RestoreReport, Roofline, Snapshot, SnapshotFilter, SnapshotId, StageSpeed, Statistics,
};
use rpc::client::{arguments, Answer, Client};
use rpc::{Buffer, Context, Declared, Emitter, Error, Failure, Reader, Sink};

// snippet Repository
/// The types that implement the interfaces.
struct InMemory;

impl generated::Implementation for InMemory {
    type Repository = Repository;
    type Machine = Machine;
    type Ingest = Ingest;
}

static SERVICE: rpc::Service = generated::service::<InMemory>();

rpc::export!(SERVICE); // the C functions, which every binding calls
                       // end

type Result<T, E = Failure<RepositoryError>> = std::result::Result<T, E>;

/// The files of a snapshot.
type Files = BTreeMap<PathBuf, Vec<u8>>;

/// What the repositories of a URL share.
struct Store {
    password: String,
    snapshots: Mutex<Vec<(Snapshot, Files)>>,
}

impl Store {
    fn snapshots(&self) -> MutexGuard<'_, Vec<(Snapshot, Files)>> {
        self.snapshots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn commit(&self, mut snapshot: Snapshot, files: Files) -> Snapshot {
        let mut all = self.snapshots();
        snapshot.id[0] = all.len() as u8 + 1;
        snapshot.time = SystemTime::now().into();
        snapshot.statistics.files = files.len() as u64;
        all.push((snapshot.clone(), files));
        snapshot
    }

    fn find(&self, id: SnapshotId) -> Result<(Snapshot, Files)> {
        let found = self.snapshots().iter().find(|(snapshot, _)| snapshot.id == id).cloned();
        found.ok_or_else(|| RepositoryError::NoSuchSnapshot { name: format!("{:02x}", id[0]) }.into())
    }
}

static STORES: LazyLock<Mutex<BTreeMap<String, Arc<Store>>>> = LazyLock::new(Mutex::default);

fn stores() -> MutexGuard<'static, BTreeMap<String, Arc<Store>>> {
    STORES.lock().unwrap_or_else(PoisonError::into_inner)
}

// snippet Credentials
fn password(credentials: &Credentials) -> Result<&str, RepositoryError> {
    match credentials {
        Credentials::Password { value } => Ok(value),
        Credentials::KeyFile { .. } => Err(RepositoryError::WrongKey),
    }
}
// end

// snippet RepositoryError
fn shown(error: &RepositoryError) -> String {
    match error {
        RepositoryError::NotFound { url } => format!("nothing has been backed up to {url} yet"),
        RepositoryError::Damaged { object, .. } => format!("{object} has to be mended"),
        other => other.to_string(), // the message of the interface
    }
}
// end

// snippet IssueKind
fn issue(at: &Path, error: &std::io::Error) -> FileIssue {
    let kind = match error.kind() {
        std::io::ErrorKind::NotFound => IssueKind::Vanished,
        _ => IssueKind::Unreadable,
    };
    FileIssue { at: at.to_owned(), kind, message: error.to_string() }
}
// end

// snippet Compression
fn level(compression: Compression) -> Option<i32> {
    match compression {
        Compression::Zstd { level } => Some(level),
        Compression::Auto => Some(1),
        Compression::Off | Compression::Lz4 => None,
    }
}
// end

struct Repository {
    url: String,
    store: Arc<Store>,
}

impl generated::Repository for Repository {
    type Ingest = Ingest;

    // snippet Repository.init
    async fn init(_: Context, at: Location, _: InitOptions) -> Result<Self> {
        let password = password(&at.credentials)?.to_owned();
        let mut stores = stores();
        if stores.contains_key(&at.url) {
            return Err(RepositoryError::AlreadyExists { url: at.url }.into());
        }
        let store = Arc::new(Store { password, snapshots: Mutex::default() });
        stores.insert(at.url.clone(), store.clone());
        Ok(Repository { url: at.url, store })
    }
    // end

    // snippet Repository.open
    async fn open(_: Context, at: Location) -> Result<Self> {
        let store = stores().get(&at.url).cloned();
        let store = store.ok_or_else(|| RepositoryError::NotFound { url: at.url.clone() })?;
        if store.password != password(&at.credentials)? {
            return Err(RepositoryError::WrongKey.into());
        }
        Ok(Repository { url: at.url, store })
    }
    // end

    // snippet Repository.backup
    async fn backup(&self, cx: Context, options: BackupOptions, emitter: Emitter<Progress>) -> Result<BackupReport> {
        let (mut files, mut issues) = (Files::new(), Vec::new());
        for path in &options.paths {
            let at = path.clone();
            match cx.blocking(move || std::fs::read(at)).await {
                Ok(content) => drop(files.insert(path.clone(), content)),
                Err(error) => issues.push(issue(path, &error)), // the rest is saved
            }
            // The newest progress takes the place of one that the caller has not taken yet.
            emitter.emit(Progress { files: files.len() as u64, current: path.clone(), ..Progress::default() });
        }
        let snapshot = Snapshot { paths: options.paths, tags: options.tags, ..Snapshot::default() };
        Ok(BackupReport { snapshot: self.store.commit(snapshot, files), issues, ..BackupReport::default() })
    }
    // end

    // snippet Repository.ingest
    async fn ingest(&self, _: Context, options: IngestOptions) -> Result<Ingest> {
        let snapshot = Snapshot { tags: options.tags, ..Snapshot::default() };
        Ok(Ingest { store: self.store.clone(), snapshot, files: Mutex::default() })
    }
    // end

    // snippet Repository.snapshots
    async fn snapshots(&self, _: Context, filter: SnapshotFilter, mut sink: Sink<Snapshot>) -> Result<()> {
        let all = self.store.snapshots().clone();
        for (snapshot, _) in all {
            if filter.tags.iter().all(|tag| snapshot.tags.contains(tag)) {
                sink.send(snapshot).await?; // waits until the caller can take it
            }
        }
        Ok(())
    }
    // end

    // snippet Repository.resolve
    async fn resolve(&self, _: Context, name: String) -> Result<Snapshot> {
        match self.store.snapshots().last() {
            Some((snapshot, _)) if name == "latest" => Ok(snapshot.clone()),
            _ => Err(RepositoryError::NoSuchSnapshot { name }.into()),
        }
    }
    // end

    // snippet Repository.list
    async fn list(&self, _: Context, id: SnapshotId, at: PathBuf, _: bool, mut sink: Sink<Entry>) -> Result<()> {
        for (path, content) in self.store.find(id)?.1 {
            if path.starts_with(&at) {
                let size = content.len() as u64;
                sink.send(Entry { at: path, kind: EntryKind::File, size, ..Entry::default() }).await?;
            }
        }
        Ok(())
    }
    // end

    // snippet Repository.read
    async fn read(&self, _: Context, id: SnapshotId, at: PathBuf, mut sink: Sink<Buffer>) -> Result<()> {
        let (_, mut files) = self.store.find(id)?;
        let content = files.remove(&at).ok_or(RepositoryError::NoSuchPath { at })?;
        let content = Bytes::from(content);
        for start in (0..content.len()).step_by(1 << 20) {
            let block = content.slice(start..content.len().min(start + (1 << 20)));
            sink.send(block.into()).await?; // the caller sees these bytes, without a copy
        }
        Ok(())
    }
    // end

    // snippet Repository.restore
    async fn restore(&self, cx: Context, options: RestoreOptions, emitter: Emitter<Progress>) -> Result<RestoreReport> {
        let mut statistics = Statistics::default();
        for (path, content) in self.store.find(options.snapshot)?.1 {
            let Some(name) = path.file_name() else { continue };
            let (to, at) = (options.target.join(name), path.clone());
            let written = cx.blocking(move || std::fs::write(to, content)).await;
            written.map_err(|error| RepositoryError::File { at, why: error.to_string() })?;
            statistics.files += 1;
            emitter.emit(Progress { files: statistics.files, current: path, ..Progress::default() });
        }
        Ok(RestoreReport { statistics, issues: Vec::new() })
    }
    // end

    // snippet Repository.check
    async fn check(&self, _: Context, _: CheckOptions, _: Emitter<Progress>) -> Result<CheckReport> {
        let all = self.store.snapshots();
        let lost = all.iter().filter(|(snapshot, files)| snapshot.statistics.files != files.len() as u64);
        let damage = lost.map(|(snapshot, _)| Damage {
            object: format!("snapshot {:02x}", snapshot.id[0]),
            why: "files are missing".to_owned(),
        });
        Ok(CheckReport { snapshots: all.len() as u64, damage: damage.collect(), ..CheckReport::default() })
    }
    // end

    // snippet Repository.id
    fn id(&self) -> Result<[u8; 32], Error> {
        Ok([7; 32]) // on the caller's thread, so it may not wait
    }
    // end

    // snippet Repository.url
    fn url(&self) -> Result<String, Error> {
        Ok(self.url.clone())
    }
    // end
}

struct Ingest {
    store: Arc<Store>,
    snapshot: Snapshot,
    files: Mutex<Vec<(PathBuf, Vec<u8>)>>,
}

// snippet Ingest
impl Ingest {
    fn files(&self) -> MutexGuard<'_, Vec<(PathBuf, Vec<u8>)>> {
        // Calls of one object run side by side.
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
// end

impl generated::Ingest for Ingest {
    // snippet Ingest.add
    async fn add(&self, _: Context, file: NewFile) -> Result<u64> {
        let mut files = self.files();
        files.push((file.at, Vec::new()));
        Ok(files.len() as u64 - 1)
    }
    // end

    // snippet Ingest.write
    async fn write(&self, _: Context, file: u64, data: Buffer) -> Result<()> {
        let mut files = self.files();
        let found = usize::try_from(file).ok().and_then(|number| files.get_mut(number));
        let (_, content) = found.ok_or(Error::Closed("file"))?;
        content.extend_from_slice(data.as_ref());
        Ok(()) // the buffer is the method's, and ends with it
    }
    // end

    // snippet Ingest.commit
    async fn commit(&self, cx: Context) -> Result<BackupReport> {
        let _shield = cx.shield(); // the caller must learn what came of it, also where it cancels
        let files = std::mem::take(&mut *self.files());
        let snapshot = self.store.commit(self.snapshot.clone(), files.into_iter().collect());
        Ok(BackupReport { snapshot, ..BackupReport::default() })
    }
    // end
}

struct Machine;

impl generated::Machine for Machine {
    // snippet Machine.open
    async fn open(_: Context) -> Result<Self, Error> {
        Ok(Machine)
    }
    // end

    // snippet Machine.roofline
    async fn roofline(&self, _: Context, _: String) -> Result<Roofline> {
        let copy = StageSpeed { stage: "copy".to_owned(), one_core: 8e9, all_cores: 12e9 };
        Ok(Roofline { cores: 2, stages: vec![copy] })
    }
    // end

    // snippet Machine.explain
    async fn explain(
        &self,
        _: Context,
        statistics: Statistics,
        busy: BTreeMap<String, f64>,
        _: Compression,
        _: Roofline,
    ) -> Result<Explanation, Error> {
        let busiest = busy.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or_default();
        let advice = format!("There are {} files.", statistics.files);
        Ok(Explanation { limited_by: busiest.0, busy: busiest.1, advice, ..Explanation::default() })
    }
    // end
}

fn location(url: &str) -> Location {
    // snippet Location
    Location {
        url: url.to_owned(), // a folder, or s3://bucket/prefix
        credentials: Credentials::Password { value: "correct horse battery staple".to_owned() },
        ..Location::default()
    }
    // end
}

const ITEM: u8 = 4;
const REPLY: u8 = 6;
const PATIENCE: Duration = Duration::from_secs(30);

/// Calls the service by the names of its methods.
struct Caller {
    client: Client,
    methods: BTreeMap<&'static str, u32>,
}

impl Caller {
    fn call(&mut self, method: &str, object: u64, payload: &[u8]) -> Answer {
        self.client.call(self.methods[method], object, payload)
    }

    fn items(&mut self, method: &str, object: u64, payload: &[u8]) -> Vec<Answer> {
        let id = self.client.start(self.methods[method], object, payload, Duration::ZERO);
        self.client.credit(id, u32::MAX.into());
        std::iter::from_fn(|| self.client.next(id, PATIENCE).filter(|answer| answer.kind == ITEM)).collect()
    }
}

fn read<T>(answer: &Answer, decode: fn(&mut Reader<'_>) -> Result<T, Error>) -> T {
    assert!(matches!(answer.kind, REPLY | ITEM), "{:?}", answer.error());
    decode(&mut Reader::new(&answer.payload)).expect("the payload is what the interface says")
}

fn number(answer: &Answer) -> u64 {
    read(answer, |reader| reader.u64())
}

fn assert_fails(answer: &Answer, with: &RepositoryError) {
    assert_eq!(answer.error(), Some((RepositoryError::DOMAIN, with.variant(), with.to_string())));
}

#[test]
fn the_snippets_run() {
    // SAFETY: the table is constant data.
    let functions = unsafe { &*sr_table() };
    let mut caller = Caller { client: Client::new(functions, 2, 1, 0), methods: rpc::ffi::methods(&SERVICE).collect() };
    let at = arguments(|writer| location("memory").encode(writer));
    let not_found = RepositoryError::NotFound { url: "memory".to_owned() };
    assert_fails(&caller.call("Repository.open", 0, &at), &not_found);
    assert_eq!(shown(&not_found), "nothing has been backed up to memory yet");
    number(&caller.call("Repository.init", 0, &at));
    let again = RepositoryError::AlreadyExists { url: "memory".to_owned() };
    assert_fails(&caller.call("Repository.init", 0, &at), &again);
    assert_eq!(shown(&again), "there is already a repository at memory");
    let wrong = arguments(|writer| {
        let credentials = Credentials::KeyFile { at: "key".into() };
        Location { credentials, ..location("memory") }.encode(writer);
    });
    assert_fails(&caller.call("Repository.open", 0, &wrong), &RepositoryError::WrongKey);
    let repository = number(&caller.call("Repository.open", 0, &at));

    let folder = PathBuf::from(std::env::var_os("TEST_TMPDIR").unwrap_or_else(|| std::env::temp_dir().into()));
    let (letter, target) = (folder.join("letter.txt"), folder.join("restored"));
    std::fs::write(&letter, "Dear reader").expect("can be written");
    std::fs::create_dir_all(&target).expect("can be made");
    let paths = vec![letter.clone(), folder.join("gone.txt")];
    let options = BackupOptions { paths, tags: vec!["documents".to_owned()], ..BackupOptions::default() };
    let report =
        read(&caller.call("Repository.backup", repository, &arguments(|w| options.encode(w))), BackupReport::decode);
    assert_eq!((report.snapshot.statistics.files, report.issues[0].kind), (1, IssueKind::Vanished));

    for (tag, count) in [("documents", 1), ("mail", 0)] {
        let filter = SnapshotFilter { tags: vec![tag.to_owned()], ..SnapshotFilter::default() };
        let found = caller.items("Repository.snapshots", repository, &arguments(|writer| filter.encode(writer)));
        assert_eq!(found.len(), count);
    }
    let latest = caller.call("Repository.resolve", repository, &arguments(|writer| writer.text("latest")));
    let id = read(&latest, Snapshot::decode).id;
    assert_eq!(id, report.snapshot.id);
    let within = |at: &Path| {
        arguments(|writer| {
            writer.fixed(&id);
            writer.path(at);
        })
    };
    let entries = caller.items("Repository.list", repository, &within(&folder));
    assert_eq!(entries.iter().map(|entry| read(entry, Entry::decode).size).collect::<Vec<_>>(), [11]);
    let blocks = caller.items("Repository.read", repository, &within(&letter));
    assert_eq!(caller.client.read(number(&blocks[0])).expect("is open"), b"Dear reader");
    let options = RestoreOptions { snapshot: id, target: target.clone(), only: Vec::new() };
    let restored =
        read(&caller.call("Repository.restore", repository, &arguments(|w| options.encode(w))), RestoreReport::decode);
    assert_eq!(restored.statistics.files, 1);
    assert_eq!(std::fs::read(target.join("letter.txt")).expect("is restored"), b"Dear reader");
    let checked = read(&caller.call("Repository.check", repository, &[0; 4]), CheckReport::decode);
    assert_eq!((checked.snapshots, checked.damage), (1, Vec::new()));
    assert_eq!(read(&caller.call("Repository.url", repository, &[]), |reader| reader.text()), "memory");
    assert_eq!(read(&caller.call("Repository.id", repository, &[]), |reader| reader.fixed()), [7; 32]);

    let machine = number(&caller.call("Machine.open", 0, &[]));
    let speeds = caller.call("Machine.roofline", machine, &arguments(|writer| writer.text("memory")));
    assert_eq!(read(&speeds, Roofline::decode).stages[0].stage, "copy");

    let ingest = number(&caller.call("Repository.ingest", repository, &[0; 4]));
    let file = NewFile { at: "dump.sql".into(), ..NewFile::default() };
    let file = number(&caller.call("Ingest.add", ingest, &arguments(|writer| file.encode(writer))));
    let buffer = caller.client.buffer(b"create table shop();").expect("fits");
    let written = [file, buffer].map(u64::to_le_bytes).concat();
    assert_eq!(caller.call("Ingest.write", ingest, &written).kind, REPLY);
    let report = read(&caller.call("Ingest.commit", ingest, &[]), BackupReport::decode);
    assert_eq!(report.snapshot.statistics.files, 1);
    let levels = [Compression::Off, Compression::Zstd { level: 9 }, Compression::Auto].map(level);
    assert_eq!(levels, [None, Some(9), Some(1)]);
}
