package lsp

import (
	"context"
	"fmt"
	"strings"

	"strongroom.dev/codegen/ast"
	"strongroom.dev/codegen/token"
)

func (s *server) hover(_ context.Context, p positionParams) (*hover, error) {
	at, err := s.at(p)
	if err != nil || at.symbol == nil {
		return nil, err
	}
	return &hover{markdown(describe(at.symbol)), s.encoding.span(at.unit.text, at.span.Start, at.span.End)}, nil
}

// place is where a request points to: the symbol is nil where nothing with a meaning stands.
type place struct {
	*snapshot
	unit   *unit
	offset int
	occurrence
}

func (s *server) at(p positionParams) (place, error) {
	d, err := s.document(p.TextDocument.URI)
	if err != nil {
		return place{}, err
	}
	snapshot := s.workspace.snapshot()
	at := place{snapshot: snapshot, unit: snapshot.unit(d.path), offset: s.encoding.offset(d.text, p.Position)}
	at.occurrence, _ = snapshot.nameAt(at.unit, at.offset)
	return at, nil
}

// describe says in Markdown what a symbol is.
func describe(sym *symbol) string {
	var out strings.Builder
	fmt.Fprintf(&out, "```idl\n%s\n```\n", written(sym))
	paragraph := func(format string, args ...any) { fmt.Fprintf(&out, "\n"+format+"\n", args...) }
	switch {
	case sym.owner != nil && sym.owner.owner != nil:
		paragraph("%s of `%s.%s`", sym.what, sym.owner.owner.name, sym.owner.name)
	case sym.owner != nil:
		paragraph("%s of %s `%s`", sym.what, sym.owner.what, sym.owner.name)
	}
	if doc := documentation(sym); doc != "" {
		paragraph("%s", doc)
	}
	return out.String()
}

// documentation is what the IDL says of a symbol beyond its form.
func documentation(sym *symbol) string {
	var parts []string
	switch {
	case sym.head != nil:
		if text := attributeText(sym.head, "deprecated"); text != "" {
			parts = append(parts, "**Deprecated:** "+text)
		}
		if len(sym.head.Doc) > 0 {
			parts = append(parts, strings.Join(sym.head.Doc, "\n"))
		}
		if version := attributeText(sym.head, "since"); version != "" {
			parts = append(parts, "Since "+version)
		}
	case sym.what == "type":
		parts = append(parts, builtinTypes[sym.name].about)
	case sym.what == "attribute":
		parts = append(parts, attributes[sym.name].about)
	default: // a package or a file
		parts = append(parts, strings.Join(sym.unit.tree.Doc, "\n"))
	}
	return strings.Join(parts, "\n\n")
}

func attributeText(h *ast.Head, name string) string {
	if a := h.Attribute(name); a != nil && a.Text != nil {
		return token.Unquote(a.Text.Raw)
	}
	return ""
}

// written is a symbol's declaration without documentation, in one layout.
func written(sym *symbol) string {
	switch n := sym.node.(type) {
	case *ast.Record:
		return body("record "+n.Name.Text, n.Fields, fieldText)
	case *ast.Enum:
		return body("enum "+n.Name.Text, n.Variants, variantText)
	case *ast.Error:
		return body("error "+n.Name.Text, n.Variants, variantText)
	case *ast.Interface:
		return body(n.Keyword()+" "+n.Name.Text, n.Methods, methodText)
	case *ast.Alias:
		return "type " + n.Name.Text + " = " + typeText(n.Type)
	case *ast.Constant:
		return "const " + n.Name.Text + ": " + typeText(n.Type) + " = " + n.Value.Text
	case *ast.Field:
		return fieldText(n)
	case *ast.Variant:
		return variantText(n)
	case *ast.Method:
		return methodText(n)
	}
	switch sym.what {
	case "type":
		return builtinTypes[sym.name].written
	case "attribute":
		return attributes[sym.name].written
	case "file":
		return fmt.Sprintf("import %q", sym.name)
	default:
		return sym.what + " " + sym.name
	}
}

// maxShown is how many items of a declaration are shown at once.
const maxShown = 16

func body[T any](head string, items []T, text func(T) string) string {
	var out strings.Builder
	out.WriteString(head + " {\n")
	for i, item := range items {
		if i == maxShown {
			fmt.Fprintf(&out, "  // and %d more\n", len(items)-maxShown)
			break
		}
		out.WriteString("  " + text(item) + "\n")
	}
	out.WriteString("}")
	return out.String()
}

func fieldText(f *ast.Field) string {
	text := f.Name.Text + ": " + typeText(f.Type)
	if f.Default != nil {
		text += " = " + f.Default.Text
	}
	return text
}

func fieldTexts(fields []*ast.Field) string {
	var texts []string
	for _, f := range fields {
		texts = append(texts, fieldText(f))
	}
	return strings.Join(texts, ", ")
}

func variantText(v *ast.Variant) string {
	text := v.Name.Text
	if len(v.Fields) > 0 {
		text += " { " + fieldTexts(v.Fields) + " }"
	}
	if v.Message != nil {
		text += " " + v.Message.Raw
	}
	return text
}

func methodText(m *ast.Method) string {
	text := m.Name.Text + "(" + fieldTexts(m.Args) + ")"
	if m.Constructor {
		text = "constructor " + text
	}
	if m.Attribute("immediate") != nil {
		text = "@immediate " + text
	}
	if m.Result != nil {
		text += " -> " + typeText(m.Result)
	}
	if m.Emits != nil {
		text += " emits " + m.Emits.Text
	}
	if m.Throws != nil {
		text += " throws " + m.Throws.Text
	}
	return text
}

func typeText(t *ast.Type) string {
	switch {
	case t.Size != nil:
		return t.Name.Text + "<" + t.Size.Text + ">"
	case len(t.Args) > 0:
		var args []string
		for _, arg := range t.Args {
			args = append(args, typeText(arg))
		}
		return t.Name.Text + "<" + strings.Join(args, ", ") + ">"
	default:
		return t.Name.Text
	}
}
