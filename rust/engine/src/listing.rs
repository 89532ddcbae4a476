//! What is in a snapshot: its entries, and the content of one file.

use crate::content::{place, ChunkReader};
use crate::error::{Error, Result};
use crate::folder::{ChunkRef, Node};
use crate::id::Id;
use crate::pipeline::Vault;
use crate::tree::{Entry, Kind};
use crate::trees::Trees;
use bytes::Bytes;
use std::collections::VecDeque;

/// A path as entries have it: without `/` around it, and without empty parts and `.`.
pub(crate) fn clean(path: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> = path.split(|&byte| byte == b'/').filter(|part| !matches!(*part, b"" | b".")).collect();
    parts.join(&b'/')
}

pub(crate) fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    match folder {
        [] => name.to_vec(),
        folder => [folder, b"/", name].concat(),
    }
}

/// The entry of a clean path that is not the top's.
pub(crate) fn find(trees: &mut Trees, root: Id, at: &[u8]) -> Result<Node> {
    let missing = || Error::NoSuchPath { at: at.to_vec() };
    let mut folder = Some(root);
    let mut found = None;
    for name in at.split(|&byte| byte == b'/') {
        let nodes = trees.nodes(&folder.ok_or_else(missing)?)?;
        let node = nodes.into_iter().find(|node| node.name == name).ok_or_else(missing)?;
        folder = node.folder;
        found = Some(node);
    }
    found.ok_or_else(missing)
}

/// Sends the entries at `at` and below, as [`Repository::list`](crate::Repository::list) says. `send` answers `false` when
/// nobody takes more.
pub(crate) fn list(
    vault: &Vault,
    root: Id,
    at: &[u8],
    recursive: bool,
    send: &mut dyn FnMut(Entry) -> bool,
) -> Result<()> {
    let mut trees = Trees::new(vault)?;
    let at = clean(at);
    let mut folder = Some(root);
    if !at.is_empty() {
        let node = find(&mut trees, root, &at)?;
        folder = node.folder;
        if (recursive || folder.is_none()) && !send(Entry { path: at.clone(), metadata: node.metadata }) {
            return Ok(());
        }
    }
    if let Some(folder) = folder {
        below(&mut trees, &folder, &at, recursive, send)?;
    }
    Ok(())
}

