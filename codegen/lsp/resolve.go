package lsp

import (
	"slices"
	"sort"
	"strings"

	"strongroom.dev/codegen/ast"
	"strongroom.dev/codegen/report"
	"strongroom.dev/codegen/token"
)

// symbol is what a name can mean.
type symbol struct {
	what  string // "record", "field", "method" … as messages call it
	name  string
	unit  *unit       // where it is declared; nil for what belongs to the language
	at    report.Span // of its name there
	head  *ast.Head   // nil for packages, files and the language's own
	node  any         // the declaration, *ast.Field, *ast.Variant or *ast.Method
	owner *symbol     // what it is declared in; nil: the file
}

// Keys of symbols that are declared by nothing in particular. Others are found by their *ast.Head.
type (
	packageKey   string
	builtinKey   string
	attributeKey string
	fileKey      string
)

// occurrence is a place where a symbol is named.
type occurrence struct {
	span     report.Span
	symbol   *symbol
	declares bool
}

// scope is what the names of declarations mean in a file: its own, and those of what it imports, also by way of others. The
// order is the compiler's, which keeps the first of two declarations of a name.
func (s *snapshot) scope(u *unit) map[string]*symbol {
	if names := s.scopes[u]; names != nil {
		return names
	}
	names := map[string]*symbol{}
	s.scopes[u] = names
	seen := map[*unit]bool{}
	var visit func(u *unit)
	visit = func(u *unit) {
		if seen[u] {
			return
		}
		seen[u] = true
		for _, path := range u.imports {
			if imported := s.unit(path); imported != nil {
				visit(imported)
			}
		}
		for _, d := range u.tree.Decls {
			if name := d.DeclName().Text; names[name] == nil {
				names[name] = s.declared(u, d)
			}
		}
	}
	visit(u)
	return names
}

func (s *snapshot) intern(key any, made func() *symbol) *symbol {
	sym := s.symbols[key]
	if sym == nil {
		sym = made()
		s.symbols[key] = sym
	}
	return sym
}

func (s *snapshot) declared(u *unit, d ast.Decl) *symbol {
	return s.item(u, d.Keyword(), d.DeclHead(), d, nil)
}

func (s *snapshot) item(u *unit, what string, head *ast.Head, node any, owner *symbol) *symbol {
	return s.intern(head, func() *symbol { return &symbol{what, head.Name.Text, u, head.Name.Span, head, node, owner} })
}

func (s *snapshot) ofPackage(u *unit) *symbol {
	name := u.tree.Package
	return s.intern(packageKey(name.Text), func() *symbol { return &symbol{what: "package", name: name.Text, unit: u, at: name.Span} })
}

// builtin is the symbol of one of the language's own types; nil: it is none.
func (s *snapshot) builtin(name string) *symbol {
	if _, known := builtinTypes[name]; !known {
		return nil
	}
	return s.intern(builtinKey(name), func() *symbol { return &symbol{what: "type", name: name} })
}

// resolver walks one file.
type resolver struct {
	*snapshot
	unit  *unit
	names map[string]*symbol
	found []occurrence
}

// names lists all names in a file whose meaning is known, in their order.
func (s *snapshot) names(u *unit) []occurrence {
	if all, known := s.occurrences[u]; known {
		return all
	}
	r := &resolver{snapshot: s, unit: u, names: s.scope(u)}
	if u.tree.Package.Text != "" {
		r.add(u.tree.Package.Span, s.ofPackage(u), true)
	}
	for i, imported := range u.tree.Imports {
		path := u.imports[i]
		if target := s.unit(path); target != nil {
			r.add(imported.Path.Span, s.intern(fileKey(path), func() *symbol {
				return &symbol{what: "file", name: token.Unquote(imported.Path.Raw), unit: target}
			}), false)
		}
	}
	for _, d := range u.tree.Decls {
		r.decl(d)
	}
	slices.SortStableFunc(r.found, func(a, b occurrence) int { return a.span.Start - b.span.Start })
	s.occurrences[u] = r.found
	return r.found
}

func (r *resolver) add(at report.Span, sym *symbol, declares bool) {
	if sym != nil {
		r.found = append(r.found, occurrence{at, sym, declares})
	}
}

// head notes an item's own name and its attributes.
func (r *resolver) head(sym *symbol) {
	r.add(sym.at, sym, true)
	for _, a := range sym.head.Attributes {
		if _, known := attributes[a.Name.Text]; known {
			r.add(a.Name.Span, r.intern(attributeKey(a.Name.Text), func() *symbol {
				return &symbol{what: "attribute", name: a.Name.Text}
			}), false)
		}
	}
}

func (r *resolver) decl(d ast.Decl) {
	sym := r.declared(r.unit, d)
	r.head(sym)
	switch d := d.(type) {
	case *ast.Record:
		r.fields("field", d.Fields, sym)
	case *ast.Enum:
		r.variants(d.Variants, sym)
	case *ast.Error:
		r.variants(d.Variants, sym)
	case *ast.Interface:
		for _, m := range d.Methods {
			r.method(m, sym)
		}
	case *ast.Alias:
		r.typ(d.Type)
	case *ast.Constant:
		r.typ(d.Type)
	}
}

