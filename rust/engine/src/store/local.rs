//! A folder as a store.
//!
//! An object is written under a temporary name in `tmp/`, synced, linked to its name (which the system refuses where
//! there is one) and its folder synced. A crash leaves at most a file in `tmp/`.
//!
//! Large objects go past the page cache, in which other programs have better things.

use super::{Store, StoreError};
use crate::direct::{self, Page, PageBuffer, LARGE, PAGE};
use crate::durable;
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

#[derive(Clone)]
pub struct LocalStore {
    folder: PathBuf,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Folders known to be there and to be durable.
    made: Mutex<HashSet<PathBuf>>,
    serial: AtomicU64,
}

/// Written at a time.
const STEP: usize = 8 << 20;

impl LocalStore {
    /// The folder is created with the first object.
    pub fn new(folder: impl Into<PathBuf>) -> LocalStore {
        LocalStore { folder: folder.into(), shared: Arc::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Makes a folder and those above it, each synced into its parent.
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        if self.shared.made.lock().contains(folder) {
            return Ok(());
        }
        if !folder.is_dir() {
            let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
            if let Some(parent) = parent {
                self.make_folder(parent)?;
            }
            match durable::create_folder(folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made?,
            }
            durable::sync_folder(parent.unwrap_or(Path::new(".")))?;
        }
        self.shared.made.lock().insert(folder.to_path_buf());
        Ok(())
    }

    fn write(&self, name: &str, data: &[u8]) -> io::Result<()> {
        let path = self.path(name);
        let folder = path.parent().unwrap_or(&self.folder).to_path_buf();
        let staging = self.folder.join("tmp");
        self.make_folder(&staging)?;
        self.make_folder(&folder)?;
        let serial = self.shared.serial.fetch_add(1, Ordering::Relaxed);
        let mut nonce = [0; 8];
        getrandom::fill(&mut nonce).map_err(|error| io::Error::other(error.to_string()))?;
        let temporary = staging.join(format!("{}-{serial}-{}", std::process::id(), crate::id::hex(&nonce)));
        let written = write_synced(&temporary, data).and_then(|()| std::fs::hard_link(&temporary, &path));
        // The object stands or does not whatever becomes of its other name.
        let _ = std::fs::remove_file(&temporary);
        written?;
        durable::sync_folder(&folder)
    }

    fn walk(&self, folder: &Path, name: &str, found: &mut Vec<(String, u64)>) -> io::Result<()> {
        let entries = match std::fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let Ok(part) = entry.file_name().into_string() else { continue };
            let name = format!("{name}/{part}");
            let metadata = entry.metadata()?;
            match metadata.is_dir() {
                true => self.walk(&entry.path(), &name, found)?,
                false => found.push((name, metadata.len())),
            }
        }
        Ok(())
    }
}

/// Writes a new file, durably.
fn write_synced(path: &Path, data: &[u8]) -> io::Result<()> {
    let mut file = durable::create(path)?;
    match data.len() >= LARGE && data.as_ptr().addr().is_multiple_of(PAGE) && direct::engage(&file) {
        true => write_pages(&file, data)?,
        false => file.write_all(data)?,
    }
    file.sync_data()
}

/// Whole pages, and what is left in a page of its own, of which the rest is then cut off.
fn write_pages(file: &File, data: &[u8]) -> io::Result<()> {
    let (pages, rest) = data.split_at(data.len() - data.len() % PAGE);
    // All of the room at once: one extent, and a full disk shows before anything is written.
    direct::find_room(file, 0, data.len().next_multiple_of(PAGE) as u64)?;
    let mut offset = 0;
    for step in pages.chunks(STEP) {
        direct::write_all_at(file, step, offset)?;
        offset += step.len() as u64;
    }
    if !rest.is_empty() {
        let mut last = Page::EMPTY;
        last.0[..rest.len()].copy_from_slice(rest);
        direct::write_all_at(file, &last.0, offset)?;
    }
    file.set_len(data.len() as u64)
}

fn store_error(error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::NotFound => StoreError::Missing,
        io::ErrorKind::AlreadyExists => StoreError::Exists,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full,
        _ => StoreError::Failed(error.to_string()),
    }
}

impl Store for LocalStore {
    fn create(&self, name: &str, data: Bytes) -> Result<(), StoreError> {
        self.write(name, &data).map_err(|error| match store_error(error) {
            // Of a folder, not of the object.
            StoreError::Missing => StoreError::Failed(format!("the folder {} vanished", self.folder.display())),
            error => error,
        })
    }

    fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Bytes, StoreError> {
        let read = || -> io::Result<Bytes> {
            let file = File::open(self.path(name))?;
            let size = file.metadata()?.len();
            let range = range.unwrap_or(0..size);
            let (start, end) = (range.start.min(size), range.end.min(size));
            let mut data = vec![0; end.saturating_sub(start) as usize];
            direct::read_exact_at(&file, &mut data, start)?;
            Ok(data.into())
        };
        read().map_err(store_error)
    }

    fn read(&self, name: &str, range: Range<u64>, into: &mut PageBuffer) -> Result<Range<usize>, StoreError> {
        direct::read(&self.path(name), range, into).map_err(store_error)
    }

    fn list(&self, folder: &str) -> Result<Vec<(String, u64)>, StoreError> {
        let mut found = Vec::new();
        self.walk(&self.path(folder), folder, &mut found).map_err(store_error)?;
        Ok(found)
    }

    fn parallelism(&self) -> usize {
        2
    }

    fn cancelled_by(&self, _cancel: CancellationToken) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }
}
