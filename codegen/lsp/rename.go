package lsp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"strongroom.dev/codegen/compile"
	"strongroom.dev/codegen/report"
	"strongroom.dev/codegen/token"
)

func (s *server) prepareRename(_ context.Context, p positionParams) (*prepared, error) {
	at, err := s.at(p)
	if err != nil {
		return nil, err
	}
	if err := renameable(at); err != nil {
		return nil, err
	}
	return &prepared{s.encoding.span(at.unit.text, at.span.Start, at.span.End), at.symbol.name}, nil
}

func renameable(at place) error {
	switch sym := at.symbol; {
	case sym == nil:
		return fmt.Errorf("there is no name here that could be changed")
	case sym.what == "file":
		return fmt.Errorf("a path is no name: move the file, then correct its imports")
	case sym.unit == nil:
		return fmt.Errorf("`%s` belongs to the language and cannot be renamed", sym.name)
	}
	return nil
}

// rename gives the edits that call a symbol by another name wherever it is named. They are made first on a copy of the texts:
// where the compiler finds something wrong there that it does not find now, or a name then means something else, the rename is
// refused and says why.
func (s *server) rename(ctx context.Context, p renameParams) (*workspaceEdit, error) {
	at, err := s.at(p.positionParams)
	if err != nil {
		return nil, err
	}
	if err := renameable(at); err != nil {
		return nil, err
	}
	name := strings.TrimPrefix(strings.TrimSpace(p.NewName), "@")
	if !oneName(name) {
		return nil, fmt.Errorf("`%s` is not a name; names are made of ASCII letters, digits and `_`", p.NewName)
	}
	uses := at.uses(at.symbol)
	after := at.workspace.snapshotWith(renamed(uses, name))
	if name != at.symbol.name {
		if err := s.verify(ctx, at, after); err != nil {
			return nil, err
		}
	}
	return s.edits(uses, name), nil
}

func oneName(text string) bool {
	r := report.New()
	tokens := token.Lex(r, r.Add("", text))
	return len(tokens) == 2 && tokens[0].Kind == token.Name && tokens[0].Text == text
}

// renamed are the texts with the new name in them, by path.
func renamed(uses []use, name string) map[string]*text {
	texts := map[string]*text{}
	for len(uses) > 0 { // those of a file stand together, in their order
		u := uses[0].unit
		var out strings.Builder
		end := 0
		for len(uses) > 0 && uses[0].unit == u {
			out.WriteString(u.text.text[end:uses[0].span.Start] + name)
			end = uses[0].span.End
			uses = uses[1:]
		}
		out.WriteString(u.text.text[end:])
		texts[u.path] = newText(out.String())
	}
	return texts
}

// verify compares the workspace with what it would be.
func (s *server) verify(ctx context.Context, now place, after *snapshot) error {
	paths := now.connected(now.symbol.unit.path)
	u := after.unit(now.symbol.unit.path)
	declaration := use{u, after.names(u)[now.ordinals(now.symbol.unit)[now.symbol]]}
	for _, root := range now.roots(paths) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := worse(root, now.snapshot, after, declaration); err != nil {
			return err
		}
	}
	for _, path := range paths {
		if err := sameMeaning(path, now.snapshot, after); err != nil {
			return err
		}
	}
	return nil
}

// roots are those files that no other imports; all of them, where they import one another.
func (s *snapshot) roots(paths []string) []string {
	imported := map[string]bool{}
	for _, path := range paths {
		for _, i := range s.unit(path).imports {
			imported[i] = true
		}
	}
	roots := slices.DeleteFunc(slices.Clone(paths), func(path string) bool { return imported[path] })
	if len(roots) == 0 {
		return paths
	}
	return roots
}

