package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// input is what is backed up.
type input struct {
	Name  string `json:"name"`
	About string `json:"about"`
	Bytes int64  `json:"bytes"`
	Files int    `json:"files"`
	path  string
}

func (c *config) makeInputs() ([]input, error) {
	folder := filepath.Join(c.scratch, "inputs")
	if err := os.Mkdir(folder, 0o755); err != nil {
		return nil, err
	}
	var all []input
	if chosen(c.Inputs, "incompressible") {
		path := filepath.Join(folder, "incompressible")
		r := rand.NewChaCha8([32]byte{1})
		if err := generate(path, int64(c.Size), func(p []byte) { r.Read(p) }); err != nil {
			return nil, err
		}
		all = append(all, input{"incompressible", "one file of random bytes", int64(c.Size), 1, path})
	}
	if chosen(c.Inputs, "halves") {
		path := filepath.Join(folder, "halves")
		h := newHalves()
		if err := generate(path, int64(c.Size), h.fill); err != nil {
			return nil, err
		}
		ratio, err := compressedPart(path)
		if err != nil {
			return nil, err
		}
		about := fmt.Sprintf("one file that zstd -1 brings to %.2f of its size", ratio)
		all = append(all, input{"halves", about, int64(c.Size), 1, path})
	}
	if chosen(c.Inputs, "tree") {
		source, err := c.findTree()
		if err != nil {
			return nil, err
		}
		i := input{Name: "tree", About: "the source tree of the Go toolchain", path: filepath.Join(folder, "tree")}
		// A copy: all contenders then read the same file system, which is not an overlay or a network's.
		if err := os.CopyFS(i.path, os.DirFS(source)); err != nil {
			return nil, fmt.Errorf("copy %s: %w", source, err)
		}
		err = filepath.WalkDir(i.path, func(_ string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			info, err := d.Info()
			if err == nil {
				i.Bytes += info.Size()
				i.Files++
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		all = append(all, i)
	}
	return all, nil
}

func chosen(list []string, name string) bool {
	for _, l := range list {
		if l == name {
			return true
		}
	}
	return len(list) == 0
}

func (c *config) findTree() (string, error) {
	if c.tree != "" {
		return c.tree, nil
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOROOT: %w; name a tree with --tree", err)
	}
	return filepath.EvalSymlinks(filepath.Join(strings.TrimSpace(string(root)), "src"))
}

func generate(path string, n int64, fill func([]byte)) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	buf := make([]byte, 1<<20)
	for ; n > 0; n -= int64(len(buf)) {
		buf = buf[:min(n, int64(len(buf)))]
		fill(buf)
		if _, err := f.Write(buf); err != nil {
			return err
		}
	}
	return f.Sync()
}

// halves makes records as a log or a table has them: repeated words, which matching finds, digits, which entropy coding
// shortens, and random bytes, which nothing does. The shares are such that zstd -1 leaves half. No part occurs twice, so
// deduplication finds nothing.
type halves struct {
	source *rand.ChaCha8
	random *rand.Rand
	words  [1024][]byte
}

func newHalves() *halves {
	h := &halves{source: rand.NewChaCha8([32]byte{2})}
	h.random = rand.New(h.source)
	for i := range h.words {
		w := make([]byte, 4+h.random.IntN(9))
		for j := range w {
			w[j] = byte('a' + h.random.IntN(26))
		}
		h.words[i] = append(w, ' ')
	}
	return h
}

func (h *halves) fill(p []byte) {
	for len(p) > 0 {
		for range 7 {
			p = p[copy(p, h.words[h.random.IntN(len(h.words))]):]
		}
		var record [28]byte
		const digits = "0123456789abcdef"
		for i, v := 0, h.random.Uint64(); i < 12; i, v = i+1, v>>4 {
			record[i] = digits[v&15]
		}
		binary.LittleEndian.PutUint64(record[12:], h.random.Uint64())
		binary.LittleEndian.PutUint64(record[20:], h.random.Uint64())
		p = p[copy(p, record[:]):]
	}
}

// compressedPart compresses the first 64 MiB of a file.
func compressedPart(path string) (float64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	out := &counter{}
	w, err := zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(w, bufio.NewReader(io.LimitReader(f, 64<<20)))
	if err != nil {
		return 0, err
	}
	if err := w.Close(); err != nil {
		return 0, err
	}
	return float64(out.n) / float64(n), nil
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}
