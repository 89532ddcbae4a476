package rust

import (
	"regexp"
	"slices"
	"strings"

	"strongroom.dev/codegen/ir"
)

// Declared answers how the generated module declares the items of a schema, for the reference: each record, enum, error,
// interface, callback, method, alias and constant that it declares, without comments and bodies. The texts are cut out of
// what Emit answers, so they are what a program sees.
func Declared(s *ir.Schema) (map[any]string, error) {
	text, err := Emit(s)
	if err != nil {
		return nil, err
	}
	blocks := declarations(string(text))
	all := map[any]string{}
	put := func(item any, name string) {
		if block, ok := blocks[name]; ok {
			all[item] = block
		}
	}
	for _, t := range s.Types {
		put(t, t.TypeName())
	}
	for _, i := range slices.Concat(s.Interfaces, s.Callbacks) {
		put(i, i.Name)
		for _, m := range i.All() {
			put(m, i.Name+"."+snake(m.Name))
		}
	}
	for _, a := range s.Aliases {
		put(a, a.Name)
	}
	for _, c := range s.Constants {
		put(c, strings.ToUpper(c.Name))
	}
	return all, nil
}

var (
	opensItem   = regexp.MustCompile(`^pub (?:struct|enum|trait|type|const|static) (\w+)`)
	opensImpl   = regexp.MustCompile(`^impl (\w+) \{`)
	opensMethod = regexp.MustCompile(`^    (?:pub )?(?:async )?fn ((?:r#)?\w+)[(<]`)
)

// declarations cuts a generated module into its public items and their methods (Trait.method).
func declarations(text string) map[string]string {
	lines := slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool {
		return strings.HasPrefix(strings.TrimSpace(line), "//")
	})
	all := map[string]string{}
	for at := 0; at < len(lines); at++ {
		if found := opensItem.FindStringSubmatch(lines[at]); found != nil {
			from := at
			for from > 0 && strings.HasPrefix(lines[from-1], "#[") {
				from--
			}
			end := itemEnd(lines, at)
			all[found[1]] = item(lines[from:end], found[1], all)
			at = end - 1
		} else if found := opensImpl.FindStringSubmatch(lines[at]); found != nil {
			end := itemEnd(lines, at)
			methods := map[string]string{}
			item(lines[at:end], found[1], methods)
			for name, text := range methods {
				if _, known := all[name]; !known && strings.HasPrefix(text, "pub ") {
					all[name] = text
				}
			}
			at = end - 1
		}
	}
	return all
}

// itemEnd is the line after an item at the top of the module.
func itemEnd(lines []string, at int) int {
	for !strings.HasSuffix(lines[at], ";") && !strings.HasSuffix(lines[at], "}") && at+1 < len(lines) {
		at++
		for at+1 < len(lines) && (lines[at] == "" || strings.HasPrefix(lines[at], " ")) {
			at++
		}
	}
	return at + 1
}

// item gives an item without its methods, which it adds to all.
func item(lines []string, name string, all map[string]string) string {
	var kept []string
	for at := 0; at < len(lines); at++ {
		found := opensMethod.FindStringSubmatch(lines[at])
		if found == nil {
			if lines[at] != "" {
				kept = append(kept, lines[at])
			}
			continue
		}
		var signature []string
		for ; at < len(lines); at++ {
			line := strings.TrimPrefix(lines[at], "    ")
			if strings.HasSuffix(line, " {") {
				signature = append(signature, strings.TrimSuffix(line, " {")+";")
				for at+1 < len(lines) && lines[at] != "    }" {
					at++
				}
				break
			}
			signature = append(signature, line)
			if strings.HasSuffix(line, ";") {
				break
			}
		}
		all[name+"."+found[1]] = strings.Join(signature, "\n")
	}
	return strings.Join(kept, "\n")
}
