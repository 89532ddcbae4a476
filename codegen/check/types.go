package check

import (
	"maps"
	"math/big"
	"slices"

	"strongroom.dev/codegen/ast"
)

// place is where a type stands; some types may only stand in some places.
type place int

const (
	inData     place = iota // a field, or part of another type
	inArgument              // an argument itself
	inResult                // a result itself
	inStream                // the items of a stream
	inCallback              // an argument or a result of a callback's method
)

// builtins gives the number of parameters of the types that the language knows.
var builtins = map[string]int{
	"bool": 0, "u8": 0, "u16": 0, "u32": 0, "u64": 0, "i8": 0, "i16": 0, "i32": 0, "i64": 0, "f32": 0, "f64": 0,
	"string": 0, "bytes": 0, "path": 0, "buffer": 0, "timestamp": 0, "duration": 0, "optional": 1, "list": 1, "map": 2, "stream": 1,
}

// Builtins are the names of the types that the language knows.
func Builtins() []string { return slices.Sorted(maps.Keys(builtins)) }

// maxFixed keeps fixed bytes small enough to be a value in every language.
const maxFixed = 4096

// typ checks the use of a type. It answers false where the type means nothing, so that nothing is built on it.
func (c *checker) typ(t *ast.Type, at place) bool {
	wanted, builtin := builtins[t.Name.Text]
	if !builtin {
		return c.declared(t, at)
	}
	if t.Size != nil {
		return c.fixed(t)
	}
	if len(t.Args) != wanted {
		d := c.report.Errorf(parameters, t.Span, "`%s` takes %s, not %d", t.Name.Text, count(wanted, "type"), len(t.Args))
		if wanted > 0 {
			d.Hint("write `%s<%s>`", t.Name.Text, []string{"T", "K, V"}[wanted-1])
		}
		return false
	}
	ok := true
	for _, arg := range t.Args {
		inner := inData
		if t.Name.Text == "stream" {
			inner = inStream
		}
		ok = c.typ(arg, inner) && ok
	}
	if !ok {
		return false
	}
	switch t.Name.Text {
	case "stream":
		if at != inResult && at != inArgument {
			c.report.Errorf(misplacedType, t.Span, "a stream cannot stand here").
				Hint("a stream is an argument or the result of an interface's method by itself; `list<T>` holds all at once")
			return false
		}
	case "buffer":
		if at == inData {
			c.report.Errorf(misplacedType, t.Span, "a buffer cannot stand here").
				Hint("a buffer is an argument, a result or the item of a stream by itself; data in a record has the type `bytes`")
			return false
		}
	case "optional":
		if inner := c.resolved(t.Args[0]); inner != nil && inner.Name.Text == "optional" {
			c.report.Errorf(doubleOptional, t.Span, "an optional of an optional cannot be told apart from one").Hint("say with an enum what each absence means")
			return false
		}
	case "map":
		return c.mapKey(t.Args[0])
	}
	return true
}

func (c *checker) declared(t *ast.Type, at place) bool {
	d, known := c.lookup(t.Name.Text)
	if !known {
		report := c.report.Errorf(unknownType, t.Name.Span, "unknown type `%s`", t.Name.Text)
		if c.elsewhere(report, t.Name.Text) {
			return false
		}
		if other, ok := foreign[t.Name.Text]; ok {
			report.Hint("did you mean `%s`?", other)
		} else if near := Nearest(t.Name.Text, append(slices.Collect(maps.Keys(c.info.Decls)), slices.Collect(maps.Keys(builtins))...)); near != "" {
			report.Hint("did you mean `%s`?", near)
		}
		return false
	}
	if len(t.Args) > 0 || t.Size != nil {
		c.report.Errorf(parameters, t.Span, "%s `%s` takes no parameters", d.Keyword(), t.Name.Text)
		return false
	}
	switch d := d.(type) {
	case *ast.Constant:
		c.report.Errorf(misplacedName, t.Span, "`%s` is a constant and no type", t.Name.Text).See(d.Name.Span, "it is declared here")
		return false
	case *ast.Error:
		c.report.Errorf(misplacedType, t.Span, "error `%s` cannot be used as data", t.Name.Text).Hint("name it after `throws`; for data declare an `enum`")
		return false
	case *ast.Interface:
		if d.Callback {
			if at != inArgument {
				c.report.Errorf(misplacedType, t.Span, "callback `%s` cannot stand here", t.Name.Text).Hint("a callback is handed over, as an argument of an interface's method by itself")
				return false
			}
			return true
		}
		if at != inResult {
			c.report.Errorf(misplacedType, t.Span, "interface `%s` cannot stand here", t.Name.Text).Hint("an object is only given out, as the result of a method")
			return false
		}
	}
	return true
}

