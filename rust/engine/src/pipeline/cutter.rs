//! Cutting the content of a file into chunks.

use super::{Job, OpenFile};
use crate::chunk::Chunker;
use crate::error::Result;
use bytes::Bytes;
use std::sync::Arc;

/// Cuts the content of one file, which comes in buffers, into chunks for the workers.
pub(crate) struct Cutter {
    chunker: Chunker,
    file: Arc<OpenFile>,
    /// Of the open chunk.
    parts: Vec<Bytes>,
    number: usize,
}

impl Cutter {
    pub fn new(chunker: &Chunker, file: Arc<OpenFile>) -> Cutter {
        let mut chunker = chunker.clone();
        chunker.reset();
        Cutter { chunker, file, parts: Vec::new(), number: 0 }
    }

    /// Takes what comes next in the file.
    pub fn push(&mut self, mut data: Bytes, send: &mut impl FnMut(Job) -> Result<()>) -> Result<()> {
        while let Some(cut) = self.chunker.next_cut(&data, false) {
            let part = data.split_to(cut);
            if !part.is_empty() {
                self.parts.push(part);
            }
            send(self.take().into_job())?;
        }
        if !data.is_empty() {
            self.parts.push(data);
        }
        Ok(())
    }

    /// Ends the open chunk, if there is one.
    pub fn flush(&mut self, send: &mut impl FnMut(Job) -> Result<()>) -> Result<()> {
        match self.open_bytes() {
            0 => Ok(()),
            _ => send(self.take().into_job()),
        }
    }

    /// The open chunk, whose parts may be none; the next one is open now.
    pub fn take(&mut self) -> OpenChunk {
        self.chunker.reset();
        let chunk =
            OpenChunk { parts: std::mem::take(&mut self.parts), file: Arc::clone(&self.file), number: self.number };
        self.number += 1;
        chunk
    }

    /// Copies the open chunk, so that its parts can be used for something else.
    pub fn own(&mut self) {
        if !self.parts.is_empty() {
            self.parts = vec![Bytes::from(self.parts.concat())];
        }
    }

    pub fn open_bytes(&self) -> usize {
        self.chunker.pending()
    }

    /// Chunks so far, without the open one.
    pub fn chunks(&self) -> usize {
        self.number
    }

    pub fn file(&self) -> &Arc<OpenFile> {
        &self.file
    }
}

/// A chunk whose parts have come together.
pub(crate) struct OpenChunk {
    pub parts: Vec<Bytes>,
    pub file: Arc<OpenFile>,
    pub number: usize,
}

impl OpenChunk {
    pub fn into_job(self) -> Job {
        Job::Chunk { parts: self.parts, file: self.file, number: self.number }
    }
}
