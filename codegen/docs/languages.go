package docs

import (
	"regexp"

	"strongroom.dev/codegen/c"
	"strongroom.dev/codegen/golang"
	"strongroom.dev/codegen/ir"
	"strongroom.dev/codegen/python"
	"strongroom.dev/codegen/rust"
)

// language is a tab of the pages.
type language struct {
	ID        string // in addresses
	Name      string
	Extension string // of snippets
	declared  func(*ir.Schema) (map[any]string, error)
	declares  *regexp.Regexp // finds the names that a declaration makes
	tokens    *regexp.Regexp
	keywords  map[string]bool
	// Interfaces says what the declaration of an interface is; empty: what a program calls.
	Interfaces string
}

const (
	slashes = `//[^\n]*|/\*.*?\*/`
	quotes  = `"(?:\\.|[^"\\\n])*"`
)

// languages are the tabs, in their order.
var languages = []language{
	{
		"go", "Go", ".go", golang.Declared,
		regexp.MustCompile(`(?m)^type (\w+)`),
		tokens(slashes, quotes+"|`[^`]*`"),
		words("break case chan const continue default defer else fallthrough for func go goto if import interface map package range return select struct switch type var nil true false iota"),
		"",
	},
	{
		"python", "Python", ".py", python.Declared,
		regexp.MustCompile(`(?m)^(?:class )?([A-Z]\w*)(?:\(.*\))?:`),
		tokens(`#[^\n]*`, quotes+`|'(?:\\.|[^'\\\n])*'`),
		words("False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield self cls"),
		"",
	},
	{
		"rust", "Rust", ".rs", rust.Declared,
		regexp.MustCompile(`(?m)^pub (?:struct|enum|trait|type) (\w+)`),
		tokens(slashes, quotes),
		words("as async await break const continue crate dyn else enum extern false fn for if impl in let loop match mod move mut pub ref return self Self static struct super trait true type unsafe use where while"),
		"Rust is the side that answers: the library implements this trait.",
	},
	{
		"c", "C", ".c", c.Declared,
		regexp.MustCompile(`(?m)^(?:typedef )?(?:struct|enum) (\w+) \{`),
		tokens(slashes, quotes),
		words("bool break case char const continue default do double else enum extern float for goto if inline int long NULL return short signed sizeof static struct switch typedef union unsigned void volatile while true false"),
		"",
	},
}
