//! Reading the content of files: where in a file each chunk goes, and the chunks themselves.

use crate::error::{Error, Result};
use crate::folder::ChunkRef;
use crate::id::Id;
use crate::index::{PackInfo, Place};
use crate::pack::{self, object_name, BlobKind, SegmentReader};
use crate::pipeline::Vault;
use crate::tree::{Extent, Metadata};
use bytes::Bytes;
use std::sync::Arc;

/// A chunk of a file and the ranges of the file that it fills, one after the other: more than one where holes are between.
pub(crate) struct Placed {
    pub chunk: ChunkRef,
    pub ranges: Vec<Extent>,
}

/// Where the chunks of a file go. `None`: they are not as many bytes as the file has data.
pub(crate) fn place(metadata: &Metadata, chunks: &[ChunkRef]) -> Option<Vec<Placed>> {
    let mut extents = metadata.data_extents().into_iter();
    let mut extent = Extent { offset: 0, length: 0 };
    let mut placed = Vec::with_capacity(chunks.len());
    for &chunk in chunks {
        let mut left = u64::from(chunk.length);
        let mut ranges = Vec::with_capacity(1);
        while left > 0 {
            if extent.length == 0 {
                extent = extents.next()?;
            }
            let length = left.min(extent.length);
            ranges.push(Extent { offset: extent.offset, length });
            extent = Extent { offset: extent.offset + length, length: extent.length - length };
            left -= length;
        }
        placed.push(Placed { chunk, ranges });
    }
    (extent.length == 0 && extents.next().is_none()).then_some(placed)
}

/// Where the pack of a chunk is.
pub(crate) fn locate(vault: &Vault, chunk: &ChunkRef) -> Result<(Place, Arc<PackInfo>)> {
    let index = vault.index.read();
    let place = index.find(&chunk.id).filter(|place| place.kind == BlobKind::Data && place.length == chunk.length);
    let place = place
        .ok_or_else(|| Error::damaged(name_of(&chunk.id), "no pack has it; run check to see what it takes with it"))?;
    Ok((place, Arc::clone(index.pack(place.pack))))
}

pub(crate) fn name_of(chunk: &Id) -> String {
    format!("chunk {chunk}")
}

/// The bytes of a blob in the plain data of its segment, if they are what its identity says.
pub(crate) fn cut_out<'p>(vault: &Vault, place: &Place, pack: &PackInfo, plain: &'p [u8]) -> Result<&'p [u8]> {
    let range = place.offset as usize..place.offset as usize + place.length as usize;
    let bytes = plain.get(range).filter(|bytes| pack::verify(&vault.keys, place.kind, &place.id, bytes));
    bytes.ok_or_else(|| {
        Error::damaged(object_name(&pack.name), format!("{} in it is not what it was", name_of(&place.id)))
    })
}

/// Reads chunks in the order of a file: neighbours are often in one segment.
pub(crate) struct ChunkReader {
    vault: Vault,
    reader: SegmentReader,
    last: Option<((u32, u32), Bytes)>,
}

impl ChunkReader {
    pub fn new(vault: &Vault) -> Result<ChunkReader> {
        Ok(ChunkReader { vault: vault.clone(), reader: SegmentReader::new()?, last: None })
    }

    /// The chunk, verified.
    pub fn read(&mut self, chunk: &ChunkRef) -> Result<Bytes> {
        let (place, pack) = locate(&self.vault, chunk)?;
        let key = (place.pack, place.segment);
        let plain = match &self.last {
            Some((last, plain)) if *last == key => plain.clone(),
            _ => {
                let plain = self.reader.read(&*self.vault.store, &self.vault.keys, &pack, place.segment)?;
                let plain = Bytes::from(plain);
                self.last = Some((key, plain.clone()));
                plain
            }
        };
        cut_out(&self.vault, &place, &pack, &plain)?;
        Ok(plain.slice(place.offset as usize..place.offset as usize + place.length as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Kind, Time};

    fn file(size: u64, holes: &[(u64, u64)]) -> Metadata {
        Metadata {
            kind: Kind::File,
            mode: 0o644,
            uid: 0,
            gid: 0,
            user: None,
            group: None,
            size,
            mtime: Time::default(),
            ctime: Time::default(),
            inode: 0,
            device: 0,
            nlink: 1,
            rdev: None,
            target: None,
            xattrs: Vec::new(),
            holes: holes.iter().map(|&(offset, length)| Extent { offset, length }).collect(),
        }
    }

    fn placed(metadata: &Metadata, lengths: &[u32]) -> Option<Vec<Vec<(u64, u64)>>> {
        let chunks: Vec<_> = lengths.iter().map(|&length| ChunkRef { id: Id([0; 32]), length }).collect();
        let ranges = |placed: &Placed| placed.ranges.iter().map(|range| (range.offset, range.length)).collect();
        place(metadata, &chunks).map(|placed| placed.iter().map(ranges).collect())
    }

    #[test]
    fn chunks_go_around_holes() {
        assert_eq!(placed(&file(0, &[]), &[]), Some(vec![]));
        assert_eq!(placed(&file(10, &[]), &[4, 6]), Some(vec![vec![(0, 4)], vec![(4, 6)]]));
        assert_eq!(placed(&file(10, &[(0, 10)]), &[]), Some(vec![]));
        assert_eq!(placed(&file(20, &[(2, 8), (15, 5)]), &[3, 4]), Some(vec![vec![(0, 2), (10, 1)], vec![(11, 4)]]));
        // Too few, too many.
        assert_eq!(placed(&file(10, &[]), &[4, 5]), None);
        assert_eq!(placed(&file(10, &[]), &[4, 7]), None);
        assert_eq!(placed(&file(10, &[(0, 10)]), &[1]), None);
    }
}
