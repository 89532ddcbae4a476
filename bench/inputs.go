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
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// input is what is backed up.
type input struct {
	Name  string
	About string
	Bytes int64
	Files int
	path  string
}

// The small files: as many for each byte of the large file as 200,000 are for 2 GiB.
const (
	smallSize     = 4 << 10
	smallCount    = 200_000
	smallInFolder = 1000
)

// makeInputs makes the inputs of these names.
func (c *config) makeInputs(names []string) (map[string]input, error) {
	folder := filepath.Join(c.scratch, "inputs")
	if err := os.Mkdir(folder, 0o755); err != nil {
		return nil, err
	}
	all := map[string]input{}
	for _, name := range names {
		in := input{Name: name, path: filepath.Join(folder, name)}
		if err := c.makeInput(&in); err != nil {
			return nil, fmt.Errorf("make the input %s: %w", name, err)
		}
		all[name] = in
	}
	return all, nil
}

func (c *config) makeInput(in *input) error {
	noise := rand.NewChaCha8([32]byte{1})
	random := func(p []byte) { noise.Read(p) }
	in.Bytes, in.Files = int64(c.size), 1
	switch in.Name {
	case randomFile:
		in.About = "one file of random bytes"
		return generate(in.path, in.Bytes, random)
	case halfFile:
		if err := generate(in.path, in.Bytes, newHalves().fill); err != nil {
			return err
		}
		ratio, err := compressedPart(in.path)
		in.About = fmt.Sprintf("one file that zstd -1 brings to %.2f of its size", ratio)
		return err
	case smallFiles:
		in.About = "small files that zstd brings to half of their size"
		return c.makeSmall(in, newHalves().fill)
	case smallNoise:
		in.About = "small files of random bytes"
		return c.makeSmall(in, random)
	default:
		in.About = "the source tree of the Go toolchain"
		return c.copyTree(in)
	}
}

func (c *config) makeSmall(in *input, fill func([]byte)) error {
	in.Files = max(100, int(float64(c.size)/float64(2<<30)*smallCount))
	in.Bytes = int64(in.Files) * smallSize
	content := make([]byte, smallSize)
	for i := range in.Files {
		folder := filepath.Join(in.path, strconv.Itoa(i/smallInFolder))
		if i%smallInFolder == 0 {
			if err := os.MkdirAll(folder, 0o755); err != nil {
				return err
			}
		}
		fill(content)
		if err := os.WriteFile(filepath.Join(folder, strconv.Itoa(i%smallInFolder)), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// copyTree copies the tree: all contenders then read the same file system, which is not an overlay or a network's.
func (c *config) copyTree(in *input) error {
	source, err := c.findTree()
	if err != nil {
		return err
	}
	if err := os.CopyFS(in.path, os.DirFS(source)); err != nil {
		return fmt.Errorf("copy %s: %w", source, err)
	}
	in.Bytes, in.Files = 0, 0
	return filepath.WalkDir(in.path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			in.Bytes += info.Size()
			in.Files++
		}
		return err
	})
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
