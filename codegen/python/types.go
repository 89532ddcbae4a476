package python

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"strongroom.dev/codegen/ir"
)

// side says in which place a type is written.
type side int

const (
	fromLibrary side = iota // a result, or a part of one
	fromCaller              // an argument, or a part of one
)

// received collects the types that the library sends.
func received(schema *ir.Schema) map[any]bool {
	seen := map[any]bool{}
	var ref func(*ir.Ref)
	fields := func(fs []*ir.Field) {
		for _, f := range fs {
			ref(f.Type)
		}
	}
	record := func(r *ir.Record) {
		if r != nil && !seen[r] {
			seen[r] = true
			fields(r.Fields)
		}
	}
	ref = func(r *ir.Ref) {
		if r == nil {
			return
		}
		ref(r.Key)
		ref(r.Elem)
		record(r.Record)
		if r.Enum != nil && !seen[r.Enum] {
			seen[r.Enum] = true
			for _, v := range r.Enum.Variants {
				fields(v.Fields)
			}
		}
	}
	for _, i := range schema.Interfaces {
		for _, m := range append(append([]*ir.Method{}, i.Constructors...), i.Methods...) {
			ref(m.Result)
			record(m.Emits)
		}
	}
	for _, t := range schema.Types {
		if t, ok := t.(*ir.Error); ok {
			for _, v := range t.Variants {
				fields(v.Fields)
			}
		}
	}
	return seen
}

// typing writes annotations. Members of a class hide builtins of the same name inside it: Repository.list hides list.
type typing struct {
	side   side
	async  *bool // nil: either
	hidden map[string]bool
}

func (t typing) builtin(name string) string {
	if t.hidden[name] {
		return "_builtins." + name
	}
	return name
}

func (t typing) of(r *ir.Ref) string {
	switch r.Kind {
	case ir.Bool:
		return t.builtin("bool")
	case ir.U8, ir.U16, ir.U32, ir.U64, ir.I8, ir.I16, ir.I32, ir.I64:
		return t.builtin("int")
	case ir.F32, ir.F64:
		return t.builtin("float")
	case ir.String:
		return t.builtin("str")
	case ir.Bytes, ir.FixedBytes:
		return t.builtin("bytes")
	case ir.Path:
		if t.side == fromCaller {
			return "_rpc.PathLike"
		}
		return t.builtin("str")
	case ir.Optional:
		return t.of(r.Elem) + " | None"
	case ir.List:
		if t.side == fromCaller {
			return "_abc.Sequence[" + t.of(r.Elem) + "]"
		}
		return t.builtin("list") + "[" + t.of(r.Elem) + "]"
	case ir.Map:
		if t.side == fromCaller {
			return "_abc.Mapping[" + t.of(r.Key) + ", " + t.of(r.Elem) + "]"
		}
		return t.builtin("dict") + "[" + t.of(r.Key) + ", " + t.of(r.Elem) + "]"
	case ir.Buffer:
		return "_rpc.Buffer"
	case ir.RecordRef:
		return r.Record.Name
	case ir.EnumRef:
		return r.Enum.Name
	case ir.InterfaceRef:
		switch {
		case t.async == nil:
			return r.Interface.Name + " | " + asyncClass(r.Interface)
		case *t.async:
			return asyncClass(r.Interface)
		default:
			return r.Interface.Name
		}
	}
	panic(fmt.Sprintf("python: a type of kind %d", r.Kind))
}

