package c

import (
	"fmt"
	"strings"

	"strongroom.dev/codegen/ir"
)

// errors writes, for each error type, the function that turns an sr_error into it.
func (e *emitter) errors() {
	for _, t := range e.schema.Types {
		t, ok := t.(*ir.Error)
		if !ok {
			continue
		}
		name := e.typeName(t.Name)
		e.doc("", []string{"Whether the error is of this type; then *out is its variant with what it tells, in the arena."})
		e.wrapped("static inline bool "+name+"_from(", []string{"const sr_error *error", "sr_arena *arena", name + " *out"}, ") {")
		e.line("  memset(out, 0, sizeof(*out));")
		e.line("  if (error == NULL || error->domain != %d || error->variant > %d) return false;", t.Domain, len(t.Variants)-1)
		e.line("  out->kind = (%s_kind)error->variant;", name)
		fields := false
		for _, v := range t.Variants {
			fields = fields || len(v.Fields) > 0
		}
		if fields {
			e.line("  sr_reader reader, *r = &reader;")
			e.line("  sr_reader_init(r, error->fields, error->fields_length, arena);")
			e.errorDefaults(t)
			e.getVariants(t.Name, t.Variants)
			e.line("  return r->failure == 0;")
		} else {
			e.line("  (void)arena;")
			e.line("  return true;")
		}
		e.line("}")
		e.line("")
	}
}

// errorDefaults are what a library that knows fewer fields leaves out.
func (e *emitter) errorDefaults(t *ir.Error) {
	for _, v := range t.Variants {
		if e.hasDefaults(v.Fields) {
			e.line("  if (out->kind == %s) {", e.constant(t.Name, v.Name))
			e.fieldDefaults("    ", "out->as."+member(v.Name)+".", v.Fields)
			e.line("  }")
		}
	}
}

// client writes the function that makes a client of a library that fits the header.
func (e *emitter) client() {
	var bytes []string
	for _, b := range e.schema.Hash {
		bytes = append(bytes, fmt.Sprintf("0x%02x", b))
	}
	e.doc("", []string{"Makes a client, where the library was built from the same interface as this header. Options may be NULL."})
	e.line("static inline sr_error *%sclient_new(const sr_options *options, sr_client **out) {", e.prefix)
	e.line("  static const uint8_t schema[16] = {%s,", strings.Join(bytes[:8], ", "))
	e.line("                                     %s};", strings.Join(bytes[8:], ", "))
	e.line("  static const sr_expected_method methods[] = {")
	for _, m := range e.schema.Methods() {
		e.line("    {0x%08xu, UINT64_C(0x%016x), %s},", m.ID, m.Hash, quote(m.FullName()))
	}
	e.line("  };")
	e.line("  sr_error *error = sr_check(schema, methods, sizeof(methods) / sizeof(methods[0]));")
	e.line("  return error != NULL ? error : sr_client_new(options, out);")
	e.line("}")
	e.line("")
}

func (e *emitter) iface(i *ir.Interface) {
	for _, m := range append(append([]*ir.Method{}, i.Constructors...), i.Methods...) {
		switch {
		case m.Immediate:
			e.immediate(m)
		case m.Stream:
			e.start(m)
			e.next(m)
		default:
			e.start(m)
			if m.Emits != nil {
				e.emitted(m)
			}
			e.finish(m)
			e.blocking(m)
		}
	}
	taken := map[string]bool{}
	for _, m := range i.Methods {
		taken[m.Name] = true
	}
	closing := "close"
	for taken[closing] {
		closing += "_"
	}
	name := e.typeName(i.Name)
	e.doc("", []string{"Closes the object; it ends when its last request is over."})
	e.line("static inline sr_error *%s_%s(%s self) {", name, closing, name)
	e.line("  return sr_client_close_object(self.client, self.handle);")
	e.line("}")
	e.line("")
}

// call collects the parts of a method's functions.
type call struct {
	function string   // strongroom_repository_open
	object   []string // the parameter that is called: self, or the client
	client   string
	handle   string
	args     []string
	names    []string
	result   []string // arena and out
	passed   []string
}

func (e *emitter) call(m *ir.Method) call {
	c := call{
		function: e.typeName(m.Interface.Name) + "_" + m.Name,
		object:   []string{e.typeName(m.Interface.Name) + " self"},
		client:   "self.client",
		handle:   "self.handle",
	}
	if m.Constructor {
		c.object, c.client, c.handle = []string{"sr_client *client"}, "client", "0"
	}
	for _, f := range m.Args {
		c.args = append(c.args, e.parameter(f))
		c.names = append(c.names, argument(f.Name))
	}
	if m.Result != nil {
		if owns(m.Result) {
			c.result = append(c.result, "sr_arena *arena")
			c.passed = append(c.passed, "arena")
		}
		c.result = append(c.result, declare(pointer(e.ctype(m.Result)), "out"))
		c.passed = append(c.passed, "out")
	}
	return c
}

func (e *emitter) function(name string, parameters ...[]string) {
	var all []string
	for _, p := range parameters {
		all = append(all, p...)
	}
	e.wrapped("static inline sr_error *"+name+"(", all, ") {")
}

// lineWidth is where long lists of parameters are broken.
const lineWidth = 120

