package main

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

const (
	packTarget = 32 << 20
	packMagic  = "gopipe01"
	packHeader = len(packMagic) + 32
	sealTag    = 16
)

// A pack is a header (magic, salt of the pack's key), sealed segments, the sealed table of contents, and the length of
// that table as the last four bytes.
type pack struct {
	name    string
	file    *os.File
	aead    cipher.AEAD
	segment uint32
	size    int64
	toc     []byte
}

// location is where a blob lies: bytes [offset, offset+length) of a segment's content.
type location struct {
	pack     uint32 // index into the repository's list of pack names
	segment  uint32
	position uint32 // of the sealed segment in the pack
	sealed   uint32 // length of the sealed segment
	content  uint32 // length of the segment's content
	offset   uint32
	length   uint32
	zstd     bool
}

// packWriter hands open packs to the workers, so that each seals under its own pack's key and writes without waiting for
// the others, and finishes full packs in the background: fsync waits for the disk, not for the processor.
type packWriter struct {
	repo      *repository
	finishing sync.WaitGroup
	slots     chan struct{}

	mu    sync.Mutex
	idle  []*pack
	index []byte
	err   error
	bytes int64
}

func newPackWriter(repo *repository) *packWriter {
	return &packWriter{repo: repo, slots: make(chan struct{}, 4)}
}

func packKey(repo *repository, salt []byte) (cipher.AEAD, error) {
	k, err := hkdf.Key(sha256.New, repo.master[:], salt, "pack", 32)
	if err != nil {
		return nil, err
	}
	return newAEAD([32]byte(k)), nil
}

// acquire returns a pack that no one else writes.
func (w *packWriter) acquire() (*pack, error) {
	w.mu.Lock()
	if err := w.err; err != nil {
		w.mu.Unlock()
		return nil, err
	}
	if n := len(w.idle); n > 0 {
		p := w.idle[n-1]
		w.idle = w.idle[:n-1]
		w.mu.Unlock()
		return p, nil
	}
	w.mu.Unlock()

	name := newName()
	header := make([]byte, packHeader)
	copy(header, packMagic)
	rand.Read(header[len(packMagic):])
	aead, err := packKey(w.repo, header[len(packMagic):])
	if err != nil {
		return nil, err
	}
	f, err := os.Create(filepath.Join(w.repo.folder, "packs", name+".tmp"))
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(header); err != nil {
		f.Close()
		return nil, err
	}
	return &pack{name: name, file: f, aead: aead, size: int64(packHeader)}, nil
}

// release gives p back; a full one is finished.
func (w *packWriter) release(p *pack) {
	if p.size < packTarget {
		w.mu.Lock()
		w.idle = append(w.idle, p)
		w.mu.Unlock()
		return
	}
	w.slots <- struct{}{}
	w.finishing.Go(func() {
		err := w.finish(p)
		<-w.slots
		if err != nil {
			w.fail(err)
		}
	})
}

func (w *packWriter) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
}

func (w *packWriter) finish(p *pack) error {
	var nonce [12]byte
	toc := p.aead.Seal(nil, segmentNonce(&nonce, ^uint32(0)), p.toc, []byte("toc"))
	toc = binary.LittleEndian.AppendUint32(toc, uint32(len(toc)))
	if _, err := p.file.Write(toc); err != nil {
		p.file.Close()
		return err
	}
	if err := commit(p.file, filepath.Join(w.repo.folder, "packs", p.name)); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bytes += p.size + int64(len(toc))
	w.index = appendString(w.index, p.name)
	w.index = binary.AppendUvarint(w.index, uint64(len(p.toc)))
	w.index = append(w.index, p.toc...)
	return nil
}

// close finishes every pack and then writes the index of all of them.
func (w *packWriter) close() error {
	for _, p := range w.idle {
		w.finishing.Go(func() {
			if err := w.finish(p); err != nil {
				w.fail(err)
			}
		})
	}
	w.idle = nil
	w.finishing.Wait()
	if w.err != nil || len(w.index) == 0 {
		return w.err
	}
	_, err := w.repo.putRecord("index", w.index)
	return err
}

// member is one blob of a segment.
type member struct {
	id     [32]byte
	length uint32
}

// add seals content (zstd says whether it is compressed) as the next segment. scratch receives the sealed bytes; content
// may be scratch itself.
func (p *pack) add(content, scratch []byte, plain uint32, zstd bool, members []member) error {
	var nonce [12]byte
	sealed := p.aead.Seal(scratch[:0], segmentNonce(&nonce, p.segment), content, []byte("segment"))
	if _, err := p.file.Write(sealed); err != nil {
		return fmt.Errorf("write pack %s: %w", p.name, err)
	}
	p.toc = binary.AppendUvarint(p.toc, uint64(len(sealed)))
	flags := uint64(plain) << 1
	if zstd {
		flags |= 1
	}
	p.toc = binary.AppendUvarint(p.toc, flags)
	p.toc = binary.AppendUvarint(p.toc, uint64(len(members)))
	for _, m := range members {
		p.toc = append(p.toc, m.id[:]...)
		p.toc = binary.AppendUvarint(p.toc, uint64(m.length))
	}
	p.segment++
	p.size += int64(len(sealed))
	return nil
}

// index is what the repository holds, read from its index objects.
type index struct {
	packs []string
	blobs map[[32]byte]location
}

func loadIndex(repo *repository) (*index, error) {
	x := &index{blobs: map[[32]byte]location{}}
	names, err := repo.list("index")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		content, err := repo.getRecord("index", name)
		if err != nil {
			return nil, err
		}
		r := reader{rest: content}
		for r.more() {
			x.packs = append(x.packs, r.string())
			x.addTable(r.take(r.uint()), uint32(len(x.packs)-1))
		}
		if r.err != nil {
			return nil, fmt.Errorf("index %s: %w", name, r.err)
		}
	}
	return x, nil
}

func (x *index) addTable(toc []byte, pack uint32) {
	r := reader{rest: toc}
	position := uint32(packHeader)
	for segment := uint32(0); r.more(); segment++ {
		l := location{pack: pack, segment: segment, position: position, sealed: uint32(r.uint())}
		flags := r.uint()
		l.content, l.zstd = uint32(flags>>1), flags&1 != 0
		for range r.uint() {
			id := r.id()
			l.length = uint32(r.uint())
			x.blobs[id] = l
			l.offset += l.length
		}
		position += l.sealed
	}
}

// packReader reads segments of one pack.
type packReader struct {
	file *os.File
	aead cipher.AEAD
}

func openPack(repo *repository, name string) (*packReader, error) {
	f, err := os.Open(filepath.Join(repo.folder, "packs", name))
	if err != nil {
		return nil, err
	}
	header := make([]byte, packHeader)
	if _, err := io.ReadFull(f, header); err != nil || string(header[:len(packMagic)]) != packMagic {
		f.Close()
		return nil, fmt.Errorf("pack %s: not a pack (%v)", name, err)
	}
	aead, err := packKey(repo, header[len(packMagic):])
	if err != nil {
		f.Close()
		return nil, err
	}
	return &packReader{file: f, aead: aead}, nil
}

// read opens a segment in place in buf and returns its content, still compressed if it was.
func (p *packReader) read(l location, buf []byte) ([]byte, error) {
	buf = buf[:l.sealed]
	if _, err := p.file.ReadAt(buf, int64(l.position)); err != nil {
		return nil, err
	}
	var nonce [12]byte
	return p.aead.Open(buf[:0], segmentNonce(&nonce, l.segment), buf, []byte("segment"))
}
