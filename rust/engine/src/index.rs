//! The index: where each chunk is, in memory, from the index objects.

use crate::cbor;
use crate::error::{Error, Result};
use crate::id::{hex, is_random_name, Id};
use crate::object::{open_object, seal_object};
use crate::pack::{self, BlobKind, PackRecord, HEAD};
use crate::seal::{self, Keys, Role, SALT, TAG};
use crate::store::{self, Store};
use hashbrown::HashTable;
use parking_lot::RwLock;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub(crate) const FOLDER: &str = "index";

/// Where a segment is in its pack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SegmentInfo {
    pub offset: u32,
    pub stored: u32,
    pub plain: u32,
    pub method: u8,
}

#[derive(Debug)]
pub(crate) struct PackInfo {
    pub name: [u8; 16],
    pub salt: [u8; SALT],
    pub segments: Vec<SegmentInfo>,
}

impl PackInfo {
    pub fn of(record: &PackRecord) -> PackInfo {
        let mut offset = HEAD as u32;
        let segments = record.contents.0.iter().map(|segment| {
            let info =
                SegmentInfo { offset, stored: segment.stored, plain: segment.plain() as u32, method: segment.method };
            offset += segment.stored + TAG as u32;
            info
        });
        let segments = segments.collect();
        PackInfo { name: record.name, salt: record.salt, segments }
    }
}

/// Where a blob is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub id: Id,
    pub kind: BlobKind,
    pub pack: u32,
    pub segment: u32,
    /// In the plain data of the segment.
    pub offset: u32,
    pub length: u32,
}

/// All blobs of all packs that are known to be complete.
#[derive(Default)]
pub(crate) struct Index {
    packs: Vec<Arc<PackInfo>>,
    by_name: HashMap<[u8; 16], u32>,
    blobs: HashTable<Place>,
    /// Index objects that are in it.
    pub objects: HashSet<String>,
}

impl Index {
    pub fn find(&self, id: &Id) -> Option<Place> {
        self.blobs.find(id.bucket(), |place| place.id == *id).copied()
    }

    pub fn pack(&self, number: u32) -> &Arc<PackInfo> {
        &self.packs[number as usize]
    }

    pub fn has_pack(&self, name: &[u8; 16]) -> bool {
        self.by_name.contains_key(name)
    }

    pub fn blob_count(&self) -> u64 {
        self.blobs.len() as u64
    }

    /// Adds a pack; of a blob that is known already, the first place stands.
    pub fn add(&mut self, record: &PackRecord) {
        if self.by_name.contains_key(&record.name) {
            return;
        }
        let pack = self.packs.len() as u32;
        self.by_name.insert(record.name, pack);
        for (number, segment) in record.contents.0.iter().enumerate() {
            let mut offset = 0;
            for blob in &segment.blobs {
                let (id, length) = (blob.id, blob.length);
                let place = Place { id, kind: blob.kind, pack, segment: number as u32, offset, length };
                offset += length;
                if self.find(&id).is_none() {
                    self.blobs.insert_unique(id.bucket(), place, |place| place.id.bucket());
                }
            }
        }
        self.packs.push(Arc::new(PackInfo::of(record)));
    }
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
                records.iter().for_each(|record| index.add(record));
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
            let Some(name) = pack::parse_name(&object).filter(|name| !index.read().has_pack(name)) else { continue };
            match pack::read_contents(store, keys, &name, size) {
                Ok(record) => index.write().add(&record),
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

#[cfg(test)]
mod tests {
    use crate::pack::{Contents, PackRecord};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn decoding_never_panics(bytes: Vec<u8>, size: u64) {
            let records: Option<Vec<PackRecord>> = crate::cbor::decode(&bytes);
            for record in records.into_iter().flatten().filter(|record| record.contents.fits(record.size)) {
                super::Index::default().add(&record);
            }
            let contents: Option<Contents> = crate::cbor::decode(&bytes);
            let _ = contents.map(|contents| contents.fits(size));
        }
    }
}
