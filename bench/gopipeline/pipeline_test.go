package main

import (
	"bytes"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func noise(seed byte, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

func makeTree(t *testing.T) string {
	root := filepath.Join(t.TempDir(), "tree")
	write := func(name string, content []byte, mode fs.FileMode) {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, content, mode))
		require.NoError(t, os.Chtimes(path, time.Time{}, time.Unix(1_500_000_000, 123456789)))
	}
	write("large", noise(1, 37<<20+11), 0o640)
	write("half", bytes.Repeat(append(noise(2, 4096), make([]byte, 4096)...), 1500), 0o600)
	write("zeros", make([]byte, 9<<20), 0o644)
	write("empty", nil, 0o444)
	write("at-the-limit", noise(3, minChunk), 0o644)
	write("above-the-limit", noise(4, minChunk+1), 0o755)
	write("a-block", noise(5, blockSize), 0o755)
	for i := range 300 {
		write(filepath.Join("small", string(rune('a'+i%7)), time.Duration(i).String()), noise(byte(i%200), 13*i), 0o644)
	}
	write("small/not-utf8-\xff", []byte("name"), 0o644)
	require.NoError(t, os.Symlink("nowhere", filepath.Join(root, "symlink")))
	require.NoError(t, os.Link(filepath.Join(root, "half"), filepath.Join(root, "small", "hard")))
	require.NoError(t, os.Chtimes(filepath.Join(root, "small"), time.Time{}, time.Unix(1_400_000_000, 5)))
	return root
}

// describe lists a tree: name, mode, size, time of each entry, and content or target.
func describe(t *testing.T, root string) map[string][2]any {
	found := map[string][2]any{}
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := d.Info()
		require.NoError(t, err)
		var content any
		switch {
		case info.Mode().IsRegular():
			content, err = os.ReadFile(path)
		case info.Mode()&fs.ModeSymlink != 0:
			content, err = os.Readlink(path)
		}
		require.NoError(t, err)
		name, err := filepath.Rel(root, path)
		require.NoError(t, err)
		found[name] = [2]any{info.Mode().String() + " " + info.ModTime().UTC().String(), content}
		return nil
	}))
	return found
}

func TestRoundTrip(t *testing.T) {
	source, repo, target := makeTree(t), filepath.Join(t.TempDir(), "repo"), t.TempDir()
	first, err := runBackup(repo, []string{source})
	require.NoError(t, err)
	_, err = runRestore(repo, target)
	require.NoError(t, err)
	want, got := describe(t, source), describe(t, filepath.Join(target, "tree"))
	require.Len(t, got, len(want))
	for name := range want {
		require.True(t, want[name][0] == got[name][0], "%s: %v, want %v", name, got[name][0], want[name][0])
		require.Equal(t, want[name][1], got[name][1], name)
	}
	hard, err := os.Stat(filepath.Join(target, "tree/small/hard"))
	require.NoError(t, err)
	half, err := os.Stat(filepath.Join(target, "tree/half"))
	require.NoError(t, err)
	require.True(t, os.SameFile(hard, half))

	second, err := runBackup(repo, []string{source})
	require.NoError(t, err)
	require.Equal(t, first.Bytes, second.Bytes)
	require.Zero(t, second.Stored, "all of it is known")
}

func TestDamageIsNoticed(t *testing.T) {
	source, repo := makeTree(t), filepath.Join(t.TempDir(), "repo")
	_, err := runBackup(repo, []string{source})
	require.NoError(t, err)
	packs, err := filepath.Glob(filepath.Join(repo, "packs", "*"))
	require.NoError(t, err)
	content, err := os.ReadFile(packs[0])
	require.NoError(t, err)
	content[packHeader+100] ^= 1
	require.NoError(t, os.WriteFile(packs[0], content, 0o600))
	_, err = runRestore(repo, t.TempDir())
	require.ErrorContains(t, err, "message authentication failed")
}

// Cut points must not depend on how the data arrives, or a file would not deduplicate against itself.
func TestCutIsIndependentOfBlocks(t *testing.T) {
	c := newChunker([32]byte{7})
	data := noise(9, 24<<20)
	cuts := func(step int) (lengths []int) {
		rest, scanned := data, 0
		for shown := 0; len(rest) > 0; {
			shown = min(shown+step, len(rest))
			length, seen := c.cut(rest[:shown], scanned, shown == len(rest))
			if scanned = seen; length > 0 {
				lengths = append(lengths, length)
				rest, scanned = rest[length:], 0
				shown = max(0, shown-length)
			}
		}
		return lengths
	}
	want := cuts(len(data))
	require.Greater(t, len(want), 10)
	require.Equal(t, want, cuts(100_003))
	require.Equal(t, want, cuts(1<<20))
	for _, n := range want[:len(want)-1] {
		require.GreaterOrEqual(t, n, minChunk)
		require.LessOrEqual(t, n, maxChunk)
	}
}
