package lint

import (
	"strings"

	"strongroom.dev/codegen/ast"
	"strongroom.dev/codegen/check"
	"strongroom.dev/codegen/report"
)

// linter is a program, taken apart for the rules.
type linter struct {
	report *report.Report
	rule   *Rule
	info   *check.Info
	files  []*ast.File

	items []item
	uses  []use
}

// item is anything that has a head: a declaration, a member of one, or an argument.
type item struct {
	*ast.Head
	what  string // as messages call it
	file  *ast.File
	decl  ast.Decl
	outer *item // what it is part of; nil: a declaration

	method  *ast.Method  // it is one
	variant *ast.Variant // it is one
	field   *ast.Field   // it is a field or an argument
}

// use is a place where an item names a declaration.
type use struct {
	by     *item
	name   ast.Name
	of     ast.Decl
	result bool // it is what a method gives
}

func (l *linter) warn(span report.Span, format string, args ...any) *report.Diagnostic {
	return l.report.Warnf(l.rule.Rule, span, format, args...)
}

// collect lists the items of all files, and what they use.
func (l *linter) collect() {
	for _, file := range l.files {
		for _, d := range file.Decls {
			top := item{Head: d.DeclHead(), what: d.Keyword(), file: file, decl: d}
			l.add(top)
			switch d := d.(type) {
			case *ast.Record:
				l.fields(&top, d.Fields, "field")
			case *ast.Enum:
				l.variants(&top, d.Variants)
			case *ast.Error:
				l.variants(&top, d.Variants)
			case *ast.Interface:
				for _, m := range d.Methods {
					l.method(&top, m)
				}
			case *ast.Alias:
				l.usesOf(&top, d.Type, false)
			case *ast.Constant:
				l.usesOf(&top, d.Type, false)
			}
		}
	}
}

func (l *linter) add(i item) { l.items = append(l.items, i) }

// member is a part of an item.
func (i *item) member(head *ast.Head, what string) item {
	return item{Head: head, what: what, file: i.file, decl: i.decl, outer: i}
}

func (l *linter) fields(of *item, fields []*ast.Field, what string) {
	for _, f := range fields {
		i := of.member(&f.Head, what)
		i.field = f
		l.add(i)
		l.usesOf(&i, f.Type, false)
		if f.Default == nil || f.Default.Kind != ast.NameValue {
			continue
		}
		if constant, ok := l.info.Decls[f.Default.Text].(*ast.Constant); ok && l.enum(f.Type) == nil {
			l.uses = append(l.uses, use{by: &i, name: ast.Name{Text: f.Default.Text, Span: f.Default.Span}, of: constant})
		}
	}
}

func (l *linter) variants(of *item, variants []*ast.Variant) {
	for _, v := range variants {
		i := of.member(&v.Head, "variant")
		i.variant = v
		l.add(i)
		l.fields(&i, v.Fields, "field")
	}
}

func (l *linter) method(of *item, m *ast.Method) {
	i := of.member(&m.Head, "method")
	if m.Constructor {
		i.what = "constructor"
	}
	i.method = m
	l.add(i)
	l.fields(&i, m.Args, "argument")
	if m.Result != nil {
		l.usesOf(&i, m.Result, true)
	}
	for _, n := range []*ast.Name{m.Emits, m.Throws} {
		if n != nil {
			l.uses = append(l.uses, use{by: &i, name: *n, of: l.info.Decls[n.Text]})
		}
	}
}

func (l *linter) usesOf(by *item, t *ast.Type, result bool) {
	if d, ok := l.info.Decls[t.Name.Text]; ok {
		l.uses = append(l.uses, use{by: by, name: t.Name, of: d, result: result})
	}
	for _, arg := range t.Args {
		l.usesOf(by, arg, result)
	}
}

// meant follows aliases to the type that they mean.
func (l *linter) meant(t *ast.Type) *ast.Type {
	for {
		alias, ok := l.info.Decls[t.Name.Text].(*ast.Alias)
		if !ok {
			return t
		}
		t = alias.Type
	}
}

func (l *linter) enum(t *ast.Type) *ast.Enum {
	e, _ := l.info.Decls[l.meant(t).Name.Text].(*ast.Enum)
	return e
}

// scalar is the name of a type, or of what a list or an optional of it holds.
func (l *linter) scalar(t *ast.Type) string {
	t = l.meant(t)
	for t.Name.Text == "optional" || t.Name.Text == "list" {
		t = l.meant(t.Args[0])
	}
	return t.Name.Text
}

// within lists an item and all that it is part of, from the inside.
func (i *item) within() []*item {
	var all []*item
	for ; i != nil; i = i.outer {
		all = append(all, i)
	}
	return all
}

// snake is a declaration's name as a field would be called.
func snake(name string) string {
	var out strings.Builder
	for n, c := range name {
		upper := c >= 'A' && c <= 'Z'
		if upper && n > 0 && (name[n-1] < 'A' || name[n-1] > 'Z') {
			out.WriteByte('_')
		}
		out.WriteRune(c)
	}
	return strings.ToLower(out.String())
}
