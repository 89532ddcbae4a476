package c

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"strongroom.dev/codegen/ir"
	"strongroom.dev/codegen/lower"
)

// aggregates are the records and the enums with fields: they have functions of their own.
func (e *emitter) aggregates() []ir.Type {
	var out []ir.Type
	for _, t := range e.schema.Types {
		if _, isError := t.(*ir.Error); !isError {
			out = append(out, t)
		}
	}
	return out
}

// refTo is the use of a record or an enum.
func refTo(t ir.Type) *ir.Ref {
	switch t := t.(type) {
	case *ir.Record:
		return &ir.Ref{Kind: ir.RecordRef, Record: t}
	case *ir.Enum:
		return &ir.Ref{Kind: ir.EnumRef, Enum: t}
	default:
		panic("an error is no data")
	}
}

// thrown are the errors that callbacks give: the C program makes them.
func (e *emitter) thrown() []*ir.Error {
	var out []*ir.Error
	for _, i := range e.schema.Callbacks {
		for _, m := range i.Methods {
			if m.Throws != nil && !slices.Contains(out, m.Throws) {
				out = append(out, m.Throws)
			}
		}
	}
	return out
}

func plain(t ir.Type) bool {
	enum, ok := t.(*ir.Enum)
	return ok && enum.Plain()
}

// defaults writes, for each structure, the value that has every field at its default. Types that are held by value
// come first.
func (e *emitter) defaults() {
	done := map[ir.Type]bool{}
	var visit func(t ir.Type)
	fields := func(list []*ir.Field) {
		for _, f := range list {
			switch f.Type.Kind {
			case ir.RecordRef:
				visit(f.Type.Record)
			case ir.EnumRef:
				visit(f.Type.Enum)
			}
		}
	}
	visit = func(t ir.Type) {
		if done[t] || plain(t) {
			return
		}
		done[t] = true
		name := e.typeName(t.TypeName())
		switch t := t.(type) {
		case *ir.Record:
			fields(t.Fields)
			e.line("static inline %s %s(void) {", name, e.derived(t.Name, "_default"))
			e.line("  %s out;", name)
			e.line("  memset(&out, 0, sizeof(out));")
			e.fieldDefaults("  ", "out.", t.Fields)
			e.line("  return out;")
			e.line("}")
			e.line("")
		case *ir.Enum:
			for _, v := range t.Variants {
				fields(v.Fields)
			}
			e.of(t.Name, t.Variants)
		case *ir.Error:
			for _, v := range t.Variants {
				fields(v.Fields)
			}
			e.of(t.Name, t.Variants)
		}
	}
	for _, t := range e.aggregates() {
		visit(t)
	}
	for _, t := range e.thrown() {
		visit(t)
	}
}

// of writes the function that makes a variant.
func (e *emitter) of(typ string, variants []*ir.Variant) {
	name := e.typeName(typ)
	e.doc("", []string{"The variant with its fields at their defaults."})
	e.line("static inline %s %s(%s kind) {", name, e.derived(typ, "_of"), e.derived(typ, "_kind"))
	e.line("  %s out;", name)
	e.line("  memset(&out, 0, sizeof(out));")
	e.line("  out.kind = kind;")
	e.variantDefaults(typ, variants)
	e.line("  return out;")
	e.line("}")
	e.line("")
}

func (e *emitter) variantDefaults(typ string, variants []*ir.Variant) {
	needed := false
	for _, v := range variants {
		needed = needed || e.hasDefaults(v.Fields)
	}
	if !needed {
		return
	}
	e.line("  switch (kind) {")
	for _, v := range variants {
		if !e.hasDefaults(v.Fields) {
			continue
		}
		e.line("    case %s:", e.variant(typ, v))
		e.fieldDefaults("      ", "out.as."+e.member(v.Name)+".", v.Fields)
		e.line("      break;")
	}
	e.line("    default:")
	e.line("      break;")
	e.line("  }")
}

