//! The requests of a queue, by id.
//!
//! Only who submits looks here. A request that is over stays in its place until another one comes into it, so that to end one
//! touches no table, and so that its memory is used again: one thread would allocate and others free it, for which most
//! allocators take locks.

use std::collections::HashMap;
use std::sync::Arc;

use crate::request::{Draft, Request};
use crate::runtime::Core;

/// Places, which bound the memory that idle requests keep: some hundred bytes each. With more calls in flight, or slots that
/// share a place, the others are slower.
const PLACES: usize = 1 << 14;

/// The place of a slot. A caller with two tables, as Python has, tells their slots apart by the top bit.
fn place_of(id: u64) -> usize {
    let slot = id as u32 as usize;
    (slot ^ slot >> 18) % PLACES
}

/// How many requests have no place, at least, when those that are over are swept out.
const SWEPT: usize = 1 << 8;

#[derive(Default)]
pub(crate) struct Requests {
    /// By the place of their slots.
    places: Vec<Option<Arc<Request>>>,
    /// By their ids: those that came while an older one in their place was not over.
    others: HashMap<u64, Arc<Request>>,
    /// How many others there are when they are swept next.
    full: usize,
}

impl Requests {
    /// Makes a request; `None` where there is one with this id.
    pub(crate) fn insert(&mut self, core: &Arc<Core>, draft: &Draft<'_>) -> Option<Arc<Request>> {
        if !self.others.is_empty() && self.others.get(&draft.id).is_some_and(|other| !other.is_over()) {
            return None;
        }
        let at = place_of(draft.id);
        if at >= self.places.len() {
            self.places.resize_with((at + 1).next_power_of_two(), || None);
        }
        let place = &mut self.places[at];
        if let Some(request) = place {
            // Where nobody else knows it, nobody runs it.
            if let Some(old) = Arc::get_mut(request) {
                old.renew(draft);
                return Some(request.clone());
            }
            if !request.is_over() {
                return (request.id != draft.id).then(|| self.insert_other(core, draft));
            }
        }
        Some(place.insert(Arc::new(Request::new(core.clone(), draft))).clone())
    }

    fn insert_other(&mut self, core: &Arc<Core>, draft: &Draft<'_>) -> Arc<Request> {
        if self.others.len() >= self.full {
            self.others.retain(|_, request| !request.is_over());
            self.full = SWEPT.max(2 * self.others.len());
        }
        let request = Arc::new(Request::new(core.clone(), draft));
        self.others.insert(draft.id, request.clone());
        request
    }

    /// The request with this id, where it is not over.
    pub(crate) fn get(&self, id: u64) -> Option<&Request> {
        let place = self.places.get(place_of(id)).and_then(Option::as_ref);
        let request = place.filter(|request| request.id == id).or_else(|| self.others.get(&id))?;
        (!request.is_over()).then_some(request)
    }

    /// Cancels all of them.
    pub(crate) fn cancel(&self) {
        let all = self.places.iter().flatten().chain(self.others.values());
        all.filter(|request| !request.is_over()).for_each(|request| request.cancel());
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::ffi::AbiInfo;
    use crate::service::Service;

    static SERVICE: Service = Service {
        abi: &AbiInfo::new([0; 16], "", &[]),
        dispatch: |_, _| Err(Error::UnknownMethod(0)),
        immediate: |_| Err(Error::UnknownMethod(0)),
    };

    fn with_core(test: impl FnOnce(&Arc<Core>)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("makes a runtime");
        test(&Core::new(&SERVICE, 1, 1, 1 << 20, runtime.handle().clone(), Arc::default()).expect("makes a core"));
    }

    fn draft(id: u64) -> Draft<'static> {
        Draft { queue: 0, id, deadline: None, trace: [0; 24], arguments: &[] }
    }

    fn id(slot: usize, generation: u64) -> u64 {
        generation << 32 | slot as u64
    }

    #[test]
    fn an_id_names_one_request_until_that_is_over() {
        with_core(|core| {
            let mut requests = Requests::default();
            for slot in [1, PLACES - 1, PLACES, 1 << 31, u32::MAX as usize] {
                let (first, second) = (id(slot, 1), id(slot, 2));
                let made = requests.insert(core, &draft(first)).expect("the id is free");
                assert!(requests.insert(core, &draft(first)).is_none());
                // A caller who uses a slot twice at a time finds both.
                let other = requests.insert(core, &draft(second)).expect("the id is free");
                assert!(requests.insert(core, &draft(second)).is_none());
                assert!(std::ptr::eq(requests.get(first).expect("it runs"), &*made));
                assert!(std::ptr::eq(requests.get(second).expect("it runs"), &*other));
                made.input.finish();
                assert!(requests.get(first).is_none() && requests.get(second).is_some());
                let again = requests.insert(core, &draft(first)).expect("the id is free again");
                assert!(!again.is_over() && requests.get(first).is_some());
            }
            assert!(requests.get(id(2, 1)).is_none() && requests.get(id(1, 3)).is_none());
        });
    }

    #[test]
    fn the_memory_of_a_request_is_used_again_where_nobody_knows_it() {
        with_core(|core| {
            let mut requests = Requests::default();
            let mut make = |generation| requests.insert(core, &draft(id(7, generation))).expect("the id is free");
            let address = |request: &Arc<Request>| Arc::as_ptr(request) as usize;
            let first = make(1);
            first.cancel();
            first.input.finish();
            let kept = first.clone();
            let place = address(&first);
            drop(first);
            let second = make(2);
            assert_ne!(address(&second), place, "somebody knows the first one");
            assert_eq!((kept.id, kept.is_over(), second.stopped()), (id(7, 1), true, None));
            second.cancel();
            second.input.finish();
            let place = address(&second);
            drop(second);
            let third = make(3);
            assert_eq!((address(&third), third.id, third.is_over(), third.stopped()), (place, id(7, 3), false, None));
        });
    }

    #[test]
    fn what_has_no_place_and_is_over_is_swept() {
        with_core(|core| {
            let mut requests = Requests::default();
            let running = requests.insert(core, &draft(id(PLACES, 1))).expect("the id is free");
            for generation in 2..100 * SWEPT as u64 {
                let request = requests.insert(core, &draft(id(PLACES, generation))).expect("the id is free");
                request.input.finish();
            }
            assert!(requests.others.len() <= SWEPT + 1);
            assert!(std::ptr::eq(requests.get(running.id).expect("it runs"), &*running));
        });
    }
}
