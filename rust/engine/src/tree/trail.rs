//! The way to directories of a tree, by descriptors, without a symlink on it.

use super::problem::{failed, ApplyError};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

pub(super) const DIRECTORY: OFlags =
    OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The way from the target to a directory in it, so that the next one, which is mostly near, is not looked for from the
/// target: with directories deep in one another, that would take a time that grows with the square of their number.
pub(super) struct Trail {
    path: Vec<u8>,
    /// Directories on the way, from the target on: the last one, and the fewer the farther they are from it.
    kept: Vec<Kept>,
}

struct Kept {
    fd: Arc<OwnedFd>,
    depth: usize,
    /// Bytes of the trail's path that lead to it.
    length: usize,
}

impl Trail {
    pub(super) fn new(target: Arc<OwnedFd>) -> Trail {
        Trail { path: Vec::new(), kept: vec![Kept { fd: target, depth: 0, length: 0 }] }
    }

    /// Bytes of the path to `directory` that lead through directories of this trail.
    pub(super) fn shared_with(&self, directory: &[u8]) -> usize {
        let ends_at = |path: &[u8], length: usize| path.get(length).is_none_or(|&byte| byte == b'/');
        let shared = shared(&self.path, directory);
        if ends_at(&self.path, shared) && ends_at(directory, shared) {
            return shared;
        }
        self.path[..shared].iter().rposition(|&byte| byte == b'/').unwrap_or(0)
    }

    /// Goes to a directory, and makes it and those above it if they are not there and `create` says so.
    pub(super) fn lead_to(&mut self, directory: &[u8], create: bool) -> Result<Arc<OwnedFd>, ApplyError> {
        let to_path = |path: &[u8]| PathBuf::from(OsStr::from_bytes(path));
        let shared = self.shared_with(directory);
        // The target itself is always kept.
        self.kept.truncate(self.kept.partition_point(|kept| kept.length <= shared).max(1));
        let nearest = &self.kept[self.kept.len() - 1];
        let (mut at, mut depth) = (Arc::clone(&nearest.fd), nearest.depth);
        self.path.truncate(nearest.length);
        for component in Path::new(OsStr::from_bytes(&directory[nearest.length..])).components() {
            let name = match component {
                Component::Normal(name) => name,
                // What separates the names.
                Component::RootDir if !self.path.is_empty() => continue,
                _ => return Err(ApplyError::UnsafePath { path: to_path(directory) }),
            };
            let length = self.path.len();
            if length > 0 {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(name.as_bytes());
            at = match step(&at, name, create) {
                Ok(next) => Arc::new(next),
                Err((action, errno)) => {
                    let is_symlink = rustix::fs::readlinkat(&at, name, Vec::new()).is_ok();
                    let path = to_path(&self.path);
                    self.path.truncate(length);
                    return Err(match is_symlink {
                        true => ApplyError::ThroughSymlink { path },
                        false => failed(&path, action, errno),
                    });
                }
            };
            depth += 1;
            self.kept.push(Kept { fd: Arc::clone(&at), depth, length: self.path.len() });
            self.kept.retain(|kept| is_kept(kept.depth, depth));
        }
        Ok(at)
    }
}

/// Distance from the end of a way within which all of its directories are kept.
pub(super) const NEAR: usize = 4;

/// Whether the descriptor of a directory at depth `at` is kept while the way is `depth` long. Of those whose depth is a
/// multiple of the same power of two, only the last few are: so they are few at any depth, and from the nearest one it is
/// never far to where the way up leads.
pub(super) fn is_kept(at: usize, depth: usize) -> bool {
    at == 0 || depth - at <= NEAR << at.trailing_zeros()
}

/// Opens a directory in another; makes it if it is not there and `create` says so.
fn step(at: &OwnedFd, name: &OsStr, create: bool) -> Result<OwnedFd, (&'static str, Errno)> {
    let open = || rustix::fs::openat(at, name, DIRECTORY, Mode::empty());
    let opened = match open() {
        Err(Errno::NOENT) if create => match rustix::fs::mkdirat(at, name, Mode::RWXU) {
            // Or another thread was first.
            Ok(()) | Err(Errno::EXIST) => open(),
            Err(errno) => return Err(("create the directory", errno)),
        },
        opened => opened,
    };
    opened.map_err(|errno| ("open the directory", errno))
}

/// Length of what both begin with.
pub(super) fn shared(a: &[u8], b: &[u8]) -> usize {
    match b.starts_with(a) {
        true => a.len(),
        false => a.iter().zip(b).take_while(|(a, b)| a == b).count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::CWD;

    fn open(folder: &Path) -> Arc<OwnedFd> {
        Arc::new(rustix::fs::openat(CWD, folder, DIRECTORY, Mode::empty()).unwrap())
    }

    fn identity(fd: &OwnedFd) -> (u64, u64) {
        let status = rustix::fs::fstat(fd).unwrap();
        (status.st_dev, status.st_ino)
    }

    #[test]
    fn a_long_trail_keeps_few_directories_and_finds_the_way_up() {
        const DEPTH: usize = 1000;
        let space = tempfile::tempdir().unwrap();
        let path = |depth| vec!["a"; depth].join("/").into_bytes();
        let mut trail = Trail::new(open(space.path()));
        let down: Vec<_> = (0..=DEPTH).map(|depth| identity(&trail.lead_to(&path(depth), true).unwrap())).collect();
        assert!(trail.kept.len() < 40, "{}", trail.kept.len());
        for depth in (0..=DEPTH).rev() {
            assert_eq!(identity(&trail.lead_to(&path(depth), false).unwrap()), down[depth]);
            assert!(trail.kept.len() < 40, "{}", trail.kept.len());
        }
    }

    #[test]
    fn names_that_begin_alike_are_not_the_same_way() {
        let space = tempfile::tempdir().unwrap();
        let mut trail = Trail::new(open(space.path()));
        for path in ["ab/c", "a", "ab", "ab/cd", "ab//c", "a/./b", "", "ab/c/d/e"] {
            let found = trail.lead_to(path.as_bytes(), true).unwrap();
            assert_eq!(identity(&found), identity(&open(&space.path().join(path))), "{path}");
        }
        for path in ["..", "/ab", "ab/..", "ab/c/../../.."] {
            let refused = trail.lead_to(path.as_bytes(), true);
            assert!(matches!(refused, Err(ApplyError::UnsafePath { .. })), "{path}");
        }
        let absent = trail.lead_to(b"ab/x/y", false).unwrap_err();
        assert!(matches!(absent, ApplyError::Io { path, .. } if path == Path::new("ab/x")));
        assert_eq!(identity(&trail.lead_to(b"ab", false).unwrap()), identity(&open(&space.path().join("ab"))));
    }
}