func (e *emitter) hasDefaults(fields []*ir.Field) bool {
	return slices.ContainsFunc(lower.Steps(fields), func(s lower.Step) bool { return e.absent(s) != "" })
}

func (e *emitter) fieldDefaults(indent, place string, fields []*ir.Field) {
	for _, step := range lower.Steps(fields) {
		if value := e.absent(step); value != "" {
			e.line("%s%s%s = %s;", indent, place, e.member(step.Field.Name), value)
		}
	}
}

// absent is the value of a field that was left out, as a C expression; nothing where all its bytes are zero.
func (e *emitter) absent(step lower.Step) string {
	absent, typ := step.Absent(), step.Type
	switch {
	case absent.Value == nil && absent.Variant == nil && step.Op != lower.Product:
		return ""
	case absent.Variant != nil:
		return e.value(typ, &ir.Value{Variant: absent.Variant})
	case absent.Value == nil:
		return e.derived(typ.Record.Name, "_default") + "()"
	case step.Op != lower.Text:
		return e.value(typ, absent.Value)
	case absent.Value.Text == "":
		return ""
	default:
		return "sr_string_of(" + e.value(typ, absent.Value) + ")"
	}
}

// value is a C expression of its type; that of a string is a literal.
func (e *emitter) value(r *ir.Ref, v *ir.Value) string {
	switch r.Kind {
	case ir.EnumRef:
		constant := e.variant(r.Enum.Name, v.Variant)
		if r.Enum.Plain() {
			return constant
		}
		return e.derived(r.Enum.Name, "_of") + "(" + constant + ")"
	case ir.Bool:
		return strconv.FormatBool(v.Bool)
	case ir.U8, ir.U16, ir.U32:
		return fmt.Sprintf("%du", v.Uint)
	case ir.U64:
		return fmt.Sprintf("UINT64_C(%d)", v.Uint)
	case ir.I8, ir.I16:
		return strconv.FormatInt(v.Int, 10)
	case ir.I32:
		if v.Int == math.MinInt32 { // its digits alone are no int
			return "INT32_MIN"
		}
		return strconv.FormatInt(v.Int, 10)
	case ir.I64, ir.Duration:
		if v.Int == math.MinInt64 {
			return "INT64_MIN"
		}
		return fmt.Sprintf("INT64_C(%d)", v.Int)
	case ir.F32:
		return float(v.Float, 32) + "f"
	case ir.F64:
		return float(v.Float, 64)
	default:
		return quote(v.Text)
	}
}

// float writes a literal that no compiler takes for an integer.
func float(value float64, bits int) string {
	text := strconv.FormatFloat(value, 'g', -1, bits)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return text
}

// quote writes a C literal. Octal escapes have three digits at most, so that no following digit belongs to them.
func quote(text string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, c := range []byte(text) {
		switch {
		case c == '"' || c == '\\' || c == '?': // no trigraphs
			out.WriteString("\\" + string(rune(c)))
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&out, "\\%03o", c)
		default:
			out.WriteByte(c)
		}
	}
	out.WriteByte('"')
	return out.String()
}

// encoding writes the functions that put values into a frame, and get them out of one.
func (e *emitter) encoding() {
	for _, r := range e.containers {
		e.line("static inline void %s(sr_writer *w, %s v);", e.codec("put", r), e.structure(r))
		e.line("static inline void %s(sr_reader *r, %s *out);", e.codec("get", r), e.structure(r))
	}
	for _, t := range e.aggregates() {
		if !plain(t) {
			e.line("static inline void %s(sr_writer *w, const %s *v);", e.codec("put", refTo(t)), e.typeName(t.TypeName()))
		}
		e.line("static inline void %s(sr_reader *r, %s *out);", e.codec("get", refTo(t)), e.typeName(t.TypeName()))
	}
	e.line("")
	for _, r := range e.containers {
		if r.Kind == ir.List {
			e.list(r)
		} else {
			e.mapping(r)
		}
	}
	for _, t := range e.aggregates() {
		switch t := t.(type) {
		case *ir.Record:
			e.record(t)
		case *ir.Enum:
			e.enum(t)
		}
	}
}

