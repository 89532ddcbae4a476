package lint

import "strongroom.dev/codegen/ast"

// manyArguments is the number from which a call is hard to read, and will want another one soon.
const manyArguments = 5

func argumentCounts(l *linter) {
	for _, i := range l.items {
		if i.method != nil && len(i.method.Args) >= manyArguments {
			l.warn(i.Name.Span, "%s `%s` takes %d arguments", i.what, i.Name.Text, len(i.method.Args))
		}
	}
}

func booleanArguments(l *linter) {
	for _, i := range l.items {
		if i.method == nil {
			continue
		}
		var first *ast.Field
		for _, f := range i.method.Args {
			if l.meant(f.Type).Name.Text != "bool" {
				continue
			}
			if first != nil {
				l.warn(f.Name.Span, "`%s` takes more than one `bool`", i.Name.Text).See(first.Name.Span, "the first is `%s`", first.Name.Text)
				break
			}
			first = f
		}
	}
}

func listResults(l *linter) {
	for _, i := range l.items {
		if i.method == nil || i.method.Result == nil {
			continue
		}
		t := l.meant(i.method.Result)
		if t.Name.Text != "list" {
			continue
		}
		item := l.meant(t.Args[0])
		if _, record := l.info.Decls[item.Name.Text].(*ast.Record); record {
			l.warn(i.method.Result.Span, "`%s` gives all its records at once", i.Name.Text).Hint("give a `stream<%s>`", t.Args[0].Name.Text)
		}
	}
}
