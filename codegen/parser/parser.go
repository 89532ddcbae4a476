// Package parser builds the syntax tree. After a mistake it goes on at the next item or declaration, so that one run
// reports all mistakes; each of them once.
package parser

import (
	"slices"

	"strongroom.dev/codegen/ast"
	"strongroom.dev/codegen/report"
	"strongroom.dev/codegen/token"
)

var (
	syntax           = report.Define("syntax", "The text does not have the form that the language asks for at this place. docs/language.md has the grammar.")
	unclosed         = report.Define("unclosed", "A bracket that is opened is closed before the next declaration begins.")
	misplacedDoc     = report.Define("misplaced-doc", "A doc comment (`///`) stands on the lines before what it documents, and belongs to it in every language.")
	misplacedPackage = report.Define("misplaced-package", "A file names its package once, at its beginning: the generated code is named after it.")
	misplacedImport  = report.Define("misplaced-import", "Imports stand together after the package, where a reader looks for them.")
	nesting          = report.Define("nesting", "Types nest at most 64 deep, as the encoding does, so that no decoder can be driven out of its stack.")
	clauses          = report.Define("clauses", "A method has at most one `emits` and one `throws`, in this order.")
)

// Parse reads a whole file. The tree is complete only where the report is empty.
func Parse(r *report.Report, source *report.File) *ast.File {
	tokens := token.Lex(r, source)
	tokens = slices.DeleteFunc(tokens, func(t token.Token) bool { return t.Kind == token.Comment })
	p := &parser{report: r, tokens: tokens}
	if len(tokens) == 1 && !r.Empty() {
		return &ast.File{Source: source} // no text at all: said already
	}
	f := p.file()
	f.Source = source
	return f
}

type parser struct {
	report *report.Report
	tokens []token.Token
	at     int
}

// maxNesting keeps `list<list<…` from using up the stack. The encoding has the same bound.
const maxNesting = 64

func (p *parser) peek() token.Token { return p.tokens[p.at] }

func (p *parser) after() token.Token { return p.tokens[min(p.at+1, len(p.tokens)-1)] }

func (p *parser) take() token.Token {
	t := p.tokens[p.at]
	if t.Kind != token.EOF {
		p.at++
	}
	return t
}

func (p *parser) accept(kind token.Kind) bool {
	if p.peek().Kind != kind {
		return false
	}
	p.take()
	return true
}

// here reports whether the next token has this kind and stands on the same line as the one before.
func (p *parser) here(kind token.Kind) bool {
	return p.peek().Kind == kind && !p.peek().FirstOnLine
}

// word reports whether the next token is this keyword.
func (p *parser) word(text string) bool {
	return p.peek().Kind == token.Name && p.peek().Text == text
}

// unexpected reports the next token. What the lexer could not read has been reported already.
func (p *parser) unexpected(wanted string) *report.Diagnostic {
	t := p.peek()
	if t.Kind == token.Invalid {
		return &report.Diagnostic{}
	}
	return p.report.Errorf(syntax, t.Span, "expected %s, not %s", wanted, t.Describe())
}

// missing reports that an item does not go on as it must. Where the line ends, that is the place, and not the next line.
func (p *parser) missing(wanted string) *report.Diagnostic {
	if t := p.peek(); !t.FirstOnLine && t.Kind != token.EOF {
		return p.unexpected(wanted)
	}
	end := p.tokens[p.at-1].Span.End
	return p.report.Errorf(syntax, report.Span{Start: end, End: end + 1}, "expected %s at the end of this line", wanted)
}

// name takes the name that an item begins with.
func (p *parser) name(wanted string) (ast.Name, bool) {
	if p.peek().Kind != token.Name {
		p.unexpected(wanted)
		return ast.Name{}, false
	}
	return p.taken(), true
}

// taken takes a token that is known to be a name.
func (p *parser) taken() ast.Name {
	t := p.take()
	return ast.Name{Text: t.Text, Span: t.Span}
}

