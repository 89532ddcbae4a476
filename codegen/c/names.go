package c

import (
	"fmt"
	"slices"
	"strings"

	"strongroom.dev/codegen/ir"
)

// reserved are words of C and C++, macros that compilers and their headers define, and the types that headers are written with:
// a field, a parameter or a whole name that is one of them gets an underscore. No name of the IDL ends in one.
var reserved = set(`alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t
class co_await co_return co_yield compl concept const const_cast consteval constexpr constinit continue decltype default
delete do double dynamic_cast else enum explicit export extern false float for friend goto if inline int linux long mutable
namespace new noexcept not not_eq nullptr operator or or_eq private protected public register reinterpret_cast requires
restrict return short signed sizeof static static_assert static_cast struct switch template this thread_local throw true try
typedef typeid typename typeof typeof_unqual union unix unsigned using virtual void volatile wchar_t while xor xor_eq
assert complex errno imaginary noreturn offsetof stdin stdout stderr
int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t size_t ptrdiff_t max_align_t nullptr_t intptr_t uintptr_t
intmax_t uintmax_t`)

// locals are the other parameters and the variables of generated functions.
var locals = set("self client out arena how request writer w reader r error reply more call context item memset in release")

func set(words string) map[string]bool {
	out := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		out[word] = true
	}
	return out
}

// member is the name of a field in a structure. In C++ it must not be that of a type that a later field has.
func (e *emitter) member(name string) string {
	if reserved[name] || strings.HasPrefix(name, "sr_") || strings.HasPrefix(name, e.prefix) {
		return name + "_"
	}
	return name
}

// argument is the name of a parameter.
func (e *emitter) argument(name string) string {
	if locals[name] {
		return name + "_"
	}
	return e.member(name)
}

// thing is what a name at file scope stands for: something of the schema, and which of the C things that are made of it.
type thing struct {
	of   any
	part string
}

// global gives the name of something at file scope. Where two things would have the same name, which a record StoreOpen and
// the method open of Store would, the one that asks later gets an underscore.
func (e *emitter) global(of any, part, name string) string {
	key := thing{of, part}
	if given, ok := e.given[key]; ok {
		return given
	}
	for e.taken[name] || reserved[name] {
		name += "_"
	}
	e.taken[name] = true
	e.given[key] = name
	return name
}

// claim gives the names that people write most their choice: types first, then constants, then the methods.
func (e *emitter) claim() {
	e.given, e.taken = map[thing]string{}, map[string]bool{}
	for _, t := range e.schema.Types {
		e.typeName(t.TypeName())
	}
	for _, a := range e.schema.Aliases {
		e.typeName(a.Name)
	}
	for _, i := range slices.Concat(e.schema.Interfaces, e.schema.Callbacks) {
		e.typeName(i.Name)
	}
	for _, t := range e.schema.Types {
		switch t := t.(type) {
		case *ir.Enum:
			for _, v := range t.Variants {
				e.variant(t.Name, v)
			}
		case *ir.Error:
			for _, v := range t.Variants {
				e.variant(t.Name, v)
			}
		}
	}
	for _, c := range e.schema.Constants {
		e.constant(c)
	}
	e.clientNew()
	for _, i := range e.schema.Interfaces {
		for _, m := range i.All() {
			e.function(m, "")
		}
	}
}

// Snake turns the name of a type into C's style.
func Snake(name string) string {
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
func (e *emitter) typeName(name string) string { return e.global(name, "type", e.prefix+Snake(name)) }

// derived is the name of something that is made for a declared type.
func (e *emitter) derived(name, suffix string) string {
	return e.global(name, suffix, e.typeName(name)+suffix)
}

// function is the name of one of a method's functions.
func (e *emitter) function(m *ir.Method, suffix string) string {
	return e.global(m, suffix, e.typeName(m.Interface.Name)+"_"+m.Name+suffix)
}

func (e *emitter) clientNew() string { return e.global("", "client", e.prefix+"client_new") }

// variant is the C name of a variant.
func (e *emitter) variant(typ string, v *ir.Variant) string {
	return e.global(v, "", e.upper+strings.ToUpper(Snake(typ)+"_"+v.Name))
}

func (e *emitter) constant(c *ir.Constant) string {
	return e.global(c, "", e.upper+strings.ToUpper(c.Name))
}

// codec is the name of a function that puts or gets a type.
func (e *emitter) codec(verb string, r *ir.Ref) string {
	return e.global(r.String(), verb, e.prefix+verb+"_"+e.mangle(r))
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
		return Snake(r.Record.Name)
	case ir.EnumRef:
		return Snake(r.Enum.Name)
	case ir.InterfaceRef, ir.CallbackRef:
		return Snake(r.Interface.Name)
	default:
		return r.String()
	}
}

var scalarTypes = map[ir.Kind]string{
	ir.Bool: "bool", ir.U8: "uint8_t", ir.U16: "uint16_t", ir.U32: "uint32_t", ir.U64: "uint64_t", ir.I8: "int8_t",
	ir.I16: "int16_t", ir.I32: "int32_t", ir.I64: "int64_t", ir.F32: "float", ir.F64: "double", ir.String: "sr_string",
	ir.Bytes: "sr_bytes", ir.Path: "sr_bytes", ir.Buffer: "sr_buffer",
	ir.Timestamp: "sr_timestamp", ir.Duration: "sr_duration",
}

// ctype is the C type of a value, by the name that the IDL gives it.
func (e *emitter) ctype(r *ir.Ref) string {
	if r.Alias != nil {
		return e.typeName(r.Alias.Name)
	}
	return e.structure(r)
}

// structure is the C type of a value, whatever alias it is called by.
func (e *emitter) structure(r *ir.Ref) string {
	if name, ok := scalarTypes[r.Kind]; ok {
		return name
	}
	switch r.Kind {
	case ir.Optional:
		return constPointer(e.ctype(r.Elem))
	case ir.RecordRef:
		return e.typeName(r.Record.Name)
	case ir.EnumRef:
		return e.typeName(r.Enum.Name)
	case ir.InterfaceRef, ir.CallbackRef:
		return e.typeName(r.Interface.Name)
	default:
		return e.global(r.String(), "structure", e.prefix+e.mangle(r))
	}
}

// item is the C type of what a list or map holds. All that have the same items are one type, so that it knows no aliases.
func (e *emitter) item(r *ir.Ref) string {
	if r.Kind == ir.Optional {
		return constPointer(e.item(r.Elem))
	}
	return e.structure(r)
}

// entry is the C type of a map's entries.
func (e *emitter) entry(r *ir.Ref) string {
	return e.global(r.String(), "entry", e.structure(r)+"_entry")
}

// pointer is a pointer to something that is being filled.
func pointer(ctype string) string {
	if strings.HasSuffix(ctype, "*") {
		return ctype + "*"
	}
	return ctype + " *"
}

// constPointer is a pointer to something that is not changed through it.
func constPointer(ctype string) string {
	if strings.HasSuffix(ctype, "*") {
		return ctype + "const *"
	}
	return "const " + ctype + " *"
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
	return r.Kind == ir.RecordRef || r.Kind == ir.EnumRef && !r.Enum.Plain() || r.Kind == ir.CallbackRef
}

// parameter declares an argument of a call.
func (e *emitter) parameter(r *ir.Ref, name string) string {
	if byPointer(r) {
		return "const " + e.ctype(r) + " *" + name
	}
	return declare(e.ctype(r), name)
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
