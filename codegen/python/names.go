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

func variantClass(e *ir.Enum, v *ir.Variant) string { return e.Name + camel(v.Name) }

func errorClass(e *ir.Error, v *ir.Variant) string {
	return strings.TrimSuffix(e.Name, "Error") + camel(v.Name) + "Error"
}

func typeConstant(t string) string { return "_T_" + constant(t) }

func methodConstant(m *ir.Method) string {
	return "_M_" + constant(m.Interface.Name) + "_" + strings.ToUpper(m.Name)
}

func asyncClass(i *ir.Interface) string { return "Async" + i.Name }

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
