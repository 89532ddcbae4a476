// Package token cuts the text of an IDL file into tokens.
package token

import (
	"time"

	"strongroom.dev/codegen/report"
)

var (
	notText          = report.Define("not-text", "IDL files are UTF-8 text without control characters, so that every editor and every generated comment shows the same.")
	badAttribute     = report.Define("attribute-name", "An attribute is an `@` with its name directly after it.")
	badNumber        = report.Define("invalid-number", "Numbers are decimal, `0x`, `0o` or `0b`, with `_` between digits, or decimal fractions. A leading zero is refused, because some languages read it as octal.")
	badString        = report.Define("invalid-string", "A text stands in double quotes on one line; the escapes are `\\\"`, `\\\\`, `\\n`, `\\t` and `\\u{…}`.")
	unknownCharacter = report.Define("unknown-character", "Outside of texts and comments only names, numbers and the language's punctuation may stand.")
)

// Units are the units of durations.
var Units = map[string]time.Duration{
	"ns": time.Nanosecond, "us": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour,
	"d": 24 * time.Hour,
}

// Kind is the kind of a token.
type Kind int

// The kinds of token.
const (
	EOF       Kind = iota
	Invalid        // reported by the lexer; the parser keeps quiet about it
	Name           // a name or a keyword: keywords are known only where they mean something
	Number         // Text as written, without a sign
	String         // Text with its quotes
	Duration       // Text as written: a whole number and a unit
	Comment        // Text with its slashes
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
	case Name, Number, Duration:
		return "`" + t.Text + "`"
	case Attribute:
		return "`@" + t.Text + "`"
	default:
		return t.Kind.String()
	}
}
