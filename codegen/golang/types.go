package golang

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"strongroom.dev/codegen/ir"
)

// goType is how a type is written in Go.
func goType(r *ir.Ref) string {
	switch r.Kind {
	case ir.Bool:
		return "bool"
	case ir.U8, ir.U16, ir.U32, ir.U64:
		return "uint" + bits(r.Kind-ir.U8)
	case ir.I8, ir.I16, ir.I32, ir.I64:
		return "int" + bits(r.Kind-ir.I8)
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
	case ir.Optional:
		if nilable(r.Elem) {
			return goType(r.Elem)
		}
		return "*" + goType(r.Elem)
	case ir.List:
		return "[]" + goType(r.Elem)
	case ir.Map:
		return "map[" + goType(r.Key) + "]" + goType(r.Elem)
	case ir.Buffer:
		return "*rpc.Buffer"
	case ir.RecordRef:
		return exported(r.Record.Name)
	case ir.EnumRef:
		return exported(r.Enum.Name)
	default:
		return "*" + exported(r.Interface.Name)
	}
}

func bits(power ir.Kind) string { return strconv.Itoa(8 << power) }

// nilable types have a nil that is no value of theirs, so an optional one needs no pointer.
func nilable(r *ir.Ref) bool {
	switch r.Kind {
	case ir.Buffer, ir.InterfaceRef:
		return true
	case ir.EnumRef:
		return !r.Enum.Plain()
	default:
		return false
	}
}

// wireSize is the least that a value takes on the wire.
func wireSize(r *ir.Ref) int {
	switch r.Kind {
	case ir.Bool, ir.U8, ir.I8, ir.Optional:
		return 1
	case ir.U16, ir.I16:
		return 2
	case ir.U32, ir.I32, ir.F32, ir.String, ir.Bytes, ir.Path, ir.List, ir.Map, ir.RecordRef:
		return 4
	case ir.FixedBytes:
		return r.Size
	default:
		return 8
	}
}

// carriesBuffer reports whether a value can hold a buffer, whose bytes count against a stream's credit. seen are the
// types above it: one that holds itself is looked into once.
func carriesBuffer(r *ir.Ref, seen ...string) bool {
	inside := func(name string, fields []*ir.Field) bool {
		if slices.Contains(seen, name) {
			return false
		}
		return slices.ContainsFunc(fields, func(f *ir.Field) bool { return carriesBuffer(f.Type, append(seen, name)...) })
	}
	switch r.Kind {
	case ir.Buffer:
		return true
	case ir.Optional, ir.List, ir.Map:
		return carriesBuffer(r.Elem, seen...)
	case ir.RecordRef:
		return inside(r.Record.Name, r.Record.Fields)
	case ir.EnumRef:
		return slices.ContainsFunc(r.Enum.Variants, func(v *ir.Variant) bool {
			return inside(r.Enum.Name+"."+v.Name, v.Fields)
		})
	default:
		return false
	}
}

// defaultValue is a field's default in Go, or "" where Go's zero is it. nil stands for a sum enum's default when it is
// encoded, but a decoded one is never nil.
func defaultValue(f *ir.Field, decoded bool) string {
	v := f.Default
	switch f.Type.Kind {
	case ir.RecordRef:
		return recordDefault(f.Type.Record, decoded)
	case ir.EnumRef:
		variant := f.Type.Enum.Variants[0]
		if v != nil {
			variant = v.Variant
		}
		if f.Type.Enum.Plain() {
			if variant == f.Type.Enum.Variants[0] {
				return ""
			}
			return variantName(f.Type.Enum, variant)
		}
		if !decoded {
			return ""
		}
		return variantValue(f.Type.Enum, variant)
	}
	if v == nil {
		return ""
	}
	switch f.Type.Kind {
	case ir.Bool:
		return unless(v.Bool, strconv.FormatBool(v.Bool))
	case ir.U8, ir.U16, ir.U32, ir.U64:
		if v.Uint > 0 && v.Uint < 0o10000 && f.Name == "mode" { // permissions are read in octal
			return fmt.Sprintf("%#o", v.Uint)
		}
		return unless(v.Uint != 0, strconv.FormatUint(v.Uint, 10))
	case ir.I8, ir.I16, ir.I32, ir.I64:
		return unless(v.Int != 0, strconv.FormatInt(v.Int, 10))
	case ir.F32:
		return unless(math.Float64bits(v.Float) != 0, strconv.FormatFloat(v.Float, 'g', -1, 32))
	case ir.F64:
		return unless(math.Float64bits(v.Float) != 0, strconv.FormatFloat(v.Float, 'g', -1, 64))
	default:
		return unless(v.Text != "", strconv.Quote(v.Text))
	}
}

