//! Records of one size, numbered in the order in which they came.
//!
//! The last ones are in memory, and the rest in a file without a name, which the system keeps in memory as far as it has any
//! to spare. What came together is read together: chunks of a file are neighbours.

use crate::direct;
use crate::error::{Error, Result};
use parking_lot::Mutex;
use std::fs::File;
use std::path::PathBuf;

pub(super) struct Ledger<const SIZE: usize> {
    /// Records that are in the file.
    written: u64,
    file: Option<File>,
    /// Those that are not, one after the other.
    last: Vec<[u8; SIZE]>,
    /// Of them, at most.
    most: usize,
    /// Groups of the file that were read, each in the place that its number says.
    recent: Vec<Mutex<Group<SIZE>>>,
}

/// Records that are read at once: a system call costs more than their bytes, and the neighbours are asked for next.
const GROUP: usize = 64;
/// Groups that are kept.
const RECENT: u64 = 64;

struct Group<const SIZE: usize> {
    number: u64,
    /// None, until it was read.
    records: Vec<[u8; SIZE]>,
}

impl<const SIZE: usize> Ledger<SIZE> {
    /// Keeps so many bytes in memory, and some groups.
    pub fn new(memory: usize) -> Ledger<SIZE> {
        // So that groups of the file are whole, and stay as they are.
        let most = (memory / SIZE).next_multiple_of(GROUP).max(GROUP);
        Ledger { written: 0, file: None, last: Vec::new(), most, recent: Vec::new() }
    }

    pub fn len(&self) -> u64 {
        self.written + self.last.len() as u64
    }

    /// Adds a record: its number.
    pub fn push(&mut self, record: [u8; SIZE]) -> Result<u32> {
        let number = u32::try_from(self.len()).map_err(|_| super::table::too_many())?;
        if self.last.len() >= self.most {
            if self.file.is_none() {
                self.file = Some(nameless()?);
                self.recent = (0..RECENT).map(|_| Mutex::new(Group { number: 0, records: Vec::new() })).collect();
            }
            if let Some(file) = &self.file {
                direct::write_all_at(file, self.last.as_flattened(), self.written * SIZE as u64).map_err(failed)?;
            }
            self.written += self.last.len() as u64;
            self.last.clear();
        }
        self.last.push(record);
        Ok(number)
    }

    pub fn get(&self, number: u32) -> Result<[u8; SIZE]> {
        let number = u64::from(number);
        if let Some(at) = number.checked_sub(self.written) {
            return Ok(self.last[at as usize]);
        }
        let Some(file) = &self.file else { unreachable!("records leave memory for the file only") };
        let (wanted, at) = (number / GROUP as u64, number as usize % GROUP);
        let mut group = self.recent[(wanted % RECENT) as usize].lock();
        if group.number != wanted || group.records.is_empty() {
            let mut records = std::mem::take(&mut group.records);
            records.resize(GROUP, [0; SIZE]);
            let start = wanted * (GROUP * SIZE) as u64;
            direct::read_exact_at(file, records.as_flattened_mut(), start).map_err(failed)?;
            *group = Group { number: wanted, records };
        }
        Ok(group.records[at])
    }
}

/// A file that is gone when it is closed. Rather on a disk than in `/tmp`, which may be memory.
fn nameless() -> Result<File> {
    let named = std::env::var_os("TMPDIR").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let folder = named.unwrap_or_else(|| if cfg!(unix) { "/var/tmp".into() } else { std::env::temp_dir() });
    let file = tempfile::tempfile_in(&folder).or_else(|_| tempfile::tempfile());
    file.map_err(|error| Error::file(&folder, &error))
}

fn failed(error: std::io::Error) -> Error {
    let why = format!("its temporary file cannot be used ({error}); see to the disk, or name another folder in TMPDIR");
    Error::invalid("index", why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_the_same_in_memory_and_in_the_file() {
        let mut ledger = Ledger::<3>::new(10);
        let record = |number: u32| [number as u8, (number >> 8) as u8, 7];
        for number in 0..10_000 {
            assert_eq!(ledger.push(record(number)).unwrap(), number);
            for before in [0, number / 2, number.saturating_sub(GROUP as u32), number] {
                assert_eq!(ledger.get(before).unwrap(), record(before));
            }
        }
        assert_eq!(ledger.len(), 10_000);
        assert!(ledger.file.is_some() && ledger.last.len() <= GROUP);
        assert!((0..10_000).all(|number| ledger.get(number).unwrap() == record(number)));
    }
}
