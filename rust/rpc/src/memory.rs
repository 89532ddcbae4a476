//! Blocks of memory: mapped once, used again and again, and unmapped with the runtime. A pointer into a block that was
//! freed therefore reads stale bytes, and never somebody else's heap; the debug build makes it fault.

use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::Error;

#[cfg_attr(unix, path = "memory/unix.rs")]
#[cfg_attr(windows, path = "memory/windows.rs")]
mod system;

pub(crate) const PAGE: usize = 4096;

/// A mapped region. Whoever has the value has the memory.
struct Region {
    start: NonNull<u8>,
    capacity: usize,
}

// SAFETY: a region is plain memory that belongs to whoever has the value; no thread is special to it.
unsafe impl Send for Region {}
// SAFETY: shared access only reads the address; access to the bytes is governed by `Block`.
unsafe impl Sync for Region {}

impl Region {
    fn map(capacity: usize) -> Result<Self, Error> {
        match system::map(capacity) {
            Ok(start) => Ok(Region { start, capacity }),
            Err(error) => Err(Error::system("mapping memory for a buffer", error)),
        }
    }

    /// Gives the pages back to the system; the addresses stay, and once they are warm again, they read as zeros.
    fn cool(&self) {
        // SAFETY: the region is mapped, and nobody has a reference into a free one.
        unsafe { system::cool(self.start, self.capacity) };
    }

    fn warm(&self) -> Result<(), Error> {
        // SAFETY: as above.
        let warmed = unsafe { system::warm(self.start, self.capacity) };
        warmed.map_err(|error| Error::system("getting memory for a buffer", error))
    }

    /// In the debug build, lets a stale pointer into a free region fault.
    fn protect(&self, accessible: bool) {
        if cfg!(debug_assertions) {
            // SAFETY: the region is mapped; where access is taken away it is free, so nobody has a reference into it.
            unsafe { system::protect(self.start, self.capacity, accessible) };
        }
    }
}

/// All blocks of a runtime.
pub(crate) struct Pool {
    free: Mutex<Free>,
    /// Blocks in use and free ones that still have pages stay within this, as far as free ones can help it.
    limit: usize,
}

#[derive(Default)]
struct Free {
    /// By capacity: with pages, and without.
    warm: BTreeMap<usize, Vec<Region>>,
    cold: BTreeMap<usize, Vec<Region>>,
    warm_bytes: usize,
    live_bytes: usize,
}

impl Free {
    /// A free region, and whether it is a cold one.
    fn take(&mut self, capacity: usize) -> Option<(Region, bool)> {
        if let Some(region) = self.warm.get_mut(&capacity).and_then(Vec::pop) {
            self.warm_bytes -= capacity;
            return Some((region, false));
        }
        Some((self.cold.get_mut(&capacity)?.pop()?, true))
    }

    /// Takes the pages of free blocks, of other sizes too, until what has pages fits the limit again.
    fn cool(&mut self, limit: usize) {
        while self.warm_bytes > 0 && self.live_bytes + self.warm_bytes > limit {
            let Some((capacity, region)) =
                self.warm.iter_mut().rev().find_map(|(capacity, list)| Some((*capacity, list.pop()?)))
            else {
                return;
            };
            region.cool();
            self.warm_bytes -= capacity;
            self.cold.entry(capacity).or_default().push(region);
        }
    }
}

/// Sizes are rounded up to an eighth of the power of two above them, so that blocks of about the same size serve each other.
pub(crate) fn capacity_for(size: usize) -> usize {
    let step = (size.next_power_of_two() / 8).max(PAGE);
    size.div_ceil(step) * step
}

impl Pool {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Pool { free: Mutex::new(Free::default()), limit })
    }

    pub(crate) fn allocate(self: &Arc<Self>, size: usize) -> Result<Block, Error> {
        let capacity = capacity_for(size);
        let reused = {
            let mut free = self.free.lock();
            let reused = free.take(capacity);
            free.live_bytes += capacity;
            free.cool(self.limit);
            reused
        };
        let region = match reused {
            Some((region, is_cold)) => {
                if let (true, Err(error)) = (is_cold, region.warm()) {
                    let mut free = self.free.lock();
                    free.live_bytes -= capacity;
                    free.cold.entry(capacity).or_default().push(region);
                    return Err(error);
                }
                region.protect(true);
                region
            }
            None => Region::map(capacity).inspect_err(|_| self.free.lock().live_bytes -= capacity)?,
        };
        Ok(Block { region: Some(region), pool: self.clone() })
    }

    #[cfg(test)]
    fn warm_bytes(&self) -> usize {
        self.free.lock().warm_bytes
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // Every block holds the pool, so all regions are free now.
        let free = self.free.get_mut();
        for region in free.warm.values().chain(free.cold.values()).flatten() {
            // SAFETY: the region was mapped with this size, nobody has it but this list, and it is dropped here.
            unsafe { system::unmap(region.start, region.capacity) };
        }
    }
}

/// A block that is in use. Its bytes are initialised: zeros, or what they held before.
pub(crate) struct Block {
    region: Option<Region>,
    pool: Arc<Pool>,
}

impl Block {
    fn region(&self) -> &Region {
        self.region.as_ref().expect("a block has its region until it is dropped")
    }

    pub(crate) fn capacity(&self) -> usize {
        self.region().capacity
    }

    pub(crate) fn start(&self) -> NonNull<u8> {
        self.region().start
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        let region = self.region();
        // SAFETY: the region is mapped readable for as long as the block lives, its bytes are initialised (an anonymous
        // mapping starts as zeros), and they are written only through `bytes_mut`, or by a caller that has a view, which
        // it cannot have while Rust code has the buffer (see `buffer::Held`).
        unsafe { std::slice::from_raw_parts(region.start.as_ptr(), region.capacity) }
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        let region = self.region();
        // SAFETY: as in `bytes`, and `&mut self` excludes every other reference.
        unsafe { std::slice::from_raw_parts_mut(region.start.as_ptr(), region.capacity) }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if let Some(region) = self.region.take() {
            region.protect(false);
            let mut free = self.pool.free.lock();
            free.live_bytes -= region.capacity;
            free.warm_bytes += region.capacity;
            free.warm.entry(region.capacity).or_default().push(region);
            free.cool(self.pool.limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacities_waste_little() {
        for size in [1, 4095, 4096, 4097, 65536, 65537, 100_000, 1 << 20, (1 << 20) + 1, 3 << 20] {
            let capacity = capacity_for(size);
            assert!(capacity >= size && capacity.is_multiple_of(PAGE));
            assert!(capacity <= size + size / 4 + PAGE, "{size} got {capacity}");
        }
    }

    #[test]
    fn freed_memory_is_used_again_and_stays_within_the_limit() {
        let pool = Pool::new(1 << 20);
        let mut block = pool.allocate(100_000).expect("allocates");
        block.bytes_mut().fill(7);
        let address = block.start();
        drop(block);
        let block = pool.allocate(100_000).expect("allocates");
        assert_eq!(block.start(), address);
        drop(block);
        assert!(pool.warm_bytes() >= 100_000);
        // A block of another size that needs all of the limit takes the pages of the free one.
        let large = pool.allocate(1 << 20).expect("allocates");
        assert_eq!(pool.warm_bytes(), 0);
        // A cold block comes back as zeros.
        let block = pool.allocate(100_000).expect("allocates");
        assert_eq!((block.start(), block.bytes()[0]), (address, 0));
        drop((large, block));
        assert!(pool.warm_bytes() <= 1 << 20);
    }
}
