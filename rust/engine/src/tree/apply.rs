//! Writes a file tree: the mirror of [`walk`](super::walk).
//!
//! Paths are resolved beneath the target folder one component at a time, by descriptor, and no component may be a symlink:
//! neither a snapshot nor someone who plants links in the target during a restore can make it write elsewhere.

use super::pages::Pages;
use super::problem::failed;
pub use super::problem::{ApplyError, Warning};
use super::trail::{shared, Trail, DIRECTORY};
use super::walk::{grown, inspect, kind_of, split_names};
use super::{Kind, Metadata};
use crate::direct::{self, PageBuffer};
use parking_lot::Mutex;
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Statx, Timespec, Timestamps, Uid, XattrFlags, CWD};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

/// The folder that a restore writes into. `Sync`: entries may be restored from several threads, the first name of a
/// hard-linked file before the others.
///
/// `path` arguments are relative to the target; absent parents are created with mode 0700. What stands at a path is
/// replaced, except a directory that is not empty.
pub struct Target {
    root: Arc<OwnedFd>,
    /// One for each thread that is at work, but for those in use right now.
    trails: Mutex<Vec<Trail>>,
    directories: Mutex<Directories>,
    /// What the names of unfinished files begin with, and the number of the next one.
    unfinished: String,
    serial: AtomicU64,
    /// Whom new files belong to.
    owner: Uid,
}

impl Target {
    /// Opens `path`, creating it and its parents if need be. `path` itself may be or lead through a symlink.
    pub fn open(path: &Path) -> Result<Target, ApplyError> {
        std::fs::create_dir_all(path).map_err(|source| failed(path, "create", source))?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::openat(CWD, path, flags, Mode::empty()).map_err(|e| failed(path, "open", e))?;
        Ok(Target {
            root: Arc::new(root),
            trails: Mutex::default(),
            directories: Mutex::default(),
            unfinished: format!(".strongroom-restore-{}-", std::process::id()),
            serial: AtomicU64::new(0),
            owner: rustix::process::geteuid(),
        })
    }

    /// Makes a directory that only its owner can enter; its metadata is applied by [`Target::finish`]. Directories come
    /// before those in them. The empty path stands for the target itself.
    pub fn directory(&self, path: &Path, metadata: &Metadata) -> Result<(), ApplyError> {
        if !path.as_os_str().is_empty() {
            let (parent, name) = self.locate(path)?;
            let replaced = match rustix::fs::mkdirat(&parent, name, Mode::RWXU) {
                Err(Errno::EXIST) => {
                    match rustix::fs::openat(&parent, name, DIRECTORY, Mode::empty()) {
                        // It may have been restored before with a mode that keeps even its owner from writing.
                        // If it is not ours to change, what is then written in it will say so.
                        Ok(existing) => {
                            let proc = by_proc(existing.as_fd());
                            let _ = rustix::fs::chmodat(CWD, proc, Mode::RWXU, AtFlags::empty());
                            Ok(())
                        }
                        Err(_) => rustix::fs::unlinkat(&parent, name, AtFlags::empty())
                            .and_then(|()| rustix::fs::mkdirat(&parent, name, Mode::RWXU)),
                    }
                }
                made => made,
            };
            replaced.map_err(|e| failed(path, "create the directory", e))?;
        }
        self.directories.lock().push(path, metadata.clone());
        Ok(())
    }

    /// Starts a regular file of `metadata.size` bytes, all hole. It gets its name in [`FileWriter::finish`]; until then
    /// what stood at `path` is untouched.
    pub fn file(&self, path: &Path, metadata: &Metadata) -> Result<FileWriter, ApplyError> {
        let (parent, _) = self.locate(path)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = self.first_mode(metadata);
        let (file, temporary) = loop {
            let temporary = format!("{}{}", self.unfinished, self.serial.fetch_add(1, Ordering::Relaxed));
            match rustix::fs::openat(&parent, &temporary, flags, mode) {
                Ok(fd) => break (File::from(fd), temporary),
                // Left behind by a restore that was killed.
                Err(Errno::EXIST) => continue,
                Err(errno) => return Err(failed(path, "create", errno)),
            }
        };
        let pages = match metadata.size >= DIRECT_FROM {
            true => reserve(&file, metadata).map_err(|error| failed(path, "find room for", error))?,
            false => None,
        };
        let (path, metadata) = (path.to_path_buf(), metadata.clone());
        Ok(FileWriter { file, pages, parent, temporary: Some(temporary), path, metadata, end: AtomicU64::new(0) })
    }

