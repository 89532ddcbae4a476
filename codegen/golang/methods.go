package golang

import (
	"strings"

	"strongroom.dev/codegen/ir"
	"strongroom.dev/codegen/lower"
)

// iface emits a type for an interface, functions of the client for its constructors, and its methods.
func (e *emitter) iface(i *ir.Interface) {
	name := e.name(i)
	use := "Its methods may be called from any goroutine. Close it when it is no longer needed."
	if len(i.Doc) == 0 {
		use = name + " is an object of the library. " + use
	}
	e.comment(name, i.About, use)
	e.line("type %s struct{ object *rpc.Object }\n", name)
	self := receiver(name)
	e.line("// Close ends the object when its last call is over. Later calls fail with [rpc.ErrClosed].")
	e.line("func (%s *%s) Close() error {\nif %s == nil {\nreturn nil\n}\nreturn %s.object.Close()\n}\n", self, name, self, self)
	for _, m := range i.All() {
		e.method(m)
	}
}

func (e *emitter) method(m *ir.Method) {
	e.methodComment(m)
	self, on := e.receiver(m), e.name(m.Interface)
	caller := self + ".object"
	if m.Constructor {
		on, caller = "Client", self
	}
	e.line("func (%s *%s) %s(%s) %s {", self, on, e.methodName(m), e.parameters(m), e.results(m))
	if m.Stream {
		e.use("iter")
		e.line("return func(yield func(%s, error) bool) {", e.goType(m.Result))
	}
	lowered := lower.Method(m)
	e.line("call := %s.Call(%s)", caller, e.of[named{constant, m}])
	for _, s := range lowered.Arguments {
		e.encode("call", "&call.Encoder", e.argument(m, s.Field), s, 0)
	}
	if lowered.Input != nil {
		e.line("rpc.Send(call, %s, func(e *rpc.Encoder, item %s) {", e.argument(m, m.Input), e.goType(lowered.Input.Type))
		e.encode("e", "e", "item", inner(lowered.Input), 0)
		e.line("})")
	}
	switch {
	case lowered.How == lower.Streamed:
		e.streamBody(lowered.Result)
		e.line("}")
	case lowered.How == lower.Immediate:
		e.finish("call.Immediate()", lowered.Result)
	case lowered.Emits != nil:
		e.line("var emit func(*rpc.Decoder)\nif progress != nil {\nemit = func(d *rpc.Decoder) {")
		e.line("var item %s\nif item.decode(d); d.Err() == nil {\nprogress(item)\n}\n}\n}", e.name(m.Emits))
		e.finish("call.Do(ctx, emit)", lowered.Result)
	default:
		e.finish("call.Do(ctx, nil)", lowered.Result)
	}
	e.line("}\n")
}

// parameters are those of a method of an interface or a callback; those of one type that stand together share it.
func (e *emitter) parameters(m *ir.Method) string {
	type parameter struct{ name, typ string }
	var all []parameter
	if !m.Immediate {
		e.use("context")
		all = append(all, parameter{"ctx", "context.Context"})
	}
	for _, a := range m.Args {
		all = append(all, parameter{e.argument(m, a), e.goType(a.Type)})
	}
	if m.Input != nil {
		e.use("iter")
		all = append(all, parameter{e.argument(m, m.Input), "iter.Seq2[" + e.goType(m.Input.Type) + ", error]"})
	}
	if m.Emits != nil {
		all = append(all, parameter{"progress", "func(" + e.name(m.Emits) + ")"})
	}
	var out strings.Builder
	for i, p := range all {
		out.WriteString(p.name)
		switch {
		case i == len(all)-1:
			out.WriteString(" " + p.typ)
		case all[i+1].typ == p.typ:
			out.WriteString(", ")
		default:
			out.WriteString(" " + p.typ + ", ")
		}
	}
	return out.String()
}

func (e *emitter) results(m *ir.Method) string {
	switch {
	case m.Stream:
		return "iter.Seq2[" + e.goType(m.Result) + ", error]"
	case m.Result != nil:
		return "(" + e.goType(m.Result) + ", error)"
	default:
		return "error"
	}
}

