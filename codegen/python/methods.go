package python

import (
	"fmt"
	"slices"
	"strings"

	"strongroom.dev/codegen/ir"
)

func (e *emitter) allMethods() []*ir.Method {
	var all []*ir.Method
	for _, i := range e.schema.Interfaces {
		all = append(append(all, i.Constructors...), i.Methods...)
	}
	return all
}

// class writes an interface's class: the one whose methods wait, or the one for asyncio.
func (e *emitter) class(i *ir.Interface, async bool) {
	class, base := i.Name, "_rpc.Object"
	if async {
		class, base = asyncClass(i), "_rpc.AsyncObject"
	}
	e.export(class)
	e.gap()
	e.line(0, "class %s(%s):", class, base)
	e.doc(1, i.Doc, "The interface "+i.Name+".")
	e.line(0, "")
	e.line(1, "__slots__ = ()")
	hidden := map[string]bool{}
	for _, m := range append(append([]*ir.Method{}, i.Constructors...), i.Methods...) {
		hidden[memberName(m)] = true
	}
	for _, m := range i.Constructors {
		e.method(m, async, hidden)
	}
	for _, m := range i.Methods {
		e.method(m, async, hidden)
	}
}

// The names of a method's own parameters; an argument that has one of them gets an underscore.
var parameters = []string{"self", "cls", "timeout", "runtime", "window"}

func (e *emitter) method(m *ir.Method, async bool, hidden map[string]bool) {
	in := typing{side: fromCaller, async: &async, hidden: hidden}
	out := typing{side: fromLibrary, async: &async, hidden: hidden}
	emit := ""
	taken := parameters
	if m.Emits != nil {
		emit = "on_" + snake(m.Emits.Name)
		taken = append(append([]string{}, parameters...), emit)
	}

	receiver := "self"
	if m.Constructor {
		receiver = "cls"
	}
	params, values := []string{receiver}, ""
	for i, a := range m.Args {
		param := name(a.Name, taken...) + ": " + in.of(a.Type)
		if preset := argumentDefault(m.Args[i:]); preset != "" {
			param += " = " + preset
		}
		params = append(params, param)
		values += name(a.Name, taken...) + ", "
	}
	values = strings.TrimSuffix(values, " ")
	if len(m.Args) > 1 {
		values = strings.TrimSuffix(values, ",")
	}
	float := in.builtin("float")
	if !m.Immediate {
		params = append(params, "*")
	}
	if emit != "" {
		params = append(params, fmt.Sprintf("%s: _abc.Callable[[%s], None] | None = None", emit, m.Emits.Name))
	}
	if !m.Immediate {
		params = append(params, "timeout: "+float+" | None = None")
	}
	if m.Stream {
		params = append(params, "window: "+in.builtin("int")+" = _rpc.WINDOW")
	}
	if m.Constructor {
		params = append(params, "runtime: _rpc.Runtime | None = None")
	}

	result := "None"
	switch {
	case m.Stream && async:
		result = "_rpc.AsyncStream[" + out.of(m.Result) + "]"
	case m.Stream:
		result = "_rpc.Stream[" + out.of(m.Result) + "]"
	case m.Result != nil:
		result = out.of(m.Result)
	}

	e.line(0, "")
	if m.Constructor {
		e.line(1, "@classmethod")
	}
	define := "def"
	if async && !m.Stream && !m.Immediate {
		define = "async def"
	}
	if one := fmt.Sprintf("%s %s(%s) -> %s:", define, memberName(m), strings.Join(params, ", "), result); len(one) <= 112 {
		e.line(1, "%s", one)
	} else {
		e.line(1, "%s %s(", define, memberName(m))
		for _, p := range params {
			e.line(2, "%s,", p)
		}
		e.line(1, ") -> %s:", result)
	}
	doc := slices.Clone(m.Doc)
	for _, a := range m.Args {
		for i, l := range a.Doc {
			if i == 0 {
				if len(doc) > 0 {
					doc = append(doc, "")
				}
				l = name(a.Name, taken...) + ": " + strings.TrimSpace(l)
			}
			doc = append(doc, l)
		}
	}
	e.doc(2, doc, "")

	client, object := "self._client", "self._handle()"
	if m.Constructor {
		client, object = "_PACKAGE.client(runtime)", "0"
		if async {
			client = "_PACKAGE.loop_client(runtime)"
		}
	}
	call := fmt.Sprintf("%s, %s, (%s)", methodConstant(m), object, values)
	switch {
	case m.Immediate:
		call = fmt.Sprintf("%s.call_immediate(%s)", client, call)
	case m.Stream:
		call = fmt.Sprintf("%s.stream(%s, timeout, window)", client, call)
	case emit != "":
		call = fmt.Sprintf("%s.call(%s, timeout, %s)", client, call, emit)
	default:
		call = fmt.Sprintf("%s.call(%s, timeout)", client, call)
	}
	if strings.HasPrefix(define, "async") {
		call = "await " + call
	}
	switch {
	case m.Result == nil:
		e.line(2, "%s", call)
	case loose(m.Result) && len(result)+len(call) > width-len("        answer:  = "):
		open := strings.LastIndex(call, ".call(") + len(".call(")
		e.line(2, "answer: %s = %s", result, call[:open])
		e.line(3, "%s", strings.TrimSuffix(call[open:], ")"))
		e.line(2, ")")
		e.line(2, "return answer")
	case loose(m.Result):
		e.line(2, "answer: %s = %s", result, call)
		e.line(2, "return answer")
	default:
		e.line(2, "return %s", call)
	}
}

