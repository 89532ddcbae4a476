package lsp

import (
	"slices"

	"strongroom.dev/codegen/token"
)

// wanted is what can be written at a place. The text around it is half-written, so that it is found from the tokens before it
// and not from the tree.
type wanted struct {
	kind    want
	keyword string        // of the declaration around the place; empty: none
	start   int           // where the word begins that is being written
	typ     []token.Token // with wantValue: the type of the value
	effects []keyword     // what a method can still have
}

type want int

const (
	wantNothing     want = iota
	wantDeclaration      // a keyword at the start of a declaration
	wantItem             // the beginning of a method
	wantEffect           // what can follow a method's arguments or result, on its line
	wantEither           // that, or the next method
	wantField            // the type of a field, or one inside of another type
	wantArgument
	wantResult
	wantItems // the items of a stream
	wantKey   // the key of a map
	wantConstant
	wantEmitted
	wantThrown
	wantValue
	wantAttribute
	wantPath        // between the quotes of an import
	wantPlaceholder // between the braces of a message
)

// wantedAt reads the tokens up to an offset.
func wantedAt(u *unit, offset int) wanted {
	w := wanted{start: offset}
	tokens := u.tokens[:u.tokenAt(offset)+1]
	if n := len(tokens); n > 0 && tokens[n-1].Kind == token.EOF {
		tokens = tokens[:n-1]
	}
	if n := len(tokens); n > 0 && tokens[n-1].Span.Start == offset { // it stands behind the place
		tokens = tokens[:n-1]
	}
	sameLine := true
	if n := len(tokens); n > 0 {
		switch last := tokens[n-1]; {
		case last.Kind == token.Comment || last.Kind == token.Doc:
			if _, end := u.text.line(utf8Columns.position(u.text, last.Span.Start).Line); offset <= end {
				return w // within it
			}
		case last.Span.End < offset || last.Span.End == offset && last.Kind == token.String:
		case last.Kind == token.Name:
			w.start = last.Span.Start
			sameLine = !last.FirstOnLine
			tokens = tokens[:n-1]
		case last.Kind == token.Attribute, last.Kind == token.Invalid && last.Text == "@":
			w.kind, w.start = wantAttribute, last.Span.Start+1
			w.keyword, _ = around(tokens[:n-1])
			return w
		case last.Kind == token.String, last.Kind == token.Invalid && u.text.text[last.Span.Start] == '"':
			return inText(u, tokens, offset)
		case last.Span.End > offset, last.Kind == token.Number, last.Kind == token.Duration, last.Kind == token.Invalid:
			return w
		}
	}
	if sameLine && len(tokens) > 0 {
		end := tokens[len(tokens)-1].Span.End
		sameLine = utf8Columns.position(u.text, end).Line == utf8Columns.position(u.text, w.start).Line
	}
	tokens = slices.DeleteFunc(slices.Clone(tokens), func(t token.Token) bool { return t.Kind == token.Comment || t.Kind == token.Doc })
	var open []token.Token
	w.keyword, open = around(tokens)
	w.kind, w.typ = w.read(tokens, open, sameLine)
	if w.kind == wantEffect || w.kind == wantEither {
		w.effects = w.remaining(tokens)
	}
	return w
}

// around is the keyword of the declaration in which a list of tokens ends, and the brackets that are open in it.
func around(tokens []token.Token) (keyword string, open []token.Token) {
	for i, t := range tokens {
		if t.FirstOnLine { // types stand on one line
			for len(open) > 0 && open[len(open)-1].Kind == token.LeftAngle {
				open = open[:len(open)-1]
			}
		}
		switch t.Kind {
		case token.Name:
			named := i+1 < len(tokens) && !tokens[i+1].FirstOnLine && tokens[i+1].Kind == token.Name
			if named && declarationWord(t.Text) && (t.FirstOnLine || len(open) == 0 || startsDeclaration(tokens, i)) {
				keyword, open = t.Text, nil
			}
		case token.LeftBrace, token.LeftParen, token.LeftAngle:
			open = append(open, t)
		case token.RightBrace, token.RightParen, token.RightAngle:
			if len(open) > 0 {
				open = open[:len(open)-1]
			}
			if len(open) == 0 && t.Kind == token.RightBrace {
				keyword = ""
			}
		}
	}
	return keyword, open
}

// startsDeclaration looks for a line's start before the attributes of a keyword.
func startsDeclaration(tokens []token.Token, i int) bool {
	for i--; i >= 0; i-- {
		switch tokens[i].Kind {
		case token.Attribute:
			if tokens[i].FirstOnLine {
				return true
			}
		case token.LeftParen, token.RightParen, token.String:
		default:
			return false
		}
	}
	return false
}

func declarationWord(word string) bool {
	return slices.ContainsFunc(declarations, func(k keyword) bool { return k.word == word })
}

