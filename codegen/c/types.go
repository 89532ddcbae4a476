package c

import "strongroom.dev/codegen/ir"

// types declares everything before it is used: first what holds no other type by value.
func (e *emitter) types() {
	for _, size := range e.fixed {
		e.line("typedef struct %sbytes_%d {", e.prefix, size)
		e.line("  uint8_t data[%d];", size)
		e.line("} %sbytes_%d;", e.prefix, size)
		e.line("")
	}
	for _, t := range e.schema.Types {
		if enum, ok := t.(*ir.Enum); ok && enum.Plain() {
			e.doc("", enum.Doc)
			e.kinds(e.typeName(enum.Name), enum.Name, enum.Variants, true)
		}
	}
	for _, t := range e.schema.Types {
		if enum, ok := t.(*ir.Enum); ok && enum.Plain() {
			continue
		}
		name := e.typeName(t.TypeName())
		e.line("typedef struct %s %s;", name, name)
	}
	for _, r := range e.containers {
		if r.Kind == ir.Map {
			name := e.ctype(r) + "_entry"
			e.line("typedef struct %s %s;", name, name)
		}
	}
	for _, r := range e.containers {
		name := e.ctype(r)
		e.line("typedef struct %s %s;", name, name)
	}
	e.line("")
	for _, r := range e.containers {
		item := e.ctype(r) + "_entry"
		if r.Kind == ir.List {
			item = e.ctype(r.Elem)
		}
		e.line("struct %s {", e.ctype(r))
		e.line("  %s;", declare(pointerTo(item), "items"))
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
			e.line("struct %s_entry {", e.ctype(r))
			e.line("  %s;", declare(e.ctype(r.Key), "key"))
			e.line("  %s;", declare(e.ctype(r.Elem), "value"))
			e.line("};")
			e.line("")
		}
	}
	for _, i := range e.schema.Interfaces {
		e.doc("", i.Doc, "A handle: copies name the same object.")
		e.line("typedef struct %s {", e.typeName(i.Name))
		e.line("  sr_client *client;")
		e.line("  uint64_t handle;")
		e.line("} %s;", e.typeName(i.Name))
		e.line("")
	}
}

// pointerTo is a pointer to items that are not changed through it.
func pointerTo(ctype string) string {
	if len(ctype) > 0 && ctype[len(ctype)-1] == '*' {
		return ctype + "const *"
	}
	return "const " + ctype + " *"
}

func (e *emitter) kinds(name, typ string, variants []*ir.Variant, docs bool) {
	e.line("typedef enum %s {", name)
	for n, v := range variants {
		if docs {
			e.doc("  ", v.Doc)
		}
		comma := ","
		if n == len(variants)-1 {
			comma = ""
		}
		e.line("  %s = %d%s", e.constant(typ, v.Name), n, comma)
	}
	e.line("} %s;", name)
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
		e.doc("", t.Doc)
		e.line("struct %s {", e.typeName(t.Name))
		e.members("  ", t.Fields)
		e.line("};")
		e.line("")
	case *ir.Enum:
		if !t.Plain() {
			e.union(t.Name, t.Doc, t.Variants, defined)
		}
	case *ir.Error:
		e.union(t.Name, t.Doc, t.Variants, defined)
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

func (e *emitter) union(name string, doc []string, variants []*ir.Variant, defined map[ir.Type]bool) {
	fields := false
	for _, v := range variants {
		e.defineHeld(v.Fields, defined)
		fields = fields || len(v.Fields) > 0
	}
	e.kinds(e.typeName(name)+"_kind", name, variants, true)
	e.doc("", doc)
	e.line("struct %s {", e.typeName(name))
	e.line("  %s_kind kind;", e.typeName(name))
	if fields {
		e.line("  union {")
		for _, v := range variants {
			if len(v.Fields) == 0 {
				continue
			}
			e.line("    struct {")
			e.members("      ", v.Fields)
			e.line("    } %s;", member(v.Name))
		}
		e.line("  } as;")
	}
	e.line("};")
	e.line("")
}

func (e *emitter) members(indent string, fields []*ir.Field) {
	for _, f := range fields {
		doc := f.Doc
		if f.Type.Kind == ir.Optional {
			doc = append(append([]string{}, doc...), "NULL: absent.")
		}
		e.doc(indent, doc)
		e.line("%s%s;", indent, declare(e.ctype(f.Type), member(f.Name)))
	}
}
