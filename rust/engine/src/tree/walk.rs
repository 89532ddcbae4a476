//! Reads a file tree: every name under some roots, in a fixed order, with its metadata.
//!
//! A file tree changes while it is read. So every step works on descriptors of directories rather than on paths, never
//! follows a symlink below a root, and an entry that cannot be read is reported while the walk goes on.

use super::owner::OwnerNames;
pub use super::problem::{WalkError, WalkOptions};
use super::trail::{is_kept, DIRECTORY, NEAR};
use super::{DeviceNumber, Extent, Kind, Metadata, Time, Xattr};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, SeekFrom, Statx, StatxFlags, CWD};
use rustix::io::Errno;
use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A name found by a [`Walk`]. `Send`: content and attributes may be read on other threads.
///
/// It keeps the descriptor of its directory open, shared with its siblings: hold few at a time.
#[derive(Debug)]
pub struct Found {
    parent: Arc<OwnedFd>,
    name: CString,
    path: PathBuf,
    depth: usize,
    metadata: Box<Metadata>,
    /// Bytes allocated on disk: fewer than the size where there may be holes.
    allocated: u64,
}

impl Found {
    /// The root as it was given, joined with the names below it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name within [`Found::parent`], raw bytes; `.` for a root without a last component, such as `/`.
    pub fn name(&self) -> &[u8] {
        self.name.to_bytes()
    }

    /// 0 for a root, 1 for what is directly in it.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// From `stat`, the owner's names and the symlink's target. `xattrs` and `holes` are empty: see [`Found::xattrs`] and
    /// [`Found::holes`], which cost system calls that an unchanged file does not need (setting an xattr changes ctime).
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

    /// The directory this name is in.
    pub fn parent(&self) -> BorrowedFd<'_> {
        self.parent.as_fd()
    }

    /// Opens a regular file for reading: never through a symlink, without touching atime where that is allowed. It may be
    /// another one than was found: [`Found::inspect`] tells.
    pub fn open(&self) -> Result<File, WalkError> {
        // Non-blocking, because the name may stand for a FIFO by now.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        let fd = open_quietly(self.parent(), &self.name, flags).map_err(|e| self.error("open", e))?;
        Ok(fd.into())
    }

    /// Size and times of the open file as they are now: compare with [`Found::metadata`] after reading to notice a file
    /// that changed meanwhile.
    ///
    /// # Errors
    /// Besides what the system refuses: [`WalkError::vanished`] when the name stood for another inode when it was opened.
    pub fn inspect(&self, file: &File) -> Result<(u64, Time, Time), WalkError> {
        let status = inspect(file.as_fd()).map_err(|e| self.error("inspect", e))?;
        if identity_of(&status) != self.identity() || kind_of(&status) != Some(Kind::File) {
            let source = io::Error::new(io::ErrorKind::NotFound, "it was replaced during the backup");
            return Err(WalkError { path: self.path.clone(), action: "open", source });
        }
        Ok((status.stx_size, time_of(&status.stx_mtime), time_of(&status.stx_ctime)))
    }

    /// Extended attributes, ACLs and capabilities among them, sorted by name; any kind of entry. Empty where the file
    /// system has none.
    pub fn xattrs(&self) -> Result<Vec<Xattr>, WalkError> {
        // By way of /proc, because there is no *at call for attributes (before Linux 6.13), and opening a FIFO or a device
        // to ask for them would disturb it.
        let mut path = format!("/proc/self/fd/{}/", self.parent.as_raw_fd()).into_bytes();
        path.extend_from_slice(self.name.to_bytes());
        let list = |buffer: &mut [u8]| rustix::fs::llistxattr(path.as_slice(), buffer);
        read_xattrs(list, |name, buffer| rustix::fs::lgetxattr(path.as_slice(), name, buffer))
            .map_err(|e| self.error("read the attributes of", e))
    }

    /// The attributes of `file` (from [`Found::open`]): cheaper than by name.
    pub fn xattrs_of(&self, file: &File) -> Result<Vec<Xattr>, WalkError> {
        let list = |buffer: &mut [u8]| rustix::fs::flistxattr(file, buffer);
        read_xattrs(list, |name, buffer| rustix::fs::fgetxattr(file, name, buffer))
            .map_err(|e| self.error("read the attributes of", e))
    }

    /// Holes of `file` (from [`Found::open`]) within the size that [`Found::metadata`] tells. Leaves its read position at 0.
    pub fn holes(&self, file: &File) -> Result<Vec<Extent>, WalkError> {
        if self.allocated >= self.metadata.size {
            return Ok(Vec::new());
        }
        find_holes(file, self.metadata.size).map_err(|e| self.error("find the holes of", e))
    }

    fn error(&self, action: &'static str, errno: Errno) -> WalkError {
        WalkError { path: self.path.clone(), action, source: errno.into() }
    }
}