// docs takes the doc comment that stands before an item.
func (p *parser) docs() []string {
	var lines []string
	for p.peek().Kind == token.Doc {
		t := p.take()
		if !t.FirstOnLine {
			p.report.Errorf(misplacedDoc, t.Span, "a doc comment stands on the lines before what it documents").
				Hint("move it up, or write `//`")
			continue
		}
		lines = append(lines, t.Text)
	}
	return lines
}

// undocumented reports a doc comment with nothing after it.
func (p *parser) undocumented(doc []string) {
	if len(doc) > 0 {
		p.report.Errorf(misplacedDoc, p.tokens[p.at-1].Span, "this doc comment documents nothing").Hint("write `//` for a remark")
	}
}

func declares(keyword string) bool {
	switch keyword {
	case "record", "enum", "error", "interface", "callback", "type", "const", "package", "import":
		return true
	}
	return false
}

// atDecl recognises `record Name` at the start of a line, with or without attributes before it: there a declaration
// begins, whatever was left open before.
func (p *parser) atDecl() bool {
	if !p.peek().FirstOnLine {
		return false
	}
	at := p.at
	for p.tokens[at].Kind == token.Attribute {
		at++
		if p.tokens[at].Kind == token.LeftParen {
			for at++; p.tokens[at].Kind == token.String || p.tokens[at].Kind == token.RightParen; at++ {
			}
		}
	}
	keyword, name := p.tokens[at], p.tokens[min(at+1, len(p.tokens)-1)]
	if keyword.Kind != token.Name || !declares(keyword.Text) || name.FirstOnLine {
		return false
	}
	return name.Kind == token.Name || keyword.Text == "import" && name.Kind == token.String
}

func (p *parser) file() *ast.File {
	f := &ast.File{}
	doc := p.docs()
	if p.word("package") {
		f.Doc = doc
		doc = nil
		p.take()
		if !p.here(token.Name) {
			p.missing("the package's name")
		} else {
			f.Package = p.taken()
		}
		p.accept(token.Semicolon)
		f.Imports = p.imports()
	} else {
		p.report.Errorf(misplacedPackage, p.peek().Span, "the file does not begin with its package").Hint("write `package name` first")
	}
	for {
		if doc == nil {
			doc = p.docs()
		}
		if p.peek().Kind == token.EOF {
			p.undocumented(doc)
			return f
		}
		start := p.at
		if d := p.decl(doc); d != nil {
			f.Decls = append(f.Decls, d)
		}
		doc = nil
		if p.at == start {
			p.take()
			p.skipToDecl()
		}
	}
}

// skipToDecl leaves behind what belongs to no declaration: the rest of the line, with the blocks that it opens.
func (p *parser) skipToDecl() {
	depth := 0
	for p.peek().Kind != token.EOF && !p.atDecl() {
		switch t := p.peek(); {
		case depth == 0 && t.FirstOnLine:
			return
		case t.Kind == token.LeftBrace:
			depth++
		case t.Kind == token.RightBrace:
			depth = max(depth-1, 0)
		}
		p.take()
	}
}

func (p *parser) imports() []*ast.Import {
	var imports []*ast.Import
	for p.word("import") {
		p.take()
		if !p.here(token.String) {
			p.missing("the path of a file").Hint("write `import \"other.idl\"`")
			p.skipToDecl()
			continue
		}
		t := p.take()
		imports = append(imports, &ast.Import{Path: ast.Text{Raw: t.Text, Span: t.Span}})
		p.accept(token.Semicolon)
	}
	return imports
}

// attributes takes what stands with an @ before an item.
func (p *parser) attributes() []*ast.Attribute {
	var attributes []*ast.Attribute
	for p.peek().Kind == token.Attribute {
		t := p.take()
		a := &ast.Attribute{Name: ast.Name{Text: t.Text, Span: t.Span}, Span: t.Span}
		attributes = append(attributes, a)
		if !p.here(token.LeftParen) {
			continue
		}
		p.take()
		if p.here(token.String) {
			text := p.take()
			a.Text = &ast.Text{Raw: text.Text, Span: text.Span}
		} else {
			p.missing("a text in double quotes")
			for !p.here(token.RightParen) && !p.peek().FirstOnLine && p.peek().Kind != token.EOF {
				p.take()
			}
		}
		if end := p.peek(); p.here(token.RightParen) {
			p.take()
			a.Span.End = end.Span.End
		} else if a.Text != nil {
			p.missing("`)`")
		}
	}
	return attributes
}

