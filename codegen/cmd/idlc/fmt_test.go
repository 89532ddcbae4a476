package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	crooked  = "package right\nrecord R {a:u8}\n"
	straight = "package right\n\nrecord R { a: u8 }\n"
)

func TestFmtPrintsAndLeavesTheFileAlone(t *testing.T) {
	_, path := write(t, crooked)
	out, err := run(t, "fmt", path)
	require.NoError(t, err)
	assert.Equal(t, straight, out)
	assert.Equal(t, crooked, content(t, path))
}

func TestFmtReadsTheStandardInput(t *testing.T) {
	root := command()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetIn(strings.NewReader(crooked))
	root.SetArgs([]string{"fmt", "-"})
	require.NoError(t, root.Execute())
	assert.Equal(t, straight, out.String())
}

func TestFmtWritesThroughLinksAndKeepsTheMode(t *testing.T) {
	folder, path := write(t, crooked)
	require.NoError(t, os.Chmod(path, 0o640))
	link := filepath.Join(t.TempDir(), "link.idl")
	require.NoError(t, os.Symlink(path, link))
	out, err := run(t, "fmt", "--write", link)
	require.NoError(t, err)
	assert.Empty(t, out)
	assert.Equal(t, straight, content(t, path))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), info.Mode())
	info, err = os.Lstat(link)
	require.NoError(t, err)
	assert.NotZero(t, info.Mode()&os.ModeSymlink)
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Len(t, entries, 1, "temporary files are left: %v", entries)
}

func TestFmtDoesNotTouchWhatIsRight(t *testing.T) {
	_, path := write(t, straight)
	before, err := os.Stat(path)
	require.NoError(t, err)
	_, err = run(t, "fmt", "--write", path)
	require.NoError(t, err)
	after, err := os.Stat(path)
	require.NoError(t, err)
	assert.True(t, os.SameFile(before, after), "the file was written again")
}

func TestFmtChecks(t *testing.T) {
	_, wrong := write(t, crooked)
	_, fine := write(t, straight)
	out, err := run(t, "fmt", "--check", fine)
	require.NoError(t, err)
	assert.Empty(t, out)
	out, err = run(t, "fmt", "--check", fine, wrong)
	assert.EqualError(t, err, "1 file is not in the canonical layout; `idlc fmt --write` writes it")
	assert.Equal(t, wrong+"\n", out)
	out, err = run(t, "fmt", "--diff", fine, wrong)
	require.NoError(t, err)
	assert.Equal(t, "--- "+wrong+"\n+++ "+wrong+" (formatted)\n@@ -1,2 +1,3 @@\n package right\n-record R {a:u8}\n+\n+record R { a: u8 }\n", out)
}

func TestFmtLeavesAFileWithMistakesAlone(t *testing.T) {
	_, wrong := write(t, "package right\nrecord R {a:}\n")
	_, other := write(t, crooked)
	_, err := run(t, "fmt", "--write", wrong, filepath.Join(t.TempDir(), "missing.idl"), other)
	assert.ErrorContains(t, err, "right.idl:2:13: expected a type, not `}` [syntax]")
	assert.ErrorContains(t, err, "missing.idl: no such file")
	assert.Equal(t, "package right\nrecord R {a:}\n", content(t, wrong))
	assert.Equal(t, straight, content(t, other), "the other files are formatted all the same")
}

func TestFmtRefusesWhatContradictsItself(t *testing.T) {
	_, path := write(t, crooked)
	for _, args := range [][]string{{"fmt"}, {"fmt", "--write", "--check", path}, {"fmt", "-w", "-d", path}, {"fmt", "-w", "-"}} {
		_, err := run(t, args...)
		var wrong usageError
		assert.ErrorAs(t, err, &wrong, "%v", args)
	}
	assert.Equal(t, crooked, content(t, path))
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}