type Filter<'a> = Box<dyn FnMut(&Found) -> bool + Send + 'a>;

/// A directory whose names are being yielded.
struct Level {
    directory: Directory,
    /// In the directory above.
    name: CString,
    /// Bytes of [`Walk::path`] that lead to it.
    length: usize,
    names: std::vec::IntoIter<CString>,
}

enum Directory {
    Open(Arc<OwnedFd>),
    /// To be opened anew when the walk comes back to it: the inode by which it is known.
    Closed((u64, u64)),
}

/// Iterator over a file tree: each directory before what is in it, siblings in byte order of their names, roots in the
/// order given. Memory: the names in each directory on the current path, and descriptors of a few of them.
pub struct Walk<'a> {
    roots: std::vec::IntoIter<PathBuf>,
    options: WalkOptions,
    keep: Filter<'a>,
    owners: OwnerNames,
    levels: Vec<Level>,
    /// Of the directory that was listed last: the others on the way are in it.
    path: PathBuf,
    root_device: u64,
    /// What to yield next: a directory that cannot be listed is yielded before the error.
    postponed: Option<WalkError>,
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
        let roots: Vec<PathBuf> = roots.into_iter().map(|root| root.as_ref().to_path_buf()).collect();
        Walk {
            roots: roots.into_iter(),
            options,
            keep: Box::new(keep),
            owners: OwnerNames::default(),
            levels: Vec::new(),
            path: PathBuf::new(),
            root_device: 0,
            postponed: None,
        }
    }

    /// `None`: refused by `keep`.
    fn visit(&mut self, parent: Arc<OwnedFd>, name: CString, path: PathBuf) -> Result<Option<Found>, WalkError> {
        let depth = self.levels.len();
        let (metadata, allocated) = match self.describe(parent.as_fd(), &name) {
            Ok(described) => described,
            Err(errno) => return Err(WalkError { path, action: "inspect", source: errno.into() }),
        };
        let found = Found { parent, name, path, depth, metadata, allocated };
        if !(self.keep)(&found) {
            return Ok(None);
        }
        if depth == 0 {
            self.root_device = found.metadata.device;
        }
        let elsewhere = self.options.one_file_system && found.metadata.device != self.root_device;
        if found.metadata.kind == Kind::Directory && !elsewhere {
            match list(found.parent(), &found.name) {
                Ok((directory, names)) => {
                    self.path.clone_from(&found.path);
                    self.levels.push(Level {
                        directory: Directory::Open(Arc::new(directory)),
                        name: found.name.clone(),
                        length: found.path.as_os_str().len(),
                        names: names.into_iter(),
                    });
                    // Of each power of two, the one that was near enough until now.
                    let no_longer_near =
                        (0..).map(|power| (NEAR << power) + 1).take_while(|&distance| distance < depth);
                    no_longer_near.for_each(|distance| self.close_far(depth - distance));
                }
                Err(errno) => self.postponed = Some(found.error("list", errno)),
            }
        }
        Ok(Some(found))
    }

    /// Closes a directory that is not to be kept. It is opened anew by its name, and then compared.
    fn close_far(&mut self, at: usize) {
        let depth = self.levels.len() - 1;
        let directory = &mut self.levels[at].directory;
        if let (Directory::Open(fd), false) = (&*directory, is_kept(at, depth)) {
            if let Ok(status) = inspect(fd.as_fd()) {
                *directory = Directory::Closed(identity_of(&status));
            }
        }
    }

    /// The innermost directory.
    fn directory(&mut self) -> Result<Arc<OwnedFd>, Errno> {
        let innermost = self.levels.len() - 1;
        let mut nearest = innermost;
        let mut fd = loop {
            match &self.levels[nearest].directory {
                Directory::Open(fd) => break Arc::clone(fd),
                // The root is always kept.
                Directory::Closed(_) => nearest -= 1,
            }
        };
        for level in &mut self.levels[nearest + 1..] {
            let opened = rustix::fs::openat(&fd, &level.name, DIRECTORY, Mode::empty())?;
            let now = identity_of(&inspect(opened.as_fd())?);
            if matches!(level.directory, Directory::Closed(before) if before != now) {
                return Err(Errno::NOENT);
            }
            fd = Arc::new(opened);
            level.directory = Directory::Open(Arc::clone(&fd));
        }
        (nearest + 1..innermost).for_each(|at| self.close_far(at));
        Ok(fd)
    }

    fn describe(&mut self, parent: BorrowedFd<'_>, name: &CStr) -> Result<(Box<Metadata>, u64), Errno> {
        let status = stat(parent, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT)?;
        let kind = kind_of(&status).ok_or(Errno::OPNOTSUPP)?;
        let target = match kind {
            Kind::Symlink => Some(rustix::fs::readlinkat(parent, name, Vec::new())?.into_bytes()),
            _ => None,
        };
        let size = match (kind, &target) {
            (Kind::File, _) => status.stx_size,
            (_, Some(target)) => target.len() as u64,
            _ => 0,
        };
        let metadata = Box::new(Metadata {
            kind,
            mode: u32::from(status.stx_mode) & 0o7777,
            uid: status.stx_uid,
            gid: status.stx_gid,
            user: self.owners.user(status.stx_uid),
            group: self.owners.group(status.stx_gid),
            size,
            mtime: time_of(&status.stx_mtime),
            ctime: time_of(&status.stx_ctime),
            inode: status.stx_ino,
            device: device_of(&status),
            nlink: u64::from(status.stx_nlink),
            rdev: matches!(kind, Kind::CharDevice | Kind::BlockDevice)
                .then_some(DeviceNumber { major: status.stx_rdev_major, minor: status.stx_rdev_minor }),
            target,
            xattrs: Vec::new(),
            holes: Vec::new(),
        });
        Ok((metadata, status.stx_blocks.saturating_mul(512)))
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
                Some(level) => {
                    let Some(name) = level.names.next() else {
                        self.levels.pop();
                        continue;
                    };
                    let path = Path::new(OsStr::from_bytes(&self.path.as_os_str().as_bytes()[..level.length]));
                    let path = path.join(OsStr::from_bytes(name.to_bytes()));
                    match self.directory() {
                        Ok(parent) => self.visit(parent, name, path),
                        Err(errno) => {
                            self.levels.pop();
                            let path = path.parent().map(Path::to_path_buf).unwrap_or_default();
                            Err(WalkError { path, action: "go on with", source: errno.into() })
                        }
                    }
                }
                None => {
                    let root = self.roots.next()?;
                    match open_root(&root) {
                        Ok((parent, name)) => self.visit(Arc::new(parent), name, root),
                        Err(errno) => Err(WalkError { path: root, action: "open", source: errno.into() }),
                    }
                }
            };
            if let Some(found) = visited.transpose() {
                return Some(found);
            }
        }
    }
}

