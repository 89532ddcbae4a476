//! Reading the folders of snapshots.

use crate::error::{Error, Result};
use crate::folder::{ChunkRef, Node, TreeBlob};
use crate::id::Id;
use crate::pack::{self, object_name, BlobKind, SegmentReader};
use crate::pipeline::Vault;
use bytes::Bytes;
use std::collections::VecDeque;

/// Segments that are kept: a folder's neighbours are mostly in the same ones.
const KEPT: usize = 8;

/// Folders inside folders of lists, at most: what the engine writes has two.
const MOST_LEVELS: usize = 8;

/// Reads tree blobs, one after the other.
pub(crate) struct Trees {
    vault: Vault,
    reader: SegmentReader,
    /// Plain data of segments, the one used last in front.
    kept: VecDeque<((u32, u32), Bytes)>,
}

impl Trees {
    pub fn new(vault: &Vault) -> Result<Trees> {
        Ok(Trees { vault: vault.clone(), reader: SegmentReader::new()?, kept: VecDeque::new() })
    }

    /// The tree blob of this identity, verified.
    pub fn blob(&mut self, id: &Id) -> Result<TreeBlob> {
        let missing = || Error::damaged(format!("tree {id}"), "no pack has it; run check to see what it takes with it");
        let (place, pack) = {
            let index = self.vault.index.read();
            let place = index.find(id)?.filter(|place| place.kind == BlobKind::Tree).ok_or_else(missing)?;
            (place, index.pack(place.pack)?)
        };
        let key = (place.pack, place.segment.number);
        match self.kept.iter().position(|(kept, _)| *kept == key) {
            Some(0) => {}
            Some(at) => {
                if let Some(segment) = self.kept.remove(at) {
                    self.kept.push_front(segment);
                }
            }
            None => {
                let plain = self.reader.take(&*self.vault.store, &self.vault.keys, &pack, &place.segment)?;
                self.kept.truncate(KEPT - 1);
                self.kept.push_front((key, plain));
            }
        }
        let range = place.offset as usize..place.offset as usize + place.length as usize;
        let bytes = self.kept.front().and_then(|(_, plain)| plain.get(range));
        let bytes = bytes.filter(|bytes| pack::verify(&self.vault.keys, BlobKind::Tree, id, bytes));
        bytes
            .and_then(TreeBlob::decode)
            .ok_or_else(|| Error::damaged(object_name(&pack.name), format!("tree {id} in it is not what it was")))
    }

    /// What is in a folder, in byte order of the names.
    pub fn nodes(&mut self, folder: &Id) -> Result<Vec<Node>> {
        let mut nodes = Vec::new();
        self.gather(folder, MOST_LEVELS, &mut nodes)?;
        Ok(nodes)
    }

    fn gather(&mut self, id: &Id, levels: usize, nodes: &mut Vec<Node>) -> Result<()> {
        let blob = self.blob(id)?;
        nodes.extend(blob.nodes.into_iter().flatten());
        for part in blob.parts.into_iter().flatten() {
            if levels == 0 {
                return Err(Error::damaged(format!("tree {id}"), "its parts have parts without end"));
            }
            self.gather(&part, levels - 1, nodes)?;
        }
        Ok(())
    }

    /// The chunks of a file, in order.
    pub fn chunks(&mut self, node: &Node) -> Result<Vec<ChunkRef>> {
        let mut chunks = node.chunks.clone().unwrap_or_default();
        for list in node.lists.iter().flatten() {
            chunks.extend(self.chunk_list(list)?);
        }
        Ok(chunks)
    }

    /// One of the lists of a file of many chunks: all of them may be more than a run may hold in memory.
    pub fn chunk_list(&mut self, list: &Id) -> Result<Vec<ChunkRef>> {
        Ok(self.blob(list)?.chunks.unwrap_or_default())
    }
}

/// The way down a tree of folders: each before what is in it, siblings in byte order. Not by recursion, because folders may
/// be in one another deeper than a thread's stack.
pub(crate) struct Descent {
    /// Of the folder that was entered last.
    path: Vec<u8>,
    /// Folders on the way: how much of the path leads to each, and what is left of it.
    levels: Vec<(usize, std::vec::IntoIter<Node>)>,
}

impl Descent {
    /// Begins with what is in the folder of this path.
    pub fn new(at: Vec<u8>, nodes: Vec<Node>) -> Descent {
        Descent { levels: vec![(at.len(), nodes.into_iter())], path: at }
    }

    /// What is in the folder that came last comes next.
    pub fn enter(&mut self, at: Vec<u8>, nodes: Vec<Node>) {
        self.levels.push((at.len(), nodes.into_iter()));
        self.path = at;
    }
}

impl Iterator for Descent {
    type Item = (Vec<u8>, Node);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (length, nodes) = self.levels.last_mut()?;
            if let Some(node) = nodes.next() {
                return Some((join(&self.path[..*length], &node.name), node));
            }
            self.levels.pop();
        }
    }
}

fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    match folder {
        [] => name.to_vec(),
        folder => [folder, b"/", name].concat(),
    }
}
