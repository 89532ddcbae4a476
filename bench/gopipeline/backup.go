package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/blake3"
	"golang.org/x/sys/unix"
)

const (
	// blockSize is what a large file is read by. Bigger blocks copy less at their seams, smaller ones stay in the cache.
	blockSize = 8 << 20
	// Files below the smallest chunk share segments of about this size.
	segmentTarget = 1 << 20
	// A chunk whose sample shrinks to no less than this part is stored as it is; so is one that itself does not.
	worthwhile = 0.96
	sampleSize = 64 << 10
)

// block is a buffer that the chunks cut from it hold until they are stored.
type block struct {
	data []byte
	refs atomic.Int32
	home chan *block
}

func (b *block) release() {
	if b.refs.Add(-1) == 0 {
		b.home <- b
	}
}

// piece is one blob: a chunk of a large file, or a small file whole.
type piece struct {
	data []byte
	id   *[32]byte
}

// task is what a worker stores as one segment.
type task struct {
	block  *block
	pieces []piece
}

// job is what a reader turns into tasks: one large file, or a group of small ones.
type job []*node

type backupResult struct {
	Entries  int    `json:"entries"`
	Bytes    int64  `json:"bytes"`
	Stored   int64  `json:"stored_bytes"`
	Snapshot string `json:"snapshot"`
}

type backup struct {
	repo    *repository
	packs   *packWriter
	chunker *chunker
	free    chan *block
	tasks   chan task

	mu    sync.Mutex
	known map[[32]byte]struct{}
	err   error
	bytes int64
}

func runBackup(folder string, paths []string) (*backupResult, error) {
	repo, err := openRepository(folder, true)
	if err != nil {
		return nil, err
	}
	stored, err := loadIndex(repo)
	if err != nil {
		return nil, err
	}
	workers := runtime.GOMAXPROCS(0)
	b := &backup{
		repo: repo, packs: newPackWriter(repo), chunker: newChunker(repo.gearKey),
		free: make(chan *block, workers+3), tasks: make(chan task, workers), known: map[[32]byte]struct{}{},
	}
	for id := range stored.blobs {
		b.known[id] = struct{}{}
	}
	// All memory for data is here; whoever wants more waits until a block comes back.
	for range cap(b.free) {
		b.free <- &block{home: b.free}
	}

	jobs := make(chan job, 4)
	var readers, storers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for j := range jobs {
				if err := b.read(j); err != nil {
					b.fail(err)
				}
			}
		})
	}
	for range workers {
		storers.Go(b.store)
	}
	nodes, err := b.list(paths, jobs)
	close(jobs)
	readers.Wait()
	close(b.tasks)
	storers.Wait()
	if err := errors.Join(err, b.err, b.packs.close()); err != nil {
		return nil, err
	}

	encoder, err := newEncoder()
	if err != nil {
		return nil, err
	}
	name, err := repo.putRecord("snapshots", encoder.EncodeAll(encodeNodes(nodes), nil))
	if err != nil {
		return nil, err
	}
	return &backupResult{Entries: len(nodes), Bytes: b.bytes, Stored: b.packs.bytes, Snapshot: name}, nil
}

func (b *backup) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = err
	}
}

func (b *backup) failed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err != nil
}

// list walks the sources and hands their files to the readers, small ones in groups.
func (b *backup) list(paths []string, jobs chan<- job) ([]*node, error) {
	var nodes []*node
	var group job
	var grouped int64
	flush := func() {
		if len(group) > 0 {
			jobs <- group
			group, grouped = nil, 0
		}
	}
	w := walker{links: map[[2]uint64]string{}, visit: func(n *node) error {
		if b.failed() {
			return errors.New("stopped")
		}
		nodes = append(nodes, n)
		switch {
		case n.kind() != unix.S_IFREG || n.target != "" || n.size == 0:
		case n.size > minChunk:
			jobs <- job{n}
		default:
			if grouped+n.size > segmentTarget {
				flush()
			}
			group, grouped = append(group, n), grouped+n.size
		}
		return nil
	}}
	for _, p := range paths {
		if err := w.walk(filepath.Clean(p), filepath.Base(p)); err != nil {
			return nil, err
		}
	}
	flush()
	return nodes, nil
}

func (b *backup) take() *block {
	k := <-b.free
	if k.data == nil {
		k.data = make([]byte, blockSize)
	}
	k.refs.Store(1)
	return k
}

func (b *backup) read(j job) error {
	if len(j) == 1 && j[0].size > minChunk {
		return b.readLarge(j[0])
	}
	k := b.take()
	t := task{block: k, pieces: make([]piece, 0, len(j))}
	ids := make([][32]byte, len(j))
	free := k.data
	for i, n := range j {
		// One byte more than the walk saw, to notice a file that has grown; of such a file what fits is kept.
		read, err := readFile(n.source, free[:min(n.size+1, int64(len(free)))])
		if err != nil {
			k.release()
			return err
		}
		n.size = int64(read)
		if read == 0 {
			continue
		}
		n.content = []*[32]byte{&ids[i]}
		t.pieces = append(t.pieces, piece{free[:read:read], &ids[i]})
		free = free[read:]
	}
	b.tasks <- t
	return nil
}

