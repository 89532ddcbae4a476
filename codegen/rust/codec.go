package rust

import (
	"strconv"
	"strings"

	"strongroom.dev/codegen/lower"
)

// primitive is the Reader's and Writer's method for what takes one, or "".
func primitive(c *lower.Code) string {
	switch c.Op {
	case lower.Flag:
		return "flag"
	case lower.Unsigned:
		return "u" + strconv.Itoa(8*c.Size)
	case lower.Signed:
		return "i" + strconv.Itoa(8*c.Size)
	case lower.Float:
		return "f" + strconv.Itoa(8*c.Size)
	case lower.Text:
		return "text"
	case lower.Blob:
		return "blob"
	case lower.Path:
		return "path"
	case lower.Fixed:
		return "fixed"
	case lower.Instant:
		return "instant"
	case lower.Span:
		return "span"
	case lower.Buffer:
		return "buffer"
	case lower.Object:
		return "object"
	case lower.Callback:
		return "callback"
	case lower.Sequence:
		if block(c) {
			return "blob"
		}
	}
	return ""
}

// block reports whether a list is one of bytes: it is the same as a blob on the wire and in memory, and goes in one piece.
func block(c *lower.Code) bool {
	return c.Op == lower.Sequence && c.Item.Op == lower.Unsigned && c.Item.Size == 1
}

// named reports whether the type has functions of its own to write and read it.
func named(c *lower.Code) bool { return c.Op == lower.Product || c.Op == lower.Sum }

// encode emits the statements that write a value, which they consume.
func (e *emitter) encode(value string, c *lower.Code) {
	switch {
	case named(c):
		e.line("%s.encode(writer);", value)
	case primitive(c) != "":
		if lent(c) {
			value = "&" + value
		}
		e.line("writer.%s(%s);", primitive(c), value)
	case c.Op == lower.Maybe:
		e.line("writer.flag(%s.is_some());", value)
		e.open("if let Some(item) = %s {", value)
		e.encode("item", c.Item)
		e.close("}")
	case c.Op == lower.Sequence:
		e.line("writer.count(%s.len());", value)
		e.open("for item in %s {", value)
		e.encode("item", c.Item)
		e.close("}")
	case c.Op == lower.Table: // a BTreeMap is in the order of its keys
		e.line("writer.count(%s.len());", value)
		e.open("for (key, value) in %s {", value)
		e.encode("key", c.Key)
		e.encode("value", c.Item)
		e.close("}")
	}
}

// lent reports whether the writer copies out of a value that is lent to it.
func lent(c *lower.Code) bool {
	switch c.Op {
	case lower.Text, lower.Blob, lower.Path, lower.Fixed, lower.Sequence:
		return true
	}
	return false
}

// encodeFields emits the writing of fields, one after the other; prefix is what stands before their names.
func (e *emitter) encodeFields(prefix string, steps []lower.Step) {
	for _, s := range steps {
		e.encode(prefix+snake(s.Field.Name), s.Code)
	}
}

// encodeRecord emits the writing of fields with their length before them.
func (e *emitter) encodeRecord(prefix string, steps []lower.Step) {
	if len(steps) == 0 {
		e.line("writer.record(|_| {});")
		return
	}
	e.open("writer.record(|writer| {")
	e.encodeFields(prefix, steps)
	e.close("});")
}

// encoder emits before, a function that writes a value, and after.
func (e *emitter) encoder(before string, c *lower.Code, after string) {
	switch {
	case c == nil:
		e.line("%s|(), _| {}%s", before, after)
	case named(c):
		e.line("%s%s::encode%s", before, ownName(c.Type), after)
	case lent(c) && primitive(c) != "":
		e.line("%s|value, writer| writer.%s(&value)%s", before, primitive(c), after)
	case primitive(c) != "":
		e.line("%s|value, writer| writer.%s(value)%s", before, primitive(c), after)
	default:
		e.open("%s|value, writer| {", before)
		e.encode("value", c)
		e.close("}" + after)
	}
}

// decode is an expression that reads a value from reader.
func decode(c *lower.Code) string {
	switch {
	case named(c):
		return ownName(c.Type) + "::decode(reader)"
	case primitive(c) != "":
		return "reader." + primitive(c) + "()"
	}
	return "reader." + combined(c) + ")"
}

// decoder is a function by which a Reader's method reads the values in a larger one.
func decoder(c *lower.Code) string {
	switch {
	case named(c):
		return ownName(c.Type) + "::decode"
	case primitive(c) != "":
		return "rpc::Reader::" + primitive(c)
	}
	return "|reader| " + decode(c)
}

// combined is the call that reads what holds other values, up to its last bracket.
func combined(c *lower.Code) string {
	switch c.Op {
	case lower.Maybe:
		return "maybe(" + decoder(c.Item)
	case lower.Sequence:
		return "sequence(" + strconv.Itoa(c.Item.Least) + ", " + decoder(c.Item)
	default:
		return "table(" + strconv.Itoa(c.Pair()) + ", " + decoder(c.Key) + ", " + decoder(c.Item)
	}
}

// free is a function that reads a value from any Reader.
func free(c *lower.Code) string {
	if named(c) {
		return decoder(c)
	}
	return "|reader| " + decode(c)
}

// read emits an expression that reads a value, and after. rustfmt breaks what does not fit into a line before the call, where
// that fits then, or else after the closure's bar; beside after it keeps its columns free, twice and once.
func (e *emitter) read(c *lower.Code, after string) {
	one := decode(c) + after
	call, closure := strings.CutPrefix(one, "reader.")
	closure = closure && strings.Contains(one, "|reader| ")
	switch {
	case e.fits(one+after+after) || !closure:
		e.line("%s", one)
	case 4+4*e.indent+len("."+call+after) <= width:
		e.open("reader")
		e.line(".%s", call)
		e.indent--
	default:
		head, _ := strings.CutSuffix(combined(c), decode(c.Item))
		e.open("reader.%s{", head)
		e.read(c.Item, "")
		e.close("})" + after)
	}
}

// decodeFields emits a variable for each field, with what was read, or with what it is where nothing stands for it.
func (e *emitter) decodeFields(steps []lower.Step) {
	for _, s := range steps {
		e.decodeField(s)
	}
}

func (e *emitter) decodeField(s lower.Step) {
	before := "let " + snake(s.Field.Name) + " = "
	if s.Op == lower.Callback { // nothing stands for one
		e.line("%s%s(reader.callback()?);", before, ownName(s.Type))
		return
	}
	one := "if reader.more() { " + decode(s.Code) + "? } else { " + absent(s) + " };"
	switch {
	case e.fits(before + one):
		e.line("%s%s", before, one)
		return
	case 4+4*e.indent+len(one) <= width:
		e.open("%s", strings.TrimSuffix(before, " "))
		e.line("%s", one)
		e.indent--
		return
	}
	e.open("%sif reader.more() {", before)
	e.read(s.Code, "?")
	e.indent--
	e.open("} else {")
	e.expression(absent(s))
	e.close("};")
}

// decodeRecord emits the variables of the fields, and the value that is made of them.
func (e *emitter) decodeRecord(name string, steps []lower.Step) {
	e.decodeFields(steps)
	var names []string
	for _, s := range steps {
		names = append(names, snake(s.Field.Name))
	}
	e.literal("Ok("+name, names, ")")
}
