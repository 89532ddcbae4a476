//! What is in a snapshot: its entries, and the content of one file.

use crate::content::{wrong_length, ChunkReader, Layout};
use crate::error::{Error, Result};
use crate::folder::{ChunkRef, Node};
use crate::id::Id;
use crate::path::clean;
use crate::pipeline::Vault;
use crate::tree::{Entry, Extent, Kind};
use crate::trees::{Descent, Trees};
use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender};
use std::collections::VecDeque;

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
        if (recursive || folder.is_none()) && !send(Entry { path: at.clone(), metadata: *node.metadata }) {
            return Ok(());
        }
    }
    let Some(folder) = folder else { return Ok(()) };
    let mut descent = Descent::new(at, trees.nodes(&folder)?);
    while let Some((path, node)) = descent.next() {
        if !send(Entry { path: path.clone(), metadata: *node.metadata }) {
            return Ok(());
        }
        if let Some(folder) = node.folder.filter(|_| recursive) {
            descent.enter(path, trees.nodes(&folder)?);
        }
    }
    Ok(())
}

/// Sends the content of a file, as [`Repository::read`](crate::Repository::read) says.
pub(crate) fn read(vault: &Vault, root: Id, at: &[u8], send: &mut dyn FnMut(Bytes) -> bool) -> Result<()> {
    let mut trees = Trees::new(vault)?;
    let (path, node) = find_file(&mut trees, root, at)?;
    let mut layout = Layout::new(&node.metadata);
    let mut position = 0;
    let mut wanted = true;
    let mut take = |mut data: Bytes, ranges: Vec<Extent>| {
        for range in ranges {
            wanted = send_zeros(range.offset - position, send) && send(data.split_to(range.length as usize));
            if !wanted {
                return false;
            }
            position = range.offset + range.length;
        }
        true
    };
    ahead(vault, &mut take, |ask| {
        let mut ask_all = |chunks: &[ChunkRef]| {
            chunks.iter().try_for_each(|chunk| {
                let ranges = layout.next(chunk).ok_or_else(|| wrong_length(&path))?;
                ask(*chunk, ranges)
            })
        };
        ask_all(node.chunks.as_deref().unwrap_or_default())?;
        for list in node.lists.iter().flatten() {
            ask_all(&trees.chunk_list(list)?)?;
        }
        match layout.is_full() {
            true => Ok(()),
            false => Err(wrong_length(&path)),
        }
    })?;
    if wanted {
        send_zeros(node.metadata.size.saturating_sub(position), send);
    }
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
            let mut descent = Descent::new(Vec::new(), trees.nodes(&root)?);
            while let Some((path, node)) = descent.next() {
                if let Some(folder) = &node.folder {
                    descent.enter(path, trees.nodes(folder)?);
                } else if node.metadata.kind == Kind::File && path.ends_with(&ending) {
                    found.push((path, node));
                    if found.len() == 3 {
                        break;
                    }
                }
            }
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

type Asked = (ChunkRef, Sender<Result<Bytes>>);
type Waiting = VecDeque<(Receiver<Result<Bytes>>, Vec<Extent>)>;

/// Hands chunks to `take` in the order in which `feed` asks for them, while the next ones are read. When `take` wants no
/// more (`false`), `feed` is ended.
fn ahead(
    vault: &Vault,
    take: &mut dyn FnMut(Bytes, Vec<Extent>) -> bool,
    feed: impl FnOnce(&mut dyn FnMut(ChunkRef, Vec<Extent>) -> Result<()>) -> Result<()>,
) -> Result<()> {
    std::thread::scope(|scope| {
        let (asks, asked) = crossbeam_channel::bounded::<Asked>(ASKED);
        for _ in 0..READERS {
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
        let broken = || Error::invalid("engine", "a reader panicked");
        let mut waiting = Waiting::with_capacity(ASKED);
        let mut over = false;
        let mut take_first = |waiting: &mut Waiting| {
            let Some((read, ranges)) = waiting.pop_front() else { return Ok(()) };
            over = !take(read.recv().map_err(|_| broken())??, ranges);
            match over {
                true => Err(Error::Cancelled),
                false => Ok(()),
            }
        };
        let fed = feed(&mut |chunk, ranges| {
            if waiting.len() == ASKED {
                take_first(&mut waiting)?;
            }
            let (answer, read) = crossbeam_channel::bounded(1);
            asks.send((chunk, answer)).map_err(|_| broken())?;
            waiting.push_back((read, ranges));
            Ok(())
        });
        let taken = fed.and_then(|()| {
            while !waiting.is_empty() {
                take_first(&mut waiting)?;
            }
            Ok(())
        });
        match over {
            true => Ok(()),
            false => taken,
        }
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
