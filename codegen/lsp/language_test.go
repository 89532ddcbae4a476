package lsp

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"strongroom.dev/codegen/check"
	"strongroom.dev/codegen/compile"
)

// What the editor is told of the language is the compiler's language.
func TestTheLanguageIsTheCompilers(t *testing.T) {
	assert.Equal(t, check.Builtins(), slices.Sorted(maps.Keys(builtinTypes)))
	for name := range attributes {
		_, r := compile.Text("a.idl", fmt.Sprintf("package a\ninterface I { @%s(\"1\") a() }\n", name))
		assert.NotContains(t, r.String(), "unknown attribute", name)
	}
	for _, d := range declarations {
		_, r := compile.Text("a.idl", "package a\n"+d.word+" 1\n")
		assert.Contains(t, r.String(), "expected the name of the "+d.word, d.word)
	}
}

func TestAddressesOfFiles(t *testing.T) {
	w := newWorkspace()
	for path, uri := range map[string]string{
		"/a/b.idl":             "file:///a/b.idl",
		"/with space/ü#?%.idl": "file:///with%20space/%C3%BC%23%3F%25.idl",
		"/a/[x]{y}+z&.idl":     "file:///a/%5Bx%5D%7By%7D+z&.idl",
		"/a/b:c.idl":           "file:///a/b:c.idl",
	} {
		assert.Equal(t, uri, w.uriOf(path))
		assert.Equal(t, path, pathOf(uri))
	}
	assert.Equal(t, "C:/a/b.idl", pathOf("file:///C%3A/a/b.idl"))
	assert.Equal(t, "/a/c", pathOf("file:///a/b/../c"))
	assert.Equal(t, "untitled:Untitled-1", pathOf("untitled:Untitled-1"))
	assert.Equal(t, "%zz", pathOf("%zz"))
	// The editor's own way to write an address is kept as long as the document is open.
	w.open("file:///a/%62.idl", 1, "")
	assert.Equal(t, "file:///a/%62.idl", w.uriOf("/a/b.idl"))
}
