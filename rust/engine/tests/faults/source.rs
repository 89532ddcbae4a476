//! What is backed up, and what of it a restore must bring back.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{symlink, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// All of an entry but its times, which differ between a source and its next state only where content does.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    mode: u32,
    modified: (i64, i64),
    content: Content,
}

#[derive(Clone, PartialEq)]
enum Content {
    File(Vec<u8>),
    Link(PathBuf),
    Folder,
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Content::File(bytes) => write!(f, "{} bytes, {}", bytes.len(), blake3::hash(bytes)),
            Content::Link(target) => write!(f, "link to {}", target.display()),
            Content::Folder => write!(f, "folder"),
        }
    }
}

impl Item {
    pub fn is_folder(&self) -> bool {
        self.content == Content::Folder
    }
}

/// By path within the top.
pub type Items = BTreeMap<PathBuf, Item>;

pub fn items(top: &Path) -> Items {
    let mut found = Items::new();
    let mut paths = vec![top.to_path_buf()];
    while let Some(path) = paths.pop() {
        let metadata = fs::symlink_metadata(&path).expect("what is listed is there");
        let content = if metadata.is_dir() {
            paths.extend(fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("a name").path()));
            Content::Folder
        } else if metadata.is_symlink() {
            Content::Link(fs::read_link(&path).expect("a link"))
        } else {
            Content::File(fs::read(&path).expect("a file"))
        };
        let modified = (metadata.mtime(), metadata.mtime_nsec());
        let name = path.strip_prefix(top).expect("below the top").to_path_buf();
        found.insert(name, Item { mode: metadata.mode(), modified, content });
    }
    found
}

/// Bytes that do not compress and do not repeat.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// A small tree with one of everything that takes its own way into the repository.
pub fn fill(top: &Path) {
    fs::create_dir_all(top.join("deep/er")).unwrap();
    fs::write(top.join("empty"), b"").unwrap();
    fs::write(top.join("text"), "one line\n".repeat(2000)).unwrap();
    fs::write(top.join("deep/several-chunks"), noise(1, 300_000)).unwrap();
    fs::write(top.join("deep/er/small"), noise(2, 700)).unwrap();
    fs::write(top.join("deep/er/twin"), noise(2, 700)).unwrap();
    fs::hard_link(top.join("text"), top.join("deep/text-again")).unwrap();
    symlink("../text", top.join("deep/link")).unwrap();
    fs::set_permissions(top.join("deep/er"), fs::Permissions::from_mode(0o750)).unwrap();
}

/// Its next state: something is new, changed, gone, and as it was.
pub fn change(top: &Path) {
    let path = top.join("deep/several-chunks");
    let mut bytes = fs::read(&path).unwrap();
    bytes.splice(150_000..150_100, noise(3, 5000));
    fs::write(&path, bytes).unwrap();
    fs::write(top.join("deep/new"), noise(4, 40_000)).unwrap();
    fs::remove_file(top.join("deep/er/twin")).unwrap();
}
