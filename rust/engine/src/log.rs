//! The log: numbered create-only entries, each naming the one before it. Snapshots are its entries.

use crate::cbor;
use crate::config::FORMAT;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::object::{open_object, seal_object};
use crate::seal::{Keys, Role};
use crate::snapshot::{Snapshot, Statistics};
use crate::store::{self, Store};
use crate::tree::Time;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) const FOLDER: &str = "log";

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
struct StatisticsRecord {
    #[n(0)]
    files: u64,
    #[n(1)]
    folders: u64,
    #[n(2)]
    others: u64,
    #[n(3)]
    unchanged: u64,
    #[n(4)]
    bytes: u64,
    #[n(5)]
    bytes_read: u64,
    #[n(6)]
    bytes_new: u64,
    #[n(7)]
    bytes_stored: u64,
    #[n(8)]
    chunks: u64,
    #[n(9)]
    chunks_new: u64,
    /// Nanoseconds.
    #[n(10)]
    duration: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
struct SnapshotRecord {
    #[n(0)]
    time: Time,
    #[n(1)]
    host: String,
    #[n(2)]
    user: String,
    #[n(3)]
    paths: Vec<ByteVec>,
    #[n(4)]
    tags: Vec<String>,
    #[n(5)]
    parent: Option<Id>,
    #[n(6)]
    root: Id,
    #[n(7)]
    statistics: StatisticsRecord,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
struct Record {
    /// Id of the entry before; absent in the first.
    #[n(0)]
    previous: Option<Id>,
    #[n(1)]
    snapshot: Option<SnapshotRecord>,
    /// The lowest format that a program must know to use the repository from here on; absent: 1. The config cannot
    /// change, so this is how a repository leaves a format; every entry has at least the value of the one before.
    #[n(2)]
    needs: Option<u32>,
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogEntry {
    /// Keyed hash of its text; also that of the snapshot.
    pub id: Id,
    pub previous: Option<Id>,
    /// `None`: an entry of another kind.
    pub snapshot: Option<Snapshot>,
    needs: Option<u32>,
}

pub(crate) fn object_name(number: u64) -> String {
    format!("{FOLDER}/{number:016}")
}

fn parse_name(object: &str) -> Option<u64> {
    let number = object.rsplit('/').next()?.parse().ok()?;
    (object_name(number) == object).then_some(number)
}

/// Numbers of all entries, ascending.
pub(crate) fn numbers(store: &dyn Store) -> Result<Vec<u64>> {
    let objects = store.list(FOLDER).map_err(|error| store::failed("cannot list the log", error))?;
    let mut numbers: Vec<u64> = objects.iter().filter_map(|(name, _)| parse_name(name)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

pub(crate) fn read(store: &dyn Store, keys: &Keys, number: u64) -> Result<LogEntry> {
    let name = object_name(number);
    let object = store::fetch(store, &name, None)?;
    let text = open_object(keys, Role::Log, &name, &object)?;
    let entry = decode(keys, &text).ok_or_else(|| Error::damaged(name, "it cannot be decoded"))?;
    match entry.needs {
        Some(found) if found > FORMAT => Err(Error::NewerFormat { found, supported: FORMAT }),
        _ => Ok(entry),
    }
}

fn decode(keys: &Keys, text: &[u8]) -> Option<LogEntry> {
    let record: Record = cbor::decode(text)?;
    let id = keys.snapshot_id(text);
    let snapshot = record.snapshot.map(|record| {
        let s = record.statistics;
        Snapshot {
            id,
            time: record.time,
            host: record.host,
            user: record.user,
            paths: record.paths.into_iter().map(Vec::from).collect(),
            tags: record.tags,
            parent: record.parent,
            root: record.root,
            statistics: Statistics {
                files: s.files,
                folders: s.folders,
                others: s.others,
                unchanged: s.unchanged,
                bytes: s.bytes,
                bytes_read: s.bytes_read,
                bytes_new: s.bytes_new,
                bytes_stored: s.bytes_stored,
                chunks: s.chunks,
                chunks_new: s.chunks_new,
                duration: Duration::from_nanos(s.duration),
            },
        }
    });
    Some(LogEntry { id, previous: record.previous, snapshot, needs: record.needs })
}

/// Entries that were read or written here. They never change, and a store far away takes its time to tell them again.
#[derive(Default)]
pub(crate) struct Log {
    seen: Mutex<BTreeMap<u64, LogEntry>>,
}

impl Log {
    pub fn read(&self, store: &dyn Store, keys: &Keys, number: u64) -> Result<LogEntry> {
        if let Some(entry) = self.seen.lock().get(&number) {
            return Ok(entry.clone());
        }
        let entry = read(store, keys, number)?;
        self.seen.lock().insert(number, entry.clone());
        Ok(entry)
    }

    /// A snapshot among the entries that were seen.
    pub fn seen(&self, id: Id) -> Option<Snapshot> {
        let seen = self.seen.lock();
        seen.values().rev().filter_map(|entry| entry.snapshot.as_ref()).find(|snapshot| snapshot.id == id).cloned()
    }

    /// Commits a snapshot as the next entry, and gives it its id.
    pub fn append(&self, store: &dyn Store, keys: &Keys, snapshot: &mut Snapshot) -> Result<()> {
        let mut record = record(snapshot);
        // The run has mostly seen the newest one. Where it has not, the number is taken, and the log tells which is free.
        let newest = self.seen.lock().keys().last().copied();
        let mut last = match newest {
            Some(last) => last,
            None => numbers(store)?.last().copied().unwrap_or(0),
        };
        loop {
            if last > 0 {
                let entry = self.read(store, keys, last)?;
                (record.previous, record.needs) = (Some(entry.id), entry.needs);
            }
            let name = object_name(last + 1);
            let text = cbor::encode(&record);
            let object = seal_object(keys, Role::Log, &name, &text)?;
            if store::create(store, &name, object.into())? {
                snapshot.id = keys.snapshot_id(&text);
                let (id, previous, needs) = (snapshot.id, record.previous, record.needs);
                let entry = LogEntry { id, previous, snapshot: Some(snapshot.clone()), needs };
                self.seen.lock().insert(last + 1, entry);
                return Ok(());
            }
            // Other runs come before this one.
            last = numbers(store)?.last().copied().unwrap_or(0).max(last + 1);
        }
    }
}

fn record(snapshot: &Snapshot) -> Record {
    let s = &snapshot.statistics;
    Record {
        previous: None,
        snapshot: Some(SnapshotRecord {
            time: snapshot.time,
            host: snapshot.host.clone(),
            user: snapshot.user.clone(),
            paths: snapshot.paths.iter().map(|path| ByteVec::from(path.clone())).collect(),
            tags: snapshot.tags.clone(),
            parent: snapshot.parent,
            root: snapshot.root,
            statistics: StatisticsRecord {
                files: s.files,
                folders: s.folders,
                others: s.others,
                unchanged: s.unchanged,
                bytes: s.bytes,
                bytes_read: s.bytes_read,
                bytes_new: s.bytes_new,
                bytes_stored: s.bytes_stored,
                chunks: s.chunks,
                chunks_new: s.chunks_new,
                duration: s.duration.as_nanos() as u64,
            },
        }),
        needs: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use zeroize::Zeroizing;

    #[test]
    fn an_entry_that_needs_a_newer_program_stops_this_one() {
        let folder = tempfile::tempdir().unwrap();
        let store = crate::store::LocalStore::new(folder.path());
        let keys = Keys::new(Id([1; 32]), Zeroizing::new([2; 32]));
        for (number, needs) in [(1, Some(FORMAT)), (2, Some(FORMAT + 1))] {
            let text = cbor::encode(&Record { previous: None, snapshot: None, needs });
            let name = object_name(number);
            let object = seal_object(&keys, Role::Log, &name, &text).unwrap();
            assert!(store::create(&store, &name, object.into()).unwrap());
        }
        assert!(read(&store, &keys, 1).is_ok());
        assert_eq!(read(&store, &keys, 2), Err(Error::NewerFormat { found: FORMAT + 1, supported: FORMAT }));
    }

    fn snapshot() -> Snapshot {
        let (id, root, time) = (Id([0; 32]), Id([3; 32]), Time::default());
        let (host, user) = ("host".to_owned(), "user".to_owned());
        let statistics = Statistics::default();
        Snapshot { id, time, host, user, paths: Vec::new(), tags: Vec::new(), parent: None, root, statistics }
    }

    #[test]
    fn who_has_not_seen_the_newest_entry_comes_after_it_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let store = crate::store::LocalStore::new(folder.path());
        let keys = Keys::new(Id([1; 32]), Zeroizing::new([2; 32]));
        let (ours, theirs) = (Log::default(), Log::default());
        let mut written = Vec::new();
        // The last one of ours is tried where theirs stand.
        for log in [&ours, &theirs, &theirs, &theirs, &ours] {
            let mut snapshot = snapshot();
            log.append(&store, &keys, &mut snapshot).unwrap();
            written.push(snapshot.id);
        }
        assert_eq!(numbers(&store).unwrap(), [1, 2, 3, 4, 5]);
        let mut previous = None;
        for (number, id) in (1..).zip(written) {
            let entry = read(&store, &keys, number).unwrap();
            assert_eq!((entry.id, entry.previous), (id, previous), "entry {number}");
            assert_eq!(ours.read(&store, &keys, number).unwrap(), entry, "as it is remembered");
            previous = Some(id);
        }
    }

    proptest! {
        #[test]
        fn decoding_never_panics(bytes: Vec<u8>) {
            let keys = Keys::new(Id([1; 32]), Zeroizing::new([2; 32]));
            let _ = decode(&keys, &bytes);
        }
    }
}
