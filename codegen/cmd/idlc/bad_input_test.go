package main

import (
	"bytes"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// outcome is what a command line gives to those who started it.
type outcome struct {
	code          int
	out, messages string
}

func (o outcome) firstLine() string {
	line, _, _ := strings.Cut(o.messages, "\n")
	return line
}

func outcomeOf(args ...string) outcome {
	var out, messages bytes.Buffer
	code := idlc(args, strings.NewReader(""), &out, &messages)
	return outcome{code, out.String(), messages.String()}
}

// tree is what a folder holds: texts by path, and the mode of what is no file.
func tree(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		all[path] = entry.Type().String()
		if info, err := entry.Info(); err == nil && entry.Type().IsRegular() && info.Size() < 1<<20 {
			text, _ := os.ReadFile(path) // some of them are there to be unreadable
			all[path] = string(text)
		}
		return nil
	}))
	return all
}

func put(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

// Whatever a file is: each command says what is wrong with it, where, and what to do, on the first line or in its hint, and leaves
// nothing behind.
func TestBadInput(t *testing.T) {
	for _, c := range []struct {
		name  string
		make  func(t *testing.T) // bad.idl, with what belongs to it
		first string
		then  string // further on in the message
		fmt   int    // exit code of fmt, which does not look beyond the form of one file
	}{
		{
			name: "binary junk",
			make: func(t *testing.T) {
				junk := []byte("\x7fELF\x02\x01\x01\x00")
				for source := rand.New(rand.NewPCG(1, 2)); len(junk) < 100_000; {
					junk = append(junk, byte(source.Uint32()))
				}
				put(t, "bad.idl", string(junk))
			},
			first: "bad.idl:1:8: this is not a text file [not-text]",
			then:  "hint: IDL files are UTF-8 without control characters",
			fmt:   exitInput,
		},
		{
			name: "100,000 types in one another",
			make: func(t *testing.T) {
				put(t, "bad.idl", "package bad\nrecord R { a: "+strings.Repeat("list<", 100_000)+"u8"+strings.Repeat(">", 100_000)+" }\n")
			},
			first: "bad.idl:2:335: types nest at most 64 deep [nesting]",
			fmt:   exitInput,
		},
		{
			name: "100,000 types that are never closed",
			make: func(t *testing.T) {
				put(t, "bad.idl", "package bad\nrecord R { a: "+strings.Repeat("list<", 100_000))
			},
			first: "bad.idl:2:10: this `{` is not closed [unclosed]",
			then:  "bad.idl:2:335: types nest at most 64 deep [nesting]",
			fmt:   exitInput,
		},
		{
			name:  "100,000 mistakes on one line",
			make:  func(t *testing.T) { put(t, "bad.idl", "package bad\nrecord R { "+strings.Repeat("a, ", 100_000)+"}\n") },
			first: "bad.idl:2:13: expected `:` and a type after `a`, not `,` [syntax]",
			then:  " more are not shown\n",
			fmt:   exitInput,
		},
		{
			name: "100 MB",
			make: func(t *testing.T) {
				put(t, "bad.idl", "package bad\n")
				require.NoError(t, os.Truncate("bad.idl", 100<<20))
			},
			first: "idlc: cannot read bad.idl: the file is larger than 16 MiB, and no IDL file is; check that it is the file that you mean",
			fmt:   exitInput,
		},
		{
			name:  "a device without an end",
			make:  func(t *testing.T) { require.NoError(t, os.Symlink("/dev/zero", "bad.idl")) },
			first: "idlc: cannot read bad.idl: the file is larger than 16 MiB, and no IDL file is; check that it is the file that you mean",
			fmt:   exitInput,
		},
		{
			name:  "a folder",
			make:  func(t *testing.T) { require.NoError(t, os.Mkdir("bad.idl", 0o755)) },
			first: "idlc: cannot read bad.idl: is a directory; name the IDL files in it",
			fmt:   exitInput,
		},
		{
			name:  "nothing",
			make:  func(*testing.T) {},
			first: "idlc: cannot read bad.idl: no such file or directory; check the path",
			fmt:   exitInput,
		},
		{
			name: "a file that nobody can read",
			// Its first page is never mapped, and the mode of a file is no obstacle for root.
			make:  func(t *testing.T) { require.NoError(t, os.Symlink("/proc/self/mem", "bad.idl")) },
			first: "idlc: cannot read bad.idl: input/output error; see whether other programs can read it",
			fmt:   exitInput,
		},
		{
			name: "a file of others",
			make: func(t *testing.T) {
				put(t, "bad.idl", right)
				require.NoError(t, os.Chmod("bad.idl", 0))
				if _, err := os.ReadFile("bad.idl"); err == nil {
					t.Skip("this user may read every file")
				}
			},
			first: "idlc: cannot read bad.idl: permission denied; give your user the right to read it",
			fmt:   exitInput,
		},
		{
			name:  "an empty file",
			make:  func(t *testing.T) { put(t, "bad.idl", "") },
			first: "bad.idl:1:1: the file does not begin with its package [misplaced-package]",
			then:  "hint: write `package name` first",
			fmt:   exitInput,
		},
		{
			name: "files that import one another",
			make: func(t *testing.T) {
				put(t, "bad.idl", "package bad\n\nimport \"other.idl\"\n")
				put(t, "other.idl", "package bad\n\nimport \"bad.idl\"\n")
			},
			first: "other.idl:3:8: `bad.idl` imports this file, directly or by way of others [import-cycle]",
			then:  "hint: move what both need into a file of its own",
		},
		{
			name:  "a file that imports itself",
			make:  func(t *testing.T) { put(t, "bad.idl", "package bad\n\nimport \"bad.idl\"\n") },
			first: "bad.idl:3:8: `bad.idl` imports this file, directly or by way of others [import-cycle]",
			then:  "hint: move what both need into a file of its own",
		},
		{
			name: "imports that cannot be read",
			make: func(t *testing.T) {
				put(t, "bad.idl", "package bad\n\nimport \"missing.idl\"\nimport \"folder\"\nimport \"large.idl\"\n")
				require.NoError(t, os.Mkdir("folder", 0o755))
				put(t, "large.idl", "")
				require.NoError(t, os.Truncate("large.idl", 100<<20))
			},
			first: "bad.idl:3:8: cannot read `missing.idl`: no such file or directory [import]",
			then:  "bad.idl:4:8: cannot read `folder`: is a directory [import]",
		},
		{
			name: "records that contain one another",
			make: func(t *testing.T) {
				put(t, "bad.idl", "package bad\n\nrecord A { b: B }\nrecord B { a: A }\n")
			},
			first: "bad.idl:4:15: `A` contains itself [cycle]",
			then:  "hint: put it into a `list`, which can be empty",
		},
		{
			name:  "names of types that mean one another",
			make:  func(t *testing.T) { put(t, "bad.idl", "package bad\n\ntype A = list<B>\ntype B = list<A>\n") },
			first: "bad.idl:4:15: `A` means itself [cycle]",
			then:  "it is declared here",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			put(t, "right.idl", right)
			c.make(t)
			before := tree(t)
			for _, args := range [][]string{
				{"check", "bad.idl"},
				{"check", "right.idl", "bad.idl"},
				{"lint", "bad.idl"},
				{"lint", "--format", "json", "bad.idl"},
				{"gen", "--out", "rust=new/r.rs", "--out", "c=r.h", "bad.idl"},
				{"docs", "--out", "new/site", "bad.idl"},
				{"breaking", "--against", "right.idl", "bad.idl"},
				{"breaking", "--against", "bad.idl", "right.idl"},
			} {
				got := outcomeOf(args...)
				assert.Equal(t, outcome{code: exitInput}, outcome{got.code, got.out, ""}, "%v", args)
				assert.Equal(t, c.first, got.firstLine(), "%v", args)
				assert.Contains(t, got.messages, c.then, "%v", args)
				assert.Less(t, len(got.messages), 1<<17, "%v says more than anybody reads", args)
			}
			for _, args := range [][]string{{"fmt", "bad.idl"}, {"fmt", "--check", "bad.idl"}, {"fmt", "--write", "bad.idl"}} {
				got := outcomeOf(args...)
				assert.Equal(t, c.fmt, got.code, "%v: %s", args, got.messages)
				if c.fmt != 0 {
					assert.Empty(t, got.out, "%v", args)
					assert.Equal(t, c.first, got.firstLine(), "%v", args)
				}
			}
			assert.Equal(t, before, tree(t), "something is left")
		})
	}
}

