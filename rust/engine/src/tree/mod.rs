//! The metadata of a file tree: what a snapshot keeps of a file besides its bytes.
//!
//! [`walk`] reads a tree and yields [`Metadata`]; [`apply`] writes it back. Linux has both by descriptors of directories; on other systems,
//! in `elsewhere`, they go by paths, and `system` is what differs there. The types here are also the on-disk form.
//!
//! # On-disk form (CBOR, RFC 8949)
//!
//! Every record is a map with integer keys. A writer leaves out absent and empty fields; a reader skips keys it does not
//! know, so a field can be added without a new format version. A key is never given a second meaning.
//!
//! ```cddl
//! entry    = { 0: bstr,                ; path: components joined by '/', relative, any byte but NUL; never "." or ".."
//!              1: metadata }
//! metadata = { 0: kind,
//!              1: uint,                ; mode: the low 12 bits of st_mode (setuid, setgid, sticky, rwxrwxrwx)
//!              2: uint,                ; uid
//!              3: uint,                ; gid
//!            ? 4: bstr,                ; name of uid where the snapshot was made
//!            ? 5: bstr,                ; name of gid where the snapshot was made
//!              6: uint,                ; size in bytes: of the file's content with its holes, or of the symlink's target; else 0
//!              7: time,                ; mtime
//!              8: time,                ; ctime: never restored, tells whether a file changed
//!              9: uint,                ; inode
//!              10: uint,               ; device (st_dev) the inode is on
//!              11: uint,               ; nlink
//!            ? 12: device,             ; which device a char or block device entry is
//!            ? 13: bstr,               ; target of a symlink, any byte but NUL
//!            ? 14: [+ xattr],          ; sorted by name, each name once
//!            ? 15: [+ extent] }        ; holes of a file, ascending, apart from each other, none beyond size
//! kind     = 0 / 1 / 2 / 3 / 4 / 5 / 6 ; file, directory, symlink, FIFO, char device, block device, socket
//! time     = { 0: int,                 ; seconds since 1970-01-01T00:00:00Z, negative before
//!              1: uint }               ; nanoseconds 0..999999999, always counted forward
//! device   = { 0: uint, 1: uint }      ; major, minor
//! xattr    = { 0: bstr, 1: bstr }      ; full name ("user.x", "system.posix_acl_access", "security.capability"), value
//! extent   = { 0: uint, 1: uint }      ; offset and length in bytes, length > 0
//! ```
//!
//! POSIX ACLs and file capabilities are extended attributes, kept in the byte form the kernel gives. So is what other systems have
//! beside them: `windows.attributes` (the flags of a file, u32), `windows.created` (100 ns since 1601, u64), `macos.flags` (u32), all of
//! them little-endian. Files with
//! `nlink > 1` and equal (`device`, `inode`) in one snapshot are hard links of one another.

#[cfg_attr(not(target_os = "linux"), path = "elsewhere/apply.rs")]
pub mod apply;
#[cfg(unix)]
mod owner;
#[cfg(target_os = "linux")]
mod pages;
mod problem;
#[cfg_attr(target_os = "macos", path = "elsewhere/macos.rs")]
#[cfg_attr(windows, path = "elsewhere/windows.rs")]
#[cfg(not(target_os = "linux"))]
mod system;
#[cfg(target_os = "linux")]
mod trail;
#[cfg_attr(not(target_os = "linux"), path = "elsewhere/walk.rs")]
pub mod walk;

#[cfg(unix)]
pub(crate) use owner::OwnerNames;

use minicbor::{Decode, Encode};

/// What an inode is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Kind {
    #[n(0)]
    File,
    #[n(1)]
    Directory,
    #[n(2)]
    Symlink,
    #[n(3)]
    Fifo,
    #[n(4)]
    CharDevice,
    #[n(5)]
    BlockDevice,
    #[n(6)]
    Socket,
}

/// A moment, to the nanosecond. `nanos` (0..=999_999_999) counts forward from `secs`, also before 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Encode, Decode)]
#[cbor(map)]
pub struct Time {
    /// Seconds since 1970-01-01T00:00:00Z.
    #[n(0)]
    pub secs: i64,
    #[n(1)]
    pub nanos: u32,
}

/// Lists that are left out when empty.
mod list {
    use minicbor::encode::Write;
    use minicbor::{Decode, Decoder, Encode, Encoder};

    pub(super) fn encode<Ctx, T: Encode<Ctx>, W: Write>(
        list: &Vec<T>,
        encoder: &mut Encoder<W>,
        ctx: &mut Ctx,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        list.encode(encoder, ctx)
    }

    pub(super) fn decode<'b, Ctx, T: Decode<'b, Ctx>>(
        decoder: &mut Decoder<'b>,
        ctx: &mut Ctx,
    ) -> Result<Vec<T>, minicbor::decode::Error> {
        Vec::decode(decoder, ctx)
    }

    pub(super) fn nil<T>() -> Option<Vec<T>> {
        Some(Vec::new())
    }

