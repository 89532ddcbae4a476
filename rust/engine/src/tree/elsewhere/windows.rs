//! Windows. There are no owners by number and no modes: a file that may only be read has the mode 0444, others 0644, folders 0755.
//! A snapshot does not keep access control lists and alternate streams.

use super::{Kind, Metadata, Time, Xattr};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::AsRawHandle;
use std::path::Path;
use windows_sys::Win32::Storage::FileSystem::{
    FileBasicInfo, GetFileInformationByHandle, GetFileInformationByHandleEx, SetFileInformationByHandle,
    BY_HANDLE_FILE_INFORMATION, FILE_ATTRIBUTE_DIRECTORY, FILE_ATTRIBUTE_READONLY, FILE_BASIC_INFO,
    FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT, FILE_READ_ATTRIBUTES, FILE_WRITE_ATTRIBUTES,
};

/// What stands in for an attribute of the system's own.
const ATTRIBUTES: &[u8] = b"windows.attributes";
const CREATED: &[u8] = b"windows.created";

/// Those that a program may set; the others say how the file system keeps the file.
const SETTABLE: u32 = 0x1 | 0x2 | 0x4 | 0x20 | 0x2000; // read only, hidden, system, archive, not indexed

pub(super) struct Described {
    pub metadata: Metadata,
    pub xattrs: Vec<Xattr>,
}

/// Names of users: an owner has no number here, so there are none.
#[derive(Default)]
pub(super) struct Owners;

impl Owners {
    pub(super) fn name(&mut self, _metadata: &mut Metadata) {}
}

fn open_as_is(path: &Path, access: u32) -> io::Result<File> {
    let flags = FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT;
    OpenOptions::new().access_mode(access).custom_flags(flags).open(path)
}

pub(super) fn describe(path: &Path) -> io::Result<Described> {
    // Attributes may be read of a file that another program has locked.
    let mut described = describe_open(&open_as_is(path, FILE_READ_ATTRIBUTES)?)?;
    if described.metadata.kind == Kind::Symlink {
        let target = std::fs::read_link(path)?.into_os_string().into_encoded_bytes();
        described.metadata.size = target.len() as u64;
        described.metadata.target = Some(target);
    }
    Ok(described)
}

pub(super) fn describe_open(file: &File) -> io::Result<Described> {
    let (mut info, mut basic) = (BY_HANDLE_FILE_INFORMATION::default(), FILE_BASIC_INFO::default());
    let handle = file.as_raw_handle();
    // SAFETY: the handle is open, and each record has the size that its call is told or knows.
    let told = unsafe {
        GetFileInformationByHandle(handle, &mut info) != 0
            && GetFileInformationByHandleEx(
                handle,
                FileBasicInfo,
                (&raw mut basic).cast(),
                size_of::<FILE_BASIC_INFO>() as u32,
            ) != 0
    };
    if !told {
        return Err(io::Error::last_os_error());
    }
    let (kind, mode) = match file.metadata()?.file_type() {
        kind if kind.is_symlink() => (Kind::Symlink, 0o777),
        _ if info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY != 0 => (Kind::Directory, 0o755),
        _ if info.dwFileAttributes & FILE_ATTRIBUTE_READONLY != 0 => (Kind::File, 0o444),
        _ => (Kind::File, 0o644),
    };
    let wide = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
    let metadata = Metadata {
        ctime: time_of(basic.ChangeTime),
        inode: wide(info.nFileIndexHigh, info.nFileIndexLow),
        device: info.dwVolumeSerialNumber.into(),
        nlink: info.nNumberOfLinks.into(),
        size: if kind == Kind::File { wide(info.nFileSizeHigh, info.nFileSizeLow) } else { 0 },
        ..Metadata::new(kind, mode, time_of(basic.LastWriteTime))
    };
    let xattrs = vec![
        Xattr { name: ATTRIBUTES.to_vec(), value: info.dwFileAttributes.to_le_bytes().to_vec() },
        Xattr { name: CREATED.to_vec(), value: basic.CreationTime.to_le_bytes().to_vec() },
    ];
    Ok(Described { metadata, xattrs })
}

/// Seconds from 1601 to 1970, and ticks of 100 ns in one.
const EPOCH: i64 = 11_644_473_600;
const TICKS: i64 = 10_000_000;

fn time_of(ticks: i64) -> Time {
    Time { secs: ticks.div_euclid(TICKS) - EPOCH, nanos: (ticks.rem_euclid(TICKS) * 100) as u32 }
}