    /// The mode that a file is made with: the final one, so that it need not be set, where that lets in nobody who is not to
    /// come in. Its group, and whom an ACL of the directory names, may not be the final ones yet, so they get nothing that
    /// others do not get as well. Attributes cannot be set on what its owner may not write.
    fn first_mode(&self, metadata: &Metadata) -> Mode {
        let (group, others) = (metadata.mode >> 3 & 7, metadata.mode & 7);
        let ours = self.owner.as_raw() == metadata.uid;
        match ours && group == others && metadata.xattrs.is_empty() {
            true => Mode::from_raw_mode(metadata.mode & 0o777),
            false => Mode::RUSR | Mode::WUSR,
        }
    }

    /// Makes a symlink, FIFO, device or socket with its metadata. Devices need `CAP_MKNOD`.
    pub fn special(&self, path: &Path, metadata: &Metadata) -> Result<Vec<Warning>, ApplyError> {
        let malformed = |reason| ApplyError::Malformed { path: path.to_path_buf(), reason };
        let (parent, name) = self.locate(path)?;
        let node = |file_type, device| {
            replacing(&parent, name, || rustix::fs::mknodat(&parent, name, file_type, Mode::RUSR | Mode::WUSR, device))
        };
        let device = || {
            let number = metadata.rdev.ok_or_else(|| malformed("it is a device without a number"))?;
            Ok(rustix::fs::makedev(number.major, number.minor))
        };
        let made = match metadata.kind {
            Kind::Symlink => {
                let target = metadata.target.as_deref().ok_or_else(|| malformed("it is a symlink without a target"))?;
                replacing(&parent, name, || rustix::fs::symlinkat(target, &parent, name))
            }
            Kind::Fifo => node(FileType::Fifo, 0),
            Kind::Socket => node(FileType::Socket, 0),
            Kind::CharDevice => node(FileType::CharacterDevice, device()?),
            Kind::BlockDevice => node(FileType::BlockDevice, device()?),
            Kind::File | Kind::Directory => return Err(malformed("it is a file or a directory, not a special entry")),
        };
        made.map_err(|e| failed(path, "create", e))?;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = rustix::fs::openat(&parent, name, flags, Mode::empty()).map_err(|e| failed(path, "open", e))?;
        // Where others may write to the directory, the name may by now stand for something that is not ours to change.
        let status = inspect(made.as_fd()).map_err(|e| failed(path, "inspect", e))?;
        if kind_of(&status) != Some(metadata.kind) || status.stx_nlink != 1 {
            return Err(malformed("something else took its place during the restore"));
        }
        let inode = match metadata.kind {
            // A symlink is addressed by name: attribute and time calls that are given its descriptor may follow it.
            Kind::Symlink => {
                Inode::Symlink(made.as_fd(), [by_proc(parent.as_fd()).as_bytes(), b"/", name.as_bytes()].concat())
            }
            _ => Inode::Named(made.as_fd(), by_proc(made.as_fd())),
        };
        let mut warnings = Vec::new();
        apply_metadata(&inode, &status, metadata, path, &mut warnings);
        Ok(warnings)
    }

    /// Makes `path` a hard link of `existing`, restored before; both relative to the target.
    pub fn hard_link(&self, path: &Path, existing: &Path) -> Result<(), ApplyError> {
        let (old_parent, old_name) = self.locate(existing)?;
        let (parent, name) = self.locate(path)?;
        if path == existing {
            return Err(ApplyError::Malformed { path: path.to_path_buf(), reason: "it is a hard link of itself" });
        }
        replacing(&parent, name, || rustix::fs::linkat(&old_parent, old_name, &parent, name, AtFlags::empty()))
            .map_err(|e| failed(path, "create the hard link", e))
    }

