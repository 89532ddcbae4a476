package golang

import (
	"fmt"
	"strings"

	"strongroom.dev/codegen/lower"
)

// coder is the Encoder's and Decoder's method for a scalar, or "" for what takes more than one.
func coder(c *lower.Code) string {
	switch c.Op {
	case lower.Flag:
		return "Bool"
	case lower.Unsigned:
		return "U" + bits(c.Size)
	case lower.Signed:
		return "I" + bits(c.Size)
	case lower.Float:
		return "F" + bits(c.Size)
	case lower.Text:
		return "String"
	case lower.Blob:
		return "Bytes"
	case lower.Path:
		return "Path"
	case lower.Instant:
		return "Timestamp"
	case lower.Span:
		return "Duration"
	default:
		return ""
	}
}

// encode emits the writing of an addressable value. writer has the Encoder's methods, pointer is the *Encoder itself. A step
// that is a field knows what a value that nobody set stands for.
func (e *emitter) encode(writer, pointer, value string, s lower.Step, depth int) {
	switch s.Op {
	case lower.Path:
		e.line("%s.String(%s)", writer, value)
	case lower.Fixed:
		e.line("%s.Fixed(%s[:])", writer, value)
	case lower.Instant:
		if s.Field != nil {
			e.line("%s.TimestampField(%s)", writer, value)
		} else {
			e.line("%s.Timestamp(%s)", writer, value)
		}
	case lower.Maybe:
		e.line("%s.Bool(%s != nil)\nif %s != nil {", writer, value, value)
		e.encode(writer, pointer, pointee(value, s.Item), inner(s.Item), depth)
		e.line("}")
	case lower.Sequence:
		i := fmt.Sprintf("i%d", depth)
		e.line("%s.Count(len(%s))\nfor %s := range %s {", writer, bare(value), i, bare(value))
		e.encode(writer, pointer, value+"["+i+"]", inner(s.Item), depth+1)
		e.line("}")
	case lower.Table:
		key, item := fmt.Sprintf("key%d", depth), fmt.Sprintf("value%d", depth)
		e.line("%s.Count(len(%s))", writer, bare(value))
		e.line("for _, %s := range %s {\n%s := %s[%s]", key, e.sortedKeys(bare(value), s.Key), item, value, key)
		e.encode(writer, pointer, key, inner(s.Key), depth+1)
		e.encode(writer, pointer, item, inner(s.Item), depth+1)
		e.line("}")
	case lower.Product:
		e.line("%s.encode(%s)", value, pointer)
	case lower.Sum:
		if s.Type.Enum.Plain() {
			e.line("%s.encode(%s)", value, pointer)
			return
		}
		absent := lower.Zero(s.Code)
		if s.Field != nil {
			absent = s.Absent()
		}
		method := e.of[named{encoder, s.Type.Enum}]
		e.line("if %s != nil {\n%s.%s(%s)\n} else {\n%s.%s(%s)\n}", value, value, method, pointer,
			e.variantValue(absent.Variant), method, pointer)
	case lower.Buffer:
		e.line("%s.Buffer(%s)", writer, value)
	case lower.Callback:
		e.line("%s.Callback(%s(%s))", writer, e.of[named{server, s.Type.Interface}], value)
	default:
		e.line("%s.%s(%s)", writer, coder(s.Code), value)
	}
}

// inner is a value that is no field: it is there, or its optional, list or map is without it.
func inner(c *lower.Code) lower.Step { return lower.Step{Code: c} }

// pointee is what an optional value points to. Methods and slices need no dereferencing.
func pointee(value string, c *lower.Code) string {
	switch c.Op {
	case lower.Sequence, lower.Table:
		return "(*" + value + ")"
	case lower.Product, lower.Sum, lower.Fixed:
		return value
	default:
		return "*" + value
	}
}

// bare is a value without the parentheses that only an index after it needs.
func bare(value string) string {
	if inner, ok := strings.CutPrefix(value, "(*"); ok && strings.Index(inner, ")") == len(inner)-1 {
		return "*" + strings.TrimSuffix(inner, ")")
	}
	return value
}

