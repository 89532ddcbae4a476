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
	e := emit(s)
	d := declarations(e.out.String())
	all := map[any]string{}
	put := func(item any, names ...string) {
		var parts []string
		for _, name := range names {
			if text, ok := d.texts[name]; ok {
				parts = append(parts, text)
			}
		}
		if len(parts) > 0 {
			all[item] = strings.Join(parts, "\n\n")
		}
	}
	// made are the names that were made for something and that programs use, in the order of the header.
	made := func(of any) []string {
		var names []string
		for thing, name := range e.given {
			inner := thing.part == "put" || thing.part == "get" || strings.HasSuffix(thing.part, "_dispatch")
			if thing.of == of && !inner && d.order[name] > 0 {
				names = append(names, name)
			}
		}
		slices.SortFunc(names, func(a, b string) int { return d.order[a] - d.order[b] })
		return names
	}
	for _, t := range s.Types {
		put(t, made(t.TypeName())...)
	}
	for _, i := range s.Interfaces {
		put(i, append(made(i.Name), made(i)...)...)
		for _, m := range i.All() {
			names := made(m)
			whole := e.given[thing{m, ""}]
			slices.SortStableFunc(names, func(a, b string) int { return first(b, whole) - first(a, whole) })
			put(m, names...)
		}
	}
	for _, i := range s.Callbacks {
		put(i, made(i.Name)...)
		members := e.callbackMembers(i)
		for n, m := range i.Methods {
			put(m, e.typeName(i.Name)+"."+members[n])
		}
	}
	for _, a := range s.Aliases {
		put(a, made(a.Name)...)
	}
	for _, c := range s.Constants {
		put(c, made(c)...)
	}
	return all, nil
}

// first tells the function that does all, which stands before those that do a part.
func first(name, whole string) int {
	if name == whole {
		return 1
	}
	return 0
}

var (
	opensType     = regexp.MustCompile(`^(?:typedef )?(?:struct|enum|union) (\w+) \{`)
	opensFunction = regexp.MustCompile(`^static inline [\w *]*?(\w+)\(`)
	opensMember   = regexp.MustCompile(`^  [\w *]+\(\*(\w+)\)\(`)
	namesType     = regexp.MustCompile(`^typedef [^{(]*\b(\w+)(?: SR_DEPRECATED\(.*\))?;$`)
	defines       = regexp.MustCompile(`^#define (\w+) `)
	comment       = regexp.MustCompile(`(?s)[ \t]*/\*.*?\*/\n?`)
)

// declared are the texts of a header's types, functions, constants and members of callbacks (type.member) by their names.
type declared struct {
	texts map[string]string
	order map[string]int // from 1
}

// declarations cuts a generated header.
func declarations(text string) declared {
	d := declared{map[string]string{}, map[string]int{}}
	add := func(name, text string) {
		if d.order[name] == 0 {
			d.texts[name] = text
			d.order[name] = len(d.order) + 1
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
			for member := at + 1; member < end; member++ {
				if pointer := opensMember.FindStringSubmatch(lines[member]); pointer != nil {
					from := member
					for member < end && !strings.HasSuffix(lines[member], ";") {
						member++
					}
					text := strings.Join(lines[from:member+1], "\n")
					add(found[1]+"."+pointer[1], strings.ReplaceAll(text[2:], "\n  ", "\n"))
				}
			}
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
	return d
}
