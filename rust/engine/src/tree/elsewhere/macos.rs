//! macOS. Names are kept in the Unicode form that the file system has them in; file flags, such as `hidden` and `uchg`, beside them.

use super::owner::OwnerNames;
use super::{DeviceNumber, Kind, Metadata, Time, Xattr};
use rustix::fs::{AtFlags, Gid, Mode, Timespec, Timestamps, Uid, XattrFlags, CWD};
use rustix::io::Errno;
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::darwin::fs::MetadataExt as _;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// What stands in for the flags of a file.
const FLAGS: &[u8] = b"macos.flags";

/// Those that the owner or root may set; the others say how the file system keeps the file.
const SETTABLE: u32 = libc::UF_NODUMP
    | libc::UF_IMMUTABLE
    | libc::UF_APPEND
    | libc::UF_OPAQUE
    | libc::UF_HIDDEN
    | libc::SF_ARCHIVED
    | libc::SF_IMMUTABLE
    | libc::SF_APPEND;

pub(super) struct Described {
    pub metadata: Metadata,
    pub xattrs: Vec<Xattr>,
}

/// Names of users and groups.
#[derive(Default)]
pub(super) struct Owners(OwnerNames);

impl Owners {
    pub(super) fn name(&mut self, metadata: &mut Metadata) {
        metadata.user = self.0.user(metadata.uid);
        metadata.group = self.0.group(metadata.gid);
    }
}

pub(super) fn describe(path: &Path) -> io::Result<Described> {
    let mut described = described(&std::fs::symlink_metadata(path)?)?;
    if described.metadata.kind == Kind::Symlink {
        let target = std::fs::read_link(path)?.into_os_string().into_vec();
        described.metadata.size = target.len() as u64;
        described.metadata.target = Some(target);
    }
    Ok(described)
}

pub(super) fn describe_open(file: &File) -> io::Result<Described> {
    described(&file.metadata()?)
}

fn described(status: &std::fs::Metadata) -> io::Result<Described> {
    let kind = match status.file_type() {
        kind if kind.is_file() => Kind::File,
        kind if kind.is_dir() => Kind::Directory,
        kind if kind.is_symlink() => Kind::Symlink,
        kind if kind.is_fifo() => Kind::Fifo,
        kind if kind.is_char_device() => Kind::CharDevice,
        kind if kind.is_block_device() => Kind::BlockDevice,
        kind if kind.is_socket() => Kind::Socket,
        _ => return Err(io::ErrorKind::Unsupported.into()),
    };
    let number = DeviceNumber { major: (status.rdev() >> 24) as u32 & 0xff, minor: status.rdev() as u32 & 0xff_ffff };
    let metadata = Metadata {
        uid: status.uid(),
        gid: status.gid(),
        size: if kind == Kind::File { status.size() } else { 0 },
        ctime: Time { secs: status.ctime(), nanos: status.ctime_nsec() as u32 },
        inode: status.ino(),
        device: status.dev(),
        nlink: status.nlink(),
        rdev: matches!(kind, Kind::CharDevice | Kind::BlockDevice).then_some(number),
        ..Metadata::new(
            kind,
            status.permissions().mode() & 0o7777,
            Time { secs: status.mtime(), nanos: status.mtime_nsec() as u32 },
        )
    };
    let flags = status.st_flags() & SETTABLE;
    let xattrs = match flags {
        0 => Vec::new(),
        flags => vec![Xattr { name: FLAGS.to_vec(), value: flags.to_le_bytes().to_vec() }],
    };
    Ok(Described { metadata, xattrs })
}

/// Opens a file for reading, never through a symlink, and without waiting for what is a FIFO by now.
pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY).open(path)
}

