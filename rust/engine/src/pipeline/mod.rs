//! The way into the repository: identify → (known? stop) → compress → seal → pack → upload → index.
//!
//! A source (paths or an ingest) cuts content into chunks and sends [`Job`]s. Workers do what costs CPU time, uploaders
//! wait for the store. Channels are short and every byte under way sits in a buffer of the run's pools, so the source
//! waits when the rest is busy. Buffers come back without the source's help, so nobody waits forever.

mod batch;
mod busy;
mod cutter;
mod files;
mod upload;
mod worker;

pub(crate) use batch::Batch;
pub(crate) use busy::{Busy, Shift, Stage, PROCESSOR};
pub(crate) use cutter::Cutter;
pub(crate) use files::{Above, OpenFile, OpenFolder};
pub(crate) use worker::{Holder, Job, Piece};

use crate::budget::{capacity, Plan, Pool, Share, BLOCK};
use crate::compress::{Compression, Encoder};
use crate::error::{Error, Result};
use crate::folder::Node;
use crate::id::Id;
use crate::index::Index;
use crate::log::Log;
use crate::pack::{Blob, BlobKind, OpenPack, PackRecord, MAX_SEGMENT};
use crate::progress::{FileIssue, IssueKind, Progress, ProgressSender};
use crate::seal::Keys;
use crate::snapshot::{Snapshot, Statistics};
use crate::store::Store;
use crossbeam_channel::Sender;
use parking_lot::{Mutex, RwLock};
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// What a run has done so far.
#[derive(Default)]
pub(crate) struct Counters {
    pub files: AtomicU64,
    pub folders: AtomicU64,
    pub others: AtomicU64,
    pub unchanged: AtomicU64,
    pub bytes: AtomicU64,
    pub bytes_read: AtomicU64,
    pub bytes_new: AtomicU64,
    pub bytes_stored: AtomicU64,
    /// Bytes before compression of the packs that `bytes_stored` counts.
    pub bytes_packed: AtomicU64,
    pub chunks: AtomicU64,
    pub chunks_new: AtomicU64,
    /// What the walk has found; known to be all once `walked` is not 0.
    pub files_found: AtomicU64,
    pub bytes_found: AtomicU64,
    pub walked: AtomicU64,
}

impl Counters {
    pub fn add(counter: &AtomicU64, value: u64) {
        counter.fetch_add(value, Relaxed);
    }

    pub fn statistics(&self, duration: Duration) -> Statistics {
        let of = |counter: &AtomicU64| counter.load(Relaxed);
        Statistics {
            files: of(&self.files),
            folders: of(&self.folders),
            others: of(&self.others),
            unchanged: of(&self.unchanged),
            bytes: of(&self.bytes),
            bytes_read: of(&self.bytes_read),
            bytes_new: of(&self.bytes_new),
            bytes_stored: of(&self.bytes_stored),
            chunks: of(&self.chunks),
            chunks_new: of(&self.chunks_new),
            duration,
        }
    }
}

/// What every long operation has: when it stops, what went wrong with single paths, how far it is.
pub(crate) struct Course {
    /// Cancelled by the caller, and by the first failure.
    pub stop: CancellationToken,
    failure: Mutex<Option<Error>>,
    pub issues: Mutex<Vec<FileIssue>>,
    pub counters: Counters,
    pub current: Mutex<Vec<u8>>,
    pub started: Instant,
    progress: ProgressSender,
}

impl Course {
    pub fn new(progress: ProgressSender, cancel: &CancellationToken) -> Course {
        Course {
            stop: cancel.child_token(),
            failure: Mutex::new(None),
            issues: Mutex::default(),
            counters: Counters::default(),
            current: Mutex::default(),
            started: Instant::now(),
            progress,
        }
    }

    /// Ends the run; the first error that is not a consequence is what the caller gets.
    pub fn fail(&self, error: Error) {
        if error != Error::Cancelled {
            self.failure.lock().get_or_insert(error);
        }
        self.stop.cancel();
    }

