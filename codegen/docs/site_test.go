package docs

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/compile"
	"strongroom.dev/codegen/ir"
)

func compiled(t *testing.T, text string) *ir.Schema {
	t.Helper()
	schema, report := compile.Text("shelf.idl", text)
	require.Empty(t, report.String())
	return schema
}

const shelf = `/// A small <store>.
package shelf

/// A store that is open, see ` + "`Shelf.get`" + ` and ` + "`Entry`" + `.
interface Shelf {
  /// Opens it.
  constructor open(at: path) throws ShelfError
  /// Gives the ` + "`key`" + `'s value. More is said in the second sentence.
  ///
  /// ` + "```" + `
  /// get("a & b")
  /// ` + "```" + `
  @since("1.2")
  get(key: string) -> Entry throws ShelfError
  @deprecated("use ` + "`get`" + ` instead") fetch(key: string) -> Entry
}

/// What is kept.
record Entry {
  key: string = "<none>"
  /// How long it is kept.
  @since("1.3") life: duration = 90s
  state: State
}

enum State { fresh; old { since: timestamp } }

/// Why it fails.
///
/// # What to do
error ShelfError {
  /// Nothing has this key.
  missing { key: string } "there is no <{key}>"
}
`

func TestPagesSayWhatTheInterfaceSays(t *testing.T) {
	site, err := Site(compiled(t, shelf), Snippets{
		"Shelf.get":  {"go": "entry, err := shelf.Get(ctx, \"a\") // one"},
		"Entry":      {"rust": "let entry = Entry::default(); // two"},
		"State":      {"python": "match state: # three"},
		"ShelfError": {"c": "switch (error.kind) {} // four"},
	})
	require.NoError(t, err)
	has := func(page string, parts ...string) {
		t.Helper()
		require.Contains(t, site, page)
		for _, part := range parts {
			assert.True(t, strings.Contains(string(site[page]), part), "%s lacks %s", page, part)
		}
	}
	has("index.html", `<p>A small &lt;store&gt;.</p>`, `<a class="name" href="interface/Shelf.html">Shelf</a>`, `href="record/Entry.html"`,
		`<a href="interface/Shelf.html#get"><code>Shelf.get</code></a>`)
	has("interface/Shelf.html", `<a href="../interface/Shelf.html#get"><code>Shelf.get</code></a>`, `Since 1.2`, `Since the first version`,
		`<strong>Deprecated:</strong> use <a href="#get"><code>get</code></a> instead`, `<pre><code>get(&quot;a &amp; b&quot;)`,
		`(key: string) -&gt; <a href="../record/Entry.html">Entry</a> <span class="k">throws</span> <a href="../error/ShelfError.html">ShelfError</a>`,
		`<a href="../error/ShelfError.html#missing"><code>missing</code></a>`, `Example`, `<span class="c">// one</span>`,
		`<span class="k">func</span> (s *Shelf) Get(`)
	has("record/Entry.html", `key</a>: string = &#34;&lt;none&gt;&#34;`, `duration = 90s</code> <span class="later">since 1.3</span>`,
		`<a href="../interface/Shelf.html#get"><code>Shelf.get</code></a>`, `<a href="../enum/State.html">State</a>`)
	has("record/Entry.html", `<span class="c">// two</span>`)
	has("enum/State.html", `<span class="c"># three</span>`)
	has("error/ShelfError.html", `<span class="c">// four</span>`)
	has("enum/State.html", `timestamp`, `<a href="../record/Entry.html"><code>Entry</code></a>`)
	has("error/ShelfError.html", `<h5>What to do</h5>`, `“there is no &lt;<var>key</var>&gt;”`, `<p>Nothing has this key.</p>`, `Thrown by`, `Shelf.open`)
	has("search.js", `["Shelf.get","method","interface/Shelf.html#get","Gives the key's value.",1]`, `["ShelfError.missing","way to fail"`)
}

var (
	reference = regexp.MustCompile(`(?:href|src|aria-controls|aria-labelledby)="([^"]*)"`)
	mark      = regexp.MustCompile(` id="([^"]*)"`)
)