// primitive names the runtime's functions for a value that is no structure of the schema.
func primitive(c *lower.Code) string {
	switch c.Op {
	case lower.Flag:
		return "bool"
	case lower.Unsigned:
		return fmt.Sprintf("u%d", 8*c.Size)
	case lower.Signed:
		return fmt.Sprintf("i%d", 8*c.Size)
	case lower.Float:
		return fmt.Sprintf("f%d", 8*c.Size)
	case lower.Text:
		return "string"
	case lower.Blob, lower.Path:
		return "bytes"
	case lower.Instant:
		return "timestamp"
	case lower.Span:
		return "duration"
	default:
		panic(fmt.Sprintf("%s is no primitive", c.Type))
	}
}

// put writes the statements that encode a value.
func (e *emitter) put(indent string, c *lower.Code, value string) {
	switch c.Op {
	case lower.Fixed:
		e.line("%ssr_put_raw(w, %s.data, sizeof(%s.data));", indent, value, value)
	case lower.Maybe:
		e.line("%ssr_put_bool(w, %s != NULL);", indent, value)
		e.line("%sif (%s != NULL) {", indent, value)
		e.put(indent+"  ", c.Item, "(*"+value+")")
		e.line("%s}", indent)
	case lower.Sequence, lower.Table:
		e.line("%s%s(w, %s);", indent, e.codec("put", c.Type), plainPlace(value))
	case lower.Product:
		e.line("%s%s(w, %s);", indent, e.codec("put", c.Type), address(value))
	case lower.Sum:
		if c.Type.Enum.Plain() {
			e.line("%ssr_put_u32(w, (uint32_t)%s);", indent, plainPlace(value))
			e.line("%ssr_put_u32(w, 0);", indent)
		} else {
			e.line("%s%s(w, %s);", indent, e.codec("put", c.Type), address(value))
		}
	case lower.Buffer, lower.Object:
		e.line("%ssr_put_u64(w, %s.handle);", indent, value)
	default:
		e.line("%ssr_put_%s(w, %s);", indent, primitive(c), plainPlace(value))
	}
}

// plainPlace is a place that stands alone, without the brackets that a dereference needs before a member.
func plainPlace(place string) string {
	if inner, ok := strings.CutPrefix(place, "(*"); ok && strings.HasSuffix(inner, ")") {
		return "*" + strings.TrimSuffix(inner, ")")
	}
	return place
}

// address points to a place.
func address(place string) string {
	if inner, ok := strings.CutPrefix(place, "(*"); ok && strings.HasSuffix(inner, ")") {
		return strings.TrimSuffix(inner, ")")
	}
	return "&" + place
}

// get writes the statements that decode a value into a place.
func (e *emitter) get(indent string, c *lower.Code, place string) {
	switch c.Op {
	case lower.Fixed:
		e.line("%ssr_get_raw(r, %s.data, sizeof(%s.data));", indent, place, place)
	case lower.Maybe:
		item := e.ctype(c.Item.Type)
		e.line("%s%s = NULL;", indent, plainPlace(place))
		e.line("%sif (sr_get_bool(r)) {", indent)
		e.line("%s  %s = (%s)sr_get_room(r, 1, sizeof(*item));", indent, declare(pointer(item), "item"), pointer(item))
		e.line("%s  if (item != NULL) {", indent)
		e.get(indent+"    ", c.Item, "(*item)")
		e.line("%s    %s = item;", indent, plainPlace(place))
		e.line("%s  }", indent)
		e.line("%s}", indent)
	case lower.Sequence, lower.Table, lower.Product, lower.Sum:
		e.line("%s%s(r, %s);", indent, e.codec("get", c.Type), address(place))
	case lower.Buffer, lower.Object:
		e.line("%s%s.handle = sr_get_u64(r);", indent, place)
	default:
		e.line("%s%s = sr_get_%s(r);", indent, plainPlace(place), primitive(c))
	}
}

