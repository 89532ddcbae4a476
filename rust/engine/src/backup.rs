//! Backup of paths: walk, read, and hand to the pipeline.
//!
//! One thread walks; it fills in what needs no reading, skips files that are as they were in the parent snapshot, and sends
//! the rest to readers. A reader cuts large files into chunks and gathers small ones in batches.

use crate::budget::{Block, BLOCK};
use crate::chunk::Chunker;
use crate::compress::Compression;
use crate::direct::{self, read_at};
use crate::error::{Error, Result};
use crate::folder::{ChunkRef, Node};
use crate::path;
use crate::pipeline::{Above, Batch, Counters, Cutter, Holder, Job, OpenFile, OpenFolder, Run, Shift, Stage};
use crate::progress::{FileIssue, IssueKind};
use crate::snapshot::{Snapshot, Source};
use crate::tree::walk::{self, Found, Walk, WalkError, WalkOptions};
use crate::tree::{Kind, Metadata, Time, Xattr};
use crate::trees::Trees;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Clone, Default)]
pub struct BackupOptions {
    /// Absolute paths of files and folders. A snapshot keeps each under its full path, without the leading `/`.
    pub paths: Vec<PathBuf>,
    pub tags: Vec<String>,
    /// Name of this machine in the snapshot; empty: the system's own host name.
    pub host: String,
    pub compression: Compression,
    /// Stay on the file system of each path.
    pub one_file_system: bool,
    /// Read every file, also where size, times and inode say that it is unchanged.
    pub paranoid: bool,
    /// Read every pack back from the store and compare it before the snapshot names it.
    pub verify: bool,
}

#[derive(Debug, Clone)]
pub struct BackupReport {
    pub snapshot: Snapshot,
    pub issues: Vec<FileIssue>,
    /// The share (0 to 1) of the run's wall time in which each stage was busy, per thread, and in which all cores together
    /// were: `processor`. Where that is not near 1, the stage with the highest share limits the run.
    pub busy: BTreeMap<String, f64>,
}

/// What a backup begins from, found out before its pipeline starts.
pub(crate) struct Start {
    /// From [`roots`].
    pub roots: Vec<PathBuf>,
    pub one_file_system: bool,
    /// What files are compared with.
    pub parent: Option<Snapshot>,
    /// The folder that the repository is in: it does not back itself up.
    pub repository: Option<(u64, u64)>,
    pub chunker: Chunker,
    /// Files below this size are one chunk.
    pub least_chunk: usize,
}

/// Device and inode of a folder, by way of symlinks.
pub(crate) fn identity(folder: &Path) -> Option<(u64, u64)> {
    walk::look(&folder.join("")).ok().map(|found| found.identity())
}

/// The paths, sorted, without those that others cover.
///
/// # Errors
/// [`Error::Invalid`] and [`Error::File`] for paths that cannot be backed up at all.
pub(crate) fn roots(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    if paths.is_empty() {
        return Err(Error::invalid("backup", "no path was given; name at least one file or folder"));
    }
    let mut roots = Vec::with_capacity(paths.len());
    for path in paths {
        if !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
            return Err(Error::invalid(path.to_string_lossy(), "it is not an absolute path without '..'"));
        }
        walk::look(path).map_err(|error| Error::file(path, &error.source))?;
        roots.push(path.components().collect::<PathBuf>());
    }
    // By components, so that what is below a folder follows it.
    roots.sort();
    let mut covering: Vec<PathBuf> = Vec::with_capacity(roots.len());
    for path in roots {
        match covering.last() {
            Some(above) if path.starts_with(above) => {
                let real = |path: &Path| path.canonicalize().map_err(|error| Error::file(path, &error));
                let (real_above, inside) = (real(above)?, path.parent().filter(|parent| parent.starts_with(above)));
                if let Some(inside) = inside.map(real).transpose()?.filter(|inside| !inside.starts_with(&real_above)) {
                    let why = format!(
                        "a symlink leads there out of {}; name it by {} instead",
                        above.display(),
                        inside.display()
                    );
                    return Err(Error::invalid(path.to_string_lossy(), why));
                }
            }
            _ => covering.push(path),
        }
    }
    Ok(covering)
}

