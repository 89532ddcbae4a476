//! Restore to a folder.
//!
//! One thread reads the folders of the snapshot, makes them, and plans: it gathers the chunks of many files and sorts them
//! by where they are in the packs. Workers take one segment at a time, so that a segment that many small files share is
//! read and opened once, and write its chunks where they belong.

use crate::budget::Share;
use crate::content::{cut_out, locate, place};
use crate::error::{Error, Result};
use crate::folder::Node;
use crate::id::Id;
use crate::index::{PackInfo, Place};
use crate::listing::{clean, find, join};
use crate::pack::{SegmentReader, MAX_SEGMENT};
use crate::pipeline::{Busy, Counters, Course, Stage, Vault};
use crate::progress::{FileIssue, IssueKind};
use crate::snapshot::Statistics;
use crate::tree::apply::{ApplyError, FileWriter, Target, Warning};
use crate::tree::{Extent, Kind, Metadata};
use crate::trees::Trees;
use crossbeam_channel::{Receiver, Sender};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, Clone)]
pub struct RestoreOptions {
    pub snapshot: Id,
    /// The folder that receives the tree; it is created where it does not exist.
    pub target: PathBuf,
    /// Paths of the snapshot to restore, with what is below them; empty: all of it.
    pub only: Vec<Vec<u8>>,
}

#[derive(Debug, Clone)]
pub struct RestoreReport {
    pub statistics: Statistics,
    /// Not empty: what is named here is missing or incomplete in the target, all else is there.
    pub issues: Vec<FileIssue>,
    /// As in [`BackupReport`](crate::BackupReport).
    pub busy: BTreeMap<String, f64>,
}

/// What of a segment goes where.
struct Task {
    pack: Arc<PackInfo>,
    segment: u32,
    pieces: Vec<PlacedPiece>,
}

struct PlacedPiece {
    place: Place,
    ranges: Vec<Extent>,
    file: Arc<RestoredFile>,
}

/// A file whose chunks come from several tasks.
struct RestoredFile {
    path: Vec<u8>,
    metadata: Metadata,
    state: Mutex<FileState>,
}

struct FileState {
    /// Made when the first chunk is there: files under way have a descriptor each.
    writer: Option<Arc<FileWriter>>,
    missing: usize,
    failed: bool,
}

/// Files and bytes of content whose chunks are sorted together.
const GATHERED_FILES: usize = 4096;
const GATHERED_BYTES: u64 = 128 << 20;
const MOST_WORKERS: usize = 8;

/// Restores what `options` name of the snapshot with this root.
pub(crate) fn run(
    vault: Vault,
    share: Share,
    root: Id,
    options: &RestoreOptions,
    course: &Course,
) -> Result<RestoreReport> {
    let mut trees = Trees::new(&vault)?;
    let only: Vec<Vec<u8>> = options.only.iter().map(|path| clean(path)).collect();
    for path in only.iter().filter(|path| !path.is_empty()) {
        find(&mut trees, root, path)?;
    }
    let target = Target::open(&options.target).map_err(|error| Error::invalid("restore", error.to_string()))?;
    let busy = Busy::default();
    // A worker holds a segment twice: sealed and plain.
    let affordable = share.bytes as usize / (2 * MAX_SEGMENT as usize);
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = cpus.max(vault.store.parallelism()).min(affordable).clamp(1, MOST_WORKERS);
    let restore = Restore { vault: &vault, course, target: &target, busy: &busy };
    let (tasks, to_do) = crossbeam_channel::bounded(2 * workers);
    let linked = std::thread::scope(|scope| {
        let restore = &restore;
        let mut running = Vec::new();
        for _ in 0..workers {
            let to_do = to_do.clone();
            running.push(scope.spawn(move || {
                if let Err(error) = restore.work(&to_do) {
                    course.fail(error);
                }
            }));
        }
        drop(to_do);
        let mut planner = Planner {
            restore,
            trees: &mut trees,
            only: &only,
            tasks,
            gathered: HashMap::new(),
            files: 0,
            bytes: 0,
            first_names: HashMap::new(),
            links: Vec::new(),
        };
        let planned = planner.folder(&root, &[]).and_then(|()| planner.flush());
        let links = planner.links;
        // Workers end when nobody can send them tasks.
        drop(planner.tasks);
        if let Err(error) = planned {
            course.fail(error);
        }
        if !running.into_iter().all(|worker| worker.join().is_ok()) {
            course.fail(Error::invalid("engine", "a worker of the restore panicked"));
        }
        links
    });
    course.outcome()?;
    for (path, existing) in linked {
        course.check()?;
        if let Err(error) = target.hard_link(to_path(&path), to_path(&existing)) {
            restore.not_applied(&path, &error)?;
        }
    }
    for warning in target.finish() {
        restore_warning(course, &warning);
    }
    let mut issues = std::mem::take(&mut *course.issues.lock());
    issues.sort_by(|a, b| a.path.cmp(&b.path));
    let wall = course.started.elapsed();
    Ok(RestoreReport { statistics: course.counters.statistics(wall), issues, busy: busy.shares(wall) })
}