// sortedKeys orders a map's keys: numbers by value, strings and bytes by their bytes, false before true.
func (e *emitter) sortedKeys(value string, key *lower.Code) string {
	e.use("maps")
	e.use("slices")
	switch key.Op {
	case lower.Fixed:
		e.use("bytes")
		return fmt.Sprintf("slices.SortedFunc(maps.Keys(%s), func(a, b %s) int { return bytes.Compare(a[:], b[:]) })", value, e.goType(key.Type))
	case lower.Flag:
		return fmt.Sprintf("slices.SortedFunc(maps.Keys(%s), func(a, b %s) int {\nswitch {\ncase a == b:\nreturn 0\ncase b:\nreturn -1\ndefault:\nreturn 1\n}\n})", value, e.goType(key.Type))
	default:
		return "slices.Sorted(maps.Keys(" + value + "))"
	}
}

// decode emits the reading of a value from d into an assignable target, which has its zero value or its default.
func (e *emitter) decode(target string, c *lower.Code, depth int) {
	switch c.Op {
	case lower.Fixed:
		e.line("d.Fixed(%s[:])", target)
	case lower.Maybe:
		e.line("if d.Bool() {")
		if nilable(c.Item.Type) {
			e.decode(target, c.Item, depth)
		} else {
			item := fmt.Sprintf("item%d", depth)
			e.declare(item, c.Item, depth+1)
			e.line("%s = &%s", target, item)
		}
		e.line("}")
	case lower.Sequence:
		i, n := fmt.Sprintf("i%d", depth), fmt.Sprintf("n%d", depth)
		e.line("if %s := d.Count(%d); %s > 0 {", n, c.Item.Least, n)
		e.line("%s = make([]%s, %s)", target, e.goType(c.Item.Type), n)
		e.line("for %s := 0; %s < %s && d.Err() == nil; %s++ {", i, i, n, i)
		e.decode(target+"["+i+"]", c.Item, depth+1)
		e.line("}\n}")
	case lower.Table:
		i, n := fmt.Sprintf("i%d", depth), fmt.Sprintf("n%d", depth)
		key, item := fmt.Sprintf("key%d", depth), fmt.Sprintf("value%d", depth)
		e.line("if %s := d.Count(%d); %s > 0 {", n, c.Pair(), n)
		e.line("%s = make(%s, %s)", target, e.plainType(c.Type), n)
		e.line("for %s := 0; %s < %s && d.Err() == nil; %s++ {", i, i, n, i)
		e.declare(key, c.Key, depth+1)
		e.declare(item, c.Item, depth+1)
		e.line("if _, twice := %s[%s]; twice {\nd.Malformed(\"a key of a map comes twice\")\n}", target, key)
		e.line("%s[%s] = %s\n}\n}", target, key, item)
	case lower.Product:
		e.line("%s.decode(d)", target)
	default:
		if value := e.expression(c, "d"); value != "" {
			e.line("%s = %s", target, value)
		} else { // a plain enum
			e.line("%s.decode(d)", target)
		}
	}
}

// expression is the reading of a value that takes one expression, or "".
func (e *emitter) expression(c *lower.Code, from string) string {
	switch {
	case coder(c) != "":
		return fmt.Sprintf("%s.%s()", from, coder(c))
	case c.Op == lower.Buffer:
		return from + ".Buffer()"
	case c.Op == lower.Object:
		return fmt.Sprintf("&%s{%s.Object()}", e.name(c.Type.Interface), from)
	case c.Op == lower.Sum && !c.Type.Enum.Plain():
		return fmt.Sprintf("%s(%s)", e.of[named{decoder, c.Type.Enum}], from)
	default:
		return ""
	}
}

// declare emits a variable and the reading of its value.
func (e *emitter) declare(name string, c *lower.Code, depth int) {
	if value := e.expression(c, "d"); value != "" {
		e.line("%s := %s", name, value)
		return
	}
	e.line("var %s %s", name, e.goType(c.Type))
	e.decode(name, c, depth)
}
