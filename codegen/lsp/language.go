package lsp

// builtin is one of the language's own types: how it is written, and what it is.
type builtin struct{ written, about string }

var builtinTypes = map[string]builtin{
	"bool":      {"bool", "`true` or `false`."},
	"u8":        {"u8", "A whole number from 0 to 255."},
	"u16":       {"u16", "A whole number from 0 to 65,535."},
	"u32":       {"u32", "A whole number from 0 to 4,294,967,295."},
	"u64":       {"u64", "A whole number from 0 to 18,446,744,073,709,551,615."},
	"i8":        {"i8", "A whole number from -128 to 127."},
	"i16":       {"i16", "A whole number from -32,768 to 32,767."},
	"i32":       {"i32", "A whole number from -2,147,483,648 to 2,147,483,647."},
	"i64":       {"i64", "A whole number from -9,223,372,036,854,775,808 to 9,223,372,036,854,775,807."},
	"f32":       {"f32", "A floating-point number of 32 bits."},
	"f64":       {"f64", "A floating-point number of 64 bits."},
	"string":    {"string", "A text in UTF-8."},
	"bytes":     {"bytes", "Bytes, as many as there are; `bytes<N>` are exactly N of them, from 1 to 4096."},
	"path":      {"path", "The path of a file, as the operating system writes it: not necessarily UTF-8."},
	"buffer":    {"buffer", "A block of bytes that belongs to the library. It is not copied: as an argument or a result it changes hands. It stands by itself or as the item of a stream, never in data."},
	"timestamp": {"timestamp", "A moment."},
	"duration":  {"duration", "A span of time. Values are written as a whole number with a unit: `ns`, `us`, `ms`, `s`, `m`, `h` or `d`."},
	"optional":  {"optional<T>", "A value, or its absence."},
	"list":      {"list<T>", "Any number of values in their order."},
	"map":       {"map<K, V>", "Values by their keys, which are integers, `bool`, `string` or `bytes<N>`."},
	"stream":    {"stream<T>", "Values that come one after the other, as fast as the receiver takes them: the result of a method, or its last argument."},
}

// attribute is what can stand with an @ before an item.
type attribute struct {
	written, about string
	methods        bool // it stands before methods only
}

var attributes = map[string]attribute{
	"immediate":  {"@immediate", "The method only reads a field: it is a plain call without a request, which neither waits nor fails.", true},
	"since":      {`@since("version")`, "The version in which the item appeared.", false},
	"deprecated": {`@deprecated("what to use instead")`, "The item should no longer be used.", false},
}

// keyword is a word that means something where it stands.
type keyword struct{ word, about string }

// declarations are the words that begin a declaration.
var declarations = []keyword{
	{"record", "Data: `record Name { field: type }`."},
	{"enum", "One of several alternatives, each with or without fields: `enum Name { variant { field: type } }`."},
	{"error", "Ways to fail, each with a message: `error Name { variant { field: type } \"message with {field}\" }`."},
	{"interface", "An object that the library gives: `interface Name { method(argument: type) -> type }`."},
	{"callback", "An object that the caller's program gives: `callback Name { method(argument: type) -> type }`."},
	{"type", "Another name for a type: `type Name = type`."},
	{"const", "A value with a name: `const name: type = value`."},
}

var (
	packageWord     = keyword{"package", "The name that the generated code has: `package name`, at the beginning of the file."}
	importWord      = keyword{"import", "Another file of the package, whose names can be used: `import \"other.idl\"`."}
	constructorWord = keyword{"constructor", "A method that gives the object itself: `constructor name(argument: type)`."}
	emitsWord       = keyword{"emits", "What the method tells while it runs: `emits Record`, after the result."}
	throwsWord      = keyword{"throws", "How the method can fail: `throws Error`, at its end."}
)

// isKeyword reports whether a name that means nothing else is a word of the language.
func isKeyword(word string) bool {
	for _, k := range append(declarations[:len(declarations):len(declarations)], packageWord, importWord, constructorWord, emitsWord, throwsWord) {
		if k.word == word {
			return true
		}
	}
	return word == "true" || word == "false"
}