    pub fn check(&self) -> Result<()> {
        match self.stop.is_cancelled() {
            true => Err(Error::Cancelled),
            false => Ok(()),
        }
    }

    /// What became of the run.
    pub fn outcome(&self) -> Result<()> {
        match self.failure.lock().clone() {
            Some(error) => Err(error),
            None => self.check(),
        }
    }

    pub fn issue(&self, path: &[u8], kind: IssueKind, message: impl Into<String>) {
        self.issues.lock().push(FileIssue { path: path.to_vec(), kind, message: message.into() });
    }

    pub fn work_on(&self, path: &[u8]) {
        if self.progress.is_some() {
            let mut current = self.current.lock();
            current.clear();
            current.extend_from_slice(path);
        }
    }

    /// Runs the threads of an operation, which `run` spawns, while progress is told.
    pub fn tell<T>(&self, run: impl FnOnce() -> T) -> T {
        std::thread::scope(|scope| {
            let (done, waiting) = crossbeam_channel::bounded::<()>(0);
            if self.progress.is_some() {
                scope.spawn(move || {
                    let over = Err(crossbeam_channel::RecvTimeoutError::Disconnected);
                    while waiting.recv_timeout(Duration::from_millis(100)) != over {
                        self.tell_once();
                    }
                    self.tell_once();
                });
            }
            let outcome = run();
            drop(done);
            outcome
        })
    }

    fn tell_once(&self) {
        let of = |counter: &AtomicU64| counter.load(Relaxed);
        let counters = &self.counters;
        let walked = of(&counters.walked) != 0;
        let progress = Progress {
            files: of(&counters.files),
            bytes: of(&counters.bytes),
            files_total: walked.then(|| of(&counters.files_found)),
            bytes_total: walked.then(|| of(&counters.bytes_found)),
            bytes_stored: of(&counters.bytes_stored),
            issues: self.issues.lock().len() as u64,
            current: self.current.lock().clone(),
            bytes_read: of(&counters.bytes_read),
            bytes_new: of(&counters.bytes_new),
            bytes_packed: of(&counters.bytes_packed),
        };
        if let Some(sender) = &self.progress {
            sender.send_replace(progress);
        }
    }
}

/// An open repository, as its operations see it.
#[derive(Clone)]
pub(crate) struct Vault {
    pub store: Arc<dyn Store>,
    pub keys: Arc<Keys>,
    pub index: Arc<RwLock<Index>>,
    pub log: Arc<Log>,
}

impl Vault {
    /// The snapshot of an entry of the log, where it is one's.
    pub fn entry(&self, number: u64) -> Result<Option<Snapshot>> {
        Ok(self.log.read(&*self.store, &self.keys, number)?.snapshot)
    }

    /// The store, for what must not be cut short by a cancellation.
    pub fn lasting(&self) -> Arc<dyn Store> {
        self.store.cancelled_by(CancellationToken::new())
    }
}

/// A run that writes.
pub(crate) struct Run {
    pub vault: Vault,
    pub course: Course,
    pub compression: Compression,
    /// Packs are read back and compared.
    pub verify: bool,
    pub plan: Plan,
    pub blocks: Arc<Pool>,
    packs: Arc<Pool>,
    /// Chunks that this run stores; others cannot count on them before its index is written.
    fresh: Mutex<HashSet<Id>>,
    trees: Mutex<Option<TreeWriter>>,
    uploaded: Mutex<Uploaded>,
    /// Of the snapshot, once all of its folders are complete.
    pub root: Mutex<Option<Id>>,
    /// What [`Above::Collect`] has gathered, by slot.
    pub collected: Mutex<Vec<Option<Node>>>,
    pub busy: Busy,
    _share: Share,
}

/// Packs that are in the store and not yet in an index object.
#[derive(Default)]
struct Uploaded {
    records: Vec<PackRecord>,
    blobs: usize,
}

