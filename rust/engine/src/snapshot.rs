//! A snapshot: what a run saved, when, from where.

use crate::id::Id;
use crate::tree::Time;
use std::time::Duration;

/// What a run did. Sizes are in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statistics {
    pub files: u64,
    pub folders: u64,
    /// Symlinks, FIFOs, devices, sockets.
    pub others: u64,
    /// Files that were skipped because nothing about them had changed.
    pub unchanged: u64,
    /// Content in the snapshot, read or skipped, with holes.
    pub bytes: u64,
    /// Content read from the source.
    pub bytes_read: u64,
    /// Content of chunks that the repository did not have.
    pub bytes_new: u64,
    /// What these took after compression and sealing.
    pub bytes_stored: u64,
    pub chunks: u64,
    pub chunks_new: u64,
    /// Wall time.
    pub duration: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub id: Id,
    /// When the run began.
    pub time: Time,
    pub host: String,
    pub user: String,
    /// Absolute paths that were saved, or names of ingested files; raw bytes.
    pub paths: Vec<Vec<u8>>,
    pub tags: Vec<String>,
    /// The snapshot that unchanged files were compared with.
    pub parent: Option<Id>,
    /// Identity of its top folder.
    pub root: Id,
    pub statistics: Statistics,
}

/// What a snapshot says of where it comes from.
pub(crate) struct Source {
    pub time: Time,
    pub host: String,
    pub paths: Vec<Vec<u8>>,
    pub tags: Vec<String>,
    pub parent: Option<Id>,
}

/// Which snapshots to list.
#[derive(Debug, Clone, Default)]
pub struct SnapshotFilter {
    pub host: Option<String>,
    /// Snapshots that carry all of these.
    pub tags: Vec<String>,
}

impl SnapshotFilter {
    pub(crate) fn accepts(&self, snapshot: &Snapshot) -> bool {
        self.host.as_ref().is_none_or(|host| *host == snapshot.host)
            && self.tags.iter().all(|tag| snapshot.tags.contains(tag))
    }
}
