//! Reads a file tree by paths: every name under some roots, in a fixed order, with its metadata.
//!
//! A file tree changes while it is read: an entry that cannot be read, or that is another one by the time it is opened, is
//! reported while the walk goes on. Symlinks below a root are not followed.

pub use super::problem::{WalkError, WalkOptions};
use super::system::{self, Described};
use super::{Extent, Kind, Metadata, Time, Xattr};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// A name found by a [`Walk`]. `Send`: content and attributes may be read on other threads.
#[derive(Debug)]
pub struct Found {
    path: PathBuf,
    /// What stands for it: the path, or what a root's symlink leads to.
    real: PathBuf,
    depth: usize,
    metadata: Box<Metadata>,
    /// What of the attributes was learnt with the metadata.
    xattrs: Vec<Xattr>,
}

impl Found {
    /// The root as it was given, joined with the names below it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// 0 for a root, 1 for what is directly in it.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Without `xattrs` and `holes`: see [`Found::xattrs`] and [`Found::holes`].
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Device and inode.
    pub fn identity(&self) -> (u64, u64) {
        self.metadata.identity()
    }

    /// Takes the metadata out, to be completed and kept. What stays is enough to open the entry and to compare it.
    pub fn take_metadata(&mut self) -> Box<Metadata> {
        let rest = Box::new(self.metadata.essence());
        std::mem::replace(&mut self.metadata, rest)
    }

    /// The metadata, where nothing else of it is needed.
    pub fn into_metadata(self) -> Box<Metadata> {
        self.metadata
    }

    /// Opens a regular file for reading: never through a symlink. It may be another one than was found: [`Found::inspect`] tells.
    pub fn open(&self) -> Result<File, WalkError> {
        system::open(&self.real).map_err(|error| self.error("open", error))
    }

    /// Size and times of the open file as they are now: compare with [`Found::metadata`] after reading to notice a file
    /// that changed meanwhile.
    ///
    /// # Errors
    /// Besides what the system refuses: [`WalkError::vanished`] when the name stood for another inode when it was opened.
    pub fn inspect(&self, file: &File) -> Result<(u64, Time, Time), WalkError> {
        let now = system::describe_open(file).map_err(|error| self.error("inspect", error))?.metadata;
        if now.identity() != self.identity() || now.kind != Kind::File {
            let source = io::Error::new(io::ErrorKind::NotFound, "it was replaced during the backup");
            return Err(self.error("open", source));
        }
        Ok((now.size, now.mtime, now.ctime))
    }

    /// Extended attributes, sorted by name; any kind of entry. Empty where the file system has none.
    pub fn xattrs(&self) -> Result<Vec<Xattr>, WalkError> {
        let mut xattrs = self.xattrs.clone();
        xattrs.extend(system::xattrs(&self.real).map_err(|error| self.error("read the attributes of", error))?);
        xattrs.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(xattrs)
    }

    /// The attributes of `file` (from [`Found::open`]).
    pub fn xattrs_of(&self, _file: &File) -> Result<Vec<Xattr>, WalkError> {
        self.xattrs()
    }

    /// None: holes are read as zeros.
    pub fn holes(&self, _file: &File) -> Result<Vec<Extent>, WalkError> {
        Ok(Vec::new())
    }

    fn error(&self, action: &'static str, source: io::Error) -> WalkError {
        WalkError { path: self.path.clone(), action, source }
    }
}

type Filter<'a> = Box<dyn FnMut(&Found) -> bool + Send + 'a>;

/// A directory whose names are being yielded, in order.
struct Level {
    path: PathBuf,
    real: PathBuf,
    names: std::vec::IntoIter<std::ffi::OsString>,
}

