//! Key slots: each wraps the master key for one password or key file.

use crate::error::{Error, Result};
use crate::id::{hex, is_random_name, Id};
use crate::location::{read_key_file, Credentials};
use crate::seal::{self, ObjectKey, Role, SALT, TAG};
use crate::store::{self, Store};
use argon2::{Algorithm, Argon2, Params, Version};
use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

pub(crate) const FOLDER: &str = "keys";

/// The second recommendation of RFC 9106, section 4: 64 MiB, 3 passes, 4 lanes.
const ARGON2: Argon2Cost = Argon2Cost { memory: 64 << 10, passes: 3, lanes: 4 };
/// Most that a slot may ask of a reader, in KiB, in KiB times passes, and in lanes: a forged slot must not exhaust it.
const MOST_MEMORY: u32 = 4 << 20;
const MOST_WORK: u64 = 64 << 20;
const MOST_LANES: u32 = 64;

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
struct Argon2Cost {
    /// KiB.
    #[n(0)]
    memory: u32,
    #[n(1)]
    passes: u32,
    #[n(2)]
    lanes: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
struct Slot {
    #[cbor(n(0), with = "minicbor::bytes")]
    salt: [u8; SALT],
    /// Absent: the slot is for a key file.
    #[n(1)]
    password: Option<Argon2Cost>,
    /// The master key and the tag.
    #[cbor(n(2), with = "minicbor::bytes")]
    wrapped: [u8; 32 + TAG],
}

impl Slot {
    /// The object: the fields, then their BLAKE3-256, which tells damage from a wrong password.
    fn encode(&self) -> Vec<u8> {
        let mut object = crate::cbor::encode(self);
        object.extend_from_slice(blake3::hash(&object).as_bytes());
        object
    }

    fn decode(object: &[u8]) -> Option<Slot> {
        let (fields, hash) = object.split_at_checked(object.len().checked_sub(32)?)?;
        (blake3::hash(fields).as_bytes() == hash).then(|| crate::cbor::decode(fields))?
    }

    fn key(&self, secret: &Secret, repository: Id, name: &str) -> Result<Option<ObjectKey>> {
        let stretched = match (secret, &self.password) {
            (Secret::KeyFile(key), None) => key.clone(),
            (Secret::Password(password), Some(cost)) => {
                let work = u64::from(cost.memory) * u64::from(cost.passes);
                if cost.memory > MOST_MEMORY || work > MOST_WORK || cost.lanes > MOST_LANES {
                    return Err(Error::damaged(name, "it asks for more work than any key of this program"));
                }
                let params = Params::new(cost.memory, cost.passes, cost.lanes, Some(32))
                    .map_err(|_| Error::damaged(name, "its Argon2 parameters are not possible"))?;
                let mut out = Zeroizing::new(vec![0; 32]);
                Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                    .hash_password_into(password.as_bytes(), &self.salt, &mut out)
                    .map_err(|error| Error::invalid("password", error.to_string()))?;
                out
            }
            _ => return Ok(None),
        };
        let key = seal::derive(&stretched, &self.salt, "strongroom key slot 1");
        Ok(Some(ObjectKey::new(&key, repository, name)))
    }
}

/// Credentials, with the key file read.
pub(crate) enum Secret {
    Password(Zeroizing<String>),
    KeyFile(Zeroizing<Vec<u8>>),
}

impl Secret {
    pub fn read(credentials: &Credentials) -> Result<Secret> {
        match credentials {
            Credentials::Password(password) if password.is_empty() => {
                Err(Error::invalid("password", "it is empty; choose one"))
            }
            Credentials::Password(password) => Ok(Secret::Password(password.clone())),
            Credentials::KeyFile(path) => Ok(Secret::KeyFile(read_key_file(path)?)),
        }
    }
}

/// Makes a slot that wraps the master key: its name, and the object.
pub(crate) fn wrap(repository: Id, master: &[u8; 32], secret: &Secret) -> Result<(String, Vec<u8>)> {
    let name = format!("{FOLDER}/{}", hex(&seal::random_array::<16>()?));
    let password = match secret {
        Secret::Password(_) => Some(ARGON2),
        Secret::KeyFile(_) => None,
    };
    let mut slot = Slot { salt: seal::random_array()?, password, wrapped: [0; 32 + TAG] };
    slot.wrapped[..32].copy_from_slice(master);
    if let Some(key) = slot.key(secret, repository, &name)? {
        key.seal(Role::KeySlot, 0, &mut slot.wrapped, 32);
    }
    Ok((name, slot.encode()))
}

/// The master key, from the first slot that the secret opens.
pub(crate) fn unwrap(store: &dyn Store, repository: Id, secret: &Secret) -> Result<Zeroizing<[u8; 32]>> {
    let mut slots = store.list(FOLDER).map_err(|error| store::failed("cannot list the keys", error))?;
    slots.retain(|(name, _)| is_random_name(FOLDER, name));
    slots.sort();
    let mut problem = None;
    for (name, _) in slots {
        let object = match store::fetch(store, &name, None) {
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            // Another one may open.
            Err(error) => {
                problem = Some(error);
                continue;
            }
            Ok(object) => object,
        };
        let Some(mut slot) = Slot::decode(&object) else {
            problem =
                Some(Error::damaged(name, "its checksum does not match; use another key, or a copy of this object"));
            continue;
        };
        match slot.key(secret, repository, &name) {
            Ok(Some(key)) => {
                let mut master = Zeroizing::new([0; 32]);
                if let Some(opened) = key.open(Role::KeySlot, 0, &mut slot.wrapped) {
                    master.copy_from_slice(opened);
                    return Ok(master);
                }
            }
            Ok(None) => {}
            Err(error) => problem = Some(error),
        }
    }
    Err(problem.unwrap_or(Error::WrongKey))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn decoding_never_panics(bytes: Vec<u8>) {
            let _ = Slot::decode(&bytes);
            let _: Option<Slot> = crate::cbor::decode(&bytes);
        }
    }

    #[test]
    fn every_flipped_bit_of_a_slot_is_noticed() {
        let secret = Secret::KeyFile(Zeroizing::new(vec![7; 32]));
        let (_, object) = wrap(Id([1; 32]), &[2; 32], &secret).unwrap();
        assert!(Slot::decode(&object).is_some());
        for bit in 0..object.len() * 8 {
            let mut flipped = object.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Slot::decode(&flipped).is_none(), "bit {bit}");
        }
    }
}
