package lint_test

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/compile"
	"strongroom.dev/codegen/lint"
	"strongroom.dev/codegen/report"
)

var update = flag.Bool("update", false, "write what is found beside the inputs, for review")

func find(t *testing.T, read compile.Read, paths ...string) *report.Report {
	t.Helper()
	r := report.New()
	var programs []*compile.Program
	for _, path := range paths {
		p, err := compile.LoadInto(r, path, read)
		require.NoError(t, err)
		programs = append(programs, p)
	}
	require.True(t, r.Empty(), r.String())
	lint.Check(r, programs, lint.Rules)
	return r
}

// Each rule has a folder with a file that it finds something in, and a file in which no rule finds anything.
func TestEveryRule(t *testing.T) {
	folders := map[string]bool{}
	entries, err := os.ReadDir("testdata")
	require.NoError(t, err)
	for _, e := range entries {
		folders[e.Name()] = e.IsDir()
	}
	for _, rule := range lint.Rules {
		t.Run(rule.ID, func(t *testing.T) {
			require.True(t, folders[rule.ID], "no folder shows the rule")
			delete(folders, rule.ID)
			read := func(path string) (string, error) { return compile.ReadFile(filepath.Join("testdata", rule.ID, path)) }
			assert.Empty(t, find(t, read, "good.idl").String())
			bad := find(t, read, "bad.idl")
			require.False(t, bad.Empty())
			for _, d := range bad.Diagnostics() {
				assert.Equal(t, rule.ID, d.Rule.ID, "a fixture shows its own rule")
				assert.NotEmpty(t, d.Hints, "a finding says what to do")
				assert.Equal(t, report.Warning, d.Severity)
			}
			golden(t, filepath.Join("testdata", rule.ID, "bad.txt"), bad.String())
			assert.NotEmpty(t, rule.Why)
			assert.NotEmpty(t, rule.Fix)
		})
	}
	for name, folder := range folders {
		assert.False(t, folder, "no rule has the name of the folder %s", name)
	}
}

func TestCommentsThatAllow(t *testing.T) {
	golden(t, "testdata/allow.txt", find(t, in("testdata"), "allow.idl").String())
	assert.Empty(t, find(t, in("testdata"), "allow_file.idl").String())
}

// The files of the tree are what idlc asks of others.
func TestTheTreesOwnFiles(t *testing.T) {
	for _, pattern := range []string{"../../idl/*.idl", "../../conformance/*.idl"} {
		paths, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, paths)
		assert.Empty(t, find(t, compile.ReadFile, paths...).String())
	}
}

func TestRulesAreSwitchedOffByName(t *testing.T) {
	some, err := lint.Without([]string{"abbreviation", "list-result"})
	require.NoError(t, err)
	assert.Len(t, some, len(lint.Rules)-2)
	_, err = lint.Without([]string{"abreviations"})
	assert.EqualError(t, err, "there is no rule `abreviations`; did you mean `abbreviation`?")
	_, err = lint.Without([]string{"x"})
	assert.EqualError(t, err, "there is no rule `x`; `idlc lint --rules` lists them")
}

// A rule that is switched off finds nothing, and so its comments are not said to be of no use.
func TestACommentForARuleThatIsOffIsNotUnused(t *testing.T) {
	rules, err := lint.Without([]string{"abbreviation"})
	require.NoError(t, err)
	r := report.New()
	p, err := compile.LoadInto(r, "unused-allow/good.idl", in("testdata"))
	require.NoError(t, err)
	lint.Check(r, []*compile.Program{p}, rules)
	assert.Empty(t, r.String())
}

// What belongs to several programs is judged with all of them.
func TestFilesOfSeveralPrograms(t *testing.T) {
	const head = "/// A test.\npackage several\n\n"
	const thing = "/// A thing.\ninterface Thing {\n  /// Makes one.\n  constructor open()\n"
	files := map[string]string{
		"shared.idl": head + "/// Data.\nrecord One { a: u8 }\n\n/// Data.\nrecord Two { a: u8 }\n\n/// Data.\nrecord Three { msg: One }\n",
		"first.idl":  head + "import \"shared.idl\"\n\n" + thing + "  /// Gives it.\n  one() -> One\n}\n",
		"second.idl": head + "import \"shared.idl\"\n\n" + thing + "  /// Gives it.\n  two() -> Two\n}\n",
	}
	read := func(path string) (string, error) {
		if text, ok := files[path]; ok {
			return text, nil
		}
		return "", fs.ErrNotExist
	}
	said := find(t, read, "shared.idl", "first.idl", "second.idl")
	var messages []string
	for _, d := range said.Diagnostics() {
		messages = append(messages, d.Message)
	}
	assert.Equal(t, []string{"record `Three` is not used", "`message` is shortened in `msg`"}, messages)
	assert.Contains(t, find(t, read, "first.idl").String(), "record `Two` is not used")
	assert.NotContains(t, find(t, read, "shared.idl").String(), "is not used", "a file of types is for others")
}

func FuzzLint(f *testing.F) {
	for _, pattern := range []string{"testdata/*.idl", "testdata/*/*.idl", "../testdata/*.idl", "../../idl/*.idl", "../../conformance/*.idl"} {
		paths, err := filepath.Glob(pattern)
		require.NoError(f, err)
		require.NotEmpty(f, paths, pattern)
		for _, path := range paths {
			text, err := os.ReadFile(path)
			require.NoError(f, err)
			f.Add(string(text))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := compile.Load("fuzz.idl", func(path string) (string, error) {
			if path == "fuzz.idl" {
				return text, nil
			}
			return "", fs.ErrNotExist
		})
		require.NoError(t, err)
		if !p.Report.Empty() {
			return
		}
		lint.Check(p.Report, []*compile.Program{p}, lint.Rules)
		for _, d := range p.Report.Diagnostics() {
			require.LessOrEqual(t, d.Span.End, len(text)+1)
			require.NotEmpty(t, strings.Join(d.Hints, ""))
		}
		_ = p.Report.String()
	})
}

func in(folder string) compile.Read {
	return func(path string) (string, error) { return compile.ReadFile(filepath.Join(folder, path)) }
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run this test with -update, and read what it wrote")
	assert.Equal(t, string(want), got)
}
