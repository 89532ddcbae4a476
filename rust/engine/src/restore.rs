//! Restore to a folder.
//!
//! One thread reads the folders of the snapshot, makes them, and plans: it gathers the chunks of many files and sorts them
//! by where they are in the packs. Workers take a few neighbouring segments at a time, so that one that many small files
//! share is read and opened once, and write the chunks where they belong.

use crate::budget::Share;
use crate::content::{cut_out, locate, wrong_length, Layout, Patience};
use crate::direct::PageBuffer;
use crate::error::{Error, Result};
use crate::folder::{ChunkRef, Node};
use crate::id::Id;
use crate::index::{PackInfo, Place, SegmentInfo};
use crate::listing::find;
use crate::pack::{self, SegmentReader};
use crate::path::{self, clean};
use crate::pipeline::{Busy, Counters, Course, Stage, Vault};
use crate::progress::{FileIssue, IssueKind};
use crate::snapshot::Statistics;
use crate::tree::apply::{ApplyError, FileWriter, Target, Warning};
use crate::tree::{Extent, Kind, Metadata};
use crate::trees::{Descent, Trees};
use crossbeam_channel::{Receiver, Sender};
use parking_lot::Mutex;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
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

/// Segments to read at once, and what of each goes where.
struct Task {
    pack: PackInfo,
    segments: Vec<(SegmentInfo, Vec<PlacedPiece>)>,
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
    /// Chunks that are not there, and one more until all of them are planned.
    missing: usize,
    written: u64,
    failed: bool,
}

/// Files and bytes of content whose chunks are sorted together.
const GATHERED_FILES: usize = 4096;
const GATHERED_BYTES: u64 = 128 << 20;
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
    let target = Target::open(&options.target).map_err(|error| match error {
        ApplyError::Io { path, source, .. } => Error::file(&path, &source),
        error => Error::invalid("restore", error.to_string()),
    })?;
    let busy = Busy::default();
    let workers = share.openers(vault.store.parallelism());
    let restore = Restore {
        vault: &vault,
        course,
        folder: &options.target,
        target: &target,
        busy: &busy,
        patience: Patience::default(),
        lost: Mutex::default(),
    };
    let (tasks, to_do) = crossbeam_channel::bounded(2 * workers);
    let links = std::thread::scope(|scope| {
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
        let planned = planner.run(&root).and_then(|()| planner.flush());
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
    let outcome = course.outcome().and_then(|()| links.into_iter().try_for_each(|link| restore.link(link)));
    // Also of a restore that failed: until now only its owner can enter a folder.
    let warnings = target.finish();
    outcome?;
    warnings.iter().for_each(|warning| restore_warning(course, warning));
    let mut issues = std::mem::take(&mut *course.issues.lock());
    issues.sort_by(|a, b| a.path.cmp(&b.path));
    let wall = course.started.elapsed();
    Ok(RestoreReport { statistics: course.counters.statistics(wall), issues, busy: busy.shares(wall) })
}

/// Where an entry belongs in the target.
fn to_path(entry: &[u8]) -> Result<Cow<'_, Path>, ApplyError> {
    path::inside(entry).map_err(|reason| {
        let path = String::from_utf8_lossy(entry).into_owned().into();
        ApplyError::Malformed { path, reason }
    })
}

/// Whether an error means that nothing more can be written.
fn at_an_end(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    #[cfg(unix)]
    if [libc::EIO, libc::EMFILE, libc::ENFILE].map(Some).contains(&error.raw_os_error()) {
        return true;
    }
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::ReadOnlyFilesystem)
}

fn restore_warning(course: &Course, warning: &Warning) {
    course.issue(&path::bytes(&warning.path), IssueKind::Metadata, warning.to_string());
}

/// What all threads of a restore share.
struct Restore<'r> {
    vault: &'r Vault,
    course: &'r Course,
    folder: &'r Path,
    target: &'r Target,
    busy: &'r Busy,
    patience: Patience,
    /// Entries that are not there, of those that have other names.
    lost: Mutex<HashMap<Vec<u8>, IssueKind>>,
}

