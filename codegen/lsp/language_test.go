package lsp

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/check"
	"strongroom.dev/codegen/compile"
	"strongroom.dev/codegen/token"
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

// The grammar by which VS Code colours a file before the server has answered knows the same words.
func TestTheGrammarKnowsTheWords(t *testing.T) {
	text, err := os.ReadFile("../../editors/vscode/syntaxes/idlc.tmLanguage.json")
	require.NoError(t, err)
	type rule struct {
		Name, Match string
		Patterns    []rule
	}
	var grammar struct {
		Repository map[string]rule
	}
	require.NoError(t, json.Unmarshal(text, &grammar))
	var types []string
	for _, r := range grammar.Repository["types"].Patterns {
		if r.Name == "support.type.idlc" {
			types = strings.Split(strings.TrimSuffix(strings.TrimPrefix(r.Match, `\b(?:`), `)\b`), "|")
		}
	}
	assert.ElementsMatch(t, check.Builtins(), types)
	var words string
	for _, r := range grammar.Repository["declarations"].Patterns {
		words += " " + r.Match
	}
	for _, k := range append([]keyword{packageWord, importWord, constructorWord, emitsWord, throwsWord}, declarations...) {
		assert.Regexp(t, `\b`+k.word+`\b`, strings.NewReplacer(`\b`, " ", "(", " ", ")", " ", "|", " ").Replace(words))
	}
	for unit := range token.Units {
		assert.Regexp(t, `[:|]`+unit+`[|)]`, grammar.Repository["values"].Patterns[0].Match)
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
