package check

import (
	"strings"

	"strongroom.dev/codegen/ast"
	"strongroom.dev/codegen/report"
)

// scope finds names that come twice.
type scope struct {
	c    *checker
	what string
	seen map[string]ast.Name
}

func (c *checker) names(what string) *scope {
	return &scope{c, what, map[string]ast.Name{}}
}

// add checks the form of a name, and that no other one of the scope would become the same name in a language that
// writes names without underscores or in another case.
func (s *scope) add(n ast.Name) {
	s.c.valueName(n, s.what)
	folded := fold(n.Text)
	first, taken := s.seen[folded]
	switch {
	case !taken:
		s.seen[folded] = n
	case first.Text == n.Text:
		s.c.report.Errorf(duplicate, n.Span, "%s `%s` is declared twice", s.what, n.Text).See(first.Span, "it was declared here first")
	default:
		s.c.report.Errorf(similar, n.Span, "%s `%s` differs from `%s` only in case or underscores", s.what, n.Text, first.Text).
			See(first.Span, "`%s` is declared here", first.Text).
			Hint("in some languages both would have the same name")
	}
}

func fold(name string) string {
	return strings.ToLower(strings.ReplaceAll(name, "_", ""))
}

// declare fills the table of names.
func (c *checker) declare(files []*ast.File) {
	seen := map[string]ast.Name{}
	for _, file := range files {
		for _, d := range file.Decls {
			n := d.DeclName()
			if _, constant := d.(*ast.Constant); constant {
				c.valueName(n, "constant")
			} else if !typeName(n.Text) {
				c.report.Errorf(badName, n.Span, "`%s` is not the name of a type", n.Text).
					Hint("names of types look like this: `%s`", camel(n.Text))
			}
			if first, taken := seen[fold(n.Text)]; taken {
				if first.Text == n.Text {
					c.report.Errorf(duplicate, n.Span, "`%s` is declared twice", n.Text).See(first.Span, "it was declared here first")
				} else {
					c.report.Errorf(similar, n.Span, "`%s` differs from `%s` only in case", n.Text, first.Text).
						See(first.Span, "`%s` is declared here", first.Text).
						Hint("in some languages both would have the same name")
				}
				continue
			}
			seen[fold(n.Text)] = n
			c.info.Decls[n.Text] = d
			c.home[n.Text] = file
		}
	}
}

// lookup finds a declaration that may be used in the file that is being checked.
func (c *checker) lookup(name string) (ast.Decl, bool) {
	d, known := c.info.Decls[name]
	if !known || !c.seen[c.file][c.home[name]] {
		return nil, false
	}
	return d, true
}

// elsewhere adds to an unknown name where it is declared, if a file that is not imported does so.
func (c *checker) elsewhere(d *report.Diagnostic, name string) bool {
	other, known := c.info.Decls[name]
	if known {
		d.See(other.DeclName().Span, "it is declared here").Hint("import the file that declares it")
	}
	return known
}

// resolved is what a type means when aliases are followed; nil where they lead nowhere.
func (c *checker) resolved(t *ast.Type) *ast.Type {
	for range len(c.info.Decls) + 1 {
		d, known := c.info.Decls[t.Name.Text]
		alias, isAlias := d.(*ast.Alias)
		if !known || !isAlias {
			return t
		}
		t = alias.Type
	}
	return nil
}

func typeName(name string) bool {
	return name[0] >= 'A' && name[0] <= 'Z' && !strings.Contains(name, "_")
}

func (c *checker) valueName(n ast.Name, what string) {
	ok := n.Text[0] >= 'a' && n.Text[0] <= 'z' && n.Text == strings.ToLower(n.Text) &&
		!strings.Contains(n.Text, "__") && !strings.HasSuffix(n.Text, "_")
	if !ok {
		c.report.Errorf(badName, n.Span, "`%s` is not the name of %s", n.Text, article(what)).
			Hint("such names look like this: `%s`", snake(n.Text))
	}
}

func article(what string) string {
	if strings.ContainsRune("aeiou", rune(what[0])) {
		return "an " + what
	}
	return "a " + what
}

// camel turns a name into one for a type.
func camel(name string) string {
	var out strings.Builder
	for word := range strings.SplitSeq(name, "_") {
		if word != "" {
			out.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	if out.Len() == 0 || !typeName(out.String()) {
		return "Type" + out.String()
	}
	return out.String()
}

// snake turns a name into one for a field.
func snake(name string) string {
	var out strings.Builder
	for i, r := range name {
		upper := r >= 'A' && r <= 'Z'
		if upper && i > 0 && name[i-1] != '_' && !(name[i-1] >= 'A' && name[i-1] <= 'Z') {
			out.WriteByte('_')
		}
		out.WriteRune(r)
	}
	words := strings.FieldsFunc(strings.ToLower(out.String()), func(r rune) bool { return r == '_' })
	joined := strings.Join(words, "_")
	if joined == "" || joined[0] >= '0' && joined[0] <= '9' {
		return "field" + joined
	}
	return joined
}
