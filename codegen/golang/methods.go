package golang

import (
	"fmt"
	"strings"

	"strongroom.dev/codegen/ir"
)

// iface emits a type for an interface, functions of the client for its constructors, and its methods.
func (e *emitter) iface(i *ir.Interface) {
	name := exported(i.Name)
	e.comment(name, i.Doc, "An object of the library.")
	e.line("//\n// Its methods may be called from any goroutine. Close it when it is no longer needed.")
	e.line("type %s struct{ object *rpc.Object }\n", name)
	self := receiver(name)
	e.line("func (%s *%s) handle() *rpc.Object {\nif %s == nil {\nreturn nil\n}\nreturn %s.object\n}\n", self, name, self, self)
	e.line("// Close ends the object when its last call is over. Later calls fail with [rpc.ErrClosed].")
	e.line("func (%s *%s) Close() error { return %s.handle().Close() }\n", self, name, self)
	for _, m := range i.Constructors {
		e.method(m)
	}
	for _, m := range i.Methods {
		e.method(m)
	}
}

func (e *emitter) method(m *ir.Method) {
	var params []string
	if !m.Immediate {
		e.use("context")
		params = append(params, "ctx context.Context")
	}
	for _, a := range m.Args {
		params = append(params, argument(a)+" "+goType(a.Type))
	}
	if m.Emits != nil {
		params = append(params, fmt.Sprintf("progress func(%s)", exported(m.Emits.Name)))
	}
	e.methodComment(m)
	self, on := receiver(exported(m.Interface.Name)), exported(m.Interface.Name)
	caller := self + ".object"
	if m.Constructor {
		self, on, caller = "c", "Client", "c"
	}
	e.line("func (%s *%s) %s(%s) %s {", self, on, methodName(m), strings.Join(params, ", "), results(m))
	e.line("call := %s.Call(%s)", caller, methodConst(m))
	for _, a := range m.Args {
		e.encode("call", "&call.Encoder", argument(a), a.Type, a, 0)
	}
	switch {
	case m.Stream:
		e.streamBody(m)
	case m.Immediate:
		e.finish("call.Immediate()", m)
	case m.Emits != nil:
		e.line("var emit func(*rpc.Decoder)\nif progress != nil {\nemit = func(d *rpc.Decoder) {")
		e.line("var item %s\nif item.decode(d); d.Err() == nil {\nprogress(item)\n}\n}\n}", exported(m.Emits.Name))
		e.finish("call.Do(ctx, emit)", m)
	default:
		e.finish("call.Do(ctx, nil)", m)
	}
	e.line("}\n")
}

func (e *emitter) methodComment(m *ir.Method) {
	e.comment(methodName(m), m.Doc, "Calls the method `"+m.Name+"` of a "+exported(m.Interface.Name)+".")
	var notes []string
	if m.Stream {
		notes = append(notes, "The stream fails where the call does. Close it where it is not read to its end.")
	}
	if m.Emits != nil {
		notes = append(notes, "progress, where not nil, is called with the newest one on this goroutine, and not after the method has returned.")
	}
	for _, a := range m.Args {
		if a.Type.Kind == ir.Buffer {
			notes = append(notes, "The buffer "+argument(a)+" moves: it must not be used afterwards. With a view open the call fails with [rpc.ErrBusy] and the buffer stays.")
		}
	}
	if m.Throws != nil {
		notes = append(notes, "It fails with a ["+exported(m.Throws.Name)+"], or an error of the runtime.")
	}
	if len(notes) > 0 {
		e.line("//")
		for _, n := range notes {
			for _, l := range wrap(n, 116) {
				e.line("// %s", l)
			}
		}
	}
}

func wrap(text string, width int) []string {
	var lines []string
	var line string
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

func results(m *ir.Method) string {
	switch {
	case m.Stream:
		return "*rpc.Stream[" + goType(m.Result) + "]"
	case m.Constructor:
		return "(*" + exported(m.Interface.Name) + ", error)"
	case m.Result != nil:
		return "(" + goType(m.Result) + ", error)"
	default:
		return "error"
	}
}

// finish emits the rest of a method that runs once: the call, and the reading of its result.
func (e *emitter) finish(run string, m *ir.Method) {
	result := m.Result
	if m.Constructor {
		result = &ir.Ref{Kind: ir.InterfaceRef, Interface: m.Interface}
	}
	if result == nil {
		e.line("if err := %s; err != nil {\nreturn err\n}\nreturn call.Finish()", run)
		return
	}
	e.line("var result %s\nif err := %s; err != nil {\nreturn result, err\n}", goType(result), run)
	e.line("d := call.Reply()")
	e.decode("result", result, 0)
	e.line("return result, call.Finish()")
}

func (e *emitter) streamBody(m *ir.Method) {
	window := "ValueWindow"
	if carriesBuffer(m.Result) {
		window = "BufferWindow"
	}
	e.line("return rpc.NewStream(ctx, call, rpc.%s, func(d *rpc.Decoder) (item %s) {", window, goType(m.Result))
	e.decode("item", m.Result, 0)
	e.line("return item\n})")
}
