package python

import (
	"regexp"
	"slices"
	"strings"

	"strongroom.dev/codegen/ir"
)

// Declared answers how the generated module declares the items of a schema, for the reference: each record, enum, error,
// interface, callback, method, alias and constant that it declares, without docstrings and bodies. The texts are cut out of
// what Emit answers, so they are what a program sees.
func Declared(s *ir.Schema) (map[any]string, error) {
	text, err := Emit(s)
	if err != nil {
		return nil, err
	}
	blocks := declarations(string(text))
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
	n := nameAll(s)
	for _, t := range s.Types {
		names := []string{n.of[t]}
		switch t := t.(type) {
		case *ir.Enum:
			for _, v := range t.Variants {
				names = append(names, n.of[v])
			}
		case *ir.Error:
			for _, v := range t.Variants {
				names = append(names, n.of[v])
			}
		}
		put(t, names...)
	}
	for _, i := range slices.Concat(s.Interfaces, s.Callbacks) {
		plain, async := n.of[i], n.of[asyncOf{i}]
		put(i, plain, async)
		for _, m := range i.All() {
			member := memberName(m)
			if i.Callback {
				member = callbackMember(m)
			}
			put(m, plain+"."+member, async+"."+member)
		}
	}
	for _, a := range s.Aliases {
		put(a, n.of[a], n.of[likeOf{a}])
	}
	for _, c := range s.Constants {
		put(c, n.of[c])
	}
	return all, nil
}

var (
	opensClass  = regexp.MustCompile(`^class (\w+)\b`)
	opensMethod = regexp.MustCompile(`^    (?:async )?def (\w+)\(`)
	opensValue  = regexp.MustCompile(`^(?:type )?([A-Za-z]\w*)(?:: [\w.\[\], |]+)? = `)
)

// declarations cuts a generated module into its classes, their methods (Class.method) and its named values.
func declarations(text string) map[string]string {
	lines := withoutDocs(strings.Split(text, "\n"))
	all := map[string]string{}
	for at := 0; at < len(lines); at++ {
		line := lines[at]
		if found := opensClass.FindStringSubmatch(line); found != nil {
			from, end := decorated(lines, at), blockEnd(lines, at)
			all[found[1]] = class(lines[from:end], found[1], all)
			at = end - 1
		} else if found := opensValue.FindStringSubmatch(line); found != nil {
			end := at + 1
			if strings.HasSuffix(line, "(") || strings.HasSuffix(line, "[") {
				end = blockEnd(lines, at) + 1 // the closing bracket
			}
			all[found[1]] = strings.Join(lines[at:end], "\n")
		}
	}
	return all
}

// decorated is the first line of the decorators above a line.
func decorated(lines []string, at int) int {
	for at > 0 && strings.HasPrefix(strings.TrimSpace(lines[at-1]), "@") {
		at--
	}
	return at
}

// blockEnd is the line after all that is indented below one.
func blockEnd(lines []string, at int) int {
	end := at + 1
	for end < len(lines) && (lines[end] == "" || strings.HasPrefix(lines[end], " ") || strings.HasPrefix(lines[end], ") ->")) {
		end++
	}
	for end > at+1 && lines[end-1] == "" {
		end--
	}
	return end
}

// class gives a class without the bodies of its methods, which it adds to all.
func class(lines []string, name string, all map[string]string) string {
	var kept []string
	methods := false
	for at := 0; at < len(lines); at++ {
		found := opensMethod.FindStringSubmatch(lines[at])
		if found == nil {
			if lines[at] != "    __slots__ = ()" {
				kept = append(kept, lines[at])
			}
			continue
		}
		var signature []string
		for above := decorated(lines, at); above < at; above++ {
			signature = append(signature, strings.TrimPrefix(lines[above], "    "))
			kept = kept[:len(kept)-1]
		}
		for ; at < len(lines); at++ {
			signature = append(signature, strings.TrimPrefix(lines[at], "    "))
			if strings.HasSuffix(lines[at], ":") || strings.HasSuffix(lines[at], ": ...") {
				break
			}
		}
		for at+1 < len(lines) && (lines[at+1] == "" || strings.HasPrefix(lines[at+1], "        ")) {
			at++
		}
		text := strings.TrimSuffix(strings.Join(signature, "\n"), " ...") + " ..."
		if found[1] == "__init__" {
			kept = append(kept, "    "+strings.ReplaceAll(text, "\n", "\n    "))
		} else {
			all[name+"."+found[1]] = text
			methods = true
		}
	}
	text := squeeze(kept)
	if strings.HasSuffix(text, ":") && (methods || strings.Count(text, "class ") == 1) {
		text += " ..."
	}
	return text
}

// withoutDocs leaves out what is written between three quotes, and comments.
func withoutDocs(lines []string) []string {
	var kept []string
	inside := false
	for _, line := range lines {
		trimmed := strings.TrimSpace(line)
		switch {
		case inside:
			inside = !strings.HasSuffix(trimmed, `"""`)
		case strings.HasPrefix(trimmed, `"""`):
			inside = trimmed == `"""` || !strings.HasSuffix(trimmed, `"""`)
		case !strings.HasPrefix(trimmed, "#"):
			kept = append(kept, line)
		}
	}
	return kept
}

// squeeze joins lines, without empty ones.
func squeeze(lines []string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return strings.TrimSpace(l) == "" }), "\n")
}
