use super::apply::{ApplyError, Target, Warning};
use super::walk::{Found, Walk, WalkError, WalkOptions};
use super::*;
use crate::direct::PageBuffer;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{symlink, FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

fn walk(root: &Path) -> Vec<Result<Found, WalkError>> {
    Walk::new([root], WalkOptions::default(), |_| true).collect()
}

/// Paths below the root with complete metadata; the root's own path is empty.
fn snapshot(root: &Path) -> Vec<(PathBuf, Metadata)> {
    let complete = |found: Found| {
        let path = found.path().strip_prefix(root).unwrap().to_path_buf();
        let xattrs = found.xattrs().unwrap();
        let holes = match found.metadata().kind {
            Kind::File => found.holes(&found.open().unwrap()).unwrap(),
            _ => Vec::new(),
        };
        (path, Metadata { xattrs, holes, ..*found.into_metadata() })
    };
    walk(root).into_iter().map(|found| complete(found.unwrap())).collect()
}

fn restore(from: &Path, entries: &[(PathBuf, Metadata)], to: &Path) -> Vec<Warning> {
    let target = Target::open(to).unwrap();
    let mut warnings = Vec::new();
    let mut first_names: HashMap<_, PathBuf> = HashMap::new();
    for (path, metadata) in entries {
        if let Some(group) = metadata.link_group() {
            if let Some(first) = first_names.get(&group) {
                target.hard_link(path, first).unwrap();
                continue;
            }
            first_names.insert(group, path.clone());
        }
        match metadata.kind {
            Kind::Directory => target.directory(path, metadata).unwrap(),
            Kind::File => {
                let writer = target.file(path, metadata).unwrap();
                let content = fs::File::open(from.join(path)).unwrap();
                for extent in metadata.data_extents() {
                    let mut data = vec![0; extent.length as usize];
                    content.read_exact_at(&mut data, extent.offset).unwrap();
                    writer.write_at(extent.offset, &data, &mut PageBuffer::default()).unwrap();
                }
                warnings.extend(writer.finish().unwrap());
            }
            _ => warnings.extend(target.special(path, metadata).unwrap()),
        }
    }
    warnings.extend(target.finish());
    warnings
}

#[test]
fn a_directory_that_cannot_be_listed_is_found_and_reported() {
    let space = tempfile::tempdir().unwrap();
    for name in ["a", "gone", "z"] {
        fs::create_dir(space.path().join(name)).unwrap();
    }
    let walk = Walk::new([space.path()], WalkOptions::default(), |found| {
        if found.name() == b"gone" {
            fs::remove_dir(found.path()).unwrap();
        }
        true
    });
    let steps: Vec<String> = walk
        .map(|step| match step {
            Ok(found) => String::from_utf8_lossy(found.path().file_name().unwrap().as_bytes()).into_owned(),
            Err(error) => format!("{} {}", error.action, error.vanished()),
        })
        .collect();
    assert_eq!(steps[1..], ["a", "gone", "list true", "z"]);
}

/// A walk that has closed the directories above opens them anew, unless others stand in their place.
#[test]
fn a_deep_walk_keeps_few_descriptors_and_comes_back_to_the_same_directories() {
    const DEPTH: usize = 300;
    let space = tempfile::tempdir().unwrap();
    let at = |depth| space.path().join(vec!["a"; depth].join("/"));
    fs::create_dir_all(at(DEPTH)).unwrap();
    for depth in 0..=DEPTH {
        fs::write(at(depth).join("z"), b"").unwrap();
    }
    let replaced = DEPTH / 2;
    let descriptors = || fs::read_dir("/proc/self/fd").unwrap().count();
    let before = descriptors();
    let mut errors = Vec::new();
    let mut found = Vec::new();
    for step in Walk::new([space.path()], WalkOptions::default(), |_| true) {
        match step {
            Ok(step) => {
                if step.path() == at(DEPTH) {
                    // Others run beside this test.
                    assert!(descriptors() < before + 100, "{} of {before}", descriptors());
                    fs::rename(at(replaced), space.path().join("moved")).unwrap();
                    fs::create_dir(at(replaced)).unwrap();
                    fs::write(at(replaced).join("z"), b"another").unwrap();
                }
                found.push(step.path().to_path_buf());
            }
            Err(error) => errors.push((error.vanished(), error.path)),
        }
    }
    // Those that were kept open are read on, moved as they are; the others are told of.
    assert!(!errors.is_empty() && errors.iter().all(|(vanished, path)| *vanished && path.starts_with(at(replaced))));
    let files = found.iter().filter(|path| path.ends_with("z"));
    assert_eq!(files.count() + errors.len(), DEPTH + 1);
    assert!((0..replaced).all(|depth| found.contains(&at(depth).join("z"))));
}

/// What a restore brings back: everything but the inode's own numbers.
fn lasting(metadata: &Metadata) -> Metadata {
    Metadata { inode: 0, device: 0, ctime: Time::default(), ..metadata.clone() }
}

fn set_mtime(path: &Path, secs: i64, nanos: i64) {
    let times = rustix::fs::Timestamps {
        last_access: rustix::fs::Timespec { tv_sec: 1, tv_nsec: 0 },
        last_modification: rustix::fs::Timespec { tv_sec: secs, tv_nsec: nanos },
    };
    let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
    rustix::fs::utimensat(rustix::fs::CWD, path, &times, flags).unwrap();
}

fn set_xattr(path: &Path, name: &str, value: &[u8]) -> rustix::io::Result<()> {
    rustix::fs::lsetxattr(path, name, value, rustix::fs::XattrFlags::empty())
}

/// rw for the owner, r for root by name, r for the group and the mask, nothing for others.
fn acl() -> Vec<u8> {
    let entries = [(1u16, 6u16, u32::MAX), (2, 4, 0), (4, 4, u32::MAX), (0x10, 4, u32::MAX), (0x20, 0, u32::MAX)];
    let mut bytes = 2u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(permissions.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}

/// One of every kind of entry; tells which optional ones the system allowed.
fn build(root: &Path) -> (bool, bool) {
    use rustix::fs::{mknodat, FileType, Mode, CWD};
    fs::create_dir_all(root.join("dir/inner")).unwrap();
    fs::write(root.join("dir/inner/file"), b"content").unwrap();
    fs::set_permissions(root.join("dir/inner/file"), fs::Permissions::from_mode(0o4751)).unwrap();
    fs::write(root.join("empty"), b"").unwrap();
    fs::write(root.join(OsStr::from_bytes(b"not utf-8 \xff\n")), b"x").unwrap();
    symlink("../nowhere/\u{1F512}", root.join("link")).unwrap();
    symlink(OsStr::from_bytes(b"raw \xfe"), root.join("raw link")).unwrap();
    fs::hard_link(root.join("dir/inner/file"), root.join("second name")).unwrap();
    mknodat(CWD, root.join("fifo"), FileType::Fifo, Mode::from(0o620), 0).unwrap();
    mknodat(CWD, root.join("socket"), FileType::Socket, Mode::from(0o600), 0).unwrap();

    let sparse = fs::File::create(root.join("sparse")).unwrap();
    sparse.set_len(8 << 20).unwrap();
    sparse.write_all_at(&[7; 4096], 1 << 20).unwrap();
    sparse.write_all_at(&[8; 4096], 4 << 20).unwrap();

    let node = mknodat(CWD, root.join("null"), FileType::CharacterDevice, Mode::from(0o666), rustix::fs::makedev(1, 3));
    let devices = match node {
        Ok(()) => {
            let number = rustix::fs::makedev(7, 300);
            mknodat(CWD, root.join("loop"), FileType::BlockDevice, Mode::from(0o660), number).unwrap();
            true
        }
        Err(errno) => {
            assert_eq!(errno, rustix::io::Errno::PERM, "devices may only fail to be made for want of CAP_MKNOD");
            false
        }
    };

    let attributes = match set_xattr(&root.join("empty"), "user.note", b"\0 any \xff bytes") {
        Ok(()) => {
            set_xattr(&root.join("dir"), "user.long", &[5; 2000]).unwrap();
            set_xattr(&root.join("empty"), "system.posix_acl_access", &acl()).unwrap();
            set_xattr(&root.join("dir"), "system.posix_acl_default", &acl()).unwrap();
            true
        }
        Err(errno) => {
            assert_eq!(errno, rustix::io::Errno::OPNOTSUPP, "attributes may only fail where there are none");
            false
        }
    };

    let owner = |path: &str, uid, gid| std::os::unix::fs::lchown(root.join(path), Some(uid), Some(gid));
    match owner("link", 1001, 1002) {
        Ok(()) => {
            owner("sparse", 1003, 1004).unwrap();
            // cap_net_raw+ep, revision 2.
            let capability = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            if attributes {
                set_xattr(&root.join("sparse"), "security.capability", &capability).unwrap();
            }
        }
        // EINVAL: a user namespace that does not map them.
        Err(error) => assert!(matches!(error.raw_os_error(), Some(libc::EPERM | libc::EINVAL)), "{error}"),
    }
    set_mtime(&root.join("link"), 1_000_000_000, 123_456_789);
    set_mtime(&root.join("dir/inner/file"), -5, 999_999_999);
    set_mtime(&root.join("fifo"), 5_000_000_000, 1);
    fs::set_permissions(root.join("dir/inner"), fs::Permissions::from_mode(0o2555)).unwrap();
    set_mtime(&root.join("dir/inner"), 77, 88);
    set_mtime(&root.join("dir"), 99, 11);
    set_mtime(root, 12, 34);
    (devices, attributes)
}

#[test]
fn a_tree_of_every_kind_comes_back() {
    let space = tempfile::tempdir().unwrap();
    let (from, to) = (space.path().join("from"), space.path().join("to"));
    let (devices, attributes) = build(&from);
    let before = snapshot(&from);
    let of = |path: &str| &before.iter().find(|(p, _)| p == Path::new(path)).unwrap().1;

    let kinds: std::collections::HashSet<Kind> = before.iter().map(|(_, m)| m.kind).collect();
    assert_eq!(kinds.len(), if devices { 7 } else { 5 });
    if devices {
        assert_eq!(of("loop").rdev, Some(DeviceNumber { major: 7, minor: 300 }));
    }
    if attributes {
        let names: Vec<&[u8]> = of("empty").xattrs.iter().map(|x| &x.name[..]).collect();
        assert_eq!(names, [&b"system.posix_acl_access"[..], b"user.note"]);
        assert_eq!(of("dir").xattrs[1].value, [5; 2000]);
    }
    assert_eq!(of("dir/inner/file").mtime, Time { secs: -5, nanos: 999_999_999 });
    assert_eq!(of("dir/inner/file").mode, 0o4751);
    assert_eq!(of("link").target.as_deref(), Some("../nowhere/\u{1F512}".as_bytes()));
    assert_eq!(of("dir/inner/file").link_group(), of("second name").link_group());
    assert!(of("dir/inner/file").link_group().is_some());
    assert_eq!(of("sparse").holes.iter().map(|h| h.length).sum::<u64>(), (8 << 20) - 8192);

    // Twice: onto nothing, and onto the result of the first time.
    for _ in 0..2 {
        let warnings = restore(&from, &before, &to);
        assert!(warnings.is_empty(), "{warnings:?}");
        let after = snapshot(&to);
        assert_eq!(after.len(), before.len());
        for ((path, old), (restored, new)) in before.iter().zip(&after) {
            assert_eq!(path, restored);
            assert_eq!(lasting(old), lasting(new), "{}", path.display());
            if old.kind == Kind::File {
                assert!(fs::read(from.join(path)).unwrap() == fs::read(to.join(path)).unwrap(), "{}", path.display());
            }
        }
        let inode = |path: &str| fs::metadata(to.join(path)).unwrap().ino();
        assert_eq!(inode("dir/inner/file"), inode("second name"));
    }
}

#[test]
fn the_walk_is_in_byte_order_and_obeys_the_filter() {
    let space = tempfile::tempdir().unwrap();
    let root = space.path();
    for path in ["b/z", "b/y", "a", "a.d/x", "B", "skip/inside"] {
        fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        fs::write(root.join(path), b"").unwrap();
    }
    let found: Vec<Found> =
        Walk::new([root.join("b"), root.to_path_buf()], WalkOptions { one_file_system: true }, |f| f.name() != b"skip")
            .map(Result::unwrap)
            .collect();
    let paths: Vec<_> =
        found.iter().map(|f| (f.path().strip_prefix(root).unwrap().to_str().unwrap(), f.depth())).collect();
    let expected = [
        ("b", 0),
        ("b/y", 1),
        ("b/z", 1),
        ("", 0),
        ("B", 1),
        ("a", 1),
        ("a.d", 1),
        ("a.d/x", 2),
        ("b", 1),
        ("b/y", 2),
        ("b/z", 2),
    ];
    assert_eq!(paths, expected);
}

#[test]
fn one_file_system_stops_at_a_mount_point() {
    // /proc is a mount of its own wherever it is mounted at all.
    let options = WalkOptions { one_file_system: true };
    let mut below = 0;
    let walk = Walk::new(["/"], options, |f| {
        below += usize::from(f.depth() > 1);
        f.depth() == 0 || f.path() == Path::new("/proc")
    });
    let paths: Vec<PathBuf> = walk.map(|f| f.unwrap().path().to_path_buf()).collect();
    assert_eq!(paths, [Path::new("/"), Path::new("/proc")]);
    assert_eq!(below, 0);
}

#[test]
fn a_root_that_is_a_symlink_is_kept_unless_it_ends_in_a_slash() {
    let space = tempfile::tempdir().unwrap();
    fs::create_dir(space.path().join("dir")).unwrap();
    fs::write(space.path().join("dir/file"), b"").unwrap();
    let link = space.path().join("link");
    symlink("dir", &link).unwrap();
    let kinds = |root: &Path| walk(root).into_iter().map(|f| f.unwrap().metadata().kind).collect::<Vec<_>>();
    assert_eq!(kinds(&link), [Kind::Symlink]);
    assert_eq!(kinds(&link.join("")), [Kind::Directory, Kind::File]);
}

#[test]
fn what_cannot_be_read_is_reported_and_the_rest_found() {
    let space = tempfile::tempdir().unwrap();
    let root = space.path();
    for name in ["a", "b", "c"] {
        fs::write(root.join(name), b"old").unwrap();
    }
    let mut walk = Walk::new([root.join("missing"), root.to_path_buf()], WalkOptions::default(), |_| true);
    let missing = walk.next().unwrap().unwrap_err();
    assert!(missing.vanished());
    assert_eq!(
        missing.to_string(),
        format!("cannot inspect {}: No such file or directory (os error 2)", root.join("missing").display())
    );
    walk.next().unwrap().unwrap();
    let a = walk.next().unwrap().unwrap();
    fs::remove_file(root.join("b")).unwrap();
    assert!(walk.next().unwrap().unwrap_err().vanished());
    let c = walk.next().unwrap().unwrap();
    assert!(walk.next().is_none());

    fs::remove_file(root.join("a")).unwrap();
    assert!(a.open().unwrap_err().vanished());
    fs::write(root.join("new"), b"another").unwrap();
    fs::rename(root.join("new"), root.join("c")).unwrap();
    let replaced = c.inspect(&c.open().unwrap()).unwrap_err();
    assert!(replaced.vanished() && replaced.to_string().contains("it was replaced during the backup"), "{replaced}");
}

#[test]
fn a_restore_never_leaves_its_target() {
    let space = tempfile::tempdir().unwrap();
    let (outside, to) = (space.path().join("outside"), space.path().join("to"));
    fs::create_dir(&outside).unwrap();
    fs::create_dir(&to).unwrap();
    fs::write(outside.join("victim"), b"safe").unwrap();
    symlink(&outside, to.join("trap")).unwrap();
    symlink(outside.join("victim"), to.join("file")).unwrap();
    let file = Metadata { size: 4, ..plain(Kind::File, 0o600) };
    let target = Target::open(&to).unwrap();

    for path in ["/etc/x", "../x", "a/../../x", ""] {
        let error = target.file(Path::new(path), &file).err().unwrap();
        assert!(matches!(error, ApplyError::UnsafePath { .. }), "{path}: {error}");
    }
    let error = target.file(Path::new("trap/victim"), &file).err().unwrap();
    assert_eq!(error.to_string(), "refusing to restore through the symlink trap: remove it, or choose another target");
    assert!(target.hard_link(Path::new("stolen"), Path::new("trap/victim")).is_err());

    // A link where the entry itself goes is replaced, not followed.
    let writer = target.file(Path::new("file"), &file).unwrap();
    writer.write_at(0, b"evil", &mut PageBuffer::default()).unwrap();
    writer.finish().unwrap();
    target.directory(Path::new("trap"), &plain(Kind::Directory, 0o700)).unwrap();
    target.file(Path::new("trap/victim"), &file).unwrap().finish().unwrap();
    assert!(target.finish().is_empty());
    assert_eq!(fs::read(outside.join("victim")).unwrap(), b"safe");
    assert_eq!(fs::read(to.join("file")).unwrap(), b"evil");
    assert!(fs::symlink_metadata(to.join("trap")).unwrap().is_dir());
}

#[test]
fn an_unfinished_file_leaves_what_was_there() {
    let space = tempfile::tempdir().unwrap();
    fs::write(space.path().join("file"), b"old").unwrap();
    let target = Target::open(space.path()).unwrap();
    let writer = target.file(Path::new("file"), &Metadata { size: 3, ..plain(Kind::File, 0o644) }).unwrap();
    writer.write_at(0, b"ne", &mut PageBuffer::default()).unwrap();
    let error = writer.write_at(2, b"ww", &mut PageBuffer::default()).unwrap_err();
    assert_eq!(error.to_string(), "cannot restore file: it has more content than its size tells");
    drop(writer);
    assert_eq!(fs::read(space.path().join("file")).unwrap(), b"old");
    assert_eq!(fs::read_dir(space.path()).unwrap().count(), 1);
}

#[test]
fn an_owner_that_cannot_be_set_is_a_warning_and_drops_setuid() {
    let space = tempfile::tempdir().unwrap();
    let target = Target::open(space.path()).unwrap();
    // No such owner can be set, even by root.
    let metadata = Metadata { uid: u32::MAX, gid: 7, ..plain(Kind::File, 0o4755) };
    let warnings = target.file(Path::new("program"), &metadata).unwrap().finish().unwrap();
    assert_eq!(warnings.len(), 1);
    assert_eq!(
        warnings[0].to_string(),
        "restored program, but could not set its owner to 4294967295:7: Invalid argument (os error 22)"
    );
    assert_eq!(fs::metadata(space.path().join("program")).unwrap().mode() & 0o7777, 0o755);
}

#[test]
fn an_inherited_acl_does_not_stay() {
    let space = tempfile::tempdir().unwrap();
    if let Err(errno) = set_xattr(space.path(), "system.posix_acl_default", &acl()) {
        assert_eq!(errno, rustix::io::Errno::OPNOTSUPP);
        return;
    }
    let target = Target::open(space.path()).unwrap();
    let file = plain(Kind::File, 0o640);
    assert!(target.file(Path::new("file"), &file).unwrap().finish().unwrap().is_empty());
    target.directory(Path::new("dir"), &plain(Kind::Directory, 0o750)).unwrap();
    assert!(target.special(Path::new("fifo"), &plain(Kind::Fifo, 0o600)).unwrap().is_empty());
    assert!(target.finish().is_empty());
    for (path, metadata) in &snapshot(space.path())[1..] {
        assert_eq!(metadata.xattrs, [], "{}", path.display());
    }
    assert_eq!(fs::metadata(space.path().join("file")).unwrap().mode() & 0o7777, 0o640);
}

/// Nobody gets into a file, while it is written, who is not to get into it when it is whole.
#[test]
fn modes_are_exact_and_never_too_wide_before() {
    let space = tempfile::tempdir().unwrap();
    let target = Target::open(space.path()).unwrap();
    let mode_of = |entry: &Path| fs::metadata(entry).unwrap().mode() & 0o7777;
    let of_unfinished = || {
        let names = fs::read_dir(space.path()).unwrap().map(|entry| entry.unwrap().path());
        mode_of(&names.into_iter().find(|path| path.to_string_lossy().contains(".strongroom-restore-")).unwrap())
    };
    for mode in [0, 0o400, 0o444, 0o600, 0o604, 0o640, 0o644, 0o664, 0o666, 0o755, 0o777, 0o4755, 0o2770, 0o1777] {
        let name = format!("{mode:o}");
        let writer = target.file(Path::new(&name), &Metadata { size: 3, ..plain(Kind::File, mode) }).unwrap();
        let meanwhile = of_unfinished();
        assert!(meanwhile & !0o600 & !mode == 0, "{name}: {meanwhile:o}");
        assert!(mode >> 3 & 7 == mode & 7 || meanwhile == 0o600, "{name}: {meanwhile:o}");
        writer.write_at(0, b"abc", &mut PageBuffer::default()).unwrap();
        assert!(writer.finish().unwrap().is_empty());
        assert_eq!(mode_of(&space.path().join(&name)), mode, "{name}");
        assert_eq!(fs::metadata(space.path().join(&name)).unwrap().len(), 3);
    }
    let with_attribute =
        Metadata { xattrs: vec![Xattr { name: b"user.x".to_vec(), value: vec![1] }], ..plain(Kind::File, 0o444) };
    let writer = target.file(Path::new("attribute"), &with_attribute).unwrap();
    assert_eq!(of_unfinished(), 0o600);
    // The file system may have no attributes.
    writer.finish().unwrap();
    assert_eq!(mode_of(&space.path().join("attribute")), 0o444);
}

#[test]
fn what_is_not_written_is_hole() {
    let space = tempfile::tempdir().unwrap();
    let target = Target::open(space.path()).unwrap();
    let metadata = Metadata { size: 1 << 20, ..plain(Kind::File, 0o644) };
    let writer = target.file(Path::new("file"), &metadata).unwrap();
    writer.write_at(7, b"abc", &mut PageBuffer::default()).unwrap();
    assert!(writer.write_at(1 << 20, b"a", &mut PageBuffer::default()).is_err());
    writer.finish().unwrap();
    target.file(Path::new("nothing"), &metadata).unwrap().finish().unwrap();
    let expected = [vec![0; 7], b"abc".to_vec(), vec![0; (1 << 20) - 10]].concat();
    assert!(fs::read(space.path().join("file")).unwrap() == expected);
    assert!(fs::read(space.path().join("nothing")).unwrap() == vec![0; 1 << 20]);
}

fn plain(kind: Kind, mode: u32) -> Metadata {
    Metadata {
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
        mtime: Time { secs: 1, nanos: 2 },
        ..Metadata::new(kind, mode, Time::default())
    }
}

#[test]
fn the_encoding_is_fixed() {
    let entry = Entry {
        path: b"a/\xff".to_vec(),
        metadata: Metadata { uid: 1, gid: 2, user: Some(b"u".to_vec()), ..plain(Kind::Fifo, 0o644) },
    };
    let bytes = minicbor::to_vec(&entry).unwrap();
    let expected: &[u8] = &[
        0xa2, 0, 0x43, b'a', b'/', 0xff, 1, // {0: h'612fff', 1:
        0xab, 0, 3, 1, 0x19, 1, 0xa4, 2, 1, 3, 2, 4, 0x41, b'u', // kind, mode, uid, gid, user
        6, 0, 7, 0xa2, 0, 1, 1, 2, 8, 0xa2, 0, 0, 1, 0, // size, mtime, ctime
        9, 0, 10, 0, 11, 1, // inode, device, nlink
    ];
    assert_eq!(bytes, expected);
    assert_eq!(minicbor::decode::<Entry>(&bytes).unwrap(), entry);

    // A later version's field is skipped: {0: 5, 9: [1], 1: 6}.
    let time: Time = minicbor::decode(&[0xa3, 0, 5, 9, 0x81, 1, 1, 6]).unwrap();
    assert_eq!(time, Time { secs: 5, nanos: 6 });

    let full = Metadata {
        group: Some(b"g".to_vec()),
        rdev: Some(DeviceNumber { major: 1, minor: 2 }),
        target: Some(b"t".to_vec()),
        xattrs: vec![Xattr { name: b"user.x".to_vec(), value: vec![0; 300] }],
        holes: vec![Extent { offset: 0, length: 1 << 40 }],
        mtime: Time { secs: i64::MIN, nanos: 999_999_999 },
        ..plain(Kind::Socket, 0o7777)
    };
    assert_eq!(minicbor::decode::<Metadata>(&minicbor::to_vec(&full).unwrap()).unwrap(), full);
}

#[test]
fn data_extents_are_what_the_holes_leave() {
    let metadata = |size, holes: &[(u64, u64)]| Metadata {
        size,
        holes: holes.iter().map(|&(offset, length)| Extent { offset, length }).collect(),
        ..plain(Kind::File, 0)
    };
    let data = |m: Metadata| m.data_extents().iter().map(|e| (e.offset, e.length)).collect::<Vec<_>>();
    assert_eq!(data(metadata(0, &[])), []);
    assert_eq!(data(metadata(10, &[])), [(0, 10)]);
    assert_eq!(data(metadata(10, &[(0, 10)])), []);
    assert_eq!(data(metadata(10, &[(0, 2), (4, 3)])), [(2, 2), (7, 3)]);
}
