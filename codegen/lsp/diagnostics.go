package lsp

import (
	"encoding/json"
	"maps"
	"slices"
	"sort"

	"strongroom.dev/codegen/compile"
	"strongroom.dev/codegen/lint"
	"strongroom.dev/codegen/report"
)

// maxDiagnostics is how many of one file a person can use.
const maxDiagnostics = 100

// publish sends what is wrong in the open documents, in what they import, and in the files that import them; each of these
// is compiled with all that it imports. Where the list of a file did not change nothing is sent.
func (s *server) publish() error {
	s.stale = false
	snapshot := s.workspace.snapshot()
	open := slices.Sorted(maps.Keys(s.workspace.documents))
	roots := slices.Clone(open)
	for _, path := range snapshot.importers(open...) {
		if !slices.Contains(open, path) {
			roots = append(roots, path)
		}
	}
	c := &collector{server: s, found: map[string][]diagnostic{}, seen: map[said]bool{}, wrong: map[string]bool{}, shown: map[string]bool{}}
	var correct []string
	for _, root := range roots {
		r, err := c.load(root, &correct)
		if err == nil {
			for _, file := range r.Files {
				c.shown[file.Path] = true
			}
			c.collect(r)
		} else if s.workspace.documents[root] != nil {
			c.found[root] = append(c.found[root], diagnostic{Severity: severityError, Source: "idlc", Message: err.Error()})
		}
	}
	// What seems to be unused in a file may be used by others that import it.
	for _, path := range snapshot.importers(slices.Collect(maps.Keys(c.shown))...) {
		if !slices.Contains(roots, path) {
			c.load(path, &correct)
		}
	}
	c.lint(correct)
	for path := range s.published {
		if c.found[path] == nil {
			c.found[path] = []diagnostic{}
		}
	}
	for _, path := range slices.Sorted(maps.Keys(c.found)) {
		if err := s.publishFile(path, c.found[path]); err != nil {
			return err
		}
	}
	return nil
}

// collector gathers the diagnostics of several programs by the files that they are in.
type collector struct {
	server *server
	found  map[string][]diagnostic
	seen   map[said]bool
	wrong  map[string]bool // files that belong to a program with mistakes
	shown  map[string]bool // files that an editor is told about
}

// load compiles a program, and notes whether it is correct.
func (c *collector) load(root string, correct *[]string) (*report.Report, error) {
	r := report.New()
	if _, err := compile.LoadInto(r, root, c.server.workspace.read); err != nil {
		return nil, err
	}
	if r.Empty() {
		*correct = append(*correct, root)
		return r, nil
	}
	for _, file := range r.Files {
		c.wrong[file.Path] = true
	}
	return r, nil
}

// lint adds what the rules find in correct programs, but not in a file that a program with mistakes imports too.
func (c *collector) lint(roots []string) {
	r := report.New()
	var programs []*compile.Program
	for _, root := range roots {
		p, err := compile.LoadInto(r, root, c.server.workspace.read)
		if err != nil || !r.Empty() {
			return // a file has just changed on the disk; the editor will tell
		}
		programs = append(programs, p)
	}
	lint.Check(r, programs, lint.Rules)
	c.collect(r)
}

// said recognises what two programs say of a file that both import. Hints may differ: they depend on all names that are known.
type said struct {
	path    string
	at      span
	rule    string
	message string
}

func (c *collector) collect(r *report.Report) {
	documents, encoding := c.server.workspace.documents, c.server.encoding
	texts := map[*report.File]*text{}
	place := func(at report.Span) (path string, span span) {
		file := fileAt(r, at.Start)
		if texts[file] == nil {
			texts[file] = newText(file.Text)
		}
		return file.Path, encoding.span(texts[file], at.Start-file.Base, at.End-file.Base)
	}
	for _, file := range r.Files { // also those that nothing is wrong with: they may have been wrong before
		if c.found[file.Path] == nil && documents[file.Path] != nil {
			c.found[file.Path] = []diagnostic{}
		}
	}
	for _, d := range r.Diagnostics() {
		path, at := place(d.Span)
		key := said{path, at, d.Rule.ID, d.Message}
		if !c.shown[path] || c.seen[key] || len(c.found[path]) == maxDiagnostics || d.Severity == report.Warning && c.wrong[path] {
			continue
		}
		c.seen[key] = true
		out := diagnostic{Range: at, Severity: severityError, Code: d.Rule.ID, Source: "idlc", Message: d.Message}
		if d.Severity == report.Warning {
			out.Severity = severityWarning
		}
		for _, hint := range d.Hints {
			out.Message += "\nhint: " + hint
		}
		for _, other := range d.Related {
			path, at := place(other.Span)
			out.Related = append(out.Related, related{location{c.server.workspace.uriOf(path), at}, other.Message})
		}
		c.found[path] = append(c.found[path], out)
	}
}

// fileAt finds the file of an offset. Report.Position counts the column besides, which for each of many diagnostics on one very
// long line takes too long.
func fileAt(r *report.Report, offset int) *report.File {
	n := sort.Search(len(r.Files), func(i int) bool { return r.Files[i].Base > offset })
	return r.Files[max(n-1, 0)]
}

// sent is the last list of a file.
type sent struct{ uri, params string }

func (s *server) publishFile(path string, list []diagnostic) error {
	before := s.published[path]
	p := publishParams{URI: s.workspace.uriOf(path), Diagnostics: list}
	d := s.workspace.documents[path]
	if d != nil {
		p.Version = &d.version
	} else if before.uri != "" {
		p.URI = before.uri // as the editor wrote it while the document was open
	}
	params, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if before.params == string(params) {
		return nil
	}
	s.published[path] = sent{p.URI, string(params)}
	if d == nil && len(list) == 0 {
		delete(s.published, path)
	}
	return s.conn.notify("textDocument/publishDiagnostics", p)
}
