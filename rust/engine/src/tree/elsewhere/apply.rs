//! Writes a file tree by paths: the mirror of [`walk`](super::walk).
//!
//! No folder on the way to an entry may be a symlink: what stands there is looked at before it is gone through, and a snapshot cannot
//! lead out of the target. Unlike on Linux, that is no proof against somebody who puts a link there in between: restore into a folder
//! that nobody else may write to.

use super::problem::failed;
pub use super::problem::{ApplyError, Warning};
use super::system;
use super::{Kind, Metadata};
use crate::direct::{self, PageBuffer};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The folder that a restore writes into. `Sync`: entries may be restored from several threads, the first name of a
/// hard-linked file before the others.
///
/// `path` arguments are relative to the target; absent parents are created. What stands at a path is replaced, except a
/// directory that is not empty.
pub struct Target {
    root: PathBuf,
    /// Folders that were made or looked at.
    known: Mutex<HashSet<PathBuf>>,
    directories: Mutex<Vec<(PathBuf, Metadata)>>,
    /// What the names of unfinished files begin with, and the number of the next one.
    unfinished: String,
    serial: AtomicU64,
}

impl Target {
    /// Opens `path`, creating it and its parents if need be. `path` itself may be or lead through a symlink.
    pub fn open(path: &Path) -> Result<Target, ApplyError> {
        std::fs::create_dir_all(path).map_err(|source| failed(path, "create", source))?;
        Ok(Target {
            root: path.canonicalize().map_err(|source| failed(path, "open", source))?,
            known: Mutex::default(),
            directories: Mutex::default(),
            unfinished: format!(".strongroom-restore-{}-", std::process::id()),
            serial: AtomicU64::new(0),
        })
    }

    /// Makes a directory; its metadata is applied by [`Target::finish`]. Directories come before those in them. The empty path
    /// stands for the target itself.
    pub fn directory(&self, path: &Path, metadata: &Metadata) -> Result<(), ApplyError> {
        if !path.as_os_str().is_empty() {
            let full = self.locate(path)?;
            match std::fs::symlink_metadata(&full) {
                // It may have been restored before, with what keeps even its owner from writing.
                Ok(there) if there.is_dir() => system::make_writable(&full),
                Ok(_) => remove(&full).map_err(|source| failed(path, "replace", source))?,
                Err(_) => {}
            }
            self.step(&full, path)?;
        }
        self.directories.lock().push((path.to_path_buf(), metadata.clone()));
        Ok(())
    }

    /// Starts a regular file of `metadata.size` bytes. It gets its name in [`FileWriter::finish`]; until then what stood at `path`
    /// is untouched.
    pub fn file(&self, path: &Path, metadata: &Metadata) -> Result<FileWriter, ApplyError> {
        let full = self.locate(path)?;
        let (file, temporary) = loop {
            let name = format!("{}{}", self.unfinished, self.serial.fetch_add(1, Ordering::Relaxed));
            let temporary = full.with_file_name(name);
            match OpenOptions::new().read(true).write(true).create_new(true).open(&temporary) {
                Ok(file) => break (file, temporary),
                // Left behind by a restore that was killed.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(source) => return Err(failed(path, "create", source)),
            }
        };
        let (path, metadata) = (path.to_path_buf(), metadata.clone());
        Ok(FileWriter { file: Some(file), temporary, full, path, metadata })
    }

