package golang

import (
	"go/token"
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

// fieldName is the Go name of a field; an error's must leave room for its methods.
func fieldName(f *ir.Field, taken ...string) string {
	name := exported(f.Name)
	for _, t := range taken {
		if name == t {
			return name + "_"
		}
	}
	return name
}

// locals are the names that generated bodies use themselves.
var locals = map[string]bool{
	"ctx": true, "call": true, "result": true, "progress": true, "emit": true, "item": true, "err": true,
	"rpc": true, "slices": true, "maps": true, "bytes": true, "context": true, "unsafe": true, "schema": true,
	"len": true, "make": true, "nil": true, "true": true, "false": true, "error": true, "string": true,
}

// argument is the Go name of a method's argument.
func argument(f *ir.Field) string {
	name := exported(f.Name)
	if upper := strings.ToUpper(name); name == upper {
		name = strings.ToLower(name)
	} else {
		name = strings.ToLower(name[:1]) + name[1:]
		for word, upper := range initialisms { // URLOf: urlOf
			if strings.HasPrefix(exported(f.Name), upper) && strings.HasPrefix(f.Name, word+"_") {
				name = word + exported(f.Name)[len(upper):]
			}
		}
	}
	if token.IsKeyword(name) || locals[name] || len(name) == 1 {
		name += "_"
	}
	return name
}

func variantName(e *ir.Enum, v *ir.Variant) string { return exported(e.Name) + exported(v.Name) }

// errorName is the type of one variant: RepositoryError's not_found is RepositoryNotFoundError.
func errorName(e *ir.Error, v *ir.Variant) string {
	return strings.TrimSuffix(exported(e.Name), "Error") + exported(v.Name) + "Error"
}

func methodConst(m *ir.Method) string {
	return "method" + exported(m.Interface.Name) + exported(m.Name)
}

// methodName is the Go name of a method; Close is the runtime's.
func methodName(m *ir.Method) string {
	if m.Constructor {
		return exported(m.Name) + exported(m.Interface.Name)
	}
	if name := exported(m.Name); name != "Close" {
		return name
	}
	return "Close_"
}

func receiver(name string) string { return strings.ToLower(name[:1]) }
