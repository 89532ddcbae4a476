package c

import (
	"fmt"
	"strings"

	"strongroom.dev/codegen/ir"
)

// reserved are words of C and C++, and names that compilers define.
var reserved = set(`alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t
class co_await co_return co_yield compl concept const const_cast consteval constexpr constinit continue decltype default
delete do double dynamic_cast else enum explicit export extern false float for friend goto if inline int linux long mutable
namespace new noexcept not not_eq nullptr operator or or_eq private protected public register reinterpret_cast requires
restrict return short signed sizeof static static_assert static_cast struct switch template this thread_local throw true try
typedef typeid typename typeof typeof_unqual union unix unsigned using virtual void volatile wchar_t while xor xor_eq`)

// locals are the other parameters and the variables of generated functions.
var locals = set("self client out arena how request w error reply more")

func set(words string) map[string]bool {
	out := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		out[word] = true
	}
	return out
}

// member is the name of a field in a structure.
func member(name string) string {
	if reserved[name] {
		return name + "_"
	}
	return name
}

// argument is the name of a parameter.
func argument(name string) string {
	if reserved[name] || locals[name] {
		return name + "_"
	}
	return name
}

// snake turns the name of a type into C's style.
func snake(name string) string {
	var out strings.Builder
	for i, r := range name {
		if upper(r) && i > 0 && (!upper(rune(name[i-1])) || i+1 < len(name) && !upper(rune(name[i+1]))) {
			out.WriteByte('_')
		}
		out.WriteRune(r)
	}
	return strings.ToLower(out.String())
}

func upper(r rune) bool { return r >= 'A' && r <= 'Z' }

// typeName is the C name of a declared type.
func (e *emitter) typeName(name string) string { return e.prefix + snake(name) }

// constant is the C name of a variant.
func (e *emitter) constant(typ, variant string) string {
	return e.upper + strings.ToUpper(snake(typ)+"_"+variant)
}

// mangle names a type within the names of other things.
func (e *emitter) mangle(r *ir.Ref) string {
	switch r.Kind {
	case ir.FixedBytes:
		return fmt.Sprintf("bytes_%d", r.Size)
	case ir.Optional:
		return "optional_" + e.mangle(r.Elem)
	case ir.List:
		return "list_" + e.mangle(r.Elem)
	case ir.Map:
		return "map_" + e.mangle(r.Key) + "_" + e.mangle(r.Elem)
	case ir.RecordRef:
		return snake(r.Record.Name)
	case ir.EnumRef:
		return snake(r.Enum.Name)
	case ir.InterfaceRef:
		return snake(r.Interface.Name)
	default:
		return r.String()
	}
}

var scalarTypes = map[ir.Kind]string{
	ir.Bool: "bool", ir.U8: "uint8_t", ir.U16: "uint16_t", ir.U32: "uint32_t", ir.U64: "uint64_t", ir.I8: "int8_t",
	ir.I16: "int16_t", ir.I32: "int32_t", ir.I64: "int64_t", ir.F32: "float", ir.F64: "double", ir.String: "sr_string",
	ir.Bytes: "sr_bytes", ir.Path: "sr_bytes", ir.Buffer: "sr_buffer",
}

// ctype is the C type of a value.
func (e *emitter) ctype(r *ir.Ref) string {
	if name, ok := scalarTypes[r.Kind]; ok {
		return name
	}
	if r.Kind == ir.Optional {
		return "const " + e.ctype(r.Elem) + " *"
	}
	return e.prefix + e.mangle(r)
}

// declare writes a declaration: the star of a pointer stands at the name.
func declare(ctype, name string) string {
	if strings.HasSuffix(ctype, "*") {
		return ctype + name
	}
	return ctype + " " + name
}

// byPointer says which types are passed as pointers to their functions.
func byPointer(r *ir.Ref) bool {
	return r.Kind == ir.RecordRef || r.Kind == ir.EnumRef && !r.Enum.Plain()
}

// parameter declares an argument of a call.
func (e *emitter) parameter(f *ir.Field) string {
	if byPointer(f.Type) {
		return "const " + e.ctype(f.Type) + " *" + argument(f.Name)
	}
	return declare(e.ctype(f.Type), argument(f.Name))
}

// owns says whether values of the type hold memory of an arena.
func owns(r *ir.Ref) bool {
	return ownsSeen(r, map[any]bool{})
}

func ownsSeen(r *ir.Ref, seen map[any]bool) bool {
	fields := func(of any, list []*ir.Field) bool {
		if seen[of] {
			return false
		}
		seen[of] = true
		for _, f := range list {
			if ownsSeen(f.Type, seen) {
				return true
			}
		}
		return false
	}
	switch r.Kind {
	case ir.String, ir.Bytes, ir.Path, ir.Optional, ir.List, ir.Map:
		return true
	case ir.RecordRef:
		return fields(r.Record, r.Record.Fields)
	case ir.EnumRef:
		for _, v := range r.Enum.Variants {
			if fields(v, v.Fields) {
				return true
			}
		}
	}
	return false
}

// smallest is the least number of bytes that a value takes on the wire.
func smallest(r *ir.Ref) int {
	switch r.Kind {
	case ir.Bool, ir.U8, ir.I8, ir.Optional:
		return 1
	case ir.U16, ir.I16:
		return 2
	case ir.U64, ir.I64, ir.F64, ir.EnumRef, ir.Buffer, ir.InterfaceRef:
		return 8
	case ir.FixedBytes:
		return r.Size
	default:
		return 4
	}
}
