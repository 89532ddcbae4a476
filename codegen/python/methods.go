package python

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"strongroom.dev/codegen/ir"
	"strongroom.dev/codegen/lower"
)

// class writes an interface's class: the one whose methods wait, or the one for asyncio.
func (e *emitter) class(i *ir.Interface, async bool) {
	class, base := e.names.of[i], "_rpc.Object"
	if async {
		class, base = e.names.of[asyncOf{i}], "_rpc.AsyncObject"
	}
	e.export(class)
	e.gap()
	e.deprecated(0, i.About)
	e.line(0, "class %s(%s):", class, base)
	e.doc(1, about(i.About, "The interface "+i.Name+"."))
	e.line(0, "")
	e.line(1, "__slots__ = ()")
	hidden := map[string]bool{}
	for _, m := range i.All() {
		hidden[memberName(m)] = true
	}
	for _, m := range i.All() {
		e.method(m, async, hidden)
	}
}

// callback writes what a caller implements. It is a protocol: whatever has the methods will do, and who derives from it is
// told of a method that is missing.
func (e *emitter) callback(i *ir.Interface, async bool) {
	class := e.names.of[i]
	if async {
		class = e.names.of[asyncOf{i}]
	}
	e.export(class)
	e.gap()
	e.deprecated(0, i.About)
	e.line(0, "class %s(_typing.Protocol):", class)
	a := i.About
	if async {
		a.Doc = append(slices.Clone(about(i.About, "The callback "+i.Name+".")), "", "For asyncio: a method may be a coroutine, which then is a task of the event loop.")
		a.Since, a.Deprecated = "", ""
	}
	e.doc(1, about(a, "The callback "+i.Name+"."))
	hidden := map[string]bool{}
	for _, m := range i.Methods {
		hidden[callbackMember(m)] = true
	}
	in := typing{names: e.names, side: fromLibrary, async: async, hidden: hidden}
	out := typing{names: e.names, side: fromCaller, async: async, hidden: hidden}
	for _, m := range i.Methods {
		params := []string{"self"}
		for _, a := range m.Args {
			params = append(params, name(a.Name, "self")+": "+in.of(a.Type))
		}
		if len(m.Args) > 0 {
			// Its maker may call them otherwise.
			params = append(params, "/")
		}
		result := "None"
		if m.Result != nil {
			result = out.of(m.Result)
		}
		if async {
			// None stands last in a union.
			either := []string{result, "_abc.Awaitable[" + result + "]"}
			if m.Result == nil {
				slices.Reverse(either)
			}
			result = strings.Join(either, " | ")
		}
		e.line(0, "")
		e.line(1, "@_abstractmethod")
		e.deprecated(1, m.About)
		doc := methodDoc(m, func(f *ir.Field) string { return name(f.Name, "self") })
		if len(doc) == 0 {
			e.signature(1, "def "+callbackMember(m), params, result, " ...")
			continue
		}
		e.signature(1, "def "+callbackMember(m), params, result, "")
		e.doc(2, doc)
	}
}

// The names of a method's own parameters and of what its body uses; an argument that has one of them gets an underscore.
var parameters = []string{"answer", "cls", "runtime", "self", "timeout", "window"}

// methodDoc is what is said of a method and of its arguments.
func methodDoc(m *ir.Method, named func(*ir.Field) string) []string {
	doc := slices.Clone(m.Doc)
	args := m.Args
	if m.Input != nil {
		args = append(slices.Clone(args), m.Input)
	}
	for _, a := range args {
		said := about(a.About, "")
		if len(said) == 0 {
			continue
		}
		if len(doc) > 0 {
			doc = append(doc, "")
		}
		doc = append(doc, named(a)+": "+strings.TrimSpace(said[0]))
		doc = append(doc, said[1:]...)
	}
	return about(ir.About{Doc: doc, Since: m.Since, Deprecated: m.Deprecated}, "")
}

