package ir

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// sign fills the canonical text and its hash. The text has a line for each method, by the order of their full names, and
// then one for each record, enum and error by the order of theirs. It holds all that two sides must agree on to understand
// each other's frames: names, order, types, defaults, ids and domains, but no aliases, doc comments or messages.
func sign(s *Schema) {
	var methods, types []string
	for _, t := range s.Types {
		switch t := t.(type) {
		case *Record:
			types = append(types, "record "+t.Name+"{"+fieldText(t.Fields)+"}\n")
		case *Enum:
			types = append(types, "enum "+t.Name+"{"+variantText(t.Variants)+"}\n")
		case *Error:
			types = append(types, "error "+t.Name+"{"+variantText(t.Variants)+"}\n")
		}
	}
	for _, i := range slices.Concat(s.Interfaces, s.Callbacks) {
		for _, m := range i.All() {
			methods = append(methods, m.signature()+"\n")
		}
	}
	slices.Sort(methods)
	slices.Sort(types)
	s.Text = strings.Join(append(methods, types...), "")
	hash := sha256.Sum256([]byte(s.Text))
	copy(s.Hash[:], hash[:])
}

// Methods are all constructors and methods that the library answers, ascending by id.
func (s *Schema) Methods() []*Method {
	var methods []*Method
	for _, i := range s.Interfaces {
		methods = append(methods, i.All()...)
	}
	slices.SortFunc(methods, func(a, b *Method) int { return cmp.Compare(a.ID, b.ID) })
	return methods
}

// All are the constructors, then the methods.
func (i *Interface) All() []*Method { return slices.Concat(i.Constructors, i.Methods) }

// FullName is "Interface.method".
func (m *Method) FullName() string { return m.Interface.Name + "." + m.Name }

// signature is the method's line of the canonical text. The words before its name come after it, so that lines of the same
// name stand together in every version.
func (m *Method) signature() string {
	var out strings.Builder
	out.WriteString("method " + m.FullName() + "(" + m.Arguments() + ")")
	switch {
	case m.Stream:
		out.WriteString("->stream<" + m.Result.String() + ">")
	case m.Result != nil:
		out.WriteString("->" + m.Result.String())
	}
	if m.Emits != nil {
		out.WriteString(" emits " + m.Emits.Name)
	}
	if m.Throws != nil {
		out.WriteString(" throws " + m.Throws.Name)
	}
	switch {
	case m.Immediate:
		out.WriteString(" immediate")
	case m.Constructor:
		out.WriteString(" constructor")
	case m.Interface.Callback:
		out.WriteString(" callback")
	}
	return out.String()
}

// Arguments are the names and types of what the method takes.
func (m *Method) Arguments() string {
	text := fieldText(m.Args)
	if m.Input == nil {
		return text
	}
	if text != "" {
		text += ","
	}
	return text + m.Input.Name + ":stream<" + m.Input.Type.String() + ">"
}

func fieldText(fields []*Field) string {
	var texts []string
	for _, f := range fields {
		text := f.Name + ":" + f.Type.String()
		if f.Default != nil {
			text += "=" + f.Default.Literal(f.Type)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ",")
}

func variantText(variants []*Variant) string {
	var texts []string
	for _, v := range variants {
		text := v.Name
		if len(v.Fields) > 0 {
			text += "{" + fieldText(v.Fields) + "}"
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ",")
}

// Literal is a value in one form, however it was written in the file.
func (v *Value) Literal(r *Ref) string {
	switch r.Kind {
	case Bool:
		return strconv.FormatBool(v.Bool)
	case U8, U16, U32, U64:
		return strconv.FormatUint(v.Uint, 10)
	case I8, I16, I32, I64:
		return strconv.FormatInt(v.Int, 10)
	case Duration:
		return strconv.FormatInt(v.Int, 10) + "ns"
	case F32:
		return strconv.FormatFloat(v.Float, 'g', -1, 32)
	case F64:
		return strconv.FormatFloat(v.Float, 'g', -1, 64)
	case EnumRef:
		return v.Variant.Name
	default:
		return strconv.QuoteToASCII(v.Text)
	}
}

var kindNames = map[Kind]string{
	Bool: "bool", U8: "u8", U16: "u16", U32: "u32", U64: "u64", I8: "i8", I16: "i16", I32: "i32", I64: "i64",
	F32: "f32", F64: "f64", String: "string", Bytes: "bytes", Path: "path", Timestamp: "timestamp", Duration: "duration",
	Buffer: "buffer",
}

// String is the type as the IDL writes it, with aliases followed.
func (r *Ref) String() string {
	switch r.Kind {
	case FixedBytes:
		return fmt.Sprintf("bytes<%d>", r.Size)
	case Optional:
		return "optional<" + r.Elem.String() + ">"
	case List:
		return "list<" + r.Elem.String() + ">"
	case Map:
		return "map<" + r.Key.String() + "," + r.Elem.String() + ">"
	case RecordRef:
		return r.Record.Name
	case EnumRef:
		return r.Enum.Name
	case InterfaceRef, CallbackRef:
		return r.Interface.Name
	default:
		return kindNames[r.Kind]
	}
}