fn ticks_of(time: Time) -> i64 {
    (time.secs.saturating_add(EPOCH)).saturating_mul(TICKS).saturating_add(i64::from(time.nanos) / 100)
}

/// Opens a file for reading, itself and not what it may lead to. Where another program has it locked, the error says so.
pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(FILE_FLAG_OPEN_REPARSE_POINT).open(path)
}

/// None beside those that [`describe`] answers.
pub(super) fn xattrs(_path: &Path) -> io::Result<Vec<Xattr>> {
    Ok(Vec::new())
}

fn attributes(metadata: &Metadata) -> Option<u32> {
    let kept = metadata.xattrs.iter().find(|xattr| xattr.name == ATTRIBUTES)?;
    Some(u32::from_le_bytes(kept.value.as_slice().try_into().ok()?))
}

/// Makes a symlink; Windows has no other special entries.
pub(super) fn make(path: &Path, metadata: &Metadata) -> io::Result<()> {
    let (Kind::Symlink, Some(target)) = (metadata.kind, &metadata.target) else {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "Windows has nothing like it"));
    };
    let target = std::str::from_utf8(target)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "its target is not Unicode, as Windows needs it"))?;
    let leads_to_folder = match attributes(metadata) {
        Some(attributes) => attributes & FILE_ATTRIBUTE_DIRECTORY != 0,
        // Of another system, which makes no difference: as far as the target is there, it says.
        None => path.parent().is_some_and(|folder| folder.join(target).is_dir()),
    };
    match leads_to_folder {
        true => std::os::windows::fs::symlink_dir(target, path),
        false => std::os::windows::fs::symlink_file(target, path),
    }
}

/// Lets a file be replaced. If that is refused, so will be what comes next, which says so.
pub(super) fn make_writable(path: &Path) {
    if let Ok(there) = std::fs::symlink_metadata(path) {
        let mut permissions = there.permissions();
        if permissions.readonly() && !there.is_symlink() {
            #[allow(
                clippy::permissions_set_readonly_false,
                reason = "on Windows it takes an attribute away, and no more"
            )]
            permissions.set_readonly(false);
            let _ = std::fs::set_permissions(path, permissions);
        }
    }
}

/// Brings back what `metadata` tells, and tells `warn` what it could not.
pub(super) fn apply(path: &Path, metadata: &Metadata, warn: &mut dyn FnMut(String, io::Error)) {
    let unsupported = |why: &'static str| io::Error::new(io::ErrorKind::Unsupported, why);
    if (metadata.uid, metadata.gid) != (0, 0) {
        let why = unsupported("Windows has no owners by number");
        warn(format!("set its owner to {}:{}", metadata.uid, metadata.gid), why);
    }
    let mut created = 0;
    for xattr in &metadata.xattrs {
        match (xattr.name.as_slice(), <[u8; 8]>::try_from(xattr.value.as_slice())) {
            (ATTRIBUTES, _) => {}
            (CREATED, Ok(ticks)) => created = i64::from_le_bytes(ticks),
            (name, _) => {
                let why = unsupported("Windows has no such attributes");
                warn(format!("set its attribute {}", String::from_utf8_lossy(name)), why);
            }
        }
    }
    let readonly = metadata.kind == Kind::File && metadata.mode & 0o222 == 0;
    let attributes = match attributes(metadata) {
        Some(attributes) => attributes & SETTABLE,
        None if readonly => FILE_ATTRIBUTE_READONLY,
        None => 0,
    };
    let basic = FILE_BASIC_INFO {
        CreationTime: created,
        // 0 leaves them as they are.
        LastAccessTime: 0,
        LastWriteTime: ticks_of(metadata.mtime),
        ChangeTime: 0,
        // So does it here: a file without any has this one.
        FileAttributes: if attributes == 0 { 0x80 } else { attributes },
    };
    let set = open_as_is(path, FILE_WRITE_ATTRIBUTES).and_then(|file| {
        // SAFETY: the handle is open, and the record has the size that the call is told.
        let done = unsafe {
            SetFileInformationByHandle(
                file.as_raw_handle(),
                FileBasicInfo,
                (&raw const basic).cast(),
                size_of::<FILE_BASIC_INFO>() as u32,
            )
        };
        if done == 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    });
    if let Err(error) = set {
        warn("set its times and attributes".into(), error);
    }
}
