// Package token cuts the text of an IDL file into tokens.
package token

import "strongroom.dev/codegen/report"

// Kind is the kind of a token.
type Kind int

// The kinds of token.
const (
	EOF       Kind = iota
	Invalid        // reported by the lexer; the parser keeps quiet about it
	Name           // a name or a keyword: keywords are known only where they mean something
	Number         // Text as written, without a sign
	String         // Text with its quotes
	Doc            // Text without `///` and the space after it
	Attribute      // Text without the @
	LeftBrace
	RightBrace
	LeftParen
	RightParen
	LeftAngle
	RightAngle
	Colon
	Comma
	Semicolon
	Equals
	Arrow
	Minus
)

var names = map[Kind]string{
	EOF: "the end of the file", Invalid: "an invalid token", Name: "a name", Number: "a number", String: "a text",
	Doc: "a doc comment", Attribute: "an attribute", LeftBrace: "`{`", RightBrace: "`}`", LeftParen: "`(`",
	RightParen: "`)`", LeftAngle: "`<`", RightAngle: "`>`", Colon: "`:`", Comma: "`,`", Semicolon: "`;`",
	Equals: "`=`", Arrow: "`->`", Minus: "`-`",
}

// String is how messages call the kind.
func (k Kind) String() string { return names[k] }

// Token is one token.
type Token struct {
	Kind Kind
	Text string
	Span report.Span
	// FirstOnLine says that only white space stands before it on its line: a new line separates items.
	FirstOnLine bool
}

// Describe is how messages call the token.
func (t Token) Describe() string {
	switch t.Kind {
	case Name, Number:
		return "`" + t.Text + "`"
	case Attribute:
		return "`@" + t.Text + "`"
	default:
		return t.Kind.String()
	}
}
