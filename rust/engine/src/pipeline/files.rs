//! Files and folders whose content is under way: chunks of many files are worked on at once and end in any order, and a
//! folder is stored when all that is in it has been.

use super::Run;
use crate::error::Result;
use crate::folder::{store_chunks, store_folder, ChunkRef, Node};
use parking_lot::{Mutex, MutexGuard};
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
        store(run, self.put(slot, node))
    }

    /// No more names follow.
    pub fn close(&self, run: &Run) -> Result<()> {
        let mut state = self.state.lock();
        state.closed = true;
        let complete = self.complete(state);
        store(run, complete)
    }

    fn put(&self, slot: usize, node: Option<Node>) -> Option<Complete> {
        let mut state = self.state.lock();
        state.nodes[slot] = node;
        state.missing -= 1;
        self.complete(state)
    }

    /// All that is in the folder, once.
    fn complete(&self, mut state: MutexGuard<'_, FolderState>) -> Option<Complete> {
        if !state.closed || state.missing > 0 {
            return None;
        }
        let nodes = std::mem::take(&mut state.nodes);
        drop(state);
        let above = self.above.lock().take()?;
        Some(Complete { nodes, above })
    }
}

impl Drop for OpenFolder {
    /// By itself, the last folder would drop the one it is in, and so on: deeper than a thread's stack.
    fn drop(&mut self) {
        let mut above = self.above.get_mut().take();
        while let Some(Above::Folder(folder, ..)) = above {
            above = Arc::into_inner(folder).and_then(|mut folder| folder.above.get_mut().take());
        }
    }
}

/// A folder of which nothing is missing any more.
struct Complete {
    nodes: Vec<Option<Node>>,
    above: Above,
}

/// Stores a complete folder, and those around it that it completes. Not by recursion, because folders may be in one another
/// deeper than a thread's stack.
fn store(run: &Run, mut complete: Option<Complete>) -> Result<()> {
    let mut put = |blob| run.put_tree(blob);
    while let Some(Complete { nodes, above }) = complete.take() {
        match above {
            Above::Collect => *run.collected.lock() = nodes,
            Above::Top => {
                let root = store_folder(nodes.into_iter().flatten().collect(), &mut put)?;
                *run.root.lock() = Some(root);
            }
            Above::Folder(folder, slot, mut node) => {
                node.folder = Some(store_folder(nodes.into_iter().flatten().collect(), &mut put)?);
                complete = folder.put(slot, Some(*node));
            }
        }
    }
    Ok(())
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

    fn settle(&self, run: &Run, mut state: MutexGuard<'_, FileState>) -> Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use crate::compress::Compression;
    use crate::id::Id;
    use crate::pipeline::{Course, Vault};
    use crate::seal::Keys;
    use crate::store::LocalStore;
    use crate::tree::{Kind, Metadata, Time};
    use std::path::Path;

    /// Deeper than a stack has room for calls.
    const DEPTH: usize = 200_000;

    fn run(folder: &Path) -> Run {
        let vault = Vault {
            store: Arc::new(LocalStore::new(folder)),
            keys: Arc::new(Keys::new(Id([1; 32]), [2; 32].into())),
            index: Arc::default(),
            log: Arc::default(),
        };
        let share = Budget::new(None).unwrap().share().unwrap();
        Run::new(vault, Course::new(None, &Default::default()), Compression::Off, share, 1 << 20).unwrap()
    }

    /// Folders in one another, the innermost last.
    fn nested() -> Vec<Arc<OpenFolder>> {
        let mut folders = vec![OpenFolder::new(Above::Top)];
        for _ in 1..DEPTH {
            let outer = &folders[folders.len() - 1];
            let metadata = Box::new(Metadata::new(Kind::Directory, 0o700, Time::default()));
            let node = Node { name: b"a".to_vec(), metadata, chunks: None, lists: None, folder: None };
            let above = Above::Folder(Arc::clone(outer), outer.reserve(), Box::new(node));
            folders.push(OpenFolder::new(above));
        }
        folders
    }

    #[test]
    fn a_file_may_complete_any_number_of_folders() {
        let space = tempfile::tempdir().unwrap();
        let run = run(space.path());
        let fill = |_| {
            let folders = nested();
            let innermost = &folders[folders.len() - 1];
            let slot = innermost.reserve();
            folders.iter().try_for_each(|folder| folder.close(&run))?;
            assert_eq!(*run.root.lock(), None);
            innermost.fill(&run, slot, None)
        };
        run.execute(fill, || Ok(())).unwrap();
        assert!(run.root.lock().is_some());
    }

    #[test]
    fn any_number_of_folders_may_be_given_up() {
        let innermost = nested().pop();
        drop(innermost);
    }
}
