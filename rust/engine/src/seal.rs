//! Keys that are derived from the master key, and sealing with them.

use crate::error::{Error, Result};
use crate::id::Id;
use ring::aead::{Aad, LessSafeKey, Nonce, UnboundKey, AES_256_GCM};
use ring::hkdf::{Salt, HKDF_SHA256};
use zeroize::Zeroizing;

/// Bytes that sealing adds.
pub(crate) const TAG: usize = 16;
pub(crate) const SALT: usize = 32;
/// Of this way of sealing; objects keep it when there are later formats.
const VERSION: u32 = 1;

/// Fills `out` from the system's random source.
pub(crate) fn random(out: &mut [u8]) -> Result<()> {
    getrandom::fill(out).map_err(|error| Error::invalid("the system's random source", error.to_string()))
}

pub(crate) fn random_array<const N: usize>() -> Result<[u8; N]> {
    let mut out = [0; N];
    random(&mut out)?;
    Ok(out)
}

/// What a sealed text is: part of its associated data, so that none can stand in for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Role {
    Segment = 1,
    Contents = 2,
    Index = 3,
    Log = 4,
    KeySlot = 5,
}

/// HKDF-SHA256 (RFC 5869), 32 bytes.
pub(crate) fn derive(secret: &[u8], salt: &[u8], info: &str) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    let info = [info.as_bytes()];
    Salt::new(HKDF_SHA256, salt)
        .extract(secret)
        .expand(&info, HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut *key))
        // 32 bytes is what one round of HKDF-SHA256 gives.
        .expect("HKDF-SHA256 gives 32 bytes");
    key
}

/// The secrets of an open repository.
pub(crate) struct Keys {
    pub repository: Id,
    master: Zeroizing<[u8; 32]>,
    data: Zeroizing<[u8; 32]>,
    tree: Zeroizing<[u8; 32]>,
    snapshot: Zeroizing<[u8; 32]>,
    pub cuts: Zeroizing<[u8; 32]>,
    config: Zeroizing<[u8; 32]>,
}

impl Keys {
    pub fn new(repository: Id, master: Zeroizing<[u8; 32]>) -> Keys {
        let of = |info| derive(&*master, &repository.0, info);
        Keys {
            repository,
            data: of("strongroom data ids 1"),
            tree: of("strongroom tree ids 1"),
            snapshot: of("strongroom snapshot ids 1"),
            cuts: of("strongroom cut points 1"),
            config: of("strongroom config 1"),
            master,
        }
    }

    pub fn data_id<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>) -> Id {
        let mut hasher = blake3::Hasher::new_keyed(&self.data);
        for part in parts {
            hasher.update(part);
        }
        Id(*hasher.finalize().as_bytes())
    }

    pub fn tree_id(&self, bytes: &[u8]) -> Id {
        Id(*blake3::keyed_hash(&self.tree, bytes).as_bytes())
    }

    pub fn snapshot_id(&self, bytes: &[u8]) -> Id {
        Id(*blake3::keyed_hash(&self.snapshot, bytes).as_bytes())
    }

    pub fn config_mac(&self, bytes: &[u8]) -> [u8; 32] {
        *blake3::keyed_hash(&self.config, bytes).as_bytes()
    }

    /// The key of one pack, index or log object: `salt` is in the clear in it, `name` is the object's in the store.
    pub fn object(&self, salt: &[u8; SALT], name: &str) -> ObjectKey {
        let key = derive(&*self.master, salt, "strongroom object 1");
        ObjectKey::new(&key, self.repository, name)
    }
}

/// Seals and opens the texts of one object.
pub(crate) struct ObjectKey {
    key: LessSafeKey,
    /// Associated data up to the role and the number of the text.
    context: Vec<u8>,
}

impl ObjectKey {
    pub fn new(key: &[u8; 32], repository: Id, name: &str) -> ObjectKey {
        // The length is right, which is all that ring checks.
        let key = UnboundKey::new(&AES_256_GCM, key).expect("AES-256 keys have 32 bytes");
        let mut context = Vec::with_capacity(64 + name.len());
        context.extend_from_slice(b"strongroom");
        context.extend_from_slice(&VERSION.to_le_bytes());
        context.extend_from_slice(&repository.0);
        context.extend_from_slice(&(name.len() as u32).to_le_bytes());
        context.extend_from_slice(name.as_bytes());
        ObjectKey { key: LessSafeKey::new(key), context }
    }

    fn terms(&self, role: Role, number: u32) -> (Nonce, Aad<Vec<u8>>) {
        // Never twice under one key: each object has its own key, and each of its texts its own role and number.
        let mut nonce = [0; 12];
        nonce[0] = role as u8;
        nonce[8..].copy_from_slice(&number.to_le_bytes());
        let mut aad = self.context.clone();
        aad.push(role as u8);
        aad.extend_from_slice(&number.to_le_bytes());
        (Nonce::assume_unique_for_key(nonce), Aad::from(aad))
    }

    /// Seals the first `length` bytes of `buffer` in place; the tag follows them.
    pub fn seal(&self, role: Role, number: u32, buffer: &mut [u8], length: usize) {
        let (nonce, aad) = self.terms(role, number);
        let tag = self.key.seal_in_place_separate_tag(nonce, aad, &mut buffer[..length]);
        // ring refuses only texts beyond 64 GiB.
        let tag = tag.expect("a text is shorter than AES-GCM allows");
        buffer[length..length + TAG].copy_from_slice(tag.as_ref());
    }

    /// Opens a text with its tag in place. `None`: it is not what was sealed in this role and place.
    pub fn open<'b>(&self, role: Role, number: u32, sealed: &'b mut [u8]) -> Option<&'b mut [u8]> {
        let (nonce, aad) = self.terms(role, number);
        self.key.open_in_place(nonce, aad, sealed).ok()
    }
}
