// Package format writes an IDL file in its one canonical layout. The text keeps its meaning and its comments.
//
// Declarations, members and comments have lines of their own, two spaces further in for each bracket around them. An empty
// line parts the package, the imports, and declarations of several lines; others stay where the author put them, at most
// one in a row, but never directly inside a bracket, or between documentation and what it documents.
//
// A body stays on one line where the author wrote it so and 120 columns hold it, with `, ` between fields and `; ` between
// variants and methods. Arguments are on one line where they can be. `@since` and `@deprecated` stand in this order on
// lines before what they are said of, `@immediate` on the line of its method. Messages of variants that follow one another
// begin below one another. Separators at the ends of lines are left out, but for arguments.
//
// A comment stays before the item that it stands before, or behind the one that it stands behind. One in the midst of an
// item, where the layout has no line end, moves before it.
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
