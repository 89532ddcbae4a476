package python

import (
	"slices"
	"strings"
	"unicode"

	"strongroom.dev/codegen/ir"
)

var keywords = []string{
	"False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif",
	"else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or",
	"pass", "raise", "return", "try", "while", "with", "yield",
	// No keyword, but Python's style guide and its linters refuse what looks like a one.
	"l",
}

// names gives everything at the top of the module its name. What the interface declares keeps its own; what is made of it
// (the classes of variants, the classes for asyncio) gives way with an underscore, because `Shape` with a variant `point`
// may stand beside a record `ShapePoint`.
type names struct {
	taken map[string]bool
	of    map[any]string
}

// Keys for names that are made of a declaration.
type (
	asyncOf  struct{ *ir.Interface }
	likeOf   struct{ *ir.Alias }
	codecOf  struct{ declaration any }
	methodOf struct{ *ir.Method }
)

func nameAll(schema *ir.Schema) *names {
	n := &names{map[string]bool{}, map[any]string{}}
	interfaces := slices.Concat(schema.Interfaces, schema.Callbacks)
	for _, t := range schema.Types {
		n.claim(t, t.TypeName())
	}
	for _, i := range interfaces {
		n.claim(i, i.Name)
	}
	for _, a := range schema.Aliases {
		n.claim(a, a.Name)
	}
	for _, c := range schema.Constants {
		n.claim(c, strings.ToUpper(c.Name))
	}
	for _, t := range schema.Types {
		switch t := t.(type) {
		case *ir.Enum:
			for _, v := range t.Variants {
				if !t.Plain() {
					n.claim(v, t.Name+camel(v.Name))
				}
			}
		case *ir.Error:
			for _, v := range t.Variants {
				n.claim(v, strings.TrimSuffix(t.Name, "Error")+camel(v.Name)+"Error")
			}
		}
		n.claim(codecOf{t}, "_T_"+constant(t.TypeName()))
	}
	for _, a := range schema.Aliases {
		n.claim(likeOf{a}, a.Name+"Like")
	}
	for _, i := range interfaces {
		n.claim(asyncOf{i}, "Async"+i.Name)
		n.claim(codecOf{i}, "_T_"+constant(i.Name))
		for _, m := range i.All() {
			n.claim(methodOf{m}, "_M_"+constant(i.Name)+"_"+strings.ToUpper(m.Name))
		}
	}
	return n
}

func (n *names) claim(key any, wanted string) {
	wanted = name(wanted)
	for n.taken[wanted] {
		wanted += "_"
	}
	n.taken[wanted] = true
	n.of[key] = wanted
}

// name is what a field or an argument is called in Python, apart from the words that are taken.
func name(word string, taken ...string) string {
	if slices.Contains(keywords, word) || slices.Contains(taken, word) {
		return word + "_"
	}
	return word
}

// memberName is what a method is called; the bases of the classes have some already.
func memberName(m *ir.Method) string { return name(m.Name, "client", "close", "closed") }

// callbackMember is what a callback's method is called.
func callbackMember(m *ir.Method) string { return name(m.Name) }

// errorField keeps clear of what an exception has.
func errorField(f *ir.Field) string {
	return name(f.Name, "args", "add_note", "message", "self", "variant", "with_traceback")
}

// camel makes a class's name of a variant's.
func camel(snake string) string {
	var b strings.Builder
	for _, part := range strings.Split(snake, "_") {
		if part != "" {
			b.WriteString(strings.ToUpper(part[:1]))
			b.WriteString(part[1:])
		}
	}
	return b.String()
}

// snake is the opposite.
func snake(camel string) string {
	var b strings.Builder
	for i, r := range camel {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func constant(camel string) string { return strings.ToUpper(snake(camel)) }

// sorted orders as ruff's isort order for __all__ does: constants, classes, the rest.
func sorted(names []string) []string {
	kind := func(n string) int {
		switch {
		case n == strings.ToUpper(n):
			return 0
		case unicode.IsUpper(rune(n[0])):
			return 1
		default:
			return 2
		}
	}
	names = slices.Clone(names)
	slices.SortFunc(names, func(a, b string) int {
		if d := kind(a) - kind(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return names
}