func (e *emitter) method(m *ir.Method, async bool, hidden map[string]bool) {
	in := typing{names: e.names, side: fromCaller, async: async, hidden: hidden}
	out := typing{names: e.names, side: fromLibrary, async: async, hidden: hidden}
	call := lower.Method(m)
	emit := ""
	taken := parameters
	if m.Emits != nil {
		emit = "on_" + snake(m.Emits.Name)
		taken = append(slices.Clone(parameters), emit)
	}
	named := func(f *ir.Field) string { return name(f.Name, taken...) }

	receiver := "self"
	if m.Constructor {
		receiver = "cls"
	}
	params, values := []string{receiver}, []string{}
	for i, a := range m.Args {
		param := named(a) + ": " + in.of(a.Type)
		// Those that may be absent, where nothing that must be given follows.
		if m.Input == nil && !slices.ContainsFunc(m.Args[i:], func(a *ir.Field) bool { return a.Type.Kind != ir.Optional }) {
			param += " = None"
		}
		params = append(params, param)
		values = append(values, named(a))
	}
	if m.Input != nil {
		source := "_abc.Iterable[" + in.of(m.Input.Type) + "]"
		if async {
			source = "_abc.AsyncIterable[" + in.of(m.Input.Type) + "] | " + source
		}
		params = append(params, named(m.Input)+": "+source)
	}
	if !m.Immediate {
		params = append(params, "*")
	}
	if emit != "" {
		params = append(params, fmt.Sprintf("%s: _abc.Callable[[%s], None] | None = None", emit, e.names.of[m.Emits]))
	}
	if !m.Immediate {
		params = append(params, "timeout: "+in.builtin("float")+" | None = None")
	}
	if call.How == lower.Streamed {
		params = append(params, "window: "+in.builtin("int")+" = _rpc.WINDOW")
	}
	if m.Constructor {
		params = append(params, "runtime: _rpc.Runtime | None = None")
	}

	result := "None"
	switch {
	case call.How == lower.Streamed && async:
		result = "_rpc.AsyncStream[" + out.of(m.Result) + "]"
	case call.How == lower.Streamed:
		result = "_rpc.Stream[" + out.of(m.Result) + "]"
	case m.Result != nil:
		result = out.of(m.Result)
	}

	e.line(0, "")
	if m.Constructor {
		e.line(1, "@classmethod")
	}
	// A class that only gives out objects is used by its constructors.
	if m.Deprecated == "" && m.Constructor {
		e.deprecated(1, m.Interface.About)
	}
	e.deprecated(1, m.About)
	define := "def "
	if async && call.How == lower.Once {
		define = "async def "
	}
	e.signature(1, define+memberName(m), params, result, "")
	e.doc(2, methodDoc(m, named))

	client, object := "self._client", "self._handle()"
	if m.Constructor {
		client, object = "_PACKAGE.client(runtime)", "0"
		if async {
			client = "_PACKAGE.loop_client(runtime)"
		}
	}
	args := []string{e.names.of[methodOf{m}], object, tuple(values)}
	function := ".call"
	switch call.How {
	case lower.Immediate:
		function = ".call_immediate"
	case lower.Streamed:
		function = ".stream"
		args = append(args, "timeout", "window")
	default:
		args = append(args, "timeout")
		if emit != "" {
			args = append(args, emit)
		}
	}
	if m.Input != nil {
		args = append(args, "source="+named(m.Input))
	}
	before := client + function
	if strings.HasPrefix(define, "async") {
		before = "await " + before
	}
	switch {
	case m.Result == nil:
		e.call(2, before, args)
	case call.Result.Op == lower.Object:
		// Which class it is depends on who calls, and a codec has one type.
		e.call(2, "answer: "+result+" = "+before, args)
		e.line(2, "return answer")
	default:
		e.call(2, "return "+before, args)
	}
}

func tuple(values []string) string {
	if len(values) == 1 {
		return "(" + values[0] + ",)"
	}
	return "(" + strings.Join(values, ", ") + ")"
}