    /// Makes a symlink, FIFO, device or socket with its metadata.
    pub fn special(&self, path: &Path, metadata: &Metadata) -> Result<Vec<Warning>, ApplyError> {
        let malformed = |reason| ApplyError::Malformed { path: path.to_path_buf(), reason };
        let full = self.locate(path)?;
        match metadata.kind {
            Kind::File | Kind::Directory => {
                return Err(malformed("it is a file or a directory, not a special entry"));
            }
            Kind::Symlink if metadata.target.is_none() => return Err(malformed("it is a symlink without a target")),
            Kind::CharDevice | Kind::BlockDevice if metadata.rdev.is_none() => {
                return Err(malformed("it is a device without a number"));
            }
            _ => {}
        }
        let made = match system::make(&full, metadata) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                remove(&full).and_then(|()| system::make(&full, metadata))
            }
            made => made,
        };
        made.map_err(|source| failed(path, "create", source))?;
        let mut warnings = Vec::new();
        apply_metadata(&full, metadata, path, &mut warnings);
        Ok(warnings)
    }

    /// Makes `path` a hard link of `existing`, restored before; both relative to the target.
    pub fn hard_link(&self, path: &Path, existing: &Path) -> Result<(), ApplyError> {
        if path == existing {
            return Err(ApplyError::Malformed { path: path.to_path_buf(), reason: "it is a hard link of itself" });
        }
        let (from, to) = (self.locate(existing)?, self.locate(path)?);
        let made = match std::fs::hard_link(&from, &to) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                remove(&to).and_then(|()| std::fs::hard_link(&from, &to))
            }
            made => made,
        };
        made.map_err(|source| failed(path, "create the hard link", source))
    }

    /// Applies the directories' metadata, the last one made first, now that nothing more is written in them.
    pub fn finish(self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        for (path, metadata) in self.directories.into_inner().into_iter().rev() {
            apply_metadata(&self.root.join(&path), &metadata, &path, &mut warnings);
        }
        warnings
    }

    /// Where an entry belongs, with the folders on the way made.
    fn locate(&self, path: &Path) -> Result<PathBuf, ApplyError> {
        let mut parts = Vec::new();
        for part in path.components() {
            match part {
                Component::Normal(name) => parts.push(name),
                _ => return Err(ApplyError::UnsafePath { path: path.to_path_buf() }),
            }
        }
        let last = parts.pop().ok_or_else(|| ApplyError::UnsafePath { path: path.to_path_buf() })?;
        let (mut full, mut so_far) = (self.root.clone(), PathBuf::new());
        for part in parts {
            full.push(part);
            so_far.push(part);
            if !self.known.lock().contains(&full) {
                self.step(&full, &so_far)?;
            }
        }
        full.push(last);
        Ok(full)
    }

    /// Makes sure that a folder is there, and that it is no symlink.
    fn step(&self, full: &Path, path: &Path) -> Result<(), ApplyError> {
        match std::fs::create_dir(full) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let there =
                    std::fs::symlink_metadata(full).map_err(|source| failed(path, "open the directory", source))?;
                if there.is_symlink() {
                    return Err(ApplyError::ThroughSymlink { path: path.to_path_buf() });
                }
                if !there.is_dir() {
                    return Err(failed(path, "open the directory", io::ErrorKind::NotADirectory));
                }
            }
            Err(source) => return Err(failed(path, "create the directory", source)),
        }
        self.known.lock().insert(full.to_path_buf());
        Ok(())
    }
}

/// A file being restored. `Sync`: ranges may be written in any order, from several threads. Dropping it unfinished
/// removes what was written.
pub struct FileWriter {
    /// Until it is finished.
    file: Option<File>,
    temporary: PathBuf,
    full: PathBuf,
    path: PathBuf,
    metadata: Metadata,
}

impl FileWriter {
    /// Writes all of `data` at byte `offset`. Ranges never written read as zeros; none is written twice.
    ///
    /// # Errors
    /// Also when `data` would reach beyond the size in the metadata.
    pub(crate) fn write_at(&self, offset: u64, data: &[u8], _room: &mut PageBuffer) -> Result<(), ApplyError> {
        let reason = "it has more content than its size tells";
        let malformed = || ApplyError::Malformed { path: self.path.clone(), reason };
        offset.checked_add(data.len() as u64).filter(|end| *end <= self.metadata.size).ok_or_else(malformed)?;
        let Some(file) = &self.file else { unreachable!("a finished file is not written to") };
        direct::write_all_at(file, data, offset).map_err(|source| failed(&self.path, "write", source))
    }

    /// Applies the metadata and gives the file its name, replacing what stood there.
    pub fn finish(mut self) -> Result<Vec<Warning>, ApplyError> {
        let Some(file) = &self.file else { return Ok(Vec::new()) };
        file.set_len(self.metadata.size).map_err(|source| failed(&self.path, "set the size of", source))?;
        // Windows renames no file that is open in the way that std opens it.
        self.file = None;
        let rename = || std::fs::rename(&self.temporary, &self.full);
        let renamed = match rename() {
            Err(_) if self.full.symlink_metadata().is_ok() => remove(&self.full).and_then(|()| rename()),
            renamed => renamed,
        };
        if let Err(source) = renamed {
            let _ = std::fs::remove_file(&self.temporary);
            return Err(failed(&self.path, "put in place", source));
        }
        let mut warnings = Vec::new();
        apply_metadata(&self.full, &self.metadata, &self.path, &mut warnings);
        Ok(warnings)
    }
}

impl Drop for FileWriter {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // Nobody is left to tell; the name says what it is.
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

/// Removes a file or an empty directory.
fn remove(path: &Path) -> io::Result<()> {
    system::make_writable(path);
    match std::fs::symlink_metadata(path)?.is_dir() {
        true => std::fs::remove_dir(path),
        false => std::fs::remove_file(path).or_else(|_| std::fs::remove_dir(path)),
    }
}

fn apply_metadata(full: &Path, metadata: &Metadata, path: &Path, warnings: &mut Vec<Warning>) {
    system::apply(full, metadata, &mut |action, source| {
        warnings.push(Warning { path: path.to_path_buf(), action, source });
    });
}
