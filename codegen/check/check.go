// Package check finds out what the names of a file mean, and everything about it that cannot be so.
package check

import (
	"strongroom.dev/codegen/ast"
	"strongroom.dev/codegen/report"
)

// Info is what lowering needs to know beyond the tree. It is complete only where the report is empty.
type Info struct {
	Decls    map[string]ast.Decl
	Defaults map[*ast.Field]Constant
	Messages map[*ast.Variant][]MessagePart
	IDs      map[*ast.Method]uint32
}

// Constant is the value of a default: the field that fits the type is set.
type Constant struct {
	Bool    bool
	Int     int64
	Uint    uint64
	Float   float64
	Text    string
	Variant *ast.Variant
}

// MessagePart is literal text, or the value of a field.
type MessagePart struct {
	Text  string
	Field *ast.Field
}

// Check reports all that is wrong with a parsed file.
func Check(file *ast.File, r *report.Report) *Info {
	c := &checker{
		report: r,
		info: &Info{
			Decls:    map[string]ast.Decl{},
			Defaults: map[*ast.Field]Constant{},
			Messages: map[*ast.Variant][]MessagePart{},
			IDs:      map[*ast.Method]uint32{},
		},
		methods: map[uint32]namedMethod{},
	}
	if file.Package.Text != "" {
		c.valueName(file.Package, "package")
	}
	c.declare(file.Decls)
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.Record:
			c.record(d)
		case *ast.Enum:
			c.enum(d)
		case *ast.Error:
			c.failure(d)
		case *ast.Interface:
			c.iface(d)
		}
	}
	c.cycles(file.Decls)
	return c.info
}

type checker struct {
	report  *report.Report
	info    *Info
	methods map[uint32]namedMethod // of the whole file
}

func (c *checker) record(d *ast.Record) {
	if len(d.Fields) == 0 {
		c.report.Errorf(d.Name.Span, "record `%s` has no fields", d.Name.Text)
	}
	c.fields(d.Fields, "field")
}

func (c *checker) enum(d *ast.Enum) {
	if len(d.Variants) == 0 {
		c.report.Errorf(d.Name.Span, "enum `%s` has no variants", d.Name.Text)
	}
	c.variants(d.Variants)
	for _, v := range d.Variants {
		if v.Message != nil {
			c.report.Errorf(v.Message.Span, "a variant of an enum has no message").
				Hint("only the variants of an `error` have one")
		}
	}
}

func (c *checker) failure(d *ast.Error) {
	if len(d.Variants) == 0 {
		c.report.Errorf(d.Name.Span, "error `%s` has no variants", d.Name.Text)
	}
	c.variants(d.Variants)
	for _, v := range d.Variants {
		if v.Message == nil {
			c.report.Errorf(v.Name.Span, "`%s` has no message", v.Name.Text).
				Hint("write after it what a user should read, with the fields' names in braces")
			continue
		}
		c.info.Messages[v] = c.message(v)
	}
}

func (c *checker) variants(variants []*ast.Variant) {
	names := c.names("variant")
	for _, v := range variants {
		names.add(v.Name)
		if v.Braces && len(v.Fields) == 0 {
			c.report.Errorf(v.Name.Span, "the braces of `%s` are empty", v.Name.Text).
				Hint("a variant without fields has no braces")
		}
		c.fields(v.Fields, "field")
	}
}

func (c *checker) fields(fields []*ast.Field, what string) {
	names := c.names(what)
	for _, f := range fields {
		names.add(f.Name)
		if c.typ(f.Type, inData) && f.Default != nil {
			c.value(f)
		}
	}
}
