//! Paths of this machine as bytes, and as a snapshot has them: components joined by `/`, without what stands before the first.
//!
//! Unix has paths as bytes. Windows has 16-bit units: the bytes are UTF-8 (with the encoding of a lone surrogate where a name has
//! one). There, the first component is what the path begins with: `C` for a drive, server and share for one on the network.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

/// The bytes of a path, as the system writes it.
pub(crate) fn bytes(path: &Path) -> Cow<'_, [u8]> {
    name(path.as_os_str())
}

/// The bytes of a name.
#[cfg(unix)]
pub(crate) fn name(name: &OsStr) -> Cow<'_, [u8]> {
    use std::os::unix::ffi::OsStrExt;
    name.as_bytes().into()
}

/// The bytes of a name.
#[cfg(windows)]
pub(crate) fn name(name: &OsStr) -> Cow<'_, [u8]> {
    name.as_encoded_bytes().into()
}

/// The path, within a folder, of an entry of a snapshot.
///
/// # Errors
/// This system has no such names; what it says is why.
#[cfg(unix)]
pub(crate) fn inside(entry: &[u8]) -> Result<Cow<'_, Path>, &'static str> {
    use std::os::unix::ffi::OsStrExt;
    Ok(Path::new(OsStr::from_bytes(entry)).into())
}

/// The path, within a folder, of an entry of a snapshot.
///
/// # Errors
/// This system has no such names; what it says is why.
#[cfg(windows)]
pub(crate) fn inside(entry: &[u8]) -> Result<Cow<'_, Path>, &'static str> {
    let text = std::str::from_utf8(entry).map_err(|_| "its name is not Unicode, as Windows needs it")?;
    let mut path = PathBuf::new();
    for part in text.split('/') {
        if part.contains(|c| matches!(c, '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|') || c < ' ') {
            return Err("its name has a character that Windows does not allow in names");
        }
        if part.ends_with(['.', ' ']) {
            return Err("its name ends with a dot or a space, which Windows would drop");
        }
        let stem = part.split('.').next().unwrap_or_default();
        let is_device = ["CON", "PRN", "AUX", "NUL"].iter().any(|device| stem.eq_ignore_ascii_case(device))
            || matches!(stem.as_bytes(), [a, b, c, b'0'..=b'9'] if [*a, *b, *c].eq_ignore_ascii_case(b"COM") || [*a, *b, *c].eq_ignore_ascii_case(b"LPT"));
        if is_device {
            return Err("its name is that of a device of Windows");
        }
        path.push(part);
    }
    Ok(path.into())
}

/// The folders that lead to an absolute path, and it itself: each with its name in a snapshot. Empty for `/`, which is a
/// snapshot's top.
pub(crate) fn way(path: &Path) -> Vec<(Vec<u8>, PathBuf)> {
    let mut way = Vec::new();
    let mut so_far = PathBuf::new();
    for part in path.components() {
        so_far.push(part);
        match part {
            Component::Normal(part) => way.push((name(part).into_owned(), so_far.clone())),
            #[cfg(windows)]
            Component::Prefix(prefix) => {
                use std::path::Prefix::{Disk, VerbatimDisk, VerbatimUNC, UNC};
                // A drive without its root would be the folder that the process is in there.
                let root = so_far.join("\\");
                match prefix.kind() {
                    Disk(letter) | VerbatimDisk(letter) => way.push((vec![letter.to_ascii_uppercase()], root)),
                    UNC(server, share) | VerbatimUNC(server, share) => {
                        way.push((name(server).into_owned(), root.clone()));
                        way.push((name(share).into_owned(), root));
                    }
                    _ => way.push((name(prefix.as_os_str()).into_owned(), root)),
                }
            }
            _ => {}
        }
    }
    way
}

/// The last name on the way to a path, as a snapshot has it; empty for `/`.
pub(crate) fn last(path: &Path) -> Cow<'_, [u8]> {
    match path.file_name() {
        Some(last) => name(last),
        None => way(path).pop().map(|(name, _)| name).unwrap_or_default().into(),
    }
}

/// What a caller calls an entry, as entries have it: without separators around it, and without empty parts and `.`.
pub(crate) fn clean(path: &[u8]) -> Vec<u8> {
    let separates = |byte: &u8| *byte == b'/' || (cfg!(windows) && *byte == b'\\');
    let mut parts: Vec<&[u8]> = path.split(separates).filter(|part| !matches!(*part, b"" | b".")).collect();
    if let (true, Some([letter, b':'])) = (cfg!(windows), parts.first().copied()) {
        parts[0] = std::slice::from_ref(letter);
        let mut cleaned = parts.join(&b'/');
        cleaned[0] = cleaned[0].to_ascii_uppercase();
        return cleaned;
    }
    parts.join(&b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_a_path_begins_below_the_top() {
        assert!(way(Path::new("/")).is_empty() && last(Path::new("/")).is_empty());
        let way = way(Path::new("/a//b/./c/"));
        let expected: Vec<_> = [("a", "/a"), ("b", "/a/b"), ("c", "/a/b/c")]
            .map(|(name, path)| (name.as_bytes().to_vec(), PathBuf::from(path)))
            .into();
        assert_eq!(way, expected);
        assert_eq!(*last(Path::new("/a/b")), *b"b");
    }
}
