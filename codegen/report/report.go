// Package report collects what is wrong with an IDL file and shows it to the person who wrote it.
//
// A message says what is wrong in one clause, without a capital or a full stop, and puts what it quotes from the file
// into backquotes. A hint says what to write instead. A related place says where the other half of a conflict stands.
package report

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

// File is the text of one IDL file.
type File struct {
	Path  string // as messages show it
	Text  string
	lines []int // offset of each line's first byte
}

// NewFile prepares a text for looking up positions.
func NewFile(path, text string) *File {
	f := &File{Path: path, Text: text, lines: []int{0}}
	for i := range len(text) {
		if text[i] == '\n' {
			f.lines = append(f.lines, i+1)
		}
	}
	return f
}

// Position gives the line and the column, in characters, of a byte offset; both count from 1.
func (f *File) Position(offset int) (line, column int) {
	offset = min(max(offset, 0), len(f.Text))
	line = sort.SearchInts(f.lines, offset+1)
	return line, utf8.RuneCountInString(f.Text[f.lines[line-1]:offset]) + 1
}

// line is the text of a line, without its end.
func (f *File) line(number int) string {
	text := f.Text[f.lines[number-1]:]
	if end := strings.IndexByte(text, '\n'); end >= 0 {
		text = text[:end]
	}
	return strings.TrimSuffix(text, "\r")
}

// Span is a range of byte offsets.
type Span struct{ Start, End int }

// Related is another place that has to do with a diagnostic.
type Related struct {
	Span    Span
	Message string
}

// Diagnostic is one thing that is wrong.
type Diagnostic struct {
	Span    Span
	Message string
	Hints   []string
	Related []Related
}

// Hint adds what to write instead.
func (d *Diagnostic) Hint(format string, args ...any) *Diagnostic {
	d.Hints = append(d.Hints, fmt.Sprintf(format, args...))
	return d
}

// See adds another place.
func (d *Diagnostic) See(span Span, format string, args ...any) *Diagnostic {
	d.Related = append(d.Related, Related{span, fmt.Sprintf(format, args...)})
	return d
}

// Report is the list of what is wrong with one file.
type Report struct {
	File        *File
	diagnostics []*Diagnostic
}

// New starts an empty report.
func New(file *File) *Report { return &Report{File: file} }

// Errorf adds a diagnostic; hints and related places are chained to the result.
func (r *Report) Errorf(span Span, format string, args ...any) *Diagnostic {
	d := &Diagnostic{Span: span, Message: fmt.Sprintf(format, args...)}
	r.diagnostics = append(r.diagnostics, d)
	return d
}

// Empty reports whether nothing is wrong.
func (r *Report) Empty() bool { return len(r.diagnostics) == 0 }

// Diagnostics are sorted by their place in the file.
func (r *Report) Diagnostics() []*Diagnostic {
	sorted := slices.Clone(r.diagnostics)
	slices.SortStableFunc(sorted, func(a, b *Diagnostic) int {
		if a.Span.Start != b.Span.Start {
			return a.Span.Start - b.Span.Start
		}
		return a.Span.End - b.Span.End
	})
	return sorted
}

// String is the text for a terminal.
func (r *Report) String() string {
	var out strings.Builder
	for i, d := range r.Diagnostics() {
		if i > 0 {
			out.WriteByte('\n')
		}
		r.show(&out, d.Span, d.Message)
		for _, related := range d.Related {
			r.show(&out, related.Span, related.Message)
		}
		for _, hint := range d.Hints {
			fmt.Fprintf(&out, "  hint: %s\n", hint)
		}
	}
	return out.String()
}

func (r *Report) show(out *strings.Builder, span Span, message string) {
	line, column := r.File.Position(span.Start)
	fmt.Fprintf(out, "%s:%d:%d: %s\n", r.File.Path, line, column, message)
	text := r.File.line(line)
	number := fmt.Sprintf("%4d", line)
	fmt.Fprintf(out, "%s | %s\n", number, printable(text))
	before, _ := cut(text, column-1)
	// Tabs stay tabs, so that the caret stands under its character however wide the terminal shows them.
	padding := strings.Map(func(c rune) rune {
		if c == '\t' {
			return '\t'
		}
		return ' '
	}, printable(before))
	length := max(span.End-span.Start, 1)
	length = min(length, max(len(text)-len(before), 1)) // a span over several lines is underlined on its first
	marked := text[len(before):min(len(before)+length, len(text))]
	fmt.Fprintf(out, "%s | %s%s\n", strings.Repeat(" ", len(number)), padding,
		strings.Repeat("^", max(utf8.RuneCountInString(marked), 1)))
}

// cut splits a text after some characters.
func cut(text string, characters int) (before, after string) {
	at := 0
	for range characters {
		if at >= len(text) {
			break
		}
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return text[:at], text[at:]
}

// printable replaces what a terminal would obey instead of show, one character for one.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if c != '\t' && (c < ' ' || c >= 0x7f && c < 0xa0) {
			return utf8.RuneError
		}
		return c
	}, text)
}
