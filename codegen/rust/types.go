package rust

import (
	"slices"
	"strconv"
	"strings"

	"strongroom.dev/codegen/ir"
	"strongroom.dev/codegen/lower"
)

func (e *emitter) record(r *ir.Record) {
	steps := lower.Steps(r.Fields)
	derives := "Clone, Debug, PartialEq"
	if allDerivable(steps) {
		derives = "Clone, Debug, Default, PartialEq"
	}
	e.about(r.About, "Record `"+r.Name+"`.")
	e.line("#[derive(%s)]", derives)
	e.open("pub struct %s {", r.Name)
	for _, f := range r.Fields {
		e.about(f.About, "Field `"+f.Name+"`.")
		e.typed("pub "+snake(f.Name)+":", f.Type, ",")
	}
	e.close("}")
	e.line("")
	if !allDerivable(steps) {
		e.defaultImpl(r.Name, func() { e.literal(r.Name, initialisers(steps), "") })
	}
	e.coded(r.Name, func() { e.encodeRecord("self.", steps) }, func() {
		if len(steps) == 0 {
			e.line("reader.record(|_| Ok(%s {}))", r.Name)
			return
		}
		e.open("reader.record(|reader| {")
		e.decodeRecord(r.Name, steps)
		e.close("})")
	})
}

// typed writes a declaration that ends in a type.
func (e *emitter) typed(before string, t *ir.Ref, after string) {
	switch one := before + " " + typeName(t) + after; {
	case e.fits(one):
		e.line("%s", one)
	case 4+4*e.indent+len(typeName(t)+after) <= width:
		e.open("%s", before)
		e.line("%s%s", typeName(t), after)
		e.indent--
	case t.Kind == ir.Map:
		e.open("%s std::collections::BTreeMap<", before)
		e.line("%s,", typeName(t.Key))
		e.line("%s,", typeName(t.Elem))
		e.close(">" + after)
	default:
		e.line("%s", one)
	}
}

func (e *emitter) defaultImpl(name string, body func()) {
	e.open("impl Default for %s {", name)
	e.open("fn default() -> Self {")
	body()
	e.close("}")
	e.close("}")
	e.line("")
}

// coded writes the functions by which a type crosses the boundary.
func (e *emitter) coded(name string, encode, decode func()) {
	e.open("impl %s {", name)
	e.line("/// Writes the value as it crosses the boundary.")
	e.open("pub fn encode(self, writer: &mut rpc::Writer<'_>) {")
	encode()
	e.close("}")
	e.line("")
	e.line("/// Reads a value that [`%s::encode`] of this or another release wrote.", name)
	e.open("pub fn decode(reader: &mut rpc::Reader<'_>) -> Result<Self, rpc::Error> {")
	decode()
	e.close("}")
	e.close("}")
}

// variants writes the alternatives of an enum or an error.
func (e *emitter) variants(variants []*ir.Variant, first string) {
	for i, v := range variants {
		e.about(v.About, "Variant `"+v.Name+"`.")
		if i == 0 && first != "" {
			e.line("%s", first)
		}
		if plain(v) {
			e.line("%s,", camel(v.Name))
			continue
		}
		e.open("%s {", camel(v.Name))
		for _, f := range v.Fields {
			e.about(f.About, "Field `"+f.Name+"`.")
			e.typed(snake(f.Name)+":", f.Type, ",")
		}
		e.close("},")
	}
}

func (e *emitter) enum(t *ir.Enum) {
	first := t.Variants[0]
	derives, mark := []string{"Clone", "Debug", "PartialEq"}, ""
	if t.Plain() {
		derives = []string{"Clone", "Copy", "Debug", "PartialEq", "Eq"}
	}
	if plain(first) {
		derives, mark = append(derives, "Default"), "#[default]"
	}
	e.about(t.About, "Enum `"+t.Name+"`.")
	e.line("#[derive(%s)]", strings.Join(derives, ", "))
	e.large(t.Variants)
	e.open("pub enum %s {", t.Name)
	e.variants(t.Variants, mark)
	e.close("}")
	e.line("")
	if !plain(first) {
		e.defaultImpl(t.Name, func() { e.literal(t.Name+"::"+camel(first.Name), initialisers(lower.Steps(first.Fields)), "") })
	}
	e.coded(t.Name, func() { e.encodeVariants(t) }, func() {
		e.line("let variant = reader.u32()?;")
		reader := "reader"
		if t.Plain() {
			reader = "_"
		}
		e.open("reader.record(|%s| match variant {", reader)
		e.decodeVariants("enum", t.Name, t.Variants)
		e.close("})")
	})
}

// encodeVariants writes the number of the variant, and the record of its fields.
func (e *emitter) encodeVariants(t *ir.Enum) {
	if t.Plain() { // declared in the order of their numbers
		e.line("writer.u32(self as u32);")
		e.encodeRecord("", nil)
		return
	}
	e.open("match self {")
	for i, v := range t.Variants {
		e.open("%s => {", pattern(t.Name, v))
		e.line("writer.u32(%d);", i)
		e.encodeRecord("", lower.Steps(v.Fields))
		e.close("}")
	}
	e.close("}")
}

// decodeVariants writes the arms that read each variant's fields.
func (e *emitter) decodeVariants(keyword, name string, variants []*ir.Variant) {
	for i, v := range variants {
		if plain(v) {
			e.line("%d => Ok(%s::%s),", i, name, camel(v.Name))
			continue
		}
		e.open("%d => {", i)
		e.decodeRecord(name+"::"+camel(v.Name), lower.Steps(v.Fields))
		e.close("}")
	}
	e.line("_ => Err(rpc::Error::Malformed(%s)),", text(keyword+" `"+name+"` has no such variant"))
}

