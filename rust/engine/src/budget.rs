//! The one memory budget: what a run may use, and the buffers that it recycles.
//!
//! Buffers are made on first use and handed round until the run ends, because the first write to a fresh page costs
//! more than all that is later done with its bytes.

use crate::direct::PAGE;
use crate::error::{Error, Result};
use parking_lot::{Condvar, Mutex};
use std::io;
use std::ops::{Deref, DerefMut, Range};
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const MIB: u64 = 1 << 20;
const LEAST: u64 = 64 * MIB;
const MOST_BY_DEFAULT: u64 = 1024 * MIB;
/// What the smallest run needs: see [`Plan::new`].
const LEAST_OF_RUN: u64 = 32 * MIB;

/// Memory of an open repository, shared by its runs.
pub(crate) struct Budget {
    pub total: u64,
    left: Mutex<u64>,
}

impl Budget {
    pub fn new(memory: Option<u64>) -> Result<Arc<Budget>> {
        let total = match memory {
            Some(bytes) if bytes < LEAST => {
                let why = format!("{bytes} bytes are too few; give at least {LEAST}");
                return Err(Error::invalid("memory", why));
            }
            Some(bytes) => bytes,
            // Where the system does not tell, as little as a run needs.
            None => (crate::machine::memory().unwrap_or(LEAST) / 8).clamp(LEAST, MOST_BY_DEFAULT),
        };
        Ok(Arc::new(Budget { total, left: Mutex::new(total) }))
    }

    /// Half of what is left for a run, so that others can start beside it.
    pub fn share(self: &Arc<Budget>) -> Result<Share> {
        let mut left = self.left.lock();
        let bytes = (*left / 2).max(LEAST_OF_RUN);
        if bytes > *left {
            let why = "all of it is used by the runs that go on; finish one, or give the repository more";
            return Err(Error::invalid("memory", why));
        }
        *left -= bytes;
        Ok(Share { budget: Arc::clone(self), bytes })
    }
}

/// What one run may use; given back when it is dropped.
pub(crate) struct Share {
    budget: Arc<Budget>,
    pub bytes: u64,
}

/// Threads that open segments, at most.
const MOST_OPENERS: usize = 64;

impl Share {
    /// Threads that a run which reads may have, beside a store that serves `parallelism` calls at a time: each holds a
    /// segment three times, sealed, plain, and as the pages of a file. While one of them waits for a disk, another one
    /// works.
    pub fn openers(&self, parallelism: usize) -> usize {
        let affordable = self.bytes as usize / (3 * crate::pack::MAX_SEGMENT as usize);
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        (2 * cpus).max(parallelism).min(affordable).clamp(1, MOST_OPENERS)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        *self.budget.left.lock() += self.bytes;
    }
}

/// Size of a buffer that content is read into.
pub(crate) const BLOCK: usize = 1 << 20;

/// How a run that writes spends its share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub workers: usize,
    pub readers: usize,
    /// Bytes at which a pack is complete.
    pub pack_target: usize,
    pub pack_buffers: usize,
    pub blocks: usize,
}

impl Plan {
    /// Every worker holds an open pack and a scratch buffer of the largest chunk, the folders have a pack of their own,
    /// and one more pack is under way to the store: with fewer buffers nothing would move. A reader holds the largest
    /// chunk in unfinished blocks, and one more; what is beyond that is queued or being worked on, and comes back.
    pub fn new(share: u64, cpus: usize, largest_chunk: usize) -> Plan {
        let share = share as usize;
        let per_reader = largest_chunk / BLOCK + 3;
        let target = |packs: usize, rest: usize| (share.saturating_sub(rest) / packs) * 15 / 16;
        let rest = |plan: &Plan| plan.blocks * BLOCK + plan.workers * (largest_chunk + (2 << 20));
        // Small files that are not in the page cache are mostly waited for, so more readers than workers are worth having.
        let ways = (1..=cpus.clamp(1, 16)).rev().flat_map(|workers| {
            let readers = (workers.min(4)..=(4 * workers).min(8)).rev();
            readers.map(move |readers| Plan {
                workers,
                readers,
                pack_target: 0,
                pack_buffers: workers + 3,
                blocks: readers * per_reader + workers * 8,
            })
        });
        let least = Plan { workers: 1, readers: 1, pack_target: 0, pack_buffers: 3, blocks: per_reader + 4 };
        let mut plan = { ways }.find(|plan| target(plan.pack_buffers, rest(plan)) >= 16 << 20).unwrap_or(least);
        let rest = rest(&plan);
        plan.pack_target = target(plan.pack_buffers, rest).clamp(largest_chunk + (256 << 10), 32 << 20);
        // What is left makes the pipeline smoother, up to a point.
        let used = rest + plan.pack_buffers * capacity(plan.pack_target);
        plan.pack_buffers += (share.saturating_sub(used) / 2 / capacity(plan.pack_target)).min(4);
        plan
    }
}