/// One name, without what is below it. A symlink is not followed, unless `path` ends with `/`.
pub fn look(path: &Path) -> Result<Found, WalkError> {
    let error = |errno: Errno| WalkError { path: path.to_path_buf(), action: "inspect", source: errno.into() };
    let (parent, name) = open_root(path).map_err(error)?;
    let mut walk = Walk::new([path], WalkOptions::default(), |_| true);
    let (metadata, allocated) = walk.describe(parent.as_fd(), &name).map_err(error)?;
    Ok(Found { parent: Arc::new(parent), name, path: path.to_path_buf(), depth: 0, metadata, allocated })
}

/// The directory a root is in, and its name there.
fn open_root(root: &Path) -> Result<(OwnedFd, CString), Errno> {
    let bytes = root.as_os_str().as_bytes();
    let followed = bytes.ends_with(b"/") || bytes.ends_with(b"/.");
    let (directory, name) = match root.file_name() {
        Some(name) if !followed => match root.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => (parent, name),
            _ => (Path::new("."), name),
        },
        _ => (root, OsStr::new(".")),
    };
    let name = CString::new(name.as_bytes()).map_err(|_| Errno::INVAL)?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok((rustix::fs::openat(CWD, directory, flags, Mode::empty())?, name))
}

/// Opens for reading and leaves atime alone where the system allows that (to the owner and to root).
fn open_quietly(parent: BorrowedFd<'_>, name: &CStr, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC;
    match rustix::fs::openat(parent, name, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => rustix::fs::openat(parent, name, flags, Mode::empty()),
        opened => opened,
    }
}

