package rust

import (
	"strconv"
	"strings"

	"strongroom.dev/codegen/ir"
)

// keywords are the words that a snake_case name of the IDL can be and a Rust name cannot without `r#`.
var keywords = map[string]bool{
	"abstract": true, "as": true, "async": true, "await": true, "become": true, "box": true, "break": true, "const": true,
	"continue": true, "do": true, "dyn": true, "else": true, "enum": true, "extern": true, "false": true, "final": true,
	"fn": true, "for": true, "gen": true, "if": true, "impl": true, "in": true, "let": true, "loop": true, "macro": true,
	"match": true, "mod": true, "move": true, "mut": true, "override": true, "priv": true, "pub": true, "ref": true,
	"return": true, "static": true, "struct": true, "trait": true, "true": true, "try": true, "type": true,
	"typeof": true, "unsafe": true, "unsized": true, "use": true, "virtual": true, "where": true, "while": true,
	"yield": true,
}

// locals are the names that generated bodies use themselves.
var locals = map[string]bool{
	"cx": true, "call": true, "context": true, "emitter": true, "reader": true, "rpc": true, "sink": true, "std": true,
	"this": true, "writer": true, "f": true,
}

// snake is the Rust name of a field, an argument or a method. Rust has no raw `self`, `super` and `crate`.
func snake(name string) string {
	switch {
	case name == "self" || name == "super" || name == "crate" || locals[name]:
		return name + "_"
	case keywords[name]:
		return "r#" + name
	}
	return name
}

// camel is the Rust name of a variant: key_file becomes KeyFile.
func camel(name string) string {
	var out strings.Builder
	for word := range strings.SplitSeq(name, "_") {
		if word != "" {
			out.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	if out.String() == "Self" {
		return "Self_"
	}
	return out.String()
}

// typeName is the Rust type of data.
func typeName(r *ir.Ref) string {
	if r.Alias != nil {
		return r.Alias.Name
	}
	return ownName(r)
}

// ownName is the type behind an alias.
func ownName(r *ir.Ref) string {
	switch r.Kind {
	case ir.Bool:
		return "bool"
	case ir.U8:
		return "u8"
	case ir.U16:
		return "u16"
	case ir.U32:
		return "u32"
	case ir.U64:
		return "u64"
	case ir.I8:
		return "i8"
	case ir.I16:
		return "i16"
	case ir.I32:
		return "i32"
	case ir.I64:
		return "i64"
	case ir.F32:
		return "f32"
	case ir.F64:
		return "f64"
	case ir.String:
		return "String"
	case ir.Bytes:
		return "Vec<u8>"
	case ir.FixedBytes:
		return "[u8; " + strconv.Itoa(r.Size) + "]"
	case ir.Path:
		return "std::path::PathBuf"
	case ir.Timestamp:
		return "rpc::Timestamp"
	case ir.Duration:
		return "std::time::Duration"
	case ir.Optional:
		return "Option<" + typeName(r.Elem) + ">"
	case ir.List:
		return "Vec<" + typeName(r.Elem) + ">"
	case ir.Map:
		return "std::collections::BTreeMap<" + typeName(r.Key) + ", " + typeName(r.Elem) + ">"
	case ir.Buffer:
		return "rpc::Buffer"
	case ir.RecordRef:
		return r.Record.Name
	case ir.EnumRef:
		return r.Enum.Name
	default:
		return r.Interface.Name
	}
}

// text is a Rust string literal, in ASCII: rustfmt measures lines now by bytes and now by columns.
func text(s string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			out.WriteByte('\\')
			out.WriteRune(r)
		case r == '\n':
			out.WriteString(`\n`)
		case r < ' ' || r >= 0x7f:
			out.WriteString(`\u{` + strconv.FormatInt(int64(r), 16) + `}`)
		default:
			out.WriteRune(r)
		}
	}
	out.WriteByte('"')
	return out.String()
}

// raw is a Rust string literal without escapes.
func raw(s string) string {
	fence := ""
	for strings.Contains(s, "\""+fence) {
		fence += "#"
	}
	return "r" + fence + "\"" + s + "\"" + fence
}
