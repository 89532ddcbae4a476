package token

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"strongroom.dev/codegen/report"
)

// Lex cuts a file into tokens; the last one is EOF. What is no token is reported and left behind as Invalid.
func Lex(r *report.Report, file *report.File) []Token {
	l := &lexer{report: r, text: file.Text, base: file.Base, firstOnLine: true}
	if at := strings.IndexByte(l.text, 0); at >= 0 {
		r.Errorf(notText, l.span(at, at+1), "this is not a text file").Hint("IDL files are UTF-8 without control characters")
		l.text = l.text[:0] // nothing in it can be understood
	}
	if strings.HasPrefix(l.text, "\ufeff") { // editors on Windows write it
		l.at = len("\ufeff")
	}
	for l.next() {
	}
	return l.tokens
}

type lexer struct {
	report      *report.Report
	text        string
	base        int
	at          int
	firstOnLine bool
	tokens      []Token
}

var punctuation = map[byte]Kind{
	'{': LeftBrace, '}': RightBrace, '(': LeftParen, ')': RightParen, '<': LeftAngle, '>': RightAngle,
	':': Colon, ',': Comma, ';': Semicolon, '=': Equals,
}

// next adds at most one token, and answers false after EOF.
func (l *lexer) next() bool {
	if l.at >= len(l.text) {
		l.add(EOF, l.at, "")
		return false
	}
	start := l.at
	c := l.text[l.at]
	switch {
	case c == '\n':
		l.at++
		l.firstOnLine = true
	case c == ' ' || c == '\t' || c == '\r':
		l.at++
	case strings.HasPrefix(l.text[l.at:], "//"):
		l.comment()
	case letter(c):
		l.skip(nameByte)
		l.add(Name, start, l.text[start:l.at])
	case digit(c):
		l.number()
	case c == '"':
		l.string()
	case c == '@':
		l.at++
		l.skip(nameByte)
		if l.at == start+1 {
			l.report.Errorf(badAttribute, l.span(start, l.at), "a name must follow `@`").Hint("attributes are `@immediate`, `@since` and `@deprecated`")
			l.add(Invalid, start, "@")
		} else {
			l.add(Attribute, start, l.text[start+1:l.at])
		}
	case strings.HasPrefix(l.text[l.at:], "->"):
		l.at += 2
		l.add(Arrow, start, "->")
	case c == '-':
		l.at++
		l.add(Minus, start, "-")
	case punctuation[c] != 0:
		l.at++
		l.add(punctuation[c], start, string(c))
	default:
		l.foreign()
	}
	return true
}

func (l *lexer) add(kind Kind, start int, text string) {
	l.tokens = append(l.tokens, Token{kind, text, l.span(start, l.at), l.firstOnLine})
	l.firstOnLine = false
}

func (l *lexer) span(start, end int) report.Span {
	return report.Span{Start: l.base + start, End: l.base + end}
}

func (l *lexer) skip(accept func(byte) bool) {
	for l.at < len(l.text) && accept(l.text[l.at]) {
		l.at++
	}
}

