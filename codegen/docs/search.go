package docs

import (
	"encoding/json"
	"strings"
)

// entry is a line of the search's index.
type entry struct {
	name    string
	group   string // what kinds it is sorted with
	kind    string // as a reader sees it
	url     string
	summary string
}

func (b *builder) enter(name, group, kind, url string, doc []string) {
	b.entries = append(b.entries, entry{name, group, kind, url, strings.ReplaceAll(summary(doc), "`", "")})
}

// ranks puts what a reader looks for most often before the rest, where names fit equally well.
var ranks = map[string]int{"interface": 0, "callback": 0, "method": 1, "record": 2, "enum": 2, "error": 2, "constant": 3, "alias": 3}

// searchIndex is a script, because a page that is opened from a disk may load scripts but not data.
func (b *builder) searchIndex() ([]byte, error) {
	rows := [][]any{}
	for _, e := range b.entries {
		rank, known := ranks[e.group]
		if !known {
			rank = 4
		}
		rows = append(rows, []any{e.name, e.kind, e.url, e.summary, rank})
	}
	var out strings.Builder
	out.WriteString("\"use strict\";\nconst searchIndex = [\n")
	for _, row := range rows {
		text, err := json.Marshal(row)
		if err != nil {
			return nil, err
		}
		out.Write(text)
		out.WriteString(",\n")
	}
	out.WriteString("];\n")
	return []byte(out.String()), nil
}
