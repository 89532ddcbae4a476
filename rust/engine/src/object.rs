//! Index and log objects: one sealed text each.
//!
//! ```text
//! magic (8) | salt (32) | sealed: length u32 LE | CBOR | zeros up to a Padmé size
//! ```

use crate::error::{Error, Result};
use crate::seal::{self, Keys, Role, SALT, TAG};

pub(crate) const HEAD: usize = 8 + SALT;

fn magic(role: Role) -> &'static [u8; 8] {
    match role {
        Role::Index => b"SRINDEX1",
        _ => b"SRLOGEN1",
    }
}

/// The size that hides `length`: at most an eighth more, and log log of it leaks (Padmé, PETS 2019).
pub(crate) fn padme(length: u64) -> u64 {
    if length < 2 {
        return length;
    }
    let exponent = length.ilog2();
    let kept = exponent.ilog2() + 1;
    let mask = (1u64 << exponent.saturating_sub(kept)) - 1;
    length.saturating_add(mask) & !mask
}

/// Length, text and padding so that `around` bytes more make a Padmé size.
pub(crate) fn padded(text: &[u8], around: usize) -> Vec<u8> {
    let size = padme((around + 4 + text.len()) as u64) as usize - around;
    let mut out = Vec::with_capacity(size + TAG);
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text);
    out.resize(size, 0);
    out
}

/// Undoes [`padded`].
pub(crate) fn unpadded(plain: &[u8]) -> Option<&[u8]> {
    let (length, rest) = plain.split_first_chunk::<4>()?;
    rest.get(..u32::from_le_bytes(*length) as usize)
}

pub(crate) fn seal_object(keys: &Keys, role: Role, name: &str, text: &[u8]) -> Result<Vec<u8>> {
    let salt: [u8; SALT] = seal::random_array()?;
    let mut plain = padded(text, HEAD + TAG);
    let length = plain.len();
    plain.resize(length + TAG, 0);
    keys.object(&salt, name).seal(role, 0, &mut plain, length);
    Ok([&magic(role)[..], &salt, &plain].concat())
}

pub(crate) fn open_object(keys: &Keys, role: Role, name: &str, object: &[u8]) -> Result<Vec<u8>> {
    let damaged = |why| Error::damaged(name, why);
    let head = object.get(..HEAD).ok_or_else(|| damaged("it is too short"))?;
    if head[..8] != magic(role)[..] {
        return Err(damaged("it does not begin as it must"));
    }
    let mut salt = [0; SALT];
    salt.copy_from_slice(&head[8..]);
    let mut sealed = object[HEAD..].to_vec();
    let plain = keys.object(&salt, name).open(role, 0, &mut sealed);
    let plain = plain.ok_or_else(|| damaged("its seal is broken"))?;
    unpadded(plain).map(<[u8]>::to_vec).ok_or_else(|| damaged("its length is wrong"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Id;
    use proptest::prelude::*;
    use zeroize::Zeroizing;

    fn keys() -> Keys {
        Keys::new(Id([3; 32]), Zeroizing::new([4; 32]))
    }

    #[test]
    fn padme_sizes() {
        let sizes = [0, 1, 2, 9, 1000, 1025, 1 << 20, (1 << 20) + 1, (32 << 20) + 1];
        assert_eq!(sizes.map(padme), [0, 1, 2, 10, 1024, 1088, 1 << 20, (1 << 20) + (1 << 15), (32 << 20) + (1 << 20)]);
    }

    #[test]
    fn an_object_opens_as_what_it_is_only() {
        let object = seal_object(&keys(), Role::Index, "index/a", b"text").unwrap();
        assert_eq!(open_object(&keys(), Role::Index, "index/a", &object).unwrap(), b"text");
        assert!(open_object(&keys(), Role::Index, "index/b", &object).is_err());
        assert!(open_object(&keys(), Role::Log, "index/a", &object).is_err());
        for bit in 0..object.len() * 8 {
            let mut flipped = object.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(open_object(&keys(), Role::Index, "index/a", &flipped).is_err(), "bit {bit}");
        }
    }

    proptest! {
        #[test]
        fn padding_is_undone(text: Vec<u8>, around in 0usize..100) {
            let padded = padded(&text, around);
            prop_assert_eq!(unpadded(&padded), Some(&text[..]));
            prop_assert_eq!(padme((padded.len() + around) as u64), (padded.len() + around) as u64);
        }

        #[test]
        fn opening_never_panics(object: Vec<u8>) {
            prop_assert!(open_object(&keys(), Role::Log, "log/1", &object).is_err());
            let _ = unpadded(&object);
        }
    }
}