// pattern matches a variant and binds its fields.
func pattern(enum string, v *ir.Variant) string {
	if plain(v) {
		return enum + "::" + camel(v.Name)
	}
	var names []string
	for _, f := range v.Fields {
		names = append(names, snake(f.Name))
	}
	return enum + "::" + camel(v.Name) + " { " + strings.Join(names, ", ") + " }"
}

func (e *emitter) failure(t *ir.Error) {
	e.about(t.About, "Error `"+t.Name+"`.")
	e.line("#[derive(Clone, Debug, PartialEq)]")
	e.large(t.Variants)
	e.open("pub enum %s {", t.Name)
	e.variants(t.Variants, "")
	e.close("}")
	e.line("")

	e.open("impl std::fmt::Display for %s {", t.Name)
	e.open("fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {")
	e.open("match self {")
	for _, v := range t.Variants {
		e.message(t.Name, v)
	}
	e.close("}")
	e.close("}")
	e.close("}")
	e.line("")
	e.line("impl std::error::Error for %s {}", t.Name)
	e.line("")

	e.open("impl rpc::Declared for %s {", t.Name)
	e.line("const DOMAIN: u32 = %s;", hex(uint64(t.Domain), 8))
	e.line("")
	e.open("fn variant(&self) -> u32 {")
	e.open("match self {")
	for i, v := range t.Variants {
		rest := ""
		if !plain(v) {
			rest = " { .. }"
		}
		e.line("%s::%s%s => %d,", t.Name, camel(v.Name), rest, i)
	}
	e.close("}")
	e.close("}")
	e.line("")
	writer := "_"
	if !allPlain(t.Variants) {
		writer = "writer"
	}
	e.open("fn encode_fields(self, %s: &mut rpc::Writer<'_>) {", writer)
	e.open("match self {")
	for _, v := range t.Variants {
		if plain(v) {
			e.line("%s => {}", pattern(t.Name, v))
			continue
		}
		e.open("%s => {", pattern(t.Name, v))
		e.encodeFields("", lower.Steps(v.Fields))
		e.close("}")
	}
	e.close("}")
	e.close("}")
	e.close("}")
	if e.thrownByCallback(t) {
		e.line("")
		e.thrown(t)
	}
}

// thrownByCallback reports whether the library has to read the error.
func (e *emitter) thrownByCallback(t *ir.Error) bool {
	for _, c := range e.schema.Callbacks {
		if slices.ContainsFunc(c.Methods, func(m *ir.Method) bool { return m.Throws == t }) {
			return true
		}
	}
	return false
}

func (e *emitter) thrown(t *ir.Error) {
	reader := "reader"
	if allPlain(t.Variants) {
		reader = "_"
	}
	e.open("impl rpc::Thrown for %s {", t.Name)
	e.open("fn decode_fields(variant: u32, %s: &mut rpc::Reader<'_>) -> Result<Self, rpc::Error> {", reader)
	e.open("match variant {")
	e.decodeVariants("error", t.Name, t.Variants)
	e.close("}")
	e.close("}")
	e.close("}")
}

func allPlain(variants []*ir.Variant) bool {
	return !slices.ContainsFunc(variants, func(v *ir.Variant) bool { return !plain(v) })
}

// message writes the arm that formats a variant: docs/boundary.md says how paths and bytes look.
func (e *emitter) message(enum string, v *ir.Variant) {
	var format strings.Builder
	var args []string
	named := map[*ir.Field]bool{}
	for _, part := range v.Message {
		if part.Field == nil {
			format.WriteString(strings.NewReplacer("{", "{{", "}", "}}").Replace(part.Text))
			continue
		}
		name := snake(part.Field.Name)
		plainName := strings.TrimPrefix(name, "r#")
		format.WriteString("{" + plainName + "}")
		if named[part.Field] {
			continue
		}
		named[part.Field] = true
		switch shown := shown(part.Field.Type, name); {
		case shown != name || plainName != name:
			args = append(args, plainName+" = "+shown)
		}
	}
	bound := enum + "::" + camel(v.Name)
	if !plain(v) {
		var names []string
		for _, f := range v.Fields {
			if named[f] {
				names = append(names, snake(f.Name))
			}
		}
		if len(names) < len(v.Fields) {
			names = append(names, "..")
		}
		bound += " { " + strings.Join(names, ", ") + " }"
	}
	if len(named) == 0 {
		var literal strings.Builder
		for _, part := range v.Message {
			literal.WriteString(part.Text)
		}
		e.line("%s => f.write_str(%s),", bound, text(literal.String()))
		return
	}
	items := append([]string{"f", text(format.String())}, args...)
	one := bound + " => write!(" + strings.Join(items, ", ") + "),"
	if e.fits(one) {
		e.line("%s", one)
		return
	}
	e.open("%s => {", bound)
	e.list("write!(", items, ")")
	e.close("}")
}

// shown is what a message says of a field.
func shown(t *ir.Ref, name string) string {
	switch t.Kind {
	case ir.Path:
		return name + ".display()"
	case ir.Bytes:
		return "String::from_utf8_lossy(" + name + ")"
	case ir.FixedBytes:
		return "rpc::codec::Hexadecimal(" + name + ")"
	}
	return name
}

// hex is an id or a hash as a literal.
func hex(value uint64, digits int) string {
	number := strconv.FormatUint(value, 16)
	number = strings.Repeat("0", digits-len(number)) + number
	var groups []string
	for ; len(number) > 4; number = number[4:] {
		groups = append(groups, number[:4])
	}
	return "0x" + strings.Join(append(groups, number), "_")
}
