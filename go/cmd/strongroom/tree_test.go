package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// goSource is the source tree of the Go toolchain: thousands of real files.
func goSource(t *testing.T) string {
	t.Helper()
	roots := []string{"/usr/lib/go-1.26"}
	if out, err := exec.Command("go", "env", "GOROOT").Output(); err == nil {
		roots = append(roots, strings.TrimSpace(string(out)))
	}
	for _, root := range roots {
		// Debian's is a symlink to the files.
		folder, err := filepath.EvalSymlinks(filepath.Join(root, "src"))
		if err != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(folder, "runtime", "proc.go")); err == nil {
			return folder
		}
	}
	require.Fail(t, "the Go toolchain's source tree is not there", "%v", roots)
	return ""
}

// attributes are what a restored entry must have of its original, apart from its content.
type attributes struct {
	mode, uid, gid uint32
	size           int64
	modified       syscall.Timespec
	links          uint64
	device         uint64
	target, xattrs string
}

func attributesOf(path string) (attributes, error) {
	var stat syscall.Stat_t
	if err := syscall.Lstat(path, &stat); err != nil {
		return attributes{}, err
	}
	a := attributes{mode: stat.Mode, uid: stat.Uid, gid: stat.Gid, size: stat.Size, modified: stat.Mtim, links: uint64(stat.Nlink)}
	switch stat.Mode & syscall.S_IFMT {
	case syscall.S_IFLNK:
		target, err := os.Readlink(path)
		if err != nil {
			return a, err
		}
		a.target = target
	case syscall.S_IFDIR:
		a.size, a.links = 0, 0 // of the file system, not of the folder
	case syscall.S_IFBLK, syscall.S_IFCHR:
		a.device = uint64(stat.Rdev)
	}
	var err error
	a.xattrs, err = xattrs(path)
	return a, err
}

func xattrs(path string) (string, error) {
	names := make([]byte, 64<<10)
	n, err := unix.Llistxattr(path, names)
	if err != nil || n == 0 {
		if err == unix.ENOTSUP || err == unix.EPERM {
			err = nil
		}
		return "", err
	}
	var all []string
	for _, name := range strings.Split(strings.TrimRight(string(names[:n]), "\x00"), "\x00") {
		if strings.HasPrefix(name, "security.selinux") {
			continue // the machine's label, not the file's
		}
		value := make([]byte, 64<<10)
		n, err := unix.Lgetxattr(path, name, value)
		if err != nil {
			return "", err
		}
		all = append(all, fmt.Sprintf("%s=%x", name, value[:n]))
	}
	sort.Strings(all)
	return strings.Join(all, " "), nil
}

// sameTree compares two trees entry by entry: names, bytes, attributes. It answers the number of entries.
func sameTree(t *testing.T, want, got string) int {
	t.Helper()
	seen := map[string]bool{}
	err := filepath.WalkDir(want, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(want, path)
		if err != nil {
			return err
		}
		seen[name] = true
		restored := filepath.Join(got, name)
		a, err := attributesOf(path)
		if err != nil {
			return err
		}
		b, err := attributesOf(restored)
		if err != nil {
			return err
		}
		if a != b {
			assert.Equal(t, a, b, name)
			return filepath.SkipAll
		}
		if entry.Type().IsRegular() {
			x, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			y, err := os.ReadFile(restored)
			if err != nil {
				return err
			}
			if !bytes.Equal(x, y) {
				assert.Fail(t, "the bytes differ", name)
				return filepath.SkipAll
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.NoError(t, filepath.WalkDir(got, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(got, path)
		if err == nil && !seen[name] {
			assert.Fail(t, "it was not in the original", name)
		}
		return err
	}))
	return len(seen)
}

// oddTree is a folder with one of each thing that a file system can hold.
func oddTree(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "odd")
	at := func(name string) string { return filepath.Join(folder, name) }
	require.NoError(t, os.MkdirAll(at("empty folder"), 0o700))
	require.NoError(t, os.WriteFile(at("empty file"), nil, 0o644))
	require.NoError(t, os.WriteFile(at("text"), []byte("hello\n"), 0o640))
	require.NoError(t, os.WriteFile(at("program"), []byte("#!/bin/sh\n"), 0o755))
	require.NoError(t, os.Chmod(at("program"), 0o755|fs.ModeSetuid))
	require.NoError(t, os.WriteFile(at("not \xff UTF-8\n"), []byte("x"), 0o600))
	require.NoError(t, os.Symlink("text", at("link")))
	require.NoError(t, os.Symlink("/nowhere/at all \xff", at("dangling")))
	require.NoError(t, os.Link(at("text"), at("hard link")))
	require.NoError(t, syscall.Mkfifo(at("pipe"), 0o622))

	sparse, err := os.Create(at("sparse"))
	require.NoError(t, err)
	_, err = sparse.WriteAt([]byte("far away"), 64<<20)
	require.NoError(t, err)
	require.NoError(t, sparse.Truncate(80<<20))
	require.NoError(t, sparse.Close())

	if err := unix.Setxattr(at("text"), "user.strongroom", []byte("\x00value"), 0); err != nil && err != unix.ENOTSUP {
		require.NoError(t, err)
	}
	var before1970 = []unix.Timespec{{Sec: -1, Nsec: 999_999_999}, {Sec: -1, Nsec: 999_999_999}}
	require.NoError(t, unix.UtimesNanoAt(unix.AT_FDCWD, at("empty file"), before1970, unix.AT_SYMLINK_NOFOLLOW))
	require.NoError(t, unix.UtimesNanoAt(unix.AT_FDCWD, at("link"), []unix.Timespec{{}, {Sec: 1, Nsec: 2}}, unix.AT_SYMLINK_NOFOLLOW))
	require.NoError(t, unix.UtimesNanoAt(unix.AT_FDCWD, at("empty folder"), []unix.Timespec{{}, {Sec: 3, Nsec: 4}}, 0))
	return folder
}

// blocks is how much a file takes on its file system.
func blocks(t *testing.T, path string) int64 {
	t.Helper()
	var stat syscall.Stat_t
	require.NoError(t, syscall.Lstat(path, &stat))
	return stat.Blocks * 512
}
