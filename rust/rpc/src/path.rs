//! Paths as bytes. Unix has them so; Windows has 16-bit units, of which the bytes are UTF-8, as long as its names are Unicode.

use std::path::{Path, PathBuf};

#[cfg(unix)]
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// The bytes of a path.
#[cfg(unix)]
pub fn bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().to_vec()
}

/// The bytes of a path.
#[cfg(windows)]
pub fn bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_encoded_bytes().to_vec()
}

/// The path of these bytes.
///
/// # Errors
/// The bytes, where this system has no such path.
#[cfg(unix)]
pub fn from_bytes(bytes: Vec<u8>) -> Result<PathBuf, Vec<u8>> {
    Ok(PathBuf::from(std::ffi::OsString::from_vec(bytes)))
}

/// The path of these bytes.
///
/// # Errors
/// The bytes, where this system has no such path.
#[cfg(windows)]
pub fn from_bytes(bytes: Vec<u8>) -> Result<PathBuf, Vec<u8>> {
    String::from_utf8(bytes).map(PathBuf::from).map_err(std::string::FromUtf8Error::into_bytes)
}