// argumentDefault is the first argument's default, where the ones after it have one too.
func argumentDefault(args []*ir.Field) string {
	for _, a := range args {
		if a.Default == nil && a.Type.Kind != ir.Optional {
			return ""
		}
	}
	if args[0].Default == nil {
		return "None"
	}
	return value(args[0].Type, args[0].Default)
}

// codecs writes the codec of each type.
func (e *emitter) codecs() {
	e.out.WriteString("\n")
	for _, t := range e.schema.Types {
		e.line(0, "")
		switch t := t.(type) {
		case *ir.Record:
			e.line(0, "%s: _wire.Record[%s] = _wire.Record(", typeConstant(t.Name), t.Name)
			e.line(1, "%s,", t.Name)
			e.fields(1, t.Fields, plainField)
			e.line(0, ")")
		case *ir.Enum:
			if t.Plain() {
				e.line(0, "%s = _wire.PlainEnum(%s)", typeConstant(t.Name), t.Name)
				continue
			}
			e.line(0, "%s: _wire.TaggedEnum = _wire.TaggedEnum(", typeConstant(t.Name))
			e.line(1, "%q,", t.Name)
			e.line(1, "(")
			for _, v := range t.Variants {
				e.line(2, "(")
				e.line(3, "%s,", variantClass(t, v))
				e.fields(3, v.Fields, plainField)
				e.line(2, "),")
			}
			e.line(1, "),")
			e.line(0, ")")
		case *ir.Error:
			e.line(0, "%s = _wire.ErrorSet(", typeConstant(t.Name))
			e.line(1, "%d,", t.Domain)
			e.line(1, "%s,", t.Name)
			e.line(1, "(")
			for _, v := range t.Variants {
				e.line(2, "(")
				e.line(3, "%s,", errorClass(t, v))
				e.fields(3, v.Fields, errorField)
				e.line(2, "),")
			}
			e.line(1, "),")
			e.line(0, ")")
		}
	}
	for _, i := range e.schema.Interfaces {
		e.line(0, "")
		e.line(0, "%s = _wire.Interface(lambda: (%s, %s))", typeConstant(i.Name), i.Name, asyncClass(i))
	}
}

func plainField(f *ir.Field) string { return name(f.Name) }

func (e *emitter) fields(indent int, fields []*ir.Field, named func(*ir.Field) string) {
	if len(fields) == 0 {
		e.line(indent, "lambda: (),")
		return
	}
	e.line(indent, "lambda: (")
	for _, f := range fields {
		preset := ""
		if f.Default != nil {
			preset = ", lambda: " + value(f.Type, f.Default)
		}
		e.line(indent+1, "_wire.Field(%q, %s%s),", named(f), codec(f.Type), preset)
	}
	e.line(indent, "),")
}

// methods writes what the runtime is told of each method.
func (e *emitter) methods() {
	for _, m := range e.allMethods() {
		e.line(0, "")
		kind := "None"
		if m.Result != nil {
			// The class of an object depends on who calls.
			either := typing{side: fromLibrary}
			kind = either.of(m.Result)
			if loose(m.Result) {
				kind = "_typing.Any"
			}
		}
		e.line(0, "%s: _rpc.Method[%s] = _rpc.Method(", methodConstant(m), kind)
		e.line(1, "%q,", m.Interface.Name+"."+m.Name)
		e.line(1, "0x%08X,", m.ID)
		e.line(1, "0x%016X,", m.Hash)
		e.line(1, "_wire.Fields(")
		e.fields(2, m.Args, plainField)
		e.line(1, "),")
		if m.Result != nil {
			e.line(1, "result=%s,", codec(m.Result))
		}
		if m.Throws != nil {
			e.line(1, "throws=%s,", typeConstant(m.Throws.Name))
		}
		if m.Emits != nil {
			e.line(1, "emits=%s,", typeConstant(m.Emits.Name))
		}
		e.line(0, ")")
	}
}
