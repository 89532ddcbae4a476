package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDocsWritesASite(t *testing.T) {
	folder, path := write(t, right)
	site := filepath.Join(folder, "site")
	snippets := filepath.Join(folder, "snippets")
	require.NoError(t, os.Mkdir(snippets, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(snippets, "a.go"), []byte("// snippet I.a\nanswer := 42\n// end\n"), 0o644))
	for range 2 { // also over the older one
		_, err := run(t, "docs", "--out", site, "--snippets", snippets, path)
		require.NoError(t, err)
	}
	text, err := os.ReadFile(filepath.Join(site, "interface", "I.html"))
	require.NoError(t, err)
	assert.Contains(t, string(text), "answer := 42")
	assert.FileExists(t, filepath.Join(site, "index.html"))
}

func TestDocsThatCannotBeWrittenLeaveNothing(t *testing.T) {
	folder, path := write(t, right)
	_, err := run(t, "docs", path)
	var wrong usageError
	assert.ErrorAs(t, err, &wrong)
	_, err = run(t, "docs", "--out", filepath.Join(path, "below"), path)
	assert.ErrorContains(t, err, "cannot write "+filepath.Join(path, "below")+": not a directory; ")
	_, err = run(t, "docs", "--out", folder, path)
	assert.ErrorContains(t, err, "has files that are no reference of idlc's")
	_, err = run(t, "docs", "--out", filepath.Join(folder, "site"), "--snippets", filepath.Join(folder, "none"), path)
	assert.ErrorContains(t, err, "cannot read the snippets: ")
	bad := filepath.Join(t.TempDir(), "bad.idl")
	require.NoError(t, os.WriteFile(bad, []byte("package bad\nrecord R { a: u9 }\n"), 0o644))
	_, err = run(t, "docs", "--out", filepath.Join(folder, "site"), bad)
	assert.ErrorContains(t, err, "[unknown-type]")
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Len(t, entries, 1, "something is left: %v", entries)
}
