//! Folders as blobs: the names in a folder, their metadata, and where their content is.

use crate::cbor;
use crate::id::Id;
use crate::tree::Metadata;
use minicbor::{Decode, Encode};

/// A chunk of a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct ChunkRef {
    #[n(0)]
    pub id: Id,
    #[n(1)]
    pub length: u32,
}

/// A name in a folder.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Node {
    /// Raw bytes; neither empty, `.` nor `..`, without `/` and NUL.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub name: Vec<u8>,
    /// Apart, because nodes are moved from one list to the next.
    #[n(1)]
    pub metadata: Box<Metadata>,
    /// Of a file: its chunks, which follow one another over its data extents (holes are skipped).
    #[n(2)]
    pub chunks: Option<Vec<ChunkRef>>,
    /// Of a file with many chunks, instead: the lists of them, in order.
    #[n(3)]
    pub lists: Option<Vec<Id>>,
    /// Of a folder: its blob.
    #[n(4)]
    pub folder: Option<Id>,
}

/// A tree blob.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct TreeBlob {
    /// Names in byte order.
    #[n(0)]
    pub nodes: Option<Vec<Node>>,
    /// Of a large folder, instead: its parts, in order.
    #[n(1)]
    pub parts: Option<Vec<Id>>,
    /// A list of chunks.
    #[n(2)]
    pub chunks: Option<Vec<ChunkRef>>,
}

impl TreeBlob {
    pub fn decode(bytes: &[u8]) -> Option<TreeBlob> {
        let blob: TreeBlob = cbor::decode(bytes)?;
        blob.nodes.iter().flatten().all(|node| name_is_safe(&node.name)).then_some(blob)
    }
}

fn name_is_safe(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && !name.contains(&b'/') && !name.contains(&0)
}

/// Most chunks that a file has in its node, and that a list has.
pub(crate) const CHUNKS_IN_NODE: usize = 64;
pub(crate) const CHUNKS_IN_LIST: usize = 8192;
/// Bytes at which a folder is split, and names or ids in one part.
const SPLIT: usize = 512 << 10;
const PARTS_IN_PART: usize = 8192;

/// Stores a folder by way of `put`, which stores a tree blob and answers its id.
pub(crate) fn store_folder<E>(nodes: Vec<Node>, put: &mut impl FnMut(Vec<u8>) -> Result<Id, E>) -> Result<Id, E> {
    let mut parts = Vec::new();
    let mut part = Vec::new();
    let mut size = 0;
    for node in nodes {
        // Enough to keep parts far below the largest segment: a node is at most some 10 KiB, but for attributes.
        size += 160 + node.name.len() + node.chunks.as_ref().map_or(0, |chunks| chunks.len() * 42);
        size += node.lists.as_ref().map_or(0, |lists| lists.len() * 34) + node.metadata.holes.len() * 20;
        size += node.metadata.xattrs.iter().map(|xattr| xattr.name.len() + xattr.value.len() + 8).sum::<usize>();
        part.push(node);
        if size >= SPLIT {
            parts.push(put(encode_nodes(std::mem::take(&mut part)))?);
            size = 0;
        }
    }
    if parts.is_empty() {
        return put(encode_nodes(part));
    }
    if !part.is_empty() {
        parts.push(put(encode_nodes(part))?);
    }
    while parts.len() > 1 {
        let mut above = Vec::new();
        for ids in parts.chunks(PARTS_IN_PART) {
            above.push(put(cbor::encode(&TreeBlob { nodes: None, parts: Some(ids.to_vec()), chunks: None }))?);
        }
        parts = above;
    }
    Ok(parts[0])
}

fn encode_nodes(nodes: Vec<Node>) -> Vec<u8> {
    cbor::encode(&TreeBlob { nodes: Some(nodes), parts: None, chunks: None })
}

/// The chunks of a file as its node has them: in it, or in lists stored by way of `put`.
pub(crate) fn store_chunks<E>(
    node: &mut Node,
    chunks: Vec<ChunkRef>,
    put: &mut impl FnMut(Vec<u8>) -> Result<Id, E>,
) -> Result<(), E> {
    if chunks.len() <= CHUNKS_IN_NODE {
        node.chunks = Some(chunks);
        return Ok(());
    }
    let mut lists = Vec::new();
    for part in chunks.chunks(CHUNKS_IN_LIST) {
        lists.push(put(cbor::encode(&TreeBlob { nodes: None, parts: None, chunks: Some(part.to_vec()) }))?);
    }
    node.lists = Some(lists);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn decoding_never_panics(bytes: Vec<u8>) {
            let _ = TreeBlob::decode(&bytes);
        }
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in [&b""[..], b".", b"..", b"a/b", b"/", b"a\0b"] {
            assert!(!name_is_safe(name));
        }
        assert!(name_is_safe(b"...") && name_is_safe(&[0xff]));
    }
}