func (r *resolver) fields(what string, fields []*ast.Field, owner *symbol) {
	for _, f := range fields {
		r.head(r.item(r.unit, what, &f.Head, f, owner))
		r.typ(f.Type)
		if f.Default != nil && f.Default.Kind == ast.NameValue {
			r.add(f.Default.Span, r.value(r.unit, f.Type, f.Default.Text), false)
		}
	}
}

func (r *resolver) variants(variants []*ast.Variant, owner *symbol) {
	for _, v := range variants {
		sym := r.item(r.unit, "variant", &v.Head, v, owner)
		r.head(sym)
		r.fields("field", v.Fields, sym)
		if v.Message != nil {
			r.message(v, sym)
		}
	}
}

// message finds the fields that a message names.
func (r *resolver) message(v *ast.Variant, owner *symbol) {
	for _, part := range placeholders(v.Message.Raw) {
		for _, f := range v.Fields {
			if f.Name.Text == v.Message.Raw[part.Start:part.End] {
				base := v.Message.Span.Start
				r.add(report.Span{Start: base + part.Start, End: base + part.End}, r.item(r.unit, "field", &f.Head, f, owner), false)
				break
			}
		}
	}
}

// placeholders are the places between single braces of a message as it is written.
func placeholders(raw string) []report.Span {
	var found []report.Span
	for i := 0; i < len(raw); i++ {
		switch {
		case raw[i] == '\\' && strings.HasPrefix(raw[i+1:], "u"): // the braces are the escape's
			end := strings.IndexByte(raw[i:], '}')
			if end < 0 {
				return found
			}
			i += end
		case raw[i] == '\\' || strings.HasPrefix(raw[i:], "{{"):
			i++
		case raw[i] == '{':
			end := strings.IndexByte(raw[i:], '}')
			if end < 0 {
				return found
			}
			found = append(found, report.Span{Start: i + 1, End: i + end})
			i += end
		}
	}
	return found
}

func (r *resolver) method(m *ast.Method, owner *symbol) {
	what := "method"
	if m.Constructor {
		what = "constructor"
	}
	sym := r.item(r.unit, what, &m.Head, m, owner)
	r.head(sym)
	r.fields("argument", m.Args, sym)
	if m.Result != nil {
		r.typ(m.Result)
	}
	for _, n := range []*ast.Name{m.Emits, m.Throws} {
		if n != nil {
			r.add(n.Span, r.names[n.Text], false)
		}
	}
}

func (r *resolver) typ(t *ast.Type) {
	if sym := r.builtin(t.Name.Text); sym != nil {
		r.add(t.Name.Span, sym, false)
	} else {
		r.add(t.Name.Span, r.names[t.Name.Text], false)
	}
	for _, arg := range t.Args {
		r.typ(arg)
	}
}

// meaning is what a type is when aliases are followed, and in which file that stands; nil where they lead nowhere.
func (s *snapshot) meaning(u *unit, t *ast.Type) (*unit, *ast.Type) {
	for range 1000 {
		sym := s.scope(u)[t.Name.Text]
		if sym == nil {
			return u, t
		}
		alias, ok := sym.node.(*ast.Alias)
		if !ok {
			return u, t
		}
		u, t = sym.unit, alias.Type
	}
	return nil, nil
}

// value is the symbol of a name that stands as the value of a type: a variant of its enum, or a constant.
func (s *snapshot) value(u *unit, t *ast.Type, name string) *symbol {
	home, meant := s.meaning(u, t)
	if meant == nil || name == "true" || name == "false" {
		return nil
	}
	if sym := s.scope(home)[meant.Name.Text]; sym != nil {
		enum, ok := sym.node.(*ast.Enum)
		if !ok {
			return nil
		}
		for _, v := range enum.Variants {
			if v.Name.Text == name {
				return s.item(sym.unit, "variant", &v.Head, v, sym)
			}
		}
		return nil
	}
	if sym := s.scope(u)[name]; sym != nil && sym.what == "const" {
		return sym
	}
	return nil
}

// nameAt is what stands at an offset, also directly after its last character.
func (s *snapshot) nameAt(u *unit, offset int) (occurrence, bool) {
	all := s.names(u)
	i := sort.Search(len(all), func(i int) bool { return all[i].span.End > offset })
	if i < len(all) && all[i].span.Start <= offset {
		return all[i], true
	}
	if i > 0 && all[i-1].span.End == offset {
		return all[i-1], true
	}
	return occurrence{}, false
}

// uses lists where a symbol is named, by file in the order of paths.
func (s *snapshot) uses(sym *symbol) []use {
	var paths []string
	switch {
	case sym.unit == nil: // the language's own; wherever somebody looks
		paths = s.workspace.paths()
	case sym.what == "package":
		paths = s.connected(sym.unit.path)
	default:
		paths = s.importers(sym.unit.path)
	}
	var found []use
	for _, path := range paths {
		u := s.unit(path)
		if u == nil {
			continue
		}
		for _, o := range s.names(u) {
			if o.symbol == sym {
				found = append(found, use{u, o})
			}
		}
	}
	return found
}

// use is an occurrence in a file.
type use struct {
	unit *unit
	occurrence
}