// methodComment says what a method does, what can fail, and what becomes of its arguments.
func (e *emitter) methodComment(m *ir.Method) {
	name := e.methodName(m)
	var doc, notes []string
	if len(m.Doc) > 0 {
		doc = append([]string{name + methodSentence(m.Doc[0], m.Result != nil && !m.Constructor)}, m.Doc[1:]...)
	}
	subject := "It"
	if len(doc) == 0 {
		subject = name
	}
	var text []string
	if m.Throws != nil {
		text = append(text, subject+" fails with "+article(e.name(m.Throws))+", or an error of the runtime.")
	}
	if m.Stream {
		text = append(text, "The call begins with the loop over its values; leaving the loop ends it.")
		if m.Result.Kind == ir.Buffer {
			text = append(text, "Each buffer is the reader's, to move or to close.")
		}
	}
	if m.Emits != nil {
		text = append(text, "progress, where not nil, is called with the newest one on this goroutine, and not after the method has returned.")
	}
	for _, a := range m.Args {
		arg := e.argument(m, a)
		switch a.Type.Kind {
		case ir.Buffer:
			text = append(text, "The buffer "+arg+" moves: it must not be used afterwards. With a view open the call fails with [rpc.ErrBusy] and the buffer stays.")
		case ir.CallbackRef:
			text = append(text, "The library calls the methods of "+arg+" on goroutines of their own, until it has released it, which may be after the method has returned.")
		}
	}
	if m.Input != nil {
		text = append(text, "The values of "+e.argument(m, m.Input)+" are asked for on a goroutine of their own, as the library takes them, and no more once the call is over. An error among them cancels the call, which fails with it.")
		if m.Input.Type.Kind == ir.Buffer {
			text = append(text, "Its buffers move.")
		}
	}
	if len(text) > 0 {
		notes = append(notes, strings.Join(text, " "))
	}
	e.paragraphs(m.About, doc, append(notes, e.argumentNotes(m)...))
}

// argumentNotes are what the IDL says of single arguments.
func (e *emitter) argumentNotes(m *ir.Method) []string {
	args := m.Args
	if m.Input != nil {
		args = append(args[:len(args):len(args)], m.Input)
	}
	var notes []string
	for _, a := range args {
		text := strings.Join(a.Doc, " ")
		if a.Since != "" {
			text += " Since " + a.Since + "."
		}
		if a.Deprecated != "" {
			text += " Deprecated: " + period(a.Deprecated)
		}
		if text = strings.TrimSpace(text); text != "" {
			notes = append(notes, e.argument(m, a)+sentence(text))
		}
	}
	return notes
}

// finish emits the rest of a method that runs once: the call, and the reading of its result.
func (e *emitter) finish(run string, result *lower.Code) {
	if result == nil {
		e.line("if err := %s; err != nil {\nreturn err\n}\nreturn call.Finish()", run)
		return
	}
	if value := e.expression(result, "call.Reply()"); value != "" && zeroText(result) != "" {
		e.line("if err := %s; err != nil {\nreturn %s, err\n}", run, zeroText(result))
		e.line("result := %s\nreturn result, call.Finish()", value)
		return
	}
	e.line("var result %s\nif err := %s; err != nil {\nreturn result, err\n}", e.goType(result.Type), run)
	e.line("d := call.Reply()")
	e.decode("result", result, 0)
	e.line("return result, call.Finish()")
}

// zeroText is the zero value of a type where that is short, or "".
func zeroText(c *lower.Code) string {
	switch c.Op {
	case lower.Unsigned, lower.Signed, lower.Float, lower.Span:
		return "0"
	case lower.Flag:
		return "false"
	case lower.Text, lower.Path:
		return `""`
	case lower.Blob, lower.Sum, lower.Buffer, lower.Object:
		return "nil" // no plain enum is read by an expression
	default:
		return ""
	}
}

func (e *emitter) streamBody(item *lower.Code) {
	window := "ValueWindow"
	if item.Op == lower.Buffer {
		window = "BufferWindow"
	}
	if value := e.expression(item, "d"); value != "" {
		e.line("rpc.Receive(ctx, call, rpc.%s, yield, func(d *rpc.Decoder) %s { return %s })", window, e.goType(item.Type), value)
		return
	}
	e.line("rpc.Receive(ctx, call, rpc.%s, yield, func(d *rpc.Decoder) (item %s) {", window, e.goType(item.Type))
	e.decode("item", item, 0)
	e.line("return item\n})")
}
