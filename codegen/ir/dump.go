package ir

import (
	"fmt"
	"strings"
)

// Dump shows the whole schema as text, for tests and for people who write a backend.
func Dump(s *Schema) string {
	d := &dump{}
	d.doc(0, s.Doc)
	d.line(0, "package %s %x", s.Package, s.Hash)
	for _, t := range s.Types {
		d.line(0, "")
		switch t := t.(type) {
		case *Record:
			d.doc(0, t.Doc)
			d.line(0, "record %s", t.Name)
			d.fields(1, t.Fields)
		case *Enum:
			d.doc(0, t.Doc)
			d.line(0, "enum %s", t.Name)
			d.variants(t.Variants)
		case *Error:
			d.doc(0, t.Doc)
			d.line(0, "error %s domain %d", t.Name, t.Domain)
			d.variants(t.Variants)
		}
	}
	for _, i := range s.Interfaces {
		d.line(0, "")
		d.doc(0, i.Doc)
		d.line(0, "interface %s", i.Name)
		for _, m := range append(append([]*Method{}, i.Constructors...), i.Methods...) {
			d.method(m)
		}
	}
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

func (d *dump) fields(indent int, fields []*Field) {
	for _, f := range fields {
		d.doc(indent, f.Doc)
		text := f.Name + ": " + f.Type.String()
		if f.Default != nil {
			text += " = " + f.Default.text(f.Type)
		}
		d.line(indent, "%s", text)
	}
}

func (d *dump) variants(variants []*Variant) {
	for n, v := range variants {
		d.doc(1, v.Doc)
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

func (d *dump) method(m *Method) {
	d.doc(1, m.Doc)
	d.line(1, "%s id %#08x hash %016x", m.Name, m.ID, m.Hash)
	for l := range strings.SplitSeq(strings.TrimSuffix(m.Signature, "\n"), "\n") {
		d.line(2, "| %s", l)
	}
	for _, a := range m.Args {
		d.doc(2, a.Doc)
	}
}
