package golang

import (
	"strings"

	"strongroom.dev/codegen/ir"
	"strongroom.dev/codegen/lower"
)

// callback emits the interface that a program implements, and the function that answers the library's calls with it.
func (e *emitter) callback(i *ir.Interface) {
	name := e.name(i)
	use := "The library calls its methods, each time on a goroutine of its own; ctx is over when it no longer waits for the answer."
	if len(i.Doc) == 0 {
		use = name + " is what a program gives to the library. " + use
	}
	e.comment(name, i.About, use)
	e.line("type %s interface {", name)
	for n, m := range i.Methods {
		if n > 0 {
			e.line("")
		}
		e.callbackComment(m)
		e.line("%s(%s) %s", e.methodName(m), e.parameters(m), e.results(m))
	}
	e.line("}\n")

	function := e.of[named{server, i}]
	e.line("// %s answers the library's calls.", function)
	e.line("func %s(on %s) rpc.Handler {\nif on == nil {\nreturn nil\n}", function, name)
	e.line("return func(ctx context.Context, method uint32, d *rpc.Decoder, e *rpc.Encoder) error {\nswitch method {")
	for _, m := range i.Methods {
		e.line("case %s:", e.of[named{constant, m}])
		e.serve(m)
	}
	e.line("default:\nreturn rpc.ErrUnknownMethod\n}\n}\n}\n")
}

// serve emits one call of a callback's method: its arguments are read like the fields of a record.
func (e *emitter) serve(m *ir.Method) {
	lowered := lower.Method(m)
	args := "ctx"
	for _, s := range lowered.Arguments {
		name := e.argument(m, s.Field)
		if differs(s, true) {
			e.line("var %s %s = %s", name, e.goType(s.Type), e.defaultValue(s))
		} else {
			e.line("var %s %s", name, e.goType(s.Type))
		}
		e.line("if d.More() {")
		e.decode(name, s.Code, 0)
		e.line("}")
		args += ", " + name
	}
	e.line("if d.Err() != nil {\nreturn d.Err()\n}")
	failed := "err"
	if m.Throws != nil {
		failed = e.of[named{thrower, m.Throws}] + "(err)"
	}
	call := "on." + e.methodName(m) + "(" + args + ")"
	if m.Result == nil {
		if m.Throws == nil {
			e.line("return %s", call)
		} else {
			e.line("if err := %s; err != nil {\nreturn %s\n}\nreturn nil", call, failed)
		}
		return
	}
	e.line("result, err := %s\nif err != nil {\nreturn %s\n}", call, failed)
	e.encode("e", "e", "result", lower.Step{Code: lowered.Result, Field: &ir.Field{Type: m.Result}}, 0)
	e.line("return nil")
}

func (e *emitter) callbackComment(m *ir.Method) {
	name := e.methodName(m)
	var doc, notes []string
	if len(m.Doc) > 0 {
		doc = append([]string{name + methodSentence(m.Doc[0], m.Result != nil)}, m.Doc[1:]...)
	}
	if m.Throws != nil {
		note := article(e.name(m.Throws)) + " with which it fails goes to the caller in the library, typed; any other error, and a panic, only as a text."
		notes = append(notes, "A"+note[1:])
	}
	for _, a := range m.Args {
		if a.Type.Kind == ir.Buffer {
			notes = append(notes, "The buffer "+e.argument(m, a)+" is the method's, to move or to close.")
		}
	}
	if m.Result != nil && m.Result.Kind == ir.Buffer {
		notes = append(notes, "The buffer that it answers moves.")
	}
	if len(notes) > 0 {
		notes = []string{strings.Join(notes, " ")}
	}
	e.paragraphs(m.About, doc, append(notes, e.argumentNotes(m)...))
}