func (e *emitter) list(r *ir.Ref) {
	item, code := e.item(r.Elem), lower.Type(r)
	e.line("static inline void %s(sr_writer *w, %s v) {", e.codec("put", r), e.structure(r))
	e.line("  sr_put_count(w, v.count);")
	e.line("  for (size_t i = 0; i < v.count; i++) {")
	e.put("    ", code.Item, "v.items[i]")
	e.line("  }")
	e.line("}")
	e.line("")
	e.line("static inline void %s(sr_reader *r, %s *out) {", e.codec("get", r), e.structure(r))
	e.line("  const size_t count = sr_get_count(r, %d);", code.Item.Least)
	e.line("  %s = (%s)sr_get_room(r, count, sizeof(*items));", declare(pointer(item), "items"), pointer(item))
	e.line("  out->items = items;")
	e.line("  out->count = 0;")
	e.line("  if (items == NULL) return;")
	e.line("  for (size_t i = 0; i < count && r->failure == 0; i++) {")
	e.get("    ", code.Item, "items[i]")
	e.line("  }")
	e.line("  out->count = count;")
	e.line("}")
	e.line("")
}

func (e *emitter) mapping(r *ir.Ref) {
	entry, code := e.entry(r), lower.Type(r)
	e.line("static inline int %s(const void *a, const void *b) {", e.codec("compare", r))
	e.line("  const %s *left = *(const %s *const *)a;", entry, entry)
	e.line("  const %s *right = *(const %s *const *)b;", entry, entry)
	switch code.Key.Op {
	case lower.Text:
		e.line("  return sr_compare_strings(left->key, right->key);")
	case lower.Fixed:
		e.line("  return memcmp(left->key.data, right->key.data, sizeof(left->key.data));")
	default:
		e.line("  return (left->key > right->key) - (left->key < right->key);")
	}
	e.line("}")
	e.line("")
	e.line("static inline void %s(sr_writer *w, %s v) {", e.codec("put", r), e.structure(r))
	e.line("  sr_put_count(w, v.count);")
	e.line("  const void **sorted = sr_put_sorting(w, v.items, v.count, sizeof(*v.items), %s);", e.codec("compare", r))
	e.line("  if (sorted == NULL) return;")
	e.line("  for (size_t i = 0; i < v.count; i++) {")
	e.line("    const %s *entry = (const %s *)sorted[i];", entry, entry)
	e.put("    ", code.Key, "entry->key")
	e.put("    ", code.Item, "entry->value")
	e.line("  }")
	e.line("  sr_put_sorted(sorted);")
	e.line("}")
	e.line("")
	e.line("static inline void %s(sr_reader *r, %s *out) {", e.codec("get", r), e.structure(r))
	e.line("  const size_t count = sr_get_count(r, %d);", code.Pair())
	e.line("  %s *items = (%s *)sr_get_room(r, count, sizeof(*items));", entry, entry)
	e.line("  out->items = items;")
	e.line("  out->count = 0;")
	e.line("  if (items == NULL) return;")
	e.line("  for (size_t i = 0; i < count && r->failure == 0; i++) {")
	e.get("    ", code.Key, "items[i].key")
	e.get("    ", code.Item, "items[i].value")
	e.line("  }")
	e.line("  sr_get_unique(r, items, count, sizeof(*items), %s);", e.codec("compare", r))
	e.line("  out->count = count;")
	e.line("}")
	e.line("")
}