/// The source of a backup, run in the pipeline: sends all jobs.
pub(crate) fn read_paths(run: &Run, start: &Start, jobs: Sender<Job>) -> Result<()> {
    let (found, to_read) = crossbeam_channel::bounded(2 * run.plan.readers);
    std::thread::scope(|scope| {
        let mut readers = Vec::new();
        for _ in 0..run.plan.readers {
            let (to_read, jobs) = (to_read.clone(), jobs.clone());
            readers.push(scope.spawn(move || {
                let shift = run.busy.enter(Stage::Read);
                let reader = Reader {
                    run,
                    shift,
                    chunker: start.chunker.clone(),
                    least_chunk: start.least_chunk,
                    batch: None,
                    jobs: &jobs,
                };
                if let Err(error) = reader.run(&to_read) {
                    run.course.fail(error);
                }
            }));
        }
        drop((to_read, jobs));
        let walked = Walker::new(run, start, found).and_then(|walker| walker.run(start));
        if let Err(error) = walked {
            run.course.fail(error);
        }
        match readers.into_iter().all(|reader| reader.join().is_ok()) {
            true => Ok(()),
            false => Err(Error::invalid("engine", "a reader panicked")),
        }
    })
}

/// A file to read.
struct ToRead {
    found: Found,
    /// As it is to be in the snapshot, without what only reading tells.
    node: Node,
    folder: Arc<OpenFolder>,
    slot: usize,
    /// Of a file with several names: gives all of them its node.
    file: Option<Arc<OpenFile>>,
}

/// Names that are handed on together: waking another thread costs as much as reading a small file.
const GROUP: usize = 32;
/// Large files are handed on without waiting for others.
const GROUP_BYTES: u64 = 1 << 20;

/// A folder on the way to the current name.
struct Level {
    folder: Arc<OpenFolder>,
    before: Before,
    /// In the folder above.
    name: Vec<u8>,
}

/// What the parent snapshot has in a folder, in the order in which the walk comes by.
#[derive(Default)]
struct Before {
    nodes: std::vec::IntoIter<Node>,
}

impl Before {
    /// The node of this name. A walk that goes back finds none, and the file is only read again.
    fn take(&mut self, name: &[u8]) -> Option<Node> {
        let left = self.nodes.as_slice();
        // All of those before it are gone, or not of this snapshot.
        let passed = left.iter().take_while(|node| *node.name < *name).count();
        match left.get(passed) {
            Some(node) if *node.name == *name => self.nodes.nth(passed),
            _ => {
                self.nodes.by_ref().take(passed).for_each(drop);
                None
            }
        }
    }
}

struct Walker<'r> {
    run: &'r Run,
    shift: Shift<'r>,
    levels: Vec<Level>,
    /// Files with several names, by device and inode: the first one read gives its content to all.
    linked: HashMap<(u64, u64), Arc<OpenFile>>,
    /// Of the parent snapshot; `None` without one.
    trees: Option<Trees>,
    /// When the parent snapshot began to read.
    before: Time,
    /// To read, and not handed on yet.
    group: Vec<ToRead>,
    group_bytes: u64,
    found: Sender<Vec<ToRead>>,
}

impl<'r> Walker<'r> {
    fn new(run: &'r Run, start: &Start, found: Sender<Vec<ToRead>>) -> Result<Self> {
        let shift = run.busy.enter(Stage::Walk);
        let mut walker = Walker {
            run,
            shift,
            levels: Vec::new(),
            linked: HashMap::new(),
            trees: None,
            before: Time::default(),
            group: Vec::new(),
            group_bytes: 0,
            found,
        };
        let mut before = None;
        if let Some(parent) = &start.parent {
            walker.trees = Some(Trees::new(&run.vault)?);
            walker.before = parent.time;
            before = Some(parent.root);
        }
        let top = OpenFolder::new(Above::Top);
        let before = walker.names_before(before.as_ref());
        walker.levels.push(Level { folder: top, before, name: Vec::new() });
        Ok(walker)
    }

