package compile_test

import (
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/compile"
	"strongroom.dev/codegen/report"
	"strongroom.dev/codegen/token"
)

// Whatever the bytes are: the tokens cover the text in order, each diagnostic points into it and can be shown, and
// a text is either compiled or complained about.
func FuzzCompile(f *testing.F) {
	for _, pattern := range []string{"*.idl", "../../idl/*.idl", "../../conformance/*.idl"} {
		paths, err := filepath.Glob(filepath.Join(inputs, pattern))
		require.NoError(f, err)
		require.NotEmpty(f, paths, pattern)
		for _, path := range paths {
			text, err := os.ReadFile(path)
			require.NoError(f, err)
			f.Add(string(text))
		}
	}
	for _, text := range []string{
		"", "\ufeffpackage a", "package a\r\nrecord B { c: u8 }\r\n", "package", "{{{{((((<<<<", "package a record B {",
		"package a interface B { c(", "package a error B { c \"{\" }", "package a error B { c \"\\u{", "\"\\", "0x", "1e", "///",
		"package a\nrecord B { c: bytes<99999999999999999999> d: f32 = 0x1p-2 }",
		"package a\ntype A = B\ntype B = list<A>\nconst c: A = d", "package a\nimport \"a.idl\"\n@since(\"1\"", "a\x00b",
		"package a\n@deprecated() callback B { c(d: stream<u8>) }\nconst e: duration = 9_000_000d",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lexed := report.New()
		end := 0
		for _, tok := range token.Lex(lexed, lexed.Add("fuzz.idl", text)) {
			require.GreaterOrEqual(t, tok.Span.Start, end)
			require.GreaterOrEqual(t, tok.Span.End, tok.Span.Start)
			end = tok.Span.End
		}
		require.LessOrEqual(t, end, len(text))

		schema, r := compile.Text("fuzz.idl", text)
		assert.Equal(t, schema == nil, !r.Empty())
		for _, d := range r.Diagnostics() {
			require.LessOrEqual(t, d.Span.Start, len(text))
			require.LessOrEqual(t, d.Span.Start, d.Span.End)
		}
		if utf8.ValidString(text) {
			require.True(t, utf8.ValidString(r.String()))
		}
	})
}
