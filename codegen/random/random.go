// Package random writes IDL files at random, to hold the bindings against each other and to measure the compiler. What it
// writes is correct, and uses all of the language that data can be made of.
package random

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// File is the text of a file of a package. All names in it begin with the prefix, so that many files make one package. The
// interface that it declares, PrefixEcho, gives back each of the records.
func File(pkg, prefix string, seed uint64, declarations int) string {
	w := &writer{Rand: rand.New(rand.NewPCG(seed, 0)), prefix: prefix}
	w.line("/// Written at random, from the seed %d.", seed)
	w.line("package %s", pkg)
	for n := range declarations {
		w.line("")
		switch kind := w.IntN(10); {
		case kind == 0:
			w.alias(n)
		case kind == 1:
			w.constant(n)
		case kind < 5:
			w.enum(n)
		default:
			w.record(n)
		}
	}
	if len(w.records) == 0 {
		w.record(declarations)
	}
	w.line("\n/// Gives back what it gets.\ninterface %sEcho {", prefix)
	w.line("  constructor open()")
	for n, r := range w.records {
		w.line("  echo%d(value: %s) -> %s", n, r, r)
	}
	w.line("}")
	return w.out.String()
}

type writer struct {
	*rand.Rand
	prefix    string
	out       strings.Builder
	records   []string
	enums     []enum
	aliases   []string
	constants []constant
}

type enum struct {
	name string
	all  []string
}

type constant struct{ name, typ string }

func (w *writer) line(format string, args ...any) { fmt.Fprintf(&w.out, format+"\n", args...) }

func (w *writer) name(kind string, n int) string { return fmt.Sprintf("%s%s%d", w.prefix, kind, n) }

var (
	words = []string{"size", "name", "at", "kind", "count", "label", "host", "mode", "owner", "hash", "type", "value", "match", "func",
		"class", "def", "self", "loop", "range", "error", "int", "str", "len", "map", "list", "none", "async", "await", "go", "select", "var",
		"impl", "fn", "move", "ref", "struct", "union", "static", "register", "volatile", "template", "new", "delete", "this", "true_", "x2"}
	integers = []string{"u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64"}
	keys     = []string{"bool", "u8", "u32", "u64", "i8", "i64", "string", "bytes<4>"}
)

// names are different words; many of them mean something in one of the languages.
func (w *writer) names(count int) []string {
	var names []string
	for _, i := range w.Perm(len(words))[:count] {
		names = append(names, strings.TrimSuffix(words[i], "_"))
	}
	return names
}

func (w *writer) doc(what string) {
	if w.IntN(2) == 0 {
		w.line("/// %s that means nothing.", what)
	}
}

func (w *writer) alias(n int) {
	name := w.name("Alias", n)
	w.doc("An alias")
	w.line("type %s = %s", name, w.typ(0))
	w.aliases = append(w.aliases, name)
}

func (w *writer) constant(n int) {
	typ := integers[w.IntN(len(integers))]
	name := strings.ToLower(w.name("_limit_", n))
	w.line("const %s: %s = %d", name, typ, w.IntN(128))
	w.constants = append(w.constants, constant{name, typ})
}

func (w *writer) enum(n int) {
	e := enum{name: w.name("Enum", n)}
	w.doc("An enum")
	w.line("enum %s {", e.name)
	for _, name := range w.names(1 + w.IntN(5)) {
		fields := ""
		if w.IntN(3) == 0 {
			var list []string
			for _, f := range w.names(1 + w.IntN(3)) {
				list = append(list, f+": "+w.field())
			}
			fields = " { " + strings.Join(list, ", ") + " }"
		}
		w.line("  %s%s", name, fields)
		e.all = append(e.all, name)
	}
	w.line("}")
	w.enums = append(w.enums, e)
}

func (w *writer) record(n int) {
	name := w.name("Record", n)
	w.doc("A record")
	w.line("record %s {", name)
	for _, f := range w.names(1 + w.IntN(8)) {
		w.line("  %s: %s", f, w.field())
	}
	if w.IntN(8) == 0 {
		w.line("  children: list<%s>", name)
	}
	w.line("}")
	w.records = append(w.records, name)
}

// field is a type, perhaps with a default.
func (w *writer) field() string {
	if w.IntN(4) > 0 {
		return w.typ(0)
	}
	typ := integers[w.IntN(len(integers))]
	switch w.IntN(8) {
	case 0:
		return fmt.Sprintf("bool = %t", w.IntN(2) == 0)
	case 1:
		return fmt.Sprintf("f64 = %d.5", w.IntN(100)-50)
	case 2:
		return fmt.Sprintf("f32 = %de3", w.IntN(9))
	case 3:
		return `string = "\"\\\n\u{1F600} é"`
	case 4:
		return fmt.Sprintf("duration = %dms", w.IntN(100000))
	case 5:
		if len(w.enums) > 0 {
			e := w.enums[w.IntN(len(w.enums))]
			return e.name + " = " + e.all[w.IntN(len(e.all))]
		}
	case 6:
		if len(w.constants) > 0 {
			c := w.constants[w.IntN(len(w.constants))]
			return c.typ + " = " + c.name
		}
	}
	return fmt.Sprintf("%s = %d", typ, w.IntN(128))
}

// typ is a type of data. What it names was declared before, so nothing contains itself.
func (w *writer) typ(deep int) string {
	simple := []string{"bool", "f32", "f64", "string", "bytes", "bytes<8>", "path", "timestamp", "duration"}
	choice := w.IntN(20)
	if deep < 3 {
		switch choice {
		case 0, 1:
			inner := w.typ(deep + 1)
			if !strings.HasPrefix(inner, "optional") && !strings.Contains(inner, "Alias") { // which may be optional itself
				return "optional<" + inner + ">"
			}
			return inner
		case 2, 3:
			return "list<" + w.typ(deep+1) + ">"
		case 4:
			return "map<" + keys[w.IntN(len(keys))] + ", " + w.typ(deep+1) + ">"
		}
	}
	switch {
	case choice < 8 && len(w.records) > 0:
		return w.records[w.IntN(len(w.records))]
	case choice < 11 && len(w.enums) > 0:
		return w.enums[w.IntN(len(w.enums))].name
	case choice < 12 && len(w.aliases) > 0:
		return w.aliases[w.IntN(len(w.aliases))]
	case choice < 16:
		return integers[w.IntN(len(integers))]
	}
	return simple[w.IntN(len(simple))]
}
