// Package ast is an IDL file as it is written: every name and type with its place, nothing resolved.
package ast

import "strongroom.dev/codegen/report"

// File is one IDL file.
type File struct {
	Doc     []string
	Package Name
	Decls   []Decl
}

// Name is a name and where it stands.
type Name struct {
	Text string
	Span report.Span
}

// Decl is a *Record, an *Enum, an *Error or an *Interface.
type Decl interface {
	DeclName() Name
	// Keyword is the word that declares it.
	Keyword() string
}

// Record is `record Name { field … }`.
type Record struct {
	Doc    []string
	Name   Name
	Fields []*Field
}

// Enum is `enum Name { variant … }`.
type Enum struct {
	Doc      []string
	Name     Name
	Variants []*Variant
}

// Error is `error Name { variant "message" … }`.
type Error struct {
	Doc      []string
	Name     Name
	Variants []*Variant
}

// Interface is `interface Name { method … }`.
type Interface struct {
	Doc     []string
	Name    Name
	Methods []*Method
}

// Field is `name: Type = default`: of a record, of a variant, or an argument.
type Field struct {
	Doc     []string
	Name    Name
	Type    *Type
	Default *Value // nil: none
}

// Variant is `name { field … } "message"`.
type Variant struct {
	Doc     []string
	Name    Name
	Fields  []*Field
	Braces  bool  // there are braces, perhaps with nothing in them
	Message *Text // nil: none
}

// Text is a literal, with its quotes and escapes.
type Text struct {
	Raw  string
	Span report.Span
}

// Method is `@attribute constructor name(argument, …) -> Type emits Name throws Name`.
type Method struct {
	Doc         []string
	Attributes  []Name
	Constructor bool
	Name        Name
	Args        []*Field
	Result      *Type // nil: none
	Emits       *Name // nil: none
	Throws      *Name // nil: none
}

// Type is `Name`, `name<Type, …>` or `bytes<Size>`.
type Type struct {
	Name Name
	Args []*Type
	Size *Value // nil: none
	Span report.Span
}

// ValueKind says how a value is written.
type ValueKind int

// The ways to write a value.
const (
	NumberValue ValueKind = iota
	TextValue
	NameValue // true, false or a variant
)

// Value is a literal or a name.
type Value struct {
	Kind ValueKind
	Text string // with the sign of a number, with the quotes of a text
	Span report.Span
}

// DeclName is the name that is declared.
func (d *Record) DeclName() Name { return d.Name }

// DeclName is the name that is declared.
func (d *Enum) DeclName() Name { return d.Name }

// DeclName is the name that is declared.
func (d *Error) DeclName() Name { return d.Name }

// DeclName is the name that is declared.
func (d *Interface) DeclName() Name { return d.Name }

// Keyword is `record`.
func (*Record) Keyword() string { return "record" }

// Keyword is `enum`.
func (*Enum) Keyword() string { return "enum" }

// Keyword is `error`.
func (*Error) Keyword() string { return "error" }

// Keyword is `interface`.
func (*Interface) Keyword() string { return "interface" }