    /// Applies the directories' owners, attributes, modes and times, the last one made first, now that nothing more is
    /// written in them.
    pub fn finish(self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let mut trail = self.take_trail(b"");
        let mut directories = std::mem::take(&mut *self.directories.lock());
        while let Some((path, metadata)) = directories.pop() {
            let found = trail.lead_to(path.as_os_str().as_bytes(), false);
            let found = found.and_then(|fd| {
                let status = inspect(fd.as_fd()).map_err(|e| failed(&path, "inspect", e))?;
                Ok((fd, status))
            });
            match found {
                Ok((fd, status)) => {
                    let inode = Inode::Named(fd.as_fd(), by_proc(fd.as_fd()));
                    apply_metadata(&inode, &status, &metadata, &path, &mut warnings);
                }
                Err(error) => {
                    let source = io::Error::other(error);
                    warnings.push(Warning { path, action: "apply its metadata".into(), source });
                }
            }
        }
        warnings
    }

    /// The directory that `path` is in, and the name in it.
    fn locate<'p>(&self, path: &'p Path) -> Result<(Arc<OwnedFd>, &'p OsStr), ApplyError> {
        let unsafe_path = || ApplyError::UnsafePath { path: path.to_path_buf() };
        let name = path.file_name().ok_or_else(unsafe_path)?;
        let parent = path.parent().ok_or_else(unsafe_path)?.as_os_str().as_bytes();
        let mut trail = self.take_trail(parent);
        let fd = trail.lead_to(parent, true);
        self.trails.lock().push(trail);
        Ok((fd?, name))
    }

    /// The trail that leads nearest to `directory`: most likely the one that this thread used last.
    fn take_trail(&self, directory: &[u8]) -> Trail {
        let mut trails = self.trails.lock();
        let nearest = (0..trails.len()).max_by_key(|&at| trails[at].shared_with(directory));
        match nearest {
            Some(at) => trails.swap_remove(at),
            None => Trail::new(Arc::clone(&self.root)),
        }
    }
}

/// The directories that were made, with their metadata. Their paths together may be far longer than what is different in
/// them, so only that is kept.
#[derive(Default)]
struct Directories {
    /// Of the last one.
    path: Vec<u8>,
    /// How much of the path before is in the path of this one, and how that one went on.
    made: Vec<(usize, Box<[u8]>, Metadata)>,
}

impl Directories {
    fn push(&mut self, path: &Path, metadata: Metadata) {
        let path = path.as_os_str().as_bytes();
        let shared = shared(&self.path, path);
        self.made.push((shared, self.path[shared..].into(), metadata));
        self.path.truncate(shared);
        self.path.extend_from_slice(&path[shared..]);
    }

    /// The last one.
    fn pop(&mut self) -> Option<(PathBuf, Metadata)> {
        let (shared, rest, metadata) = self.made.pop()?;
        let path = PathBuf::from(OsStr::from_bytes(&self.path));
        self.path.truncate(shared);
        self.path.extend_from_slice(&rest);
        Some((path, metadata))
    }
}

/// A file being restored. `Sync`: ranges may be written in any order, from several threads. Dropping it unfinished
/// removes what was written.
pub struct FileWriter {
    file: File,
    /// The way past the page cache, for what is large.
    pages: Option<Pages>,
    parent: Arc<OwnedFd>,
    /// Its name until it is finished.
    temporary: Option<String>,
    path: PathBuf,
    metadata: Metadata,
    /// How far it was written: the system gives it that size by itself.
    end: AtomicU64,
}

impl FileWriter {
    /// Writes all of `data` at byte `offset`. Ranges never written stay holes; none is written twice. `room` is used for what
    /// goes past the page cache.
    ///
    /// # Errors
    /// Also when `data` would reach beyond the size in the metadata.
    pub(crate) fn write_at(&self, offset: u64, data: &[u8], room: &mut PageBuffer) -> Result<(), ApplyError> {
        let end = offset.checked_add(data.len() as u64).filter(|end| *end <= self.metadata.size);
        let end = end.ok_or_else(|| {
            let reason = "it has more content than its size tells";
            ApplyError::Malformed { path: self.path.clone(), reason }
        })?;
        let written = match &self.pages {
            Some(_) if data.is_empty() => Ok(()),
            Some(pages) => pages.write_at(&self.file, offset, data, room),
            None => direct::write_all_at(&self.file, data, offset),
        };
        written.map_err(|source| failed(&self.path, "write", source))?;
        self.end.fetch_max(end, Ordering::Relaxed);
        Ok(())
    }

