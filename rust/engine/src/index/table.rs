//! Numbers of records, found by 64 bits of what identifies them.
//!
//! A slot has 32 bits of the key and 32 of the number, so that what it finds is a hint: whoever asks compares the whole
//! identity in the record. Keys are uniform (ids are keyed hashes, names are random), so they need no hashing, and the
//! one that a slot belongs to follows from its bits of the key alone: growing reads nothing but slots.

use crate::error::{Error, Result};

/// By the first byte of the key. Only one part at a time is there twice while it grows.
const PARTS: usize = 256;
/// Slots that are allocated together, always as many: parts grow at about the same time, and would leave holes of sizes behind
/// that nothing fits in any more.
const PAGE: usize = 256;
/// Slots that are taken, at most: 4 of 5. Large parts grow by a quarter, so that they are at least 16 of 25, and a record
/// costs 10 to 12.5 bytes.
const FULL: (usize, usize) = (4, 5);

pub(super) struct Table {
    parts: Vec<Part>,
    /// Where the slots of a part wait while it grows.
    aside: Vec<u64>,
}

#[derive(Clone, Default)]
struct Part {
    /// 0: free. Else: bits of the key, then the number plus one.
    pages: Vec<Box<[u64; PAGE]>>,
    taken: usize,
}

impl Default for Table {
    fn default() -> Table {
        Table { parts: vec![Part::default(); PARTS], aside: Vec::new() }
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
        let part = &self.parts[part];
        if part.pages.is_empty() {
            return Ok(None);
        }
        let mut at = home(bits, part.slots());
        loop {
            match part.slot(at) {
                0 => return Ok(None),
                slot if (slot >> 32) as u32 == bits => {
                    let number = slot as u32 - 1;
                    if is_it(number)? {
                        return Ok(Some(number));
                    }
                }
                _ => {}
            }
            at = part.after(at);
        }
    }

    /// Adds a record that is not in it.
    pub fn insert(&mut self, key: u64, number: u32) -> Result<()> {
        let (part, bits) = split(key);
        let number = number.checked_add(1).ok_or_else(too_many)?;
        self.parts[part].insert(u64::from(bits) << 32 | u64::from(number), &mut self.aside);
        Ok(())
    }

    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        let of_part =
            |part: &Part| part.pages.len() * size_of::<[u64; PAGE]>() + part.pages.capacity() * size_of::<usize>();
        let aside = self.aside.capacity() * size_of::<u64>();
        self.parts.iter().map(|part| of_part(part) + size_of::<Part>()).sum::<usize>() + aside
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
    fn slots(&self) -> usize {
        self.pages.len() * PAGE
    }

    fn slot(&self, at: usize) -> u64 {
        self.pages[at / PAGE][at % PAGE]
    }

    fn after(&self, at: usize) -> usize {
        if at + 1 == self.slots() {
            0
        } else {
            at + 1
        }
    }

    fn insert(&mut self, slot: u64, aside: &mut Vec<u64>) {
        if (self.taken + 1) * FULL.1 > self.slots() * FULL.0 {
            aside.clear();
            for page in &mut self.pages {
                aside.extend(page.iter().filter(|slot| **slot != 0));
                page.fill(0);
            }
            let pages = self.pages.len();
            self.pages.resize_with(pages + (pages / 4).max(1), || Box::new([0; PAGE]));
            aside.iter().for_each(|slot| self.place(*slot));
        }
        self.place(slot);
        self.taken += 1;
    }

    fn place(&mut self, slot: u64) {
        let mut at = home((slot >> 32) as u32, self.slots());
        while self.slot(at) != 0 {
            at = self.after(at);
        }
        self.pages[at / PAGE][at % PAGE] = slot;
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
