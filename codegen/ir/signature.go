package ir

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// sign fills the canonical texts and their hashes. A text is made of lines: the method itself, then each type that it
// reaches, in the order of their names. It holds all that two sides must agree on to understand each other's frames:
// names, order, types, defaults and the domains of errors, but no doc comments and no messages.
func sign(s *Schema) {
	methods := s.Methods()
	all := sha256.New()
	for _, m := range methods {
		m.Signature = signature(m)
		hash := sha256.Sum256([]byte(m.Signature))
		m.Hash = binary.LittleEndian.Uint64(hash[:8])
		all.Write([]byte(m.Signature))
	}
	copy(s.Hash[:], all.Sum(nil))
}

// Methods are all constructors and methods, ascending by id.
func (s *Schema) Methods() []*Method {
	var methods []*Method
	for _, i := range s.Interfaces {
		methods = append(append(methods, i.Constructors...), i.Methods...)
	}
	slices.SortFunc(methods, func(a, b *Method) int { return cmp.Compare(a.ID, b.ID) })
	return methods
}

// FullName is "Interface.method".
func (m *Method) FullName() string { return m.Interface.Name + "." + m.Name }

func signature(m *Method) string {
	reached := map[string]string{}
	var out strings.Builder
	if m.Immediate {
		out.WriteString("@immediate ")
	}
	if m.Constructor {
		out.WriteString("constructor ")
	}
	out.WriteString(m.FullName() + "(" + fieldText(m.Args) + ")")
	for _, f := range m.Args {
		reach(f.Type, reached)
	}
	if m.Result != nil {
		result := m.Result.String()
		if m.Stream {
			result = "stream<" + result + ">"
		}
		out.WriteString("->" + result)
		reach(m.Result, reached)
	}
	if m.Emits != nil {
		out.WriteString(" emits " + m.Emits.Name)
		reach(&Ref{Kind: RecordRef, Record: m.Emits}, reached)
	}
	if m.Throws != nil {
		out.WriteString(" throws " + m.Throws.Name)
		reached[m.Throws.Name] = fmt.Sprintf("error %s@%d{%s}", m.Throws.Name, m.Throws.Domain, variantText(m.Throws.Variants))
		for _, v := range m.Throws.Variants {
			reachFields(v.Fields, reached)
		}
	}
	out.WriteByte('\n')
	for _, name := range slices.Sorted(maps.Keys(reached)) {
		out.WriteString(reached[name] + "\n")
	}
	return out.String()
}

// reach adds the line of each record and enum below a type. An interface is known by its name alone: its methods
// have texts of their own.
func reach(r *Ref, reached map[string]string) {
	switch r.Kind {
	case Optional, List:
		reach(r.Elem, reached)
	case Map:
		reach(r.Key, reached)
		reach(r.Elem, reached)
	case RecordRef:
		if _, seen := reached[r.Record.Name]; !seen {
			reached[r.Record.Name] = "record " + r.Record.Name + "{" + fieldText(r.Record.Fields) + "}"
			reachFields(r.Record.Fields, reached)
		}
	case EnumRef:
		if _, seen := reached[r.Enum.Name]; !seen {
			reached[r.Enum.Name] = "enum " + r.Enum.Name + "{" + variantText(r.Enum.Variants) + "}"
			for _, v := range r.Enum.Variants {
				reachFields(v.Fields, reached)
			}
		}
	}
}

func reachFields(fields []*Field, reached map[string]string) {
	for _, f := range fields {
		reach(f.Type, reached)
	}
}

func fieldText(fields []*Field) string {
	var texts []string
	for _, f := range fields {
		text := f.Name + ":" + f.Type.String()
		if f.Default != nil {
			text += "=" + f.Default.text(f.Type)
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

// text is a default in one form, however it was written in the file.
func (v *Value) text(r *Ref) string {
	switch r.Kind {
	case Bool:
		return strconv.FormatBool(v.Bool)
	case U8, U16, U32, U64:
		return strconv.FormatUint(v.Uint, 10)
	case I8, I16, I32, I64:
		return strconv.FormatInt(v.Int, 10)
	case F32:
		return strconv.FormatFloat(v.Float, 'g', -1, 32)
	case F64:
		return strconv.FormatFloat(v.Float, 'g', -1, 64)
	case EnumRef:
		return v.Variant.Name
	default:
		return strconv.Quote(v.Text)
	}
}

var kindNames = map[Kind]string{
	Bool: "bool", U8: "u8", U16: "u16", U32: "u32", U64: "u64", I8: "i8", I16: "i16", I32: "i32", I64: "i64",
	F32: "f32", F64: "f64", String: "string", Bytes: "bytes", Path: "path", Buffer: "buffer",
}

// String is the type as the IDL writes it.
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
	case InterfaceRef:
		return r.Interface.Name
	default:
		return kindNames[r.Kind]
	}
}
