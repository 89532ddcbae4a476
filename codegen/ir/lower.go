package ir

import (
	"strongroom.dev/codegen/ast"
	"strongroom.dev/codegen/check"
)

// Lower resolves a checked file. The file must be free of mistakes.
func Lower(file *ast.File, info *check.Info) *Schema {
	l := &lowering{
		info:       info,
		records:    map[string]*Record{},
		enums:      map[string]*Enum{},
		errors:     map[string]*Error{},
		interfaces: map[string]*Interface{},
		variants:   map[*ast.Variant]*Variant{},
	}
	s := &Schema{Package: file.Package.Text, Doc: file.Doc}
	l.declare(s, file.Decls)
	for _, d := range file.Decls {
		l.define(d)
	}
	sign(s)
	return s
}

type lowering struct {
	info       *check.Info
	records    map[string]*Record
	enums      map[string]*Enum
	errors     map[string]*Error
	interfaces map[string]*Interface
	variants   map[*ast.Variant]*Variant
}

// declare makes every type and variant before any field refers to it.
func (l *lowering) declare(s *Schema, decls []ast.Decl) {
	domain := uint32(0)
	for _, d := range decls {
		switch d := d.(type) {
		case *ast.Record:
			r := &Record{Name: d.Name.Text, Doc: d.Doc}
			l.records[r.Name] = r
			s.Types = append(s.Types, r)
		case *ast.Enum:
			e := &Enum{Name: d.Name.Text, Doc: d.Doc, Variants: l.declareVariants(d.Variants)}
			l.enums[e.Name] = e
			s.Types = append(s.Types, e)
		case *ast.Error:
			domain++
			e := &Error{Name: d.Name.Text, Doc: d.Doc, Domain: domain, Variants: l.declareVariants(d.Variants)}
			l.errors[e.Name] = e
			s.Types = append(s.Types, e)
		case *ast.Interface:
			i := &Interface{Name: d.Name.Text, Doc: d.Doc}
			l.interfaces[i.Name] = i
			s.Interfaces = append(s.Interfaces, i)
		}
	}
}

func (l *lowering) declareVariants(variants []*ast.Variant) []*Variant {
	var out []*Variant
	for _, v := range variants {
		lowered := &Variant{Name: v.Name.Text, Doc: v.Doc}
		l.variants[v] = lowered
		out = append(out, lowered)
	}
	return out
}

func (l *lowering) define(d ast.Decl) {
	switch d := d.(type) {
	case *ast.Record:
		l.records[d.Name.Text].Fields = l.fields(d.Fields)
	case *ast.Enum:
		l.defineVariants(d.Variants)
	case *ast.Error:
		l.defineVariants(d.Variants)
	case *ast.Interface:
		i := l.interfaces[d.Name.Text]
		for _, m := range d.Methods {
			lowered := l.method(i, m)
			if m.Constructor {
				i.Constructors = append(i.Constructors, lowered)
			} else {
				i.Methods = append(i.Methods, lowered)
			}
		}
	}
}

func (l *lowering) defineVariants(variants []*ast.Variant) {
	for _, v := range variants {
		lowered := l.variants[v]
		lowered.Fields = l.fields(v.Fields)
		for _, part := range l.info.Messages[v] {
			out := MessagePart{Text: part.Text}
			for i, f := range v.Fields {
				if f == part.Field {
					out.Field = lowered.Fields[i]
				}
			}
			lowered.Message = append(lowered.Message, out)
		}
	}
}

func (l *lowering) fields(fields []*ast.Field) []*Field {
	var out []*Field
	for _, f := range fields {
		lowered := &Field{Name: f.Name.Text, Doc: f.Doc, Type: l.ref(f.Type)}
		if c, ok := l.info.Defaults[f]; ok {
			lowered.Default = &Value{Bool: c.Bool, Int: c.Int, Uint: c.Uint, Float: c.Float, Text: c.Text}
			if c.Variant != nil {
				lowered.Default.Variant = l.variants[c.Variant]
			}
		}
		out = append(out, lowered)
	}
	return out
}

func (l *lowering) method(i *Interface, m *ast.Method) *Method {
	out := &Method{
		Interface:   i,
		Name:        m.Name.Text,
		Doc:         m.Doc,
		ID:          l.info.IDs[m],
		Constructor: m.Constructor,
		Immediate:   len(m.Attributes) > 0,
		Args:        l.fields(m.Args),
	}
	switch {
	case m.Constructor:
		out.Result = &Ref{Kind: InterfaceRef, Interface: i}
	case m.Result != nil && m.Result.Name.Text == "stream":
		out.Stream = true
		out.Result = l.ref(m.Result.Args[0])
	case m.Result != nil:
		out.Result = l.ref(m.Result)
	}
	if m.Emits != nil {
		out.Emits = l.records[m.Emits.Text]
	}
	if m.Throws != nil {
		out.Throws = l.errors[m.Throws.Text]
	}
	return out
}

var scalars = map[string]Kind{
	"bool": Bool, "u8": U8, "u16": U16, "u32": U32, "u64": U64, "i8": I8, "i16": I16, "i32": I32, "i64": I64,
	"f32": F32, "f64": F64, "string": String, "bytes": Bytes, "path": Path, "buffer": Buffer,
}

func (l *lowering) ref(t *ast.Type) *Ref {
	name := t.Name.Text
	if size := check.Size(t); size > 0 {
		return &Ref{Kind: FixedBytes, Size: size}
	}
	if kind, ok := scalars[name]; ok {
		return &Ref{Kind: kind}
	}
	switch name {
	case "optional":
		return &Ref{Kind: Optional, Elem: l.ref(t.Args[0])}
	case "list":
		return &Ref{Kind: List, Elem: l.ref(t.Args[0])}
	case "map":
		return &Ref{Kind: Map, Key: l.ref(t.Args[0]), Elem: l.ref(t.Args[1])}
	}
	if r := l.records[name]; r != nil {
		return &Ref{Kind: RecordRef, Record: r}
	}
	if e := l.enums[name]; e != nil {
		return &Ref{Kind: EnumRef, Enum: e}
	}
	return &Ref{Kind: InterfaceRef, Interface: l.interfaces[name]}
}
