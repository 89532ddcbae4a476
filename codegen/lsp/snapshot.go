package lsp

import (
	"maps"
	"path/filepath"
	"slices"
	"sort"

	"strongroom.dev/codegen/ast"
	"strongroom.dev/codegen/parser"
	"strongroom.dev/codegen/report"
	"strongroom.dev/codegen/token"
)

// unit is one file: its text, its tokens and its tree, whose places are offsets in the text.
type unit struct {
	path    string
	text    *text
	stamp   stamp // of the file on the disk; empty for an open document
	tokens  []token.Token
	tree    *ast.File
	imports []string // the path of each import of the tree
}

func newUnit(path string, t *text) *unit {
	r := report.New()
	u := &unit{path: path, text: t, tree: parser.Parse(r, r.Add(path, t.text))}
	r = report.New()
	u.tokens = token.Lex(r, r.Add(path, t.text))
	for _, i := range u.tree.Imports {
		u.imports = append(u.imports, filepath.Join(filepath.Dir(path), filepath.FromSlash(token.Unquote(i.Path.Raw))))
	}
	return u
}

// tokenAt is the index of the last token that begins at or before an offset; -1: there is none.
func (u *unit) tokenAt(offset int) int {
	return sort.Search(len(u.tokens), func(i int) bool { return u.tokens[i].Span.Start > offset }) - 1
}

// snapshot is the workspace as it is during one message.
type snapshot struct {
	workspace   *workspace
	replaced    map[string]*text // texts as they would be after a rename
	units       map[string]*unit // nil: cannot be read
	scopes      map[*unit]map[string]*symbol
	occurrences map[*unit][]occurrence
	symbols     map[any]*symbol
	numbers     map[*unit]map[*symbol]int
}

func (w *workspace) snapshot() *snapshot { return w.snapshotWith(nil) }

func (w *workspace) snapshotWith(replaced map[string]*text) *snapshot {
	return &snapshot{
		workspace:   w,
		replaced:    replaced,
		units:       map[string]*unit{},
		scopes:      map[*unit]map[string]*symbol{},
		occurrences: map[*unit][]occurrence{},
		symbols:     map[any]*symbol{},
		numbers:     map[*unit]map[*symbol]int{},
	}
}

// unit is a file's; nil where it cannot be read. What did not change since it was parsed is not parsed again.
func (s *snapshot) unit(path string) *unit {
	if u, known := s.units[path]; known {
		return u
	}
	u := s.parsed(path)
	s.units[path] = u
	return u
}

func (s *snapshot) parsed(path string) *unit {
	if t := s.replaced[path]; t != nil {
		return newUnit(path, t)
	}
	w := s.workspace
	before := w.units[path]
	var now *unit
	if d := w.documents[path]; d != nil {
		if before != nil && before.text == d.text {
			return before
		}
		now = newUnit(path, d.text)
	} else {
		stamp := stampOf(path)
		if before != nil && before.stamp == stamp {
			return before
		}
		text, err := w.read(path)
		if err != nil {
			delete(w.units, path)
			return nil
		}
		now = newUnit(path, newText(text))
		now.stamp = stamp
	}
	w.units[path] = now
	return now
}

// importers are the known files that import one of these, directly or by way of others, and these themselves; by path.
func (s *snapshot) importers(paths ...string) []string {
	by := map[string][]string{}
	for _, path := range s.workspace.paths() {
		s.imported(path, by, map[string]bool{})
	}
	found := map[string]bool{}
	var visit func(path string)
	visit = func(path string) {
		if found[path] || s.unit(path) == nil {
			return
		}
		found[path] = true
		for _, importer := range by[path] {
			visit(importer)
		}
	}
	for _, path := range paths {
		visit(path)
	}
	return slices.Sorted(maps.Keys(found))
}

// imported notes who imports whom, from one file on.
func (s *snapshot) imported(path string, by map[string][]string, seen map[string]bool) {
	u := s.unit(path)
	if u == nil || seen[path] {
		return
	}
	seen[path] = true
	for _, i := range u.imports {
		if !slices.Contains(by[i], path) {
			by[i] = append(by[i], path)
		}
		s.imported(i, by, seen)
	}
}

// reach adds a file and all that it imports.
func (s *snapshot) reach(path string, found map[string]bool) {
	u := s.unit(path)
	if u == nil || found[path] {
		return
	}
	found[path] = true
	for _, i := range u.imports {
		s.reach(i, found)
	}
}

// connected are the files that imports connect with one, in whatever direction; by path.
func (s *snapshot) connected(path string) []string {
	found := map[string]bool{}
	paths := []string{path}
	for {
		for _, p := range paths {
			s.reach(p, found)
		}
		next := s.importers(slices.Collect(maps.Keys(found))...)
		if len(next) == len(found) {
			return next
		}
		paths = next
	}
}
