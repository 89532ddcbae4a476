//! The index: where each chunk is, from the index objects.
//!
//! What is in memory finds a chunk by half of its id's bits, and tells the number of its record; records are on disk, but for
//! the last ones, and have the whole id, which is compared. docs/adr/0009 has the reasons, and what it costs.

mod ledger;
mod table;
#[cfg(test)]
mod tests;

use crate::cbor;
use crate::error::{Error, Result};
use crate::id::{hex, is_random_name, Id};
use crate::object::{open_object, seal_object};
use crate::pack::{self, BlobKind, PackRecord, HEAD};
use crate::seal::{self, Keys, Role, SALT, TAG};
use crate::store::{self, Store};
use ledger::Ledger;
use parking_lot::RwLock;
use std::collections::HashSet;
use table::Table;

pub(crate) const FOLDER: &str = "index";

/// Where a segment is in its pack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SegmentInfo {
    pub number: u32,
    pub offset: u32,
    pub stored: u32,
    pub plain: u32,
    pub method: u8,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct PackInfo {
    pub name: [u8; 16],
    pub salt: [u8; SALT],
}

impl PackInfo {
    pub fn of(record: &PackRecord) -> PackInfo {
        PackInfo { name: record.name, salt: record.salt }
    }
}

/// The segments of a pack, in order.
pub(crate) fn segments(record: &PackRecord) -> impl Iterator<Item = SegmentInfo> + '_ {
    let mut offset = HEAD as u32;
    record.contents.0.iter().enumerate().map(move |(number, segment)| {
        let (stored, plain) = (segment.stored, segment.plain() as u32);
        let info = SegmentInfo { number: number as u32, offset, stored, plain, method: segment.method };
        offset += stored + TAG as u32;
        info
    })
}

/// Where a blob is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub id: Id,
    pub kind: BlobKind,
    pub pack: u32,
    pub segment: SegmentInfo,
    /// In the plain data of the segment.
    pub offset: u32,
    pub length: u32,
}

const PLACE: usize = 64;
const PACK: usize = 16 + SALT;

impl Place {
    fn encode(&self) -> [u8; PLACE] {
        let mut record = [0; PLACE];
        record[..32].copy_from_slice(&self.id.0);
        let SegmentInfo { number, offset, stored, plain, method } = self.segment;
        let fields = [self.pack, number, offset, stored, plain, self.offset, self.length];
        for (bytes, field) in record[32..60].chunks_exact_mut(4).zip(fields) {
            bytes.copy_from_slice(&field.to_le_bytes());
        }
        record[60] = method;
        record[61] = u8::from(self.kind == BlobKind::Tree);
        record
    }

    fn decode(record: &[u8; PLACE]) -> Place {
        let field = |at: usize| {
            let mut bytes = [0; 4];
            bytes.copy_from_slice(&record[32 + 4 * at..36 + 4 * at]);
            u32::from_le_bytes(bytes)
        };
        let mut id = Id([0; 32]);
        id.0.copy_from_slice(&record[..32]);
        let segment =
            SegmentInfo { number: field(1), offset: field(2), stored: field(3), plain: field(4), method: record[60] };
        let kind = if record[61] == 0 { BlobKind::Data } else { BlobKind::Tree };
        Place { id, kind, pack: field(0), segment, offset: field(5), length: field(6) }
    }
}

/// All blobs of all packs that are known to be complete.
pub(crate) struct Index {
    packs: Ledger<PACK>,
    by_name: Table,
    places: Ledger<PLACE>,
    by_id: Table,
    /// Index objects that are in it.
    pub objects: HashSet<String>,
}

/// A sixteenth of the least memory of a repository.
impl Default for Index {
    fn default() -> Index {
        Index::new(64 << 20)
    }
}

impl Index {
    /// Of a repository that may use so many bytes: a sixteenth of them is for the records that came last.
    pub fn new(memory: u64) -> Index {
        let records = (memory / 16) as usize;
        Index {
            packs: Ledger::new(records / 16),
            by_name: Table::default(),
            places: Ledger::new(records - records / 16),
            by_id: Table::default(),
            objects: HashSet::new(),
        }
    }

    pub fn find(&self, id: &Id) -> Result<Option<Place>> {
        let mut place = None;
        self.by_id.find(id.bucket(), |number| {
            let record = self.places.get(number)?;
            // What was found by some bits is a hint: a chunk that is dropped for another one is lost.
            let found = record[..32] == id.0;
            if found {
                place = Some(Place::decode(&record));
            }
            Ok(found)
        })?;
        Ok(place)
    }

