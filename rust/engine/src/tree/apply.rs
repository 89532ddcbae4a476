//! Writes a file tree: the mirror of [`walk`](super::walk).
//!
//! Every path is resolved beneath the target folder without following any symlink, so neither a snapshot nor someone who
//! plants links in the target during a restore can make it write elsewhere.

use super::Metadata;
use std::io;
use std::path::{Path, PathBuf};

/// One entry that could not be restored. Others can still be.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error("refusing to restore {path:?}: it would lead out of the target folder")]
    UnsafePath { path: PathBuf },
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        path: PathBuf,
        action: &'static str,
        source: io::Error,
    },
}

/// Something about a restored entry that could not be brought back, such as its owner when not running as root. The
/// entry and its content are there.
#[derive(Debug, thiserror::Error)]
#[error("restored {}, but could not {action}: {source}", path.display())]
pub struct Warning {
    pub path: PathBuf,
    /// "set its owner", "set the attribute user.x"...
    pub action: String,
    pub source: io::Error,
}

/// The folder that a restore writes into. `Sync`: entries may be restored from several threads, a directory's entry and
/// the first name of a hard-linked file before what needs them.
///
/// `path` arguments are relative to the target; absent parents are created with mode 0700. What stands at a path is
/// replaced, except that a directory only gives way when it is empty.
pub struct Target {}

impl Target {
    /// Opens `path`, creating it and its parents if need be. `path` itself may be or lead through a symlink.
    pub fn open(path: &Path) -> Result<Target, ApplyError> {
        let _ = path;
        todo!()
    }

    /// Makes a directory that only its owner can enter; its metadata is applied by [`Target::finish`].
    pub fn directory(&self, path: &Path, metadata: &Metadata) -> Result<(), ApplyError> {
        let _ = (path, metadata);
        todo!()
    }

    /// Starts a regular file of `metadata.size` bytes, all hole. It gets its name in [`FileWriter::finish`]; until then
    /// what stood at `path` is untouched.
    pub fn file(&self, path: &Path, metadata: &Metadata) -> Result<FileWriter, ApplyError> {
        let _ = (path, metadata);
        todo!()
    }

    /// Makes a symlink, FIFO, device or socket with its metadata. Devices need `CAP_MKNOD`.
    pub fn special(&self, path: &Path, metadata: &Metadata) -> Result<Vec<Warning>, ApplyError> {
        let _ = (path, metadata);
        todo!()
    }

    /// Makes `path` a hard link of `existing`, restored before; both relative to the target.
    pub fn hard_link(&self, path: &Path, existing: &Path) -> Result<(), ApplyError> {
        let _ = (path, existing);
        todo!()
    }

    /// Applies the directories' owners, attributes, modes and times, deepest first, now that nothing more is written in
    /// them.
    pub fn finish(self) -> Vec<Warning> {
        todo!()
    }
}

/// A file being restored. `Sync`: ranges may be written in any order, from several threads. Dropping it unfinished
/// removes what was written.
pub struct FileWriter {}

impl FileWriter {
    /// Writes all of `data` at byte `offset`. Ranges never written stay holes.
    pub fn write_at(&self, offset: u64, data: &[u8]) -> Result<(), ApplyError> {
        let _ = (offset, data);
        todo!()
    }

    /// Applies the metadata and gives the file its name, replacing what stood there.
    pub fn finish(self) -> Result<Vec<Warning>, ApplyError> {
        todo!()
    }
}