    fn run(mut self, start: &Start) -> Result<()> {
        let options = WalkOptions { one_file_system: start.one_file_system };
        for root in &start.roots {
            let way = path::way(root);
            self.descend_to(&way[..way.len().saturating_sub(1)])?;
            let keep = |found: &Found| match start.repository {
                Some(repository) => found.metadata().kind != Kind::Directory || found.identity() != repository,
                None => true,
            };
            // `/` itself is the top folder, whose metadata a snapshot does not keep.
            let above = way.len();
            let walk = Walk::new([root], options.clone(), keep);
            ahead(walk, |found| {
                self.run.course.check()?;
                match found {
                    Ok(found) if above == 0 && found.depth() == 0 => Ok(()),
                    Ok(found) => {
                        let depth = (above + found.depth()).saturating_sub(1);
                        self.ascend(depth)?;
                        self.entry(found)
                    }
                    Err(error) => {
                        problem(self.run, &error);
                        Ok(())
                    }
                }
            })?;
        }
        self.hand_on()?;
        self.ascend(0)?;
        let top = self.levels.pop();
        Counters::add(&self.run.course.counters.walked, 1);
        top.map_or(Ok(()), |top| top.folder.close(self.run))
    }

    /// Closes folders until the current one is `depth` components deep.
    fn ascend(&mut self, depth: usize) -> Result<()> {
        // The top is the first level.
        let above = self.levels.split_off(self.levels.len().min(depth + 1));
        above.into_iter().rev().try_for_each(|level| level.folder.close(self.run))
    }

    /// Opens the folders of a way, as far as they are not open: the last root may share some.
    fn descend_to(&mut self, way: &[(Vec<u8>, PathBuf)]) -> Result<()> {
        for (above, (name, path)) in way.iter().enumerate() {
            // The top is the first level.
            if let Some(open) = self.levels.get(above + 1) {
                if *name == open.name {
                    continue;
                }
                self.ascend(above)?;
            }
            // With a `/` at its end, so that a symlink on the way stands for its folder.
            match walk::look(&path.join("")) {
                Ok(found) => {
                    let mut metadata = Box::new(found.metadata().clone());
                    complete(self.run, &found, &mut metadata, Found::xattrs);
                    self.open_folder(metadata, name.clone())?;
                }
                Err(error) => return Err(Error::file(path, &error.source)),
            }
        }
        self.ascend(way.len())
    }

    /// Opens a folder in the current one.
    fn open_folder(&mut self, metadata: Box<Metadata>, name: Vec<u8>) -> Result<()> {
        let Some(level) = self.levels.last_mut() else { return Ok(()) };
        let before = level.before.take(&name).and_then(|node| node.folder);
        let slot = level.folder.reserve();
        let node = Node { name: name.clone(), metadata, chunks: None, lists: None, folder: None };
        let above = Above::Folder(Arc::clone(&level.folder), slot, Box::new(node));
        let folder = OpenFolder::new(above);
        let before = self.names_before(before.as_ref());
        self.levels.push(Level { folder, before, name });
        Counters::add(&self.run.course.counters.folders, 1);
        Ok(())
    }

    /// What the parent snapshot has in a folder. A folder of it that cannot be read is only not there to compare with.
    fn names_before(&mut self, folder: Option<&crate::id::Id>) -> Before {
        let (Some(trees), Some(id)) = (&mut self.trees, folder) else { return Before::default() };
        match trees.nodes(id) {
            Ok(nodes) => Before { nodes: nodes.into_iter() },
            Err(error) => {
                tracing::warn!("reading files again because of the parent snapshot: {error}");
                Before::default()
            }
        }
    }

    /// Gives readers what is gathered.
    fn hand_on(&mut self) -> Result<()> {
        self.group_bytes = 0;
        if self.group.is_empty() {
            return Ok(());
        }
        let group = std::mem::replace(&mut self.group, Vec::with_capacity(GROUP));
        let found = &self.found;
        // Readers are gone only when the run has failed.
        self.shift.wait(|| found.send(group).map_err(|_| Error::Cancelled))
    }