/// Bytes of the buffer that a pack of `target` bytes needs: its padding adds up to a sixteenth.
pub(crate) fn capacity(target: usize) -> usize {
    target + target / 16
}

/// A fixed number of buffers of one size, in memory that is the run's own.
pub(crate) struct Pool {
    arena: Arena,
    state: Mutex<PoolState>,
    returned: Condvar,
}

struct PoolState {
    free: Vec<usize>,
    unused: Range<usize>,
}

impl Pool {
    pub fn new(size: usize, count: usize) -> Result<Arc<Pool>> {
        let state = PoolState { free: Vec::with_capacity(count), unused: 0..count };
        let arena = Arena::new(size.next_multiple_of(PAGE), count)
            .map_err(|error| Error::invalid("memory", format!("the system has no room for buffers: {error}")))?;
        Ok(Arc::new(Pool { arena, state: Mutex::new(state), returned: Condvar::new() }))
    }

    /// Waits for a buffer. Its content is whatever it was used for before.
    pub fn take(self: &Arc<Pool>, stop: &CancellationToken) -> Result<Block> {
        let mut state = self.state.lock();
        loop {
            if stop.is_cancelled() {
                return Err(Error::Cancelled);
            }
            // The one returned last is the likeliest to be in the CPU's cache.
            if let Some(number) = state.free.pop().or_else(|| state.unused.next()) {
                return Ok(Block { number, pool: Arc::clone(self) });
            }
            self.returned.wait_for(&mut state, Duration::from_millis(50));
        }
    }
}

/// Zeroed memory for `count` buffers of `size` bytes, which is a multiple of [`PAGE`] as their places are.
struct Arena {
    start: NonNull<u8>,
    size: usize,
    count: usize,
}

// SAFETY: the memory belongs to the arena, and who uses which part of it is the pool's affair: see `Block`.
unsafe impl Send for Arena {}
// SAFETY: as above.
unsafe impl Sync for Arena {}

impl Arena {
    fn new(size: usize, count: usize) -> io::Result<Arena> {
        Ok(Arena { start: crate::arena::map(size * count)?, size, count })
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this length, and no block is left: each keeps the pool that has the arena.
        unsafe { crate::arena::unmap(self.start, self.size * self.count) };
    }
}

/// A buffer of a [`Pool`], returned to it when dropped.
pub(crate) struct Block {
    /// Of one block at a time: taken out of the pool's state, and put back by `drop`.
    number: usize,
    pool: Arc<Pool>,
}

impl Block {
    /// The first `length` bytes, shared.
    pub fn freeze(self, length: usize) -> bytes::Bytes {
        bytes::Bytes::from_owner(Filled { block: self, length })
    }

    fn start(&self) -> *mut u8 {
        let arena = &self.pool.arena;
        // SAFETY: numbers are below `count`, so the buffer is in the arena.
        unsafe { arena.start.as_ptr().add(self.number * arena.size) }
    }
}

impl Deref for Block {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // SAFETY: the buffer is mapped for as long as the pool, written by nobody but this block, and zeroed at first.
        unsafe { std::slice::from_raw_parts(self.start(), self.pool.arena.size) }
    }
}

impl DerefMut for Block {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and this block is borrowed alone.
        unsafe { std::slice::from_raw_parts_mut(self.start(), self.pool.arena.size) }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.pool.state.lock().free.push(self.number);
        self.pool.returned.notify_one();
    }
}

struct Filled {
    block: Block,
    length: usize,
}

impl AsRef<[u8]> for Filled {
    fn as_ref(&self) -> &[u8] {
        &self.block[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_keeps_to_its_share() {
        for share in [32, 40, 64, 128, 256, 512, 1024, 4096] {
            for cpus in [1, 2, 8, 64] {
                for chunk in [4 << 10, 1 << 20, 4 << 20] {
                    let plan = Plan::new(share * MIB, cpus, chunk);
                    let packs = plan.pack_buffers * capacity(plan.pack_target);
                    let used = packs + plan.blocks * BLOCK + plan.workers * (chunk + (2 << 20));
                    assert!(used as u64 <= share * MIB, "{share} MiB, {cpus} CPUs: {plan:?} uses {used}");
                    assert!(plan.pack_buffers >= plan.workers + 2, "{plan:?}");
                    assert!(plan.blocks > plan.readers * (chunk / BLOCK + 2), "{plan:?}");
                }
            }
        }
    }

    #[test]
    fn shares_are_given_back() {
        let budget = Budget::new(Some(LEAST)).unwrap();
        let first = budget.share().unwrap();
        let _second = budget.share().unwrap();
        assert!(budget.share().is_err());
        drop(first);
        budget.share().unwrap();
        assert!(Budget::new(Some(LEAST - 1)).is_err());
    }
}
