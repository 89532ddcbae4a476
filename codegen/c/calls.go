package c

import (
	"fmt"
	"slices"
	"strings"

	"strongroom.dev/codegen/ir"
	"strongroom.dev/codegen/lower"
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
		e.wrapped("static inline bool "+e.derived(t.Name, "_from")+"(", []string{"const sr_error *error", "sr_arena *arena", name + " *out"}, ") {")
		e.line("  memset(out, 0, sizeof(*out));")
		e.line("  if (error == NULL || error->domain != 0x%08xu || error->variant > %d) return false;", t.Domain, len(t.Variants)-1)
		e.line("  out->kind = (%s)error->variant;", e.derived(t.Name, "_kind"))
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
	for _, t := range e.thrown() {
		e.newError(t)
	}
}

// newError writes the function that makes an error for a callback to give.
func (e *emitter) newError(t *ir.Error) {
	name := e.typeName(t.Name)
	e.doc("", []string{"An error for a callback to return. The library makes the message that its callers see."})
	e.line("static inline sr_error *%s(const %s *v) {", e.derived(t.Name, "_new"), name)
	e.line("  static const char *const names[] = {")
	for _, v := range t.Variants {
		e.line("    %s,", quote(t.Name+"."+v.Name))
	}
	e.line("  };")
	e.line("  sr_writer writer, *w = &writer;")
	e.line("  sr_writer_init(w);")
	if slices.ContainsFunc(t.Variants, func(v *ir.Variant) bool { return len(v.Fields) > 0 }) {
		e.putVariants(t.Name, t.Variants)
	}
	e.line("  return sr_error_new(0x%08xu, (uint32_t)v->kind, names[v->kind], w);", t.Domain)
	e.line("}")
	e.line("")
}