// worse reports what the compiler finds in a program after the rename only. The declaration is the renamed one, as it is then.
func worse(root string, now, after *snapshot, declaration use) error {
	before, err := now.compile(root)
	if err != nil {
		return err
	}
	if before.Info == nil {
		d := before.Report.Diagnostics()[0]
		return fmt.Errorf("not all places where the name stands can be known before %s is mended: %s", before.Report.Position(d.Span.Start), d.Message)
	}
	renamed, err := after.compile(root)
	if err != nil {
		return err
	}
	type kind struct {
		path string
		rule *report.Rule
	}
	count, messages := map[kind]int{}, map[string]bool{}
	for _, d := range before.Report.Diagnostics() {
		count[kind{fileAt(before.Report, d.Span.Start).Path, d.Rule}]++
		messages[d.Message] = true
	}
	wrong := renamed.Report.Diagnostics()
	for _, d := range wrong {
		count[kind{fileAt(renamed.Report, d.Span.Start).Path, d.Rule}]--
	}
	wrong = slices.DeleteFunc(wrong, func(d *report.Diagnostic) bool {
		return count[kind{fileAt(renamed.Report, d.Span.Start).Path, d.Rule}] >= 0 || messages[d.Message]
	})
	if len(wrong) == 0 {
		return nil
	}
	// What is said of the declaration itself explains the rest.
	declared := func(at report.Span) bool {
		file := fileAt(renamed.Report, at.Start)
		return file.Path == declaration.unit.path && at.Start-file.Base == declaration.span.Start
	}
	first := slices.IndexFunc(wrong, func(d *report.Diagnostic) bool {
		return declared(d.Span) || slices.ContainsFunc(d.Related, func(r report.Related) bool { return declared(r.Span) })
	})
	d := wrong[max(first, 0)]
	text := fmt.Sprintf("after this %s: %s", renamed.Report.Position(d.Span.Start), d.Message)
	for _, other := range d.Related {
		text += fmt.Sprintf(" (%s: %s)", renamed.Report.Position(other.Span.Start), other.Message)
	}
	for _, hint := range d.Hints {
		text += "; " + hint
	}
	return errors.New(text)
}

func (s *snapshot) compile(root string) (*compile.Program, error) {
	return compile.Load(root, func(path string) (string, error) {
		if t := s.replaced[path]; t != nil {
			return t.text, nil
		}
		return s.workspace.read(path)
	})
}

// sameMeaning checks that each name of a file means after the rename what it means now. The order of names does not change.
func sameMeaning(path string, now, after *snapshot) error {
	before, then := now.names(now.unit(path)), after.names(after.unit(path))
	for i, o := range before {
		if i >= len(then) || now.identity(o.symbol) != after.identity(then[i].symbol) {
			return differs(now.unit(path), o)
		}
	}
	if len(then) > len(before) {
		return differs(after.unit(path), then[len(before)])
	}
	return nil
}

func differs(u *unit, o occurrence) error {
	at := utf8Columns.position(u.text, o.span.Start)
	return fmt.Errorf("after this `%s` in line %d of %s would mean something else", u.text.text[o.span.Start:o.span.End], at.Line+1, u.path)
}

// identity is the same for a symbol before and after a rename.
func (s *snapshot) identity(sym *symbol) string {
	switch {
	case sym.what == "package":
		return "package"
	case sym.unit == nil:
		return sym.what + " " + sym.name
	case sym.what == "file":
		return "file " + sym.unit.path
	}
	return fmt.Sprintf("%s %d", sym.unit.path, s.ordinals(sym.unit)[sym])
}

// ordinals number the names that a file declares.
func (s *snapshot) ordinals(u *unit) map[*symbol]int {
	if numbers := s.numbers[u]; numbers != nil {
		return numbers
	}
	numbers := map[*symbol]int{}
	for i, o := range s.names(u) {
		if o.declares {
			numbers[o.symbol] = i
		}
	}
	s.numbers[u] = numbers
	return numbers
}

func (s *server) edits(uses []use, name string) *workspaceEdit {
	edit := &workspaceEdit{}
	versioned := s.client.Capabilities.Workspace.WorkspaceEdit.DocumentChanges
	if !versioned {
		edit.Changes = map[string][]textEdit{}
	}
	for _, u := range uses {
		uri := s.workspace.uriOf(u.unit.path)
		e := textEdit{s.encoding.span(u.unit.text, u.span.Start, u.span.End), name}
		if !versioned {
			edit.Changes[uri] = append(edit.Changes[uri], e)
			continue
		}
		last := len(edit.DocumentChanges) - 1
		if last < 0 || edit.DocumentChanges[last].TextDocument.URI != uri {
			document := versionedDocument{URI: uri}
			if d := s.workspace.documents[u.unit.path]; d != nil {
				document.Version = &d.version
			}
			edit.DocumentChanges = append(edit.DocumentChanges, documentEdit{TextDocument: document})
			last++
		}
		edit.DocumentChanges[last].Edits = append(edit.DocumentChanges[last].Edits, e)
	}
	return edit
}
