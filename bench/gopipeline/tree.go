package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// node is one entry of a snapshot. Workers fill in the ids of content while the walk goes on, hence the pointers.
type node struct {
	path     string // within the snapshot
	source   string
	mode     uint32 // st_mode
	uid, gid uint32
	mtime    int64 // nanoseconds
	size     int64
	target   string // of a symlink, or the path of the entry that this one is a hard link to
	xattrs   []xattr
	content  []*[32]byte
}

type xattr struct{ name, value string }

func (n *node) kind() uint32 { return n.mode & unix.S_IFMT }

// walker lists a tree depth first, parents before children, names sorted.
type walker struct {
	links map[[2]uint64]string
	visit func(*node) error
}

func (w *walker) walk(source, path string) error {
	var st unix.Stat_t
	if err := unix.Lstat(source, &st); err != nil {
		return &os.PathError{Op: "lstat", Path: source, Err: err}
	}
	n := &node{
		path: path, source: source, mode: st.Mode, uid: st.Uid, gid: st.Gid, mtime: st.Mtim.Nano(), size: st.Size,
	}
	var err error
	if n.xattrs, err = readXattrs(source); err != nil {
		return err
	}
	switch n.kind() {
	case unix.S_IFLNK:
		if n.target, err = os.Readlink(source); err != nil {
			return err
		}
	case unix.S_IFREG:
		if st.Nlink > 1 {
			inode := [2]uint64{uint64(st.Dev), st.Ino}
			if first, ok := w.links[inode]; ok {
				n.target = first
			} else {
				w.links[inode] = path
			}
		}
	case unix.S_IFDIR:
	default:
		fmt.Fprintf(os.Stderr, "%s: left out: neither file, folder nor symlink\n", source)
		return nil
	}
	if err := w.visit(n); err != nil || n.kind() != unix.S_IFDIR {
		return err
	}
	entries, err := os.ReadDir(source)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := w.walk(filepath.Join(source, e.Name()), path+"/"+e.Name()); err != nil {
			return err
		}
	}
	return nil
}

func readXattrs(path string) ([]xattr, error) {
	var names [4096]byte
	n, err := unix.Llistxattr(path, names[:])
	if n == 0 || err == syscall.ENOTSUP {
		return nil, nil
	}
	if err != nil {
		return nil, &os.PathError{Op: "listxattr", Path: path, Err: err}
	}
	var found []xattr
	for name := range bytes.SplitSeq(bytes.TrimRight(names[:n], "\x00"), []byte{0}) {
		var value [64 << 10]byte
		n, err := unix.Lgetxattr(path, string(name), value[:])
		if err != nil {
			return nil, &os.PathError{Op: "getxattr", Path: path, Err: err}
		}
		found = append(found, xattr{string(name), string(value[:n])})
	}
	return found, nil
}

func encodeNodes(nodes []*node) []byte {
	var b []byte
	for _, n := range nodes {
		b = appendString(b, n.path)
		b = binary.AppendUvarint(b, uint64(n.mode))
		b = binary.AppendUvarint(b, uint64(n.uid))
		b = binary.AppendUvarint(b, uint64(n.gid))
		b = binary.AppendVarint(b, n.mtime)
		b = binary.AppendUvarint(b, uint64(n.size))
		b = appendString(b, n.target)
		b = binary.AppendUvarint(b, uint64(len(n.xattrs)))
		for _, x := range n.xattrs {
			b = appendString(b, x.name)
			b = appendString(b, x.value)
		}
		b = binary.AppendUvarint(b, uint64(len(n.content)))
		for _, id := range n.content {
			b = append(b, id[:]...)
		}
	}
	return b
}

func decodeNodes(b []byte) ([]*node, error) {
	var nodes []*node
	for r := (reader{rest: b}); ; {
		if !r.more() {
			return nodes, r.err
		}
		n := &node{
			path: r.string(), mode: uint32(r.uint()), uid: uint32(r.uint()), gid: uint32(r.uint()), mtime: r.int(),
			size: int64(r.uint()), target: r.string(),
		}
		for range r.uint() {
			if r.err != nil {
				break
			}
			n.xattrs = append(n.xattrs, xattr{r.string(), r.string()})
		}
		for range r.uint() {
			if r.err != nil {
				break
			}
			id := r.id()
			n.content = append(n.content, &id)
		}
		nodes = append(nodes, n)
	}
}
