//! Reading packs.

use super::{object_name, Blob, BlobKind, Contents, PackRecord, END_MAGIC, HEAD, MAGIC, TAIL};
use crate::cbor;
use crate::compress::{Decoder, Method};
use crate::direct::PageBuffer;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::index::{PackInfo, SegmentInfo};
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

/// Bytes of a pack that are read at once, at most, unless one segment is larger: far stores answer late, whatever they are
/// asked for.
const RUN: u64 = 4 << 20;

/// How many of `segments`, in ascending order, are one after the other in their pack and worth reading at once.
pub(crate) fn run_length<'s>(segments: impl Iterator<Item = &'s SegmentInfo>) -> usize {
    let mut run: Option<(u32, u64)> = None;
    let next_to_last = |segment: &SegmentInfo| {
        let (number, stored) = (segment.number, u64::from(segment.stored));
        let goes_on = match run {
            None => Some(stored),
            Some((last, bytes)) => Some(bytes + stored).filter(|bytes| number == last + 1 && *bytes <= RUN),
        };
        run = goes_on.map(|bytes| (number, bytes));
        goes_on
    };
    segments.map_while(next_to_last).count()
}

/// Opens segments: one for each thread that reads.
pub(crate) struct SegmentReader {
    decoder: Decoder,
    /// Segments of a pack as they came from the store.
    sealed: PageBuffer,
    /// Where in the pack they begin, and where in the buffer they are.
    fetched: (u64, Range<usize>),
    /// One of them, decompressed.
    plain: PageBuffer,
}

impl SegmentReader {
    pub fn new() -> Result<SegmentReader> {
        let (sealed, plain) = Default::default();
        Ok(SegmentReader { decoder: Decoder::new()?, sealed, fetched: (0, 0..0), plain })
    }

    /// Gets segments that are one after the other, at once or else one by one, so that what cannot be read takes nothing along that
    /// can. Tells each of them with its plain data, in which the ids are not verified yet.
    pub fn each<T>(
        &mut self,
        store: &dyn Store,
        keys: &Keys,
        pack: &PackInfo,
        segments: &[(SegmentInfo, T)],
        mut tell: impl FnMut(&SegmentInfo, &T, Result<&[u8]>) -> Result<()>,
    ) -> Result<()> {
        let (Some((first, _)), Some((last, _))) = (segments.first(), segments.last()) else { return Ok(()) };
        let at_once = self.fetch(store, pack, first, last);
        for (segment, of) in segments {
            let fetched = match &at_once {
                Err(_) if segments.len() > 1 => self.fetch(store, pack, segment, segment),
                fetched => fetched.clone(),
            };
            tell(segment, of, fetched.and_then(|()| self.open(keys, pack, segment)))?;
        }
        Ok(())
    }

    /// Gets segments that are one after the other.
    fn fetch(&mut self, store: &dyn Store, pack: &PackInfo, first: &SegmentInfo, last: &SegmentInfo) -> Result<()> {
        let object = object_name(&pack.name);
        let start = u64::from(first.offset);
        let range = start..u64::from(last.offset) + u64::from(last.stored) + TAG as u64;
        self.fetched = (start, store::read(store, &object, range, &mut self.sealed)?);
        Ok(())
    }

    /// The plain data of a segment that was fetched, once.
    fn open(&mut self, keys: &Keys, pack: &PackInfo, segment: &SegmentInfo) -> Result<&[u8]> {
        let (from, range) = self.find(keys, pack, segment)?;
        Ok(match from {
            From::Sealed => &self.sealed.bytes()[range],
            From::Plain => &self.plain.bytes()[range],
        })
    }

    /// Gets and opens one segment, for those who keep it.
    pub fn take(&mut self, store: &dyn Store, keys: &Keys, pack: &PackInfo, segment: &SegmentInfo) -> Result<Bytes> {
        self.fetch(store, pack, segment, segment)?;
        let (from, range) = self.find(keys, pack, segment)?;
        let buffer = match from {
            From::Sealed => &mut self.sealed,
            From::Plain => &mut self.plain,
        };
        Ok(std::mem::take(buffer).share(range))
    }

    fn find(&mut self, keys: &Keys, pack: &PackInfo, segment: &SegmentInfo) -> Result<(From, Range<usize>)> {
        let object = object_name(&pack.name);
        let number = segment.number;
        let broken = || Error::damaged(&object, format!("the seal of its segment {number} is broken"));
        let (base, fetched) = &self.fetched;
        let start = u64::from(segment.offset).checked_sub(*base).ok_or_else(broken)? as usize;
        let start = fetched.start + start;
        // Less came where the pack was cut short.
        let end = fetched.end.min(start + segment.stored as usize + TAG);
        let sealed = self.sealed.bytes_mut().get_mut(start..end).ok_or_else(broken)?;
        let stored = keys.object(&pack.salt, &object).open(Role::Segment, number, sealed).ok_or_else(broken)?;
        let method = Method::from_code(segment.method);
        let length = segment.plain as usize;
        if method == Some(Method::Stored) && stored.len() == length {
            return Ok((From::Sealed, start..start + length));
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

/// Whether the plain data of a segment is that of these blobs, one after the other.
pub(crate) fn verify_all(keys: &Keys, blobs: &[Blob], mut plain: &[u8]) -> bool {
    blobs.iter().all(|blob| {
        let Some((bytes, rest)) = plain.split_at_checked(blob.length as usize) else { return false };
        plain = rest;
        verify(keys, blob.kind, &blob.id, bytes)
    })
}