    /// Applies the metadata and gives the file its name, replacing what stood there.
    pub fn finish(mut self) -> Result<Vec<Warning>, ApplyError> {
        if let Some(pages) = &mut self.pages {
            pages.finish(&self.file).map_err(|source| failed(&self.path, "write", source))?;
        }
        if self.pages.is_some() || *self.end.get_mut() < self.metadata.size {
            self.file.set_len(self.metadata.size).map_err(|source| failed(&self.path, "set the size of", source))?;
        }
        let status = inspect(self.file.as_fd()).map_err(|e| failed(&self.path, "inspect", e))?;
        let mut warnings = Vec::new();
        apply_metadata(&Inode::Open(self.file.as_fd()), &status, &self.metadata, &self.path, &mut warnings);
        if let (Some(temporary), Some(name)) = (&self.temporary, self.path.file_name()) {
            let rename = || rustix::fs::renameat(&self.parent, temporary, &self.parent, name);
            let renamed = match rename() {
                Err(Errno::ISDIR) => remove(&self.parent, name).and_then(|()| rename()),
                renamed => renamed,
            };
            renamed.map_err(|e| failed(&self.path, "put in place", e))?;
        }
        self.temporary = None;
        Ok(warnings)
    }
}

/// Files of this size and more are written past the page cache.
const DIRECT_FROM: u64 = 8 << 20;
/// Of a file with more extents than that, the rooms are found one by one.
const MOST_RESERVED: usize = 16;

/// Finds room for the content of a new file, so that several threads can write it at once and a full disk shows before
/// anything is. `None`: its file system has no way past the page cache.
fn reserve(file: &File, metadata: &Metadata) -> io::Result<Option<Pages>> {
    if !direct::engage(file) {
        return Ok(None);
    }
    let extents = metadata.data_extents();
    for extent in extents.iter().take_while(|_| extents.len() <= MOST_RESERVED) {
        if !direct::find_room(file, extent.offset, extent.length)? {
            break;
        }
    }
    Ok(Some(Pages::new(metadata.size)))
}

impl Drop for FileWriter {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // Nobody is left to tell; the name says what it is.
            let _ = rustix::fs::unlinkat(&self.parent, temporary, AtFlags::empty());
        }
    }
}

/// A path that stands for the inode behind `fd`, also for calls that take no `O_PATH` descriptor.
fn by_proc(fd: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

fn remove(parent: &OwnedFd, name: &OsStr) -> Result<(), Errno> {
    match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
        Err(Errno::ISDIR) => rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR),
        removed => removed,
    }
}

fn replacing(parent: &OwnedFd, name: &OsStr, make: impl Fn() -> Result<(), Errno>) -> Result<(), Errno> {
    match make() {
        Err(Errno::EXIST) => remove(parent, name).and_then(|()| make()),
        made => made,
    }
}