    fn entry(&mut self, mut found: Found) -> Result<()> {
        let run = self.run;
        let counters = &run.course.counters;
        let kind = found.metadata().kind;
        if kind == Kind::Directory {
            let mut metadata = found.take_metadata();
            complete(run, &found, &mut metadata, Found::xattrs);
            return self.open_folder(metadata, path::last(found.path()).into_owned());
        }
        let Some(level) = self.levels.last_mut() else { return Ok(()) };
        // Unlike `Found::name`, this has a name for every root but `/`.
        let name = path::last(found.path());
        let before = level.before.take(&name);
        let slot = level.folder.reserve();
        let folder = Arc::clone(&level.folder);
        if kind != Kind::File {
            Counters::add(&counters.others, 1);
            let name = name.into_owned();
            let mut metadata = found.take_metadata();
            complete(run, &found, &mut metadata, Found::xattrs);
            let node = Node { name, metadata, chunks: None, lists: None, folder: None };
            return folder.fill(run, slot, Some(node));
        }
        let metadata = found.metadata();
        Counters::add(&counters.files_found, 1);
        Counters::add(&counters.bytes_found, metadata.size);
        let group = metadata.link_group();
        if let Some(file) = group.and_then(|group| self.linked.get(&group)) {
            Counters::add(&counters.files, 1);
            Counters::add(&counters.bytes, metadata.size);
            return file.name(run, folder, slot, name.into_owned());
        }
        if let Some(before) = before.filter(|before| is_as_it_was(metadata, &before.metadata, self.before)) {
            if self.is_kept(&before)? {
                Counters::add(&counters.files, 1);
                Counters::add(&counters.unchanged, 1);
                Counters::add(&counters.bytes, metadata.size);
                let mut metadata = found.into_metadata();
                let Metadata { xattrs, holes, .. } = *before.metadata;
                (metadata.xattrs, metadata.holes) = (xattrs, holes);
                return folder.fill(run, slot, Some(Node { metadata, ..before }));
            }
        }
        let name = name.into_owned();
        let node = Node { name, metadata: found.take_metadata(), chunks: None, lists: None, folder: None };
        let file = group.map(|group| {
            let file = OpenFile::new(Arc::clone(&folder), slot, true);
            self.linked.insert(group, Arc::clone(&file));
            file
        });
        self.group_bytes += node.metadata.size;
        self.group.push(ToRead { found, node, folder, slot, file });
        match self.group.len() >= GROUP || self.group_bytes >= GROUP_BYTES {
            true => self.hand_on(),
            false => Ok(()),
        }
    }

    /// Whether the repository still has all the content of a file of the parent snapshot.
    fn is_kept(&mut self, node: &Node) -> Result<bool> {
        match (&node.chunks, &node.lists) {
            (Some(chunks), _) => self.all_kept(chunks),
            (None, Some(_)) => {
                let Some(trees) = &mut self.trees else { return Ok(false) };
                match trees.chunks(node) {
                    Ok(chunks) => self.all_kept(&chunks),
                    Err(Error::Cancelled) => Err(Error::Cancelled),
                    Err(_) => Ok(false),
                }
            }
            (None, None) => Ok(node.metadata.size == 0 || node.metadata.data_extents().is_empty()),
        }
    }

