// Package ir is the compiler's output: a checked, fully resolved description of an IDL file with all that it imports, from
// which every backend emits. Nothing in it can be wrong any more, so backends report no errors.
package ir

import "strongroom.dev/codegen/report"

// Schema is one package.
type Schema struct {
	Package    string // "strongroom"
	Span       report.Span
	Doc        []string
	Constants  []*Constant
	Aliases    []*Alias
	Types      []Type // records, enums and errors, in the order of the files
	Interfaces []*Interface
	Callbacks  []*Interface
	// Text is the canonical text of all that two sides must agree on (docs/boundary.md), and Hash is made of it.
	Text string
	Hash [16]byte
}

// About is what is said of an item.
type About struct {
	Span       report.Span // of the name in the IDL
	Doc        []string
	Since      string // a version; empty: from the beginning
	Deprecated string // what to use instead; empty: it is not
}

// Kind says which fields of a Ref are set.
type Kind int

// The kinds of type that a field, an argument or a result can have.
const (
	Bool Kind = iota
	U8
	U16
	U32
	U64
	I8
	I16
	I32
	I64
	F32
	F64
	String
	Bytes
	FixedBytes // Size
	Path
	Timestamp
	Duration
	Optional // Elem
	List     // Elem
	Map      // Key, Elem
	Buffer
	RecordRef    // Record
	EnumRef      // Enum
	InterfaceRef // Interface
	CallbackRef  // Interface
)

// Ref is the use of a type.
type Ref struct {
	Kind      Kind
	Alias     *Alias // the name by which the IDL calls it; nil: its own
	Size      int
	Key, Elem *Ref
	Record    *Record
	Enum      *Enum
	Interface *Interface
}

// Type is a *Record, an *Enum or an *Error.
type Type interface{ TypeName() string }

// Alias is another name for a type.
type Alias struct {
	About
	Name string
	Type *Ref // may be called by an alias itself
}

// Constant is a value with a name.
type Constant struct {
	About
	Name  string // snake_case, as written
	Type  *Ref
	Value *Value
}

// Record is a product type.
type Record struct {
	About
	Name   string
	Fields []*Field
}

// Field is a field of a record or a variant, or an argument of a method.
type Field struct {
	About
	Name    string // snake_case, as written
	Type    *Ref
	Default *Value // nil: the type's zero
}

// Enum is a sum type; its variants are numbered from 0.
type Enum struct {
	About
	Name     string
	Variants []*Variant
}

// Plain reports whether no variant has fields.
func (e *Enum) Plain() bool {
	for _, v := range e.Variants {
		if len(v.Fields) > 0 {
			return false
		}
	}
	return true
}

// Variant is one alternative of an enum or an error.
type Variant struct {
	About
	Name   string
	Fields []*Field
	// Message is set for variants of errors: text and field references in turn.
	Message []MessagePart
}

// MessagePart is literal text, or the value of a field.
type MessagePart struct {
	Text  string
	Field *Field
}

// Error is a set of ways to fail.
type Error struct {
	About
	Name     string
	Domain   uint32 // on the wire
	Variants []*Variant
}

// Value is a default: exactly one of the fields that fits the type is set.
type Value struct {
	Bool    bool
	Int     int64  // signed types; nanoseconds of a duration
	Uint    uint64 // unsigned types
	Octal   bool   // an unsigned number that the IDL writes in octal, as permissions are read
	Float   float64
	Text    string
	Variant *Variant // of an enum, with its own defaults
}

// Interface is an object with methods; a callback is one that the caller's side implements.
type Interface struct {
	About
	Name         string
	Callback     bool
	Constructors []*Method
	Methods      []*Method
}

// Method is a constructor or a method.
type Method struct {
	About
	Interface   *Interface
	Name        string
	ID          uint32
	Constructor bool
	Immediate   bool
	Args        []*Field
	Input       *Field  // the argument that is a stream of its Type; nil: none
	Result      *Ref    // nil: none; for a constructor its interface
	Stream      bool    // the result is a stream of Result
	Emits       *Record // nil: none
	Throws      *Error  // nil: none
}

// TypeName is the name in the IDL.
func (r *Record) TypeName() string { return r.Name }

// TypeName is the name in the IDL.
func (e *Enum) TypeName() string { return e.Name }

// TypeName is the name in the IDL.
func (e *Error) TypeName() string { return e.Name }
