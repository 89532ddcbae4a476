//! A model of the descriptor that callers wait on: an event loop sees whether it is readable, or each edge once.

use crate::error::Error;
use crate::sync::{Condvar, Mutex};

pub(crate) const KIND: u32 = 1;

pub(crate) struct Bell {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    readable: bool,
    edges: usize,
}

impl Bell {
    pub(crate) fn new() -> Result<Self, Error> {
        Ok(Bell { state: Mutex::new(State { readable: false, edges: 0 }), changed: Condvar::new() })
    }

    pub(crate) fn ring(&self) {
        let mut state = self.state.lock();
        state.readable = true;
        // Every write to an eventfd is an edge, also where it was readable already.
        state.edges += 1;
        self.changed.notify_all();
    }

    pub(crate) fn clear(&self) {
        self.state.lock().readable = false;
    }

    pub(crate) fn descriptor(&self) -> i32 {
        -1
    }

    /// Waits as asyncio does.
    pub(crate) fn wait_readable(&self) {
        let mut state = self.state.lock();
        while !state.readable {
            self.changed.wait(&mut state);
        }
    }

    /// Waits as Go's poller does: for an edge that came after those that were `seen`.
    pub(crate) fn wait_edge(&self, seen: &mut usize) {
        let mut state = self.state.lock();
        while state.edges == *seen {
            self.changed.wait(&mut state);
        }
        *seen = state.edges;
    }
}