/// Blobs in an index object, more or less.
const BLOBS_IN_INDEX: usize = 1 << 16;
/// Folders share segments of this many bytes.
const TREE_SEGMENT: usize = 1 << 20;

struct TreeWriter {
    plain: Vec<u8>,
    blobs: Vec<Blob>,
    pack: Option<OpenPack>,
    encoder: Encoder,
    uploads: Sender<(bytes::Bytes, PackRecord)>,
}

impl Run {
    pub fn new(
        vault: Vault,
        course: Course,
        compression: Compression,
        share: Share,
        largest_chunk: usize,
    ) -> Result<Run> {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let plan = Plan::new(share.bytes, cpus, largest_chunk);
        Ok(Run {
            vault,
            course,
            compression,
            verify: false,
            blocks: Pool::new(BLOCK, plan.blocks)?,
            packs: Pool::new(capacity(plan.pack_target), plan.pack_buffers)?,
            plan,
            fresh: Mutex::default(),
            trees: Mutex::new(None),
            uploaded: Mutex::default(),
            root: Mutex::new(None),
            collected: Mutex::default(),
            busy: Busy::default(),
            _share: share,
        })
    }

    /// Runs the stages until `source` has sent its jobs and all they lead to is in the store, with an index. `assemble` is
    /// called when all content has its place, and may still store folders.
    pub fn execute(
        &self,
        source: impl FnOnce(Sender<Job>) -> Result<()>,
        assemble: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let (jobs, to_do) = crossbeam_channel::bounded(self.plan.blocks);
        // Short by itself: packs are as many as their buffers.
        let (uploads, finished) = crossbeam_channel::unbounded();
        *self.trees.lock() = Some(TreeWriter {
            plain: Vec::with_capacity(2 * TREE_SEGMENT),
            blobs: Vec::new(),
            pack: None,
            encoder: Encoder::new(match self.compression {
                Compression::Auto => Compression::Zstd(1),
                compression => compression,
            })?,
            uploads: uploads.clone(),
        });
        self.course.tell(|| {
            std::thread::scope(|scope| {
                let stage = |name: &str, work: &(dyn Fn() -> Result<()> + Sync)| {
                    if let Err(error) = work() {
                        self.course.fail(error);
                    }
                    tracing::trace!("a thread of stage {name} is done");
                };
                let mut uploaders = Vec::new();
                for _ in 0..self.vault.store.parallelism().min(self.plan.pack_buffers) {
                    let finished = finished.clone();
                    uploaders.push(scope.spawn(move || stage("upload", &|| upload::run(self, &finished))));
                }
                drop(finished);
                let mut workers = Vec::new();
                for _ in 0..self.plan.workers {
                    let (to_do, uploads) = (to_do.clone(), uploads.clone());
                    workers.push(scope.spawn(move || stage("work", &|| worker::run(self, &to_do, &uploads))));
                }
                drop((to_do, uploads));
                if let Err(error) = source(jobs) {
                    self.course.fail(error);
                }
                let mut sound = workers.into_iter().all(|worker| worker.join().is_ok());
                let assembled = if self.course.stop.is_cancelled() { Ok(()) } else { assemble() };
                if let Err(error) = assembled.and_then(|()| self.finish_trees()) {
                    self.course.fail(error);
                }
                sound &= uploaders.into_iter().all(|uploader| uploader.join().is_ok());
                if !sound {
                    self.course.fail(Error::invalid("engine", "a stage of the pipeline panicked"));
                }
            });
        });
        let outcome = self.course.outcome();
        if matches!(outcome, Ok(()) | Err(Error::Cancelled)) {
            // What an interrupted run has uploaded is there for the next one.
            self.write_index(0)?;
        }
        outcome
    }

