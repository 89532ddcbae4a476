package main

import (
	"encoding/json"
	"io"

	"strongroom.dev/codegen/report"
)

// place is a position as JSON has it.
type place struct {
	Path   string `json:"path"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

func placeOf(r *report.Report, offset int) place {
	p := r.Position(offset)
	return place{p.File.Path, p.Line, p.Column}
}

// otherPlace is the first place that has to do with a diagnostic; nil: there is none.
func otherPlace(r *report.Report, d *report.Diagnostic) *place {
	if len(d.Related) == 0 {
		return nil
	}
	other := placeOf(r, d.Related[0].Span.Start)
	return &other
}

// jsonLines writes one object a line, for programs: nothing is escaped for HTML.
func jsonLines(out io.Writer) *json.Encoder {
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	return lines
}
