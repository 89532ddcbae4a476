package python

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"strongroom.dev/codegen/ir"
	"strongroom.dev/codegen/lower"
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
		for _, m := range i.All() {
			ref(m.Result)
			record(m.Emits)
		}
	}
	for _, i := range schema.Callbacks {
		for _, m := range i.Methods {
			fields(m.Args)
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
	names  *names
	side   side
	async  bool
	hidden map[string]bool
}

func (t typing) builtin(name string) string {
	if t.hidden[name] {
		return "_builtins." + name
	}
	return name
}

// of is a type, by its alias where it has one.
func (t typing) of(r *ir.Ref) string {
	if r.Alias == nil {
		return t.meaning(r)
	}
	if t.side == fromCaller && wider(t.names, r.Alias) {
		return t.names.of[likeOf{r.Alias}]
	}
	return t.names.of[r.Alias]
}

// wider reports whether Python accepts more for an alias than it gives.
func wider(names *names, a *ir.Alias) bool {
	given, accepted := typing{names: names, side: fromLibrary}, typing{names: names, side: fromCaller}
	return given.target(a) != accepted.target(a)
}

// target is what an alias stands for: another alias, or a type.
func (t typing) target(a *ir.Alias) string {
	if a.Type.Alias != nil {
		return t.of(a.Type)
	}
	return t.meaning(a.Type)
}

func (t typing) meaning(r *ir.Ref) string {
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
	case ir.Timestamp:
		if t.side == fromCaller {
			return "_rpc.TimestampLike"
		}
		return "_rpc.Timestamp"
	case ir.Duration:
		if t.side == fromCaller {
			return "_rpc.DurationLike"
		}
		return "_rpc.Duration"
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
		return t.names.of[r.Record]
	case ir.EnumRef:
		return t.names.of[r.Enum]
	case ir.InterfaceRef, ir.CallbackRef:
		if t.async {
			return t.names.of[asyncOf{r.Interface}]
		}
		return t.names.of[r.Interface]
	}
	panic(fmt.Sprintf("python: a type of kind %d", r.Kind))
}

// codec is the expression of a type's codec.
func (e *emitter) codec(c *lower.Code) string {
	switch c.Op {
	case lower.Flag:
		return "_wire.BOOL"
	case lower.Unsigned:
		return fmt.Sprintf("_wire.U%d", 8*c.Size)
	case lower.Signed:
		return fmt.Sprintf("_wire.I%d", 8*c.Size)
	case lower.Float:
		return fmt.Sprintf("_wire.F%d", 8*c.Size)
	case lower.Text:
		return "_wire.STRING"
	case lower.Blob:
		return "_wire.BYTES"
	case lower.Path:
		return "_wire.PATH"
	case lower.Fixed:
		return fmt.Sprintf("_wire.FixedBytes(%d)", c.Size)
	case lower.Instant:
		return "_wire.TIMESTAMP"
	case lower.Span:
		return "_wire.DURATION"
	case lower.Maybe:
		return "_wire.Optional(" + e.codec(c.Item) + ")"
	case lower.Sequence:
		return "_wire.List(" + e.codec(c.Item) + ")"
	case lower.Table:
		return "_wire.Map(" + e.codec(c.Key) + ", " + e.codec(c.Item) + ")"
	case lower.Product:
		return e.names.of[codecOf{c.Type.Record}]
	case lower.Sum:
		return e.names.of[codecOf{c.Type.Enum}]
	case lower.Buffer:
		return "_wire.BUFFER"
	case lower.Object, lower.Callback:
		return e.names.of[codecOf{c.Type.Interface}]
	}
	panic(fmt.Sprintf("python: an instruction %d", c.Op))
}