/// How the system is told which inode a change is for.
enum Inode<'i> {
    /// Open for writing, which spares the system to look for a path.
    Open(BorrowedFd<'i>),
    /// Its `O_PATH` descriptor, and a path that stands for it.
    Named(BorrowedFd<'i>, String),
    /// The same for what must not be followed.
    Symlink(BorrowedFd<'i>, Vec<u8>),
}

impl Inode<'_> {
    fn set_owner(&self, uid: Option<Uid>, gid: Option<Gid>) -> Result<(), Errno> {
        let (Inode::Open(fd) | Inode::Named(fd, _) | Inode::Symlink(fd, _)) = self;
        rustix::fs::chownat(fd, c"", uid, gid, AtFlags::EMPTY_PATH)
    }

    fn list_attributes(&self) -> Result<Vec<Vec<u8>>, Errno> {
        split_names(grown(|buffer| match self {
            Inode::Open(fd) => rustix::fs::flistxattr(fd, buffer),
            Inode::Named(_, path) => rustix::fs::listxattr(path, buffer),
            Inode::Symlink(_, path) => rustix::fs::llistxattr(path.as_slice(), buffer),
        }))
    }

    fn remove_attribute(&self, name: &[u8]) -> Result<(), Errno> {
        match self {
            Inode::Open(fd) => rustix::fs::fremovexattr(fd, name),
            Inode::Named(_, path) => rustix::fs::removexattr(path, name),
            Inode::Symlink(_, path) => rustix::fs::lremovexattr(path.as_slice(), name),
        }
    }

    fn set_attribute(&self, name: &[u8], value: &[u8]) -> Result<(), Errno> {
        let flags = XattrFlags::empty();
        match self {
            Inode::Open(fd) => rustix::fs::fsetxattr(fd, name, value, flags),
            Inode::Named(_, path) => rustix::fs::setxattr(path, name, value, flags),
            Inode::Symlink(_, path) => rustix::fs::lsetxattr(path.as_slice(), name, value, flags),
        }
    }

    fn set_mode(&self, mode: Mode) -> Result<(), Errno> {
        match self {
            Inode::Open(fd) => rustix::fs::fchmod(fd, mode),
            Inode::Named(_, path) => rustix::fs::chmodat(CWD, path, mode, AtFlags::empty()),
            // It has none.
            Inode::Symlink(..) => Ok(()),
        }
    }

    fn set_times(&self, times: &Timestamps) -> Result<(), Errno> {
        match self {
            Inode::Open(fd) => rustix::fs::futimens(fd, times),
            Inode::Named(_, path) => rustix::fs::utimensat(CWD, path, times, AtFlags::empty()),
            Inode::Symlink(_, path) => rustix::fs::utimensat(CWD, path.as_slice(), times, AtFlags::SYMLINK_NOFOLLOW),
        }
    }
}

/// Brings everything back that `metadata` tells, to an inode that is now as `status` says.
///
/// In this order: a change of owner drops capabilities and setuid bits; attributes need write permission, which the final
/// mode may take away; everything before changes the times.
fn apply_metadata(inode: &Inode<'_>, status: &Statx, metadata: &Metadata, path: &Path, warnings: &mut Vec<Warning>) {
    let mut warn = |action: String, errno: Errno| {
        warnings.push(Warning { path: path.to_path_buf(), action, source: errno.into() });
    };

    let mut mode = metadata.mode & 0o7777;
    // What sets the owner and an ACL changes the mode too.
    let mut mode_now = Some(u32::from(status.stx_mode) & 0o7777);
    // As a number, -1 means "leave as it is" to the system: nobody's id.
    let id = |number| (number != u32::MAX).then_some(number);
    let (uid, gid) = (id(metadata.uid).map(Uid::from_raw), id(metadata.gid).map(Gid::from_raw));
    let owned = if (status.stx_uid, status.stx_gid) == (metadata.uid, metadata.gid) {
        Ok(())
    } else {
        mode_now = None;
        match (uid, gid) {
            (Some(_), Some(_)) => inode.set_owner(uid, gid),
            _ => Err(Errno::INVAL),
        }
    };
    if let Err(errno) = owned {
        warn(format!("set its owner to {}:{}", metadata.uid, metadata.gid), errno);
        // The group alone may be one of ours; the warning stands either way.
        let _ = inode.set_owner(None, gid);
        if metadata.kind != Kind::Directory {
            // A setuid program must not come to belong to someone else than it was made for.
            mode &= 0o1777;
        }
    }

    match inode.list_attributes() {
        Ok(present) => {
            for name in present {
                // Those that the new inode got from the default ACL of its directory, or that an existing directory had.
                // Not security.*: labels that the system gives.
                let wanted = metadata.xattrs.iter().any(|xattr| xattr.name == name);
                if wanted || name.starts_with(b"security.") {
                    continue;
                }
                mode_now = None;
                if let Err(errno) = inode.remove_attribute(&name) {
                    warn(format!("remove its attribute {}", String::from_utf8_lossy(&name)), errno);
                }
            }
        }
        Err(errno) => warn("list its attributes".into(), errno),
    }
    for xattr in &metadata.xattrs {
        mode_now = None;
        if let Err(errno) = inode.set_attribute(&xattr.name, &xattr.value) {
            warn(format!("set its attribute {}", String::from_utf8_lossy(&xattr.name)), errno);
        }
    }

    if mode_now != Some(mode) {
        if let Err(errno) = inode.set_mode(Mode::from_raw_mode(mode)) {
            warn(format!("set its mode to {mode:04o}"), errno);
        }
    }

    let times = Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT },
        last_modification: Timespec { tv_sec: metadata.mtime.secs, tv_nsec: metadata.mtime.nanos.into() },
    };
    if let Err(errno) = inode.set_times(&times) {
        warn("set its modification time".into(), errno);
    }
}
