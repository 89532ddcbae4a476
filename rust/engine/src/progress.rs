//! How far a run is, told while it goes on.

use tokio::sync::watch;

/// How far a run is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Done so far.
    pub files: u64,
    pub bytes: u64,
    /// Known once the source has been walked.
    pub files_total: Option<u64>,
    pub bytes_total: Option<u64>,
    /// Bytes that new chunks took in the repository.
    pub bytes_stored: u64,
    pub issues: u64,
    /// Path that is being worked on, raw bytes.
    pub current: Vec<u8>,
    /// Bytes that were read from the source.
    pub bytes_read: u64,
    /// Of these, bytes of chunks that the repository did not have.
    pub bytes_new: u64,
    /// Bytes before compression and sealing of what `bytes_stored` counts.
    pub bytes_packed: u64,
}

/// Where a run tells its progress about ten times a second; `None`: nowhere. Only the latest state is kept for a receiver
/// that is slow.
pub type ProgressSender = Option<watch::Sender<Progress>>;

/// What went wrong with one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssueKind {
    /// It could not be read (or, in a restore, written); it is missing from the result.
    Unreadable,
    /// It was gone when its turn came.
    Vanished,
    /// It changed while it was read; what was read is in the snapshot.
    Changed,
    /// Content is complete, some of its metadata is not.
    Metadata,
    /// Its data in the repository is damaged; it is missing from the result.
    Damaged,
}

/// Something that went wrong with one path, while the rest went on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileIssue {
    /// Raw bytes: absolute in a backup, as in the snapshot in a restore.
    pub path: Vec<u8>,
    pub kind: IssueKind,
    pub message: String,
}