// An output that cannot be written is told of with its path and what to do, and everything is as it was, also what could be written.
func TestOutputsThatCannotBeWritten(t *testing.T) {
	file := func(t *testing.T) { put(t, "file", "as it was") }
	readOnly := func(t *testing.T) {
		require.NoError(t, os.Mkdir("closed", 0o755))
		put(t, "closed/right.idl", "package right\nrecord R {a:u8}\n")
		require.NoError(t, os.Chmod("closed", 0o555))
		t.Cleanup(func() { os.Chmod("closed", 0o755) })
		if probe, err := os.Create("closed/probe"); err == nil {
			probe.Close()
			os.Remove("closed/probe")
			t.Skip("this user may write into every folder")
		}
	}
	const elsewhere = "no such file or directory; write elsewhere"
	const clash = "; a file and a folder need the same name: move one of them"
	for _, c := range []struct {
		name  string
		make  func(t *testing.T)
		args  []string
		code  int
		first string
	}{
		{"gen below a file", file, []string{"gen", "--out", "c=file/r.h"}, exitInput, "cannot write file/r.h: not a directory" + clash},
		{
			"gen where the second of several fails", file,
			[]string{"gen", "--out", "c=new/deeper/r.h", "--out", "rust=file/r.rs", "--out", "golang=r.go"}, exitInput,
			"cannot write file/r.rs: not a directory" + clash,
		},
		{
			// Only the last step finds out: the first two outputs are in their places then.
			"gen where an output is a folder of another one", file,
			[]string{"gen", "--out", "c=file", "--out", "rust=new/r.rs", "--out", "golang=both", "--out", "python=both/r.py"}, exitInput,
			"cannot write both: is a directory; name a file in it",
		},
		{
			"gen over a folder", func(t *testing.T) { require.NoError(t, os.Mkdir("folder", 0o755)) },
			[]string{"gen", "--out", "c=r.h", "--out", "rust=folder"}, exitInput, "cannot write folder: is a directory; name a file in it",
		},
		{
			"gen over a pipe", func(t *testing.T) { require.NoError(t, syscall.Mkfifo("pipe", 0o644)) },
			[]string{"gen", "--out", "c=pipe"}, exitInput, "cannot write pipe: it is a device or a pipe; name a file",
		},
		{"gen where nobody makes folders", nil, []string{"gen", "--out", "c=r.h", "--out", "rust=/proc/strongroom/r.rs"}, exitInput, "cannot write /proc/strongroom/r.rs: " + elsewhere},
		{"gen into a closed folder", readOnly, []string{"gen", "--out", "c=r.h", "--out", "rust=closed/r.rs"}, exitInput, "cannot write closed/r.rs: permission denied; write into a folder that is yours"},
		{"gen into a closed folder, deeper", readOnly, []string{"gen", "--out", "c=r.h", "--out", "rust=closed/new/r.rs"}, exitInput, "cannot write closed/new/r.rs: permission denied; write into a folder that is yours"},
		{"gen over the IDL file", nil, []string{"gen", "--out", "c=r.h", "--out", "rust=./right.idl"}, exitUsage, "--out rust=./right.idl: that is the IDL file; name another file"},
		{"gen twice into one file", nil, []string{"gen", "--out", "c=new/r", "--out", "rust=./new/r"}, exitUsage, "--out rust=./new/r: c writes this file, too; give each a file of its own"},
		{"docs over a file", file, []string{"docs", "--out", "file"}, exitInput, "cannot write file: not a directory" + clash},
		{"docs below a file", file, []string{"docs", "--out", "file/deeper/site"}, exitInput, "cannot write file/deeper/site: not a directory" + clash},
		{
			"docs over other files", func(t *testing.T) { require.NoError(t, os.MkdirAll("home/mine", 0o755)) },
			[]string{"docs", "--out", "home"}, exitInput, "cannot write home: it has files that are no reference of idlc's; give a new or an empty folder",
		},
		{"docs where nobody makes folders", nil, []string{"docs", "--out", "/proc/strongroom/site"}, exitInput, "cannot write /proc/strongroom/site: " + elsewhere},
		{"docs with a name that is too long", nil, []string{"docs", "--out", "new/" + strings.Repeat("x", 300)}, exitInput, "cannot write new/" + strings.Repeat("x", 300) + ": file name too long; write elsewhere"},
		{"docs into a closed folder", readOnly, []string{"docs", "--out", "closed/site"}, exitInput, "cannot write closed/site: permission denied; write into a folder that is yours"},
		{"fmt in a closed folder", readOnly, []string{"fmt", "--write", "closed/right.idl"}, exitInput, "cannot write closed/right.idl: permission denied; write into a folder that is yours"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			put(t, "right.idl", right)
			if c.make != nil {
				c.make(t)
			}
			before := tree(t)
			got := outcomeOf(append(c.args, "right.idl")...)
			assert.Equal(t, outcome{c.code, "", "idlc: " + c.first + "\n"}, got)
			assert.Equal(t, before, tree(t), "something is left")
		})
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.ENOSPC}
}