fn to_path(path: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(path))
}

fn restore_warning(course: &Course, warning: &Warning) {
    course.issue(warning.path.as_os_str().as_bytes(), IssueKind::Metadata, warning.to_string());
}

/// What all threads of a restore share.
struct Restore<'r> {
    vault: &'r Vault,
    course: &'r Course,
    target: &'r Target,
    busy: &'r Busy,
}

impl Restore<'_> {
    /// Reports one entry that could not be written; without space none of the others could be.
    fn not_applied(&self, path: &[u8], error: &ApplyError) -> Result<()> {
        if let ApplyError::Io { source, .. } = error {
            let out_of_space = [libc::ENOSPC, libc::EDQUOT, libc::EROFS, libc::EIO];
            if source.raw_os_error().is_some_and(|code| out_of_space.contains(&code)) {
                return Err(Error::File { at: path.to_vec(), why: error.to_string() });
            }
        }
        self.course.issue(path, IssueKind::Unreadable, error.to_string());
        Ok(())
    }

    fn work(&self, to_do: &Receiver<Task>) -> Result<()> {
        let mut shift = self.busy.enter(Stage::Restore);
        let mut reader = SegmentReader::new()?;
        while let Ok(task) = shift.wait(|| to_do.recv()) {
            self.course.check()?;
            match reader.read(&*self.vault.store, &self.vault.keys, &task.pack, task.segment) {
                Ok(plain) => {
                    for piece in &task.pieces {
                        match cut_out(self.vault, &piece.place, &task.pack, &plain) {
                            Ok(bytes) => self.write(piece, bytes)?,
                            Err(error) => self.lost(&piece.file, &error),
                        }
                        self.chunk_done(&piece.file)?;
                    }
                }
                Err(error @ Error::Damaged { .. }) => {
                    for piece in &task.pieces {
                        self.lost(&piece.file, &error);
                        self.chunk_done(&piece.file)?;
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn write(&self, piece: &PlacedPiece, mut bytes: &[u8]) -> Result<()> {
        let file = &piece.file;
        let writer = {
            let mut state = file.state.lock();
            if state.failed {
                return Ok(());
            }
            match &state.writer {
                Some(writer) => Arc::clone(writer),
                None => match self.target.file(to_path(&file.path), &file.metadata) {
                    Ok(writer) => {
                        let writer = Arc::new(writer);
                        state.writer = Some(Arc::clone(&writer));
                        writer
                    }
                    Err(error) => {
                        state.failed = true;
                        drop(state);
                        return self.not_applied(&file.path, &error);
                    }
                },
            }
        };
        for range in &piece.ranges {
            let (here, rest) = bytes.split_at(range.length as usize);
            bytes = rest;
            if let Err(error) = writer.write_at(range.offset, here) {
                if !std::mem::replace(&mut file.state.lock().failed, true) {
                    self.not_applied(&file.path, &error)?;
                }
                return Ok(());
            }
            Counters::add(&self.course.counters.bytes, range.length);
        }
        Ok(())
    }

    /// A file with a damaged chunk is left out, rather than be there with wrong bytes.
    fn lost(&self, file: &RestoredFile, error: &Error) {
        if !std::mem::replace(&mut file.state.lock().failed, true) {
            self.course.issue(&file.path, IssueKind::Damaged, error.to_string());
        }
    }

    fn chunk_done(&self, file: &RestoredFile) -> Result<()> {
        let writer = {
            let mut state = file.state.lock();
            state.missing -= 1;
            if state.missing > 0 {
                return Ok(());
            }
            // Dropped unfinished, it removes what was written.
            state.writer.take().filter(|_| !state.failed)
        };
        match writer.map(Arc::try_unwrap) {
            Some(Ok(writer)) => self.finish(&file.path, writer),
            // Every other holder has given it back before it counted its chunk as done.
            Some(Err(_)) => Err(Error::invalid("engine", "a restored file is still being written")),
            None => Ok(()),
        }
    }

    fn finish(&self, path: &[u8], writer: FileWriter) -> Result<()> {
        match writer.finish() {
            Ok(warnings) => {
                warnings.iter().for_each(|warning| restore_warning(self.course, warning));
                Counters::add(&self.course.counters.files, 1);
                Ok(())
            }
            Err(error) => self.not_applied(path, &error),
        }
    }
}

struct Planner<'p> {
    restore: &'p Restore<'p>,
    trees: &'p mut Trees,
    only: &'p [Vec<u8>],
    tasks: Sender<Task>,
    /// By pack and segment.
    gathered: HashMap<(u32, u32), Task>,
    files: usize,
    bytes: u64,
    /// Of files with several names, by device and inode.
    first_names: HashMap<(u64, u64), Vec<u8>>,
    /// Other names, and the first one.
    links: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What the options want of an entry.
#[derive(PartialEq)]
enum Wanted {
    All,
    /// A folder on the way to what is wanted.
    Way,
    No,
}

impl Planner<'_> {
    fn wanted(&self, path: &[u8]) -> Wanted {
        let is_below = |path: &[u8], folder: &[u8]| {
            folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
        };
        if self.only.is_empty() || self.only.iter().any(|only| is_below(path, only)) {
            return Wanted::All;
        }
        match self.only.iter().any(|only| is_below(only, path)) {
            true => Wanted::Way,
            false => Wanted::No,
        }
    }

    fn folder(&mut self, id: &Id, at: &[u8]) -> Result<()> {
        let course = self.restore.course;
        let nodes = match self.trees.nodes(id) {
            Ok(nodes) => nodes,
            Err(error @ Error::Damaged { .. }) => {
                course.issue(at, IssueKind::Damaged, format!("what is in the folder is lost: {error}"));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        for node in nodes {
            course.check()?;
            let path = join(at, &node.name);
            match (self.wanted(&path), node.metadata.kind) {
                (Wanted::No, _) => {}
                (_, Kind::Directory) => {
                    course.work_on(&path);
                    if let Err(error) = self.restore.target.directory(to_path(&path), &node.metadata) {
                        self.restore.not_applied(&path, &error)?;
                        continue;
                    }
                    Counters::add(&course.counters.folders, 1);
                    if let Some(folder) = &node.folder {
                        self.folder(folder, &path)?;
                    }
                }
                (Wanted::Way, _) => {}
                (Wanted::All, _) => self.entry(path, node)?,
            }
        }
        if at.is_empty() {
            Counters::add(&course.counters.walked, 1);
        }
        Ok(())
    }

    fn entry(&mut self, path: Vec<u8>, node: Node) -> Result<()> {
        let (course, target) = (self.restore.course, self.restore.target);
        if let Some(group) = node.metadata.link_group() {
            if let Some(first) = self.first_names.get(&group) {
                self.links.push((path, first.clone()));
                Counters::add(&course.counters.files, 1);
                return Ok(());
            }
            self.first_names.insert(group, path.clone());
        }
        if node.metadata.kind != Kind::File {
            match target.special(to_path(&path), &node.metadata) {
                Ok(warnings) => warnings.iter().for_each(|warning| restore_warning(course, warning)),
                Err(error) => self.restore.not_applied(&path, &error)?,
            }
            Counters::add(&course.counters.others, 1);
            return Ok(());
        }
        Counters::add(&course.counters.files_found, 1);
        Counters::add(&course.counters.bytes_found, node.metadata.size);
        course.work_on(&path);
        match self.plan(&path, &node) {
            Ok(()) => {}
            Err(error @ Error::Damaged { .. }) => course.issue(&path, IssueKind::Damaged, error.to_string()),
            Err(error) => return Err(error),
        }
        if self.files >= GATHERED_FILES || self.bytes >= GATHERED_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Gathers the chunks of a file.
    fn plan(&mut self, path: &[u8], node: &Node) -> Result<()> {
        let restore = self.restore;
        let chunks = self.trees.chunks(node)?;
        let wrong = || Error::damaged(String::from_utf8_lossy(path), "its chunks are not as many bytes as it has");
        let placed = place(&node.metadata, &chunks).ok_or_else(wrong)?;
        if placed.is_empty() {
            // Nothing but holes, or nothing at all.
            Counters::add(&restore.course.counters.bytes, node.metadata.size);
            return match restore.target.file(to_path(path), &node.metadata) {
                Ok(writer) => restore.finish(path, writer),
                Err(error) => restore.not_applied(path, &error),
            };
        }
        let places = chunks.iter().map(|chunk| locate(restore.vault, chunk)).collect::<Result<Vec<_>>>()?;
        let holes: u64 = node.metadata.holes.iter().map(|hole| hole.length).sum();
        Counters::add(&restore.course.counters.bytes, holes);
        let state = FileState { writer: None, missing: placed.len(), failed: false };
        let file =
            Arc::new(RestoredFile { path: path.to_vec(), metadata: node.metadata.clone(), state: Mutex::new(state) });
        self.files += 1;
        for (placed, (place, pack)) in placed.into_iter().zip(places) {
            self.bytes += u64::from(placed.chunk.length);
            let key = (place.pack, place.segment);
            let task =
                self.gathered.entry(key).or_insert_with(|| Task { pack, segment: place.segment, pieces: Vec::new() });
            task.pieces.push(PlacedPiece { place, ranges: placed.ranges, file: Arc::clone(&file) });
        }
        Ok(())
    }

    /// Sends what was gathered, in the order of the packs.
    fn flush(&mut self) -> Result<()> {
        let mut tasks: Vec<_> = self.gathered.drain().collect();
        tasks.sort_unstable_by_key(|(key, _)| *key);
        (self.files, self.bytes) = (0, 0);
        for (_, task) in tasks {
            self.tasks.send(task).map_err(|_| Error::Cancelled)?;
        }
        Ok(())
    }
}
