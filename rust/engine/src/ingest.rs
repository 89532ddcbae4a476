//! Backup of content that the caller moves in.
//!
//! One thread takes the caller's buffers in order and cuts them into chunks; from there on it is the pipeline of every
//! backup. The buffers are the caller's until their chunks are stored, so no byte is copied on the way in.

use crate::backup::{self, BackupReport};
use crate::budget::BLOCK;
use crate::chunk::Chunker;
use crate::compress::Compression;
use crate::error::{Error, Result};
use crate::folder::{store_folder, Node};
use crate::id::Id;
use crate::pipeline::{Above, Batch, Counters, Cutter, Holder, Job, OpenFile, OpenFolder, Run, Stage};
use crate::snapshot::Source;
use crate::tree::{Kind, Metadata, Time};
use bytes::Bytes;
use crossbeam_channel::Sender;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::DropGuard;

#[derive(Debug, Clone, Default)]
pub struct IngestOptions {
    pub tags: Vec<String>,
    /// Name of this machine in the snapshot; empty: the system's own host name.
    pub host: String,
    pub compression: Compression,
    /// As in [`BackupOptions`](crate::BackupOptions).
    pub verify: bool,
}

/// A file whose content the caller moves in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Where it stands in the snapshot: a relative path without `..`; raw bytes. Folders above it are made up.
    pub path: Vec<u8>,
    /// Permission bits.
    pub mode: u32,
    /// `None`: now.
    pub modified: Option<Time>,
}

/// A file of an [`Ingest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId(pub u64);

/// A snapshot in the making. Dropping it before [`Ingest::commit`] leaves nothing but garbage. `Sync`: several files may be
/// written at the same time; writes to one file must follow one another.
pub struct Ingest {
    run: Arc<Run>,
    messages: mpsc::Sender<Message>,
    result: oneshot::Receiver<Result<BackupReport>>,
    /// Stops the pipeline when it is dropped.
    stop: DropGuard,
}

enum Message {
    Add(NewFile, oneshot::Sender<Result<EntryId>>),
    Write(EntryId, Bytes, oneshot::Sender<Result<()>>),
    Finish(EntryId, oneshot::Sender<Result<()>>),
    Commit,
}

/// Calls that wait for the thread which cuts; more of them wait to be among these.
const WAITING: usize = 16;

impl Ingest {
    /// Starts the threads. Must be called within a tokio runtime.
    pub(crate) fn start(run: Run, chunker: Chunker, source: Source) -> Result<Ingest> {
        let run = Arc::new(run);
        let stop = run.course.stop.clone().drop_guard();
        let (messages, received) = mpsc::channel(WAITING);
        let (done, result) = oneshot::channel();
        let (of_thread, runtime) = (Arc::clone(&run), Handle::current());
        let thread = std::thread::Builder::new().name("sr-ingest".into()).spawn(move || {
            let _ = done.send(ingest(&of_thread, &chunker, source, received, &runtime));
        });
        thread.map_err(|error| Error::invalid("cannot start a thread", error.to_string()))?;
        Ok(Ingest { run, messages, result, stop })
    }

