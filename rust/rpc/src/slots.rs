//! A table of values named by handles. A handle is a slot (low 32 bits) and a generation (high 32 bits, the top one
//! always 0): one that was closed, doubled or made up finds another generation in its slot, and nothing else.

use std::sync::atomic::Ordering;

use crate::sync::{AtomicU64, AtomicUsize, Mutex};

/// Tables are split so that threads rarely meet at a lock; the shard is in the low bits of the slot.
const SHARD_BITS: u32 = 4;
const SHARDS: usize = 1 << SHARD_BITS;
const LAST_GENERATION: u32 = i32::MAX as u32;

pub(crate) struct Slots<T> {
    shards: [Mutex<Shard<T>>; SHARDS],
    next: AtomicUsize,
    used: AtomicU64,
}

struct Shard<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

fn handle(generation: u32, index: u32, shard: usize) -> u64 {
    u64::from(generation) << 32 | u64::from(index << SHARD_BITS | shard as u32)
}

/// What `change` decides about a value.
pub(crate) enum Change<R> {
    Keep(R),
    Remove(R),
}

impl<T> Slots<T> {
    pub(crate) fn new() -> Self {
        Slots {
            shards: std::array::from_fn(|_| Mutex::new(Shard { slots: Vec::new(), free: Vec::new() })),
            next: AtomicUsize::new(0),
            used: AtomicU64::new(0),
        }
    }

    pub(crate) fn insert(&self, value: T) -> u64 {
        self.used.fetch_add(1, Ordering::Relaxed);
        let number = self.next.fetch_add(1, Ordering::Relaxed) % SHARDS;
        let mut shard = self.shards[number].lock();
        let index = match shard.free.pop() {
            Some(index) => index,
            None => {
                let index = u32::try_from(shard.slots.len()).expect("fewer slots than fit into 28 bits");
                assert!(index < 1 << (32 - SHARD_BITS), "the table of handles is full");
                shard.slots.push(Slot { generation: 1, value: None });
                index
            }
        };
        let slot = &mut shard.slots[index as usize];
        slot.value = Some(value);
        handle(slot.generation, index, number)
    }

    /// Runs `change` with the handle's value, or answers `None` where it has none.
    pub(crate) fn change<R>(&self, handle: u64, change: impl FnOnce(&mut T) -> Change<R>) -> Option<(R, Option<T>)> {
        let slot = handle as u32;
        let index = slot >> SHARD_BITS;
        let mut shard = self.shards[slot as usize % SHARDS].lock();
        let entry = shard.slots.get_mut(index as usize)?;
        if u64::from(entry.generation) != handle >> 32 {
            return None;
        }
        match change(entry.value.as_mut()?) {
            Change::Keep(result) => Some((result, None)),
            Change::Remove(result) => {
                let value = entry.value.take();
                entry.generation += 1;
                // A slot whose generations are used up is never used again, so that no old handle comes back to life.
                if entry.generation <= LAST_GENERATION {
                    shard.free.push(index);
                }
                self.used.fetch_sub(1, Ordering::Relaxed);
                Some((result, value))
            }
        }
    }

    pub(crate) fn with<R>(&self, handle: u64, use_it: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.change(handle, |value| Change::Keep(use_it(value))).map(|(result, _)| result)
    }

    pub(crate) fn remove(&self, handle: u64) -> Option<T> {
        self.change(handle, |_| Change::Remove(())).and_then(|(_, value)| value)
    }

    /// Takes all values.
    pub(crate) fn clear(&self) -> Vec<T> {
        let mut values = Vec::new();
        for (number, shard) in self.shards.iter().enumerate() {
            let handles: Vec<u64> = {
                let shard = shard.lock();
                let used = shard.slots.iter().enumerate().filter(|(_, slot)| slot.value.is_some());
                used.map(|(index, slot)| handle(slot.generation, index as u32, number)).collect()
            };
            values.extend(handles.into_iter().filter_map(|handle| self.remove(handle)));
        }
        values
    }

    pub(crate) fn len(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

#[cfg(all(test, feature = "loom"))]
#[path = "models/slots.rs"]
mod model;

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use super::*;

    #[test]
    fn a_handle_dies_with_its_value() {
        let slots = Slots::new();
        let first = slots.insert("first");
        assert_eq!(slots.with(first, |value| *value), Some("first"));
        assert_eq!(slots.remove(first), Some("first"));
        assert_eq!(slots.remove(first), None);
        // Go round all shards, so that the slot is used again.
        let handles: Vec<u64> = (0..SHARDS).map(|_| slots.insert("later")).collect();
        assert!(handles.iter().any(|handle| *handle as u32 == first as u32), "the slot is used again");
        assert!(!handles.contains(&first));
        assert_eq!(slots.with(first, |value| *value), None);
        assert_eq!(slots.len(), SHARDS as u64);
    }

    #[test]
    fn clearing_takes_everything_once() {
        let slots = Slots::new();
        let handles: Vec<u64> = (0..100).map(|number| slots.insert(number)).collect();
        slots.remove(handles[7]);
        let mut values = slots.clear();
        values.sort_unstable();
        assert!(values.into_iter().eq((0..100).filter(|number| *number != 7)));
        assert_eq!((slots.len(), slots.clear()), (0, vec![]));
        assert!(handles.iter().all(|handle| slots.remove(*handle).is_none()));
    }

    #[test]
    fn made_up_handles_find_nothing() {
        let slots = Slots::new();
        let handle = slots.insert(1);
        for forged in [0, 1, u64::MAX, handle | 1 << 63, handle ^ 1 << 32, handle + 16] {
            assert_eq!(slots.remove(forged), None, "{forged:x}");
        }
        assert_eq!(slots.remove(handle), Some(1));
    }

    #[test]
    fn a_slot_whose_generations_are_used_up_is_retired() {
        let slots = Slots::new();
        let first = slots.insert(0);
        slots.shards[first as usize % SHARDS].lock().slots[0].generation = LAST_GENERATION;
        let last = u64::from(LAST_GENERATION) << 32 | first & 0xffff_ffff;
        assert_eq!(slots.remove(last), Some(0));
        assert!(slots.shards[first as usize % SHARDS].lock().free.is_empty());
    }
}
