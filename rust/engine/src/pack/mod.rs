//! Packs: many segments in one object, with a table of contents at the end.
//!
//! ```text
//! magic (8) | salt (32) | segment | ... | segment | contents | length of the sealed contents (4, LE) | magic (4)
//! ```
//!
//! A segment is one or more blobs, one after the other, compressed and sealed together.

mod read;
mod write;

pub(crate) use read::{read_contents, run_length, verify, verify_all, SegmentReader};
pub(crate) use write::OpenPack;

use crate::id::{hex, Id};
use crate::seal::{SALT, TAG};
use minicbor::{Decode, Encode};

pub(crate) const FOLDER: &str = "packs";
const MAGIC: &[u8; 8] = b"SRPACKS1";
const END_MAGIC: &[u8; 4] = b"SRPE";
pub(crate) const HEAD: usize = 8 + SALT;
const TAIL: usize = 8;

/// Largest segment, in bytes of plain data.
pub(crate) const MAX_SEGMENT: u32 = 8 << 20;

/// What a blob is; it decides with which key it is identified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum BlobKind {
    /// Content of files.
    #[n(0)]
    Data,
    /// Folders and lists of chunks.
    #[n(1)]
    Tree,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Blob {
    #[n(0)]
    pub kind: BlobKind,
    #[n(1)]
    pub id: Id,
    #[n(2)]
    pub length: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Segment {
    /// Code of a [`Method`](crate::compress::Method).
    #[n(0)]
    pub method: u8,
    /// Bytes after compression, without the tag.
    #[n(1)]
    pub stored: u32,
    #[n(2)]
    pub blobs: Vec<Blob>,
}

impl Segment {
    /// Bytes of plain data.
    pub fn plain(&self) -> u64 {
        self.blobs.iter().map(|blob| u64::from(blob.length)).sum()
    }
}

/// The table of contents: segments stand one after the other from [`HEAD`] on, each followed by its tag.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct Contents(#[n(0)] pub Vec<Segment>);

impl Contents {
    /// Bytes of plain data in all segments.
    pub fn plain(&self) -> u64 {
        self.0.iter().map(Segment::plain).sum()
    }

    /// Whether a pack of `size` bytes can have these contents.
    pub fn fits(&self, size: u64) -> bool {
        let sizes_fit = self.0.iter().all(|segment| {
            let plain = segment.plain();
            plain <= u64::from(MAX_SEGMENT)
                && u64::from(segment.stored) <= plain
                && crate::compress::Method::from_code(segment.method).is_some()
        });
        let stored: u64 = self.0.iter().map(|segment| u64::from(segment.stored) + TAG as u64).sum();
        sizes_fit && size < 1 << 32 && HEAD as u64 + stored + (TAG + TAIL) as u64 <= size
    }
}

/// What the index keeps of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct PackRecord {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub name: [u8; 16],
    /// Bytes of the object.
    #[n(1)]
    pub size: u64,
    /// As in the pack, so that a segment can be read without its head.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub salt: [u8; SALT],
    #[n(3)]
    pub contents: Contents,
}

/// Name of a pack in the store.
pub(crate) fn object_name(name: &[u8; 16]) -> String {
    format!("{FOLDER}/{:02x}/{}", name[0], hex(name))
}

/// Undoes [`object_name`].
pub(crate) fn parse_name(object: &str) -> Option<[u8; 16]> {
    let name = crate::id::unhex(object.rsplit('/').next()?)?.try_into().ok()?;
    (object_name(&name) == object).then_some(name)
}
