package lsp

import (
	"context"
	"strings"

	"strongroom.dev/codegen/ast"
	"strongroom.dev/codegen/report"
	"strongroom.dev/codegen/token"
)

// documentSymbols lists a file's declarations with their items, as an outline.
func (s *server) documentSymbols(_ context.Context, p documentParams) (any, error) {
	d, err := s.document(p.TextDocument.URI)
	if err != nil {
		return nil, err
	}
	snapshot := s.workspace.snapshot()
	o := outliner{s, snapshot, snapshot.unit(d.path)}
	symbols := o.decls()
	if s.client.Capabilities.TextDocument.DocumentSymbol.Hierarchical {
		return symbols, nil
	}
	flat := []symbolInformation{}
	var flatten func(list []documentSymbol, container string)
	flatten = func(list []documentSymbol, container string) {
		for _, sym := range list {
			flat = append(flat, symbolInformation{sym.Name, sym.Kind, sym.Tags, location{d.uri, sym.Range}, container})
			flatten(sym.Children, sym.Name)
		}
	}
	flatten(symbols, "")
	return flat, nil
}

// workspaceSymbols finds declarations whose names contain the letters of a query in their order.
func (s *server) workspaceSymbols(ctx context.Context, p struct {
	Query string `json:"query"`
}) ([]symbolInformation, error) {
	snapshot := s.workspace.snapshot()
	found := []symbolInformation{}
	for _, path := range s.workspace.paths() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		u := snapshot.unit(path)
		if u == nil {
			continue
		}
		for _, d := range u.tree.Decls {
			if name := d.DeclName(); matches(p.Query, name.Text) {
				found = append(found, symbolInformation{
					name.Text, outlineKind(d), deprecatedTags(d.DeclHead()), s.location(u, name.Span.Start, name.Span.End), u.tree.Package.Text,
				})
			}
		}
	}
	return found, nil
}

func matches(query, name string) bool {
	query, name = strings.ToLower(query), strings.ToLower(name)
	for _, c := range query {
		at := strings.IndexRune(name, c)
		if at < 0 {
			return false
		}
		name = name[at+1:]
	}
	return true
}

func outlineKind(node any) int {
	switch n := node.(type) {
	case *ast.Record:
		return symbolStruct
	case *ast.Enum:
		return symbolEnum
	case *ast.Error:
		return symbolEvent
	case *ast.Interface:
		if n.Callback {
			return symbolClass
		}
		return symbolInterface
	case *ast.Alias:
		return symbolAlias
	case *ast.Constant:
		return symbolConstant
	case *ast.Variant:
		return symbolVariant
	case *ast.Method:
		if n.Constructor {
			return symbolConstructor
		}
		return symbolMethod
	default:
		return symbolField
	}
}

func deprecatedTags(h *ast.Head) []int {
	if h.Attribute("deprecated") != nil {
		return []int{tagDeprecated}
	}
	return nil
}

// outliner finds from where to where items reach. The tree has only the places of their names.
type outliner struct {
	server *server
	*snapshot
	unit *unit
}

func (o *outliner) decls() []documentSymbol {
	var heads []*ast.Head
	for _, d := range o.unit.tree.Decls {
		heads = append(heads, d.DeclHead())
	}
	reach := o.reaches(heads, len(o.unit.text.text))
	symbols := []documentSymbol{}
	for i, d := range o.unit.tree.Decls {
		sym := o.symbol(heads[i], d, d.Keyword(), reach[i])
		switch d := d.(type) {
		case *ast.Record:
			sym.Children = o.fields(d.Fields, reach[i].End)
		case *ast.Enum:
			sym.Children = o.variants(d.Variants, reach[i].End)
		case *ast.Error:
			sym.Children = o.variants(d.Variants, reach[i].End)
		case *ast.Interface:
			sym.Children = o.methods(d.Methods, reach[i].End)
		case *ast.Alias:
			sym.Detail = typeText(d.Type)
		case *ast.Constant:
			sym.Detail = d.Value.Text
		}
		symbols = append(symbols, sym)
	}
	return symbols
}