    fn all_kept(&self, chunks: &[ChunkRef]) -> Result<bool> {
        let index = self.run.vault.index.read();
        for chunk in chunks {
            if index.find(&chunk.id)?.is_none_or(|place| place.length != chunk.length) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Nanoseconds that a change may come before the time that the system writes down for it: its clock ticks 100 to 1000
/// times a second. Where times are whole seconds, the file system keeps no finer ones (FAT: every second one).
const TICK: i128 = 20_000_000;
const COARSE_TICK: i128 = 2_000_000_000;

/// Whether a file is as the parent snapshot, which began to read at `read`, has it.
///
/// The racy case: a file that was changed after it was read, within one tick of its clock, looks like the one that was
/// read. So a change that may have come as late as the reading began is no proof (as in git's index).
fn is_as_it_was(now: &Metadata, before: &Metadata, read: Time) -> bool {
    let nanos = |time: Time| i128::from(time.secs) * 1_000_000_000 + i128::from(time.nanos);
    let tick = if now.ctime.nanos == 0 { COARSE_TICK } else { TICK };
    now.kind == before.kind
        && now.size == before.size
        && now.mtime == before.mtime
        && now.ctime == before.ctime
        && now.inode == before.inode
        && nanos(now.ctime) + tick < nanos(read)
}

/// Names and directories that a walk is ahead of what is done with them: together they keep far fewer descriptors open than
/// a process may have.
const AHEAD: usize = 64;
const DIRECTORIES_AHEAD: usize = 4;

/// Walks in a thread of its own: to look at names takes as long as to compare them with what they were.
fn ahead<'w>(walk: Walk<'w>, mut each: impl FnMut(std::result::Result<Found, WalkError>) -> Result<()>) -> Result<()> {
    let (ahead, found) = crossbeam_channel::bounded::<Vec<_>>(4);
    std::thread::scope(|scope| {
        let walked = scope.spawn(move || {
            let (mut group, mut directories) = (Vec::with_capacity(AHEAD), 0);
            for found in walk {
                directories += usize::from(found.as_ref().is_ok_and(|found| found.metadata().kind == Kind::Directory));
                group.push(found);
                if group.len() == AHEAD || directories == DIRECTORIES_AHEAD {
                    directories = 0;
                    // Nobody wants more when the run has failed.
                    if ahead.send(std::mem::replace(&mut group, Vec::with_capacity(AHEAD))).is_err() {
                        return;
                    }
                }
            }
            let _ = ahead.send(group);
        });
        let done = found.into_iter().flatten().try_for_each(&mut each);
        match walked.join() {
            Ok(()) => done,
            Err(_) => done.and(Err(Error::invalid("engine", "the walk panicked"))),
        }
    })
}

/// Reports a path that is left out.
fn problem(run: &Run, error: &WalkError) {
    let kind = if error.vanished() { IssueKind::Vanished } else { IssueKind::Unreadable };
    run.course.issue(&path::bytes(&error.path), kind, error.to_string());
}

/// Adds the attributes that `read` reads; without them the entry is kept all the same.
fn complete(
    run: &Run,
    found: &Found,
    metadata: &mut Metadata,
    read: impl FnOnce(&Found) -> std::result::Result<Vec<Xattr>, WalkError>,
) {
    match read(found) {
        Ok(xattrs) => metadata.xattrs = xattrs,
        Err(error) if error.vanished() => {}
        Err(error) => run.course.issue(&path::bytes(found.path()), IssueKind::Metadata, error.to_string()),
    }
}

/// Holes that a file's node may list: with them it stays far below the largest segment.
const MOST_HOLES: usize = 100_000;

/// How long a reader waits for more small files that could be in a segment with those it has.
const PATIENCE: Duration = Duration::from_millis(20);

struct Reader<'r> {
    run: &'r Run,
    shift: Shift<'r>,
    chunker: Chunker,
    least_chunk: usize,
    batch: Option<Batch>,
    jobs: &'r Sender<Job>,
}

impl Reader<'_> {
    fn run(mut self, to_read: &Receiver<Vec<ToRead>>) -> Result<()> {
        loop {
            let next = match self.batch {
                // What is gathered need not wait for what comes late.
                Some(_) => match self.shift.wait(|| to_read.recv_timeout(PATIENCE)) {
                    Err(RecvTimeoutError::Timeout) => {
                        self.send_batch()?;
                        continue;
                    }
                    next => next.ok(),
                },
                None => self.shift.wait(|| to_read.recv()).ok(),
            };
            let Some(group) = next else { return self.send_batch() };
            for file in group {
                self.run.course.check()?;
                self.run.course.work_on(&path::bytes(file.found.path()));
                self.read(file)?;
            }
        }
    }

    fn send(&mut self, job: Job) -> Result<()> {
        let jobs = self.jobs;
        self.shift.wait(|| jobs.send(job)).map_err(|_| Error::Cancelled)
    }

    fn block(&mut self) -> Result<Block> {
        let run = self.run;
        self.shift.wait(|| run.blocks.take(&run.course.stop))
    }

    fn send_batch(&mut self) -> Result<()> {
        match self.batch.take() {
            Some(batch) => self.send(batch.finish()),
            None => Ok(()),
        }
    }

    /// Leaves a file out.
    fn give_up(&self, file: ToRead, error: &WalkError) -> Result<()> {
        problem(self.run, error);
        match file.file {
            Some(open) => open.end(self.run, 0, None),
            None => file.folder.fill(self.run, file.slot, None),
        }
    }