    // minicbor passes the field itself.
    #[allow(clippy::ptr_arg)]
    pub(super) fn is_nil<T>(list: &Vec<T>) -> bool {
        list.is_empty()
    }
}

impl Time {
    pub(crate) fn now() -> Time {
        // A clock before 1970 is not worth a negative time.
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Time { secs: since.as_secs() as i64, nanos: since.subsec_nanos() }
    }
}

/// Number of a character or block device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(map)]
pub struct DeviceNumber {
    #[n(0)]
    pub major: u32,
    #[n(1)]
    pub minor: u32,
}

impl DeviceNumber {
    /// As Linux gives it in `st_rdev`, on every system.
    pub fn st_rdev(self) -> u64 {
        let (major, minor) = (u64::from(self.major), u64::from(self.minor));
        (major & 0xffff_f000) << 32 | (major & 0xfff) << 8 | (minor & 0xffff_ff00) << 12 | minor & 0xff
    }
}

/// An extended attribute with its full name, such as `user.mime_type` or `system.posix_acl_access`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(map)]
pub struct Xattr {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub name: Vec<u8>,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub value: Vec<u8>,
}

/// A range of a file, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(map)]
pub struct Extent {
    #[n(0)]
    pub offset: u64,
    #[n(1)]
    pub length: u64,
}

/// Everything a snapshot keeps of an inode except its name and its content.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(map)]
pub struct Metadata {
    #[n(0)]
    pub kind: Kind,
    /// Permission bits: the low 12 bits of `st_mode`.
    #[n(1)]
    pub mode: u32,
    #[n(2)]
    pub uid: u32,
    #[n(3)]
    pub gid: u32,
    /// Name of `uid` on the machine that was backed up, where it has one.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub user: Option<Vec<u8>>,
    /// Name of `gid` on the machine that was backed up, where it has one.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub group: Option<Vec<u8>>,
    /// Bytes of content including holes (file) or of the target (symlink); 0 for every other kind.
    #[n(6)]
    pub size: u64,
    #[n(7)]
    pub mtime: Time,
    /// Never restored (the kernel does not allow it); it tells whether a file changed since the parent snapshot.
    #[n(8)]
    pub ctime: Time,
    #[n(9)]
    pub inode: u64,
    /// `st_dev`.
    #[n(10)]
    pub device: u64,
    #[n(11)]
    pub nlink: u64,
    /// The device that a [`Kind::CharDevice`] or [`Kind::BlockDevice`] stands for.
    #[n(12)]
    pub rdev: Option<DeviceNumber>,
    /// What a [`Kind::Symlink`] points to, as stored: not resolved.
    #[cbor(n(13), with = "minicbor::bytes")]
    pub target: Option<Vec<u8>>,
    /// Sorted by name.
    #[cbor(n(14), with = "list", has_nil)]
    pub xattrs: Vec<Xattr>,
    /// Holes of a sparse file, ascending and not touching. Empty means: all data.
    #[cbor(n(15), with = "list", has_nil)]
    pub holes: Vec<Extent>,
}

impl Metadata {
    /// Of something that has nothing but these: it belongs to root, and is nowhere.
    pub(crate) fn new(kind: Kind, mode: u32, time: Time) -> Metadata {
        Metadata {
            kind,
            mode,
            uid: 0,
            gid: 0,
            user: None,
            group: None,
            size: 0,
            mtime: time,
            ctime: time,
            inode: 0,
            device: 0,
            nlink: 1,
            rdev: None,
            target: None,
            xattrs: Vec::new(),
            holes: Vec::new(),
        }
    }

    /// Device and inode.
    pub(crate) fn identity(&self) -> (u64, u64) {
        (self.device, self.inode)
    }

    /// What is enough to open the entry and to compare it.
    pub(crate) fn essence(&self) -> Metadata {
        let &Metadata { kind, mode, size, mtime, ctime, inode, device, nlink, .. } = self;
        Metadata { size, ctime, inode, device, nlink, ..Metadata::new(kind, mode, mtime) }
    }

    /// The identity that all hard links of one file share; `None` for a file with one name and for directories.
    pub fn link_group(&self) -> Option<(u64, u64)> {
        (self.nlink > 1 && self.kind != Kind::Directory).then_some(self.identity())
    }

    /// The ranges that hold data: the complement of `holes` within `size`, ascending.
    pub fn data_extents(&self) -> Vec<Extent> {
        let mut extents = Vec::with_capacity(self.holes.len() + 1);
        let mut at = 0;
        for hole in &self.holes {
            if hole.offset > at {
                extents.push(Extent { offset: at, length: hole.offset - at });
            }
            at = at.max(hole.offset.saturating_add(hole.length));
        }
        if at < self.size {
            extents.push(Extent { offset: at, length: self.size - at });
        }
        extents
    }
}

/// A named inode of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(map)]
pub struct Entry {
    /// Raw bytes (names need not be UTF-8); components joined by `/`, relative, without `.` and `..`.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub path: Vec<u8>,
    #[n(1)]
    pub metadata: Metadata,
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
