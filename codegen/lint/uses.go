package lint

import (
	"strongroom.dev/codegen/ast"
	"strongroom.dev/codegen/token"
)

func unusedTypes(l *linter) {
	used := map[ast.Decl]bool{}
	for _, u := range l.uses {
		if u.of != u.by.decl {
			used[u.of] = true
		}
	}
	offers := false // an interface; else the files are only types, for whoever imports them
	for _, i := range l.items {
		offers = offers || i.method != nil
	}
	for _, i := range l.items {
		if i.outer != nil || used[i.decl] || !offers {
			continue
		}
		switch d := i.decl.(type) {
		case *ast.Constant:
		case *ast.Interface:
			if d.Callback {
				l.warn(i.Name.Span, "no method takes callback `%s`", i.Name.Text)
			}
		default:
			l.warn(i.Name.Span, "%s `%s` is not used", i.what, i.Name.Text)
		}
	}
}

func unreachableInterfaces(l *linter) {
	reached := map[ast.Decl]bool{}
	for _, u := range l.uses {
		if u.result && u.of != u.by.decl {
			reached[u.of] = true
		}
	}
	for _, i := range l.items {
		if i.method != nil && i.method.Constructor {
			reached[i.decl] = true
		}
	}
	for _, i := range l.items {
		if d, ok := i.decl.(*ast.Interface); ok && i.outer == nil && !d.Callback && !reached[d] {
			l.warn(i.Name.Span, "nobody can get hold of a `%s`", i.Name.Text)
		}
	}
}

// unusedImports finds imports that add nothing: neither is a name of theirs used in the file, nor do they bring an
// interface or a constant into the package.
func unusedImports(l *linter) {
	home := map[ast.Decl]*ast.File{}
	for _, i := range l.items {
		home[i.decl] = i.file
	}
	used := map[[2]*ast.File]bool{}
	for _, u := range l.uses {
		used[[2]*ast.File{u.by.file, home[u.of]}] = true
	}
	var adds func(to, from *ast.File) bool
	adds = func(to, from *ast.File) bool {
		if used[[2]*ast.File{to, from}] {
			return true
		}
		for _, d := range from.Decls {
			switch d.(type) {
			case *ast.Interface, *ast.Constant:
				return true
			}
		}
		for _, i := range from.Imports {
			if adds(to, i.File) {
				return true
			}
		}
		return false
	}
	for _, file := range l.files {
		for _, i := range file.Imports {
			if !adds(file, i.File) {
				l.warn(i.Path.Span, "nothing of `%s` is used", token.Unquote(i.Path.Raw))
			}
		}
	}
}

func deprecatedUses(l *linter) {
	for _, u := range l.uses {
		a := u.of.DeclHead().Attribute("deprecated")
		if a == nil {
			continue
		}
		old := false
		for _, i := range u.by.within() {
			old = old || i.Attribute("deprecated") != nil
		}
		if !old {
			l.warn(u.name.Span, "`%s` is deprecated, and `%s` is not", u.name.Text, u.by.Name.Text).See(a.Span, "it was deprecated here").
				Hint("%s", token.Unquote(a.Text.Raw))
		}
	}
}
