//! Check of a repository: its log, its index, its packs, and that all a snapshot needs is there.

use crate::budget::Share;
use crate::content::{locate, name_of, Patience};
use crate::error::{Error, Result};
use crate::folder::{ChunkRef, Node};
use crate::id::{is_random_name, Id};
use crate::index::{self, PackInfo, SegmentInfo};
use crate::log;
use crate::pack::{self, Blob, PackRecord, SegmentReader};
use crate::pipeline::{Counters, Course, Vault};
use crate::store;
use crate::tree::Kind;
use crate::trees::{Descent, Trees};
use crossbeam_channel::Receiver;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

#[derive(Debug, Clone, Copy, Default)]
pub struct CheckOptions {
    /// Fetch, open and verify every byte as well.
    pub read_data: bool,
}

/// Something wrong with an object of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Name of the object in the store.
    pub object: String,
    /// What is wrong, and what to do.
    pub why: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckReport {
    pub snapshots: u64,
    /// Packs that the index knows.
    pub packs: u64,
    /// Packs that it does not know: left by interrupted runs, harmless.
    pub unused_packs: u64,
    pub chunks: u64,
    pub bytes_read: u64,
    pub damage: Vec<Damage>,
}

/// What to do about a pack.
const FROM_A_COPY: &str = "bring it back from a copy of the repository, or files with content in it cannot be restored";

/// What to do about a damaged object.
fn advice(object: &str) -> &'static str {
    match object.split_once('/') {
        Some((pack::FOLDER, _)) => FROM_A_COPY,
        Some((index::FOLDER, _)) => {
            "the packs tell what it told, nothing is lost; bring it back from a copy of the repository"
        }
        Some((log::FOLDER, _)) => "bring it back from a copy of the repository, or its snapshot is lost",
        _ => "what is in that folder cannot be restored; back it up again to store it anew",
    }
}

/// Segments to read at once, with the blobs that must be in them.
struct Task {
    pack: PackInfo,
    segments: Vec<(SegmentInfo, Vec<Blob>)>,
}

struct Check<'c> {
    vault: &'c Vault,
    course: &'c Course,
    workers: usize,
    patience: Patience,
    /// The first thing that is wrong with each object.
    damage: Mutex<BTreeMap<String, String>>,
}

/// Looks at everything, or with `read_data` at every byte. Damage does not end it.
///
/// Others may write meanwhile. They write packs, then index, then log, so it reads in the opposite order: whatever one of
/// these tells of was there before it, and is found.
pub(crate) fn run(vault: Vault, share: Share, options: &CheckOptions, course: &Course) -> Result<CheckReport> {
    let workers = share.openers(vault.store.parallelism());
    let check = Check { vault: &vault, course, workers, patience: Patience::default(), damage: Mutex::default() };
    let snapshots = check.log()?;
    for problem in index::refresh(&vault.index, &*vault.store, &vault.keys)? {
        tracing::warn!("{problem}");
    }
    let mut packs = check.index()?;
    let sizes = check.stored()?;
    check.packs_without_index(&mut packs, &sizes)?;
    check.packs(&packs, &sizes)?;
    check.snapshots(&snapshots)?;
    Counters::add(&course.counters.walked, 1);
    let mut report = CheckReport {
        snapshots: snapshots.len() as u64,
        packs: packs.len() as u64,
        unused_packs: sizes.keys().filter(|name| !packs.contains_key(*name)).count() as u64,
        chunks: vault.index.read().blob_count(),
        ..CheckReport::default()
    };
    if options.read_data {
        check.data(packs)?;
    }
    report.bytes_read = course.counters.statistics(course.started.elapsed()).bytes_read;
    let damage = check.damage.into_inner();
    report.damage = damage.into_iter().map(|(object, why)| Damage { object, why }).collect();
    Ok(report)
}