func unless(differs bool, text string) string {
	if differs {
		return text
	}
	return ""
}

func recordDefault(r *ir.Record, decoded bool) string {
	if hasDefaults(r.Fields, false) {
		return "Default" + exported(r.Name) + "()"
	}
	if decoded && hasDefaults(r.Fields, true) {
		return "default" + exported(r.Name) + "()"
	}
	return ""
}

// variantValue is a variant with its own defaults.
func variantValue(e *ir.Enum, v *ir.Variant) string {
	if hasDefaults(v.Fields, false) {
		return "Default" + variantName(e, v) + "()"
	}
	if hasDefaults(v.Fields, true) {
		return "default" + variantName(e, v) + "()"
	}
	return variantName(e, v) + "{}"
}

func hasDefaults(fields []*ir.Field, decoded bool) bool {
	for _, f := range fields {
		if defaultValue(f, decoded) != "" {
			return true
		}
	}
	return false
}

// structure emits a struct with what fills it in: its encoding, its decoding and its defaults.
func (e *emitter) structure(name string, fields []*ir.Field) {
	if len(fields) == 0 {
		e.line("type %s struct{}\n", name)
		return
	}
	e.line("type %s struct {", name)
	for _, f := range fields {
		e.comment("", f.Doc, "")
		e.line("%s %s", fieldName(f), goType(f.Type))
	}
	e.line("}\n")
	e.defaults(name, fields)
}

func (e *emitter) defaults(name string, fields []*ir.Field) {
	shared := hasDefaults(fields, false)
	if shared {
		e.line("// Default%s is what the library assumes where nothing is said.", name)
		e.line("func Default%s() %s {", name, name)
	} else if hasDefaults(fields, true) {
		e.line("func default%s() %s {", name, name)
	} else {
		return
	}
	e.line("return %s{", name)
	for _, f := range fields {
		if value := defaultValue(f, true); value != "" {
			e.line("%s: %s,", fieldName(f), value)
		}
	}
	e.line("}\n}\n")
}

func (e *emitter) record(r *ir.Record) {
	name := exported(r.Name)
	e.comment(name, r.Doc, "what the interface calls so.")
	e.structure(name, r.Fields)
	e.line("func (v *%s) encode(e *rpc.Encoder) {\nstart := e.Begin()", name)
	for _, f := range r.Fields {
		e.encode("e", "e", "v."+fieldName(f), f.Type, f, 0)
	}
	e.line("e.End(start)\n}\n")
	e.line("func (v *%s) decode(d *rpc.Decoder) {", name)
	switch {
	case hasDefaults(r.Fields, false):
		e.line("*v = Default%s()", name)
	case hasDefaults(r.Fields, true):
		e.line("*v = default%s()", name)
	default:
		e.line("*v = %s{}", name)
	}
	e.decodeFields("v", r.Fields)
	e.line("}\n")
}

// decodeFields emits the reading of a record's fields, up to where its bytes end.
func (e *emitter) decodeFields(target string, fields []*ir.Field, taken ...string) {
	e.line("outside := d.Begin()")
	for _, f := range fields {
		e.line("if d.More() {")
		e.decode(target+"."+fieldName(f, taken...), f.Type, 0)
		e.line("}")
	}
	e.line("d.End(outside)")
}

