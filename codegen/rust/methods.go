package rust

import (
	"fmt"
	"slices"
	"strings"

	"strongroom.dev/codegen/ir"
	"strongroom.dev/codegen/lower"
)

// others are the interfaces whose objects the methods of i give out, besides its own.
func others(i *ir.Interface) []*ir.Interface {
	var out []*ir.Interface
	for _, m := range i.Methods {
		if m.Result != nil && m.Result.Kind == ir.InterfaceRef && m.Result.Interface != i && !slices.Contains(out, m.Result.Interface) {
			out = append(out, m.Result.Interface)
		}
	}
	return out
}

// errorType is what the method fails with.
func errorType(m *ir.Method) string {
	if m.Throws == nil {
		return "rpc::Error"
	}
	return "rpc::Failure<" + m.Throws.Name + ">"
}

// resultType is what the method's implementation answers.
func resultType(m *ir.Method) string {
	switch {
	case m.Constructor:
		return "Self"
	case m.Stream || m.Result == nil:
		return "()"
	case m.Result.Kind == ir.InterfaceRef && m.Result.Interface == m.Interface:
		return "Self"
	case m.Result.Kind == ir.InterfaceRef:
		return "Self::" + m.Result.Interface.Name
	}
	return typeName(m.Result)
}

// itemType is the type of a stream's items: objects are wrapped.
func itemType(m *ir.Method) string {
	if m.Result.Kind != ir.InterfaceRef {
		return typeName(m.Result)
	}
	if m.Result.Interface == m.Interface {
		return "rpc::Object<Self>"
	}
	return "rpc::Object<Self::" + m.Result.Interface.Name + ">"
}

func (e *emitter) iface(i *ir.Interface) {
	e.about(i.About, "Interface `"+i.Name+"`.")
	e.open("pub trait %s: Send + Sync + Sized + 'static {", i.Name)
	for _, other := range others(i) {
		e.line("/// What implements [`%s`].", other.Name)
		e.line("type %s: %s;", other.Name, bounded(other, "Self::"))
		e.line("")
	}
	for n, m := range i.All() {
		if n > 0 {
			e.line("")
		}
		e.method(m)
	}
	e.close("}")
}

func (e *emitter) method(m *ir.Method) {
	e.about(m.About, "Method `"+m.Name+"`.")
	var args []string
	if !m.Constructor {
		args = append(args, "&self")
	}
	if !m.Immediate {
		args = append(args, "cx: rpc::Context")
	}
	for _, f := range m.Args {
		args = append(args, snake(f.Name)+": "+typeName(f.Type))
	}
	if m.Input != nil {
		args = append(args, snake(m.Input.Name)+": rpc::Incoming<"+typeName(m.Input.Type)+">")
	}
	if m.Emits != nil {
		args = append(args, "emitter: rpc::Emitter<"+m.Emits.Name+">")
	}
	if m.Stream {
		args = append(args, "sink: rpc::Sink<"+itemType(m)+">")
	}
	result := "Result<" + resultType(m) + ", " + errorType(m) + ">"
	e.many(args)
	if !m.Immediate {
		result = "impl Future<Output = " + result + "> + Send"
	}
	one := "fn " + snake(m.Name) + "(" + strings.Join(args, ", ") + ")"
	if 4*e.indent+len(one+" -> "+result+";") == width {
		// rustfmt keeps one column free after a signature, and breaks it here rather than at the arguments.
		e.open("%s", one)
		e.line("-> %s;", result)
		e.indent--
		return
	}
	e.list("fn "+snake(m.Name)+"(", args, ") -> "+result+";")
}

// bounded is the bound of the type that implements i, whose own others are found in scope.
func bounded(i *ir.Interface, scope string) string {
	var types []string
	for _, other := range others(i) {
		types = append(types, other.Name+" = "+scope+other.Name)
	}
	if len(types) == 0 {
		return i.Name
	}
	return i.Name + "<" + strings.Join(types, ", ") + ">"
}

// service writes what rust/rpc needs to call an implementation.
func (e *emitter) service() {
	e.line("/// The types that implement the interfaces.")
	e.open("pub trait Implementation: 'static {")
	for n, i := range e.schema.Interfaces {
		if n > 0 {
			e.line("")
		}
		e.line("/// Implements [`%s`].", i.Name)
		e.line("type %s: %s;", i.Name, bounded(i, "Self::"))
	}
	e.close("}")
	e.line("")

	var calls []lower.Call
	for _, i := range e.schema.Interfaces {
		for _, m := range i.All() {
			calls = append(calls, lower.Method(m))
		}
	}
	e.open("static METHODS: [rpc::ffi::Method; %d] = [", len(calls))
	for _, m := range e.schema.Methods() {
		e.line("rpc::ffi::Method::new(%s, %t, c\"%s\"),", hex(uint64(m.ID), 8), m.Immediate, m.FullName())
	}
	e.close("];")
	e.line("")
	var bytes []string
	for _, b := range e.schema.Hash {
		bytes = append(bytes, fmt.Sprintf("0x%02x", b))
	}
	e.line("const SCHEMA: [u8; %d] =", len(bytes))
	e.line("    [%s];", strings.Join(bytes, ", "))
	e.line("")
	e.line("/// What [`SCHEMA`] is the hash of.")
	e.out.WriteString("const TEXT: &str = " + raw(e.schema.Text) + ";\n\n")
	e.line("static ABI: rpc::ffi::AbiInfo = rpc::ffi::AbiInfo::new(SCHEMA, TEXT, &METHODS);")
	e.line("")

	// Without immediate methods, the function for them needs no implementation.
	own, generic := ": immediate::<I>", "::<I>"
	if !slices.ContainsFunc(calls, func(c lower.Call) bool { return c.How == lower.Immediate }) {
		own, generic = "", ""
	}
	e.line("/// The methods of an implementation, for [`rpc::export!`].")
	e.open("pub const fn service<I: Implementation>() -> rpc::Service {")
	e.line("rpc::Service { abi: &ABI, dispatch: dispatch::<I>, immediate%s }", own)
	e.close("}")
	e.line("")

	e.open("fn dispatch<I: Implementation>(call: &mut rpc::Call<'_>, cx: rpc::Context) -> Result<rpc::Work, rpc::Error> {")
	e.open("match call.method() {")
	for _, c := range calls {
		if c.How != lower.Immediate {
			e.dispatch(c)
		}
	}
	e.line("_ => immediate%s(call).map(rpc::service::ready),", generic)
	e.close("}")
	e.close("}")
	e.line("")

	if generic == "" {
		e.open("fn immediate(call: &mut rpc::Call<'_>) -> Result<rpc::Final, rpc::Error> {")
		e.line("Err(rpc::Error::UnknownMethod(call.method()))")
		e.close("}")
		return
	}
	e.open("fn immediate<I: Implementation>(call: &mut rpc::Call<'_>) -> Result<rpc::Final, rpc::Error> {")
	e.open("match call.method() {")
	for _, c := range calls {
		if c.How == lower.Immediate {
			e.immediate(c)
		}
	}
	e.line("method => Err(rpc::Error::UnknownMethod(method)),")
	e.close("}")
	e.close("}")
}