// Whatever is linked is there, and no page has an id twice.
func TestLinksLead(t *testing.T) {
	for _, file := range []string{"../../idl/strongroom.idl", "../../conformance/conformance.idl", "../testdata/whole.idl"} {
		schema, err := compile.File(file)
		require.NoError(t, err)
		site, err := Site(schema, nil)
		require.NoError(t, err)
		ids := map[string]bool{}
		for name, text := range site {
			for _, found := range mark.FindAllSubmatch(text, -1) {
				id := name + "#" + string(found[1])
				assert.False(t, ids[id], "%s is there twice", id)
				ids[id] = true
			}
		}
		for name, text := range site {
			for _, found := range reference.FindAllSubmatch(text, -1) {
				target := string(found[1])
				if strings.HasPrefix(target, "data:") {
					continue
				}
				if strings.HasPrefix(string(found[0]), "aria") {
					target = "#" + target
				}
				file, anchor, _ := strings.Cut(target, "#")
				if file == "" {
					file = name
				} else {
					file = path.Join(path.Dir(name), file)
				}
				assert.Contains(t, site, file, "%s links %s", name, target)
				if anchor != "" && anchor != "results" && anchor != "nav" {
					assert.True(t, ids[file+"#"+anchor], "%s links %s", name, target)
				}
			}
			assert.NotContains(t, string(text), "ZgotmplZ", name)
		}
	}
}

func TestTheSameInterfaceGivesTheSameSite(t *testing.T) {
	first, err := Site(compiled(t, shelf), nil)
	require.NoError(t, err)
	for range 5 {
		again, err := Site(compiled(t, shelf), nil)
		require.NoError(t, err)
		assert.Equal(t, first, again)
	}
}

func TestSnippets(t *testing.T) {
	folder := fstest.MapFS{
		"go/a.go":   {Data: []byte("package a\nfunc f() {\n\t// snippet Shelf.get\n\tif x {\n\t\ty()\n\n\t}\n\t// end\n}\n")},
		"b.py":      {Data: []byte("# snippet Shelf.get\nshelf.get()\n# end\n# snippet Shelf\npass\n# end\n")},
		"notes.txt": {Data: []byte("// snippet Shelf.get\n")},
	}
	all, err := ReadSnippets(folder)
	require.NoError(t, err)
	assert.Equal(t, Snippets{
		"Shelf.get": {"go": "if x {\n\ty()\n\n}", "python": "shelf.get()"},
		"Shelf":     {"python": "pass"},
	}, all)
	for text, want := range map[string]string{
		"// snippet A.b\n":                                       "x.go:1: the snippet A.b has no end",
		"// snippet A.b\n// snippet A.c\n":                       "x.go:2: the snippet A.b, which begins in line 1, has no end before the next one",
		"// snippet A.b\n1\n// end\n// snippet A.b\n2\n// end\n": "x.go:4: A.b has a snippet in this language already",
	} {
		_, err := ReadSnippets(fstest.MapFS{"x.go": {Data: []byte(text)}})
		assert.ErrorContains(t, err, want)
	}
	_, err = Site(compiled(t, shelf), Snippets{"Shelf.put": {"go": "x"}})
	assert.ErrorContains(t, err, "there is a snippet of Shelf.put, and the interface has nothing of this name")
}

func TestWriteReplacesAReferenceAndNothingElse(t *testing.T) {
	site, err := Site(compiled(t, shelf), nil)
	require.NoError(t, err)
	parent := t.TempDir()
	dir := filepath.Join(parent, "reference")
	require.NoError(t, Write(dir, site))
	stale := filepath.Join(dir, "record", "Gone.html")
	require.NoError(t, os.WriteFile(stale, nil, 0o644))
	require.NoError(t, Write(dir, site))
	assert.NoFileExists(t, stale)
	text, err := os.ReadFile(filepath.Join(dir, "record", "Entry.html"))
	require.NoError(t, err)
	assert.Equal(t, string(site["record/Entry.html"]), string(text))

	letters := filepath.Join(parent, "letters")
	require.NoError(t, os.Mkdir(letters, 0o755))
	require.NoError(t, Write(letters, site), "an empty folder")
	require.NoError(t, os.RemoveAll(letters))
	require.NoError(t, os.Mkdir(letters, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(letters, "index.html"), []byte("mine"), 0o644))
	assert.ErrorIs(t, Write(letters, site), ErrForeign)
	assert.FileExists(t, filepath.Join(letters, "index.html"))
	assert.ErrorIs(t, Write(filepath.Join(letters, "index.html", "below"), site), syscall.ENOTDIR)
	entries, err := os.ReadDir(parent)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "temporary folders are left: %v", entries)
}

// The errors of the runtime are those that the specification of the boundary names.
func TestRuntimeErrors(t *testing.T) {
	text, err := os.ReadFile("../../docs/boundary.md")
	require.NoError(t, err)
	var specified, told []string
	for _, row := range regexp.MustCompile("(?m)^ *\\| \\d+ \\| `(\\w+)` \\|").FindAllSubmatch(text, -1) {
		specified = append(specified, string(row[1]))
	}
	for _, e := range runtimeErrors {
		told = append(told, e.Name)
	}
	assert.Equal(t, specified, told)
}
