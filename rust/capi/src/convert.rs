//! The interface's types to the engine's, and back.

use std::path::PathBuf;

use rpc::{Context, Failure, Timestamp};

use crate::generated::{
    BackupOptions, BackupReport, CheckOptions, CheckReport, Compression, Credentials, Damage, Entry, EntryKind,
    Explanation, FileIssue, IngestOptions, InitOptions, IssueKind, Location, NewFile, Progress, RepositoryError,
    RestoreOptions, RestoreReport, Roofline, Snapshot, SnapshotFilter, StageSpeed, Statistics,
};

pub(crate) fn bytes(path: PathBuf) -> Vec<u8> {
    rpc::path::bytes(&path)
}

/// What a caller is shown. A system that has no such path, since the snapshot is of another one, shows the nearest that it has.
fn path(bytes: Vec<u8>) -> PathBuf {
    match rpc::path::from_bytes(bytes) {
        Ok(path) => path,
        Err(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
    }
}

fn paths(all: Vec<Vec<u8>>) -> Vec<PathBuf> {
    all.into_iter().map(path).collect()
}

fn all<T, R: From<T>>(list: Vec<T>) -> Vec<R> {
    list.into_iter().map(R::from).collect()
}

/// What the caller of a request learns of an error.
pub(crate) fn failure(cx: &Context, error: engine::Error) -> Failure<RepositoryError> {
    use engine::Error as E;
    Failure::Declared(match error {
        E::Cancelled => return Failure::Runtime(cx.why_stopped()),
        E::NotFound { url } => RepositoryError::NotFound { url },
        E::AlreadyExists { url } => RepositoryError::AlreadyExists { url },
        E::NotARepository { url, why } => RepositoryError::NotARepository { url, why },
        E::WrongKey => RepositoryError::WrongKey,
        E::NewerFormat { found, supported } => RepositoryError::NewerFormat { found, supported },
        E::Damaged { object, why } => RepositoryError::Damaged { object, why },
        E::NoSpace { what } => RepositoryError::NoSpace { what },
        E::Store { what, why } => RepositoryError::Store { what, why },
        E::StoreNotSafe { url } => RepositoryError::StoreNotSafe { url },
        E::NoSuchSnapshot { name } => RepositoryError::NoSuchSnapshot { name },
        E::NoSuchPath { at } => RepositoryError::NoSuchPath { at: path(at) },
        E::Invalid { what, why } => RepositoryError::Invalid { what, why },
        E::File { at, why } => RepositoryError::File { at: path(at), why },
    })
}

impl From<Location> for engine::Location {
    fn from(it: Location) -> Self {
        let credentials = match it.credentials {
            Credentials::Password { value } => engine::Credentials::Password(value.into()),
            Credentials::KeyFile { at } => engine::Credentials::KeyFile(at),
        };
        engine::Location { url: it.url, credentials, memory: it.memory }
    }
}

impl From<InitOptions> for engine::InitOptions {
    fn from(it: InitOptions) -> Self {
        engine::InitOptions { create_key: it.create_key, ..Default::default() }
    }
}

impl From<Compression> for engine::Compression {
    fn from(it: Compression) -> Self {
        match it {
            Compression::Auto => engine::Compression::Auto,
            Compression::Off => engine::Compression::Off,
            Compression::Lz4 => engine::Compression::Lz4,
            Compression::Zstd { level } => engine::Compression::Zstd(level),
        }
    }
}

impl From<BackupOptions> for engine::BackupOptions {
    fn from(it: BackupOptions) -> Self {
        engine::BackupOptions {
            paths: it.paths,
            tags: it.tags,
            host: it.host,
            compression: it.compression.into(),
            one_file_system: it.one_file_system,
            paranoid: it.paranoid,
            verify: it.verify,
        }
    }
}

impl From<IngestOptions> for engine::IngestOptions {
    fn from(it: IngestOptions) -> Self {
        engine::IngestOptions { tags: it.tags, host: it.host, compression: it.compression.into(), verify: it.verify }
    }
}

impl From<NewFile> for engine::NewFile {
    fn from(it: NewFile) -> Self {
        engine::NewFile { path: bytes(it.at), mode: it.mode, modified: it.modified.map(time) }
    }
}

fn time(it: Timestamp) -> engine::Time {
    engine::Time { secs: it.seconds, nanos: it.nanos }
}

fn moment(it: engine::Time) -> Timestamp {
    Timestamp { seconds: it.secs, nanos: it.nanos }
}

impl From<SnapshotFilter> for engine::SnapshotFilter {
    fn from(it: SnapshotFilter) -> Self {
        engine::SnapshotFilter { host: it.host, tags: it.tags }
    }
}

impl From<RestoreOptions> for engine::RestoreOptions {
    fn from(it: RestoreOptions) -> Self {
        engine::RestoreOptions {
            snapshot: engine::Id(it.snapshot),
            target: it.target,
            only: it.only.into_iter().map(bytes).collect(),
        }
    }
}

impl From<CheckOptions> for engine::CheckOptions {
    fn from(it: CheckOptions) -> Self {
        engine::CheckOptions { read_data: it.read_data }
    }
}

impl From<engine::Statistics> for Statistics {
    fn from(it: engine::Statistics) -> Self {
        Statistics {
            files: it.files,
            folders: it.folders,
            others: it.others,
            unchanged: it.unchanged,
            bytes: it.bytes,
            bytes_read: it.bytes_read,
            bytes_new: it.bytes_new,
            bytes_stored: it.bytes_stored,
            chunks: it.chunks,
            chunks_new: it.chunks_new,
            duration: it.duration,
        }
    }
}

impl From<Statistics> for engine::Statistics {
    fn from(it: Statistics) -> Self {
        engine::Statistics {
            files: it.files,
            folders: it.folders,
            others: it.others,
            unchanged: it.unchanged,
            bytes: it.bytes,
            bytes_read: it.bytes_read,
            bytes_new: it.bytes_new,
            bytes_stored: it.bytes_stored,
            chunks: it.chunks,
            chunks_new: it.chunks_new,
            duration: it.duration,
        }
    }
}

impl From<engine::StageSpeed> for StageSpeed {
    fn from(it: engine::StageSpeed) -> Self {
        StageSpeed { stage: it.stage, one_core: it.one_core, all_cores: it.all_cores }
    }
}

impl From<StageSpeed> for engine::StageSpeed {
    fn from(it: StageSpeed) -> Self {
        engine::StageSpeed { stage: it.stage, one_core: it.one_core, all_cores: it.all_cores }
    }
}

impl From<engine::Roofline> for Roofline {
    fn from(it: engine::Roofline) -> Self {
        Roofline { cores: it.cores, stages: all(it.stages) }
    }
}

impl From<Roofline> for engine::Roofline {
    fn from(it: Roofline) -> Self {
        engine::Roofline { cores: it.cores, stages: all(it.stages) }
    }
}

impl From<engine::Explanation> for Explanation {
    fn from(it: engine::Explanation) -> Self {
        Explanation {
            limited_by: it.limited_by,
            busy: it.busy,
            roofline: it.roofline,
            reached: it.reached,
            advice: it.advice,
        }
    }
}

impl From<engine::Snapshot> for Snapshot {
    fn from(it: engine::Snapshot) -> Self {
        Snapshot {
            id: it.id.0,
            time: moment(it.time),
            host: it.host,
            user: it.user,
            paths: paths(it.paths),
            tags: it.tags,
            parent: it.parent.map(|id| id.0),
            statistics: it.statistics.into(),
        }
    }
}

impl From<engine::FileIssue> for FileIssue {
    fn from(it: engine::FileIssue) -> Self {
        let kind = match it.kind {
            engine::IssueKind::Unreadable => IssueKind::Unreadable,
            engine::IssueKind::Vanished => IssueKind::Vanished,
            engine::IssueKind::Changed => IssueKind::Changed,
            engine::IssueKind::Metadata => IssueKind::Metadata,
            engine::IssueKind::Damaged => IssueKind::Damaged,
        };
        FileIssue { at: path(it.path), kind, message: it.message }
    }
}

impl From<engine::BackupReport> for BackupReport {
    fn from(it: engine::BackupReport) -> Self {
        BackupReport { snapshot: it.snapshot.into(), issues: all(it.issues), busy: it.busy }
    }
}

impl From<engine::RestoreReport> for RestoreReport {
    fn from(it: engine::RestoreReport) -> Self {
        RestoreReport { statistics: it.statistics.into(), issues: all(it.issues) }
    }
}

impl From<engine::CheckReport> for CheckReport {
    fn from(it: engine::CheckReport) -> Self {
        CheckReport {
            snapshots: it.snapshots,
            packs: it.packs,
            chunks: it.chunks,
            bytes_read: it.bytes_read,
            damage: it.damage.into_iter().map(|it| Damage { object: it.object, why: it.why }).collect(),
        }
    }
}

impl From<engine::Progress> for Progress {
    fn from(it: engine::Progress) -> Self {
        Progress {
            files: it.files,
            bytes: it.bytes,
            files_total: it.files_total,
            bytes_total: it.bytes_total,
            bytes_stored: it.bytes_stored,
            issues: it.issues,
            current: path(it.current),
            bytes_read: it.bytes_read,
            bytes_new: it.bytes_new,
            bytes_packed: it.bytes_packed,
        }
    }
}

impl From<engine::Entry> for Entry {
    fn from(it: engine::Entry) -> Self {
        let metadata = it.metadata;
        let number = metadata.rdev.map_or(0, engine::tree::DeviceNumber::st_rdev);
        let kind = match metadata.kind {
            engine::Kind::File => EntryKind::File,
            engine::Kind::Directory => EntryKind::Folder,
            engine::Kind::Symlink => EntryKind::Symlink { target: path(metadata.target.unwrap_or_default()) },
            engine::Kind::Fifo => EntryKind::Fifo,
            engine::Kind::Socket => EntryKind::Socket,
            engine::Kind::BlockDevice => EntryKind::BlockDevice { number },
            engine::Kind::CharDevice => EntryKind::CharDevice { number },
        };
        Entry {
            at: path(it.path),
            kind,
            mode: metadata.mode,
            uid: metadata.uid,
            gid: metadata.gid,
            size: metadata.size,
            modified: moment(metadata.mtime),
            links: metadata.nlink,
        }
    }
}
