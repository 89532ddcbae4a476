package c

import (
	"regexp"
	"slices"
	"strings"

	"strongroom.dev/codegen/ir"
)

// Declared answers how the generated header declares the items of a schema, for the reference: each record, enum, error,
// interface, callback, method, alias and constant that it declares, without comments and bodies. A method is several
// functions. The texts are cut out of what Emit answers, so they are what a program sees.
func Declared(s *ir.Schema) (map[any]string, error) {
	text, err := Emit(s)
	if err != nil {
		return nil, err
	}
	blocks, order := declarations(string(text))
	e := &emitter{schema: s, prefix: s.Package + "_", upper: strings.ToUpper(s.Package) + "_"}
	e.claim()
	all := map[any]string{}
	put := func(item any, names ...string) {
		var parts []string
		for _, name := range names {
			if block, ok := blocks[name]; ok {
				parts = append(parts, block)
			}
		}
		if len(parts) > 0 {
			all[item] = strings.Join(parts, "\n\n")
		}
	}
	for _, t := range s.Types {
		name := e.typeName(t.TypeName())
		switch t := t.(type) {
		case *ir.Error:
			put(t, name+"_kind", name, name+"_from")
		default:
			put(t, name+"_kind", name, name+"_default", name+"_of")
		}
	}
	bases := map[string]*ir.Method{}
	for _, i := range slices.Concat(s.Interfaces, s.Callbacks) {
		put(i, e.typeName(i.Name), e.typeName(i.Name)+"_close")
		for _, m := range i.All() {
			bases[e.typeName(i.Name)+"_"+m.Name] = m
		}
	}
	functions := map[*ir.Method][]string{}
	for _, name := range order { // read_start belongs to read, unless it is a method itself
		for base := name; base != ""; {
			if m, ok := bases[base]; ok {
				functions[m] = append(functions[m], name)
				break
			}
			at := strings.LastIndexByte(base, '_')
			base = base[:max(at, 0)]
		}
	}
	for m, names := range functions {
		slices.SortStableFunc(names, func(a, b string) int { return steps(a, b, e.typeName(m.Interface.Name)+"_"+m.Name) })
		put(m, names...)
	}
	for _, a := range s.Aliases {
		put(a, e.typeName(a.Name))
	}
	for _, c := range s.Constants {
		put(c, e.upper+strings.ToUpper(c.Name))
	}
	return all, nil
}

// steps puts the function that does all before those that do a part.
func steps(a, b, whole string) int {
	switch whole {
	case a:
		return -1
	case b:
		return 1
	}
	return 0
}

var (
	opensType     = regexp.MustCompile(`^(?:typedef )?(?:struct|enum|union) (\w+) \{`)
	opensFunction = regexp.MustCompile(`^static inline [\w *]*?(\w+)\(`)
	namesType     = regexp.MustCompile(`^typedef [^{]*\b(\w+);$`)
	defines       = regexp.MustCompile(`^#define (\w+) `)
	comment       = regexp.MustCompile(`(?s)[ \t]*/\*.*?\*/\n?`)
)

// declarations cuts a generated header into its types, functions and constants.
func declarations(text string) (blocks map[string]string, order []string) {
	blocks = map[string]string{}
	add := func(name, text string) {
		if _, known := blocks[name]; !known {
			blocks[name] = text
			order = append(order, name)
		}
	}
	lines := strings.Split(comment.ReplaceAllString(text, ""), "\n")
	for at := 0; at < len(lines); at++ {
		line := lines[at]
		if found := opensType.FindStringSubmatch(line); found != nil {
			end := at
			for end+1 < len(lines) && !strings.HasPrefix(lines[end], "}") {
				end++
			}
			add(found[1], strings.Join(lines[at:end+1], "\n"))
			at = end
		} else if found := opensFunction.FindStringSubmatch(line); found != nil {
			end := at
			for end+1 < len(lines) && !strings.HasSuffix(lines[end], "{") {
				end++
			}
			signature := slices.Clone(lines[at : end+1])
			last := len(signature) - 1
			signature[last] = strings.TrimSuffix(signature[last], " {") + ";"
			add(found[1], strings.Join(signature, "\n"))
			for end+1 < len(lines) && lines[end] != "}" {
				end++
			}
			at = end
		} else if found := namesType.FindStringSubmatch(line); found != nil && !strings.HasPrefix(line, "typedef struct") {
			add(found[1], line)
		} else if found := defines.FindStringSubmatch(line); found != nil {
			add(found[1], line)
		}
	}
	return blocks, order
}
