package golang

import (
	"fmt"

	"strongroom.dev/codegen/ir"
)

var scalarNames = map[ir.Kind]string{
	ir.Bool: "Bool", ir.U8: "U8", ir.U16: "U16", ir.U32: "U32", ir.U64: "U64", ir.I8: "I8", ir.I16: "I16", ir.I32: "I32",
	ir.I64: "I64", ir.F32: "F32", ir.F64: "F64", ir.String: "String", ir.Bytes: "Bytes",
}

// encode emits the writing of an addressable value. writer has the Encoder's methods, pointer is the *Encoder itself;
// field, where there is one, knows what nil stands for.
func (e *emitter) encode(writer, pointer, value string, r *ir.Ref, field *ir.Field, depth int) {
	switch r.Kind {
	case ir.Path:
		e.line("%s.String(%s)", writer, value)
	case ir.FixedBytes:
		e.line("%s.Fixed(%s[:])", writer, value)
	case ir.Optional:
		inner := pointee(value, r.Elem)
		e.line("%s.Bool(%s != nil)\nif %s != nil {", writer, value, value)
		e.encode(writer, pointer, inner, r.Elem, nil, depth)
		e.line("}")
	case ir.List:
		i := fmt.Sprintf("i%d", depth)
		e.line("%s.Count(len(%s))\nfor %s := range %s {", writer, value, i, value)
		e.encode(writer, pointer, value+"["+i+"]", r.Elem, nil, depth+1)
		e.line("}")
	case ir.Map:
		key, item := fmt.Sprintf("key%d", depth), fmt.Sprintf("value%d", depth)
		e.line("%s.Count(len(%s))", writer, value)
		e.line("for _, %s := range %s {\n%s := %s[%s]", key, e.sortedKeys(value, r.Key), item, value, key)
		e.encode(writer, pointer, key, r.Key, nil, depth+1)
		e.encode(writer, pointer, item, r.Elem, nil, depth+1)
		e.line("}")
	case ir.Buffer:
		e.line("%s.Buffer(%s)", writer, value)
	case ir.RecordRef:
		e.line("%s.encode(%s)", value, pointer)
	case ir.EnumRef:
		if r.Enum.Plain() {
			e.line("%s.encode(%s)", value, pointer)
			return
		}
		fallback := r.Enum.Variants[0]
		if field != nil && field.Default != nil {
			fallback = field.Default.Variant
		}
		e.line("if %s != nil {\n%s.encode%s(%s)\n} else {\n%s.encode%s(%s)\n}", value, value, exported(r.Enum.Name), pointer,
			variantValue(r.Enum, fallback), exported(r.Enum.Name), pointer)
	case ir.InterfaceRef:
		e.line("%s.Object(%s.handle())", writer, value)
	default:
		e.line("%s.%s(%s)", writer, scalarNames[r.Kind], value)
	}
}

// pointee is what an optional value points to. Methods and slices need no dereferencing.
func pointee(value string, r *ir.Ref) string {
	switch r.Kind {
	case ir.List, ir.Map, ir.Optional:
		return "(*" + value + ")"
	case ir.RecordRef, ir.EnumRef, ir.FixedBytes, ir.Buffer, ir.InterfaceRef:
		return value
	default:
		return "*" + value
	}
}

// sortedKeys orders a map's keys: numbers by value, strings and bytes by their bytes, false before true.
func (e *emitter) sortedKeys(value string, key *ir.Ref) string {
	e.use("maps")
	e.use("slices")
	switch key.Kind {
	case ir.FixedBytes:
		e.use("bytes")
		return fmt.Sprintf("slices.SortedFunc(maps.Keys(%s), func(a, b %s) int { return bytes.Compare(a[:], b[:]) })", value, goType(key))
	case ir.Bool:
		return fmt.Sprintf("slices.SortedFunc(maps.Keys(%s), func(a, b bool) int {\nswitch {\ncase a == b:\nreturn 0\ncase b:\nreturn -1\ndefault:\nreturn 1\n}\n})", value)
	default:
		return "slices.Sorted(maps.Keys(" + value + "))"
	}
}

// decode emits the reading of a value from d into an assignable target.
func (e *emitter) decode(target string, r *ir.Ref, depth int) {
	switch r.Kind {
	case ir.Path:
		e.line("%s = d.Path()", target)
	case ir.FixedBytes:
		e.line("d.Fixed(%s[:])", target)
	case ir.Optional:
		e.line("if d.Bool() {")
		if nilable(r.Elem) {
			e.decode(target, r.Elem, depth)
		} else {
			item := fmt.Sprintf("item%d", depth)
			if name, scalar := scalarNames[r.Elem.Kind]; scalar {
				e.line("%s := d.%s()", item, name)
			} else {
				e.line("var %s %s", item, goType(r.Elem))
				e.decode(item, r.Elem, depth+1)
			}
			e.line("%s = &%s", target, item)
		}
		e.line("} else {\n%s = nil\n}", target)
	case ir.List:
		i, n := fmt.Sprintf("i%d", depth), fmt.Sprintf("n%d", depth)
		e.line("if %s := d.Count(%d); %s > 0 {", n, wireSize(r.Elem), n)
		e.line("%s = make([]%s, %s)", target, goType(r.Elem), n)
		e.line("for %s := 0; %s < %s && d.Err() == nil; %s++ {", i, i, n, i)
		e.decode(target+"["+i+"]", r.Elem, depth+1)
		e.line("}\n} else {\n%s = nil\n}", target)
	case ir.Map:
		i, n := fmt.Sprintf("i%d", depth), fmt.Sprintf("n%d", depth)
		key, item := fmt.Sprintf("key%d", depth), fmt.Sprintf("value%d", depth)
		e.line("%s = nil", target)
		e.line("if %s := d.Count(%d); %s > 0 {", n, wireSize(r.Key)+wireSize(r.Elem), n)
		e.line("%s = make(%s, %s)", target, goType(r), n)
		e.line("for %s := 0; %s < %s && d.Err() == nil; %s++ {", i, i, n, i)
		e.line("var %s %s\nvar %s %s", key, goType(r.Key), item, goType(r.Elem))
		e.decode(key, r.Key, depth+1)
		e.decode(item, r.Elem, depth+1)
		e.line("if _, twice := %s[%s]; twice {\nd.Malformed(\"a key of a map comes twice\")\n}", target, key)
		e.line("%s[%s] = %s\n}\n}", target, key, item)
	case ir.Buffer:
		e.line("%s = d.Buffer()", target)
	case ir.RecordRef:
		e.line("%s.decode(d)", target)
	case ir.EnumRef:
		if r.Enum.Plain() {
			e.line("%s.decode(d)", target)
		} else {
			e.line("%s = decode%s(d)", target, exported(r.Enum.Name))
		}
	case ir.InterfaceRef:
		e.line("%s = &%s{d.Object()}", target, exported(r.Interface.Name))
	default:
		e.line("%s = d.%s()", target, scalarNames[r.Kind])
	}
}
