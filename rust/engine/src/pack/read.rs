//! Reading packs.

use super::{object_name, Blob, BlobKind, Contents, PackRecord, END_MAGIC, HEAD, MAGIC, TAIL};
use crate::cbor;
use crate::compress::{Decoder, Method};
use crate::direct::PageBuffer;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::index::PackInfo;
use crate::object::unpadded;
use crate::seal::{Keys, Role, SALT, TAG};
use crate::store::{self, Store};
use bytes::Bytes;
use std::ops::Range;

/// The table of contents of a pack of `size` bytes, from the pack itself.
pub(crate) fn read_contents(store: &dyn Store, keys: &Keys, name: &[u8; 16], size: u64) -> Result<PackRecord> {
    let object = object_name(name);
    let damaged = |why| Error::damaged(&object, why);
    if size < (HEAD + TAIL) as u64 {
        return Err(damaged("it is too short for a pack"));
    }
    let head = store::fetch(store, &object, Some(0..HEAD as u64))?;
    // One request gets most tables.
    let guess = size.min(64 << 10);
    let mut tail = store::fetch(store, &object, Some(size - guess..size))?;
    let (Some(salt), Some(end)) = (head.strip_prefix(MAGIC), tail.last_chunk::<TAIL>()) else {
        return Err(damaged("it does not begin as a pack"));
    };
    if &end[4..] != END_MAGIC {
        return Err(damaged("it does not end as a pack"));
    }
    let salt: [u8; SALT] = salt.try_into().map_err(|_| damaged("it is too short for a pack"))?;
    let length = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
    let whole = length + TAIL as u64;
    if whole + HEAD as u64 > size {
        return Err(damaged("its table of contents has an impossible length"));
    }
    if whole > tail.len() as u64 {
        tail = store::fetch(store, &object, Some(size - whole..size))?;
    }
    let start = (tail.len() as u64).checked_sub(whole).ok_or_else(|| damaged("it is shorter than it was"))?;
    let mut sealed = tail[start as usize..tail.len() - TAIL].to_vec();
    let plain = keys.object(&salt, &object).open(Role::Contents, 0, &mut sealed);
    let plain = plain.ok_or_else(|| damaged("the seal of its table of contents is broken"))?;
    let contents: Option<Contents> = unpadded(plain).and_then(cbor::decode);
    let contents = contents.filter(|contents| contents.fits(size));
    let contents = contents.ok_or_else(|| damaged("its table of contents cannot be decoded"))?;
    Ok(PackRecord { name: *name, size, salt, contents })
}

/// Opens segments: one for each thread that reads.
pub(crate) struct SegmentReader {
    decoder: Decoder,
    /// As it came from the store.
    sealed: PageBuffer,
    /// Decompressed.
    plain: PageBuffer,
}

impl SegmentReader {
    pub fn new() -> Result<SegmentReader> {
        Ok(SegmentReader { decoder: Decoder::new()?, sealed: PageBuffer::default(), plain: PageBuffer::default() })
    }

    /// The plain data of a segment; the ids in it are not verified yet.
    pub fn read(&mut self, store: &dyn Store, keys: &Keys, pack: &PackInfo, number: u32) -> Result<&[u8]> {
        let (from, range) = self.open(store, keys, pack, number)?;
        Ok(match from {
            From::Sealed => &self.sealed.bytes()[range],
            From::Plain => &self.plain.bytes()[range],
        })
    }

    /// Like [`SegmentReader::read`], for those who keep it.
    pub fn take(&mut self, store: &dyn Store, keys: &Keys, pack: &PackInfo, number: u32) -> Result<Bytes> {
        let (from, range) = self.open(store, keys, pack, number)?;
        let buffer = match from {
            From::Sealed => &mut self.sealed,
            From::Plain => &mut self.plain,
        };
        Ok(std::mem::take(buffer).share(range))
    }

    fn open(&mut self, store: &dyn Store, keys: &Keys, pack: &PackInfo, number: u32) -> Result<(From, Range<usize>)> {
        let object = object_name(&pack.name);
        let segment = pack.segments.get(number as usize);
        let segment = segment.ok_or_else(|| Error::damaged(&object, "it lacks a segment that the index names"))?;
        let start = u64::from(segment.offset);
        let range = start..start + u64::from(segment.stored) + TAG as u64;
        let found = store::read(store, &object, range, &mut self.sealed)?;
        let key = keys.object(&pack.salt, &object);
        let broken = || Error::damaged(&object, format!("the seal of its segment {number} is broken"));
        let sealed = &mut self.sealed.bytes_mut()[found.clone()];
        let stored = key.open(Role::Segment, number, sealed).ok_or_else(broken)?;
        let method = Method::from_code(segment.method);
        let length = segment.plain as usize;
        if method == Some(Method::Stored) && stored.len() == length {
            return Ok((From::Sealed, found.start..found.start + length));
        }
        let plain = &mut self.plain.room(length)[..length];
        method
            .and_then(|method| self.decoder.decompress(method, stored, plain))
            .ok_or_else(|| Error::damaged(&object, format!("its segment {number} does not decompress")))?;
        Ok((From::Plain, 0..length))
    }
}

/// Which of its buffers a reader has the plain data in.
enum From {
    Sealed,
    Plain,
}

/// Whether `bytes` are what `id` names.
pub(crate) fn verify(keys: &Keys, kind: BlobKind, id: &Id, bytes: &[u8]) -> bool {
    match kind {
        BlobKind::Data => keys.data_id([bytes]) == *id,
        BlobKind::Tree => keys.tree_id(bytes) == *id,
    }
}

/// The blobs of a segment with their bytes.
pub(crate) fn split<'p>(blobs: &'p [Blob], mut plain: &'p [u8]) -> impl Iterator<Item = (&'p Blob, &'p [u8])> {
    blobs.iter().map_while(move |blob| {
        let (bytes, rest) = plain.split_at_checked(blob.length as usize)?;
        plain = rest;
        Some((blob, bytes))
    })
}