// codec is the expression of a type's codec.
func codec(r *ir.Ref) string {
	switch r.Kind {
	case ir.Bool:
		return "_wire.BOOL"
	case ir.U8:
		return "_wire.U8"
	case ir.U16:
		return "_wire.U16"
	case ir.U32:
		return "_wire.U32"
	case ir.U64:
		return "_wire.U64"
	case ir.I8:
		return "_wire.I8"
	case ir.I16:
		return "_wire.I16"
	case ir.I32:
		return "_wire.I32"
	case ir.I64:
		return "_wire.I64"
	case ir.F32:
		return "_wire.F32"
	case ir.F64:
		return "_wire.F64"
	case ir.String:
		return "_wire.STRING"
	case ir.Bytes:
		return "_wire.BYTES"
	case ir.FixedBytes:
		return fmt.Sprintf("_wire.FixedBytes(%d)", r.Size)
	case ir.Path:
		return "_wire.PATH"
	case ir.Optional:
		return "_wire.Optional(" + codec(r.Elem) + ")"
	case ir.List:
		return "_wire.List(" + codec(r.Elem) + ")"
	case ir.Map:
		return "_wire.Map(" + codec(r.Key) + ", " + codec(r.Elem) + ")"
	case ir.Buffer:
		return "_wire.BUFFER"
	case ir.RecordRef:
		return typeConstant(r.Record.Name)
	case ir.EnumRef:
		return typeConstant(r.Enum.Name)
	case ir.InterfaceRef:
		return typeConstant(r.Interface.Name)
	}
	panic(fmt.Sprintf("python: a type of kind %d", r.Kind))
}

// loose reports whether the codec's static type is Any.
func loose(r *ir.Ref) bool {
	switch r.Kind {
	case ir.List, ir.Map, ir.EnumRef, ir.InterfaceRef, ir.Path:
		return true
	case ir.Optional:
		return loose(r.Elem)
	default:
		return false
	}
}