    /// Whether this caller is to store the chunk: nobody has it, and nobody else is about to.
    fn claim(&self, id: &Id) -> Result<bool> {
        if !self.fresh.lock().insert(*id) {
            return Ok(false);
        }
        // In this order: what `write_index` takes out of `fresh` is in the index by then.
        let is_new = self.vault.index.read().find(id)?.is_none();
        if !is_new {
            self.fresh.lock().remove(id);
        }
        Ok(is_new)
    }

    /// Stores a tree blob, unless it is known: its id.
    pub fn put_tree(&self, blob: Vec<u8>) -> Result<Id> {
        let id = self.vault.keys.tree_id(&blob);
        if !self.claim(&id)? {
            return Ok(id);
        }
        let mut trees = self.trees.lock();
        let writer = trees.as_mut().ok_or(Error::Cancelled)?;
        if blob.len() > MAX_SEGMENT as usize {
            return Err(Error::invalid("folder", "the metadata of one of its entries is larger than a segment"));
        }
        if writer.plain.len() + blob.len() > MAX_SEGMENT as usize {
            self.flush_trees(writer)?;
        }
        writer.plain.extend_from_slice(&blob);
        writer.blobs.push(Blob { kind: BlobKind::Tree, id, length: blob.len() as u32 });
        if writer.plain.len() >= TREE_SEGMENT {
            self.flush_trees(writer)?;
        }
        Ok(id)
    }

    fn flush_trees(&self, writer: &mut TreeWriter) -> Result<()> {
        let (plain, blobs) = (&writer.plain, std::mem::take(&mut writer.blobs));
        let is_full = |pack: &mut OpenPack| pack.is_full_for(plain.len(), blobs.len(), self.plan.pack_target);
        if let Some(full) = writer.pack.take_if(is_full) {
            let _ = writer.uploads.send(full.finish());
        }
        let pack = match &mut writer.pack {
            Some(pack) => pack,
            none => none.insert(OpenPack::new(self.packs.take(&self.course.stop)?, &self.vault.keys)?),
        };
        if pack.size_with(plain.len(), blobs.len()) > self.plan.pack_target {
            return Err(Error::invalid("folder", "the metadata of one of its entries is larger than a pack"));
        }
        pack.append(plain, blobs, &mut writer.encoder);
        writer.plain.clear();
        Ok(())
    }

    fn finish_trees(&self) -> Result<()> {
        // Taken out whatever happens: uploaders end when its sender is gone.
        let Some(mut writer) = self.trees.lock().take() else { return Ok(()) };
        self.course.check()?;
        if !writer.blobs.is_empty() {
            self.flush_trees(&mut writer)?;
        }
        if let Some(pack) = writer.pack.take() {
            let _ = writer.uploads.send(pack.finish());
        }
        Ok(())
    }

    fn uploaded(&self, record: PackRecord) -> Result<()> {
        let mut uploaded = self.uploaded.lock();
        uploaded.blobs += record.contents.0.iter().map(|segment| segment.blobs.len()).sum::<usize>();
        uploaded.records.push(record);
        drop(uploaded);
        self.write_index(BLOBS_IN_INDEX)
    }

    /// Writes an index object when packs with at least so many blobs wait for it.
    fn write_index(&self, at: usize) -> Result<()> {
        let records = {
            let mut uploaded = self.uploaded.lock();
            if uploaded.records.is_empty() || uploaded.blobs < at {
                return Ok(());
            }
            std::mem::take(&mut *uploaded).records
        };
        let name = crate::index::write_object(&*self.vault.lasting(), &self.vault.keys, &records)?;
        let mut index = self.vault.index.write();
        records.iter().try_for_each(|record| index.add(record))?;
        index.objects.insert(name);
        drop(index);
        // Known from the index from now on. What is in no index yet is all that a run has to remember.
        let mut fresh = self.fresh.lock();
        for blob in records.iter().flat_map(|record| &record.contents.0).flat_map(|segment| &segment.blobs) {
            fresh.remove(&blob.id);
        }
        Ok(())
    }
}
