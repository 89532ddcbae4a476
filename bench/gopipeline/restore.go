package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/blake3"
	"golang.org/x/sys/unix"
)

type restoreResult struct {
	Entries int   `json:"entries"`
	Bytes   int64 `json:"bytes"`
}

// output is a file being restored. It is opened with its first blob and gets its metadata with its last.
type output struct {
	node    *node
	path    string
	pending atomic.Int32

	mu sync.Mutex
	fd int
}

// placement says where a blob goes.
type placement struct {
	out    *output
	id     *[32]byte
	from   location
	offset int64
}

type restore struct {
	repo  *repository
	index *index
	bytes atomic.Int64

	mu    sync.Mutex
	packs map[uint32]*packReader
	err   error
}

func runRestore(folder, target string) (*restoreResult, error) {
	repo, err := openRepository(folder, false)
	if err != nil {
		return nil, err
	}
	r := &restore{repo: repo, packs: map[uint32]*packReader{}}
	if r.index, err = loadIndex(repo); err != nil {
		return nil, err
	}
	nodes, err := latestSnapshot(repo)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(target, 0o777); err != nil {
		return nil, err
	}
	segments, err := r.plan(nodes, target)
	if err != nil {
		return nil, err
	}

	work := make(chan []placement, 16)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() { r.write(work) })
	}
	for _, s := range segments {
		work <- s
	}
	close(work)
	workers.Wait()
	for _, p := range r.packs {
		p.file.Close()
	}
	if r.err != nil {
		return nil, r.err
	}
	if err := finish(nodes, target); err != nil {
		return nil, err
	}
	return &restoreResult{Entries: len(nodes), Bytes: r.bytes.Load()}, nil
}

// latestSnapshot reads the snapshot that was written last; names are random, so the folder's times decide.
func latestSnapshot(repo *repository) ([]*node, error) {
	names, err := repo.list("snapshots")
	if err != nil {
		return nil, err
	}
	var latest string
	var newest int64
	for _, name := range names {
		info, err := os.Stat(filepath.Join(repo.folder, "snapshots", name))
		if err != nil {
			return nil, err
		}
		if t := info.ModTime().UnixNano(); t >= newest {
			latest, newest = name, t
		}
	}
	if latest == "" {
		return nil, fmt.Errorf("%s: no snapshot", repo.folder)
	}
	packed, err := repo.getRecord("snapshots", latest)
	if err != nil {
		return nil, err
	}
	decoder, err := zstd.NewReader(nil)
	if err != nil {
		return nil, err
	}
	defer decoder.Close()
	content, err := decoder.DecodeAll(packed, nil)
	if err != nil {
		return nil, err
	}
	return decodeNodes(content)
}

// plan makes the folders and empty files, and groups the blobs of the others by the segment that holds them, so that each
// segment is read once, in the order of the packs.
func (r *restore) plan(nodes []*node, target string) ([][]placement, error) {
	var all []placement
	for _, n := range nodes {
		path := filepath.Join(target, n.path)
		switch {
		case n.kind() == unix.S_IFDIR:
			if err := os.MkdirAll(path, 0o700); err != nil {
				return nil, err
			}
		case n.kind() != unix.S_IFREG || n.target != "":
		case len(n.content) == 0:
			o := &output{node: n, path: path, fd: -1}
			o.pending.Store(1)
			if _, err := o.open(); err != nil {
				return nil, err
			}
			if err := o.done(); err != nil {
				return nil, err
			}
		default:
			o := &output{node: n, path: path, fd: -1}
			o.pending.Store(int32(len(n.content)))
			var offset int64
			for _, id := range n.content {
				from, ok := r.index.blobs[*id]
				if !ok {
					return nil, fmt.Errorf("%s: blob %x is not in the index", n.path, *id)
				}
				all = append(all, placement{o, id, from, offset})
				offset += int64(from.length)
			}
		}
	}
	slices.SortFunc(all, func(a, b placement) int {
		return cmp.Or(cmp.Compare(a.from.pack, b.from.pack), cmp.Compare(a.from.segment, b.from.segment),
			cmp.Compare(a.from.offset, b.from.offset))
	})
	var segments [][]placement
	for start := 0; start < len(all); {
		end := start + 1
		for end < len(all) && all[end].from.pack == all[start].from.pack && all[end].from.segment == all[start].from.segment {
			end++
		}
		segments = append(segments, all[start:end])
		start = end
	}
	return segments, nil
}

func (r *restore) pack(number uint32) (*packReader, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p, ok := r.packs[number]; ok {
		return p, nil
	}
	p, err := openPack(r.repo, r.index.packs[number])
	if err == nil {
		r.packs[number] = p
	}
	return p, err
}