func (c *checker) fixed(t *ast.Type) bool {
	if t.Name.Text != "bytes" {
		c.report.Errorf(parameters, t.Size.Span, "`%s` takes no size", t.Name.Text).Hint("only `bytes<N>` has a fixed size")
		return false
	}
	size, ok := new(big.Int).SetString(t.Size.Text, 0)
	if !ok || size.Sign() <= 0 || size.Cmp(big.NewInt(maxFixed)) > 0 {
		c.report.Errorf(badSize, t.Size.Span, "fixed bytes have a size from 1 to %d", maxFixed)
		return false
	}
	return true
}

// Size is the N of `bytes<N>`, or 0 for another type.
func Size(t *ast.Type) int {
	if t.Size == nil {
		return 0
	}
	size, _ := new(big.Int).SetString(t.Size.Text, 0)
	return int(size.Int64())
}

func (c *checker) mapKey(written *ast.Type) bool {
	key := c.resolved(written)
	if key == nil {
		return false // the cycle is reported at the alias
	}
	switch key.Name.Text {
	case "bool", "u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "string":
		return true
	case "bytes":
		if key.Size != nil {
			return true
		}
	}
	c.report.Errorf(badKey, written.Span, "`%s` cannot be the key of a map", written.Name.Text).
		Hint("keys are integers, `bool`, `string` or `bytes<N>`")
	return false
}

func count(n int, what string) string {
	switch n {
	case 0:
		return "no " + what + "s"
	case 1:
		return "one " + what
	default:
		return "two " + what + "s"
	}
}

// cycles finds records and enums that contain themselves, and aliases that mean themselves. A list or a map between may
// be empty, so that data ends there; an alias does not.
func (c *checker) cycles(decls []ast.Decl) {
	const (
		unseen = iota
		open
		done
	)
	state := map[ast.Decl]int{}
	var visit func(d ast.Decl)
	follow := func(d ast.Decl, t *ast.Type) {
		next, known := c.info.Decls[t.Name.Text]
		if !known {
			return
		}
		if state[next] == open {
			if _, alias := next.(*ast.Alias); alias {
				c.report.Errorf(cycle, t.Span, "`%s` means itself", t.Name.Text).See(next.DeclName().Span, "it is declared here")
			} else {
				c.report.Errorf(cycle, t.Span, "`%s` contains itself", t.Name.Text).
					See(next.DeclName().Span, "it is declared here").
					Hint("put it into a `list`, which can be empty")
			}
			return
		}
		visit(next)
	}
	visit = func(d ast.Decl) {
		if state[d] != unseen {
			return
		}
		state[d] = open
		for _, t := range inside(d) {
			follow(d, t)
		}
		state[d] = done
	}
	for _, d := range decls {
		if c.info.Decls[d.DeclName().Text] == d {
			visit(d)
		}
	}
}

// inside lists the types that stand directly in data.
func inside(d ast.Decl) []*ast.Type {
	var types []*ast.Type
	add := func(fields []*ast.Field) {
		for _, f := range fields {
			t := f.Type
			for t.Name.Text == "optional" && len(t.Args) == 1 {
				t = t.Args[0]
			}
			types = append(types, t)
		}
	}
	switch d := d.(type) {
	case *ast.Record:
		add(d.Fields)
	case *ast.Enum:
		for _, v := range d.Variants {
			add(v.Fields)
		}
	case *ast.Alias:
		return mentioned(d.Type, nil)
	}
	return types
}

// mentioned lists a type and all that stand in its brackets.
func mentioned(t *ast.Type, all []*ast.Type) []*ast.Type {
	all = append(all, t)
	for _, arg := range t.Args {
		all = mentioned(arg, all)
	}
	return all
}