func (p *parser) decl(doc []string) ast.Decl {
	head := ast.Head{Doc: doc, Attributes: p.attributes()}
	t := p.peek()
	if t.Kind == token.RightBrace {
		p.report.Errorf(unclosed, t.Span, "this `}` closes nothing")
		p.take()
		return nil
	}
	if t.Kind != token.Name || !declares(t.Text) {
		d := p.unexpected("`record`, `enum`, `error`, `interface`, `callback`, `type` or `const`")
		switch t.Text {
		case "struct", "message", "class":
			d.Hint("a product type is declared with `record`")
		case "union", "oneof", "variant":
			d.Hint("a sum type is declared with `enum`")
		case "service", "trait", "protocol":
			d.Hint("an object is declared with `interface`")
		case "exception":
			d.Hint("failures are declared with `error`")
		case "typedef", "alias", "using":
			d.Hint("another name for a type is declared with `type Name = …`")
		}
		return nil
	}
	p.take()
	switch t.Text {
	case "package":
		p.report.Errorf(misplacedPackage, t.Span, "the package was named already").Hint("a file has one package")
		p.accept(token.Name)
		return nil
	case "import":
		p.report.Errorf(misplacedImport, t.Span, "an import stands after a declaration").Hint("move it to the top, after the package")
		p.accept(token.String)
		return nil
	}
	if !p.here(token.Name) {
		p.missing("the name of the " + t.Text)
		p.skipToDecl()
		return nil
	}
	head.Name = p.taken()
	switch t.Text {
	case "record":
		return &ast.Record{Head: head, Fields: p.fields()}
	case "enum":
		return &ast.Enum{Head: head, Variants: p.variants()}
	case "error":
		return &ast.Error{Head: head, Variants: p.variants()}
	case "type":
		return p.alias(head)
	case "const":
		return p.constant(head)
	default:
		return &ast.Interface{Head: head, Callback: t.Text == "callback", Methods: p.methods()}
	}
}

func (p *parser) alias(head ast.Head) ast.Decl {
	if !p.here(token.Equals) {
		p.missing("`=` and a type after `"+head.Name.Text+"`").Hint("write `type %s = type`", head.Name.Text)
		p.skipToDecl()
		return nil
	}
	p.take()
	typ := p.typ(0)
	if typ == nil {
		p.skipToDecl()
		return nil
	}
	p.endDecl()
	return &ast.Alias{Head: head, Type: typ}
}

func (p *parser) constant(head ast.Head) ast.Decl {
	d := &ast.Constant{Head: head}
	if p.here(token.Colon) {
		p.take()
		if d.Type = p.typ(0); d.Type == nil {
			p.skipToDecl()
			return nil
		}
	} else {
		p.missing("`:` and a type after `"+head.Name.Text+"`").Hint("write `const %s: type = value`", head.Name.Text)
		p.skipToDecl()
		return nil
	}
	if !p.here(token.Equals) {
		p.missing("`=` and a value")
		p.skipToDecl()
		return nil
	}
	p.take()
	if d.Value = p.value(); d.Value == nil {
		p.skipToDecl()
		return nil
	}
	p.endDecl()
	return d
}

// endDecl ends a declaration without a body: by `;` or a new line.
func (p *parser) endDecl() {
	if p.accept(token.Semicolon) || p.peek().FirstOnLine || p.peek().Kind == token.EOF {
		return
	}
	p.unexpected("a new line or `;` after the declaration")
	p.skipToDecl()
}

func (p *parser) methods() []*ast.Method {
	var methods []*ast.Method
	p.list(token.LeftBrace, token.RightBrace, func(doc []string) bool {
		m, ok := p.method(doc)
		if m != nil {
			methods = append(methods, m)
		}
		return ok
	})
	return methods
}

