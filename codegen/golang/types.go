package golang

import (
	"fmt"
	"strconv"
	"strings"

	"strongroom.dev/codegen/ir"
	"strongroom.dev/codegen/lower"
)

// goType is how a type is written in Go: by its alias where the IDL uses one.
func (e *emitter) goType(r *ir.Ref) string {
	if r.Alias != nil {
		return e.name(r.Alias)
	}
	return e.plainType(r)
}

// plainType is a type without the alias that it has.
func (e *emitter) plainType(r *ir.Ref) string {
	switch r.Kind {
	case ir.Bool:
		return "bool"
	case ir.U8, ir.U16, ir.U32, ir.U64:
		return "uint" + bits(1<<(r.Kind-ir.U8))
	case ir.I8, ir.I16, ir.I32, ir.I64:
		return "int" + bits(1<<(r.Kind-ir.I8))
	case ir.F32:
		return "float32"
	case ir.F64:
		return "float64"
	case ir.String, ir.Path:
		return "string"
	case ir.Bytes:
		return "[]byte"
	case ir.FixedBytes:
		return fmt.Sprintf("[%d]byte", r.Size)
	case ir.Timestamp:
		e.use("time")
		return "time.Time"
	case ir.Duration:
		e.use("time")
		return "time.Duration"
	case ir.Optional:
		if nilable(r.Elem) {
			return e.goType(r.Elem)
		}
		return "*" + e.goType(r.Elem)
	case ir.List:
		return "[]" + e.goType(r.Elem)
	case ir.Map:
		return "map[" + e.goType(r.Key) + "]" + e.goType(r.Elem)
	case ir.Buffer:
		return "*rpc.Buffer"
	case ir.RecordRef:
		return e.name(r.Record)
	case ir.EnumRef:
		return e.name(r.Enum)
	case ir.CallbackRef:
		return e.name(r.Interface)
	default:
		return "*" + e.name(r.Interface)
	}
}

func bits(size int) string { return strconv.Itoa(8 * size) }

// nilable types have a nil that is no value of theirs, so an optional one needs no pointer.
func nilable(r *ir.Ref) bool { return r.Kind == ir.EnumRef && !r.Enum.Plain() }

func (e *emitter) alias(a *ir.Alias) {
	name := e.name(a)
	e.comment(name, a.About)
	e.line("type %s = %s\n", name, e.goType(a.Type))
}

// structure emits a struct and what makes it with its defaults.
func (e *emitter) structure(of any, fields []*ir.Field) {
	if len(fields) == 0 {
		e.line("type %s struct{}\n", e.name(of))
		return
	}
	e.line("type %s struct {", e.name(of))
	for _, f := range fields {
		e.comment("", f.About)
		e.line("%s %s", fieldName(f), e.goType(f.Type))
	}
	e.line("}\n")
	e.defaults(of, fields)
}

func (e *emitter) record(r *ir.Record) {
	name := e.name(r)
	e.comment(name, r.About)
	e.structure(r, r.Fields)
	e.line("func (v *%s) encode(e *rpc.Encoder) {", name)
	e.encodeFields(r.Fields, fieldName)
	e.line("}\n")
	e.line("func (v *%s) decode(d *rpc.Decoder) {", name)
	if function := e.of[named{defaults, r}]; function != "" {
		e.line("*v = %s()", function)
	} else {
		e.line("*v = %s{}", name)
	}
	e.decodeFields("v", r.Fields)
	e.line("}\n")
}

// encodeFields emits the writing of a record's fields, with their length before them.
func (e *emitter) encodeFields(fields []*ir.Field, name func(*ir.Field) string) {
	if len(fields) == 0 {
		e.line("e.U32(0)")
		return
	}
	e.line("start := e.Begin()")
	for _, s := range lower.Steps(fields) {
		e.encode("e", "e", "v."+name(s.Field), s, 0)
	}
	e.line("e.End(start)")
}

// decodeFields emits the reading of a record's fields, up to where its bytes end.
func (e *emitter) decodeFields(target string, fields []*ir.Field) {
	e.line("outside := d.Begin()")
	for _, s := range lower.Steps(fields) {
		e.line("if d.More() {")
		e.decode(target+"."+fieldName(s.Field), s.Code, 0)
		e.line("}")
	}
	e.line("d.End(outside)")
}

func (e *emitter) plainEnum(t *ir.Enum) {
	name := e.name(t)
	e.comment(name, t.About)
	e.line("type %s uint32\n", name)
	e.line("// The values of %s.", name)
	e.line("const (")
	for i, v := range t.Variants {
		e.comment("", v.About)
		if i == 0 {
			e.line("%s %s = iota", e.name(v), name)
		} else {
			e.line("%s", e.name(v))
		}
	}
	e.line(")\n")
	e.line("// String is the name in the interface.")
	e.line("func (v %s) String() string {\nswitch v {", name)
	for _, v := range t.Variants {
		e.line("case %s:\nreturn %q", e.name(v), v.Name)
	}
	e.line("}\nreturn \"unknown\"\n}\n")
	e.line("func (v *%s) encode(e *rpc.Encoder) {\ne.U32(uint32(*v))\ne.U32(0)\n}\n", name)
	e.line("func (v *%s) decode(d *rpc.Decoder) {", name)
	e.line("variant := d.U32()\nif variant >= %d {\nd.Malformed(\"%s has no variant %%d\", variant)\n}", len(t.Variants), t.Name)
	e.line("*v = %s(variant)\nd.End(d.Begin())\n}\n", name)
}

func (e *emitter) sumEnum(t *ir.Enum) {
	name, encode, decode := e.name(t), e.of[named{encoder, t}], e.of[named{decoder, t}]
	var all []string
	for _, v := range t.Variants {
		all = append(all, "["+e.name(v)+"]")
	}
	subject := "It"
	if len(t.Doc) == 0 {
		subject = name
	}
	e.comment(name, t.About, subject+" is one of "+strings.Join(all, ", ")+"; nil stands for the default.")
	e.line("type %s interface{ %s(e *rpc.Encoder) }\n", name, encode)
	for i, v := range t.Variants {
		full := e.name(v)
		if len(v.Doc) > 0 {
			e.comment(full, v.About)
		} else {
			e.comment(full, v.About, full+" is "+article(name)+".")
		}
		e.structure(v, v.Fields)
		self := "v "
		if len(v.Fields) == 0 {
			self = ""
		}
		e.line("func (%s%s) %s(e *rpc.Encoder) {\ne.U32(%d)", self, full, encode, i)
		e.encodeFields(v.Fields, fieldName)
		e.line("}\n")
	}
	e.line("func %s(d *rpc.Decoder) %s {", decode, name)
	e.line("switch variant := d.U32(); variant {")
	for i, v := range t.Variants {
		e.line("case %d:", i)
		if len(v.Fields) == 0 {
			e.line("d.End(d.Begin())\nreturn %s{}", e.name(v))
			continue
		}
		e.line("v := %s", e.variantValue(v))
		e.decodeFields("v", v.Fields)
		e.line("return v")
	}
	e.line("default:\nd.Malformed(\"%s has no variant %%d\", variant)\nreturn nil\n}\n}\n", t.Name)
}