pub(super) fn xattrs(path: &Path) -> io::Result<Vec<Xattr>> {
    let names = match grown(|room| rustix::fs::llistxattr(path, room)) {
        Err(Errno::NOTSUP) => return Ok(Vec::new()),
        names => names?,
    };
    let mut xattrs = Vec::new();
    for name in names.split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
        match grown(|room| rustix::fs::lgetxattr(path, name, room)) {
            Ok(value) => xattrs.push(Xattr { name: name.to_vec(), value }),
            // Removed since it was listed.
            Err(Errno::NOATTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(xattrs)
}

/// Calls `read` with a buffer that is large enough: a value may be as large as a resource fork.
fn grown(read: impl Fn(&mut [u8]) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut room = vec![0; 4096];
    loop {
        match read(&mut room) {
            Err(Errno::RANGE) if room.len() < 1 << 30 => room.resize(room.len() * 4, 0),
            Ok(length) => {
                room.truncate(length);
                return Ok(room);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Makes a symlink, FIFO, device or socket. Devices need root.
pub(super) fn make(path: &Path, metadata: &Metadata) -> io::Result<()> {
    if let (Kind::Symlink, Some(target)) = (metadata.kind, &metadata.target) {
        return std::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(target), path);
    }
    let name = CString::new(path.as_os_str().as_bytes())?;
    let number = metadata.rdev.map_or(0, |device| (device.major << 24 | device.minor & 0xff_ffff) as libc::dev_t);
    let format = match metadata.kind {
        Kind::CharDevice => libc::S_IFCHR,
        Kind::BlockDevice => libc::S_IFBLK,
        // SAFETY: the name is a C string that outlives the call.
        Kind::Fifo => return done(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }),
        _ => {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "macOS makes it only for a program that listens on it",
            ))
        }
    };
    // SAFETY: as above.
    done(unsafe { libc::mknod(name.as_ptr(), format | 0o600, number) })
}

fn done(code: libc::c_int) -> io::Result<()> {
    if code == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn set_flags(path: &Path, flags: u32) -> io::Result<()> {
    let name = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: the name is a C string that outlives the call.
    done(unsafe { libc::lchflags(name.as_ptr(), flags) })
}

/// Lets a file be replaced, and a folder be written to. If that is refused, so will be what comes next, which says so.
pub(super) fn make_writable(path: &Path) {
    if let Ok(there) = std::fs::symlink_metadata(path) {
        if there.st_flags() & (libc::UF_IMMUTABLE | libc::UF_APPEND) != 0 {
            let _ = set_flags(path, 0);
        }
        if there.is_dir() {
            let _ = rustix::fs::chmodat(CWD, path, Mode::RWXU, AtFlags::empty());
        }
    }
}

/// Brings back what `metadata` tells, and tells `warn` what it could not.
///
/// In this order: a change of owner drops setuid bits; attributes need write permission, which the final mode may take away; everything
/// before changes the times; and flags may forbid every later change.
pub(super) fn apply(path: &Path, metadata: &Metadata, warn: &mut dyn FnMut(String, io::Error)) {
    let mut mode = metadata.mode & 0o7777;
    let owner = (Some(Uid::from_raw(metadata.uid)), Some(Gid::from_raw(metadata.gid)));
    if let Err(error) = rustix::fs::chownat(CWD, path, owner.0, owner.1, AtFlags::SYMLINK_NOFOLLOW) {
        warn(format!("set its owner to {}:{}", metadata.uid, metadata.gid), error.into());
        // The group alone may be one of ours; the warning stands either way.
        let _ = rustix::fs::chownat(CWD, path, None, owner.1, AtFlags::SYMLINK_NOFOLLOW);
        if metadata.kind != Kind::Directory {
            // A setuid program must not come to belong to someone else than it was made for.
            mode &= 0o1777;
        }
    }
    let mut flags = 0;
    for xattr in &metadata.xattrs {
        if let (FLAGS, Ok(kept)) = (xattr.name.as_slice(), xattr.value.as_slice().try_into()) {
            flags = u32::from_le_bytes(kept) & SETTABLE;
        } else if let Err(error) = rustix::fs::lsetxattr(path, xattr.name.as_slice(), &xattr.value, XattrFlags::empty())
        {
            warn(format!("set its attribute {}", String::from_utf8_lossy(&xattr.name)), error.into());
        }
    }
    if metadata.kind != Kind::Symlink {
        if let Err(error) = rustix::fs::chmodat(CWD, path, Mode::from_raw_mode(mode as _), AtFlags::empty()) {
            warn(format!("set its mode to {mode:04o}"), error.into());
        }
    }
    let times = Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT as _ },
        last_modification: Timespec { tv_sec: metadata.mtime.secs, tv_nsec: metadata.mtime.nanos as _ },
    };
    if let Err(error) = rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW) {
        warn("set its modification time".into(), error.into());
    }
    if flags != 0 {
        if let Err(error) = set_flags(path, flags) {
            warn("set its flags".into(), error);
        }
    }
}
