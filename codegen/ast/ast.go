// Package ast is an IDL file as it is written: every name and type with its place, nothing resolved.
package ast

import "strongroom.dev/codegen/report"

// File is one IDL file.
type File struct {
	Source  *report.File
	Doc     []string
	Package Name
	Imports []*Import
	Decls   []Decl
}

// Import is `import "path"`; the path is relative to the file that it stands in.
type Import struct {
	Path Text
	File *File // what stands there; nil until it was loaded
}

// Name is a name and where it stands.
type Name struct {
	Text string
	Span report.Span
}

// Head is what stands before every item: its documentation, its attributes, its name.
type Head struct {
	Doc        []string
	Attributes []*Attribute
	Name       Name
}

// Attribute is `@name` or `@name("text")`.
type Attribute struct {
	Name Name // without the @
	Text *Text
	Span report.Span
}

// Decl is a *Record, an *Enum, an *Error, an *Interface, an *Alias or a *Constant.
type Decl interface {
	DeclHead() *Head
	DeclName() Name
	// Keyword is the word that declares it.
	Keyword() string
}

// Record is `record Name { field … }`.
type Record struct {
	Head
	Fields []*Field
}

// Enum is `enum Name { variant … }`.
type Enum struct {
	Head
	Variants []*Variant
}

// Error is `error Name { variant "message" … }`.
type Error struct {
	Head
	Variants []*Variant
}

// Interface is `interface Name { method … }`, or `callback Name { method … }`, which the caller's side implements.
type Interface struct {
	Head
	Callback bool
	Methods  []*Method
}

// Alias is `type Name = Type`.
type Alias struct {
	Head
	Type *Type
}

// Constant is `const name: Type = value`.
type Constant struct {
	Head
	Type  *Type
	Value *Value
}

// Field is `name: Type = default`: of a record, of a variant, or an argument.
type Field struct {
	Head
	Type    *Type
	Default *Value // nil: none
}

// Variant is `name { field … } "message"`.
type Variant struct {
	Head
	Fields  []*Field
	Braces  bool  // there are braces, perhaps with nothing in them
	Message *Text // nil: none
}

// Text is a literal, with its quotes and escapes.
type Text struct {
	Raw  string
	Span report.Span
}

// Method is `constructor name(argument, …) -> Type emits Name throws Name`.
type Method struct {
	Head
	Constructor bool
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
	DurationValue
	TextValue
	NameValue // true, false, a variant or a constant
)

// Value is a literal or a name.
type Value struct {
	Kind ValueKind
	Text string // with the sign of a number, with the quotes of a text
	Span report.Span
}

// DeclHead is what stands before the declaration.
func (h *Head) DeclHead() *Head { return h }

// DeclName is the name that is declared.
func (h *Head) DeclName() Name { return h.Name }

// Attribute finds an attribute by its name; nil: it does not stand there.
func (h *Head) Attribute(name string) *Attribute {
	for _, a := range h.Attributes {
		if a.Name.Text == name {
			return a
		}
	}
	return nil
}

// Keyword is `record`.
func (*Record) Keyword() string { return "record" }

// Keyword is `enum`.
func (*Enum) Keyword() string { return "enum" }

// Keyword is `error`.
func (*Error) Keyword() string { return "error" }

// Keyword is `interface` or `callback`.
func (d *Interface) Keyword() string {
	if d.Callback {
		return "callback"
	}
	return "interface"
}

// Keyword is `type`.
func (*Alias) Keyword() string { return "type" }

// Keyword is `const`.
func (*Constant) Keyword() string { return "const" }
