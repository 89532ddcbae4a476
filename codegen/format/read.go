package format

import (
	"slices"
	"strings"

	"strongroom.dev/codegen/report"
	"strongroom.dev/codegen/token"
)

// read outlines a file. It follows the parser, which has found nothing wrong with it.
func read(file *report.File) *outline {
	r := &reader{words: words(file)}
	out := &outline{header: []*item{r.statement()}}
	for r.word("import") {
		out.header = append(out.header, r.statement())
	}
	for !r.here(token.EOF) {
		out.decls = append(out.decls, r.decl())
	}
	out.rest = r.words[r.at].lead
	return out
}

// word is a token with the comments around it.
type word struct {
	token.Token
	lead  []line
	blank bool   // an empty line stands before it, after its comments
	note  string // the comment behind it on its line
}

// words gives each comment to the token that it stands behind on a line, or else before.
func words(file *report.File) []word {
	var all []word
	var next word
	end := file.Base // of the last token
	for _, t := range token.Lex(report.New(), file) {
		blank := strings.Count(file.Text[end-file.Base:t.Span.Start-file.Base], "\n") > 1
		end = t.Span.End
		switch {
		case t.Kind == token.Comment && !t.FirstOnLine:
			all[len(all)-1].note = t.Text
		case t.Kind == token.Comment:
			next.lead = append(next.lead, line{text: t.Text, blank: blank})
		case t.Kind == token.Doc:
			next.lead = append(next.lead, line{text: strings.TrimRight("/// "+t.Text, " "), doc: true, blank: blank})
		default:
			next.Token, next.blank = t, blank
			all = append(all, next)
			next = word{}
		}
	}
	return all
}

type reader struct {
	words []word
	at    int
}

func (r *reader) here(kind token.Kind) bool { return r.words[r.at].Kind == kind }

func (r *reader) word(text string) bool { return r.here(token.Name) && r.words[r.at].Text == text }

// begin starts the item whose first token comes next.
func (r *reader) begin() *item {
	next := &r.words[r.at]
	i := &item{lead: next.lead, blank: next.blank}
	next.lead = nil
	return i
}

// take gives the text of the next token. What was said behind the one before, or before this one, is said in the midst of
// the item and moves before it.
func (r *reader) take(i *item) string {
	w := r.words[r.at]
	r.at++
	if i.note != "" {
		i.stray(i.note)
	}
	for _, l := range w.lead {
		i.stray(l.text)
	}
	i.note = w.note
	return w.Text
}

// separator leaves out what stands between items.
func (r *reader) separator(i *item) {
	if r.here(token.Comma) || r.here(token.Semicolon) {
		r.take(i)
	}
}

// statement is `package name` or `import "path"`.
func (r *reader) statement() *item {
	i := r.begin()
	i.head = r.take(i) + " "
	i.head += r.take(i)
	r.separator(i)
	return i
}

func (r *reader) decl() *item {
	i := r.begin()
	r.attributes(i)
	keyword := r.take(i)
	i.head = keyword + " " + r.take(i)
	switch keyword {
	case "type":
		r.take(i)
		i.head += " = " + r.typ(i)
		r.separator(i)
	case "const":
		r.take(i)
		i.head += ": " + r.typ(i)
		r.take(i)
		i.head += " = " + r.value(i)
		r.separator(i)
	case "record":
		r.list(i, token.RightBrace, ",", r.field)
	case "enum", "error":
		r.list(i, token.RightBrace, ";", r.variant)
	default:
		r.list(i, token.RightBrace, ";", r.method)
	}
	return i
}

// attributes come in one order, whatever the author's was: `@immediate`, which says what kind of method follows, is the last.
func (r *reader) attributes(i *item) {
	ranks := map[string]int{}
	for r.here(token.Attribute) {
		name := "@" + r.take(i)
		text := name
		if r.here(token.LeftParen) {
			text += r.take(i)
			text += r.take(i)
			text += r.take(i)
		}
		i.attributes = append(i.attributes, text)
		ranks[text] = 3
		switch {
		case text == "@immediate":
			ranks[text], i.immediate = 4, true
		case name == "@since":
			ranks[text] = 1
		case name == "@deprecated":
			ranks[text] = 2
		}
	}
	slices.SortStableFunc(i.attributes, func(a, b string) int { return ranks[a] - ranks[b] })
}

// list reads items between brackets. What is said behind the opening one stays there.
func (r *reader) list(i *item, end token.Kind, separator string, read func() *item) {
	l := &list{arguments: end == token.RightParen, separator: separator, oneLine: true}
	i.list = l
	r.take(i)
	l.note, i.note = i.note, ""
	first := r.at
	for !r.here(end) {
		inner := read()
		r.separator(inner)
		l.items = append(l.items, inner)
	}
	for _, w := range r.words[first : r.at+1] {
		l.oneLine = l.oneLine && !w.FirstOnLine
	}
	closing := &r.words[r.at]
	l.rest, closing.lead = closing.lead, nil
	r.take(i)
}

func (r *reader) field() *item {
	i := r.begin()
	r.attributes(i)
	i.head = r.take(i)
	r.take(i)
	i.head += ": " + r.typ(i)
	if r.here(token.Equals) {
		r.take(i)
		i.head += " = " + r.value(i)
	}
	return i
}

func (r *reader) variant() *item {
	i := r.begin()
	r.attributes(i)
	i.head = r.take(i)
	if r.here(token.LeftBrace) {
		r.list(i, token.RightBrace, ",", r.field)
	}
	if r.here(token.String) {
		i.message = r.take(i)
	}
	return i
}

func (r *reader) method() *item {
	i := r.begin()
	r.attributes(i)
	i.head = r.take(i)
	if !r.here(token.LeftParen) { // `constructor`
		i.head += " " + r.take(i)
	}
	r.list(i, token.RightParen, ",", r.field)
	if r.here(token.Arrow) {
		r.take(i)
		i.tail += " -> " + r.typ(i)
	}
	for r.clause() {
		i.tail += " " + r.take(i)
		i.tail += " " + r.take(i)
	}
	return i
}

// clause recognises `throws Name`, but not a method of that name.
func (r *reader) clause() bool {
	return (r.word("emits") || r.word("throws")) && r.words[r.at+1].Kind != token.LeftParen
}

func (r *reader) typ(i *item) string {
	text := r.take(i)
	if !r.here(token.LeftAngle) {
		return text
	}
	text += r.take(i)
	if r.here(token.Number) {
		text += r.take(i)
	} else {
		text += r.typ(i)
	}
	for r.here(token.Comma) {
		text += r.take(i) + " "
		text += r.typ(i)
	}
	return text + r.take(i)
}

func (r *reader) value(i *item) string {
	text := r.take(i)
	if text == "-" {
		text += r.take(i)
	}
	return text
}
