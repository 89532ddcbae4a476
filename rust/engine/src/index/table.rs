//! Numbers of records, found by 64 bits of what identifies them.
//!
//! A slot has 32 bits of the key and 32 of the number, so that what it finds is a hint: whoever asks compares the whole
//! identity in the record. Keys are uniform (ids are keyed hashes, names are random), so they need no hashing, and the
//! one that a slot belongs to follows from its bits of the key alone: growing reads nothing but slots.

use crate::error::{Error, Result};

/// By the first byte of the key. Only one part at a time is there twice while it grows.
const PARTS: usize = 256;
const FIRST_SLOTS: usize = 16;
/// Slots that are taken, at most: 4 of 5. Parts grow by a quarter, so that they are at least 16 of 25, and a record costs
/// 10 to 12.5 bytes.
const FULL: (usize, usize) = (4, 5);

pub(super) struct Table {
    parts: Vec<Part>,
}

#[derive(Clone, Default)]
struct Part {
    /// 0: free. Else: bits of the key, then the number plus one.
    slots: Vec<u64>,
    taken: usize,
}

impl Default for Table {
    fn default() -> Table {
        Table { parts: vec![Part::default(); PARTS] }
    }
}

/// The part that a key is in, and its bits in a slot.
fn split(key: u64) -> (usize, u32) {
    ((key >> 56) as usize, (key >> 24) as u32)
}

impl Table {
    /// The number of a record with this key that `is_it`.
    pub fn find(&self, key: u64, mut is_it: impl FnMut(u32) -> Result<bool>) -> Result<Option<u32>> {
        let (part, bits) = split(key);
        let slots = &self.parts[part].slots;
        if slots.is_empty() {
            return Ok(None);
        }
        let mut at = home(bits, slots.len());
        loop {
            match slots[at] {
                0 => return Ok(None),
                slot if (slot >> 32) as u32 == bits => {
                    let number = slot as u32 - 1;
                    if is_it(number)? {
                        return Ok(Some(number));
                    }
                }
                _ => {}
            }
            at = if at + 1 == slots.len() { 0 } else { at + 1 };
        }
    }

    /// Adds a record that is not in it.
    pub fn insert(&mut self, key: u64, number: u32) -> Result<()> {
        let (part, bits) = split(key);
        let number = number.checked_add(1).ok_or_else(too_many)?;
        self.parts[part].insert(u64::from(bits) << 32 | u64::from(number));
        Ok(())
    }

    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(|part| part.slots.capacity() * size_of::<u64>() + size_of::<Part>()).sum()
    }
}

pub(super) fn too_many() -> Error {
    Error::invalid("index", "the repository has more than 4 billion chunks; begin another one")
}

/// Where a slot with these bits stands, if the place is free. In their order, so that no bit is used in vain.
fn home(bits: u32, slots: usize) -> usize {
    (u64::from(bits) * slots as u64 >> 32) as usize
}

impl Part {
    fn insert(&mut self, slot: u64) {
        if (self.taken + 1) * FULL.1 > self.slots.len() * FULL.0 {
            let size = (self.slots.len() + self.slots.len() / 4).max(FIRST_SLOTS);
            let before = std::mem::replace(&mut self.slots, vec![0; size]);
            before.into_iter().filter(|slot| *slot != 0).for_each(|slot| self.place(slot));
        }
        self.place(slot);
        self.taken += 1;
    }

    fn place(&mut self, slot: u64) {
        let mut at = home((slot >> 32) as u32, self.slots.len());
        while self.slots[at] != 0 {
            at = if at + 1 == self.slots.len() { 0 } else { at + 1 };
        }
        self.slots[at] = slot;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_differ_in_hidden_bits_only_are_told_apart_by_the_record() {
        let mut table = Table::default();
        // The first and the last part of their bits, so that probing goes round the end.
        let keys: Vec<u64> = (0..1000).map(|low| if low % 2 == 0 { low } else { u64::MAX << 24 | low }).collect();
        for (number, key) in keys.iter().enumerate() {
            assert_eq!(table.find(*key, |found| Ok(keys[found as usize] == *key)).unwrap(), None);
            table.insert(*key, number as u32).unwrap();
        }
        for (number, key) in keys.iter().enumerate() {
            let found = table.find(*key, |found| Ok(keys[found as usize] == *key)).unwrap();
            assert_eq!(found, Some(number as u32));
        }
        assert!(table.insert(1, u32::MAX).is_err());
    }
}
