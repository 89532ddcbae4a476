//! Reads a file tree: every name under some roots, in a fixed order, with its metadata.
//!
//! A file tree changes while it is read. So every step works on descriptors of directories rather than on paths, never
//! follows a symlink below a root, and an entry that cannot be read is reported while the walk goes on.

use super::{Extent, Metadata, Xattr};
use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

/// One path that could not be read. The walk goes on with the next one.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct WalkError {
    pub path: PathBuf,
    /// What failed, as a verb: "read the directory", "open", "list the attributes of".
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

/// A name found by a [`Walk`]. `Send`: content and attributes may be read on other threads.
///
/// It keeps the descriptor of its directory open, shared with its siblings: hold few at a time.
#[derive(Debug)]
pub struct Found {
    path: PathBuf,
}

impl Found {
    /// The root as it was given, joined with the names below it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Last component, raw bytes.
    pub fn name(&self) -> &[u8] {
        todo!()
    }

    /// 0 for a root, 1 for what is directly in it.
    pub fn depth(&self) -> usize {
        todo!()
    }

    /// From `lstat`, the owner's names and the symlink's target. `xattrs` and `holes` are empty: see [`Found::xattrs`] and
    /// [`Found::holes`], which cost system calls that an unchanged file does not need (setting an xattr changes ctime).
    pub fn metadata(&self) -> &Metadata {
        todo!()
    }

    /// The directory this name is in.
    pub fn parent(&self) -> BorrowedFd<'_> {
        todo!()
    }

    /// Opens a regular file for reading: never through a symlink, without touching atime where that is allowed. Refuses
    /// (as vanished) when the name now stands for another inode than [`Found::metadata`] tells of.
    pub fn open(&self) -> Result<File, WalkError> {
        todo!()
    }

    /// Extended attributes, ACLs and capabilities among them, sorted by name; any kind of entry. Empty where the file
    /// system has none.
    pub fn xattrs(&self) -> Result<Vec<Xattr>, WalkError> {
        todo!()
    }

    /// Holes of `file` (from [`Found::open`]). Moves its read position; call it before reading, or read with `read_at`.
    pub fn holes(&self, file: &File) -> Result<Vec<Extent>, WalkError> {
        let _ = file;
        todo!()
    }
}

type Filter<'a> = Box<dyn FnMut(&Found) -> bool + Send + 'a>;

/// Iterator over a file tree: each directory before what is in it, siblings in byte order of their names, roots in the
/// order given. Memory: the names of the directories on the current path.
pub struct Walk<'a> {
    _filter: Filter<'a>,
}

impl<'a> Walk<'a> {
    /// `keep` is asked once for each entry, roots too; a directory it refuses is not descended into.
    ///
    /// A root that is a symlink is yielded as a symlink; with a trailing `/` it is followed.
    pub fn new<P: AsRef<Path>>(
        roots: impl IntoIterator<Item = P>,
        options: WalkOptions,
        keep: impl FnMut(&Found) -> bool + Send + 'a,
    ) -> Walk<'a> {
        let _ = (roots, options);
        Walk {
            _filter: Box::new(keep),
        }
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<Found, WalkError>;

    fn next(&mut self) -> Option<Self::Item> {
        todo!()
    }
}
