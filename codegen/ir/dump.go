package ir

import (
	"fmt"
	"slices"
	"strings"
)

// Dump shows the whole schema as text, for tests and for people who write a backend.
func Dump(s *Schema) string {
	d := &dump{}
	d.doc(0, s.Doc)
	d.line(0, "package %s %x", s.Package, s.Hash)
	for _, c := range s.Constants {
		d.line(0, "")
		d.about(0, c.About)
		d.line(0, "const %s: %s = %s", c.Name, called(c.Type), c.Value.Literal(c.Type))
	}
	for _, a := range s.Aliases {
		d.line(0, "")
		d.about(0, a.About)
		d.line(0, "type %s = %s", a.Name, called(a.Type))
	}
	for _, t := range s.Types {
		d.line(0, "")
		switch t := t.(type) {
		case *Record:
			d.about(0, t.About)
			d.line(0, "record %s", t.Name)
			d.fields(1, t.Fields)
		case *Enum:
			d.about(0, t.About)
			d.line(0, "enum %s", t.Name)
			d.variants(t.Variants)
		case *Error:
			d.about(0, t.About)
			d.line(0, "error %s domain %#08x", t.Name, t.Domain)
			d.variants(t.Variants)
		}
	}
	for _, i := range slices.Concat(s.Interfaces, s.Callbacks) {
		d.line(0, "")
		d.about(0, i.About)
		if i.Callback {
			d.line(0, "callback %s", i.Name)
		} else {
			d.line(0, "interface %s", i.Name)
		}
		for _, m := range i.All() {
			d.about(1, m.About)
			d.line(1, "%s id %#08x", m.Name, m.ID)
			d.fields(2, m.Args)
			if m.Input != nil {
				d.about(2, m.Input.About)
				d.line(2, "%s: stream of %s", m.Input.Name, called(m.Input.Type))
			}
		}
	}
	d.line(0, "")
	d.out.WriteString(s.Text)
	return d.out.String()
}

type dump struct{ out strings.Builder }

func (d *dump) line(indent int, format string, args ...any) {
	text := strings.Repeat("  ", indent) + fmt.Sprintf(format, args...)
	d.out.WriteString(strings.TrimRight(text, " ") + "\n")
}

func (d *dump) doc(indent int, lines []string) {
	for _, l := range lines {
		d.line(indent, "/// %s", l)
	}
}

func (d *dump) about(indent int, a About) {
	d.doc(indent, a.Doc)
	if a.Since != "" {
		d.line(indent, "since %s", a.Since)
	}
	if a.Deprecated != "" {
		d.line(indent, "deprecated: %s", a.Deprecated)
	}
}

// called is a type with the alias by which it is called.
func called(r *Ref) string {
	if r.Alias != nil {
		return r.Alias.Name + " (" + r.String() + ")"
	}
	return r.String()
}

func (d *dump) fields(indent int, fields []*Field) {
	for _, f := range fields {
		d.about(indent, f.About)
		text := f.Name + ": " + called(f.Type)
		if f.Default != nil {
			text += " = " + f.Default.Literal(f.Type)
		}
		d.line(indent, "%s", text)
	}
}

func (d *dump) variants(variants []*Variant) {
	for n, v := range variants {
		d.about(1, v.About)
		d.line(1, "%d %s", n, v.Name)
		d.fields(2, v.Fields)
		for _, part := range v.Message {
			if part.Field != nil {
				d.line(2, "message field %s", part.Field.Name)
			} else {
				d.line(2, "message text %q", part.Text)
			}
		}
	}
}