/// Another name of an entry.
struct Link {
    path: Vec<u8>,
    existing: Vec<u8>,
    kind: Kind,
    size: u64,
}

impl Restore<'_> {
    /// Reports one entry that could not be written; without space none of the others could be.
    fn not_applied(&self, path: &[u8], error: &ApplyError) -> Result<()> {
        if let ApplyError::Io { source, .. } = error {
            if at_an_end(source) {
                let path = to_path(path).map_or_else(|_| self.folder.to_path_buf(), |path| self.folder.join(path));
                return Err(Error::file(&path, source));
            }
        }
        self.course.issue(path, IssueKind::Unreadable, error.to_string());
        Ok(())
    }

    /// Reports one entry that could not be read from the repository.
    fn not_read(&self, path: &[u8], error: &Error) -> IssueKind {
        let kind = match error {
            Error::Damaged { .. } => IssueKind::Damaged,
            _ => IssueKind::Unreadable,
        };
        self.course.issue(path, kind, error.to_string());
        kind
    }

    /// Makes another name of what is restored.
    fn link(&self, link: Link) -> Result<()> {
        self.course.check()?;
        if let Some(&kind) = self.lost.lock().get(&link.existing) {
            let first = String::from_utf8_lossy(&link.existing);
            self.course.issue(&link.path, kind, format!("it is a hard link of {first}, which could not be restored"));
            return Ok(());
        }
        let linked = to_path(&link.path)
            .and_then(|path| to_path(&link.existing).and_then(|existing| self.target.hard_link(&path, &existing)));
        if let Err(error) = linked {
            return self.not_applied(&link.path, &error);
        }
        let counters = &self.course.counters;
        Counters::add(&counters.bytes, link.size);
        Counters::add(if link.kind == Kind::File { &counters.files } else { &counters.others }, 1);
        Ok(())
    }

    fn work(&self, to_do: &Receiver<Task>) -> Result<()> {
        let mut shift = self.busy.enter(Stage::Restore);
        let mut reader = SegmentReader::new()?;
        let mut room = PageBuffer::default();
        while let Ok(task) = shift.wait(|| to_do.recv()) {
            self.course.check()?;
            let (store, keys) = (&*self.vault.store, &self.vault.keys);
            reader.each(store, keys, &task.pack, &task.segments, |_, pieces, plain| {
                self.patience.goes_on(&plain)?;
                for piece in pieces {
                    let bytes = plain.clone().and_then(|plain| cut_out(self.vault, &piece.place, &task.pack, plain));
                    match bytes {
                        Ok(bytes) => self.write(piece, bytes, &mut room)?,
                        Err(error) => self.chunk_lost(&piece.file, &error),
                    }
                    self.chunk_done(&piece.file)?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn write(&self, piece: &PlacedPiece, mut bytes: &[u8], room: &mut PageBuffer) -> Result<()> {
        let file = &piece.file;
        let writer = {
            let mut state = file.state.lock();
            if state.failed {
                return Ok(());
            }
            match &state.writer {
                Some(writer) => Arc::clone(writer),
                None => match to_path(&file.path).and_then(|path| self.target.file(&path, &file.metadata)) {
                    Ok(writer) => Arc::clone(state.writer.insert(Arc::new(writer))),
                    Err(error) => {
                        state.failed = true;
                        drop(state);
                        return self.file_not_applied(file, &error);
                    }
                },
            }
        };
        for range in &piece.ranges {
            let (here, rest) = bytes.split_at(range.length as usize);
            bytes = rest;
            if let Err(error) = writer.write_at(range.offset, here, room) {
                if !std::mem::replace(&mut file.state.lock().failed, true) {
                    self.file_not_applied(file, &error)?;
                }
                return Ok(());
            }
            file.state.lock().written += range.length;
            Counters::add(&self.course.counters.bytes, range.length);
        }
        Ok(())
    }

    /// A file with a chunk that cannot be read is left out, rather than be there with wrong bytes.
    fn chunk_lost(&self, file: &RestoredFile, error: &Error) {
        if !std::mem::replace(&mut file.state.lock().failed, true) {
            let kind = self.not_read(&file.path, error);
            self.lose(file, kind);
        }
    }

    fn file_not_applied(&self, file: &RestoredFile, error: &ApplyError) -> Result<()> {
        self.lose(file, IssueKind::Unreadable);
        self.not_applied(&file.path, error)
    }

    fn lose(&self, file: &RestoredFile, kind: IssueKind) {
        if file.metadata.link_group().is_some() {
            self.lost.lock().insert(file.path.clone(), kind);
        }
    }

    /// One chunk of the file, or the planning of it, is over.
    fn chunk_done(&self, file: &RestoredFile) -> Result<()> {
        let mut state = file.state.lock();
        state.missing -= 1;
        if state.missing > 0 {
            return Ok(());
        }
        let (writer, written, failed) = (state.writer.take(), state.written, state.failed);
        drop(state);
        let counters = &self.course.counters;
        if failed {
            // Dropped unfinished, the writer removes what was written.
            counters.bytes.fetch_sub(written, Relaxed);
            return Ok(());
        }
        let writer = match writer.map(Arc::try_unwrap) {
            Some(Ok(writer)) => Ok(writer),
            // Every other holder has given it back before it counted its chunk as done.
            Some(Err(_)) => return Err(Error::invalid("engine", "a restored file is still being written")),
            // Nothing but holes, or nothing at all.
            None => to_path(&file.path).and_then(|path| self.target.file(&path, &file.metadata)),
        };
        match writer.and_then(FileWriter::finish) {
            Ok(warnings) => {
                warnings.iter().for_each(|warning| restore_warning(self.course, warning));
                Counters::add(&counters.files, 1);
                Counters::add(&counters.bytes, file.metadata.size.saturating_sub(written));
                Ok(())
            }
            Err(error) => {
                counters.bytes.fetch_sub(written, Relaxed);
                self.file_not_applied(file, &error)
            }
        }
    }
}

struct Planner<'p> {
    restore: &'p Restore<'p>,
    trees: &'p mut Trees,
    only: &'p [Vec<u8>],
    tasks: Sender<Task>,
    /// By pack and segment.
    gathered: HashMap<(u32, u32), (PackInfo, SegmentInfo, Vec<PlacedPiece>)>,
    files: usize,
    bytes: u64,
    /// Of files with several names, by device and inode.
    first_names: HashMap<(u64, u64), Vec<u8>>,
    links: Vec<Link>,
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

    fn run(&mut self, root: &Id) -> Result<()> {
        let (course, target) = (self.restore.course, self.restore.target);
        let mut descent = Descent::new(Vec::new(), self.nodes(root, &[])?);
        while let Some((path, node)) = descent.next() {
            course.check()?;
            match (self.wanted(&path), node.metadata.kind) {
                (Wanted::No, _) => {}
                (wanted, Kind::Directory) => {
                    course.work_on(&path);
                    // What is on the way and there already belongs to whoever made it.
                    let made = to_path(&path).and_then(|place| {
                        let is_missing = wanted == Wanted::All || !self.restore.folder.join(&place).is_dir();
                        if is_missing {
                            target.directory(&place, &node.metadata)?;
                        }
                        Ok(is_missing)
                    });
                    match made {
                        Ok(made) => Counters::add(&course.counters.folders, made.into()),
                        Err(error) => {
                            self.restore.not_applied(&path, &error)?;
                            continue;
                        }
                    }
                    if let Some(folder) = &node.folder {
                        let nodes = self.nodes(folder, &path)?;
                        descent.enter(path, nodes);
                    }
                }
                (Wanted::Way, _) => {}
                (Wanted::All, _) => self.entry(path, node)?,
            }
        }
        Counters::add(&course.counters.walked, 1);
        Ok(())
    }

    /// What is in a folder; nothing, where that is lost.
    fn nodes(&mut self, id: &Id, at: &[u8]) -> Result<Vec<Node>> {
        let nodes = self.trees.nodes(id);
        self.restore.patience.goes_on(&nodes)?;
        Ok(nodes.unwrap_or_else(|error| {
            self.restore.not_read(at, &error);
            Vec::new()
        }))
    }

    fn entry(&mut self, path: Vec<u8>, node: Node) -> Result<()> {
        let (course, target) = (self.restore.course, self.restore.target);
        let Metadata { kind, size, .. } = *node.metadata;
        if kind == Kind::File {
            Counters::add(&course.counters.files_found, 1);
            Counters::add(&course.counters.bytes_found, size);
        }
        let group = node.metadata.link_group();
        if let Some(group) = group {
            if let Some(first) = self.first_names.get(&group) {
                let size = if kind == Kind::File { size } else { 0 };
                self.links.push(Link { path, existing: first.clone(), kind, size });
                return Ok(());
            }
            self.first_names.insert(group, path.clone());
        }
        course.work_on(&path);
        if kind == Kind::File {
            return self.plan(path, &node);
        }
        match to_path(&path).and_then(|path| target.special(&path, &node.metadata)) {
            Ok(warnings) => {
                warnings.iter().for_each(|warning| restore_warning(course, warning));
                Counters::add(&course.counters.others, 1);
                Ok(())
            }
            Err(error) => {
                if group.is_some() {
                    self.restore.lost.lock().insert(path.clone(), IssueKind::Unreadable);
                }
                self.restore.not_applied(&path, &error)
            }
        }
    }

    /// Gathers the chunks of a file.
    fn plan(&mut self, path: Vec<u8>, node: &Node) -> Result<()> {
        let state = FileState { writer: None, missing: 1, written: 0, failed: false };
        let file = Arc::new(RestoredFile { path, metadata: Metadata::clone(&node.metadata), state: Mutex::new(state) });
        self.files += 1;
        let gathered = self.gather(&file, node);
        if let Err(error) = &gathered {
            self.restore.patience.goes_on(&gathered)?;
            self.restore.chunk_lost(&file, error);
        }
        self.restore.chunk_done(&file)?;
        if self.files >= GATHERED_FILES || self.bytes >= GATHERED_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn gather(&mut self, file: &Arc<RestoredFile>, node: &Node) -> Result<()> {
        let mut layout = Layout::new(&node.metadata);
        self.gather_list(file, &mut layout, node.chunks.as_deref().unwrap_or_default())?;
        for list in node.lists.iter().flatten() {
            let chunks = self.trees.chunk_list(list)?;
            self.gather_list(file, &mut layout, &chunks)?;
        }
        match layout.is_full() {
            true => Ok(()),
            false => Err(wrong_length(&file.path)),
        }
    }

    fn gather_list(&mut self, file: &Arc<RestoredFile>, layout: &mut Layout, chunks: &[ChunkRef]) -> Result<()> {
        for chunk in chunks {
            let ranges = layout.next(chunk).ok_or_else(|| wrong_length(&file.path))?;
            let (place, pack) = locate(self.restore.vault, chunk)?;
            file.state.lock().missing += 1;
            let segment = self.gathered.entry((place.pack, place.segment.number));
            let (.., pieces) = segment.or_insert_with(|| (pack, place.segment, Vec::new()));
            pieces.push(PlacedPiece { place, ranges, file: Arc::clone(file) });
            self.bytes += u64::from(chunk.length);
            if self.bytes >= GATHERED_BYTES {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Sends what was gathered, in the order of the packs.
    fn flush(&mut self) -> Result<()> {
        let mut gathered: Vec<_> = self.gathered.drain().collect();
        gathered.sort_unstable_by_key(|(key, _)| *key);
        (self.files, self.bytes) = (0, 0);
        let mut left = gathered.into_iter();
        while let Some(&((number, _), (pack, ..))) = left.as_slice().first() {
            let of_pack =
                left.as_slice().iter().map_while(|((pack, _), (_, segment, _))| (*pack == number).then_some(segment));
            let length = pack::run_length(of_pack);
            let segments = left.by_ref().take(length).map(|(_, (_, segment, pieces))| (segment, pieces)).collect();
            self.tasks.send(Task { pack, segments }).map_err(|_| Error::Cancelled)?;
        }
        Ok(())
    }
}
