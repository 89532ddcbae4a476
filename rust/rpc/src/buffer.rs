//! Buffers: bytes that the library owns. They move between callers and services as handles, and are never copied.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use crate::error::Error;
use crate::memory::{capacity_for, Block, Pool, PAGE};
use crate::slots::{Change, Slots};

/// Bytes that a caller gets or gave, without a copy: a block of the runtime's memory, or [`Bytes`] of the service.
///
/// Who has the value has the bytes: a caller that sent a buffer has no view of it any more.
#[derive(Default)]
pub struct Buffer {
    content: Content,
    /// What the buffer takes from the callers' budget, until it is dropped wherever it may be then. Memory that a service
    /// still works on thus holds callers back from getting more.
    charge: Option<OwnedSemaphorePermit>,
}

#[derive(Default)]
enum Content {
    #[default]
    Empty,
    Block {
        block: Block,
        length: usize,
    },
    Shared(Bytes),
}

impl Buffer {
    /// The number of bytes.
    pub fn len(&self) -> usize {
        match &self.content {
            Content::Empty => 0,
            Content::Block { length, .. } => *length,
            Content::Shared(bytes) => bytes.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes for writing; `None` where they are shared [`Bytes`].
    pub fn as_mut(&mut self) -> Option<&mut [u8]> {
        match &mut self.content {
            Content::Empty => Some(&mut []),
            Content::Block { block, length } => Some(&mut block.bytes_mut()[..*length]),
            Content::Shared(_) => None,
        }
    }

    /// Keeps the first `length` bytes.
    pub fn truncate(&mut self, length: usize) {
        match &mut self.content {
            Content::Empty => {}
            Content::Block { length: current, .. } => *current = length.min(*current),
            Content::Shared(bytes) => bytes.truncate(length),
        }
    }

    /// Bytes of memory behind the buffer.
    pub(crate) fn memory(&self) -> usize {
        match &self.content {
            Content::Empty => 0,
            Content::Block { block, .. } => block.capacity(),
            Content::Shared(bytes) => bytes.len(),
        }
    }

    fn start(&self) -> *mut u8 {
        match &self.content {
            Content::Empty => std::ptr::dangling_mut(),
            Content::Block { block, .. } => block.start().as_ptr(),
            Content::Shared(bytes) => bytes.as_ptr().cast_mut(),
        }
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        match &self.content {
            Content::Empty => &[],
            Content::Block { block, length } => &block.bytes()[..*length],
            Content::Shared(bytes) => bytes,
        }
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buffer({} bytes)", self.len())
    }
}

impl From<Bytes> for Buffer {
    fn from(bytes: Bytes) -> Self {
        Buffer { content: Content::Shared(bytes), charge: None }
    }
}

impl From<Buffer> for Bytes {
    fn from(buffer: Buffer) -> Self {
        match buffer {
            Buffer { content: Content::Empty, .. } => Bytes::new(),
            Buffer { content: Content::Shared(bytes), charge: None } => bytes,
            buffer => Bytes::from_owner(buffer),
        }
    }
}

/// The memory of all buffers that callers may hold.
pub(crate) struct Budget {
    limit: u64,
    pages: Arc<Semaphore>,
    pool: Arc<Pool>,
}

impl Budget {
    pub(crate) fn new(limit: u64) -> Self {
        let limit = limit.clamp(PAGE as u64, u64::from(u32::MAX) * PAGE as u64);
        Budget {
            limit,
            pages: Arc::new(Semaphore::new((limit / PAGE as u64) as usize)),
            pool: Pool::new(usize::try_from(limit).unwrap_or(usize::MAX)),
        }
    }

    fn pages_for(&self, bytes: u64) -> Result<u32, Error> {
        match u32::try_from(bytes.div_ceil(PAGE as u64)) {
            Ok(pages) if u64::from(pages) * PAGE as u64 <= self.limit => Ok(pages),
            _ => Err(Error::NoMemory { asked: bytes, limit: self.limit }),
        }
    }

    /// Memory of a block for `size` bytes, where it does not overflow.
    fn block_bytes(&self, size: u64) -> Result<u64, Error> {
        if size > self.limit {
            return Err(Error::NoMemory { asked: size, limit: self.limit });
        }
        // Rounding up must not refuse what fits.
        Ok((capacity_for(size as usize) as u64).min(self.limit))
    }

    fn make(&self, size: u64, charge: OwnedSemaphorePermit) -> Result<Buffer, Error> {
        let length = usize::try_from(size).map_err(|_| Error::NoMemory { asked: size, limit: self.limit })?;
        Ok(Buffer { content: Content::Block { block: self.pool.allocate(length)?, length }, charge: Some(charge) })
    }

    /// A buffer, once the memory is there. First come, first served.
    pub(crate) async fn allocate(&self, size: u64) -> Result<Buffer, Error> {
        if size == 0 {
            return Ok(Buffer::default());
        }
        let pages = self.pages_for(self.block_bytes(size)?)?;
        let charge = self.pages.clone().acquire_many_owned(pages).await.map_err(|_| Error::Cancelled)?;
        self.make(size, charge)
    }

    /// A buffer, or `None` where the memory is not there now.
    pub(crate) fn try_allocate(&self, size: u64) -> Result<Option<Buffer>, Error> {
        if size == 0 {
            return Ok(Some(Buffer::default()));
        }
        let pages = self.pages_for(self.block_bytes(size)?)?;
        match self.pages.clone().try_acquire_many_owned(pages) {
            Ok(charge) => self.make(size, charge).map(Some),
            Err(TryAcquireError::NoPermits) => Ok(None),
            Err(TryAcquireError::Closed) => Err(Error::Cancelled),
        }
    }

    /// Waits for `bytes` that one value brings to a caller; [`Budget::attach`] gives each buffer its part.
    pub(crate) async fn charge(&self, bytes: u64) -> Result<OwnedSemaphorePermit, Error> {
        let pages = self.pages_for(bytes)?;
        self.pages.clone().acquire_many_owned(pages).await.map_err(|_| Error::Cancelled)
    }

    /// What the buffer has still to be charged with before a caller may hold it, in whole pages.
    pub(crate) fn uncharged(buffer: &Buffer) -> u64 {
        match buffer.charge {
            Some(_) => 0,
            None => (buffer.memory().div_ceil(PAGE) * PAGE) as u64,
        }
    }

    pub(crate) fn attach(charge: &mut OwnedSemaphorePermit, buffer: &mut Buffer) {
        let pages = Self::uncharged(buffer) as usize / PAGE;
        if pages > 0 {
            buffer.charge = charge.split(pages);
        }
    }
}

/// A buffer that a caller holds.
struct Held {
    buffer: Buffer,
    /// Views are leases: while one is open, the bytes can be read and written through it, so nobody else gets them.
    views: u32,
}

/// The buffers that callers hold, by handle.
pub(crate) struct Buffers {
    slots: Slots<Held>,
    bytes: AtomicU64,
}

impl Buffers {
    pub(crate) fn new() -> Self {
        Buffers { slots: Slots::new(), bytes: AtomicU64::new(0) }
    }

    /// Gives a buffer to the caller.
    pub(crate) fn give(&self, buffer: Buffer) -> u64 {
        self.bytes.fetch_add(buffer.memory() as u64, Ordering::Relaxed);
        self.slots.insert(Held { buffer, views: 0 })
    }

    /// Charges a buffer that was given before there was room for it.
    pub(crate) fn attach(&self, handle: u64, charge: &mut OwnedSemaphorePermit) {
        self.slots.with(handle, |held| Budget::attach(charge, &mut held.buffer));
    }

    /// Takes a buffer from the caller.
    pub(crate) fn take(&self, handle: u64) -> Result<Buffer, Error> {
        let removed = self.slots.change(handle, |held| match held.views {
            0 => Change::Remove(()),
            _ => Change::Keep(()),
        });
        match removed {
            None => Err(Error::Closed("buffer")),
            Some((_, None)) => Err(Error::Busy),
            Some((_, Some(held))) => {
                self.bytes.fetch_sub(held.buffer.memory() as u64, Ordering::Relaxed);
                Ok(held.buffer)
            }
        }
    }

    pub(crate) fn view(&self, handle: u64) -> Result<(*mut u8, usize), Error> {
        self.slots
            .with(handle, |held| {
                held.views = held.views.checked_add(1).ok_or(Error::Busy)?;
                Ok((held.buffer.start(), held.buffer.len()))
            })
            .unwrap_or(Err(Error::Closed("buffer")))
    }

    pub(crate) fn unview(&self, handle: u64) -> Result<(), Error> {
        self.slots
            .with(handle, |held| {
                held.views = held.views.checked_sub(1).ok_or(Error::Malformed("the buffer has no open view"))?;
                Ok(())
            })
            .unwrap_or(Err(Error::Closed("buffer")))
    }

    pub(crate) fn shrink(&self, handle: u64, length: u64) -> Result<(), Error> {
        self.slots
            .with(handle, |held| {
                if held.views > 0 {
                    return Err(Error::Busy);
                }
                match usize::try_from(length) {
                    Ok(length) if length <= held.buffer.len() => held.buffer.truncate(length),
                    _ => return Err(Error::Malformed("a buffer can only become shorter")),
                }
                Ok(())
            })
            .unwrap_or(Err(Error::Closed("buffer")))
    }

    pub(crate) fn len(&self) -> u64 {
        self.slots.len()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_a_lease() {
        let buffers = Buffers::new();
        let budget = Budget::new(1 << 20);
        let handle = buffers.give(budget.try_allocate(10).expect("fits").expect("is there"));
        let (first, length) = buffers.view(handle).expect("is open");
        let (second, _) = buffers.view(handle).expect("is open");
        assert_eq!((first, length), (second, 10));
        assert_eq!(buffers.take(handle).unwrap_err(), Error::Busy);
        assert_eq!(buffers.shrink(handle, 5), Err(Error::Busy));
        buffers.unview(handle).expect("was viewed");
        assert_eq!(buffers.take(handle).unwrap_err(), Error::Busy);
        buffers.unview(handle).expect("was viewed");
        assert!(buffers.unview(handle).is_err());
        assert!(buffers.shrink(handle, 11).is_err());
        buffers.shrink(handle, 5).expect("is free");
        assert_eq!(buffers.take(handle).expect("is free").len(), 5);
        assert_eq!(buffers.take(handle).unwrap_err(), Error::Closed("buffer"));
        assert_eq!((buffers.len(), buffers.bytes()), (0, 0));
    }

    #[test]
    fn bytes_go_in_and_out_without_a_copy() {
        let budget = Budget::new(1 << 20);
        let mut buffer = budget.try_allocate(5).expect("fits").expect("is there");
        buffer.as_mut().expect("is a block").copy_from_slice(b"hello");
        let address = buffer.as_ref().as_ptr();
        let bytes = Bytes::from(buffer);
        assert_eq!((bytes.as_ptr(), &bytes[..]), (address, &b"hello"[..]));
        let mut again = Buffer::from(bytes.slice(1..));
        assert_eq!((again.as_ref().as_ptr(), again.len()), (address.wrapping_add(1), 4));
        assert!(again.as_mut().is_none());
    }

    #[test]
    fn the_budget_is_kept_until_the_bytes_are_dropped() {
        let budget = Budget::new(64 << 10);
        let whole = budget.try_allocate(64 << 10).expect("fits").expect("is there");
        assert!(budget.try_allocate(1).expect("fits").is_none());
        assert!(budget.try_allocate(0).expect("fits").is_some());
        let bytes = Bytes::from(whole);
        let part = bytes.slice(..10);
        drop(bytes);
        assert!(budget.try_allocate(1).expect("fits").is_none());
        drop(part);
        assert!(budget.try_allocate(1).expect("fits").is_some());
        assert_eq!(
            budget.try_allocate((64 << 10) + 1).unwrap_err(),
            Error::NoMemory { asked: (64 << 10) + 1, limit: 64 << 10 }
        );
        assert!(budget.try_allocate(u64::MAX).is_err());
    }
}