func (e *emitter) plainEnum(t *ir.Enum) {
	name := exported(t.Name)
	e.comment(name, t.Doc, "one of a few.")
	e.line("type %s uint32\n", name)
	e.line("// The values of %s.", name)
	e.line("const (")
	for i, v := range t.Variants {
		e.comment("", v.Doc, "")
		if i == 0 {
			e.line("%s %s = iota", variantName(t, v), name)
		} else {
			e.line("%s", variantName(t, v))
		}
	}
	e.line(")\n")
	e.line("// String is the name in the interface.")
	e.line("func (v %s) String() string {\nswitch v {", name)
	for _, v := range t.Variants {
		e.line("case %s:\nreturn %q", variantName(t, v), v.Name)
	}
	e.line("}\nreturn \"unknown\"\n}\n")
	e.line("func (v *%s) encode(e *rpc.Encoder) {\ne.U32(uint32(*v))\ne.U32(0)\n}\n", name)
	e.line("func (v *%s) decode(d *rpc.Decoder) {", name)
	e.line("variant := d.U32()\nif variant >= %d {\nd.Malformed(\"%s has no variant %%d\", variant)\n}", len(t.Variants), t.Name)
	e.line("*v = %s(variant)\nd.End(d.Begin())\n}\n", name)
}

func (e *emitter) sumEnum(t *ir.Enum) {
	name := exported(t.Name)
	e.comment(name, t.Doc, "one of a few.")
	var names []string
	for _, v := range t.Variants {
		names = append(names, "["+variantName(t, v)+"]")
	}
	e.line("//\n// It is one of %s; nil stands for the default.", strings.Join(names, ", "))
	e.line("type %s interface{ encode%s(e *rpc.Encoder) }\n", name, name)
	for i, v := range t.Variants {
		full := variantName(t, v)
		e.comment(full, v.Doc, "a "+name+".")
		e.structure(full, v.Fields)
		self := "v "
		if len(v.Fields) == 0 {
			self = ""
		}
		e.line("func (%s%s) encode%s(e *rpc.Encoder) {\ne.U32(%d)\nstart := e.Begin()", self, full, name, i)
		for _, f := range v.Fields {
			e.encode("e", "e", "v."+fieldName(f), f.Type, f, 0)
		}
		e.line("e.End(start)\n}\n")
	}
	e.line("func decode%s(d *rpc.Decoder) %s {", name, name)
	e.line("switch variant := d.U32(); variant {")
	for i, v := range t.Variants {
		e.line("case %d:", i)
		if len(v.Fields) == 0 {
			e.line("d.End(d.Begin())\nreturn %s{}", variantName(t, v))
			continue
		}
		e.line("v := %s", variantValue(t, v))
		e.decodeFields("v", v.Fields)
		e.line("return v")
	}
	e.line("default:\nd.Malformed(\"%s has no variant %%d\", variant)\nreturn nil\n}\n}\n", t.Name)
}

func (e *emitter) errorType(t *ir.Error) {
	name := exported(t.Name)
	e.comment(name, t.Doc, "what methods of the interface fail with.")
	e.line("//\n// Each of its variants is a type of its own, for errors.As.")
	e.line("type %s interface {\nerror\n// Variant is the variant's name in the interface.\nVariant() string\n%s()\n}\n",
		name, unexported(name))
	for _, v := range t.Variants {
		full := errorName(t, v)
		e.comment(full, v.Doc, "the "+name+" `"+v.Name+"`.")
		e.line("type %s struct {", full)
		for _, f := range v.Fields {
			e.comment("", f.Doc, "")
			e.line("%s %s", fieldName(f, "Error", "Variant"), goType(f.Type))
		}
		e.line("message string\n}\n")
		e.line("func (e *%s) Error() string { return e.message }\n", full)
		e.line("// Variant is the variant's name in the interface.")
		e.line("func (*%s) Variant() string { return %q }\n", full, v.Name)
		e.line("func (*%s) %s() {}\n", full, unexported(name))
	}
	e.line("func decode%s(variant uint32, message string, d *rpc.Decoder) error {", name)
	e.line("switch variant {")
	for i, v := range t.Variants {
		e.line("case %d:", i)
		if len(v.Fields) == 0 {
			e.line("return &%s{message: message}", errorName(t, v))
			continue
		}
		e.line("v := &%s{message: message}", errorName(t, v))
		for _, f := range v.Fields {
			if value := defaultValue(f, true); value != "" {
				e.line("v.%s = %s", fieldName(f, "Error", "Variant"), value)
			}
			e.line("if d.More() {")
			e.decode("v."+fieldName(f, "Error", "Variant"), f.Type, 0)
			e.line("}")
		}
		e.line("return v")
	}
	e.line("}\nreturn nil\n}\n")
}

func unexported(name string) string { return strings.ToLower(name[:1]) + name[1:] }