// list parses items between brackets. A new line, `,` or `;` separates them. item answers false after a mistake that
// it has reported.
func (p *parser) list(open, end token.Kind, item func(doc []string) bool) {
	bracket := p.peek()
	if bracket.Kind != open {
		p.missing(open.String())
		p.skipItem(end)
		return
	}
	p.take()
	for {
		doc := p.docs()
		t := p.peek()
		if t.Kind == end {
			p.undocumented(doc)
			p.take()
			return
		}
		if t.Kind == token.EOF || p.atDecl() || t.Kind == token.RightBrace || t.Kind == token.Arrow {
			p.report.Errorf(unclosed, bracket.Span, "this %s is not closed", open).
				See(t.Span, "%s was expected before here", end)
			// The doc comment belongs to the declaration that follows.
			p.at -= len(doc)
			return
		}
		start := p.at
		if !item(doc) {
			p.skipItem(end)
		}
		t = p.peek()
		switch {
		case t.Kind == token.Comma || t.Kind == token.Semicolon:
			p.take()
		case t.Kind == end || t.FirstOnLine || t.Kind == token.EOF || t.Kind == token.Doc:
		case t.Kind == token.Arrow && end == token.RightParen: // the next turn reports that `(` is open
		case t.Kind == token.Invalid:
			p.skipItem(end)
		default:
			p.unexpected("a new line, `,` or `;` before the next item")
			p.skipItem(end)
		}
		if p.at == start {
			p.take()
			p.skipItem(end)
		}
	}
}

// skipItem goes to what can begin or end the next item of a list.
func (p *parser) skipItem(end token.Kind) {
	depth := 0
	for {
		t := p.peek()
		switch {
		case t.Kind == token.EOF || p.atDecl():
			return
		case depth == 0 && (t.FirstOnLine || t.Kind == token.Comma || t.Kind == token.Semicolon || t.Kind == end):
			return
		case t.Kind == token.LeftBrace || t.Kind == token.LeftParen:
			depth++
		case t.Kind == token.RightBrace || t.Kind == token.RightParen:
			if depth == 0 {
				return
			}
			depth--
		}
		p.take()
	}
}

func (p *parser) fields() []*ast.Field {
	return p.fieldList(token.LeftBrace, token.RightBrace, "the name of a field")
}

func (p *parser) fieldList(open, end token.Kind, wanted string) []*ast.Field {
	var fields []*ast.Field
	p.list(open, end, func(doc []string) bool {
		f := &ast.Field{Head: ast.Head{Doc: doc, Attributes: p.attributes()}}
		var ok bool
		if f.Name, ok = p.name(wanted); !ok {
			return false
		}
		if !p.here(token.Colon) {
			p.missing("`:` and a type after `" + f.Name.Text + "`").Hint("write `name: type`")
			return false
		}
		p.take()
		if f.Type = p.typ(0); f.Type == nil {
			return false
		}
		if p.accept(token.Equals) {
			if f.Default = p.value(); f.Default == nil {
				return false
			}
		}
		fields = append(fields, f)
		return true
	})
	return fields
}

func (p *parser) variants() []*ast.Variant {
	var variants []*ast.Variant
	p.list(token.LeftBrace, token.RightBrace, func(doc []string) bool {
		v := &ast.Variant{Head: ast.Head{Doc: doc, Attributes: p.attributes()}}
		var ok bool
		if v.Name, ok = p.name("the name of a variant"); !ok {
			return false
		}
		if p.peek().Kind == token.LeftBrace {
			v.Braces = true
			v.Fields = p.fields()
		}
		if t := p.peek(); t.Kind == token.String {
			p.take()
			v.Message = &ast.Text{Raw: t.Text, Span: t.Span}
		}
		variants = append(variants, v)
		if t := p.peek(); t.Kind == token.LeftParen {
			p.unexpected("`{`").Hint("fields of a variant stand in braces: `%s { name: type }`", v.Name.Text)
			return false
		}
		return true
	})
	return variants
}

