//! Filling a pack.

use super::{object_name, Blob, Contents, PackRecord, Segment, END_MAGIC, HEAD, MAGIC, TAIL};
use crate::budget::Block;
use crate::cbor;
use crate::compress::{Encoder, Method};
use crate::error::Result;
use crate::object::padded;
use crate::seal::{self, Keys, ObjectKey, Role, TAG};
use bytes::Bytes;

/// A pack in the making, in the buffer that is then written to the store.
pub(crate) struct OpenPack {
    buffer: Block,
    /// Bytes filled.
    length: usize,
    key: ObjectKey,
    record: PackRecord,
    /// At least the size of the table of contents.
    contents: usize,
    blobs: usize,
}

/// Blobs that a pack gets at most: its table of contents is in memory until it is in the index, several times while it is
/// encoded and sealed, and small files would make it larger than all of their content.
const MOST_BLOBS: usize = 1 << 15;

/// Most bytes that a blob and a segment take in the table of contents.
const OF_BLOB: usize = 42;
const OF_SEGMENT: usize = 20;

impl OpenPack {
    pub fn new(mut buffer: Block, keys: &Keys) -> Result<OpenPack> {
        let record = PackRecord {
            name: seal::random_array()?,
            size: 0,
            salt: seal::random_array()?,
            contents: Contents::default(),
        };
        buffer[..8].copy_from_slice(MAGIC);
        buffer[8..HEAD].copy_from_slice(&record.salt);
        let key = keys.object(&record.salt, &object_name(&record.name));
        Ok(OpenPack { buffer, length: HEAD, key, record, contents: 16, blobs: 0 })
    }

    /// Bytes that the pack has when a segment of `plain` bytes and `blobs` blobs is added, without padding.
    pub fn size_with(&self, plain: usize, blobs: usize) -> usize {
        self.length + plain + TAG + self.contents + OF_SEGMENT + blobs * OF_BLOB + TAG + TAIL
    }

    /// Whether a segment more is too much for a pack of `target` bytes.
    pub fn is_full_for(&self, plain: usize, blobs: usize, target: usize) -> bool {
        self.size_with(plain, blobs) > target || self.blobs + blobs > MOST_BLOBS
    }

    pub fn is_empty(&self) -> bool {
        self.record.contents.0.is_empty()
    }

    /// Compresses and seals `plain`, which is what `blobs` tell, one after the other. Answers the bytes it took. The
    /// caller has seen that there is room.
    pub fn append(&mut self, plain: &[u8], blobs: Vec<Blob>, encoder: &mut Encoder) -> usize {
        // More room than it may fill: LZ4 needs it to be fast.
        let out = &mut self.buffer[self.length..];
        let packed = encoder.compress(plain, out);
        let (method, stored) = packed.unwrap_or_else(|| {
            out[..plain.len()].copy_from_slice(plain);
            (Method::Stored, plain.len())
        });
        self.finish_segment(method, stored, blobs)
    }

    /// Like [`OpenPack::append`] for data that is not worth compressing, given in parts.
    pub fn append_stored<'p>(&mut self, parts: impl IntoIterator<Item = &'p [u8]>, blobs: Vec<Blob>) -> usize {
        let mut end = self.length;
        for part in parts {
            self.buffer[end..end + part.len()].copy_from_slice(part);
            end += part.len();
        }
        self.finish_segment(Method::Stored, end - self.length, blobs)
    }

    fn finish_segment(&mut self, method: Method, stored: usize, blobs: Vec<Blob>) -> usize {
        let number = self.record.contents.0.len() as u32;
        self.key.seal(Role::Segment, number, &mut self.buffer[self.length..self.length + stored + TAG], stored);
        self.length += stored + TAG;
        self.contents += OF_SEGMENT + blobs.len() * OF_BLOB;
        self.blobs += blobs.len();
        self.record.contents.0.push(Segment { method: method as u8, stored: stored as u32, blobs });
        stored + TAG
    }

    /// The finished object, and what the index keeps of it.
    pub fn finish(mut self) -> (Bytes, PackRecord) {
        let mut contents = padded(&cbor::encode(&self.record.contents), self.length + TAG + TAIL);
        let plain = contents.len();
        contents.resize(plain + TAG, 0);
        self.key.seal(Role::Contents, 0, &mut contents, plain);
        let end = self.length + contents.len();
        self.buffer[self.length..end].copy_from_slice(&contents);
        self.buffer[end..end + 4].copy_from_slice(&(contents.len() as u32).to_le_bytes());
        self.buffer[end + 4..end + TAIL].copy_from_slice(END_MAGIC);
        self.record.size = (end + TAIL) as u64;
        (self.buffer.freeze(end + TAIL), self.record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Pool;
    use crate::id::Id;
    use crate::pack::BlobKind;

    #[test]
    fn a_pack_of_tiny_blobs_is_full_before_its_bytes_are() {
        let keys = Keys::new(Id([1; 32]), [2; 32].into());
        let buffer = Pool::new(16 << 20, 1).unwrap().take(&Default::default()).unwrap();
        let mut pack = OpenPack::new(buffer, &keys).unwrap();
        let blobs = |count| vec![Blob { kind: BlobKind::Data, id: Id([3; 32]), length: 1 }; count];
        let target = 16 << 20;
        for _ in 0..MOST_BLOBS / 4096 {
            assert!(!pack.is_full_for(4096, 4096, target));
            pack.append_stored([[7; 4096].as_slice()], blobs(4096));
        }
        assert!(pack.size_with(1, 1) < target / 4, "by its bytes it is not");
        assert!(pack.is_full_for(1, 1, target));
    }
}
