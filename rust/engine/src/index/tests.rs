use super::*;
use crate::pack::{Blob, Contents, Segment};
use proptest::prelude::*;
use std::time::{Duration, Instant};

proptest! {
    #[test]
    fn decoding_never_panics(bytes: Vec<u8>, size: u64) {
        let records: Option<Vec<PackRecord>> = cbor::decode(&bytes);
        for record in records.into_iter().flatten().filter(|record| record.contents.fits(record.size)) {
            Index::default().add(&record).unwrap();
        }
        let contents: Option<Contents> = cbor::decode(&bytes);
        let _ = contents.map(|contents| contents.fits(size));
    }
}

/// The id of a synthetic chunk, spread like a real one (SplitMix64).
fn id(number: u64) -> Id {
    let mut id = Id([0; 32]);
    for (word, bytes) in id.0.chunks_exact_mut(8).enumerate() {
        let mut z = (4 * number + word as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes());
    }
    id
}

/// Chunks of 1 MiB that lz4 halves, in packs of 32 MiB.
const IN_PACK: u64 = 64;
const LENGTH: u32 = 1 << 20;
const STORED: u32 = 1 << 19;

fn pack_of(number: u64) -> PackRecord {
    let segment = |chunk| {
        let blob = Blob { kind: BlobKind::Data, id: id(chunk), length: LENGTH };
        Segment { method: 1, stored: STORED, blobs: vec![blob] }
    };
    let contents = Contents((number * IN_PACK..(number + 1) * IN_PACK).map(segment).collect());
    let mut name = [0; 16];
    name.copy_from_slice(&id(u64::MAX / 8 + number).0[..16]);
    PackRecord { name, size: 33 << 20, salt: id(u64::MAX / 16 + number).0, contents }
}

impl Index {
    /// What it takes in memory, without the records, which take no more than they were given.
    fn bytes(&self) -> usize {
        self.by_id.bytes() + self.by_name.bytes()
    }
}

/// Anonymous memory of this process, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) << 10
}

/// `STRONGROOM_INDEX_CHUNKS=100000000 cargo test --release -p strongroom-engine --lib -- index::tests::many --nocapture`
/// takes some 8 GiB of disk and 1.3 GiB of memory, and prints what docs/adr/0009 has.
#[test]
fn many_chunks_are_found_in_few_bytes() {
    let chunks = std::env::var("STRONGROOM_INDEX_CHUNKS").map_or(200_000, |text| text.parse().expect("a number"));
    let packs: u64 = (chunks / IN_PACK).max(1);
    let chunks = packs * IN_PACK;
    let mut index = Index::default();
    let before = resident();
    let mut loading = Duration::ZERO;
    // Index objects of about 64 Ki chunks, as the pipeline writes them.
    for first in (0..packs).step_by(1024) {
        let records: Vec<PackRecord> = (first..packs.min(first + 1024)).map(pack_of).collect();
        let object = cbor::encode(&records);
        drop(records);
        let started = Instant::now();
        let records: Vec<PackRecord> = cbor::decode(&object).unwrap();
        records.iter().try_for_each(|record| index.add(record)).unwrap();
        loading += started.elapsed();
    }
    assert_eq!(index.blob_count(), chunks);
    let grown = resident().saturating_sub(before);
    let each = index.bytes() as f64 / chunks as f64;
    println!("{chunks} chunks: {each:.2} bytes each, {} MiB resident, loaded in {loading:.1?}", grown >> 20);
    assert!(each <= 16.0, "{each} bytes a chunk");

    let lookups = chunks.min(2_000_000);
    let timed = |what: &str, number: &dyn Fn(u64) -> u64, known: bool| {
        let started = Instant::now();
        for at in 0..lookups {
            let number = number(at);
            let found = index.find(&id(number)).unwrap();
            let right = found.is_some_and(|place| {
                let segment = (number % IN_PACK) as u32;
                place.segment.number == segment
                    && place.segment.offset == HEAD as u32 + segment * (STORED + TAG as u32)
                    && (place.segment.stored, place.segment.plain, place.segment.method) == (STORED, LENGTH, 1)
                    && (place.offset, place.length, place.kind) == (0, LENGTH, BlobKind::Data)
                    && u64::from(place.pack) == number / IN_PACK
            });
            assert_eq!(right, known, "{what}: chunk {number}");
        }
        let each = started.elapsed() / lookups as u32;
        println!("{what}: {each:?} a lookup, {:.1} M/s", 1.0 / each.as_secs_f64().max(1e-9) / 1e6);
    };
    timed("known, in the order of the packs", &|at| at, true);
    timed("known, at random", &|at| at.wrapping_mul(0x9e37_79b9_7f4a_7c15) % chunks, true);
    timed("unknown", &|at| chunks + at, false);
    for number in [0, packs / 2, packs - 1] {
        let record = pack_of(number);
        assert!(index.has_pack(&record.name).unwrap());
        let info = index.pack(number as u32).unwrap();
        assert_eq!((info.name, info.salt), (record.name, record.salt));
        index.add(&record).unwrap();
    }
    assert_eq!(index.blob_count(), chunks, "a pack is added once");
    assert!(!index.has_pack(&pack_of(packs).name).unwrap());
}

#[test]
fn an_id_that_begins_like_another_one_is_another_one() {
    let mut record = pack_of(0);
    let blobs = record.contents.0.iter_mut().map(|segment| &mut segment.blobs[0]);
    for (number, blob) in blobs.enumerate() {
        blob.id = Id([7; 32]);
        blob.id.0[31] = number as u8;
    }
    let mut index = Index::default();
    index.add(&record).unwrap();
    for number in 0..IN_PACK as u8 {
        let mut id = Id([7; 32]);
        id.0[31] = number;
        assert_eq!(index.find(&id).unwrap().unwrap().segment.number, u32::from(number));
    }
    let mut other = Id([7; 32]);
    other.0[31] = 255;
    assert!(index.find(&other).unwrap().is_none());
}