    fn read(&mut self, mut file: ToRead) -> Result<()> {
        let open = match file.found.open() {
            Ok(open) => open,
            Err(error) => return self.give_up(file, &error),
        };
        complete(self.run, &file.found, &mut file.node.metadata, |found| found.xattrs_of(&open));
        match file.found.holes(&open) {
            // Read as zeros, a file of more holes than that comes back whole, if larger.
            Ok(holes) if holes.len() > MOST_HOLES => {}
            Ok(holes) => file.node.metadata.holes = holes,
            Err(error) => {
                let path = path::bytes(file.found.path());
                self.run.course.issue(&path, IssueKind::Metadata, error.to_string());
            }
        }
        let small = file.node.metadata.size < self.least_chunk as u64 && file.node.metadata.holes.is_empty();
        match small && file.file.is_none() {
            true => self.read_small(file, &open),
            false => self.read_large(file, &open),
        }
    }

    fn failed(file: &ToRead, source: std::io::Error) -> WalkError {
        WalkError { path: file.found.path().to_path_buf(), action: "read", source }
    }

    /// Says so when the file is not as the walk saw it: `end` bytes of it were read.
    ///
    /// # Errors
    /// It is another file.
    fn compare(&self, file: &ToRead, open: &File, end: u64) -> std::result::Result<(), WalkError> {
        let metadata = file.found.metadata();
        let now = file.found.inspect(open)?;
        let what = match now {
            _ if end < metadata.size => "it shrank while it was read; what was left is in the snapshot",
            (size, ..) if size > metadata.size => "it grew while it was read; what it had before is in the snapshot",
            (_, mtime, ctime) if mtime != metadata.mtime || ctime != metadata.ctime => {
                "it changed while it was read; the snapshot may hold some of both"
            }
            _ => return Ok(()),
        };
        let path = file.found.path();
        let message = format!("{}: {what}", path.display());
        self.run.course.issue(&path::bytes(path), IssueKind::Changed, message);
        Ok(())
    }

    fn count(&self, read: u64, size: u64) {
        let counters = &self.run.course.counters;
        Counters::add(&counters.files, 1);
        Counters::add(&counters.bytes_read, read);
        Counters::add(&counters.bytes, size);
    }

    /// A file of one chunk, into the batch.
    fn read_small(&mut self, mut file: ToRead, open: &File) -> Result<()> {
        let size = file.node.metadata.size as usize;
        if self.batch.as_ref().is_some_and(|batch| !batch.has_room(size)) {
            self.send_batch()?;
        }
        let mut batch = match self.batch.take() {
            Some(batch) => batch,
            None => Batch::new(self.block()?),
        };
        let read = read_at(open, batch.room(size), 0).map_err(|error| Self::failed(&file, error));
        let read = read.and_then(|length| self.compare(&file, open, length as u64).map(|()| length));
        match read {
            Ok(length) => {
                file.node.metadata.size = length as u64;
                self.count(length as u64, length as u64);
                let filled = match length {
                    0 => file.folder.fill(self.run, file.slot, Some(file.node)),
                    _ => {
                        let holder = Holder::Whole { node: Box::new(file.node), folder: file.folder, slot: file.slot };
                        batch.keep(length, holder);
                        Ok(())
                    }
                };
                self.batch = Some(batch).filter(|batch| !batch.is_empty());
                filled
            }
            Err(error) => {
                self.batch = Some(batch).filter(|batch| !batch.is_empty());
                self.give_up(file, &error)
            }
        }
    }