/// Iterator over a file tree: each directory before what is in it, siblings in byte order of their names, roots in the
/// order given. Memory: the names in each directory on the current path.
pub struct Walk<'a> {
    roots: std::vec::IntoIter<PathBuf>,
    options: WalkOptions,
    keep: Filter<'a>,
    owners: system::Owners,
    levels: Vec<Level>,
    root_device: u64,
    /// What to yield next: a directory that cannot be listed is yielded before the error.
    postponed: Option<WalkError>,
}

impl<'a> Walk<'a> {
    /// `keep` is asked once for each entry, roots too; a directory it refuses is not descended into.
    ///
    /// A root that is a symlink is yielded as a symlink; with a trailing separator it is followed.
    pub fn new<P: AsRef<Path>>(
        roots: impl IntoIterator<Item = P>,
        options: WalkOptions,
        keep: impl FnMut(&Found) -> bool + Send + 'a,
    ) -> Walk<'a> {
        let roots: Vec<PathBuf> = roots.into_iter().map(|root| root.as_ref().to_path_buf()).collect();
        Walk {
            roots: roots.into_iter(),
            options,
            keep: Box::new(keep),
            owners: system::Owners::default(),
            levels: Vec::new(),
            root_device: 0,
            postponed: None,
        }
    }

    /// `None`: refused by `keep`.
    fn visit(&mut self, path: PathBuf, real: PathBuf) -> Result<Option<Found>, WalkError> {
        let depth = self.levels.len();
        let Described { mut metadata, xattrs } = match system::describe(&real) {
            Ok(described) => described,
            Err(source) => return Err(WalkError { path, action: "inspect", source }),
        };
        self.owners.name(&mut metadata);
        let found = Found { path, real, depth, metadata: Box::new(metadata), xattrs };
        if !(self.keep)(&found) {
            return Ok(None);
        }
        if depth == 0 {
            self.root_device = found.metadata.device;
        }
        let elsewhere = self.options.one_file_system && found.metadata.device != self.root_device;
        if found.metadata.kind == Kind::Directory && !elsewhere {
            let list = || {
                let entries = std::fs::read_dir(&found.real)?;
                let mut names = entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
                names.sort_unstable_by(|a, b| a.as_encoded_bytes().cmp(b.as_encoded_bytes()));
                Ok(names.into_iter())
            };
            match list() {
                Ok(names) => {
                    self.levels.push(Level { path: found.path.clone(), real: found.real.clone(), names });
                }
                Err(error) => self.postponed = Some(found.error("list", error)),
            }
        }
        Ok(Some(found))
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<Found, WalkError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.postponed.take() {
            return Some(Err(error));
        }
        loop {
            let visited = match self.levels.last_mut() {
                Some(level) => match level.names.next() {
                    Some(name) => {
                        let (path, real) = (level.path.join(&name), level.real.join(&name));
                        self.visit(path, real)
                    }
                    None => {
                        self.levels.pop();
                        continue;
                    }
                },
                None => {
                    let root = self.roots.next()?;
                    match real(&root) {
                        Ok(real) => self.visit(root, real),
                        Err(source) => Err(WalkError { path: root, action: "open", source }),
                    }
                }
            };
            if let Some(found) = visited.transpose() {
                return Some(found);
            }
        }
    }
}

/// One name, without what is below it. A symlink is not followed, unless `path` ends with a separator.
pub fn look(path: &Path) -> Result<Found, WalkError> {
    let error = |source| WalkError { path: path.to_path_buf(), action: "inspect", source };
    let real = real(path).map_err(error)?;
    let Described { mut metadata, xattrs } = system::describe(&real).map_err(error)?;
    system::Owners::default().name(&mut metadata);
    Ok(Found { path: path.to_path_buf(), real, depth: 0, metadata: Box::new(metadata), xattrs })
}

/// What a root stands for.
fn real(root: &Path) -> io::Result<PathBuf> {
    let followed = root.as_os_str().as_encoded_bytes().last().is_some_and(|&byte| std::path::is_separator(byte.into()));
    match followed {
        true => root.canonicalize(),
        false => Ok(root.to_path_buf()),
    }
}
