//! Where objects are kept. Objects are only ever created, whole or not at all, and never changed.
//!
//! Calls block: they are made by threads of the pipeline.

mod local;
mod remote;

pub use local::LocalStore;
pub use remote::RemoteStore;

use crate::direct::PageBuffer;
use crate::error::{Error, Result};
use bytes::Bytes;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// There is an object of this name.
    Exists,
    /// There is no object of this name.
    Missing,
    /// No space is left.
    Full,
    Cancelled,
    /// Anything else. Whether the operation was applied is not known.
    Failed(String),
}

/// A store of objects. Names are relative, `/` between parts.
pub trait Store: Send + Sync {
    /// Creates an object, durably: once this returns, a power cut does not undo it.
    ///
    /// # Errors
    /// [`StoreError::Exists`] and nothing changed, where the name is taken.
    fn create(&self, name: &str, data: Bytes) -> Result<(), StoreError>;

    /// The object, or a range of it. A range that reaches beyond its end is an error or gives fewer bytes.
    fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Bytes, StoreError>;

    /// A large range of an object, into a buffer that is used again: where in it the bytes are, which may be fewer.
    fn read(&self, name: &str, range: Range<u64>, into: &mut PageBuffer) -> Result<Range<usize>, StoreError> {
        let data = self.get(name, Some(range))?;
        into.room(data.len())[..data.len()].copy_from_slice(&data);
        Ok(0..data.len())
    }

    /// Names and sizes of all objects whose name begins with `folder/`, in any order.
    fn list(&self, folder: &str) -> Result<Vec<(String, u64)>, StoreError>;

    /// How many calls at a time serve it best.
    fn parallelism(&self) -> usize;

    /// The same store, with calls that end early with [`StoreError::Cancelled`].
    fn cancelled_by(&self, cancel: CancellationToken) -> Arc<dyn Store>;
}

/// Opens the store that a URL names.
pub fn open(url: &str) -> Result<Arc<dyn Store>> {
    if url.is_empty() {
        return Err(Error::invalid("repository", "the URL is empty; give a folder or s3://bucket/prefix"));
    }
    match url.split_once("://") {
        Some(("s3", _)) => Ok(Arc::new(RemoteStore::s3(url)?)),
        Some(("file", _)) => {
            let folder =
                local_folder(url).ok_or_else(|| Error::invalid(url, "it is no file URL; give file:///folder"))?;
            Ok(Arc::new(LocalStore::new(folder)))
        }
        Some((scheme, _)) => {
            Err(Error::invalid(url, format!("cannot store to {scheme}://; give a folder or s3://bucket/prefix")))
        }
        None => Ok(Arc::new(LocalStore::new(url))),
    }
}

/// The folder that a URL names, if it is one of this machine.
pub(crate) fn local_folder(url: &str) -> Option<PathBuf> {
    match url.split_once("://") {
        Some(("file", _)) => url::Url::parse(url).ok()?.to_file_path().ok(),
        Some(_) => None,
        None => Some(url.into()),
    }
}

/// The error that the public interface shows for a failed call; `what` says what was being done.
pub(crate) fn failed(what: impl Into<String>, error: StoreError) -> Error {
    let why = match error {
        StoreError::Full => return Error::NoSpace { what: what.into() },
        StoreError::Cancelled => return Error::Cancelled,
        StoreError::Exists => "it exists already".into(),
        StoreError::Missing => "it is missing".into(),
        StoreError::Failed(why) => why,
    };
    Error::Store { what: what.into(), why }
}

/// Gets an object that must be there.
pub(crate) fn fetch(store: &dyn Store, name: &str, range: Option<Range<u64>>) -> Result<Bytes> {
    store.get(name, range).map_err(|error| not_read(name, error))
}

/// Like [`fetch`], for a large range.
pub(crate) fn read(store: &dyn Store, name: &str, range: Range<u64>, into: &mut PageBuffer) -> Result<Range<usize>> {
    store.read(name, range, into).map_err(|error| not_read(name, error))
}

fn not_read(name: &str, error: StoreError) -> Error {
    match error {
        StoreError::Missing => {
            Error::damaged(name, "it is missing from the store; run check to see what it takes with it")
        }
        error => failed(format!("cannot read {name}"), error),
    }
}

/// Objects up to this size are compared whole when an answer was lost, larger ones by their ends, which are random.
const COMPARED: usize = 64 << 10;

/// Creates an object; an answer that was lost is settled by reading back. `false`: another one has the name.
pub(crate) fn create(store: &dyn Store, name: &str, data: Bytes) -> Result<bool> {
    let mut last = match store.create(name, data.clone()) {
        Ok(()) => return Ok(true),
        Err(error @ (StoreError::Full | StoreError::Cancelled)) => return Err(failed(name, error)),
        Err(error) => error,
    };
    for _ in 0..2 {
        match stands(store, name, &data) {
            Ok(Some(ours)) => return Ok(ours),
            Ok(None) => {}
            Err(error) => return Err(failed(format!("cannot tell whether {name} was written"), error)),
        }
        // It is not there: creating it is safe whatever became of the first attempt.
        match store.create(name, data.clone()) {
            Ok(()) => return Ok(true),
            Err(error) => last = error,
        }
    }
    Err(failed(format!("cannot write {name}"), last))
}

/// Whether the object of this name is `data`; `None`: there is none.
fn stands(store: &dyn Store, name: &str, data: &[u8]) -> Result<Option<bool>, StoreError> {
    let end = data.len() as u64;
    let ranges = match data.len() > COMPARED {
        true => vec![Some(0..COMPARED as u64 / 2), Some(end - COMPARED as u64 / 2..end + 1)],
        false => vec![None],
    };
    for range in ranges {
        let expected = match &range {
            None => data,
            Some(range) => &data[range.start as usize..data.len().min(range.end as usize)],
        };
        match store.get(name, range) {
            Ok(found) if found == expected => {}
            Ok(_) => return Ok(Some(false)),
            Err(StoreError::Missing) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(true))
}
