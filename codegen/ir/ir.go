// Package ir is the compiler's output: a checked, fully resolved description of one IDL file, from which every
// backend emits. Nothing in it can be wrong any more, so backends report no errors.
package ir

// Schema is one IDL file.
type Schema struct {
	Package    string // "strongroom"
	Doc        []string
	Types      []Type // records, enums and errors, in the order of the file
	Interfaces []*Interface
	Hash       [16]byte
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
	Optional // Elem
	List     // Elem
	Map      // Key, Elem
	Buffer
	RecordRef    // Record
	EnumRef      // Enum
	InterfaceRef // Interface
)

// Ref is the use of a type.
type Ref struct {
	Kind      Kind
	Size      int
	Key, Elem *Ref
	Record    *Record
	Enum      *Enum
	Interface *Interface
}

// Type is a *Record, an *Enum or an *Error.
type Type interface{ TypeName() string }

// Record is a product type.
type Record struct {
	Name   string
	Doc    []string
	Fields []*Field
}

// Field is a field of a record or a variant, or an argument of a method.
type Field struct {
	Name    string // snake_case, as written
	Doc     []string
	Type    *Ref
	Default *Value // nil: the type's zero
}

// Enum is a sum type; its variants are numbered from 0.
type Enum struct {
	Name     string
	Doc      []string
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
	Name   string
	Doc    []string
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
	Name     string
	Doc      []string
	Domain   uint32 // on the wire, from 1
	Variants []*Variant
}

// Value is a default: exactly one of the fields that fits the type is set.
type Value struct {
	Bool    bool
	Int     int64  // signed types
	Uint    uint64 // unsigned types
	Float   float64
	Text    string
	Variant *Variant // of an enum, with its own defaults
}

// Interface is an object with methods.
type Interface struct {
	Name         string
	Doc          []string
	Constructors []*Method
	Methods      []*Method
}

// Method is a constructor or a method.
type Method struct {
	Interface   *Interface
	Name        string
	Doc         []string
	ID          uint32
	Hash        uint64
	Signature   string // canonical text that is hashed
	Constructor bool
	Immediate   bool
	Args        []*Field
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
