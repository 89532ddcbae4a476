// Package format writes an IDL file in its one canonical layout. The text keeps its meaning, its comments and, up to one
// in a row, its empty lines; docs/language.md describes the layout.
package format

import (
	"strongroom.dev/codegen/parser"
	"strongroom.dev/codegen/report"
)

// Text gives a file's text in the canonical layout. A text whose form is not correct has none: then the report says what
// is wrong with it. Whether its names mean something is not asked. The path is for messages only.
func Text(path, text string) (string, *report.Report) {
	r := report.New()
	file := r.Add(path, text)
	parser.Parse(r, file)
	if !r.Empty() {
		return "", r
	}
	return layout(read(file)), r
}