impl Check<'_> {
    fn found(&self, object: impl Into<String>, why: impl Into<String>) {
        self.damage.lock().entry(object.into()).or_insert_with(|| why.into());
    }

    /// Keeps damage, and what the store does not give, passes other errors on.
    fn keep<T>(&self, result: Result<T>) -> Result<Option<T>> {
        self.patience.goes_on(&result)?;
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Error::Damaged { object, why }) => {
                // The advice that follows is for others: to run a check.
                let what = why.split(';').next().unwrap_or_default();
                let why = format!("{what}; {}", advice(&object));
                self.found(object, why);
                Ok(None)
            }
            Err(Error::Store { what, why }) => {
                let object = what.strip_prefix("cannot read ").unwrap_or(&what);
                self.found(object, format!("it cannot be read ({why}); see to the disk or the server that it is on"));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The packs that the index objects tell of.
    fn index(&self) -> Result<HashMap<[u8; 16], PackRecord>> {
        let (store, keys) = (&*self.vault.store, &self.vault.keys);
        let objects = store.list(index::FOLDER).map_err(|error| store::failed("cannot list the index", error))?;
        let mut packs = HashMap::new();
        for (name, _) in objects.into_iter().filter(|(name, _)| is_random_name(index::FOLDER, name)) {
            self.course.check()?;
            for record in self.keep(index::read_object(store, keys, &name))?.into_iter().flatten() {
                packs.insert(record.name, record);
            }
        }
        Ok(packs)
    }

    /// Adds the packs whose own tables have taken the place of damaged index objects.
    fn packs_without_index(
        &self,
        packs: &mut HashMap<[u8; 16], PackRecord>,
        sizes: &HashMap<[u8; 16], u64>,
    ) -> Result<()> {
        let (store, keys) = (&*self.vault.store, &self.vault.keys);
        for (name, size) in sizes {
            if self.vault.index.read().has_pack(name)? && !packs.contains_key(name) {
                self.course.check()?;
                packs.extend(self.keep(pack::read_contents(store, keys, name, *size))?.map(|record| (*name, record)));
            }
        }
        Ok(())
    }

    /// The packs in the store, with their sizes.
    fn stored(&self) -> Result<HashMap<[u8; 16], u64>> {
        let objects = self.vault.store.list(pack::FOLDER);
        let objects = objects.map_err(|error| store::failed("cannot list the packs", error))?;
        Ok(objects.iter().filter_map(|(object, size)| Some((pack::parse_name(object)?, *size))).collect())
    }

    /// Compares the packs in the store with what the index tells of them.
    fn packs(&self, known: &HashMap<[u8; 16], PackRecord>, sizes: &HashMap<[u8; 16], u64>) -> Result<()> {
        let records: Vec<&PackRecord> = known.values().collect();
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..self.workers {
                scope.spawn(|| {
                    while let Some(record) = records.get(next.fetch_add(1, Relaxed)) {
                        let compared = self.course.check().and_then(|()| self.pack(record, sizes.get(&record.name)));
                        if let Err(error) = compared {
                            return self.course.fail(error);
                        }
                    }
                });
            }
        });
        self.course.outcome()
    }

    /// Compares a pack with what the index tells of it.
    fn pack(&self, record: &PackRecord, size: Option<&u64>) -> Result<()> {
        let object = pack::object_name(&record.name);
        match size {
            None => self.found(object, format!("it is missing; {FROM_A_COPY}")),
            Some(&size) if size != record.size => {
                self.found(object, format!("it has {size} bytes instead of {}; {FROM_A_COPY}", record.size));
            }
            Some(&size) => {
                let contents = pack::read_contents(&*self.vault.store, &self.vault.keys, &record.name, size);
                if self.keep(contents)?.is_some_and(|contents| contents != *record) {
                    self.found(object, format!("its table of contents is not what the index says; {FROM_A_COPY}"));
                }
            }
        }
        Ok(())
    }

    /// The snapshots of the log, whose entries must follow one another: id and top folder.
    fn log(&self) -> Result<Vec<(Id, Id)>> {
        let store = &*self.vault.store;
        let mut snapshots = Vec::new();
        let mut before: Option<Id> = None;
        let mut expected = 1;
        for number in log::numbers(store)? {
            self.course.check()?;
            if number > expected {
                let more = match number - expected {
                    1 => String::new(),
                    gap => format!(" like the {} that follow", gap - 1),
                };
                let why = format!(
                    "it is missing{more}, perhaps with a snapshot; bring it back from a copy of the repository"
                );
                self.found(log::object_name(expected), why);
                before = None;
            }
            let entry = self.keep(log::read(store, &self.vault.keys, number))?;
            if let Some(entry) = &entry {
                // After an entry that cannot be read, there is nothing to compare with.
                let follows = entry.previous == before || (before.is_none() && number > 1 && entry.previous.is_some());
                if !follows {
                    self.found(
                        log::object_name(number),
                        "it does not follow the entry before it; one of them was replaced: bring both back from a copy of the \
                         repository",
                    );
                }
                snapshots.extend(entry.snapshot.as_ref().map(|snapshot| (snapshot.id, snapshot.root)));
            }
            before = entry.map(|entry| entry.id);
            expected = number + 1;
        }
        Ok(snapshots)
    }

    /// Whether all that the snapshots need is there.
    fn snapshots(&self, snapshots: &[(Id, Id)]) -> Result<()> {
        let mut trees = Trees::new(self.vault)?;
        let mut seen = HashSet::new();
        for (id, root) in snapshots {
            if !seen.insert(*root) {
                continue;
            }
            let top = self.keep(trees.nodes(root))?.unwrap_or_default();
            let mut descent = Descent::new(Vec::new(), top);
            while let Some((path, node)) = descent.next() {
                self.course.check()?;
                match &node.folder {
                    Some(folder) if seen.insert(*folder) => {
                        let nodes = self.keep(trees.nodes(folder))?.unwrap_or_default();
                        descent.enter(path, nodes);
                    }
                    Some(_) => {}
                    None if node.metadata.kind == Kind::File => self.file(&mut trees, id, &path, &node)?,
                    None => {}
                }
            }
        }
        Ok(())
    }

    fn file(&self, trees: &mut Trees, snapshot: &Id, path: &[u8], node: &Node) -> Result<()> {
        let mut lost = None;
        let mut bytes = 0;
        let mut look = |chunks: &[ChunkRef]| {
            bytes += chunks.iter().map(|chunk| u64::from(chunk.length)).sum::<u64>();
            lost = lost.or_else(|| chunks.iter().find(|chunk| locate(self.vault, chunk).is_err()).copied());
        };
        look(node.chunks.as_deref().unwrap_or_default());
        for list in node.lists.iter().flatten() {
            let Some(chunks) = self.keep(trees.chunk_list(list))? else { return Ok(()) };
            look(&chunks);
        }
        let path = String::from_utf8_lossy(path);
        if let Some(lost) = lost {
            let why =
                format!("no pack has it; {path} of snapshot {snapshot} needs it, back that up again to store it anew");
            self.found(name_of(&lost.id), why);
        }
        let data: u64 = node.metadata.data_extents().iter().map(|extent| extent.length).sum();
        if bytes != data {
            let why = format!("{path} in it has chunks of {bytes} bytes instead of {data}; back that up again");
            self.found(format!("snapshot {snapshot}"), why);
        }
        Ok(())
    }

    /// Reads every segment of the packs, and compares every blob with its identity.
    fn data(&self, packs: HashMap<[u8; 16], PackRecord>) -> Result<()> {
        let (tasks, to_do) = crossbeam_channel::bounded(2 * self.workers);
        let counters = &self.course.counters;
        for record in packs.values() {
            Counters::add(&counters.bytes_found, record.contents.plain());
            Counters::add(&counters.files_found, 1);
        }
        std::thread::scope(|scope| {
            for _ in 0..self.workers {
                let to_do = to_do.clone();
                scope.spawn(move || {
                    if let Err(error) = self.work(&to_do) {
                        self.course.fail(error);
                    }
                });
            }
            drop(to_do);
            let mut packs: Vec<PackRecord> = packs.into_values().collect();
            packs.sort_unstable_by_key(|record| record.name);
            for record in packs {
                self.course.work_on(pack::object_name(&record.name).as_bytes());
                let pack = PackInfo::of(&record);
                let segments: Vec<_> = index::segments(&record).collect();
                let mut contents = record.contents.0.into_iter().map(|segment| segment.blobs);
                let mut rest = &segments[..];
                while !rest.is_empty() {
                    let (run, after) = rest.split_at(pack::run_length(rest.iter()));
                    let segments = run.iter().copied().zip(contents.by_ref()).collect();
                    if tasks.send(Task { pack, segments }).is_err() {
                        return;
                    }
                    rest = after;
                }
                Counters::add(&counters.files, 1);
            }
            drop(tasks);
        });
        self.course.outcome()
    }

    fn work(&self, to_do: &Receiver<Task>) -> Result<()> {
        let mut reader = SegmentReader::new()?;
        for task in to_do {
            self.course.check()?;
            let (store, keys) = (&*self.vault.store, &self.vault.keys);
            reader.each(store, keys, &task.pack, &task.segments, |segment, blobs, opened| {
                let Some(plain) = self.keep(opened)? else { return Ok(()) };
                Counters::add(&self.course.counters.bytes_read, plain.len() as u64);
                Counters::add(&self.course.counters.bytes, plain.len() as u64);
                if !pack::verify_all(keys, blobs, plain) {
                    let number = segment.number;
                    let why = format!("a blob of its segment {number} is not what it was; {FROM_A_COPY}");
                    self.found(pack::object_name(&task.pack.name), why);
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}