    async fn call<T>(&self, message: impl FnOnce(oneshot::Sender<Result<T>>) -> Message) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        // Whoever takes messages is gone only when the run has failed or was cancelled.
        let gone = || self.run.course.outcome().err().unwrap_or(Error::Cancelled);
        self.messages.send(message(reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Starts a file.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a path that leads out of the snapshot or that was added before.
    pub async fn add(&self, file: NewFile) -> Result<EntryId> {
        self.call(|reply| Message::Add(file, reply)).await
    }

    /// Appends to a file. Takes the buffer without copying it, and waits while the pipeline has enough to do.
    pub async fn write(&self, entry: EntryId, data: Bytes) -> Result<()> {
        self.call(|reply| Message::Write(entry, data, reply)).await
    }

    /// Says that nothing more comes for a file, so that its last chunk need not wait for the commit.
    pub async fn finish(&self, entry: EntryId) -> Result<()> {
        self.call(|reply| Message::Finish(entry, reply)).await
    }

    /// Finishes all files and commits the snapshot.
    pub async fn commit(self) -> Result<BackupReport> {
        let _ = self.messages.send(Message::Commit).await;
        let result = self.result.await;
        drop(self.stop);
        result.unwrap_or_else(|_| Err(Error::invalid("engine", "the ingest panicked")))
    }
}

/// Runs an ingest to its end.
fn ingest(
    run: &Run,
    chunker: &Chunker,
    source: Source,
    received: mpsc::Receiver<Message>,
    runtime: &Handle,
) -> Result<BackupReport> {
    let paths = Mutex::new(Vec::new());
    let cut = |jobs| {
        let top = OpenFolder::new(Above::Collect);
        let files = Files {
            run,
            jobs,
            chunker,
            top,
            open: HashMap::new(),
            waiting: BTreeMap::new(),
            writes: 0,
            pending: 0,
            batch: None,
            paths: Vec::new(),
            files: HashSet::new(),
            folders: HashSet::new(),
        };
        *paths.lock() = files.run(received, runtime)?;
        Ok(())
    };
    run.execute(cut, || {
        let nodes = std::mem::take(&mut *run.collected.lock());
        let mut top = Folder::default();
        for (path, node) in paths.lock().iter().zip(nodes) {
            if let Some(node) = node {
                top.place(path, node);
            }
        }
        *run.root.lock() = Some(top.store(run)?);
        Ok(())
    })?;
    let source = Source { paths: paths.into_inner(), ..source };
    backup::commit(run, source)
}

/// A file that is being written.
struct OpenEntry {
    node: Node,
    cutter: Cutter,
    /// When it was written last, while it has an open chunk.
    written: u64,
}

/// All files of an ingest.
struct Files<'r> {
    run: &'r Run,
    jobs: Sender<Job>,
    chunker: &'r Chunker,
    /// Gathers the nodes in the order of `paths`.
    top: Arc<OpenFolder>,
    open: HashMap<EntryId, OpenEntry>,
    /// Files with an open chunk, the one written longest ago first.
    waiting: BTreeMap<u64, EntryId>,
    writes: u64,
    /// Bytes of all open chunks.
    pending: usize,
    batch: Option<Batch>,
    paths: Vec<Vec<u8>>,
    files: HashSet<Vec<u8>>,
    folders: HashSet<Vec<u8>>,
}

/// How long callers may be silent before their buffers are given back to them. They may be waiting for these.
const SILENCE: Duration = Duration::from_millis(50);

impl Files<'_> {
    /// Takes messages until the commit: the paths of the files.
    fn run(mut self, mut received: mpsc::Receiver<Message>, runtime: &Handle) -> Result<Vec<Vec<u8>>> {
        let mut shift = self.run.busy.enter(Stage::Read);
        let mut held = false;
        loop {
            let stop = &self.run.course.stop;
            let next = shift.wait(|| {
                runtime.block_on(async {
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => Err(Error::Cancelled),
                        message = received.recv() => Ok(message),
                        () = tokio::time::sleep(SILENCE), if held => Ok(None),
                    }
                })
            })?;
            match next {
                // Nobody can commit any more.
                None if received.is_closed() => return Err(Error::Cancelled),
                None => {
                    self.open.values_mut().for_each(|entry| entry.cutter.own());
                    held = false;
                }
                Some(Message::Add(file, reply)) => {
                    let _ = reply.send(self.add(file));
                }
                Some(Message::Write(id, _, reply)) if !self.open.contains_key(&id) => {
                    let _ = reply.send(Err(unknown(id)));
                }
                Some(Message::Write(id, data, reply)) => {
                    held = true;
                    // Before it is cut, so that the caller brings the next one meanwhile, which waits until this one is cut.
                    // What goes wrong from here on ends the run, and the next call tells.
                    let _ = reply.send(Ok(()));
                    self.write(id, data)?;
                }
                Some(Message::Finish(id, reply)) => {
                    let finished = self.finish(id)?;
                    let _ = reply.send(finished);
                }
                Some(Message::Commit) => break,
            }
        }
        let mut left: Vec<EntryId> = self.open.keys().copied().collect();
        left.sort_unstable();
        for id in left {
            let _ = self.finish(id)?;
        }
        self.send_batch()?;
        self.top.close(self.run)?;
        Ok(self.paths)
    }

    fn send(&self, job: Job) -> Result<()> {
        self.jobs.send(job).map_err(|_| Error::Cancelled)
    }

    fn send_batch(&mut self) -> Result<()> {
        match self.batch.take() {
            Some(batch) => self.send(batch.finish()),
            None => Ok(()),
        }
    }

    fn add(&mut self, file: NewFile) -> Result<EntryId> {
        let invalid = |why| Error::invalid(String::from_utf8_lossy(&file.path), why);
        let parts: Vec<&[u8]> = file.path.split(|&byte| byte == b'/').collect();
        if parts.iter().any(|part| matches!(*part, b"" | b"." | b"..") || part.contains(&0)) {
            return Err(invalid("it is not a relative path without '.' and '..'"));
        }
        if self.files.contains(&file.path) {
            return Err(invalid("a file of this path was added before"));
        }
        let above: Vec<&[u8]> = (1..parts.len()).map(|n| &file.path[..parts[..n].join(&b'/').len()]).collect();
        if self.folders.contains(&file.path) || above.iter().any(|&folder| self.files.contains(folder)) {
            return Err(invalid("a file cannot be a folder as well"));
        }
        self.folders.extend(above.into_iter().map(<[u8]>::to_vec));
        self.files.insert(file.path.clone());
        let slot = self.top.reserve();
        let id = EntryId(slot as u64);
        let node = Node {
            name: parts.last().map(|name| name.to_vec()).unwrap_or_default(),
            metadata: Box::new(made_up(Kind::File, file.mode & 0o7777, file.modified)),
            chunks: None,
            lists: None,
            folder: None,
        };
        let cutter = Cutter::new(self.chunker, OpenFile::new(Arc::clone(&self.top), slot, false));
        self.open.insert(id, OpenEntry { node, cutter, written: 0 });
        self.paths.push(file.path);
        Counters::add(&self.run.course.counters.files_found, 1);
        Ok(id)
    }

    fn write(&mut self, id: EntryId, data: Bytes) -> Result<()> {
        let Some(entry) = self.open.get_mut(&id) else { return Ok(()) };
        let counters = &self.run.course.counters;
        Counters::add(&counters.bytes_read, data.len() as u64);
        Counters::add(&counters.bytes, data.len() as u64);
        entry.node.metadata.size += data.len() as u64;
        let before = entry.cutter.open_bytes();
        let jobs = &self.jobs;
        entry.cutter.push(data, &mut |job| jobs.send(job).map_err(|_| Error::Cancelled))?;
        let after = entry.cutter.open_bytes();
        self.pending = self.pending + after - before;
        self.waiting.remove(&entry.written);
        self.writes += 1;
        entry.written = self.writes;
        if after > 0 {
            self.waiting.insert(entry.written, id);
        }
        // With too many open chunks, those that wait longest end early.
        let most = self.run.plan.blocks.saturating_sub(2) * BLOCK;
        while self.pending > most {
            let Some((_, oldest)) = self.waiting.pop_first() else { break };
            self.end_chunk(oldest)?;
        }
        Ok(())
    }

    /// Ends the open chunk of a file. A small one goes into the batch.
    fn end_chunk(&mut self, id: EntryId) -> Result<()> {
        let Some(entry) = self.open.get_mut(&id) else { return Ok(()) };
        let bytes = entry.cutter.open_bytes();
        self.waiting.remove(&entry.written);
        if bytes == 0 {
            return Ok(());
        }
        self.pending -= bytes;
        let chunk = entry.cutter.take();
        if bytes > SMALL {
            return self.send(chunk.into_job());
        }
        if self.batch.as_ref().is_some_and(|batch| !batch.has_room(bytes)) {
            self.send_batch()?;
        }
        let batch = match &mut self.batch {
            Some(batch) => batch,
            none => none.insert(Batch::new(self.run.blocks.take(&self.run.course.stop)?)),
        };
        let mut room = batch.room(bytes);
        for part in chunk.parts {
            let (this, rest) = room.split_at_mut(part.len());
            this.copy_from_slice(&part);
            room = rest;
        }
        batch.keep(bytes, Holder::Part { file: chunk.file, number: chunk.number });
        Ok(())
    }

    fn finish(&mut self, id: EntryId) -> Result<Result<()>> {
        if !self.open.contains_key(&id) {
            return Ok(Err(unknown(id)));
        }
        self.end_chunk(id)?;
        if let Some(entry) = self.open.remove(&id) {
            Counters::add(&self.run.course.counters.files, 1);
            entry.cutter.file().end(self.run, entry.cutter.chunks(), Some(entry.node))?;
        }
        Ok(Ok(()))
    }
}

