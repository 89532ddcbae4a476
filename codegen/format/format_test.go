package format_test

import (
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/compile"
	"strongroom.dev/codegen/format"
	"strongroom.dev/codegen/ir"
	"strongroom.dev/codegen/random"
	"strongroom.dev/codegen/report"
	"strongroom.dev/codegen/token"
)

var update = flag.Bool("update", false, "write the layout of the inputs beside them, for review")

// Each input stands beside its canonical layout.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.idl")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			got, r := format.Text(path, string(text))
			require.Empty(t, r.String())
			keepsItsMeaning(t, string(text), got)
			golden := strings.TrimSuffix(path, ".idl") + ".golden"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
				return
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err, "run this test with -update, and read what it wrote")
			assert.Equal(t, string(want), got)
		})
	}
}

// The files of the tree are in the layout that idlc asks of others.
func TestTheTreesOwnFiles(t *testing.T) {
	for _, path := range texts(t, "../../idl/*.idl", "../../conformance/*.idl") {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		got, r := format.Text(path, string(text))
		require.Empty(t, r.String())
		assert.True(t, string(text) == got, "run idlc fmt --write %s", path)
	}
}

func TestAnIncorrectTextHasNoLayout(t *testing.T) {
	got, r := format.Text("a.idl", "package a\nrecord B { c: }\n")
	assert.Empty(t, got)
	assert.Contains(t, r.String(), "a.idl:2:15: expected a type")
	got, r = format.Text("a.idl", "package a\nrecord B { c: unknown }\n")
	assert.Empty(t, r.String())
	assert.Equal(t, "package a\n\nrecord B { c: unknown }\n", got, "what names mean is not asked")
}

func TestLineEndsAndMarksOfOtherEditors(t *testing.T) {
	got, r := format.Text("a.idl", "\ufeff/// A.\r\npackage a\r\n\r\n\r\n\r\n\trecord B {\r\n\t\tc: u8\t// d\t\r\n\r\n\t}")
	assert.Empty(t, r.String())
	assert.Equal(t, "/// A.\npackage a\n\nrecord B {\n  c: u8 // d\n}\n", got)
}

func TestWhatStandsOnALine(t *testing.T) {
	for _, length := range []int{119, 120, 121} {
		head := "  method(argument: "
		text := head + strings.Repeat("T", length-len(head)-len(")")) + ")"
		got, r := format.Text("a.idl", "package a\n\ninterface I {\n"+text+"\n}\n")
		require.Empty(t, r.String())
		assert.Equal(t, length <= 120, strings.Contains(got, text), got)
	}
}

// How far apart things stand on a line says nothing.
func TestSpacesDoNotMatter(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	for _, path := range texts(t, "testdata/*.idl", "../testdata/*.idl", "../../idl/*.idl", "../../conformance/*.idl") {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		want, r := format.Text(path, string(text))
		if !r.Empty() {
			continue
		}
		for range 5 {
			got, r := format.Text(path, spaced(dice, string(text)))
			require.Empty(t, r.String())
			require.Equal(t, want, got)
		}
	}
}

// spaced puts other spaces between the tokens.
func spaced(dice *rand.Rand, text string) string {
	var out strings.Builder
	r := report.New()
	end := 0
	minus := false // its number stands directly behind it
	for _, t := range token.Lex(r, r.Add("a.idl", text)) {
		lines := strings.Count(text[end:t.Span.Start], "\n")
		out.WriteString(strings.Repeat(" \r\n", lines))
		if !minus {
			out.WriteString([]string{" ", "\t", "  \t "}[dice.IntN(3)])
		}
		out.WriteString(text[t.Span.Start:t.Span.End])
		end, minus = t.Span.End, t.Kind == token.Minus
	}
	return out.String()
}

func TestRandomFiles(t *testing.T) {
	for seed := range uint64(50) {
		text := random.File("random", "Random", seed, 40)
		got, r := format.Text("random.idl", text)
		require.Empty(t, r.String())
		keepsItsMeaning(t, text, got)
	}
}

// Whatever the text: its layout is the layout of itself, means the same and says the same.
func FuzzLayout(f *testing.F) {
	for _, path := range texts(f, "testdata/*", "../testdata/*.idl", "../testdata/imports/*.idl", "../../idl/*.idl", "../../conformance/*.idl") {
		text, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(string(text))
	}
	for _, text := range []string{
		"package a//b\n;//c\nerror D{import//e\n\"f\"}", "package a\nerror D {\nimport \"f\" }", "package a error D{@since(\"1\")import\"f\"\nb\"c\"}",
		"package a interface b{@immediate(\"c\")@immediate d(//e\n)//f\n->map<u8//g\n,u8>//h\n,//i\n}//j",
		"package a const b:c=-1;type d=e;type d=e//f\n//g\n///h", "//a\n\n///b\n\n//c\n\npackage d\n\n///e\n\n//f\n\nrecord g{}",
		"package a\rimport\"b\"record c{d:e;//f\n//g\n}", "package a interface b{c()throws\nd()emits()throws()}",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, r := format.Text("fuzz.idl", text)
		if !r.Empty() {
			assert.Empty(t, got)
			return
		}
		keepsItsMeaning(t, text, got)
	})
}

func keepsItsMeaning(t *testing.T, text, got string) {
	t.Helper()
	again, r := format.Text("formatted.idl", got)
	require.Empty(t, r.String(), "the layout cannot be read:\n%s", got)
	require.Equal(t, got, again, "the layout has another layout")
	require.Equal(t, remarks(text), remarks(got), "a comment is lost")
	if schema, _ := compile.Text("fuzz.idl", text); schema != nil {
		formatted, r := compile.Text("fuzz.idl", got)
		require.Empty(t, r.String())
		require.Equal(t, ir.Dump(schema), ir.Dump(formatted))
	}
	require.NotContains(t, got, "\n\n\n")
	for line := range strings.SplitSeq(got, "\n") {
		require.Equal(t, strings.TrimRight(line, " \t\r"), line)
	}
}

// remarks counts the comments of a text.
func remarks(text string) map[string]int {
	all := map[string]int{}
	r := report.New()
	for _, t := range token.Lex(r, r.Add("a.idl", text)) {
		if t.Kind == token.Comment {
			all[t.Text]++
		}
	}
	return all
}

func texts(t testing.TB, patterns ...string) []string {
	var all []string
	for _, pattern := range patterns {
		paths, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, paths, pattern)
		all = append(all, paths...)
	}
	return all
}