// value is the expression of a default or a constant.
func (e *emitter) value(r *ir.Ref, v *ir.Value) string {
	switch r.Kind {
	case ir.Bool:
		if v.Bool {
			return "True"
		}
		return "False"
	case ir.U8, ir.U16, ir.U32, ir.U64:
		return grouped(strconv.FormatUint(v.Uint, 10))
	case ir.I8, ir.I16, ir.I32, ir.I64:
		return grouped(strconv.FormatInt(v.Int, 10))
	case ir.Duration:
		return "_rpc.Duration(" + grouped(strconv.FormatInt(v.Int, 10)) + ")"
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
			return e.names.of[r.Enum] + "." + strings.ToUpper(v.Variant.Name)
		}
		for _, f := range v.Variant.Fields {
			if e.constructorDefault(f, typing{}) == "" {
				return fmt.Sprintf("%s.variant(%d)", e.names.of[codecOf{r.Enum}], slices.Index(r.Enum.Variants, v.Variant))
			}
		}
		return e.names.of[v.Variant] + "()"
	}
	panic(fmt.Sprintf("python: a default of kind %d", r.Kind))
}

// grouped sets large numbers in groups of three digits.
func grouped(number string) string {
	sign := strings.TrimRight(number, "0123456789")
	digits := number[len(sign):]
	if len(digits) < 5 {
		return number
	}
	var groups []string
	for ; len(digits) > 3; digits = digits[:len(digits)-3] {
		groups = append(groups, digits[len(digits)-3:])
	}
	slices.Reverse(groups)
	return sign + strings.Join(append([]string{digits}, groups...), "_")
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
func (e *emitter) constructorDefault(f *ir.Field, t typing) string {
	switch {
	case f.Default != nil && f.Type.Kind == ir.EnumRef:
		made := e.value(f.Type, f.Default)
		if f.Type.Enum.Plain() && e.written[f.Type.Enum] {
			return made
		}
		if class, plain := strings.CutSuffix(made, "()"); plain && e.written[f.Default.Variant] {
			return "_dataclasses.field(default_factory=" + class + ")"
		}
		// Also what stands further down in the file is there when it is called.
		return "_dataclasses.field(default_factory=lambda: " + made + ")"
	case f.Default != nil && f.Type.Kind == ir.Duration:
		return "_dataclasses.field(default=" + e.value(f.Type, f.Default) + ")"
	case f.Default != nil:
		return e.value(f.Type, f.Default)
	}
	switch f.Type.Kind {
	case ir.Optional:
		return "None"
	case ir.List:
		return "_dataclasses.field(default_factory=" + t.builtin("list") + ")"
	case ir.Map:
		return "_dataclasses.field(default_factory=" + t.builtin("dict") + ")"
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
		preset := e.constructorDefault(f, t)
		if preset != "" && !named {
			named = true
			e.line(1, "_: _dataclasses.KW_ONLY")
		}
		declared := name(f.Name) + ": " + t.of(f.Type)
		if how, ok := strings.CutPrefix(preset, "_dataclasses.field("); ok {
			e.list(1, declared+" = _dataclasses.field(", []string{strings.TrimSuffix(how, ")")}, ")")
		} else if preset != "" {
			e.line(1, "%s = %s", declared, preset)
		} else {
			e.line(1, "%s", declared)
		}
		e.doc(1, about(f.About, ""))
	}
}

func (e *emitter) typingOf(t any) typing {
	if e.received[t] {
		return typing{names: e.names, side: fromLibrary}
	}
	return typing{names: e.names, side: fromCaller}
}

// constants writes the values that have a name.
func (e *emitter) constants() {
	given := typing{names: e.names, side: fromLibrary}
	if len(e.schema.Constants) > 0 {
		e.line(0, "")
	}
	for _, c := range e.schema.Constants {
		e.line(0, "%s: _typing.Final[%s] = %s", e.names.of[c], given.of(c.Type), e.value(c.Type, c.Value))
		e.doc(0, about(c.About, ""))
		e.export(e.names.of[c])
	}
}

// aliases writes other names of types, either those that stand for builtins, or those that need the classes first.
func (e *emitter) aliases(classes bool) {
	var written bool
	var write func(a *ir.Alias)
	done := map[*ir.Alias]bool{}
	write = func(a *ir.Alias) {
		if done[a] || mentionsClass(a.Type) != classes {
			return
		}
		done[a] = true
		eachAlias(a.Type, write)
		if !written {
			written = true
			e.line(0, "")
		}
		e.alias(a)
	}
	for _, a := range e.schema.Aliases {
		write(a)
	}
}

func (e *emitter) alias(a *ir.Alias) {
	given, accepted := typing{names: e.names, side: fromLibrary}, typing{names: e.names, side: fromCaller}
	e.line(0, "%s: _typing.TypeAlias = %s", e.names.of[a], given.target(a))
	e.doc(0, about(a.About, ""))
	e.export(e.names.of[a])
	if wider(e.names, a) {
		like := e.names.of[likeOf{a}]
		e.line(0, "%s: _typing.TypeAlias = %s", like, accepted.target(a))
		e.doc(0, []string{"What an argument may be where the interface says " + a.Name + "."})
		e.export(like)
	}
}

// mentionsClass reports whether a type is made of records or enums.
func mentionsClass(r *ir.Ref) bool {
	return r != nil && (r.Kind == ir.RecordRef || r.Kind == ir.EnumRef || mentionsClass(r.Key) || mentionsClass(r.Elem))
}

// eachAlias visits the aliases by which a type or its parts are called.
func eachAlias(r *ir.Ref, visit func(*ir.Alias)) {
	switch {
	case r == nil:
	case r.Alias != nil:
		visit(r.Alias)
	default:
		eachAlias(r.Key, visit)
		eachAlias(r.Elem, visit)
	}
}

// deprecated marks a class or a method; the runtime warns who uses it, and so does a type checker.
func (e *emitter) deprecated(indent int, a ir.About) {
	if a.Deprecated != "" {
		e.line(indent, "@_rpc.deprecated(%s)", literal(a.Deprecated))
	}
}

func (e *emitter) record(r *ir.Record) {
	class := e.names.of[r]
	e.gap()
	e.deprecated(0, r.About)
	e.line(0, "@_dataclasses.dataclass(frozen=True, slots=True)")
	e.line(0, "class %s:", class)
	e.doc(1, about(r.About, "The record "+r.Name+"."))
	if len(r.Fields) > 0 {
		e.line(0, "")
		e.dataclass(r.Fields, e.typingOf(r))
	}
	e.export(class)
}

func (e *emitter) enum(t *ir.Enum) {
	class := e.names.of[t]
	e.export(class)
	if t.Plain() {
		e.gap()
		e.deprecated(0, t.About)
		e.line(0, "class %s(_enum.Enum):", class)
		e.doc(1, about(t.About, "The enum "+t.Name+"."))
		e.line(0, "")
		for _, v := range t.Variants {
			e.line(1, "%s = %q", strings.ToUpper(v.Name), v.Name)
			e.doc(1, about(v.About, ""))
		}
		e.written[t] = true
		return
	}
	classes := make([]string, len(t.Variants))
	for i, v := range t.Variants {
		classes[i] = e.names.of[v]
		e.export(classes[i])
		e.gap()
		e.deprecated(0, v.About)
		e.line(0, "@_dataclasses.dataclass(frozen=True, slots=True)")
		e.line(0, "class %s:", classes[i])
		e.doc(1, about(v.About, "The variant "+v.Name+" of "+t.Name+"."))
		if len(v.Fields) > 0 {
			e.line(0, "")
			e.dataclass(v.Fields, e.typingOf(t))
		}
		e.written[v] = true
	}
	e.gap()
	if one := fmt.Sprintf("%s: _typing.TypeAlias = %s", class, strings.Join(classes, " | ")); len(one) <= width {
		e.line(0, "%s", one)
	} else {
		e.line(0, "%s: _typing.TypeAlias = (", class)
		for i, c := range classes {
			if i == 0 {
				e.line(1, "%s", c)
			} else {
				e.line(1, "| %s", c)
			}
		}
		e.line(0, ")")
	}
	e.doc(0, about(t.About, ""))
}

func (e *emitter) errors(t *ir.Error) {
	base := e.names.of[t]
	e.gap()
	// Not marked where it is deprecated, because the classes of its variants would be warned of.
	e.line(0, "class %s(_rpc.Error):", base)
	e.doc(1, about(t.About, "One of the ways to fail that are declared together as "+t.Name+"."))
	e.line(0, "")
	e.line(1, `variant: _typing.ClassVar[str] = ""`)
	e.doc(1, []string{"The name in the interface."})
	e.export(base)
	for _, v := range t.Variants {
		class := e.names.of[v]
		e.export(class)
		e.gap()
		e.deprecated(0, v.About)
		e.line(0, "class %s(%s):", class, base)
		e.doc(1, about(v.About, summary(v)))
		e.line(0, "")
		e.line(1, "variant = %q", v.Name)
		params := []string{"self", `message: str = ""`}
		if len(v.Fields) > 0 {
			params = append(params, "*")
		}
		given := typing{names: e.names, side: fromLibrary}
		for _, f := range v.Fields {
			params = append(params, errorField(f)+": "+given.of(f.Type))
		}
		e.line(0, "")
		e.signature(1, "def __init__", params, "None", "")
		e.initialise(v)
		for _, f := range v.Fields {
			e.line(2, "self.%s = %s", errorField(f), errorField(f))
		}
	}
}

// summary is an error's text as a sentence, its fields in braces.
func summary(v *ir.Variant) string {
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

// initialise gives an exception its text: the one that the library sent, or else the one of the interface.
func (e *emitter) initialise(v *ir.Variant) {
	parts, fields := text(v)
	quoted := func(part string) string {
		if fields && strings.ContainsAny(part, "{}") {
			return "f" + literal(part)
		}
		if fields {
			part = strings.NewReplacer("{{", "{", "}}", "}").Replace(part)
		}
		return literal(part)
	}
	whole := strings.Join(parts, "")
	if one := "super().__init__(message or " + quoted(whole) + ")"; 8+utf8.RuneCountInString(one) <= width {
		e.line(2, "%s", one)
		return
	}
	if one := "message = message or " + quoted(whole); 8+utf8.RuneCountInString(one) <= width {
		e.line(2, "%s", one)
		e.line(2, "super().__init__(message)")
		return
	}
	e.line(2, "message = message or (")
	line := ""
	for _, part := range parts {
		if utf8.RuneCountInString(quoted(line+part)) > width-12 {
			e.line(3, "%s", quoted(line))
			line = ""
		}
		line += part
	}
	e.line(3, "%s", quoted(line))
	e.line(2, ")")
	e.line(2, "super().__init__(message)")
}

// text is an error's text in parts between which it may be broken, as the inner part of an f-string where it has fields.
func text(v *ir.Variant) (parts []string, fields bool) {
	fields = slices.ContainsFunc(v.Message, func(p ir.MessagePart) bool { return p.Field != nil })
	for _, p := range v.Message {
		if p.Field == nil {
			literal := p.Text
			if fields {
				literal = strings.NewReplacer("{", "{{", "}", "}}").Replace(literal)
			}
			parts = append(parts, strings.SplitAfter(literal, " ")...)
			continue
		}
		named := errorField(p.Field)
		switch p.Field.Type.Kind {
		case ir.String, ir.U8, ir.U16, ir.U32, ir.U64, ir.I8, ir.I16, ir.I32, ir.I64:
		case ir.FixedBytes:
			named += ".hex()"
		default:
			named = "_wire.shown(" + named + ")"
		}
		parts = append(parts, "{"+named+"}")
	}
	return parts, fields
}
