package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const right = "package right\n\nrecord R { a: u8 }\ninterface I { a() -> R }\n"

func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	root := command()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(args)
	err := root.Execute()
	return out.String(), err
}

func write(t *testing.T, text string) (folder, path string) {
	t.Helper()
	folder = t.TempDir()
	path = filepath.Join(folder, "right.idl")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return folder, path
}

func TestCheckNamesEveryFileThatIsWrong(t *testing.T) {
	_, path := write(t, right)
	_, err := run(t, "check", path)
	require.NoError(t, err)
	wrong := filepath.Join(t.TempDir(), "wrong.idl")
	require.NoError(t, os.WriteFile(wrong, []byte("package wrong\nrecord R { a: u9 }\n"), 0o644))
	_, err = run(t, "check", path, wrong, filepath.Join(t.TempDir(), "missing.idl"))
	assert.ErrorContains(t, err, "wrong.idl:2:15: unknown type `u9` [unknown-type]")
	assert.ErrorContains(t, err, "missing.idl: no such file")
}

func TestGenWritesAllOrNothing(t *testing.T) {
	folder, path := write(t, right)
	golang, c := filepath.Join(folder, "new", "r.go"), filepath.Join(folder, "r.h")
	_, err := run(t, "gen", "--out", "golang="+golang, "--out", "c="+c, path)
	require.NoError(t, err)
	text, err := os.ReadFile(golang)
	require.NoError(t, err)
	assert.Contains(t, string(text), "package right")

	require.NoError(t, os.WriteFile(c, []byte("as it was"), 0o644))
	blocked := filepath.Join(golang, "cannot", "be.py") // below a file
	_, err = run(t, "gen", "--out", "c="+c, "--out", "python="+blocked, path)
	require.ErrorContains(t, err, "cannot write "+blocked+": not a directory; ")
	_, err = run(t, "gen", "--out", "c="+c, "--out", "python="+filepath.Dir(golang), path)
	require.ErrorContains(t, err, "is a directory")
	text, err = os.ReadFile(c)
	require.NoError(t, err)
	assert.Equal(t, "as it was", string(text))
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Len(t, entries, 3, "temporary files are left: %v", entries)
}

func TestGenWritesNothingForAFileWithMistakes(t *testing.T) {
	folder, path := write(t, "package right\nrecord R { a: u9 }\n")
	_, err := run(t, "gen", "--out", "c="+filepath.Join(folder, "r.h"), path)
	require.ErrorContains(t, err, "[unknown-type]")
	assert.NoFileExists(t, filepath.Join(folder, "r.h"))
}

func TestTheSameInputGivesTheSameBytes(t *testing.T) {
	path := filepath.Join("..", "..", "testdata", "whole.idl")
	var before []byte
	for range 3 {
		out := filepath.Join(t.TempDir(), "out")
		_, err := run(t, "gen", "--out", "golang="+out, path)
		require.NoError(t, err)
		text, err := os.ReadFile(out)
		require.NoError(t, err)
		if before != nil {
			assert.Equal(t, before, text)
		}
		before = text
	}
}

func TestAWrongCommandLineIsSaidSo(t *testing.T) {
	_, path := write(t, right)
	for _, args := range [][]string{
		{"gen", path}, {"gen", "--out", "c", path}, {"gen", "--out", "java=x", path}, {"gen", "--out", "c=x"}, {"check"},
		{"gen", "--into", "x", path}, {"unknown"},
	} {
		_, err := run(t, args...)
		var wrong usageError
		assert.ErrorAs(t, err, &wrong, "%v", args)
	}
}

func TestBreakingNamesWhatBreaksWhom(t *testing.T) {
	_, old := write(t, right)
	_, now := write(t, "package right\n\nrecord R { a: u16 }\ninterface I { a() -> R }\n")
	out, err := run(t, "breaking", "--against", old, now)
	require.ErrorIs(t, err, errFindings)
	assert.Contains(t, out, "field `a` of record `R` had the type `u8` and has `u16` [field-type]")
	assert.Contains(t, out, "it was so here")
	out, err = run(t, "breaking", "--against", old, "--format", "json", "--promise", "frames", now)
	require.ErrorIs(t, err, errFindings)
	assert.Contains(t, out, `{"rule":"field-type","message":"field `+"`a`"+` of record`)
	assert.Contains(t, out, `"line":3,"column":12},"other":{"path":"`+old+`","line":3,"column":12}}`)
	out, err = run(t, "breaking", "--against", old, old)
	require.NoError(t, err)
	assert.Empty(t, out)
	for _, args := range [][]string{{"breaking", now}, {"breaking", "--against", old, "--promise", "all", now}, {"breaking", "--against", old, "--format", "xml", now}} {
		_, err := run(t, args...)
		var wrong usageError
		assert.ErrorAs(t, err, &wrong, "%v", args)
	}
}