func TestAnOutputThatIsCutOffIsAFailure(t *testing.T) {
	_, path := write(t, crooked)
	for _, args := range [][]string{{"fmt", path}, {"fmt", "--check", path}, {"lint", path}, {"lint", "--rules"}, {"help"}} {
		var messages bytes.Buffer
		assert.Equal(t, exitInput, idlc(args, strings.NewReader(""), full{}, &messages), "%v", args)
		assert.Contains(t, messages.String(), "cannot write the standard output: no space left on device; make room", "%v", args)
	}
}

func TestFmtReadsNoMoreThanAnIDLFileHas(t *testing.T) {
	var messages bytes.Buffer
	endless, err := os.Open("/dev/zero")
	require.NoError(t, err)
	defer endless.Close()
	var out bytes.Buffer
	assert.Equal(t, exitInput, idlc([]string{"fmt", "-"}, endless, &out, &messages))
	assert.Equal(t, "idlc: cannot read <stdin>: the file is larger than 16 MiB, and no IDL file is; check that it is the file that you mean\n", messages.String())
	assert.Empty(t, out.String())
}

func TestGenWritesThroughLinksAndKeepsTheMode(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "right.idl", right)
	put(t, "target.h", "old")
	require.NoError(t, os.Chmod("target.h", 0o600))
	require.NoError(t, os.Symlink("target.h", "r.h"))
	require.Zero(t, outcomeOf("gen", "--out", "c=r.h", "right.idl").code)
	info, err := os.Lstat("r.h")
	require.NoError(t, err)
	assert.NotZero(t, info.Mode()&fs.ModeSymlink)
	info, err = os.Stat("target.h")
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o600), info.Mode())
	text, err := os.ReadFile("target.h")
	require.NoError(t, err)
	assert.Contains(t, string(text), "right_r")
}
