//! Backup of paths: walk, read, and hand to the pipeline.

use crate::compress::Compression;
use crate::progress::FileIssue;
use crate::snapshot::Snapshot;
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Debug, Clone, Default)]
pub struct BackupOptions {
    /// Absolute paths of files and folders. A snapshot keeps each under its full path, without the leading `/`.
    pub paths: Vec<PathBuf>,
    pub tags: Vec<String>,
    /// Name of this machine in the snapshot; empty: the system's own host name.
    pub host: String,
    pub compression: Compression,
    /// Stay on the file system of each path.
    pub one_file_system: bool,
    /// Read every file, also where size, times and inode say that it is unchanged.
    pub paranoid: bool,
}

#[derive(Debug, Clone)]
pub struct BackupReport {
    pub snapshot: Snapshot,
    pub issues: Vec<FileIssue>,
    /// The share (0 to 1) of the run's wall time in which each stage was busy, per thread; the highest one limits the run.
    pub busy: BTreeMap<String, f64>,
}
