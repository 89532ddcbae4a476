//! Cutting a stream that arrives in pieces.

use super::hash::{BoundaryHash, Kernel, WINDOW};
use std::sync::Arc;

/// Sizes of chunks, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Params {
    /// At least 64. Only the last chunk of a stream may be shorter.
    pub min: usize,
    /// Mean over random data, but for what `max` cuts off.
    pub average: usize,
    /// At most 1 GiB.
    pub max: usize,
}

impl Params {
    /// 256 KiB, 1 MiB, 4 MiB: what repositories use.
    pub const DEFAULT: Params = Params { min: 256 << 10, average: 1 << 20, max: 4 << 20 };

    fn check(self) -> Result<Params, ParamsError> {
        let Params { min, average, max } = self;
        let fits = min >= WINDOW && max <= 1 << 30 && average <= max && average.saturating_sub(min) >= 256;
        fits.then_some(self).ok_or(ParamsError { min, average, max })
    }
}

impl Default for Params {
    fn default() -> Self {
        Params::DEFAULT
    }
}

/// Parameters that no chunker can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("chunk sizes min {min}, average {average}, max {max}: need 64 <= min, min + 256 <= average <= max <= 1 GiB")]
pub struct ParamsError {
    pub min: usize,
    pub average: usize,
    pub max: usize,
}

/// Finds the cut points of one stream at a time. Copies no data but 63 bytes of context between calls. Cloning shares the
/// tables of the key.
///
/// ```
/// use engine::chunk::{Chunker, Params};
///
/// let mut chunker = Chunker::new(&[7; 32], Params::DEFAULT)?;
/// let data = vec![0; 5 << 20];
/// let mut rest = &data[..];
/// let mut sizes = Vec::new();
/// while let Some(end) = chunker.next_cut(rest, true) {
///     sizes.push(end);
///     rest = &rest[end..];
/// }
/// assert_eq!(sizes, [4 << 20, 1 << 20]);
/// # Ok::<(), engine::chunk::ParamsError>(())
/// ```
#[derive(Clone)]
pub struct Chunker {
    hash: Arc<BoundaryHash>,
    min: usize,
    max: usize,
    /// Bytes of the open chunk taken by earlier calls; less than `max`.
    pending: usize,
    /// The last of them, at the end of the array.
    context: [u8; WINDOW - 1],
}

impl Chunker {
    /// `key` varies the cut points between repositories; it is no secret worth protecting (eprint 2025/532, 2025/558).
    pub fn new(key: &[u8; 32], params: Params) -> Result<Chunker, ParamsError> {
        Chunker::with_kernel(key, params, Kernel::available()[0])
    }

    /// Like [`Chunker::new`] with a kernel of choice, to compare them. The cuts are the same.
    ///
    /// # Panics
    /// When this CPU cannot run `kernel`.
    pub fn with_kernel(key: &[u8; 32], params: Params, kernel: Kernel) -> Result<Chunker, ParamsError> {
        let Params { min, average, max } = params.check()?;
        let hash = Arc::new(BoundaryHash::new(key, average - min, kernel));
        Ok(Chunker { hash, min, max, pending: 0, context: [0; WINDOW - 1] })
    }

    /// Looks at the next bytes of the stream, whose earlier bytes were taken by earlier calls.
    ///
    /// `Some(n)`: the open chunk ends after `data[..n]`, which are taken; call again with `&data[n..]` (or more).
    /// `None`: all of `data` is taken into the open chunk, which goes on; call again with what follows. With `eof`, `data`
    /// is the last there is: the rest is the last chunk (`Some(data.len())`, 0 if all of it was taken before), then `None`
    /// says that the stream is over and the chunker is as new.
    ///
    /// How the stream is split into calls does not change its cuts.
    pub fn next_cut(&mut self, data: &[u8], eof: bool) -> Option<usize> {
        // Lengths of the open chunk: as it was, and as far as it may reach in `data`.
        let start = self.pending;
        let reach = self.max.min(start + data.len());
        if let Some(length) = self.find_boundary(&data[..reach - start]) {
            self.reset();
            return Some(length - start);
        }
        if reach == self.max {
            self.reset();
            return Some(reach - start);
        }
        if eof {
            self.reset();
            return (reach > 0).then_some(data.len());
        }
        self.pending = reach;
        let kept = self.context.len().saturating_sub(data.len());
        let fresh = self.context.len() - kept;
        self.context.copy_within(fresh.., 0);
        self.context[kept..].copy_from_slice(&data[data.len() - fresh..]);
        None
    }

    /// Length of the open chunk at its first boundary in `data`.
    fn find_boundary(&self, data: &[u8]) -> Option<usize> {
        let start = self.pending;
        // The first window that may be a boundary begins here, counted from the start of the chunk.
        let first = self.min.max(start + 1) - WINDOW;
        let mut from = first;
        if first < start {
            let old = start - first;
            let new = data.len().min(WINDOW - 1);
            let mut joint = [0; 2 * (WINDOW - 1)];
            joint[..old].copy_from_slice(&self.context[self.context.len() - old..]);
            joint[old..old + new].copy_from_slice(&data[..new]);
            if let Some(end) = self.hash.find(&joint[..old + new]) {
                return Some(first + end + 1);
            }
            from = start;
        }
        let end = self.hash.find(data.get(from - start..)?)?;
        Some(from + end + 1)
    }

    /// Bytes taken into the open chunk by calls that answered `None`.
    pub fn pending(&self) -> usize {
        self.pending
    }

    /// Forgets the open chunk: the next byte begins a stream.
    pub fn reset(&mut self) {
        self.pending = 0;
    }
}
