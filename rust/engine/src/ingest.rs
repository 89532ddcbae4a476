//! Backup of content that the caller moves in.

use crate::backup::BackupReport;
use crate::compress::Compression;
use crate::error::{Error, Result};
use crate::tree::Time;
use bytes::Bytes;

#[derive(Debug, Clone, Default)]
pub struct IngestOptions {
    pub tags: Vec<String>,
    /// Name of this machine in the snapshot; empty: the system's own host name.
    pub host: String,
    pub compression: Compression,
}

/// A file whose content the caller moves in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Where it stands in the snapshot: a relative path without `..`; raw bytes. Folders above it are made up.
    pub path: Vec<u8>,
    /// Permission bits.
    pub mode: u32,
    /// `None`: now.
    pub modified: Option<Time>,
}

/// A file of an [`Ingest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId(pub u64);

/// A snapshot in the making. Dropping it before [`Ingest::commit`] leaves nothing but garbage. `Sync`: several files may be
/// written at the same time; writes to one file must follow one another.
pub struct Ingest {
    _private: (),
}

impl Ingest {
    /// Starts a file.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a path that leads out of the snapshot or that was added before.
    pub async fn add(&self, file: NewFile) -> Result<EntryId> {
        Err(Error::invalid(String::from_utf8_lossy(&file.path), "not built yet"))
    }

    /// Appends to a file. Takes the buffer without copying it, and waits while the pipeline has enough to do.
    pub async fn write(&self, _entry: EntryId, _data: Bytes) -> Result<()> {
        Err(Error::invalid("ingest", "not built yet"))
    }

    /// Says that nothing more comes for a file, so that its last chunk need not wait for the commit.
    pub async fn finish(&self, _entry: EntryId) -> Result<()> {
        Err(Error::invalid("ingest", "not built yet"))
    }

    /// Finishes all files and commits the snapshot.
    pub async fn commit(self) -> Result<BackupReport> {
        Err(Error::invalid("ingest", "not built yet"))
    }
}
