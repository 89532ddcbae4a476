package ir

import (
	"strongroom.dev/codegen/ast"
	"strongroom.dev/codegen/check"
	"strongroom.dev/codegen/token"
)

// Lower resolves checked files, of which the last one gives the package its name and documentation. They must be free of
// mistakes.
func Lower(files []*ast.File, info *check.Info) *Schema {
	l := &lowering{
		info:       info,
		records:    map[string]*Record{},
		enums:      map[string]*Enum{},
		errors:     map[string]*Error{},
		interfaces: map[string]*Interface{},
		aliases:    map[string]*Alias{},
		variants:   map[*ast.Variant]*Variant{},
	}
	root := files[len(files)-1]
	s := &Schema{Package: root.Package.Text, Span: root.Package.Span, Doc: root.Doc}
	for _, file := range files {
		l.declare(s, file.Decls)
	}
	for _, file := range files {
		for _, d := range file.Decls {
			l.define(s, d)
		}
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
	aliases    map[string]*Alias
	variants   map[*ast.Variant]*Variant
}

func about(h *ast.Head) About {
	text := func(name string) string {
		if a := h.Attribute(name); a != nil {
			return token.Unquote(a.Text.Raw)
		}
		return ""
	}
	return About{Span: h.Name.Span, Doc: h.Doc, Since: text("since"), Deprecated: text("deprecated")}
}

// declare makes every type and variant before any field refers to it.
func (l *lowering) declare(s *Schema, decls []ast.Decl) {
	for _, d := range decls {
		name, about := d.DeclName().Text, about(d.DeclHead())
		switch d := d.(type) {
		case *ast.Record:
			r := &Record{About: about, Name: name}
			l.records[name] = r
			s.Types = append(s.Types, r)
		case *ast.Enum:
			e := &Enum{About: about, Name: name, Variants: l.declareVariants(d.Variants)}
			l.enums[name] = e
			s.Types = append(s.Types, e)
		case *ast.Error:
			e := &Error{About: about, Name: name, Domain: l.info.Domains[d], Variants: l.declareVariants(d.Variants)}
			l.errors[name] = e
			s.Types = append(s.Types, e)
		case *ast.Interface:
			i := &Interface{About: about, Name: name, Callback: d.Callback}
			l.interfaces[name] = i
			if d.Callback {
				s.Callbacks = append(s.Callbacks, i)
			} else {
				s.Interfaces = append(s.Interfaces, i)
			}
		case *ast.Alias:
			a := &Alias{About: about, Name: name}
			l.aliases[name] = a
			s.Aliases = append(s.Aliases, a)
		}
	}
}

func (l *lowering) declareVariants(variants []*ast.Variant) []*Variant {
	var out []*Variant
	for _, v := range variants {
		lowered := &Variant{About: about(&v.Head), Name: v.Name.Text}
		l.variants[v] = lowered
		out = append(out, lowered)
	}
	return out
}

func (l *lowering) define(s *Schema, d ast.Decl) {
	switch d := d.(type) {
	case *ast.Record:
		l.records[d.Name.Text].Fields = l.fields(d.Fields)
	case *ast.Enum:
		l.defineVariants(d.Variants)
	case *ast.Error:
		l.defineVariants(d.Variants)
	case *ast.Alias:
		if a := l.aliases[d.Name.Text]; a.Type == nil {
			a.Type = l.ref(d.Type)
		}
	case *ast.Constant:
		s.Constants = append(s.Constants, &Constant{
			About: about(&d.Head),
			Name:  d.Name.Text,
			Type:  l.ref(d.Type),
			Value: l.value(l.info.Constants[d]),
		})
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
		lowered := &Field{About: about(&f.Head), Name: f.Name.Text, Type: l.ref(f.Type)}
		if c, ok := l.info.Defaults[f]; ok {
			lowered.Default = l.value(c)
		}
		out = append(out, lowered)
	}
	return out
}

func (l *lowering) value(c check.Constant) *Value {
	v := &Value{Bool: c.Bool, Int: c.Int, Uint: c.Uint, Octal: c.Octal, Float: c.Float, Text: c.Text}
	if c.Variant != nil {
		v.Variant = l.variants[c.Variant]
	}
	return v
}

func (l *lowering) method(i *Interface, m *ast.Method) *Method {
	out := &Method{
		About:       about(&m.Head),
		Interface:   i,
		Name:        m.Name.Text,
		ID:          l.info.IDs[m],
		Constructor: m.Constructor,
		Immediate:   m.Attribute("immediate") != nil,
	}
	for _, f := range m.Args {
		if f.Type.Name.Text == "stream" {
			out.Input = &Field{About: about(&f.Head), Name: f.Name.Text, Type: l.ref(f.Type.Args[0])}
		} else {
			out.Args = append(out.Args, l.fields([]*ast.Field{f})...)
		}
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
	"f32": F32, "f64": F64, "string": String, "bytes": Bytes, "path": Path,
	"timestamp": Timestamp, "duration": Duration, "buffer": Buffer,
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
	if a := l.aliases[name]; a != nil {
		if a.Type == nil {
			a.Type = l.ref(l.info.Decls[name].(*ast.Alias).Type)
		}
		named := *a.Type
		named.Alias = a
		return &named
	}
	i := l.interfaces[name]
	if i.Callback {
		return &Ref{Kind: CallbackRef, Interface: i}
	}
	return &Ref{Kind: InterfaceRef, Interface: i}
}