func (e *emitter) record(t *ir.Record) {
	self, ctype := refTo(t), e.typeName(t.Name)
	e.line("static inline void %s(sr_writer *w, const %s *v) {", e.codec("put", self), ctype)
	e.line("  const size_t place = sr_put_open(w);")
	e.putFields("  ", t.Fields, "v->")
	e.line("  sr_put_close(w, place);")
	e.line("}")
	e.line("")
	e.line("static inline void %s(sr_reader *r, %s *out) {", e.codec("get", self), ctype)
	e.line("  *out = %s();", e.derived(t.Name, "_default"))
	e.line("  const uint8_t *outer = sr_get_open(r);")
	e.getFields("  ", t.Fields, "out->")
	e.line("  sr_get_close(r, outer);")
	e.line("}")
	e.line("")
}

func (e *emitter) putFields(indent string, fields []*ir.Field, place string) {
	for _, step := range lower.Steps(fields) {
		e.put(indent, step.Code, place+e.member(step.Field.Name))
	}
}

func (e *emitter) getFields(indent string, fields []*ir.Field, place string) {
	for _, step := range lower.Steps(fields) {
		e.line("%sif (!sr_get_ended(r)) {", indent)
		e.get(indent+"  ", step.Code, place+e.member(step.Field.Name))
		e.line("%s}", indent)
	}
}

func (e *emitter) enum(t *ir.Enum) {
	self, ctype := refTo(t), e.typeName(t.Name)
	if t.Plain() {
		e.line("static inline void %s(sr_reader *r, %s *out) {", e.codec("get", self), ctype)
		e.line("  const uint32_t variant = sr_get_u32(r);")
		e.line("  const uint8_t *outer = sr_get_open(r);")
		e.line("  if (variant > %d) sr_get_malformed(r);", len(t.Variants)-1)
		e.line("  *out = (%s)(variant > %d ? 0 : variant);", ctype, len(t.Variants)-1)
		e.line("  sr_get_close(r, outer);")
		e.line("}")
		e.line("")
		return
	}
	e.line("static inline void %s(sr_writer *w, const %s *v) {", e.codec("put", self), ctype)
	e.line("  sr_put_u32(w, (uint32_t)v->kind);")
	e.line("  const size_t place = sr_put_open(w);")
	e.putVariants(t.Name, t.Variants)
	e.line("  sr_put_close(w, place);")
	e.line("}")
	e.line("")
	e.line("static inline void %s(sr_reader *r, %s *out) {", e.codec("get", self), ctype)
	e.line("  const uint32_t variant = sr_get_u32(r);")
	e.line("  const uint8_t *outer = sr_get_open(r);")
	e.line("  if (variant > %d) sr_get_malformed(r);", len(t.Variants)-1)
	e.line("  *out = %s((%s)(variant > %d ? 0 : variant));", e.derived(t.Name, "_of"), e.derived(t.Name, "_kind"), len(t.Variants)-1)
	e.getVariants(t.Name, t.Variants)
	e.line("  sr_get_close(r, outer);")
	e.line("}")
	e.line("")
}

// putVariants writes the fields of the variant that *v is.
func (e *emitter) putVariants(typ string, variants []*ir.Variant) {
	e.line("  switch (v->kind) {")
	for _, v := range variants {
		if len(v.Fields) == 0 {
			continue
		}
		e.line("    case %s:", e.variant(typ, v))
		e.putFields("      ", v.Fields, "v->as."+e.member(v.Name)+".")
		e.line("      break;")
	}
	e.line("    default:")
	e.line("      break;")
	e.line("  }")
}

func (e *emitter) getVariants(typ string, variants []*ir.Variant) {
	e.line("  switch (out->kind) {")
	for _, v := range variants {
		if len(v.Fields) == 0 {
			continue
		}
		e.line("    case %s:", e.variant(typ, v))
		e.getFields("      ", v.Fields, "out->as."+e.member(v.Name)+".")
		e.line("      break;")
	}
	e.line("    default:")
	e.line("      break;")
	e.line("  }")
}
