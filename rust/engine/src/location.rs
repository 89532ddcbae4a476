//! Where a repository lives and what unlocks it.

use crate::error::{Error, Result};
use crate::id::{hex, unhex};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Where a repository lives and how it is unlocked.
#[derive(Clone)]
pub struct Location {
    /// A folder (a path or `file://` URL), or `s3://bucket/prefix`. S3 endpoint, region and keys come from the usual
    /// `AWS_*` environment variables.
    pub url: String,
    pub credentials: Credentials,
    /// Bytes of memory that the pipeline may use, at least 64 MiB. `None`: an eighth of the machine's RAM, at most 1 GiB.
    pub memory: Option<u64>,
}

/// What opens the keys of a repository.
#[derive(Clone)]
pub enum Credentials {
    /// Stretched with Argon2id.
    Password(Zeroizing<String>),
    /// A file made by [`generate_key_file`].
    KeyFile(PathBuf),
}

const KEY_FILE_PREFIX: &str = "strongroom-key-1 ";

/// Makes a key file with a new random key, readable by its owner only.
///
/// # Errors
/// [`Error::File`], also where `path` exists: a key is never overwritten.
pub fn generate_key_file(path: &Path) -> Result<()> {
    let mut key = Zeroizing::new([0; 32]);
    crate::seal::random(&mut *key)?;
    let line = Zeroizing::new(format!("{KEY_FILE_PREFIX}{}\n", *Zeroizing::new(hex(&*key))));
    let written = crate::durable::create(path).and_then(|mut file| {
        file.write_all(line.as_bytes())?;
        file.sync_all()?;
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        crate::durable::sync_folder(folder)
    });
    written.map_err(|error| Error::file(path, &error))
}

/// The secret in a key file.
pub(crate) fn read_key_file(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(String::new());
    std::fs::File::open(path)
        .and_then(|file| file.take(4096).read_to_string(&mut text))
        .map_err(|error| Error::file(path, &error))?;
    let key = text.trim_end().strip_prefix(KEY_FILE_PREFIX).and_then(unhex).map(Zeroizing::new);
    key.filter(|key| key.len() == 32).ok_or_else(|| {
        Error::invalid(path.to_string_lossy(), "it is not a key file; give the file that init made, or a copy of it")
    })
}