// inText is what is wanted between quotes. The last token is the text, with or without an end.
func inText(u *unit, tokens []token.Token, offset int) wanted {
	w := wanted{start: offset}
	text := tokens[len(tokens)-1]
	before := tokens[:len(tokens)-1]
	if len(before) > 0 && before[len(before)-1].Kind == token.Name && before[len(before)-1].Text == importWord.word {
		w.kind, w.start = wantPath, text.Span.Start+1
		return w
	}
	keyword, open := around(before)
	if keyword != "error" || len(open) != 1 {
		return w
	}
	raw := u.text.text[text.Span.Start:offset]
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '\\':
			i++
		case '{':
			if w.kind == wantPlaceholder && w.start == text.Span.Start+i { // a doubled brace is no placeholder
				w.kind = wantNothing
			} else {
				w.kind, w.start = wantPlaceholder, text.Span.Start+i+1
			}
		case '}':
			w.kind = wantNothing
		}
	}
	return w
}

// read finds what can follow the tokens before a place.
func (w wanted) read(tokens, open []token.Token, sameLine bool) (want, []token.Token) {
	n := len(tokens)
	if n == 0 {
		return wantDeclaration, nil
	}
	last := tokens[n-1]
	inside := token.EOF
	if len(open) > 0 {
		inside = open[len(open)-1].Kind
	}
	before := func(i int) token.Token { return tokens[max(n-1-i, 0)] }
	switch {
	case w.keyword == "" && len(open) == 0:
		if sameLine && last.Kind != token.RightBrace && last.Kind != token.Semicolon && !attributed(tokens) {
			return wantNothing, nil
		}
		return wantDeclaration, nil
	case inside == token.LeftAngle && sameLine && (last.Kind == token.LeftAngle || last.Kind == token.Comma):
		return w.insideOf(tokens, open[len(open)-1]), nil
	case inside == token.LeftAngle:
		return wantNothing, nil
	case sameLine && last.Kind == token.Colon:
		switch {
		case w.keyword == "const":
			return wantConstant, nil
		case inside == token.LeftParen:
			return wantArgument, nil
		}
		return wantField, nil
	case sameLine && last.Kind == token.Equals:
		if w.keyword == "type" {
			return wantField, nil
		}
		return wantValue, typeBefore(tokens[:n-1])
	case len(open) == 0 && (!sameLine || last.Kind == token.Semicolon): // after a declaration without a body
		return wantDeclaration, nil
	case !w.methods() || inside != token.LeftBrace:
		return wantNothing, nil
	case sameLine && last.Kind == token.Arrow:
		return wantResult, nil
	case sameLine && last.Kind == token.Name && before(1).Kind != token.LeftBrace && last.Text == emitsWord.word:
		return wantEmitted, nil
	case sameLine && last.Kind == token.Name && before(1).Kind != token.LeftBrace && last.Text == throwsWord.word:
		return wantThrown, nil
	case last.Kind == token.RightParen || last.Kind == token.RightAngle || last.Kind == token.Name:
		if attributed(tokens) {
			return wantItem, nil
		}
		if sameLine && last.Kind == token.Name && last.Text == constructorWord.word {
			return wantNothing, nil
		}
		if !sameLine {
			return wantEither, nil
		}
		return wantEffect, nil
	case !sameLine || last.Kind == token.LeftBrace || last.Kind == token.Semicolon || last.Kind == token.Comma || last.Kind == token.Attribute:
		return wantItem, nil
	}
	return wantNothing, nil
}

// remaining are the effects that a method can have after these tokens, in the order in which they stand.
func (w wanted) remaining(tokens []token.Token) []keyword {
	switch n := len(tokens); {
	case n > 1 && tokens[n-1].Kind == token.Name && tokens[n-2].Text == throwsWord.word:
		return nil
	case n > 1 && tokens[n-1].Kind == token.Name && tokens[n-2].Text == emitsWord.word, w.keyword == "callback":
		return []keyword{throwsWord}
	}
	return []keyword{emitsWord, throwsWord}
}

func (w wanted) methods() bool { return w.keyword == "interface" || w.keyword == "callback" }

// attributed reports whether the last tokens are an attribute.
func attributed(tokens []token.Token) bool {
	n := len(tokens)
	for n > 0 && (tokens[n-1].Kind == token.RightParen || tokens[n-1].Kind == token.LeftParen || tokens[n-1].Kind == token.String) {
		n--
	}
	return n > 0 && tokens[n-1].Kind == token.Attribute
}

// insideOf is what can stand between angle brackets, after what stands there already.
func (w wanted) insideOf(tokens []token.Token, angle token.Token) want {
	i := slices.IndexFunc(tokens, func(t token.Token) bool { return t == angle })
	if i == 0 {
		return wantNothing
	}
	switch name := tokens[i-1].Text; {
	case name == "stream":
		return wantItems
	case name == "map" && i == len(tokens)-1:
		return wantKey
	case name == "bytes":
		return wantNothing
	}
	return wantField
}

// typeBefore is the type that stands after the last colon.
func typeBefore(tokens []token.Token) []token.Token {
	for i, t := range slices.Backward(tokens) {
		if t.Kind == token.Colon {
			return tokens[i+1:]
		}
		if t.FirstOnLine {
			break
		}
	}
	return nil
}
