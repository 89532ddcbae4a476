package docs

import (
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"strongroom.dev/codegen/ir"
)

// Snippets are examples of use, by the name of what they show ("Repository.backup", or "Repository" for an interface as a
// whole, "Location" for a record, and so for enums and errors) and the id of the language.
type Snippets map[string]map[string]string

// The marks of a snippet stand in comments, so that the file around it is a program like any other:
//
//	// snippet Repository.backup
//	…
//	// end
const (
	snippetMark = "snippet "
	endMark     = "end"
)

// ReadSnippets finds the snippets in the files below a folder.
func ReadSnippets(folder fs.FS) (Snippets, error) {
	all := Snippets{}
	err := fs.WalkDir(folder, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		for _, l := range languages {
			if filepath.Ext(path) != l.Extension {
				continue
			}
			text, err := fs.ReadFile(folder, path)
			if err != nil {
				return err
			}
			if err := all.add(path, l.ID, string(text)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read the snippets: %w", err)
	}
	return all, nil
}

func (s Snippets) add(path, language, text string) error {
	name, from := "", 0
	var lines []string
	for n, line := range strings.Split(text, "\n") {
		remark, ok := remark(line)
		switch {
		case ok && strings.HasPrefix(remark, snippetMark):
			if name != "" {
				return fmt.Errorf("%s:%d: the snippet %s, which begins in line %d, has no end before the next one", path, n+1, name, from)
			}
			name, from = strings.TrimPrefix(remark, snippetMark), n+1
		case ok && remark == endMark && name != "":
			if s[name] == nil {
				s[name] = map[string]string{}
			}
			if s[name][language] != "" {
				return fmt.Errorf("%s:%d: %s has a snippet in this language already", path, from, name)
			}
			s[name][language] = dedent(lines)
			name, lines = "", nil
		case name != "":
			lines = append(lines, line)
		}
	}
	if name != "" {
		return fmt.Errorf("%s:%d: the snippet %s has no end", path, from, name)
	}
	return nil
}

// remark is the text of a line that is a comment.
func remark(line string) (string, bool) {
	for _, mark := range []string{"// ", "# "} {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), mark); ok {
			return text, true
		}
	}
	return "", false
}

// dedent takes away the indentation that all lines have.
func dedent(lines []string) string {
	common := -1
	for _, line := range lines {
		if strings.TrimSpace(line) == "" {
			continue
		}
		if indent := len(line) - len(strings.TrimLeft(line, " \t")); common < 0 || indent < common {
			common = indent
		}
	}
	var out []string
	for _, line := range lines {
		out = append(out, line[min(max(common, 0), len(line)):])
	}
	return strings.Trim(strings.Join(out, "\n"), "\n")
}

// fit makes sure that every snippet shows something that is there.
func (s Snippets) fit(schema *ir.Schema) error {
	known := map[string]bool{}
	for _, t := range schema.Types {
		known[t.TypeName()] = true
	}
	for _, i := range slices.Concat(schema.Interfaces, schema.Callbacks) {
		known[i.Name] = true
		for _, m := range i.All() {
			known[m.FullName()] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if !known[name] {
			return fmt.Errorf("there is a snippet of %s, and the interface has nothing of this name", name)
		}
	}
	return nil
}
