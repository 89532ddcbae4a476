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
)

// builtins gives the number of parameters of the types that the language knows.
var builtins = map[string]int{
	"bool": 0, "u8": 0, "u16": 0, "u32": 0, "u64": 0, "i8": 0, "i16": 0, "i32": 0, "i64": 0, "f32": 0, "f64": 0,
	"string": 0, "bytes": 0, "path": 0, "buffer": 0, "optional": 1, "list": 1, "map": 2, "stream": 1,
}

// maxFixed keeps fixed bytes small enough to be a value in every language.
const maxFixed = 4096

// typ checks the use of a type. It answers false where the type means nothing, so that nothing is built on it.
func (c *checker) typ(t *ast.Type, at place) bool {
	parameters, builtin := builtins[t.Name.Text]
	if !builtin {
		return c.declared(t, at)
	}
	if t.Size != nil {
		return c.fixed(t)
	}
	if len(t.Args) != parameters {
		d := c.report.Errorf(t.Span, "`%s` takes %s, not %d", t.Name.Text, count(parameters, "type"), len(t.Args))
		if parameters > 0 {
			d.Hint("write `%s<%s>`", t.Name.Text, []string{"T", "K, V"}[parameters-1])
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
		if at != inResult {
			c.report.Errorf(t.Span, "a stream cannot stand here").Hint("only the result of a method is a stream; `list<T>` holds all at once")
			return false
		}
	case "buffer":
		if at == inData {
			c.report.Errorf(t.Span, "a buffer cannot stand here").
				Hint("a buffer is an argument, a result or the item of a stream by itself; data in a record has the type `bytes`")
			return false
		}
	case "optional":
		if t.Args[0].Name.Text == "optional" {
			c.report.Errorf(t.Span, "an optional of an optional cannot be told apart from one").Hint("say with an enum what each absence means")
			return false
		}
	case "map":
		return c.mapKey(t.Args[0])
	}
	return true
}

func (c *checker) declared(t *ast.Type, at place) bool {
	d, known := c.info.Decls[t.Name.Text]
	if !known {
		report := c.report.Errorf(t.Name.Span, "unknown type `%s`", t.Name.Text)
		if other, ok := foreign[t.Name.Text]; ok {
			report.Hint("did you mean `%s`?", other)
		} else if near := nearest(t.Name.Text, append(slices.Collect(maps.Keys(c.info.Decls)), slices.Collect(maps.Keys(builtins))...)); near != "" {
			report.Hint("did you mean `%s`?", near)
		}
		return false
	}
	if len(t.Args) > 0 || t.Size != nil {
		c.report.Errorf(t.Span, "%s `%s` takes no parameters", d.Keyword(), t.Name.Text)
		return false
	}
	switch d.(type) {
	case *ast.Error:
		c.report.Errorf(t.Span, "error `%s` cannot be used as data", t.Name.Text).Hint("name it after `throws`; for data declare an `enum`")
		return false
	case *ast.Interface:
		if at != inResult {
			c.report.Errorf(t.Span, "interface `%s` cannot stand here", t.Name.Text).Hint("an object is only given out, as the result of a method")
			return false
		}
	}
	return true
}

func (c *checker) fixed(t *ast.Type) bool {
	if t.Name.Text != "bytes" {
		c.report.Errorf(t.Size.Span, "`%s` takes no size", t.Name.Text).Hint("only `bytes<N>` has a fixed size")
		return false
	}
	size, ok := new(big.Int).SetString(t.Size.Text, 0)
	if !ok || size.Sign() <= 0 || size.Cmp(big.NewInt(maxFixed)) > 0 {
		c.report.Errorf(t.Size.Span, "fixed bytes have a size from 1 to %d", maxFixed)
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

func (c *checker) mapKey(key *ast.Type) bool {
	switch key.Name.Text {
	case "bool", "u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "string":
		return true
	case "bytes":
		if key.Size != nil {
			return true
		}
	}
	c.report.Errorf(key.Span, "`%s` cannot be the key of a map", key.Name.Text).
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

// cycles finds records and enums that contain themselves. A list or a map may: it can be empty.
func (c *checker) cycles(decls []ast.Decl) {
	const (
		unseen = iota
		open
		done
	)
	state := map[string]int{}
	var visit func(name string)
	follow := func(fields []*ast.Field) {
		for _, f := range fields {
			t := f.Type
			for t.Name.Text == "optional" && len(t.Args) == 1 {
				t = t.Args[0]
			}
			if _, isData := dataFields(c.info.Decls[t.Name.Text]); !isData {
				continue
			}
			if state[t.Name.Text] == open {
				c.report.Errorf(t.Span, "`%s` contains itself", t.Name.Text).
					See(c.info.Decls[t.Name.Text].DeclName().Span, "it is declared here").
					Hint("put it into a `list`, which can be empty")
				continue
			}
			visit(t.Name.Text)
		}
	}
	visit = func(name string) {
		if state[name] != unseen {
			return
		}
		state[name] = open
		fields, _ := dataFields(c.info.Decls[name])
		follow(fields)
		state[name] = done
	}
	for _, d := range decls {
		if c.info.Decls[d.DeclName().Text] == d {
			visit(d.DeclName().Text)
		}
	}
}

// dataFields lists all fields of a record or an enum.
func dataFields(d ast.Decl) (fields []*ast.Field, isData bool) {
	switch d := d.(type) {
	case *ast.Record:
		return d.Fields, true
	case *ast.Enum:
		for _, v := range d.Variants {
			fields = append(fields, v.Fields...)
		}
		return fields, true
	}
	return nil, false
}
