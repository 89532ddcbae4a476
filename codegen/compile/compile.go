// Package compile runs the stages of the compiler up to the IR, from which a backend emits.
package compile

import (
	"fmt"
	"os"

	"strongroom.dev/codegen/check"
	"strongroom.dev/codegen/ir"
	"strongroom.dev/codegen/parser"
	"strongroom.dev/codegen/report"
)

// Text compiles a text. The path is for messages only. The schema is nil where the report is not empty.
func Text(path, text string) (*ir.Schema, *report.Report) {
	r := report.New(report.NewFile(path, text))
	tree := parser.Parse(r)
	if !r.Empty() {
		return nil, r // what was left out of the tree would be reported again, as unknown
	}
	info := check.Check(tree, r)
	if !r.Empty() {
		return nil, r
	}
	return ir.Lower(tree, info), r
}

// File compiles a file. The error holds all diagnostics.
func File(path string) (*ir.Schema, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the IDL file: %w", err)
	}
	schema, r := Text(path, string(text))
	if !r.Empty() {
		return nil, Mistakes{r}
	}
	return schema, nil
}

// Mistakes is the error of a file that is not correct.
type Mistakes struct{ Report *report.Report }

// Error is the text of the report.
func (m Mistakes) Error() string { return m.Report.String() }
