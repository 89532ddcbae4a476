package c

import (
	"fmt"
	"slices"

	"strongroom.dev/codegen/ir"
	"strongroom.dev/codegen/lower"
)

// callback writes a callback interface: the structure that the C program fills, and what the client calls it by.
func (e *emitter) callback(i *ir.Interface) {
	name := e.typeName(i.Name)
	names := e.callbackMembers(i)
	var more []string
	if len(i.Doc) > 0 {
		more = append(more, "")
	}
	more = append(more,
		"The program fills in the functions, and hands the structure over as an argument; it is copied. A function is called by a",
		"thread that waits in, or drains, the client: by several at once where several do. It returns NULL, or an error: one of",
		"its own, or one of sr_callback_error. One that is NULL fails with SR_ERROR_UNKNOWN_METHOD.")
	e.about("", i.About, more...)
	e.line("typedef struct %s {", name)
	for n, m := range i.Methods {
		e.callbackMember(m, names[n])
	}
	e.doc("  ", []string{
		"Called once for each time that the structure was handed over, when the library has done with it: also where the call",
		"failed, and when the client is freed at the latest. NULL: nothing is to be done then.",
	})
	e.line("  void (*release)(void *context);")
	e.line("  /** Given to each function. */")
	e.line("  void *context;")
	e.line("} %s%s;", name, deprecated(i.Deprecated))
	e.line("")
	for n, m := range i.Methods {
		e.dispatchMethod(m, names[n])
	}
	e.line("static inline sr_error *%s(const void *functions, sr_callback_call *call) {", e.derived(i.Name, "_dispatch"))
	e.line("  const %s *self = (const %s *)functions;", name, name)
	e.line("  switch (call->method) {")
	for _, m := range i.Methods {
		e.line("    case 0x%08xu:", m.ID)
		e.line("      return %s(self, call);", e.function(m, "_dispatch"))
	}
	e.line("    default:")
	e.line("      return sr_callback_begin(call, false);")
	e.line("  }")
	e.line("}")
	e.line("")
	self := &ir.Ref{Kind: ir.CallbackRef, Interface: i}
	e.wrapped("static inline void "+e.codec("put", self)+"(", []string{"sr_writer *w", "sr_client *client", "const " + name + " *v"}, ") {")
	e.line("  sr_put_callback(w, client, v, sizeof(*v), %s, v->release, v->context);", e.derived(i.Name, "_dispatch"))
	e.line("}")
	e.line("")
}

// callbackMembers are the names of the methods in the structure, which has two members of its own.
func (e *emitter) callbackMembers(i *ir.Interface) []string {
	var names []string
	for _, m := range i.Methods {
		name := e.member(m.Name)
		if name == "release" || name == "context" {
			name += "_"
		}
		names = append(names, name)
	}
	return names
}

// callbackMember declares the pointer to a method's function.
func (e *emitter) callbackMember(m *ir.Method, name string) {
	var more []string
	buffers := slices.ContainsFunc(m.Args, func(f *ir.Field) bool { return f.Type.Kind == ir.Buffer })
	if buffers {
		more = append(more, "The buffer is the function's: it sends it on, or releases it.")
	}
	if m.Throws != nil {
		more = append(more, "Its own errors are made by "+e.derived(m.Throws.Name, "_new")+".")
	}
	e.about("  ", m.About, more...)
	parameters := []string{"void *context"}
	for _, f := range m.Args {
		parameters = append(parameters, e.parameter(f.Type, e.argument(f.Name)))
	}
	if m.Result != nil {
		if owns(m.Result) {
			parameters = append(parameters, "sr_arena *arena")
		}
		parameters = append(parameters, declare(pointer(e.ctype(m.Result)), "out"))
	}
	e.wrapped("  sr_error *(*"+name+")(", parameters, ")"+deprecated(m.Deprecated)+";")
}

// dispatchMethod decodes the arguments of a call, calls the function, and encodes what it gave.
func (e *emitter) dispatchMethod(m *ir.Method, name string) {
	e.open(e.function(m, "_dispatch"), []string{"const " + e.typeName(m.Interface.Name) + " *self", "sr_callback_call *call"})
	passed := []string{"self->context"}
	if len(m.Args) > 0 {
		e.line("  sr_reader *r = &call->arguments;")
		e.line("  struct {")
		for _, f := range m.Args {
			e.line("    %s;", declare(e.ctype(f.Type), e.member(f.Name)))
		}
		e.line("  } in;")
		e.line("  memset(&in, 0, sizeof(in));")
		e.fieldDefaults("  ", "in.", m.Args)
		e.getFields("  ", m.Args, "in.")
		for _, f := range m.Args {
			place := "in." + e.member(f.Name)
			switch {
			case f.Type.Kind == ir.Buffer:
				e.line("  %s.client = call->client;", place)
				passed = append(passed, place)
			case byPointer(f.Type):
				passed = append(passed, "&"+place)
			default:
				passed = append(passed, place)
			}
		}
	}
	if m.Result != nil {
		e.line("  %s;", declare(e.ctype(m.Result), "out"))
		e.line("  memset(&out, 0, sizeof(out));")
		if owns(m.Result) {
			passed = append(passed, "call->arguments.arena")
		}
		passed = append(passed, "&out")
	}
	e.line("  sr_error *error = sr_callback_begin(call, self->%s != NULL);", name)
	e.wrapped("  if (error == NULL) error = sr_callback_failed(self->"+name+"(", passed, "), "+domain(m)+");")
	if m.Result == nil {
		e.line("  return error;")
	} else {
		e.line("  if (error != NULL) return error;")
		if m.Result.Kind == ir.Buffer {
			e.line("  sr_callback_give(call, out);")
		} else {
			e.line("  sr_writer *w = &call->reply;")
			e.put("  ", lower.Type(m.Result), "out")
		}
		e.line("  return NULL;")
	}
	e.line("}")
	e.line("")
}

// domain is that of the errors that a method may give.
func domain(m *ir.Method) string {
	if m.Throws == nil {
		return "0"
	}
	return fmt.Sprintf("0x%08xu", m.Throws.Domain)
}
