package lsp

import (
	"context"

	"strongroom.dev/codegen/token"
)

// The legend of the semantic tokens; answers hold indices into it.
var (
	tokenTypes = []string{
		"namespace", "type", "struct", "enum", "interface", "enumMember", "property", "parameter", "method", "variable", "decorator",
		"keyword", "comment", "string", "number", "operator",
	}
	tokenModifiers = []string{"declaration", "deprecated", "documentation", "defaultLibrary", "readonly"}
)

const (
	modDeclaration = 1 << iota
	modDeprecated
	modDocumentation
	modDefaultLibrary
	modReadonly
)

var symbolTokens = map[string]string{
	"package": "namespace", "file": "string", "type": "type", "record": "struct", "error": "struct", "enum": "enum", "interface": "interface",
	"callback": "interface", "variant": "enumMember", "field": "property", "argument": "parameter", "method": "method",
	"constructor": "method", "const": "variable", "attribute": "decorator",
}

// semanticTokens colours a whole file, for editors that know no grammar of the language.
func (s *server) semanticTokens(_ context.Context, p documentParams) (*semanticTokens, error) {
	d, err := s.document(p.TextDocument.URI)
	if err != nil {
		return nil, err
	}
	snapshot := s.workspace.snapshot()
	u := snapshot.unit(d.path)
	names := snapshot.names(u)
	out := &semanticTokens{Data: []int{}}
	var last position
	add := func(start, end int, kind string, modifiers int) {
		at := s.encoding.span(u.text, start, end)
		if kind == "" || at.Start.Line != at.End.Line || at.Start == at.End {
			return
		}
		column := at.Start.Character
		if at.Start.Line == last.Line {
			column -= last.Character
		}
		out.Data = append(out.Data, at.Start.Line-last.Line, column, at.End.Character-at.Start.Character, tokenType(kind), modifiers)
		last = at.Start
	}
	for _, t := range u.tokens {
		for len(names) > 0 && names[0].span.End <= t.Span.Start {
			names = names[1:]
		}
		start, kind, modifiers := t.Span.Start, lexical(t), 0
		if t.Kind == token.Doc {
			modifiers = modDocumentation
		}
		// A text can have names in it, of fields; between them it is a text.
		for len(names) > 0 && names[0].span.Start < t.Span.End {
			name := names[0]
			names = names[1:]
			add(start, name.span.Start, kind, modifiers)
			nameKind, nameModifiers := named(name)
			add(name.span.Start, name.span.End, nameKind, nameModifiers)
			start = name.span.End
		}
		if t.Kind == token.Name && start == t.Span.End {
			continue
		}
		add(start, t.Span.End, kind, modifiers)
	}
	return out, nil
}

func tokenType(kind string) int {
	for i, k := range tokenTypes {
		if k == kind {
			return i
		}
	}
	panic("the legend lacks " + kind)
}

func named(o occurrence) (kind string, modifiers int) {
	if o.declares {
		modifiers |= modDeclaration
	}
	switch sym := o.symbol; {
	case sym.head != nil && sym.head.Attribute("deprecated") != nil:
		modifiers |= modDeprecated
	case sym.unit == nil:
		modifiers |= modDefaultLibrary
	}
	if o.symbol.what == "const" {
		modifiers |= modReadonly
	}
	return symbolTokens[o.symbol.what], modifiers
}

// lexical is the colour of a token whose meaning is not known; empty: none.
func lexical(t token.Token) string {
	switch t.Kind {
	case token.Comment, token.Doc:
		return "comment"
	case token.String:
		return "string"
	case token.Number, token.Duration:
		return "number"
	case token.Attribute:
		return "decorator"
	case token.Arrow, token.Equals, token.Minus:
		return "operator"
	case token.Name:
		if isKeyword(t.Text) {
			return "keyword"
		}
	}
	return ""
}
