package rust

import (
	"fmt"
	"slices"
	"strings"

	"strongroom.dev/codegen/ir"
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

	var methods []*ir.Method
	for _, i := range e.schema.Interfaces {
		methods = append(methods, i.All()...)
	}
	e.open("static METHODS: [rpc::ffi::Method; %d] = [", len(methods))
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
	if !slices.ContainsFunc(methods, func(m *ir.Method) bool { return m.Immediate }) {
		own, generic = "", ""
	}
	e.line("/// The methods of an implementation, for [`rpc::export!`].")
	e.open("pub const fn service<I: Implementation>() -> rpc::Service {")
	e.line("rpc::Service { abi: &ABI, dispatch: dispatch::<I>, immediate%s }", own)
	e.close("}")
	e.line("")

	e.open("fn dispatch<I: Implementation>(call: &mut rpc::Call<'_>, cx: rpc::Context) -> Result<rpc::Work, rpc::Error> {")
	e.open("match call.method() {")
	for _, m := range methods {
		if !m.Immediate {
			e.dispatch(m)
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
	for _, m := range methods {
		if m.Immediate {
			e.immediate(m)
		}
	}
	e.line("method => Err(rpc::Error::UnknownMethod(method)),")
	e.close("}")
	e.close("}")
}

// arguments reads the arguments; the object is looked up after them, so that buffers in them move in any case.
func (e *emitter) arguments(m *ir.Method) []string {
	var names []string
	for _, f := range m.Args {
		name := snake(f.Name)
		names = append(names, name)
		if f.Type.Kind == ir.CallbackRef {
			e.line("let %s: %s = rpc::Decode::decode(call.arguments())?;", name, typeName(f.Type))
		} else if m := maker(f); strings.HasPrefix(m, "||") {
			e.line("let %s: %s = call.arguments().field(%s)?;", name, typeName(f.Type), m)
		} else {
			e.line("let %s = call.arguments().field(%s)?;", name, typed(f, m))
		}
	}
	if !m.Constructor {
		e.line("let this = call.object::<I::%s>()?;", m.Interface.Name)
	}
	return names
}

// typed names the type in a maker that leaves it open.
func typed(f *ir.Field, maker string) string {
	switch f.Type.Kind {
	case ir.Bytes, ir.List:
		return "Vec::<" + strings.TrimSuffix(strings.TrimPrefix(ownName(f.Type), "Vec<"), ">") + ">::new"
	case ir.Map:
		return "std::collections::BTreeMap::<" + strings.TrimSuffix(strings.TrimPrefix(ownName(f.Type), "std::collections::BTreeMap<"), ">") + ">::new"
	}
	return maker
}

func (e *emitter) dispatch(m *ir.Method) {
	e.line("// %s", m.FullName())
	e.open("%s => {", hex(uint64(m.ID), 8))
	names := e.arguments(m)
	e.line("let context = cx.clone();")
	args := append([]string{"context"}, names...)
	if m.Input != nil {
		e.line("let %s = rpc::service::incoming(&cx);", snake(m.Input.Name))
		args = append(args, snake(m.Input.Name))
	}
	if m.Emits != nil {
		e.line("let emitter = rpc::service::emitter(&cx);")
		args = append(args, "emitter")
	}
	if m.Stream {
		e.line("let sink = rpc::service::sink(&cx);")
		args = append(args, "sink")
	}
	target := "this." + snake(m.Name)
	if m.Constructor {
		target = "I::" + m.Interface.Name + "::" + snake(m.Name)
	}
	kind, after := "reply", ".await"
	switch {
	case m.Stream:
		kind = "stream"
	case m.Result != nil && m.Result.Kind == ir.InterfaceRef:
		after = ".await.map(rpc::Object::new)"
	}
	one := fmt.Sprintf("Ok(rpc::service::%s(&cx, async move { %s(%s)%s }))", kind, target, strings.Join(args, ", "), after)
	if e.fits(one) {
		e.line("%s", one)
	} else {
		e.open("Ok(rpc::service::%s(&cx, async move {", kind)
		e.line("%s(%s)%s", target, strings.Join(args, ", "), after)
		e.close("}))")
	}
	e.close("}")
}

func (e *emitter) immediate(m *ir.Method) {
	e.line("// %s", m.FullName())
	e.open("%s => {", hex(uint64(m.ID), 8))
	names := e.arguments(m)
	after := ""
	if m.Result != nil && m.Result.Kind == ir.InterfaceRef {
		after = ".map(rpc::Object::new)"
	}
	e.line("Ok(call.answer(this.%s(%s)%s))", snake(m.Name), strings.Join(names, ", "), after)
	e.close("}")
}
