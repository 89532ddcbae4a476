package golang

import (
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strings"

	"strongroom.dev/codegen/ir"
)

// initialisms are the words that Go writes in one case.
var initialisms = map[string]string{
	"id": "ID", "uid": "UID", "gid": "GID", "url": "URL", "uri": "URI", "api": "API", "http": "HTTP", "json": "JSON",
	"ip": "IP", "cpu": "CPU", "os": "OS", "sql": "SQL", "tls": "TLS", "utf8": "UTF8",
}

// exported is a Go name for one of the IDL: no_space becomes NoSpace.
func exported(name string) string {
	var out strings.Builder
	for word := range strings.SplitSeq(name, "_") {
		if upper, ok := initialisms[word]; ok {
			out.WriteString(upper)
		} else {
			out.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return out.String()
}

// local is a Go name for one of the IDL that is not exported: no_space becomes noSpace.
func local(name string) string {
	first, rest, more := strings.Cut(name, "_")
	if !more {
		return first
	}
	return first + exported(rest)
}

// packageName is the name of the Go package.
func packageName(s *ir.Schema) string {
	if token.IsKeyword(s.Package) || s.Package == "main" { // main is a program, which nobody imports
		return s.Package + "_"
	}
	return s.Package
}

// scope gives out names of which no two are the same: one that is taken gets an underscore.
type scope map[string]bool

func newScope(taken ...string) scope {
	s := scope{}
	for _, name := range taken {
		s[name] = true
	}
	return s
}

func (s scope) claim(name string) string {
	for s[name] {
		name += "_"
	}
	s[name] = true
	return name
}

// role is what a name is for, beside its declaration.
type role int

const (
	declared role = iota
	defaults      // the function that makes a record or variant with its defaults
	decoder       // the function that reads an enum or error
	encoder       // the method that writes one
	server        // the function that makes a callback's handler
	thrower       // the function that marks an error of a callback
	constant      // a method's id
	constructor
)

type named struct {
	role role
	of   any
}

// names are all that the package declares. What the IDL declares has its own name where it can; what is derived from
// that, such as the type of a variant, gives way.
type names struct {
	scope scope
	of    map[named]string
}

// own are the names that every package declares, and C.
var own = []string{"C", "Client", "NewClient", "schema", "decodeError"}

// clientMethods are those that the package's Client has from rpc.Client, and the field that it has them from.
var clientMethods = []string{"Client", "Alloc", "Call", "Close", "Fill", "NewWriter", "SetLogger", "Statistics"}

func newNames(s *ir.Schema) *names {
	n := &names{scope: newScope(own...), of: map[named]string{}}
	claim := func(r role, of any, name string) { n.of[named{r, of}] = n.scope.claim(name) }
	for _, i := range slices.Concat(s.Interfaces, s.Callbacks) {
		claim(declared, i, exported(i.Name))
	}
	for _, t := range s.Types {
		claim(declared, t, exported(t.TypeName()))
	}
	for _, a := range s.Aliases {
		claim(declared, a, exported(a.Name))
	}
	for _, c := range s.Constants {
		claim(declared, c, exported(c.Name))
	}

	variants := func(t ir.Type, all []*ir.Variant, name func(v string) string) {
		for _, v := range all {
			claim(declared, v, name(exported(v.Name)))
		}
		claim(decoder, t, "decode"+n.name(t))
		n.of[named{encoder, t}] = "encode" + n.name(t) // a method
	}
	for _, t := range s.Types {
		switch t := t.(type) {
		case *ir.Record:
		case *ir.Enum:
			variants(t, t.Variants, func(v string) string { return exported(t.Name) + v })
		case *ir.Error: // RepositoryError's not_found is RepositoryNotFoundError
			variants(t, t.Variants, func(v string) string { return strings.TrimSuffix(exported(t.Name), "Error") + v + "Error" })
			claim(thrower, t, "throw"+n.name(t))
		}
	}
	for _, t := range s.Types {
		n.claimDefaults(t)
	}
	client := newScope(clientMethods...)
	for _, i := range slices.Concat(s.Interfaces, s.Callbacks) {
		claim(server, i, "serve"+n.name(i))
		for _, m := range i.All() {
			claim(constant, m, "method"+exported(i.Name)+exported(m.Name))
			if m.Constructor {
				n.of[named{constructor, m}] = client.claim(exported(m.Name) + exported(i.Name))
			}
		}
	}
	return n
}

// claimDefaults names the functions with defaults. Those that a program could want are exported.
func (n *names) claimDefaults(t ir.Type) {
	claim := func(of any, fields []*ir.Field) {
		switch {
		case hasDefaults(fields, false):
			n.of[named{defaults, of}] = n.scope.claim("Default" + n.name(of))
		case hasDefaults(fields, true):
			n.of[named{defaults, of}] = n.scope.claim("default" + n.name(of))
		}
	}
	switch t := t.(type) {
	case *ir.Record:
		claim(t, t.Fields)
	case *ir.Enum:
		for _, v := range t.Variants {
			claim(v, v.Fields)
		}
	}
}

// name is the Go name of a declaration or a variant.
func (n *names) name(of any) string { return n.of[named{declared, of}] }

// fieldName is the Go name of a field.
func fieldName(f *ir.Field) string { return exported(f.Name) }

// errorField is the Go name of an error's field, which leaves room for its methods.
func errorField(f *ir.Field) string { return newScope("Error", "Variant").claim(exported(f.Name)) }

// methodName is the Go name of a method.
func (n *names) methodName(m *ir.Method) string {
	switch {
	case m.Constructor:
		return n.of[named{constructor, m}]
	case m.Interface.Callback:
		return exported(m.Name)
	default: // Close is the runtime's
		return newScope("Close").claim(exported(m.Name))
	}
}

// locals are the names that generated bodies use themselves, those of packages among them.
var locals = newScope("ctx", "call", "result", "progress", "emit", "item", "err", "yield", "d", "e", "method", "on",
	"bytes", "context", "errors", "fmt", "iter", "maps", "rpc", "slices", "time", "unsafe")

// numbered are the locals of which there is one for each level of nesting.
var numbered = regexp.MustCompile(`^(i|n|key|value|item)[0-9]+$`)

// argument is the Go name of a method's argument: no keyword, nothing that Go or this package declares, and nothing that
// the method's body uses for itself.
func (n *names) argument(m *ir.Method, f *ir.Field) string {
	name := local(f.Name)
	for token.IsKeyword(name) || types.Universe.Lookup(name) != nil || n.scope[name] || locals[name] ||
		numbered.MatchString(name) || name == n.receiver(m) {
		name += "_"
	}
	return name
}

// receiver is the name of a method's receiver.
func (n *names) receiver(m *ir.Method) string {
	if m.Constructor {
		return "c"
	}
	return receiver(n.name(m.Interface))
}

// receiver is the first letter of the type, or two of them where one is the decoder's.
func receiver(name string) string {
	if first := strings.ToLower(name[:1]); first != "d" {
		return first
	}
	return strings.ToLower(name + "_")[:2]
}