fn list(parent: BorrowedFd<'_>, name: &CStr) -> Result<(OwnedFd, Vec<CString>), Errno> {
    let directory = open_quietly(parent, name, OFlags::DIRECTORY | OFlags::NOFOLLOW)?;
    let mut names = Vec::new();
    let mut buffer = [MaybeUninit::uninit(); 32 << 10];
    let mut entries = RawDir::new(&directory, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
    }
    names.sort_unstable();
    Ok((directory, names))
}

fn stat(fd: BorrowedFd<'_>, name: &CStr, flags: AtFlags) -> Result<Statx, Errno> {
    rustix::fs::statx(fd, name, flags, StatxFlags::BASIC_STATS)
}

/// The status of what is open.
pub(super) fn inspect(fd: BorrowedFd<'_>) -> Result<Statx, Errno> {
    stat(fd, c"", AtFlags::EMPTY_PATH)
}

pub(super) fn kind_of(status: &Statx) -> Option<Kind> {
    Some(match FileType::from_raw_mode(u32::from(status.stx_mode)) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Symlink,
        FileType::Fifo => Kind::Fifo,
        FileType::CharacterDevice => Kind::CharDevice,
        FileType::BlockDevice => Kind::BlockDevice,
        FileType::Socket => Kind::Socket,
        FileType::Unknown => return None,
    })
}

/// Device and inode.
fn identity_of(status: &Statx) -> (u64, u64) {
    (device_of(status), status.stx_ino)
}

fn device_of(status: &Statx) -> u64 {
    rustix::fs::makedev(status.stx_dev_major, status.stx_dev_minor)
}

fn time_of(stamp: &rustix::fs::StatxTimestamp) -> Time {
    Time { secs: stamp.tv_sec, nanos: stamp.tv_nsec }
}

/// All attributes that `list` lists, each as `get` gets it.
fn read_xattrs(
    list: impl Fn(&mut [u8]) -> Result<usize, Errno>,
    get: impl Fn(&[u8], &mut [u8]) -> Result<usize, Errno>,
) -> Result<Vec<Xattr>, Errno> {
    let mut xattrs = Vec::new();
    for name in split_names(grown(list))? {
        match grown(|buffer| get(&name, buffer)) {
            Ok(value) => xattrs.push(Xattr { name, value }),
            // Removed since it was listed.
            Err(Errno::NODATA) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(xattrs)
}

/// Names in the kernel's list of them, sorted; none where the file system has no attributes.
pub(super) fn split_names(list: Result<Vec<u8>, Errno>) -> Result<Vec<Vec<u8>>, Errno> {
    let list = match list {
        Err(Errno::OPNOTSUPP) => return Ok(Vec::new()),
        list => list?,
    };
    let mut names: Vec<Vec<u8>> = list.split(|&b| b == 0).filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect();
    names.sort_unstable();
    Ok(names)
}

/// Calls `read` with a buffer that is large enough; the kernel's limit is 64 KiB for a value and for a list of names.
pub(super) fn grown(read: impl Fn(&mut [u8]) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut small = [0; 512];
    match read(&mut small) {
        Ok(length) => Ok(small[..length].to_vec()),
        Err(Errno::RANGE) => {
            let mut large = vec![0; 64 << 10];
            let length = read(&mut large)?;
            large.truncate(length);
            Ok(large)
        }
        Err(errno) => Err(errno),
    }
}

fn find_holes(file: &File, size: u64) -> Result<Vec<Extent>, Errno> {
    let mut holes = Vec::new();
    let mut at = 0;
    while at < size {
        let data = match rustix::fs::seek(file, SeekFrom::Data(at)) {
            Ok(data) => data.min(size),
            // No data from here on.
            Err(Errno::NXIO) => size,
            // A file system that cannot tell: all is data.
            Err(Errno::INVAL) => break,
            Err(errno) => return Err(errno),
        };
        if data > at {
            holes.push(Extent { offset: at, length: data - at });
        }
        if data == size {
            break;
        }
        at = match rustix::fs::seek(file, SeekFrom::Hole(data)) {
            Ok(hole) => hole,
            // Truncated meanwhile.
            Err(Errno::NXIO) => break,
            Err(errno) => return Err(errno),
        };
    }
    rustix::fs::seek(file, SeekFrom::Start(0))?;
    Ok(holes)
}
