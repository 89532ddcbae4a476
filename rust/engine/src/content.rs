//! Reading the content of files: where in a file each chunk goes, and the chunks themselves.

use crate::error::{Error, Result};
use crate::folder::ChunkRef;
use crate::id::Id;
use crate::index::{PackInfo, Place};
use crate::pack::{self, object_name, BlobKind, SegmentReader};
use crate::pipeline::Vault;
use crate::tree::{Extent, Metadata};
use bytes::Bytes;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Where the chunks of a file go, one after the other.
pub(crate) struct Layout {
    extents: std::vec::IntoIter<Extent>,
    /// What is left of the one that is being filled.
    extent: Extent,
}

impl Layout {
    pub fn new(metadata: &Metadata) -> Layout {
        Layout { extents: metadata.data_extents().into_iter(), extent: Extent { offset: 0, length: 0 } }
    }

    /// The ranges of the file that the next chunk fills: more than one where holes are between. `None`: the file has no
    /// room for so much.
    pub fn next(&mut self, chunk: &ChunkRef) -> Option<Vec<Extent>> {
        let mut left = u64::from(chunk.length);
        let mut ranges = Vec::with_capacity(1);
        while left > 0 {
            if self.extent.length == 0 {
                self.extent = self.extents.next()?;
            }
            let (offset, length) = (self.extent.offset, left.min(self.extent.length));
            ranges.push(Extent { offset, length });
            self.extent = Extent { offset: offset + length, length: self.extent.length - length };
            left -= length;
        }
        Some(ranges)
    }

    /// Whether the chunks so far are all of the file.
    pub fn is_full(&self) -> bool {
        self.extent.length == 0 && self.extents.len() == 0
    }
}

/// Of a file whose chunks are more or fewer bytes than it has.
pub(crate) fn wrong_length(path: &[u8]) -> Error {
    Error::damaged(String::from_utf8_lossy(path), "its chunks are not as many bytes as it has")
}

/// Where the pack of a chunk is.
pub(crate) fn locate(vault: &Vault, chunk: &ChunkRef) -> Result<(Place, PackInfo)> {
    let index = vault.index.read();
    let place = index.find(&chunk.id)?.filter(|place| place.kind == BlobKind::Data && place.length == chunk.length);
    let place = place
        .ok_or_else(|| Error::damaged(name_of(&chunk.id), "no pack has it; run check to see what it takes with it"))?;
    Ok((place, index.pack(place.pack)?))
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

/// Failures of the store, one after the other, that end a run: one pack on a bad sector must not, a store that is gone must.
const MOST_FAILURES: u32 = 8;

/// How much of what goes wrong with reading a run that is to bring all that it can puts up with.
#[derive(Default)]
pub(crate) struct Patience {
    failures: AtomicU32,
}

impl Patience {
    /// Told of every object that was read, or was not.
    ///
    /// # Errors
    /// The one in `read`, where the run is to end.
    pub fn goes_on<T>(&self, read: &Result<T>) -> Result<()> {
        match read {
            Ok(_) => self.failures.store(0, Relaxed),
            Err(Error::Damaged { .. }) => {}
            Err(Error::Store { .. }) if self.failures.fetch_add(1, Relaxed) + 1 < MOST_FAILURES => {}
            Err(error) => return Err(error.clone()),
        }
        Ok(())
    }
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
        let key = (place.pack, place.segment.number);
        let plain = match &self.last {
            Some((last, plain)) if *last == key => plain.clone(),
            _ => {
                let plain = self.reader.take(&*self.vault.store, &self.vault.keys, &pack, &place.segment)?;
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
            size,
            holes: holes.iter().map(|&(offset, length)| Extent { offset, length }).collect(),
            ..Metadata::new(Kind::File, 0o644, Time::default())
        }
    }

    fn placed(metadata: &Metadata, lengths: &[u32]) -> Option<Vec<Vec<(u64, u64)>>> {
        let mut layout = Layout::new(metadata);
        let mut ranges = |&length| {
            let ranges = layout.next(&ChunkRef { id: Id([0; 32]), length })?;
            Some(ranges.iter().map(|range| (range.offset, range.length)).collect())
        };
        let placed = lengths.iter().map(&mut ranges).collect::<Option<Vec<_>>>()?;
        layout.is_full().then_some(placed)
    }

    #[test]
    fn patience_ends_when_nothing_is_read_any_more() {
        let patience = Patience::default();
        let broken = Error::Store { what: "cannot read packs/a".into(), why: "I/O error".into() };
        for _ in 1..MOST_FAILURES {
            patience.goes_on::<()>(&Err(broken.clone())).unwrap();
        }
        patience.goes_on(&Ok(())).unwrap();
        for _ in 1..MOST_FAILURES {
            patience.goes_on::<()>(&Err(broken.clone())).unwrap();
            patience.goes_on::<()>(&Err(Error::damaged("packs/b", "its seal is broken"))).unwrap();
        }
        assert_eq!(patience.goes_on::<()>(&Err(broken.clone())), Err(broken));
        assert_eq!(patience.goes_on::<()>(&Err(Error::Cancelled)), Err(Error::Cancelled));
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