    fn read_large(&mut self, mut file: ToRead, open: &File) -> Result<()> {
        if let Err(error) = file.found.inspect(open) {
            return self.give_up(file, &error);
        }
        let target = match &file.file {
            Some(open) => Arc::clone(open),
            None => OpenFile::new(Arc::clone(&file.folder), file.slot, false),
        };
        direct::will_read_on(open);
        let extents = file.node.metadata.data_extents();
        let mut cutter = Cutter::new(&self.chunker, Arc::clone(&target));
        // Blocks are filled across holes, or the open chunk could hold more of them than there are.
        let mut filling: Option<(Block, usize)> = None;
        let (mut read, mut end) = (0, None);
        'extents: for extent in &extents {
            let mut done = 0;
            while done < extent.length {
                self.run.course.check()?;
                let (mut block, filled) = match filling.take() {
                    Some(filling) => filling,
                    None => (self.block()?, 0),
                };
                let want = (extent.length - done).min((BLOCK - filled) as u64) as usize;
                let length = match read_at(open, &mut block[filled..filled + want], extent.offset + done) {
                    Ok(length) => length,
                    Err(error) => {
                        problem(self.run, &Self::failed(&file, error));
                        return target.end(self.run, cutter.chunks(), None);
                    }
                };
                done += length as u64;
                read += length as u64;
                Counters::add(&self.run.course.counters.bytes_read, length as u64);
                Counters::add(&self.run.course.counters.bytes, length as u64);
                match filled + length {
                    BLOCK => cutter.push(block.freeze(BLOCK), &mut |job| self.send(job))?,
                    filled => filling = Some((block, filled)),
                }
                if length < want {
                    // The file ends here now.
                    end = Some(extent.offset + done);
                    break 'extents;
                }
            }
        }
        if let Some((block, filled)) = filling {
            cutter.push(block.freeze(filled), &mut |job| self.send(job))?;
        }
        cutter.flush(&mut |job| self.send(job))?;
        if let Err(error) = self.compare(&file, open, end.unwrap_or(file.found.metadata().size)) {
            problem(self.run, &error);
            return target.end(self.run, cutter.chunks(), None);
        }
        let metadata = &mut file.node.metadata;
        if let Some(end) = end {
            metadata.size = end;
            metadata.holes.retain(|hole| hole.offset < end);
        }
        let counters = &self.run.course.counters;
        Counters::add(&counters.files, 1);
        // With the holes.
        Counters::add(&counters.bytes, metadata.size - read);
        target.end(self.run, cutter.chunks(), Some(file.node))
    }
}

/// Commits the snapshot of a run whose content is all in the store.
pub(crate) fn commit(run: &Run, source: Source) -> Result<BackupReport> {
    run.course.check()?;
    let root = run.root.lock().ok_or_else(|| Error::invalid("engine", "a folder of the snapshot was not completed"))?;
    let wall = run.course.started.elapsed();
    let Source { time, host, paths, tags, parent } = source;
    let statistics = run.course.counters.statistics(wall);
    let user = crate::machine::user();
    let mut snapshot = Snapshot { id: root, time, host, user, paths, tags, parent, root, statistics };
    // From here on a cancellation comes too late.
    run.vault.log.append(&*run.vault.lasting(), &run.vault.keys, &mut snapshot)?;
    let mut issues = std::mem::take(&mut *run.course.issues.lock());
    issues.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(BackupReport { snapshot, issues, busy: run.busy.shares(wall) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_sorted_and_cover_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("a/b")).unwrap();
        std::fs::create_dir_all(at("a.b")).unwrap();
        std::fs::create_dir_all(at("c")).unwrap();
        let given = [at("c"), at("a/b"), at("a"), at("a.b"), at("c/")];
        assert_eq!(roots(&given).unwrap(), [at("a"), at("a.b"), at("c")]);
        let missing = roots(&[at("none")]).unwrap_err();
        assert_eq!(
            missing,
            Error::File {
                at: path::bytes(&at("none")).into_owned(),
                why: "No such file or directory (os error 2)".into()
            }
        );
        for path in ["", "a", "/a/../b"] {
            assert!(matches!(roots(&[path.into()]), Err(Error::Invalid { .. })), "{path}");
        }
        assert!(roots(&[]).is_err());
    }

    #[test]
    fn a_change_within_the_clocks_tick_is_no_proof() {
        let time = |secs, nanos| Time { secs, nanos };
        let metadata = Metadata { size: 1, inode: 1, device: 1, ..Metadata::new(Kind::File, 0o644, time(10, 5)) };
        assert!(is_as_it_was(&metadata, &metadata, time(10, 20_000_006)));
        assert!(!is_as_it_was(&metadata, &metadata, time(10, 20_000_005)));
        assert!(!is_as_it_was(&metadata, &metadata, time(9, 0)));
        let coarse = Metadata { ctime: time(10, 0), ..metadata.clone() };
        assert!(!is_as_it_was(&coarse, &coarse, time(12, 0)));
        assert!(is_as_it_was(&coarse, &coarse, time(12, 1)));
        for other in [
            Metadata { size: 2, ..metadata.clone() },
            Metadata { mtime: time(10, 6), ..metadata.clone() },
            Metadata { ctime: time(10, 6), ..metadata.clone() },
            Metadata { inode: 2, ..metadata.clone() },
        ] {
            assert!(!is_as_it_was(&other, &metadata, time(20, 0)));
        }
    }
}