    pub fn pack(&self, number: u32) -> Result<PackInfo> {
        let record = self.packs.get(number)?;
        let mut info = PackInfo { name: [0; 16], salt: [0; SALT] };
        info.name.copy_from_slice(&record[..16]);
        info.salt.copy_from_slice(&record[16..]);
        Ok(info)
    }

    pub fn has_pack(&self, name: &[u8; 16]) -> Result<bool> {
        Ok(self.by_name.find(bucket(name), |number| Ok(self.packs.get(number)?[..16] == *name))?.is_some())
    }

    pub fn blob_count(&self) -> u64 {
        self.places.len()
    }

    /// Adds a pack; of a blob that is known already, the first place stands.
    pub fn add(&mut self, record: &PackRecord) -> Result<()> {
        if self.has_pack(&record.name)? {
            return Ok(());
        }
        let mut info = [0; PACK];
        info[..16].copy_from_slice(&record.name);
        info[16..].copy_from_slice(&record.salt);
        let pack = self.packs.push(info)?;
        for (segment, contents) in segments(record).zip(&record.contents.0) {
            let mut offset = 0;
            for blob in &contents.blobs {
                let (id, length) = (blob.id, blob.length);
                let place = Place { id, kind: blob.kind, pack, segment, offset, length };
                offset += length;
                if self.find(&id)?.is_none() {
                    let number = self.places.push(place.encode())?;
                    self.by_id.insert(id.bucket(), number)?;
                }
            }
        }
        // Last of all: a pack that could not be added whole is added again.
        self.by_name.insert(bucket(&record.name), pack)
    }
}

/// Uniform already, because names are random.
fn bucket(name: &[u8; 16]) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&name[..8]);
    u64::from_le_bytes(first)
}

/// Reads the index objects that are not in the index yet. Where one is damaged, the tables of the packs that no other names
/// take its place; what was wrong is in the answer. The index is not locked while the store is waited for.
pub(crate) fn refresh(index: &RwLock<Index>, store: &dyn Store, keys: &Keys) -> Result<Vec<Error>> {
    let objects = store.list(FOLDER).map_err(|error| store::failed("cannot list the index", error))?;
    let mut problems = Vec::new();
    for (name, _) in objects {
        if index.read().objects.contains(&name) || !is_random_name(FOLDER, &name) {
            continue;
        }
        match read_object(store, keys, &name) {
            Ok(records) => {
                let mut index = index.write();
                records.iter().try_for_each(|record| index.add(record))?;
                index.objects.insert(name);
            }
            Err(error @ Error::Damaged { .. }) => problems.push(error),
            Err(error) => return Err(error),
        }
    }
    if !problems.is_empty() {
        tracing::warn!("{}: reading the tables of contents of the packs instead", problems[0]);
        let packs = store.list(pack::FOLDER).map_err(|error| store::failed("cannot list the packs", error))?;
        for (object, size) in packs {
            let Some(name) = pack::parse_name(&object) else { continue };
            if index.read().has_pack(&name)? {
                continue;
            }
            match pack::read_contents(store, keys, &name, size) {
                Ok(record) => index.write().add(&record)?,
                Err(error @ Error::Damaged { .. }) => problems.push(error),
                Err(error) => return Err(error),
            }
        }
    }
    Ok(problems)
}

pub(crate) fn read_object(store: &dyn Store, keys: &Keys, name: &str) -> Result<Vec<PackRecord>> {
    let object = store::fetch(store, name, None)?;
    let text = open_object(keys, Role::Index, name, &object)?;
    let records: Option<Vec<PackRecord>> = cbor::decode(&text);
    let records = records.filter(|records| records.iter().all(|record| record.contents.fits(record.size)));
    records.ok_or_else(|| Error::damaged(name, "it cannot be decoded"))
}

/// Writes an index object of packs that are in the store: its name.
pub(crate) fn write_object(store: &dyn Store, keys: &Keys, records: &[PackRecord]) -> Result<String> {
    let name = format!("{FOLDER}/{}", hex(&seal::random_array::<16>()?));
    let text = cbor::encode(&records.to_vec());
    let object = seal_object(keys, Role::Index, &name, &text)?;
    match store::create(store, &name, object.into())? {
        true => Ok(name),
        false => Err(Error::Store { what: format!("cannot write {name}"), why: "another object has this name".into() }),
    }
}