// call emits what is the same for all methods: the reading of the arguments, and the object. It is looked up after them, so
// that buffers in them move in any case. It answers the arguments, and on what the method is called.
func (e *emitter) call(c lower.Call) (names []string, target string) {
	if len(c.Arguments) > 0 {
		e.line("let reader = call.arguments();")
	}
	e.decodeFields(c.Arguments)
	for _, s := range c.Arguments {
		names = append(names, snake(s.Field.Name))
	}
	if c.Method.Constructor {
		return names, "I::" + c.Method.Interface.Name + "::" + snake(c.Method.Name)
	}
	e.line("let this = call.object::<I::%s>()?;", c.Method.Interface.Name)
	return names, "this." + snake(c.Method.Name)
}

// wraps is what turns the answer of an implementation into what crosses.
func wraps(c lower.Call) string {
	if c.How != lower.Streamed && c.Result != nil && c.Result.Op == lower.Object {
		return ".map(rpc::Object::new)"
	}
	return ""
}

func (e *emitter) dispatch(c lower.Call) {
	e.line("// %s", c.Method.FullName())
	e.open("%s => {", hex(uint64(c.Method.ID), 8))
	names, target := e.call(c)
	e.line("let context = cx.clone();")
	names = append([]string{"context"}, names...)
	if c.Input != nil {
		name := snake(c.Method.Input.Name)
		window := "VALUE_WINDOW"
		if c.Input.Op == lower.Buffer {
			window = "BUFFER_WINDOW"
		}
		e.incoming("let "+name+" = ", []string{"&cx", "rpc::service::" + window}, c.Input)
		names = append(names, name)
	}
	if c.Emits != nil {
		e.line("let emitter = rpc::service::emitter(&cx, %s::encode);", c.Emits.Name)
		names = append(names, "emitter")
	}
	if c.How == lower.Streamed {
		e.encoder("let sink = rpc::service::sink(&cx, ", c.Result, ");")
		names = append(names, "sink")
	}
	e.future(target+"(", names, ").await"+wraps(c))
	if c.How == lower.Streamed {
		e.line("Ok(rpc::service::stream(&cx, answer))")
	} else {
		e.encoder("Ok(rpc::service::reply(&cx, answer, ", c.Result, "))")
	}
	e.close("}")
}

// incoming emits the stream of a caller's items.
func (e *emitter) incoming(before string, args []string, item *lower.Code) {
	before += "rpc::service::incoming(" + strings.Join(args, ", ") + ", "
	if one := before + free(item) + ");"; e.fits(one) {
		e.line("%s", one)
		return
	}
	e.open("%s|reader| {", before)
	e.read(item, "")
	e.close("});")
}

// future emits the future of a method's answer.
func (e *emitter) future(before string, names []string, after string) {
	call := before + strings.Join(names, ", ") + after
	if one := "let answer = async move { " + call + " };"; e.fits(one) {
		e.line("%s", one)
		return
	}
	e.open("let answer = async move {")
	if e.fits(call) {
		e.line("%s", call)
	} else {
		e.open("%s", before)
		for _, name := range names {
			e.line("%s,", name)
		}
		e.indent--
		first, rest, _ := strings.Cut(after, ".")
		e.line("%s", first)
		for call := range strings.SplitSeq(rest, ".") {
			e.line(".%s", call)
		}
	}
	e.close("};")
}

func (e *emitter) immediate(c lower.Call) {
	e.line("// %s", c.Method.FullName())
	e.open("%s => {", hex(uint64(c.Method.ID), 8))
	names, target := e.call(c)
	e.assigned("let answer", target, names, wraps(c)+";")
	e.encoder("Ok(call.answer(answer, ", c.Result, "))")
	e.close("}")
}

// assigned emits the call of a function whose result gets a name.
func (e *emitter) assigned(before, function string, args []string, after string) {
	call := function + "(" + strings.Join(args, ", ") + ")" + after
	switch {
	case e.fits(before + " = " + call):
		e.line("%s = %s", before, call)
	case 4+4*e.indent+len(call) <= width:
		e.open("%s =", before)
		e.line("%s", call)
		e.indent--
	default:
		e.list(before+" = "+function+"(", args, ")"+after)
	}
}
