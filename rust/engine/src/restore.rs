//! Restore to a folder.

use crate::id::Id;
use crate::progress::FileIssue;
use crate::snapshot::Statistics;
use std::path::PathBuf;

#[derive(Debug, Clone)]
pub struct RestoreOptions {
    pub snapshot: Id,
    /// The folder that receives the tree; it is created where it does not exist.
    pub target: PathBuf,
    /// Paths of the snapshot to restore, with what is below them; empty: all of it.
    pub only: Vec<Vec<u8>>,
}

#[derive(Debug, Clone)]
pub struct RestoreReport {
    pub statistics: Statistics,
    /// Not empty: what is named here is missing or incomplete in the target, all else is there.
    pub issues: Vec<FileIssue>,
    /// As in [`BackupReport`](crate::BackupReport).
    pub busy: std::collections::BTreeMap<String, f64>,
}
