//! Gathering small chunks, which share segments.

use super::{Holder, Job, Piece};
use crate::budget::Block;

/// Small chunks under way.
pub(crate) struct Batch {
    data: Block,
    end: usize,
    pieces: Vec<Piece>,
}

/// Chunks in a batch: each of them has its file's metadata with it, and several batches are under way.
const PIECES: usize = 1024;

impl Batch {
    pub fn new(data: Block) -> Batch {
        Batch { data, end: 0, pieces: Vec::new() }
    }

    pub fn has_room(&self, bytes: usize) -> bool {
        self.end + bytes <= self.data.len() && self.pieces.len() < PIECES
    }

    /// Where the next chunk goes: so many bytes, which [`Batch::has_room`] has room for.
    pub fn room(&mut self, bytes: usize) -> &mut [u8] {
        &mut self.data[self.end..self.end + bytes]
    }

    /// Keeps the first `bytes` of the room as a chunk.
    pub fn keep(&mut self, bytes: usize, holder: Holder) {
        self.pieces.push(Piece { range: self.end..self.end + bytes, holder });
        self.end += bytes;
    }

    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub fn finish(self) -> Job {
        Job::Batch { data: self.data, pieces: self.pieces }
    }
}