// codecs writes the codec of each type.
func (e *emitter) codecs() {
	e.out.WriteString("\n")
	for _, t := range e.schema.Types {
		e.line(0, "")
		constant, class := e.names.of[codecOf{t}], e.names.of[t]
		switch t := t.(type) {
		case *ir.Record:
			e.line(0, "%s: _wire.Record[%s] = _wire.Record(", constant, class)
			e.line(1, "%s,", class)
			e.fields(1, t.Fields, plainField)
			e.line(0, ")")
		case *ir.Enum:
			if t.Plain() {
				e.line(0, "%s: _wire.PlainEnum[%s] = _wire.PlainEnum(%s)", constant, class, class)
				continue
			}
			e.line(0, "%s: _wire.TaggedEnum[%s] = _wire.TaggedEnum(", constant, class)
			e.line(1, "%q,", t.Name)
			e.variants(t.Variants, plainField)
			e.line(0, ")")
		case *ir.Error:
			e.line(0, "%s = _wire.ErrorSet(", constant)
			e.line(1, "0x%08X,", t.Domain)
			e.line(1, "%s,", class)
			e.variants(t.Variants, errorField)
			e.line(0, ")")
		}
	}
	for _, i := range e.schema.Interfaces {
		e.line(0, "")
		e.line(0, "%s = _wire.Interface(lambda: (%s, %s))", e.names.of[codecOf{i}], e.names.of[i], e.names.of[asyncOf{i}])
	}
	for _, i := range e.schema.Callbacks {
		e.line(0, "")
		e.line(0, "%s = _wire.Callback(", e.names.of[codecOf{i}])
		e.line(1, "%q,", i.Name)
		e.line(1, "lambda: {")
		for _, m := range i.Methods {
			e.line(2, "%q: %s,", callbackMember(m), e.names.of[methodOf{m}])
		}
		e.line(1, "},")
		e.line(0, ")")
	}
}

func plainField(f *ir.Field) string { return name(f.Name) }

func (e *emitter) variants(variants []*ir.Variant, named func(*ir.Field) string) {
	e.line(1, "(")
	for _, v := range variants {
		e.line(2, "(")
		e.line(3, "%s,", e.names.of[v])
		e.fields(3, v.Fields, named)
		e.line(2, "),")
	}
	e.line(1, "),")
}

func (e *emitter) fields(indent int, fields []*ir.Field, named func(*ir.Field) string) {
	if len(fields) == 0 {
		e.line(indent, "lambda: (),")
		return
	}
	args := func(step lower.Step) []string {
		args := []string{fmt.Sprintf("%q", named(step.Field)), e.codec(step.Code)}
		if step.Field.Default != nil {
			args = append(args, "lambda: "+e.value(step.Field.Type, step.Field.Default))
		}
		return args
	}
	steps := lower.Steps(fields)
	if len(steps) == 1 {
		one := "lambda: (_wire.Field(" + strings.Join(args(steps[0]), ", ") + "),),"
		if 4*indent+utf8.RuneCountInString(one) <= width {
			e.line(indent, "%s", one)
			return
		}
	}
	e.line(indent, "lambda: (")
	for _, step := range steps {
		e.list(indent+1, "_wire.Field(", args(step), "),")
	}
	e.line(indent, "),")
}

// methods writes what the runtime is told of each method.
func (e *emitter) methods() {
	for _, i := range slices.Concat(e.schema.Interfaces, e.schema.Callbacks) {
		for _, m := range i.All() {
			e.describe(lower.Method(m), i.Callback)
		}
	}
}

func (e *emitter) describe(call lower.Call, callback bool) {
	m := call.Method
	kind := "None"
	switch {
	case call.Result != nil && (callback || call.Result.Op == lower.Object):
		kind = "_typing.Any"
	case call.Result != nil:
		kind = typing{names: e.names, side: fromLibrary}.of(m.Result)
	}
	e.line(0, "")
	e.line(0, "%s: _rpc.Method[%s] = _rpc.Method(", e.names.of[methodOf{m}], kind)
	e.line(1, "%q,", m.FullName())
	e.line(1, "0x%08X,", m.ID)
	e.line(1, "_wire.Fields(")
	e.fields(2, m.Args, plainField)
	e.line(1, "),")
	if call.Result != nil {
		e.line(1, "result=%s,", e.codec(call.Result))
	}
	if call.Throws != nil {
		e.line(1, "throws=%s,", e.names.of[codecOf{call.Throws}])
	}
	if call.Emits != nil {
		e.line(1, "emits=%s,", e.names.of[codecOf{call.Emits}])
	}
	if call.Input != nil {
		e.line(1, "input=%s,", e.codec(call.Input))
	}
	e.line(0, ")")
}
