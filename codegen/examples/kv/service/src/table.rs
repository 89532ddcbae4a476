//! The entries, and the rules for changing them. Nothing here knows of requests.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use kv::{Change, Condition, Entry, Full, Key, Options, StoreError, Version, MAX_KEY};
use rpc::Timestamp;

/// A value, and what is known of it but for its key.
pub struct Stored {
    pub value: Bytes,
    labels: BTreeMap<String, String>,
    version: Version,
    changed: SystemTime,
    until: Option<SystemTime>,
}

impl Stored {
    fn is_over(&self) -> bool {
        self.until.is_some_and(|until| until <= SystemTime::now())
    }

    fn entry(&self, key: &str) -> Entry {
        Entry {
            key: key.to_owned(),
            value: self.value.to_vec(),
            labels: self.labels.clone(),
            version: self.version,
            changed: self.changed.into(),
            until: self.until.map(Timestamp::from),
        }
    }
}

/// Entries by key, and what happened to them since somebody asked.
pub struct Table {
    room: u64,
    full: Full,
    entries: BTreeMap<Key, Stored>,
    version: Version,
    changes: Vec<Change>,
}

impl Table {
    pub fn new(options: Options) -> Self {
        Table { room: options.entries, full: options.full, entries: BTreeMap::new(), version: 0, changes: Vec::new() }
    }

    /// The changes since the last call, in their order.
    pub fn changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    pub fn count(&self) -> u64 {
        self.entries.len() as u64
    }

    pub fn put(
        &mut self,
        key: Key,
        value: Bytes,
        labels: BTreeMap<String, String>,
        until: Option<SystemTime>,
        when: Condition,
    ) -> Result<Version, StoreError> {
        if key.is_empty() || key.len() > MAX_KEY as usize {
            return Err(StoreError::BadKey { length: u32::try_from(key.len()).unwrap_or(u32::MAX) });
        }
        self.check(&key, when)?;
        if !self.entries.contains_key(&key) {
            self.make_room()?;
        }
        self.version += 1;
        let stored = Stored { value, labels, version: self.version, changed: SystemTime::now(), until };
        self.changes.push(Change::Put { entry: stored.entry(&key) });
        self.entries.insert(key, stored);
        Ok(self.version)
    }

    /// What is there, if its time is not over.
    pub fn stored(&mut self, key: &str) -> Option<&Stored> {
        if self.entries.get(key).is_some_and(Stored::is_over) {
            self.remove(key, true);
        }
        self.entries.get(key)
    }

    pub fn get(&mut self, key: &str) -> Result<Entry, StoreError> {
        self.stored(key).map(|stored| stored.entry(key)).ok_or_else(|| missing(key))
    }

    /// The first entry with the prefix whose key comes after `after`.
    pub fn next(&self, prefix: &str, after: Option<&str>) -> Option<Entry> {
        let from = after.map_or(Bound::Included(prefix), Bound::Excluded);
        self.entries
            .range::<str, _>((from, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .find(|(_, stored)| !stored.is_over())
            .map(|(key, stored)| stored.entry(key))
    }

    pub fn delete(&mut self, key: &str, when: Condition) -> Result<(), StoreError> {
        self.check(key, when)?;
        self.stored(key).ok_or_else(|| missing(key))?;
        self.remove(key, false);
        Ok(())
    }

    fn check(&mut self, key: &str, when: Condition) -> Result<(), StoreError> {
        let now = self.stored(key).map(|stored| stored.version);
        match (when, now) {
            (Condition::Always, _) | (Condition::New, None) => Ok(()),
            (Condition::Is { version }, Some(now)) if version == now => Ok(()),
            (Condition::Is { .. }, None) => Err(missing(key)),
            (_, Some(version)) => Err(StoreError::Changed { key: key.to_owned(), version }),
        }
    }

    /// For one more entry.
    fn make_room(&mut self) -> Result<(), StoreError> {
        if self.count() < self.room {
            return Ok(());
        }
        let Full::Drop { count } = self.full else {
            return Err(StoreError::Full { entries: self.count() });
        };
        let mut by_age: Vec<_> = self.entries.iter().map(|(key, stored)| (stored.version, key.clone())).collect();
        by_age.sort();
        for (_, key) in by_age.into_iter().take(count.max(1) as usize) {
            self.remove(&key, false);
        }
        Ok(())
    }

    fn remove(&mut self, key: &str, expired: bool) {
        self.entries.remove(key);
        self.changes.push(Change::Deleted { key: key.to_owned(), expired });
    }
}

/// The end of an entry that begins now and lives so long; absent where it is too far away to be told.
pub fn end(lives: Option<Duration>) -> Option<SystemTime> {
    lives.and_then(|lives| SystemTime::now().checked_add(lives))
}

fn missing(key: &str) -> StoreError {
    StoreError::Missing { key: key.to_owned() }
}