/// Chunks up to this size share segments.
const SMALL: usize = 128 << 10;

fn unknown(id: EntryId) -> Error {
    Error::invalid(format!("file {}", id.0), "it was not added to this ingest, or was finished")
}

/// Metadata of what this program makes up: it belongs to whoever runs it.
fn made_up(kind: Kind, mode: u32, modified: Option<Time>) -> Metadata {
    let now = Time::now();
    let (uid, gid) = crate::machine::ids();
    Metadata { uid, gid, mtime: modified.unwrap_or(now), ..Metadata::new(kind, mode, now) }
}

/// A folder of an ingest.
#[derive(Default)]
struct Folder {
    files: BTreeMap<Vec<u8>, Node>,
    folders: BTreeMap<Vec<u8>, Folder>,
}

impl Folder {
    fn place(&mut self, path: &[u8], node: Node) {
        let mut folder = self;
        let mut parts = path.split(|&byte| byte == b'/').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                folder.files.insert(part.to_vec(), node);
                return;
            }
            folder = folder.folders.entry(part.to_vec()).or_default();
        }
    }

    fn store(self, run: &Run) -> Result<Id> {
        let mut nodes = self.files;
        for (name, folder) in self.folders {
            Counters::add(&run.course.counters.folders, 1);
            let metadata = made_up(Kind::Directory, 0o700, None);
            let folder = Some(folder.store(run)?);
            nodes.insert(name.clone(), Node { name, metadata: Box::new(metadata), chunks: None, lists: None, folder });
        }
        store_folder(nodes.into_values().collect(), &mut |blob| run.put_tree(blob))
    }
}
