//! Files and folders whose content is under way: chunks of many files are worked on at once and end in any order, and a
//! folder is stored when all that is in it has been.

use super::Run;
use crate::error::Result;
use crate::folder::{store_chunks, store_folder, ChunkRef, Node};
use parking_lot::Mutex;
use std::sync::Arc;

/// Where a complete folder goes.
pub(crate) enum Above {
    /// Into a slot of the folder it is in.
    Folder(Arc<OpenFolder>, usize, Box<Node>),
    /// It is the top of the snapshot.
    Top,
    /// It only gathers nodes, for [`Run::collected`].
    Collect,
}

pub(crate) struct OpenFolder {
    above: Mutex<Option<Above>>,
    state: Mutex<FolderState>,
}

struct FolderState {
    nodes: Vec<Option<Node>>,
    missing: usize,
    closed: bool,
}

impl OpenFolder {
    pub fn new(above: Above) -> Arc<OpenFolder> {
        let state = FolderState { nodes: Vec::new(), missing: 0, closed: false };
        Arc::new(OpenFolder { above: Mutex::new(Some(above)), state: Mutex::new(state) })
    }

    /// A place for the next name, in order.
    pub fn reserve(&self) -> usize {
        let mut state = self.state.lock();
        state.nodes.push(None);
        state.missing += 1;
        state.nodes.len() - 1
    }

    /// Fills a slot; `None` for what could not be read.
    pub fn fill(&self, run: &Run, slot: usize, node: Option<Node>) -> Result<()> {
        let mut state = self.state.lock();
        state.nodes[slot] = node;
        state.missing -= 1;
        self.settle(run, state)
    }

    /// No more names follow.
    pub fn close(&self, run: &Run) -> Result<()> {
        let mut state = self.state.lock();
        state.closed = true;
        self.settle(run, state)
    }

    fn settle(&self, run: &Run, mut state: parking_lot::MutexGuard<'_, FolderState>) -> Result<()> {
        if !state.closed || state.missing > 0 {
            return Ok(());
        }
        let nodes = std::mem::take(&mut state.nodes);
        drop(state);
        let mut put = |blob| run.put_tree(blob);
        let Some(above) = self.above.lock().take() else { return Ok(()) };
        match above {
            Above::Collect => *run.collected.lock() = nodes,
            Above::Top => {
                let root = store_folder(nodes.into_iter().flatten().collect(), &mut put)?;
                *run.root.lock() = Some(root);
            }
            Above::Folder(folder, slot, mut node) => {
                node.folder = Some(store_folder(nodes.into_iter().flatten().collect(), &mut put)?);
                folder.fill(run, slot, Some(*node))?;
            }
        }
        Ok(())
    }
}

/// A file whose chunks are worked on one by one, under all of its names.
pub(crate) struct OpenFile {
    state: Mutex<FileState>,
}

struct FileState {
    chunks: Vec<Option<ChunkRef>>,
    known: usize,
    /// The node, once all is read; its inside is `None` when the file is to be left out.
    end: Option<(usize, Option<Node>)>,
    /// Slots that wait for the node; those after the first have names of their own.
    names: Vec<(Arc<OpenFolder>, usize, Option<Vec<u8>>)>,
    /// More names may follow.
    linked: bool,
    /// What they get.
    done: Option<Option<Node>>,
}

impl OpenFile {
    /// `linked`: others of its names may follow.
    pub fn new(folder: Arc<OpenFolder>, slot: usize, linked: bool) -> Arc<OpenFile> {
        let names = vec![(folder, slot, None)];
        let state = FileState { chunks: Vec::new(), known: 0, end: None, names, linked, done: None };
        Arc::new(OpenFile { state: Mutex::new(state) })
    }

    /// Another name of the file.
    pub fn name(&self, run: &Run, folder: Arc<OpenFolder>, slot: usize, name: Vec<u8>) -> Result<()> {
        let mut state = self.state.lock();
        match &state.done {
            None => {
                state.names.push((folder, slot, Some(name)));
                Ok(())
            }
            Some(node) => {
                let node = node.as_ref().map(|node| Node { name, ..node.clone() });
                drop(state);
                folder.fill(run, slot, node)
            }
        }
    }

    /// Chunk `number` is stored or known.
    pub fn set(&self, run: &Run, number: usize, chunk: ChunkRef) -> Result<()> {
        let mut state = self.state.lock();
        if state.chunks.len() <= number {
            state.chunks.resize(number + 1, None);
        }
        state.chunks[number] = Some(chunk);
        state.known += 1;
        self.settle(run, state)
    }

    /// All is read: the file has so many chunks. `None` leaves it out.
    pub fn end(&self, run: &Run, chunks: usize, node: Option<Node>) -> Result<()> {
        let mut state = self.state.lock();
        state.end = Some((chunks, node));
        self.settle(run, state)
    }

    fn settle(&self, run: &Run, mut state: parking_lot::MutexGuard<'_, FileState>) -> Result<()> {
        let known = state.known;
        let Some((_, mut node)) = state.end.take_if(|(chunks, _)| *chunks == known) else { return Ok(()) };
        let chunks = std::mem::take(&mut state.chunks);
        drop(state);
        if let Some(node) = &mut node {
            store_chunks(node, chunks.into_iter().flatten().collect(), &mut |blob| run.put_tree(blob))?;
        }
        let mut state = self.state.lock();
        let names = std::mem::take(&mut state.names);
        if state.linked {
            state.done = Some(node.clone());
        }
        drop(state);
        names.into_iter().try_for_each(|(folder, slot, name)| {
            let node = node.clone().map(|node| match name {
                Some(name) => Node { name, ..node },
                None => node,
            });
            folder.fill(run, slot, node)
        })
    }
}