// value is the expression of a default.
func value(r *ir.Ref, v *ir.Value) string {
	switch r.Kind {
	case ir.Bool:
		if v.Bool {
			return "True"
		}
		return "False"
	case ir.U8, ir.U16, ir.U32, ir.U64:
		return strconv.FormatUint(v.Uint, 10)
	case ir.I8, ir.I16, ir.I32, ir.I64:
		return strconv.FormatInt(v.Int, 10)
	case ir.F32, ir.F64:
		text := strconv.FormatFloat(v.Float, 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
		return text
	case ir.String, ir.Path:
		return literal(v.Text)
	case ir.Bytes:
		return "b" + strconv.QuoteToASCII(v.Text)
	case ir.EnumRef:
		if r.Enum.Plain() {
			return r.Enum.Name + "." + strings.ToUpper(v.Variant.Name)
		}
		for _, f := range v.Variant.Fields {
			if constructorDefault(f) == "" {
				return fmt.Sprintf("%s.variant(%d)", typeConstant(r.Enum.Name), slices.Index(r.Enum.Variants, v.Variant))
			}
		}
		return variantClass(r.Enum, v.Variant) + "()"
	}
	panic(fmt.Sprintf("python: a default of kind %d", r.Kind))
}

// literal quotes as Python's own formatters do.
func literal(text string) string {
	quoted := strconv.Quote(text)
	if strings.Contains(text, `"`) && !strings.Contains(text, "'") {
		inner := quoted[1 : len(quoted)-1]
		return "'" + strings.ReplaceAll(inner, `\"`, `"`) + "'"
	}
	return quoted
}

// constructorDefault is what a dataclass gives a field that its maker leaves out; "" says that it must be given.
func constructorDefault(f *ir.Field) string {
	switch {
	case f.Default != nil && f.Type.Kind == ir.EnumRef:
		return "_dataclasses.field(default_factory=lambda: " + value(f.Type, f.Default) + ")"
	case f.Default != nil:
		return value(f.Type, f.Default)
	}
	switch f.Type.Kind {
	case ir.Optional:
		return "None"
	case ir.List:
		return "_dataclasses.field(default_factory=list)"
	case ir.Map:
		return "_dataclasses.field(default_factory=dict)"
	default:
		return ""
	}
}

// dataclass writes the fields. From the first one with a default on, they are given by name.
func (e *emitter) dataclass(fields []*ir.Field, t typing) {
	t.hidden = map[string]bool{}
	for _, f := range fields {
		t.hidden[f.Name] = true
	}
	named := false
	for _, f := range fields {
		preset := constructorDefault(f)
		if preset != "" && !named {
			named = true
			e.line(1, "_: _dataclasses.KW_ONLY")
		}
		if preset != "" {
			preset = " = " + preset
		}
		e.line(1, "%s: %s%s", name(f.Name), t.of(f.Type), preset)
		e.doc(1, f.Doc, "")
	}
}

func (e *emitter) typingOf(t any) typing {
	if e.received[t] {
		return typing{side: fromLibrary}
	}
	return typing{side: fromCaller}
}

func (e *emitter) record(r *ir.Record) {
	e.gap()
	e.line(0, "@_dataclasses.dataclass(frozen=True, slots=True)")
	e.line(0, "class %s:", r.Name)
	e.doc(1, r.Doc, "The record "+r.Name+".")
	if len(r.Fields) > 0 {
		e.line(0, "")
		e.dataclass(r.Fields, e.typingOf(r))
	}
	e.export(r.Name)
}

func (e *emitter) enum(t *ir.Enum) {
	e.export(t.Name)
	if t.Plain() {
		e.gap()
		e.line(0, "class %s(_enum.Enum):", t.Name)
		e.doc(1, t.Doc, "The enum "+t.Name+".")
		e.line(0, "")
		for _, v := range t.Variants {
			e.line(1, "%s = %q", strings.ToUpper(v.Name), v.Name)
			e.doc(1, v.Doc, "")
		}
		return
	}
	classes := make([]string, len(t.Variants))
	for i, v := range t.Variants {
		classes[i] = variantClass(t, v)
		e.export(classes[i])
		e.gap()
		e.line(0, "@_dataclasses.dataclass(frozen=True, slots=True)")
		e.line(0, "class %s:", classes[i])
		e.doc(1, v.Doc, "The variant "+v.Name+" of "+t.Name+".")
		if len(v.Fields) > 0 {
			e.line(0, "")
			e.dataclass(v.Fields, e.typingOf(t))
		}
	}
	e.gap()
	e.line(0, "%s: _typing.TypeAlias = (", t.Name)
	for i, c := range classes {
		if i == 0 {
			e.line(1, "%s", c)
		} else {
			e.line(1, "| %s", c)
		}
	}
	e.line(0, ")")
	e.doc(0, t.Doc, "")
}

func (e *emitter) errors(t *ir.Error) {
	e.gap()
	e.line(0, "class %s(_rpc.Error):", t.Name)
	e.doc(1, t.Doc, "One of the ways to fail that are declared together as "+t.Name+".")
	e.line(0, "")
	e.line(1, `variant: _typing.ClassVar[str] = ""`)
	e.doc(1, []string{"The name in the interface."}, "")
	e.export(t.Name)
	for _, v := range t.Variants {
		class := errorClass(t, v)
		e.export(class)
		e.gap()
		e.line(0, "class %s(%s):", class, t.Name)
		doc := v.Doc
		if len(doc) == 0 {
			doc = []string{message(v)}
		}
		e.doc(1, doc, "")
		e.line(0, "")
		e.line(1, "variant = %q", v.Name)
		if len(v.Fields) == 0 {
			continue
		}
		args, hidden := []string{}, typing{side: fromLibrary}
		for _, f := range v.Fields {
			args = append(args, errorField(f)+": "+hidden.of(f.Type))
		}
		e.line(0, "")
		e.line(1, "def __init__(self, message: str, *, %s) -> None:", strings.Join(args, ", "))
		e.line(2, "super().__init__(message)")
		for _, f := range v.Fields {
			e.line(2, "self.%s = %s", errorField(f), errorField(f))
		}
	}
}

// message is an error's text, its fields in braces.
func message(v *ir.Variant) string {
	var b strings.Builder
	for _, p := range v.Message {
		if p.Field != nil {
			b.WriteString("{" + p.Field.Name + "}")
		} else {
			b.WriteString(p.Text)
		}
	}
	text := b.String()
	if text == "" {
		return "The variant " + v.Name + "."
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
