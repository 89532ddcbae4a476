package main

import (
	"fmt"
	"strings"

	"strongroom.dev/codegen/ir"
)

// protobuf writes a schema's data and methods in the language of protoc, as far as that has the same: an enum with fields
// is a message with a oneof, and a list of lists one of messages.
func protobuf(s *ir.Schema) string {
	w := &protoWriter{}
	w.line("syntax = \"proto3\";\npackage %s;\n", s.Package)
	for _, t := range s.Types {
		switch t := t.(type) {
		case *ir.Record:
			w.message(t.Name, t.Fields)
		case *ir.Enum:
			if t.Plain() {
				w.line("enum %s {", t.Name)
				for n, v := range t.Variants {
					w.line("  %s_%s = %d;", strings.ToUpper(t.Name), strings.ToUpper(v.Name), n)
				}
				w.line("}\n")
				continue
			}
			var cases []string
			for n, v := range t.Variants {
				w.message(t.Name+"_"+v.Name, v.Fields)
				cases = append(cases, fmt.Sprintf("    %s_%s %s_ = %d;", t.Name, v.Name, v.Name, n+1))
			}
			w.line("message %s {\n  oneof variant {\n%s\n  }\n}\n", t.Name, strings.Join(cases, "\n"))
		}
	}
	for _, i := range s.Interfaces {
		w.line("service %s {", i.Name)
		for _, m := range i.Methods {
			w.line("  rpc %s(%s) returns (%s);", m.Name, m.Args[0].Type.Record.Name, m.Result.Record.Name)
		}
		w.line("}")
	}
	return w.out.String()
}

type protoWriter struct {
	out     strings.Builder
	pending []string
	wrapped int
}

func (w *protoWriter) line(format string, args ...any) { fmt.Fprintf(&w.out, format+"\n", args...) }

func (w *protoWriter) message(name string, fields []*ir.Field) {
	w.line("message %s {", name)
	for n, f := range fields {
		w.line("  %s %s_ = %d;", w.field(f.Type), f.Name, n+1)
	}
	w.line("}\n")
	for len(w.pending) > 0 {
		text := w.pending[0]
		w.pending = w.pending[1:]
		w.out.WriteString(text)
	}
}

// field is a type as it stands in a field.
func (w *protoWriter) field(r *ir.Ref) string {
	switch r.Kind {
	case ir.Optional:
		if r.Elem.Kind == ir.List || r.Elem.Kind == ir.Map {
			return w.wrap(r.Elem)
		}
		return "optional " + w.single(r.Elem)
	case ir.List:
		return "repeated " + w.single(r.Elem)
	case ir.Map:
		key := w.single(r.Key)
		if key == "bytes" {
			key = "string"
		}
		return "map<" + key + ", " + w.single(r.Elem) + ">"
	}
	return w.single(r)
}

// single is a type that is one value.
func (w *protoWriter) single(r *ir.Ref) string {
	switch r.Kind {
	case ir.Bool:
		return "bool"
	case ir.U8, ir.U16, ir.U32:
		return "uint32"
	case ir.U64:
		return "uint64"
	case ir.I8, ir.I16, ir.I32:
		return "int32"
	case ir.I64, ir.Duration, ir.Timestamp:
		return "int64"
	case ir.F32:
		return "float"
	case ir.F64:
		return "double"
	case ir.String:
		return "string"
	case ir.Bytes, ir.FixedBytes, ir.Path:
		return "bytes"
	case ir.RecordRef:
		return r.Record.Name
	case ir.EnumRef:
		return r.Enum.Name
	}
	return w.wrap(r)
}

// wrap puts a list, a map or an optional into a message of its own.
func (w *protoWriter) wrap(r *ir.Ref) string {
	w.wrapped++
	name := fmt.Sprintf("Wrapped%d", w.wrapped)
	w.pending = append(w.pending, fmt.Sprintf("message %s {\n  %s value = 1;\n}\n", name, w.field(r)))
	return name
}