func (p *parser) method(doc []string) (*ast.Method, bool) {
	m := &ast.Method{Head: ast.Head{Doc: doc, Attributes: p.attributes()}}
	if p.word("constructor") && p.after().Kind == token.Name {
		m.Constructor = true
		p.take()
	}
	var ok bool
	if m.Name, ok = p.name("the name of a method"); !ok {
		return nil, false
	}
	if !p.here(token.LeftParen) {
		p.missing("`(` after `"+m.Name.Text+"`").Hint("a method is written `%s(argument: type) -> result`", m.Name.Text)
		return nil, false
	}
	m.Args = p.fieldList(token.LeftParen, token.RightParen, "the name of an argument")
	if p.accept(token.Arrow) {
		if p.peek().Kind == token.LeftParen {
			p.unexpected("a type").Hint("a method without a result has no `->`")
			return m, false
		}
		if m.Result = p.typ(0); m.Result == nil {
			return m, false
		}
	}
	if p.peek().Kind == token.Colon {
		p.unexpected("`->` before the result")
		return m, false
	}
	for p.clause() {
		keyword := p.take()
		target := &m.Throws
		if keyword.Text == "emits" {
			target = &m.Emits
			if m.Throws != nil {
				p.report.Errorf(clauses, keyword.Span, "`emits` stands before `throws`")
			}
		}
		if !p.here(token.Name) {
			p.missing("the name of a type after `" + keyword.Text + "`")
			return m, false
		}
		n := p.taken()
		if *target != nil {
			p.report.Errorf(clauses, keyword.Span, "`%s` stands here twice", keyword.Text).Hint("put all variants into one type")
			continue
		}
		*target = &n
	}
	return m, true
}

// clause recognises `throws Name`, but not a method of that name on the next line.
func (p *parser) clause() bool {
	return (p.word("emits") || p.word("throws")) && p.after().Kind != token.LeftParen
}

func (p *parser) typ(depth int) *ast.Type {
	t := p.peek()
	if !p.here(token.Name) {
		p.missing("a type")
		return nil
	}
	p.take()
	typ := &ast.Type{Name: ast.Name{Text: t.Text, Span: t.Span}, Span: t.Span}
	if !p.here(token.LeftAngle) {
		return typ
	}
	if depth == maxNesting {
		p.report.Errorf(nesting, t.Span, "types nest at most %d deep", maxNesting)
		return nil
	}
	p.take()
	if n := p.peek(); n.Kind == token.Number {
		p.take()
		typ.Size = &ast.Value{Kind: ast.NumberValue, Text: n.Text, Span: n.Span}
	} else {
		for {
			arg := p.typ(depth + 1)
			if arg == nil {
				return nil
			}
			typ.Args = append(typ.Args, arg)
			if !p.accept(token.Comma) {
				break
			}
		}
	}
	end := p.peek()
	if !p.here(token.RightAngle) {
		p.missing("`>`")
		return nil
	}
	p.take()
	typ.Span.End = end.Span.End
	return typ
}

func (p *parser) value() *ast.Value {
	t := p.peek()
	kind := t.Kind
	if t.FirstOnLine {
		kind = token.EOF // the value is missing; the next line is another item
	}
	switch kind {
	case token.Minus:
		p.take()
		n := p.peek()
		if n.Kind != token.Number || n.Span.Start != t.Span.End {
			p.missing("a number after `-`")
			return nil
		}
		p.take()
		return &ast.Value{Kind: ast.NumberValue, Text: "-" + n.Text, Span: report.Span{Start: t.Span.Start, End: n.Span.End}}
	case token.Number:
		p.take()
		return &ast.Value{Kind: ast.NumberValue, Text: t.Text, Span: t.Span}
	case token.Duration:
		p.take()
		return &ast.Value{Kind: ast.DurationValue, Text: t.Text, Span: t.Span}
	case token.String:
		p.take()
		return &ast.Value{Kind: ast.TextValue, Text: t.Text, Span: t.Span}
	case token.Name:
		p.take()
		return &ast.Value{Kind: ast.NameValue, Text: t.Text, Span: t.Span}
	}
	p.missing("a value").Hint("a value is a number, a duration, a text, `true`, `false` or the name of a variant or a constant")
	return nil
}
