package c

import (
	"fmt"
	"slices"

	"strongroom.dev/codegen/ir"
)

// constants writes what has a fixed value.
func (e *emitter) constants() {
	for _, c := range e.schema.Constants {
		var more []string
		switch c.Type.Kind {
		case ir.Duration:
			more = append(more, "In nanoseconds.")
		case ir.String:
			more = append(more, "A literal: sr_string_of makes a value of it.")
		}
		e.about("", c.About, more...)
		value := e.value(c.Type, c.Value)
		if value[0] == '-' { // it may stand behind another sign
			value = "(" + value + ")"
		}
		e.line("#define %s %s", e.constant(c), value)
		e.line("")
	}
}

// types declares everything before it is used: first what holds no other type by value.
func (e *emitter) types() {
	for _, r := range e.fixed {
		name := e.structure(r)
		e.line("typedef struct %s {", name)
		e.line("  uint8_t data[%d];", r.Size)
		e.line("} %s;", name)
		e.line("")
	}
	for _, t := range e.schema.Types {
		if enum, ok := t.(*ir.Enum); ok && enum.Plain() {
			e.about("", enum.About)
			e.kinds(e.typeName(enum.Name), enum.Deprecated, enum.Name, enum.Variants)
		}
	}
	for _, t := range e.schema.Types {
		if enum, ok := t.(*ir.Enum); ok && enum.Plain() {
			continue
		}
		name := e.typeName(t.TypeName())
		e.line("typedef struct %s %s%s;", name, name, deprecated(aboutType(t).Deprecated))
	}
	for _, r := range e.containers {
		if r.Kind == ir.Map {
			e.line("typedef struct %s %s;", e.entry(r), e.entry(r))
		}
	}
	for _, r := range e.containers {
		e.line("typedef struct %s %s;", e.structure(r), e.structure(r))
	}
	e.line("")
	e.aliases()
	for _, r := range e.containers {
		item := e.item(r.Elem)
		if r.Kind == ir.Map {
			item = e.entry(r)
		}
		e.line("struct %s {", e.structure(r))
		e.line("  %s;", declare(constPointer(item), "items"))
		e.line("  size_t count;")
		e.line("};")
		e.line("")
	}
	defined := map[ir.Type]bool{}
	for _, t := range e.schema.Types {
		e.define(t, defined)
	}
	for _, r := range e.containers {
		if r.Kind == ir.Map {
			e.line("struct %s {", e.entry(r))
			e.line("  %s;", declare(e.item(r.Key), "key"))
			e.line("  %s;", declare(e.item(r.Elem), "value"))
			e.line("};")
			e.line("")
		}
	}
	for _, i := range e.schema.Interfaces {
		name := e.typeName(i.Name)
		e.about("", i.About, "A handle: copies name the same object.")
		e.line("typedef struct %s {", name)
		e.line("  sr_client *client;")
		e.line("  uint64_t handle;")
		e.line("} %s%s;", name, deprecated(i.Deprecated))
		e.line("")
	}
}

// aliases writes each alias after those that it is made of.
func (e *emitter) aliases() {
	done := map[*ir.Alias]bool{}
	var alias func(a *ir.Alias)
	var ref func(r *ir.Ref)
	ref = func(r *ir.Ref) {
		switch {
		case r.Alias != nil:
			alias(r.Alias)
		case r.Kind == ir.Optional:
			ref(r.Elem)
		}
	}
	alias = func(a *ir.Alias) {
		if done[a] {
			return
		}
		done[a] = true
		ref(a.Type)
		e.about("", a.About)
		e.line("typedef %s%s;", declare(e.ctype(a.Type), e.typeName(a.Name)), deprecated(a.Deprecated))
		e.line("")
	}
	for _, a := range e.schema.Aliases {
		alias(a)
	}
}

func aboutType(t ir.Type) ir.About {
	switch t := t.(type) {
	case *ir.Record:
		return t.About
	case *ir.Enum:
		return t.About
	case *ir.Error:
		return t.About
	default:
		panic(fmt.Sprintf("%T is no type of a schema", t))
	}
}

// deprecated is the attribute of something that is deprecated, to stand after its declaration.
func deprecated(instead string) string {
	if instead == "" {
		return ""
	}
	return " SR_DEPRECATED(" + quote(instead) + ")"
}

func (e *emitter) kinds(name, instead, typ string, variants []*ir.Variant) {
	e.line("typedef enum %s {", name)
	for n, v := range variants {
		e.about("  ", v.About)
		comma := ","
		if n == len(variants)-1 {
			comma = ""
		}
		e.line("  %s%s = %d%s", e.variant(typ, v), deprecated(v.Deprecated), n, comma)
	}
	e.line("} %s%s;", name, deprecated(instead))
	e.line("")
}

// define writes a structure after those that it holds by value.
func (e *emitter) define(t ir.Type, defined map[ir.Type]bool) {
	if defined[t] {
		return
	}
	defined[t] = true
	switch t := t.(type) {
	case *ir.Record:
		e.defineHeld(t.Fields, defined)
		e.about("", t.About)
		e.line("struct %s {", e.typeName(t.Name))
		e.members("  ", t.Fields)
		e.line("};")
		e.line("")
	case *ir.Enum:
		if !t.Plain() {
			e.union(t.Name, t.About, t.Variants, defined)
		}
	case *ir.Error:
		e.union(t.Name, t.About, t.Variants, defined)
	}
}

func (e *emitter) defineHeld(fields []*ir.Field, defined map[ir.Type]bool) {
	for _, f := range fields {
		switch f.Type.Kind {
		case ir.RecordRef:
			e.define(f.Type.Record, defined)
		case ir.EnumRef:
			e.define(f.Type.Enum, defined)
		}
	}
}

func (e *emitter) union(name string, about ir.About, variants []*ir.Variant, defined map[ir.Type]bool) {
	fields := slices.ContainsFunc(variants, func(v *ir.Variant) bool { return len(v.Fields) > 0 })
	for _, v := range variants {
		e.defineHeld(v.Fields, defined)
	}
	e.kinds(e.derived(name, "_kind"), "", name, variants)
	e.about("", about)
	e.line("struct %s {", e.typeName(name))
	e.line("  %s kind;", e.derived(name, "_kind"))
	if fields {
		e.line("  union {")
		for _, v := range variants {
			if len(v.Fields) == 0 {
				continue
			}
			e.line("    struct {")
			e.members("      ", v.Fields)
			e.line("    } %s;", e.member(v.Name))
		}
		e.line("  } as;")
	}
	e.line("};")
	e.line("")
}

func (e *emitter) members(indent string, fields []*ir.Field) {
	for _, f := range fields {
		var more []string
		switch f.Type.Kind {
		case ir.Optional:
			more = append(more, "NULL: absent.")
		case ir.Duration:
			if f.Type.Alias == nil {
				more = append(more, "In nanoseconds.")
			}
		}
		e.about(indent, f.About, more...)
		e.line("%s%s%s;", indent, declare(e.ctype(f.Type), e.member(f.Name)), deprecated(f.Deprecated))
	}
}