/// Whether there is somebody to take more.
fn below(
    trees: &mut Trees,
    folder: &Id,
    at: &[u8],
    recursive: bool,
    send: &mut dyn FnMut(Entry) -> bool,
) -> Result<bool> {
    for node in trees.nodes(folder)? {
        let path = join(at, &node.name);
        if !send(Entry { path: path.clone(), metadata: node.metadata }) {
            return Ok(false);
        }
        if let (true, Some(folder)) = (recursive, &node.folder) {
            if !below(trees, folder, &path, recursive, send)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Sends the content of a file, as [`Repository::read`](crate::Repository::read) says.
pub(crate) fn read(vault: &Vault, root: Id, at: &[u8], send: &mut dyn FnMut(Bytes) -> bool) -> Result<()> {
    let mut trees = Trees::new(vault)?;
    let (path, node) = find_file(&mut trees, root, at)?;
    let chunks = trees.chunks(&node)?;
    drop(trees);
    let wrong = || Error::damaged(String::from_utf8_lossy(&path), "its chunks are not as many bytes as it has");
    let placed = place(&node.metadata, &chunks).ok_or_else(wrong)?;
    let mut position = 0;
    ahead(vault, &chunks, &mut |number, mut data| {
        for range in &placed[number].ranges {
            if !send_zeros(range.offset - position, send) || !send(data.split_to(range.length as usize)) {
                return false;
            }
            position = range.offset + range.length;
        }
        true
    })?;
    send_zeros(node.metadata.size - position, send);
    Ok(())
}

/// The file of this path, or the only one whose path ends with it.
fn find_file(trees: &mut Trees, root: Id, at: &[u8]) -> Result<(Vec<u8>, Node)> {
    let wanted = clean(at);
    let missing = || Error::NoSuchPath { at: at.to_vec() };
    if wanted.is_empty() {
        return Err(missing());
    }
    let found = match find(trees, root, &wanted) {
        Ok(node) => Some((wanted, node)),
        Err(Error::NoSuchPath { .. }) => {
            let mut found = Vec::new();
            let ending = [&b"/"[..], &wanted].concat();
            search(trees, &root, &[], &mut |path, node| {
                if node.metadata.kind == Kind::File && path.ends_with(&ending) {
                    found.push((path.to_vec(), node.clone()));
                }
                found.len() < 3
            })?;
            if found.len() > 1 {
                let names: Vec<_> = found.iter().map(|(path, _)| String::from_utf8_lossy(path)).collect();
                let why = format!("it may be {}; give more of its path", names.join(" or "));
                return Err(Error::invalid(String::from_utf8_lossy(at), why));
            }
            found.pop()
        }
        Err(error) => return Err(error),
    };
    let (path, node) = found.ok_or_else(missing)?;
    let what = match node.metadata.kind {
        Kind::File => return Ok((path, node)),
        Kind::Directory => "a folder",
        Kind::Symlink => "a symlink",
        _ => "no regular file",
    };
    Err(Error::invalid(String::from_utf8_lossy(&path), format!("it is {what}, which has no content; name a file")))
}

/// Looks at all entries until `look` has seen enough (`false`).
fn search(trees: &mut Trees, folder: &Id, at: &[u8], look: &mut dyn FnMut(&[u8], &Node) -> bool) -> Result<bool> {
    for node in trees.nodes(folder)? {
        let path = join(at, &node.name);
        if !look(&path, &node) {
            return Ok(false);
        }
        if let Some(folder) = &node.folder {
            if !search(trees, folder, &path, look)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

const ZEROS: &[u8] = &[0; 256 << 10];

fn send_zeros(mut length: u64, send: &mut dyn FnMut(Bytes) -> bool) -> bool {
    while length > 0 {
        let step = length.min(ZEROS.len() as u64);
        if !send(Bytes::from_static(&ZEROS[..step as usize])) {
            return false;
        }
        length -= step;
    }
    true
}

/// Threads that read ahead, and chunks that are asked for before they are taken.
const READERS: usize = 2;
const ASKED: usize = 4;

/// Hands chunks over in order, with their numbers, while the next ones are read.
fn ahead(vault: &Vault, chunks: &[ChunkRef], take: &mut dyn FnMut(usize, Bytes) -> bool) -> Result<()> {
    std::thread::scope(|scope| {
        let (ask, asked) = crossbeam_channel::bounded::<(ChunkRef, crossbeam_channel::Sender<Result<Bytes>>)>(ASKED);
        for _ in 0..READERS.min(chunks.len()) {
            let asked = asked.clone();
            scope.spawn(move || {
                let mut reader = ChunkReader::new(vault);
                for (chunk, answer) in asked {
                    let read = match &mut reader {
                        Ok(reader) => reader.read(&chunk),
                        Err(error) => Err(error.clone()),
                    };
                    // Nobody waits for it any more when the receiver is gone.
                    let _ = answer.send(read);
                }
            });
        }
        drop(asked);
        let mut waiting = VecDeque::with_capacity(ASKED);
        let mut rest = chunks.iter();
        for number in 0..chunks.len() {
            while waiting.len() < ASKED {
                let Some(&chunk) = rest.next() else { break };
                let (answer, read) = crossbeam_channel::bounded(1);
                ask.send((chunk, answer)).map_err(|_| Error::invalid("engine", "a reader panicked"))?;
                waiting.push_back(read);
            }
            let Some(read) = waiting.pop_front() else { break };
            let data = read.recv().unwrap_or_else(|_| Err(Error::invalid("engine", "a reader panicked")))?;
            if !take(number, data) {
                break;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned() {
        for (given, cleaned) in [("", ""), ("/", ""), ("a", "a"), ("/a//b/./c/", "a/b/c"), ("./a", "a"), ("..", "..")] {
            assert_eq!(clean(given.as_bytes()), cleaned.as_bytes(), "{given}");
        }
    }
}