func letter(c byte) bool   { return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func digit(c byte) bool    { return c >= '0' && c <= '9' }
func nameByte(c byte) bool { return letter(c) || digit(c) }

// comment tells `//` from `///`; four slashes and more draw a line and document nothing.
func (l *lexer) comment() {
	start := l.at
	end := strings.IndexByte(l.text[l.at:], '\n')
	if end < 0 {
		end = len(l.text) - l.at
	}
	line := strings.TrimRight(l.text[start:start+end], " \t\r")
	for i, c := range line {
		if c == utf8.RuneError && !strings.HasPrefix(line[i:], "\ufffd") || c < ' ' && c != '\t' || c == 0x7f {
			l.report.Errorf(notText, l.span(start+i, start+i+1), "this byte is not text").
				Hint("IDL files are UTF-8 without control characters")
			break
		}
	}
	l.at = start + len(line)
	if strings.HasPrefix(line, "///") && !strings.HasPrefix(line, "////") {
		l.add(Doc, start, strings.TrimPrefix(line[3:], " "))
	} else {
		l.add(Comment, start, line)
	}
	l.at = start + end
}

// number takes all that a reader would see as one number, so that `12abc` is one mistake and not two tokens.
func (l *lexer) number() {
	start := l.at
	for l.at < len(l.text) {
		c := l.text[l.at]
		exponent := (c == '-' || c == '+') && (l.text[l.at-1] == 'e' || l.text[l.at-1] == 'E') &&
			!strings.HasPrefix(l.text[start:], "0x")
		if !nameByte(c) && c != '.' && !exponent {
			break
		}
		l.at++
	}
	text := l.text[start:l.at]
	span := l.span(start, l.at)
	if isDuration(text) {
		l.add(Duration, start, text)
		return
	}
	if len(text) > 1 && text[0] == '0' && digit(text[1]) && strings.Trim(text, "01234567_") == "" {
		l.report.Errorf(badNumber, span, "`%s` begins with a zero", text).Hint("octal numbers are written `0o%s`", strings.TrimLeft(text, "0_"))
	} else if !validNumber(text) {
		l.report.Errorf(badNumber, span, "`%s` is not a number", text).
			Hint("numbers look like `42`, `0xff_ff`, `0o600`, `0b101`, `0.5` or `1e9`, and durations like `100ms` or `2h`")
	} else {
		l.add(Number, start, text)
		return
	}
	l.add(Invalid, start, text)
}

// isDuration recognises a whole number with a unit.
func isDuration(text string) bool {
	digits := strings.TrimRight(text, "nsumhd")
	_, known := Units[text[len(digits):]]
	return known && digits != "" && strings.Trim(digits, "0123456789_") == "" && !strings.HasSuffix(digits, "_")
}

func validNumber(text string) bool {
	if _, err := strconv.ParseUint(text, 0, 64); err == nil || err.(*strconv.NumError).Err == strconv.ErrRange {
		return true
	}
	if strings.ContainsAny(text, "_xXpP") || strings.HasSuffix(text, ".") {
		return false
	}
	_, err := strconv.ParseFloat(text, 64)
	return err == nil || err.(*strconv.NumError).Err == strconv.ErrRange
}

func (l *lexer) string() {
	start := l.at
	for i := start + 1; i < len(l.text); i++ {
		switch l.text[i] {
		case '"':
			l.at = i + 1
			text := l.text[start:l.at]
			if at, what := invalidText(text[1 : len(text)-1]); what != "" {
				l.report.Errorf(badString, l.span(start+1+at, start+2+at), "%s", what).
					Hint("escapes are `\\\"`, `\\\\`, `\\n`, `\\t` and `\\u{1F600}`")
				l.add(Invalid, start, text)
				return
			}
			l.add(String, start, text)
			return
		case '\\':
			i++ // also where a quote follows; a line's end is found below
			if i < len(l.text) && l.text[i] == '\n' {
				i--
				l.unterminated(start, i)
				return
			}
		case '\n':
			l.unterminated(start, i)
			return
		}
	}
	l.unterminated(start, len(l.text))
}

func (l *lexer) unterminated(start, end int) {
	l.at = end
	l.report.Errorf(badString, l.span(start, start+1), "this text has no end on its line").
		Hint("close it with `\"`; a line break in it is written `\\n`")
	l.add(Invalid, start, l.text[start:end])
}

// invalidText finds the first thing that may not stand between quotes.
func invalidText(text string) (at int, what string) {
	for at < len(text) {
		c, size := utf8.DecodeRuneInString(text[at:])
		switch {
		case c == utf8.RuneError && size == 1:
			return at, "this byte is not UTF-8"
		case c < ' ' || c == 0x7f:
			return at, "control characters cannot stand in a text"
		case c == '\\':
			_, escape := unescape(text[at:])
			if escape == 0 {
				return at, "this escape has no meaning"
			}
			size = escape
		}
		at += size
	}
	return 0, ""
}

// unescape reads the escape at the start of a text; a size of 0 says that it is none.
func unescape(text string) (c rune, size int) {
	if len(text) < 2 {
		return 0, 0
	}
	switch text[1] {
	case '"', '\\':
		return rune(text[1]), 2
	case 'n':
		return '\n', 2
	case 't':
		return '\t', 2
	case 'u':
		end := strings.IndexByte(text, '}')
		if end < 4 || text[2] != '{' || end > 9 {
			return 0, 0
		}
		value, err := strconv.ParseUint(text[3:end], 16, 32)
		if err != nil || !utf8.ValidRune(rune(value)) || value == 0 {
			return 0, 0
		}
		return rune(value), end + 1
	}
	return 0, 0
}

// Unquote gives the meaning of a String token's Text, or of a part of one without its quotes.
func Unquote(text string) string {
	if len(text) >= 2 && text[0] == '"' {
		text = text[1 : len(text)-1]
	}
	var out strings.Builder
	for i := 0; i < len(text); {
		if text[i] == '\\' {
			c, size := unescape(text[i:])
			if size > 0 {
				out.WriteRune(c)
				i += size
				continue
			}
		}
		out.WriteByte(text[i])
		i++
	}
	return out.String()
}

// foreign reports a run of characters that begin no token as one mistake.
func (l *lexer) foreign() {
	start := l.at
	for l.at < len(l.text) {
		c, size := utf8.DecodeRuneInString(l.text[l.at:])
		if c == '\n' || c < utf8.RuneSelf && (nameByte(byte(c)) || strings.ContainsRune(" \t\r/\"@-{}()<>:,;=", c)) && l.at > start {
			break
		}
		l.at += size
		if c < utf8.RuneSelf {
			break
		}
	}
	text := l.text[start:l.at]
	span := l.span(start, l.at)
	d := l.report.Errorf(unknownCharacter, span, "%s is no part of the language", describeForeign(text))
	switch {
	case text == "?":
		d.Hint("a value that can be absent has the type `optional<T>`")
	case text == "[" || text == "]":
		d.Hint("a sequence has the type `list<T>`")
	case text == "'":
		d.Hint("texts stand in double quotes")
	case text == "#" || text == "/":
		d.Hint("comments begin with `//`, doc comments with `///`")
	case text[0] >= utf8.RuneSelf && utf8.ValidString(text):
		d.Hint("names are made of ASCII letters, digits and `_`")
	case !utf8.ValidString(text):
		d.Hint("IDL files are UTF-8 without control characters")
	}
	l.add(Invalid, start, text)
}

func describeForeign(text string) string {
	if !utf8.ValidString(text) || text[0] < ' ' || text[0] == 0x7f {
		return "this byte"
	}
	return "`" + text + "`"
}