// errorDefaults are what a library that knows fewer fields leaves out.
func (e *emitter) errorDefaults(t *ir.Error) {
	for _, v := range t.Variants {
		if e.hasDefaults(v.Fields) {
			e.line("  if (out->kind == %s) {", e.variant(t.Name, v))
			e.fieldDefaults("    ", "out->as."+e.member(v.Name)+".", v.Fields)
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
	e.line("static inline sr_error *%s(const sr_options *options, sr_client **out) {", e.clientNew())
	e.line("  static const uint8_t hash[16] = {%s,", strings.Join(bytes[:8], ", "))
	e.line("                                   %s};", strings.Join(bytes[8:], ", "))
	e.line("  static const char *const schema[] = {")
	for line := range strings.Lines(e.schema.Text) {
		e.literal("    ", strings.TrimSuffix(line, "\n"))
	}
	e.line("  };")
	e.line("  sr_error *error = sr_client_check(hash, schema, sizeof(schema) / sizeof(schema[0]));")
	e.line("  return error != NULL ? error : sr_client_new(options, out);")
	e.line("}")
	e.line("")
}

// literal writes an item of an array of texts, on as many lines as it needs. Where they are several they stand in parentheses:
// without them, clang takes a text after a text for a comma that was forgotten.
func (e *emitter) literal(indent, text string) {
	const most = lineWidth - len(`("",`)
	if len(indent)+len(text) <= most {
		e.line("%s%s,", indent, quote(text))
		return
	}
	for before := "("; text != ""; before = " " {
		part := text[:min(len(text), most-len(indent)-len(before))]
		if at := strings.LastIndexByte(part, ','); at > 0 && len(part) < len(text) {
			part = part[:at+1]
		}
		text = text[len(part):]
		after := ""
		if text == "" {
			after = "),"
		}
		e.line("%s%s%s%s", indent, before, quote(part), after)
	}
}

func (e *emitter) iface(i *ir.Interface) {
	for _, m := range i.All() {
		if m.Immediate {
			e.immediate(m)
			continue
		}
		e.start(m)
		if m.Input != nil {
			e.push(m)
		}
		if m.Stream {
			e.next(m)
			continue
		}
		if m.Emits != nil {
			e.emitted(m)
		}
		e.finish(m)
		if m.Input == nil {
			e.blocking(m)
		}
	}
	name := e.typeName(i.Name)
	e.doc("", []string{"Closes the object; it ends when its last request is over."})
	e.line("static inline sr_error *%s(%s self) {", e.global(i, "close", name+"_close"), name)
	e.line("  return sr_client_close_object(self.client, self.handle);")
	e.line("}")
	e.line("")
}

// call collects the parts of a method's functions.
type call struct {
	object []string // the parameter that is called: self, or the client
	client string
	handle string
	args   []string
	names  []string
	result []string // arena and out
	passed []string
}

func (e *emitter) call(m *ir.Method) call {
	c := call{
		object: []string{e.typeName(m.Interface.Name) + " self"},
		client: "self.client",
		handle: "self.handle",
	}
	if m.Constructor {
		c.object, c.client, c.handle = []string{"sr_client *client"}, "client", "0"
	}
	for _, f := range m.Args {
		c.args = append(c.args, e.parameter(f.Type, e.argument(f.Name)))
		c.names = append(c.names, e.argument(f.Name))
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

// method carries over what the IDL says of a method and its arguments, above a function that begins it.
func (e *emitter) method(m *ir.Method, more ...string) {
	about := m.About
	about.Doc = slices.Clone(about.Doc)
	for _, f := range m.Args {
		if text := strings.Join(sentences(f), " "); text != "" {
			about.Doc = append(about.Doc, "@param "+e.argument(f.Name)+" "+text)
		}
	}
	if m.Input != nil {
		if text := strings.Join(sentences(m.Input), " "); text != "" {
			about.Doc = append(about.Doc, "Items of `"+m.Input.Name+"`: "+text)
		}
	}
	if m.Throws != nil {
		more = append(more, "Its own errors are those of "+e.typeName(m.Throws.Name)+".")
	}
	e.about("", about, more...)
	if m.Deprecated != "" {
		e.line("%s", strings.TrimSpace(deprecated(m.Deprecated)))
	}
}

// sentences are what is said of an argument.
func sentences(f *ir.Field) []string {
	out := slices.Clone(f.Doc)
	if f.Type.Kind == ir.Duration && f.Type.Alias == nil {
		out = append(out, "In nanoseconds.")
	}
	if f.Type.Kind == ir.Optional {
		out = append(out, "NULL: absent.")
	}
	if f.Since != "" {
		out = append(out, "Since "+f.Since+".")
	}
	if f.Deprecated != "" {
		out = append(out, "Deprecated: "+f.Deprecated+".")
	}
	return out
}

func (e *emitter) open(name string, parameters ...[]string) {
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

// writer declares the writer of a payload.
func (e *emitter) writer() {
	e.line("  sr_writer writer, *w = &writer;")
	e.line("  sr_writer_init(w);")
}

// putArgument writes a parameter of a function into its writer.
func (e *emitter) putArgument(c *lower.Code, name, client string) {
	switch {
	case c.Op == lower.Callback:
		e.line("  %s(w, %s, %s);", e.codec("put", c.Type), client, name)
	case byPointer(c.Type):
		e.line("  %s(w, %s);", e.codec("put", c.Type), name)
	default:
		e.put("  ", c, name)
	}
}

func (e *emitter) encodeArgs(m *ir.Method, client string) {
	e.writer()
	for _, step := range lower.Method(m).Arguments {
		e.putArgument(step.Code, e.argument(step.Field.Name), client)
	}
}

func (e *emitter) start(m *ir.Method) {
	c := e.call(m)
	switch {
	case m.Input != nil && m.Stream:
		e.method(m, "Give the items of `"+m.Input.Name+"` with `_push`, then call sr_request_end; ask for those of the result with `_next`.",
			"End early with sr_request_drop.")
	case m.Input != nil:
		e.method(m, "Give the items of `"+m.Input.Name+"` with `_push`, call sr_request_end, and ask for the result with `_finish`.",
			"End early with sr_request_drop.")
	case m.Stream:
		e.method(m, "Ask for the items with `_next`, and end early with sr_request_drop.")
	default:
		e.doc("", []string{"Begins " + e.function(m, "") + ", and returns at once."})
		if m.Deprecated != "" {
			e.line("%s", strings.TrimSpace(deprecated(m.Deprecated)))
		}
	}
	e.open(e.function(m, "_start"), c.object, c.args, []string{"const sr_call *how", "sr_request *request"})
	e.encodeArgs(m, c.client)
	window := "0"
	switch call := lower.Method(m); {
	case call.How == lower.Streamed && call.Result.Op == lower.Buffer:
		window = "SR_BUFFER_WINDOW"
	case call.How == lower.Streamed:
		window = "SR_ITEM_WINDOW"
	}
	e.line("  return sr_client_start(%s, %s, 0x%08xu, w, how, %s, request);", c.client, c.handle, m.ID, window)
	e.line("}")
	e.line("")
}

// push writes the function that gives an item of a method's input.
func (e *emitter) push(m *ir.Method) {
	e.doc("", []string{"Gives the next of `" + m.Input.Name + "`, once there is room for it. *more is false, and the item was not taken, where the request",
		"is over already."})
	e.open(e.function(m, "_push"), []string{"sr_request *request", e.parameter(m.Input.Type, "item"), "bool *more"})
	if m.Input.Type.Kind == ir.Buffer {
		e.line("  return sr_request_push_buffer(request, item, more);")
	} else {
		e.writer()
		e.putArgument(lower.Type(m.Input.Type), "item", "")
		e.line("  return sr_request_push(request, w, more);")
	}
	e.line("}")
	e.line("")
}

// decodeResult reads what a reply holds into *out.
func (e *emitter) decodeResult(result *ir.Ref) {
	if result == nil {
		return
	}
	e.line("  sr_reader *r = &reply.reader;")
	code := lower.Type(result)
	if code.Moves() {
		e.line("  out->client = reply.client;")
		e.line("  out->handle = sr_get_u64(r);")
		return
	}
	e.get("  ", code, "(*out)")
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
	e.open(e.function(m, "_finish"), []string{"sr_request *request"}, c.result)
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
	e.method(m)
	e.open(e.function(m, ""), c.object, c.args, c.result)
	e.line("  sr_request request;")
	object := "self"
	if m.Constructor {
		object = "client"
	}
	e.wrapped("  sr_error *error = "+e.function(m, "_start")+"(", append(append([]string{object}, c.names...), "NULL", "&request"), ");")
	e.line("  return error != NULL ? error : %s(%s);", e.function(m, "_finish"), strings.Join(append([]string{"&request"}, c.passed...), ", "))
	e.line("}")
	e.line("")
}

func (e *emitter) next(m *ir.Method) {
	c := e.call(m)
	e.doc("", []string{"Waits for the next item of `" + m.Name + "`. At the end, *more is false and the request has ended; so it has",
		"with an error."})
	e.receive(e.function(m, "_next"), "sr_request_next", c.result, m.Result)
}

func (e *emitter) emitted(m *ir.Method) {
	record := &ir.Ref{Kind: ir.RecordRef, Record: m.Emits}
	var parameters []string
	if owns(record) {
		parameters = append(parameters, "sr_arena *arena")
	}
	parameters = append(parameters, e.ctype(record)+" *out")
	e.doc("", []string{"Waits until `" + m.Name + "` is further. *more is false when its result is there: then call `_finish`."})
	e.receive(e.function(m, "_emitted"), "sr_request_emitted", parameters, record)
}

func (e *emitter) receive(name, runtime string, parameters []string, result *ir.Ref) {
	e.open(name, []string{"sr_request *request"}, parameters, []string{"bool *more"})
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
	e.method(m, "Answers at once.")
	e.open(e.function(m, ""), c.object, c.args, c.result)
	e.encodeArgs(m, c.client)
	e.line("  sr_reply reply;")
	e.line("  sr_error *error = sr_client_immediate(%s, %s, 0x%08xu, w, %s, &reply);", c.client, c.handle, m.ID, arenaName(m.Result))
	e.line("  if (error != NULL) return error;")
	e.decodeResult(m.Result)
	e.line("  return sr_reply_end(&reply);")
	e.line("}")
	e.line("")
}
