//! Files that only their owner reads, and names that outlive a crash.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

/// Makes a new file, for writing. On Windows it has what its folder gives: a folder of a user's profile lets in that user only.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes a folder in one that is there.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    #[cfg_attr(windows, allow(unused_mut))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes the names in a folder durable.
#[cfg(unix)]
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes the names in a folder durable: NTFS writes them to its journal by itself, in the order in which they were made.
#[cfg(windows)]
pub(crate) fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}
