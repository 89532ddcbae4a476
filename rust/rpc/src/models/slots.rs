//! Threads that use the handles of one slot at the same time.

use std::sync::Arc;

use loom::thread::spawn;

use super::*;
use crate::sync::model;

/// A table with one value, whose next ones come into the same slot once it is free.
fn table() -> (Arc<Slots<u32>>, u64) {
    let slots = Arc::new(Slots::new());
    let handle = slots.insert(1);
    slots.next.store(0, Ordering::Relaxed);
    (slots, handle)
}

#[test]
fn a_value_is_taken_once() {
    model(|| {
        let (slots, handle) = table();
        let other = {
            let slots = slots.clone();
            spawn(move || slots.remove(handle))
        };
        let (mine, theirs) = (slots.remove(handle), other.join().expect("does not panic"));
        assert_eq!(mine.xor(theirs), Some(1));
        assert_eq!(slots.len(), 0);
    });
}

/// An old handle finds its own value or nothing, never the one that came into its slot.
#[test]
fn a_handle_dies_with_its_value() {
    model(|| {
        let (slots, first) = table();
        let other = {
            let slots = slots.clone();
            spawn(move || {
                assert_eq!(slots.remove(first), Some(1));
                slots.insert(2)
            })
        };
        assert!(matches!(slots.with(first, |value| *value), None | Some(1)));
        assert!(matches!(slots.change(first, |_| Change::Keep(())), None | Some(((), None))));
        let second = other.join().expect("does not panic");
        assert_eq!(second as u32, first as u32, "the slot is used again");
        assert_eq!((slots.remove(first), slots.remove(second)), (None, Some(2)));
    });
}

/// What closes everything, beside a thread that closes one and makes another: each value has one owner in the end.
#[test]
fn clearing_shares_values_with_nobody() {
    model(|| {
        let (slots, first) = table();
        let other = {
            let slots = slots.clone();
            spawn(move || {
                let mut mine = Vec::from_iter(slots.remove(first));
                slots.next.store(0, Ordering::Relaxed);
                slots.insert(2);
                mine.extend(slots.clear());
                mine
            })
        };
        let mut values = slots.clear();
        values.extend(other.join().expect("does not panic"));
        values.sort_unstable();
        assert_eq!((values, slots.len()), (vec![1, 2], 0));
    });
}
