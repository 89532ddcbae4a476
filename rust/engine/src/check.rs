//! Check of a repository: its log, its index, its packs, and that all a snapshot needs is there.

use crate::budget::Share;
use crate::content::{locate, name_of};
use crate::error::{Error, Result};
use crate::id::{is_random_name, Id};
use crate::index::{self, PackInfo};
use crate::listing::join;
use crate::log;
use crate::pack::{self, Blob, PackRecord, SegmentReader, MAX_SEGMENT};
use crate::pipeline::{Busy, Counters, Course, Stage, Vault};
use crate::store;
use crate::tree::Kind;
use crate::trees::Trees;
use crossbeam_channel::Receiver;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

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

/// Threads that read data, at most.
const MOST_WORKERS: usize = 8;

/// A segment to read, with the blobs that must be in it.
struct Task {
    pack: Arc<PackInfo>,
    number: u32,
    blobs: Vec<Blob>,
}

struct Check<'c> {
    vault: &'c Vault,
    course: &'c Course,
    /// The first thing that is wrong with each object.
    damage: Mutex<BTreeMap<String, String>>,
}

/// Looks at everything, or with `read_data` at every byte. Damage does not end it.
pub(crate) fn run(vault: Vault, share: Share, options: &CheckOptions, course: &Course) -> Result<CheckReport> {
    let check = Check { vault: &vault, course, damage: Mutex::default() };
    let packs = check.index()?;
    let unused = check.packs(&packs)?;
    let snapshots = check.log()?;
    check.snapshots(&snapshots)?;
    Counters::add(&course.counters.walked, 1);
    let mut report = CheckReport {
        snapshots: snapshots.len() as u64,
        packs: packs.len() as u64,
        unused_packs: unused,
        chunks: vault.index.read().blob_count(),
        ..CheckReport::default()
    };
    if options.read_data {
        check.data(packs, share.bytes)?;
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

    /// Keeps damage, passes other errors on.
    fn keep<T>(&self, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Error::Damaged { object, why }) => {
                self.found(object, why);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The packs that the index objects tell of.
    fn index(&self) -> Result<HashMap<[u8; 16], PackRecord>> {
        let store = &*self.vault.store;
        let objects = store.list(index::FOLDER).map_err(|error| store::failed("cannot list the index", error))?;
        let mut packs = HashMap::new();
        for (name, _) in objects.into_iter().filter(|(name, _)| is_random_name(index::FOLDER, name)) {
            self.course.check()?;
            for record in self.keep(index::read_object(store, &self.vault.keys, &name))?.into_iter().flatten() {
                packs.insert(record.name, record);
            }
        }
        Ok(packs)
    }

    /// Compares the packs in the store with what the index tells of them: how many it does not know.
    fn packs(&self, known: &HashMap<[u8; 16], PackRecord>) -> Result<u64> {
        let store = &*self.vault.store;
        let objects = store.list(pack::FOLDER).map_err(|error| store::failed("cannot list the packs", error))?;
        let sizes: HashMap<[u8; 16], u64> =
            objects.iter().filter_map(|(object, size)| Some((pack::parse_name(object)?, *size))).collect();
        for (name, record) in known {
            self.course.check()?;
            let object = pack::object_name(name);
            match sizes.get(name) {
                None => self.found(object, "it is missing; what only it had is lost, back up again to store it anew"),
                Some(&size) if size != record.size => {
                    let why = format!(
                        "it has {size} bytes instead of {}; restore it from a copy of the repository",
                        record.size
                    );
                    self.found(object, why);
                }
                Some(&size) => {
                    let contents = self.keep(pack::read_contents(store, &self.vault.keys, name, size))?;
                    if contents.is_some_and(|contents| contents != *record) {
                        self.found(object, "its table of contents is not what the index says");
                    }
                }
            }
        }
        Ok(sizes.keys().filter(|name| !known.contains_key(*name)).count() as u64)
    }

    /// The snapshots of the log, whose entries must follow one another: id and top folder.
    fn log(&self) -> Result<Vec<(Id, Id)>> {
        let store = &*self.vault.store;
        let mut snapshots = Vec::new();
        let mut before: Option<Id> = None;
        let mut expected = 1;
        for number in log::numbers(store)? {
            self.course.check()?;
            for missing in expected..number {
                self.found(log::object_name(missing), "it is missing, and with it perhaps a snapshot");
                before = None;
            }
            let entry = self.keep(log::read(store, &self.vault.keys, number))?;
            if let Some(entry) = &entry {
                // After an entry that cannot be read, there is nothing to compare with.
                let follows = entry.previous == before || (before.is_none() && number > 1 && entry.previous.is_some());
                if !follows {
                    self.found(
                        log::object_name(number),
                        "it does not follow the entry before it; one of them was replaced",
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
            self.folder(&mut trees, id, root, &[], &mut seen)?;
        }
        Ok(())
    }

    fn folder(&self, trees: &mut Trees, snapshot: &Id, id: &Id, at: &[u8], seen: &mut HashSet<Id>) -> Result<()> {
        self.course.check()?;
        if !seen.insert(*id) {
            return Ok(());
        }
        for node in self.keep(trees.nodes(id))?.into_iter().flatten() {
            let path = join(at, &node.name);
            if let Some(folder) = &node.folder {
                self.folder(trees, snapshot, folder, &path, seen)?;
                continue;
            }
            if node.metadata.kind != Kind::File {
                continue;
            }
            let Some(chunks) = self.keep(trees.chunks(&node))? else { continue };
            if let Some(lost) = chunks.iter().find(|chunk| locate(self.vault, chunk).is_err()) {
                let why = format!(
                    "no pack has it; {} of snapshot {snapshot} needs it, back that up again to store it anew",
                    String::from_utf8_lossy(&path)
                );
                self.found(name_of(&lost.id), why);
            }
            let bytes: u64 = chunks.iter().map(|chunk| u64::from(chunk.length)).sum();
            let data: u64 = node.metadata.data_extents().iter().map(|extent| extent.length).sum();
            if bytes != data {
                let why =
                    format!("{} in it has chunks of {bytes} bytes instead of {data}", String::from_utf8_lossy(&path));
                self.found(format!("snapshot {snapshot}"), why);
            }
        }
        Ok(())
    }

    /// Reads every segment of the packs, and compares every blob with its identity.
    fn data(&self, packs: HashMap<[u8; 16], PackRecord>, memory: u64) -> Result<()> {
        let affordable = memory as usize / (2 * MAX_SEGMENT as usize);
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let workers = cpus.max(self.vault.store.parallelism()).min(affordable).clamp(1, MOST_WORKERS);
        let busy = Busy::default();
        let (tasks, to_do) = crossbeam_channel::bounded(2 * workers);
        let counters = &self.course.counters;
        for record in packs.values() {
            Counters::add(&counters.bytes_found, record.contents.0.iter().map(|segment| segment.plain()).sum());
            Counters::add(&counters.files_found, 1);
        }
        std::thread::scope(|scope| {
            for _ in 0..workers {
                let (to_do, busy) = (to_do.clone(), &busy);
                scope.spawn(move || {
                    if let Err(error) = self.work(&to_do, busy) {
                        self.course.fail(error);
                    }
                });
            }
            drop(to_do);
            let mut packs: Vec<PackRecord> = packs.into_values().collect();
            packs.sort_unstable_by_key(|record| record.name);
            for record in packs {
                self.course.work_on(pack::object_name(&record.name).as_bytes());
                let pack = Arc::new(PackInfo::of(&record));
                for (number, segment) in record.contents.0.into_iter().enumerate() {
                    let task = Task { pack: Arc::clone(&pack), number: number as u32, blobs: segment.blobs };
                    if tasks.send(task).is_err() {
                        return;
                    }
                }
                Counters::add(&counters.files, 1);
            }
            drop(tasks);
        });
        self.course.outcome()
    }

    fn work(&self, to_do: &Receiver<Task>, busy: &Busy) -> Result<()> {
        let mut shift = busy.enter(Stage::Restore);
        let mut reader = SegmentReader::new()?;
        while let Ok(task) = shift.wait(|| to_do.recv()) {
            self.course.check()?;
            let read = reader.read(&*self.vault.store, &self.vault.keys, &task.pack, task.number);
            let plain = match read {
                // A pack that ends early gives fewer bytes, or an error of the store that is not its fault.
                Err(Error::Store { why, .. })
                    if self.damage.lock().contains_key(&pack::object_name(&task.pack.name)) =>
                {
                    tracing::debug!("{why}");
                    continue;
                }
                read => self.keep(read)?,
            };
            let Some(plain) = plain else { continue };
            Counters::add(&self.course.counters.bytes_read, plain.len() as u64);
            Counters::add(&self.course.counters.bytes, plain.len() as u64);
            let good = pack::split(&task.blobs, &plain)
                .filter(|(blob, bytes)| pack::verify(&self.vault.keys, blob.kind, &blob.id, bytes));
            if good.count() != task.blobs.len() {
                let why = format!("a blob of its segment {} is not what it was", task.number);
                self.found(pack::object_name(&task.pack.name), why);
            }
        }
        Ok(())
    }
}
