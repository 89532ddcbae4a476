// Package check finds out what the names of a file mean, and everything about it that cannot be so.
package check

import (
	"strongroom.dev/codegen/ast"
	"strongroom.dev/codegen/report"
)

// Info is what lowering needs to know beyond the trees. It is complete only where the report is empty.
type Info struct {
	Decls     map[string]ast.Decl
	Defaults  map[*ast.Field]Constant
	Constants map[*ast.Constant]Constant
	Messages  map[*ast.Variant][]MessagePart
	IDs       map[*ast.Method]uint32
	Domains   map[*ast.Error]uint32
}

// Constant is a value: the field that fits the type is set.
type Constant struct {
	Bool    bool
	Int     int64 // of a duration: nanoseconds
	Uint    uint64
	Octal   bool // of an unsigned number: it is written so
	Float   float64
	Text    string
	Variant *ast.Variant
}

// MessagePart is literal text, or the value of a field.
type MessagePart struct {
	Text  string
	Field *ast.Field
}

// Check reports all that is wrong with parsed files. A file stands after those that it imports.
func Check(files []*ast.File, r *report.Report) *Info {
	c := &checker{
		report: r,
		info: &Info{
			Decls:     map[string]ast.Decl{},
			Defaults:  map[*ast.Field]Constant{},
			Constants: map[*ast.Constant]Constant{},
			Messages:  map[*ast.Variant][]MessagePart{},
			IDs:       map[*ast.Method]uint32{},
			Domains:   map[*ast.Error]uint32{},
		},
		home: map[string]*ast.File{},
		seen: map[*ast.File]map[*ast.File]bool{},
		ids:  map[uint32]ast.Name{},
	}
	c.declare(files)
	for _, file := range files {
		c.file = file
		c.seen[file] = visible(file, c.seen)
		if file.Package.Text != "" {
			c.valueName(file.Package, "package")
		}
		for _, d := range file.Decls {
			c.decl(d)
		}
	}
	for _, file := range files {
		c.file = file
		c.cycles(file.Decls)
	}
	return c.info
}

// visible are the files whose names may be used in a file: its own and those that it imports, also by way of others.
func visible(file *ast.File, seen map[*ast.File]map[*ast.File]bool) map[*ast.File]bool {
	all := map[*ast.File]bool{file: true}
	for _, i := range file.Imports {
		for f := range seen[i.File] {
			all[f] = true
		}
	}
	return all
}

type checker struct {
	report *report.Report
	info   *Info
	file   *ast.File // the one that is being checked
	home   map[string]*ast.File
	seen   map[*ast.File]map[*ast.File]bool
	ids    map[uint32]ast.Name // of methods and errors; the names are full ones
}

func (c *checker) decl(d ast.Decl) {
	c.attributes(d.DeclHead(), false)
	switch d := d.(type) {
	case *ast.Record:
		c.record(d)
	case *ast.Enum:
		c.enum(d)
	case *ast.Error:
		c.failure(d)
	case *ast.Interface:
		c.iface(d)
	case *ast.Alias:
		c.typ(d.Type, inData)
	case *ast.Constant:
		c.constant(d)
	}
}

func (c *checker) record(d *ast.Record) {
	if len(d.Fields) == 0 {
		c.report.Errorf(emptyDeclaration, d.Name.Span, "record `%s` has no fields", d.Name.Text)
	}
	c.fields(d.Fields, "field")
}

func (c *checker) enum(d *ast.Enum) {
	if len(d.Variants) == 0 {
		c.report.Errorf(emptyDeclaration, d.Name.Span, "enum `%s` has no variants", d.Name.Text)
	}
	c.variants(d.Variants)
	for _, v := range d.Variants {
		if v.Message != nil {
			c.report.Errorf(misplacedMessage, v.Message.Span, "a variant of an enum has no message").
				Hint("only the variants of an `error` have one")
		}
	}
}

func (c *checker) failure(d *ast.Error) {
	if len(d.Variants) == 0 {
		c.report.Errorf(emptyDeclaration, d.Name.Span, "error `%s` has no variants", d.Name.Text)
	}
	c.variants(d.Variants)
	for _, v := range d.Variants {
		if v.Message == nil {
			c.report.Errorf(missingMessage, v.Name.Span, "`%s` has no message", v.Name.Text).
				Hint("write after it what a user should read, with the fields' names in braces")
			continue
		}
		c.info.Messages[v] = c.message(v)
	}
	if id, ok := c.identify(d.Name, d.Name.Text); ok {
		c.info.Domains[d] = id
	}
}

func (c *checker) variants(variants []*ast.Variant) {
	names := c.names("variant")
	for _, v := range variants {
		c.attributes(&v.Head, false)
		names.add(v.Name)
		if v.Braces && len(v.Fields) == 0 {
			c.report.Errorf(emptyBraces, v.Name.Span, "the braces of `%s` are empty", v.Name.Text).
				Hint("a variant without fields has no braces")
		}
		c.fields(v.Fields, "field")
	}
}

func (c *checker) fields(fields []*ast.Field, what string) {
	names := c.names(what)
	for _, f := range fields {
		c.attributes(&f.Head, false)
		names.add(f.Name)
		if !c.typ(f.Type, inData) || f.Default == nil {
			continue
		}
		if value, ok := c.value(f.Type, f.Default); ok {
			c.info.Defaults[f] = value
		}
	}
}

func (c *checker) constant(d *ast.Constant) {
	if !c.typ(d.Type, inData) {
		return
	}
	switch t := c.resolved(d.Type); t.Name.Text {
	case "bool", "u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "f32", "f64", "string", "duration":
		if d.Value.Kind == ast.NameValue && t.Name.Text != "bool" {
			c.misfit(t, d.Value, "written out")
			return
		}
		if value, ok := c.value(d.Type, d.Value); ok {
			c.info.Constants[d] = value
		}
	default:
		c.report.Errorf(noDefault, d.Type.Span, "a constant cannot have the type `%s`", d.Type.Name.Text).
			Hint("constants are `bool`, numbers, `string` or `duration`")
	}
}