func (o *outliner) symbol(h *ast.Head, node any, detail string, at report.Span) documentSymbol {
	return documentSymbol{
		Name:           h.Name.Text,
		Detail:         detail,
		Kind:           outlineKind(node),
		Tags:           deprecatedTags(h),
		Range:          o.server.encoding.span(o.unit.text, at.Start, at.End),
		SelectionRange: o.server.encoding.span(o.unit.text, h.Name.Span.Start, h.Name.Span.End),
	}
}

func (o *outliner) fields(fields []*ast.Field, end int) []documentSymbol {
	var heads []*ast.Head
	for _, f := range fields {
		heads = append(heads, &f.Head)
	}
	var symbols []documentSymbol
	for i, at := range o.reaches(heads, end) {
		symbols = append(symbols, o.symbol(heads[i], fields[i], typeText(fields[i].Type), at))
	}
	return symbols
}

func (o *outliner) variants(variants []*ast.Variant, end int) []documentSymbol {
	var heads []*ast.Head
	for _, v := range variants {
		heads = append(heads, &v.Head)
	}
	var symbols []documentSymbol
	for i, at := range o.reaches(heads, end) {
		sym := o.symbol(heads[i], variants[i], "", at)
		sym.Children = o.fields(variants[i].Fields, at.End)
		symbols = append(symbols, sym)
	}
	return symbols
}

func (o *outliner) methods(methods []*ast.Method, end int) []documentSymbol {
	var heads []*ast.Head
	for _, m := range methods {
		heads = append(heads, &m.Head)
	}
	var symbols []documentSymbol
	for i, at := range o.reaches(heads, end) {
		text := strings.TrimPrefix(methodText(methods[i]), "@immediate ")
		_, signature, _ := strings.Cut(text, methods[i].Name.Text)
		symbols = append(symbols, o.symbol(heads[i], methods[i], signature, at))
	}
	return symbols
}

// reaches says from where to where siblings reach, of which the last one ends within what reaches up to end: each from its
// documentation to its last token before the next one, or to the bracket that closes what is around it.
func (o *outliner) reaches(heads []*ast.Head, end int) []report.Span {
	tokens := o.unit.tokens
	spans := make([]report.Span, len(heads))
	for i := len(heads) - 1; i >= 0; i-- {
		name := o.unit.tokenAt(heads[i].Name.Span.Start)
		first := name
	walk:
		for first > 0 {
			switch t := tokens[first-1]; t.Kind {
			case token.Doc, token.Attribute:
			case token.RightParen, token.String: // of an attribute, or of what stands before
				if len(heads[i].Attributes) == 0 || t.Span.Start < heads[i].Attributes[0].Span.Start {
					break walk
				}
			case token.LeftParen:
				if tokens[max(first-2, 0)].Kind != token.Attribute {
					break walk
				}
			case token.Name: // the keyword, or the sibling before
				if first != name || t.Text != "constructor" && !declarationWord(t.Text) || tokens[name].FirstOnLine {
					break walk
				}
			default:
				break walk
			}
			first--
		}
		spans[i] = report.Span{Start: tokens[first].Span.Start, End: o.last(name, end)}
		end = spans[i].Start
	}
	return spans
}

// last is where the item with a name ends, at the latest at limit.
func (o *outliner) last(name, limit int) int {
	tokens := o.unit.tokens
	end := tokens[name].Span.End
	depth := 0
	for _, t := range tokens[name:] {
		if t.Kind == token.EOF || t.Span.End > limit {
			break
		}
		switch t.Kind {
		case token.LeftBrace, token.LeftParen:
			depth++
		case token.RightBrace, token.RightParen:
			if depth == 0 {
				return end
			}
			depth--
		case token.Comma, token.Semicolon, token.Comment, token.Doc:
			continue
		}
		end = t.Span.End
	}
	return end
}