// wrapped writes a list between brackets, on as many lines as it needs.
func (e *emitter) wrapped(start string, items []string, end string) {
	indent := strings.Repeat(" ", len(start))
	text := start
	for i, item := range items {
		if i < len(items)-1 {
			item += ","
		} else {
			item += end
		}
		switch {
		case text == start || text == indent:
			text += item
		case len(text)+1+len(item) > lineWidth:
			e.line("%s", text)
			text = indent + item
		default:
			text += " " + item
		}
	}
	e.line("%s", text)
}

// encodeArgs writes the arguments into a writer.
func (e *emitter) encodeArgs(m *ir.Method) {
	e.line("  sr_writer writer, *w = &writer;")
	e.line("  sr_writer_init(w);")
	for _, f := range m.Args {
		name := argument(f.Name)
		switch {
		case byPointer(f.Type):
			e.line("  %sput_%s(w, %s);", e.prefix, e.mangle(f.Type), name)
		default:
			e.put("  ", f.Type, name)
		}
	}
}

func (e *emitter) start(m *ir.Method) {
	c := e.call(m)
	var more []string
	if m.Stream {
		more = []string{"Ask for the items with `_next`, and end early with sr_request_drop."}
	}
	e.doc("", m.Doc, more...)
	e.function(c.function+"_start", c.object, c.args, []string{"const sr_call *how", "sr_request *request"})
	e.encodeArgs(m)
	window := "0"
	switch {
	case m.Stream && m.Result.Kind == ir.Buffer:
		window = "SR_BUFFER_WINDOW"
	case m.Stream:
		window = "SR_ITEM_WINDOW"
	}
	e.line("  return sr_client_start(%s, %s, 0x%08xu, w, how, %s, request);", c.client, c.handle, m.ID, window)
	e.line("}")
	e.line("")
}

// decodeResult reads what a reply holds into *out.
func (e *emitter) decodeResult(result *ir.Ref) {
	if result == nil {
		return
	}
	e.line("  sr_reader *r = &reply.reader;")
	if result.Kind == ir.Buffer || result.Kind == ir.InterfaceRef {
		e.line("  out->client = reply.client;")
		e.line("  out->handle = sr_get_u64(r);")
		return
	}
	e.get("  ", result, "(*out)")
}

// arenaName is the arena that decoding takes, or NULL where it takes none.
func arenaName(result *ir.Ref) string {
	if result != nil && owns(result) {
		return "arena"
	}
	return "NULL"
}

func (e *emitter) finish(m *ir.Method) {
	c := e.call(m)
	e.doc("", []string{"Waits for the result of `" + m.Name + "`. The request ends."})
	e.function(c.function+"_finish", []string{"sr_request *request"}, c.result)
	e.line("  sr_reply reply;")
	e.line("  sr_error *error = sr_request_finish(request, %s, &reply);", arenaName(m.Result))
	e.line("  if (error != NULL) return error;")
	e.decodeResult(m.Result)
	e.line("  return sr_reply_end(&reply);")
	e.line("}")
	e.line("")
}

func (e *emitter) blocking(m *ir.Method) {
	c := e.call(m)
	e.doc("", m.Doc)
	e.function(c.function, c.object, c.args, c.result)
	e.line("  sr_request request;")
	object := "self"
	if m.Constructor {
		object = "client"
	}
	e.wrapped("  sr_error *error = "+c.function+"_start(", append(append([]string{object}, c.names...), "NULL", "&request"), ");")
	e.line("  return error != NULL ? error : %s_finish(%s);", c.function, strings.Join(append([]string{"&request"}, c.passed...), ", "))
	e.line("}")
	e.line("")
}

func (e *emitter) next(m *ir.Method) {
	c := e.call(m)
	e.doc("", []string{"Waits for the next item of `" + m.Name + "`. At the end, *more is false and the request has ended; so it has",
		"with an error."})
	e.receive(c.function+"_next", "sr_request_next", c.result, m.Result)
}

func (e *emitter) emitted(m *ir.Method) {
	record := &ir.Ref{Kind: ir.RecordRef, Record: m.Emits}
	var parameters []string
	if owns(record) {
		parameters = append(parameters, "sr_arena *arena")
	}
	parameters = append(parameters, e.ctype(record)+" *out")
	e.doc("", []string{"Waits until `" + m.Name + "` is further. *more is false when its result is there: then call `_finish`."})
	e.receive(e.call(m).function+"_emitted", "sr_request_emitted", parameters, record)
}

func (e *emitter) receive(name, runtime string, parameters []string, result *ir.Ref) {
	e.function(name, []string{"sr_request *request"}, parameters, []string{"bool *more"})
	e.line("  sr_reply reply;")
	e.line("  sr_error *error = %s(request, %s, &reply, more);", runtime, arenaName(result))
	e.line("  if (error != NULL || !*more) return error;")
	e.decodeResult(result)
	e.line("  return sr_reply_end(&reply);")
	e.line("}")
	e.line("")
}

func (e *emitter) immediate(m *ir.Method) {
	c := e.call(m)
	e.doc("", m.Doc, "Answers at once.")
	e.function(c.function, c.object, c.args, c.result)
	e.encodeArgs(m)
	e.line("  sr_reply reply;")
	e.line("  sr_error *error = sr_client_immediate(%s, %s, 0x%08xu, w, %s, &reply);", c.client, c.handle, m.ID, arenaName(m.Result))
	e.line("  if (error != NULL) return error;")
	e.decodeResult(m.Result)
	e.line("  return sr_reply_end(&reply);")
	e.line("}")
	e.line("")
}