// readFile does without os.File, which registers every file with the poller.
func readFile(path string, buf []byte) (int, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return 0, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	return fill(fd, buf, path)
}

// fill reads until buf is full or the file ends.
func fill(fd int, buf []byte, path string) (int, error) {
	total := 0
	for total < len(buf) {
		n, err := unix.Read(fd, buf[total:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return total, &os.PathError{Op: "read", Path: path, Err: err}
		}
		if n == 0 {
			break
		}
		total += n
	}
	return total, nil
}

func (b *backup) readLarge(n *node) error {
	fd, err := unix.Open(n.source, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: n.source, Err: err}
	}
	defer unix.Close(fd)
	unix.Fadvise(fd, 0, 0, unix.FADV_SEQUENTIAL)

	n.size = 0
	k := b.take()
	kept, scanned := 0, 0
	for {
		read, err := fill(fd, k.data[kept:], n.source)
		if err != nil {
			k.release()
			return err
		}
		n.size += int64(read)
		last := kept+read < len(k.data)
		rest := k.data[:kept+read]
		for len(rest) > 0 {
			length, seen := b.chunker.cut(rest, scanned, last)
			if length == 0 {
				scanned = seen
				break
			}
			scanned = 0
			id := new([32]byte)
			n.content = append(n.content, id)
			k.refs.Add(1)
			b.tasks <- task{k, []piece{{rest[:length:length], id}}}
			rest = rest[length:]
		}
		if last || b.failed() {
			k.release()
			return nil
		}
		next := b.take()
		kept = copy(next.data, rest)
		k.release()
		k = next
	}
}

func newEncoder() (*zstd.Encoder, error) {
	// The seal authenticates; zstd's own checksum would be a second one.
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
}

// store takes tasks until there are no more: identity, known?, compression, sealing, pack.
func (b *backup) store() {
	hasher, err := blake3.NewKeyed(b.repo.idKey[:])
	if err != nil {
		b.fail(err)
		return
	}
	encoder, err := newEncoder()
	if err != nil {
		b.fail(err)
		return
	}
	// Room for a segment that grows under compression, and its seal.
	s := storer{backup: b, hasher: hasher, encoder: encoder, scratch: make([]byte, 0, maxChunk+maxChunk/128+4096)}
	for t := range b.tasks {
		if !b.failed() {
			if err := s.store(t); err != nil {
				b.fail(err)
			}
		}
		t.block.release()
	}
}

type storer struct {
	*backup
	hasher  *blake3.Hasher
	encoder *zstd.Encoder
	scratch []byte
}

func (s *storer) store(t task) error {
	members, total := make([]member, 0, len(t.pieces)), 0
	var content []byte
	for _, p := range t.pieces {
		s.hasher.Reset()
		s.hasher.Write(p.data)
		s.hasher.Sum(p.id[:0])
		total += len(p.data)
		if !s.claim(*p.id) {
			continue
		}
		members = append(members, member{*p.id, uint32(len(p.data))})
		if len(t.pieces) == 1 {
			content = p.data
		} else {
			// The pieces of a group lie in order at the start of a block of their own; new ones move down over known ones.
			content = append(t.block.data[:len(content)], p.data...)
		}
	}
	s.mu.Lock()
	s.bytes += int64(total)
	s.mu.Unlock()
	if len(members) == 0 {
		return nil
	}
	plain, compressed := uint32(len(content)), false
	if s.compressible(content) {
		if z := s.encoder.EncodeAll(content, s.scratch[:0]); float64(len(z)) < worthwhile*float64(len(content)) {
			content, compressed = z, true
		}
	}
	p, err := s.packs.acquire()
	if err != nil {
		return err
	}
	if err := p.add(content, s.scratch, plain, compressed, members); err != nil {
		p.file.Close()
		return err
	}
	s.packs.release(p)
	return nil
}

// claim says whether id is new, and makes it known. The snapshot that names it is written only after all packs stand.
func (s *storer) claim(id [32]byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.known[id]; ok {
		return false
	}
	s.known[id] = struct{}{}
	return true
}

// compressible tries a part of content; a shorter one would miss words that recur only every few thousand bytes.
func (s *storer) compressible(content []byte) bool {
	if len(content) < 4*sampleSize {
		return true
	}
	sample := content[len(content)/2:][:sampleSize]
	return float64(len(s.encoder.EncodeAll(sample, s.scratch[:0]))) < worthwhile*sampleSize
}