func (r *restore) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
}

func (r *restore) write(work <-chan []placement) {
	hasher, err := blake3.NewKeyed(r.repo.idKey[:])
	if err != nil {
		r.fail(err)
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.IgnoreChecksum(true))
	if err != nil {
		r.fail(err)
	}
	defer decoder.Close()
	sealed, plain := make([]byte, maxChunk+maxChunk/128+4096), make([]byte, 0, maxChunk)
	failed := err != nil
	for blobs := range work {
		if failed {
			continue // drains work, so that its sender ends
		}
		if err := r.writeSegment(blobs, hasher, decoder, sealed, plain); err != nil {
			r.fail(err)
			failed = true
		}
	}
}

func (r *restore) writeSegment(blobs []placement, hasher *blake3.Hasher, decoder *zstd.Decoder, sealed, plain []byte) error {
	from := blobs[0].from
	p, err := r.pack(from.pack)
	if err != nil {
		return err
	}
	content, err := p.read(from, sealed)
	if err != nil {
		return fmt.Errorf("pack %s: segment %d: %w", r.index.packs[from.pack], from.segment, err)
	}
	if from.zstd {
		if content, err = decoder.DecodeAll(content, plain[:0]); err != nil {
			return err
		}
	}
	var checked *[32]byte
	for _, b := range blobs {
		data := content[b.from.offset:][:b.from.length]
		if checked == nil || *checked != *b.id {
			var id [32]byte
			hasher.Reset()
			hasher.Write(data)
			hasher.Sum(id[:0])
			if id != *b.id {
				return fmt.Errorf("%s: a blob is not what it was", b.out.path)
			}
			checked = b.id
		}
		fd, err := b.out.open()
		if err != nil {
			return err
		}
		if _, err := unix.Pwrite(fd, data, b.offset); err != nil {
			return &os.PathError{Op: "write", Path: b.out.path, Err: err}
		}
		r.bytes.Add(int64(len(data)))
		if err := b.out.done(); err != nil {
			return err
		}
	}
	return nil
}

func (o *output) open() (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fd < 0 {
		fd, err := unix.Open(o.path, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
		if err != nil {
			return 0, &os.PathError{Op: "create", Path: o.path, Err: err}
		}
		o.fd = fd
	}
	return o.fd, nil
}

// done counts a blob as written; after the last one the file gets its metadata and is closed.
func (o *output) done() error {
	if o.pending.Add(-1) > 0 {
		return nil
	}
	n := o.node
	var errs []error
	for _, x := range n.xattrs {
		errs = append(errs, unix.Fsetxattr(o.fd, x.name, []byte(x.value), 0))
	}
	if !own(n) {
		errs = append(errs, unix.Fchown(o.fd, int(n.uid), int(n.gid)))
	}
	errs = append(errs, unix.Fchmod(o.fd, n.mode&0o7777), setTime(o.path, n), unix.Close(o.fd))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%s: %w", o.path, err)
	}
	return nil
}

var euid, egid = uint32(os.Geteuid()), uint32(os.Getegid())

// own says whether what this process creates belongs to the owner of n already.
func own(n *node) bool { return n.uid == euid && n.gid == egid }

func setTime(path string, n *node) error {
	t := unix.NsecToTimespec(n.mtime)
	return unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{t, t}, unix.AT_SYMLINK_NOFOLLOW)
}

// finish makes the links, and then sets the metadata of folders, deepest first: all before it would have changed it.
func finish(nodes []*node, target string) error {
	for _, n := range nodes {
		path := filepath.Join(target, n.path)
		switch {
		case n.kind() == unix.S_IFLNK:
			if err := os.Symlink(n.target, path); err != nil {
				return err
			}
			if err := errors.Join(unix.Lchown(path, int(n.uid), int(n.gid)), setTime(path, n)); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		case n.kind() == unix.S_IFREG && n.target != "":
			if err := os.Link(filepath.Join(target, n.target), path); err != nil {
				return err
			}
		}
	}
	for _, n := range slices.Backward(nodes) {
		if n.kind() != unix.S_IFDIR {
			continue
		}
		path := filepath.Join(target, n.path)
		var errs []error
		for _, x := range n.xattrs {
			errs = append(errs, unix.Setxattr(path, x.name, []byte(x.value), 0))
		}
		if !own(n) {
			errs = append(errs, unix.Chown(path, int(n.uid), int(n.gid)))
		}
		errs = append(errs, unix.Chmod(path, n.mode&0o7777), setTime(path, n))
		if err := errors.Join(errs...); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}
