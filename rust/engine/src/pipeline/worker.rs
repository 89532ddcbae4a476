//! Identify, compress, seal: what costs CPU time. Each worker fills a pack of its own.

use super::{Counters, OpenFile, OpenFolder, Run, Shift, Stage};
use crate::budget::Block;
use crate::compress::Encoder;
use crate::error::{Error, Result};
use crate::folder::{ChunkRef, Node};
use crate::pack::{Blob, BlobKind, OpenPack, PackRecord};
use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender};
use std::ops::Range;
use std::sync::Arc;

/// Work on some content.
pub(crate) enum Job {
    /// One chunk, in parts that follow one another.
    Chunk { parts: Vec<Bytes>, file: Arc<OpenFile>, number: usize },
    /// Small chunks; the new ones share a segment.
    Batch { data: Block, pieces: Vec<Piece> },
}

/// A chunk of a batch.
pub(crate) struct Piece {
    /// Its content, in the data of the batch; ranges ascend.
    pub range: Range<usize>,
    pub holder: Holder,
}

/// What a chunk is content of.
pub(crate) enum Holder {
    /// The file that it is all of.
    Whole {
        node: Box<Node>,
        folder: Arc<OpenFolder>,
        slot: usize,
    },
    Part {
        file: Arc<OpenFile>,
        number: usize,
    },
}

impl Holder {
    fn set(self, run: &Run, chunk: ChunkRef) -> Result<()> {
        match self {
            Holder::Whole { mut node, folder, slot } => {
                node.chunks = Some(vec![chunk]);
                folder.fill(run, slot, Some(*node))
            }
            Holder::Part { file, number } => file.set(run, number, chunk),
        }
    }
}

struct Worker<'r> {
    run: &'r Run,
    shift: Shift<'r>,
    encoder: Encoder,
    pack: Option<OpenPack>,
    /// Where the parts of a chunk come together when they are to be compressed.
    scratch: Vec<u8>,
    uploads: &'r Sender<(Bytes, PackRecord)>,
}

pub(super) fn run<'r>(run: &'r Run, to_do: &Receiver<Job>, uploads: &'r Sender<(Bytes, PackRecord)>) -> Result<()> {
    let shift = run.busy.enter(Stage::Work);
    let encoder = Encoder::new(run.compression)?;
    let mut worker = Worker { run, shift, encoder, pack: None, scratch: Vec::new(), uploads };
    while let Ok(job) = worker.shift.wait(|| to_do.recv()) {
        run.course.check()?;
        match job {
            Job::Chunk { parts, file, number } => worker.chunk(&parts, &file, number)?,
            Job::Batch { data, pieces } => worker.batch(data, pieces)?,
        }
    }
    run.course.check()?;
    worker.flush()
}

impl Worker<'_> {
    fn chunk(&mut self, parts: &[Bytes], file: &OpenFile, number: usize) -> Result<()> {
        let id = self.run.vault.keys.data_id(parts.iter().map(|part| &part[..]));
        let length: usize = parts.iter().map(Bytes::len).sum();
        let counters = &self.run.course.counters;
        Counters::add(&counters.chunks, 1);
        if self.run.claim(&id)? {
            Counters::add(&counters.chunks_new, 1);
            Counters::add(&counters.bytes_new, length as u64);
            self.make_room(length, 1)?;
            let pack = self.pack.as_mut().ok_or(Error::Cancelled)?;
            let blobs = vec![Blob { kind: BlobKind::Data, id, length: length as u32 }];
            let sample = parts.iter().max_by_key(|part| part.len());
            match parts {
                _ if !sample.is_some_and(|sample| self.encoder.worth_trying(sample)) => {
                    pack.append_stored(parts.iter().map(|part| &part[..]), blobs);
                }
                [whole] => {
                    pack.append(whole, blobs, &mut self.encoder);
                }
                parts => {
                    self.scratch.clear();
                    parts.iter().for_each(|part| self.scratch.extend_from_slice(part));
                    pack.append(&self.scratch, blobs, &mut self.encoder);
                }
            }
        }
        file.set(self.run, number, ChunkRef { id, length: length as u32 })
    }

    fn batch(&mut self, mut data: Block, pieces: Vec<Piece>) -> Result<()> {
        let counters = &self.run.course.counters;
        Counters::add(&counters.chunks, pieces.len() as u64);
        let mut chunks = Vec::with_capacity(pieces.len());
        let mut blobs = Vec::with_capacity(pieces.len());
        let mut end = 0;
        for piece in &pieces {
            let length = piece.range.len() as u32;
            let id = self.run.vault.keys.data_id([&data[piece.range.clone()]]);
            chunks.push(ChunkRef { id, length });
            if self.run.claim(&id)? {
                // New content closes the gaps that known content leaves.
                data.copy_within(piece.range.clone(), end);
                end += piece.range.len();
                blobs.push(Blob { kind: BlobKind::Data, id, length });
            }
        }
        Counters::add(&counters.chunks_new, blobs.len() as u64);
        Counters::add(&counters.bytes_new, end as u64);
        if end > 0 {
            self.make_room(end, blobs.len())?;
            let pack = self.pack.as_mut().ok_or(Error::Cancelled)?;
            let plain = &data[..end];
            match self.encoder.worth_trying(plain) {
                true => pack.append(plain, blobs, &mut self.encoder),
                false => pack.append_stored([plain], blobs),
            };
        }
        drop(data);
        pieces.into_iter().zip(chunks).try_for_each(|(piece, chunk)| piece.holder.set(self.run, chunk))
    }

    fn make_room(&mut self, plain: usize, blobs: usize) -> Result<()> {
        let target = self.run.plan.pack_target;
        if self.pack.as_ref().is_some_and(|pack| pack.is_full_for(plain, blobs, target)) {
            self.flush()?;
        }
        if self.pack.is_none() {
            let buffer = self.shift.wait(|| self.run.packs.take(&self.run.course.stop))?;
            self.pack = Some(OpenPack::new(buffer, &self.run.vault.keys)?);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        match self.pack.take().filter(|pack| !pack.is_empty()) {
            Some(pack) => self.uploads.send(pack.finish()).map_err(|_| Error::Cancelled),
            None => Ok(()),
        }
    }
}
