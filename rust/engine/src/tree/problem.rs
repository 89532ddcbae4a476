//! What can go wrong with one entry, while the others go on.

use std::io;
use std::path::{Path, PathBuf};

/// One path that could not be read. The walk goes on with the next one.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct WalkError {
    pub path: PathBuf,
    /// What failed, as a verb: "list", "open", "read the attributes of".
    pub action: &'static str,
    pub source: io::Error,
}

impl WalkError {
    /// The path existed when its directory was listed and was gone afterwards: a live system, not damage.
    pub fn vanished(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

/// What to walk.
#[derive(Debug, Clone, Default)]
pub struct WalkOptions {
    /// Do not descend into directories on another device than their root; the mount point itself is yielded.
    pub one_file_system: bool,
}

/// One entry that could not be restored. Others can still be.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Absolute, empty, or with a `..` in it.
    #[error("refusing to restore {path:?}: it would lead out of the target folder")]
    UnsafePath { path: PathBuf },
    #[error("refusing to restore through the symlink {}: remove it, or choose another target", path.display())]
    ThroughSymlink { path: PathBuf },
    #[error("cannot restore {}: {reason}", path.display())]
    Malformed { path: PathBuf, reason: &'static str },
    #[error("cannot {action} {}: {source}", path.display())]
    Io { path: PathBuf, action: &'static str, source: io::Error },
}

/// Something about a restored entry that could not be brought back, such as its owner when not running as root. The
/// entry and its content are there.
#[derive(Debug, thiserror::Error)]
#[error("restored {}, but could not {action}: {source}", path.display())]
pub struct Warning {
    pub path: PathBuf,
    /// "set its owner to 0:0", "set its attribute user.x"...
    pub action: String,
    pub source: io::Error,
}

pub(super) fn failed(path: &Path, action: &'static str, source: impl Into<io::Error>) -> ApplyError {
    ApplyError::Io { path: path.to_path_buf(), action, source: source.into() }
}
