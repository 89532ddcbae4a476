// Package report collects what is wrong with IDL files and shows it to the person who wrote them.
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

// File is the text of one IDL file. Places in it count from Base, so that an offset alone says which file it is in.
type File struct {
	Path  string // as messages show it
	Text  string
	Base  int
	lines []int // offset of each line's first byte, in Text
	marks []mark
}

// mark is the first character at or after every marked byte, with what is before it: columns are counted from the nearest one, so
// that a long line with many mistakes is not counted from its start for each.
type mark struct{ offset, characters int }

const marked = 256

// Position is a place as people and editors count it.
type Position struct {
	File         *File
	Line, Column int // from 1; columns are characters
}

func (p Position) String() string { return fmt.Sprintf("%s:%d:%d", p.File.Path, p.Line, p.Column) }

// position finds a byte of the file's text.
func (f *File) position(offset int) Position {
	offset = min(max(offset, 0), len(f.Text))
	line := sort.SearchInts(f.lines, offset+1)
	return Position{f, line, f.characters(offset) - f.characters(f.lines[line-1]) + 1}
}

// characters counts what is before a byte.
func (f *File) characters(offset int) int {
	n := sort.Search(len(f.marks), func(i int) bool { return f.marks[i].offset > offset })
	if n == 0 {
		return 0
	}
	near := f.marks[n-1]
	return near.characters + utf8.RuneCountInString(f.Text[near.offset:offset])
}

// line is the text of a line, without its end, and where it begins.
func (f *File) line(number int) (text string, start int) {
	start, end := f.lines[number-1], len(f.Text)
	if number < len(f.lines) {
		end = f.lines[number] - 1
	}
	return strings.TrimSuffix(f.Text[start:end], "\r"), start
}

// Span is a range of bytes, counted over all files of a report.
type Span struct{ Start, End int }

// Related is another place that has to do with a diagnostic.
type Related struct {
	Span    Span
	Message string
}

// Severity says what a diagnostic keeps a reader from.
type Severity int

// The severities.
const (
	Error   Severity = iota // nothing can be generated
	Warning                 // it is correct, but should be better
)

// String is the word that messages show.
func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// Diagnostic is one thing that is wrong.
type Diagnostic struct {
	Rule     *Rule
	Severity Severity
	Span     Span
	Message  string
	Hints    []string
	Related  []Related
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

// Report is the list of what is wrong with some files that belong together.
type Report struct {
	Files       []*File
	diagnostics []*Diagnostic
}

// New starts an empty report.
func New() *Report { return &Report{} }

// Add makes a text known, so that places in it can be reported.
func (r *Report) Add(path, text string) *File {
	f := &File{Path: path, Text: text, lines: []int{0}}
	if n := len(r.Files); n > 0 {
		last := r.Files[n-1]
		f.Base = last.Base + len(last.Text) + 1 // the end of a text is a place of its own
	}
	characters := 0
	for i, c := range text {
		if i >= len(f.marks)*marked {
			f.marks = append(f.marks, mark{i, characters})
		}
		if c == '\n' {
			f.lines = append(f.lines, i+1)
		}
		characters++
	}
	r.Files = append(r.Files, f)
	return f
}

// Position says where an offset is.
func (r *Report) Position(offset int) Position {
	n := sort.Search(len(r.Files), func(i int) bool { return r.Files[i].Base > offset })
	f := r.Files[max(n-1, 0)]
	return f.position(offset - f.Base)
}

// Errorf adds a diagnostic; hints and related places are chained to the result.
func (r *Report) Errorf(rule *Rule, span Span, format string, args ...any) *Diagnostic {
	d := &Diagnostic{Rule: rule, Span: span, Message: fmt.Sprintf(format, args...)}
	r.diagnostics = append(r.diagnostics, d)
	return d
}

// Warnf adds a diagnostic of something that is correct.
func (r *Report) Warnf(rule *Rule, span Span, format string, args ...any) *Diagnostic {
	d := r.Errorf(rule, span, format, args...)
	d.Severity = Warning
	return d
}

// Empty reports whether nothing is wrong.
func (r *Report) Empty() bool { return len(r.diagnostics) == 0 }

// Diagnostics are sorted by their place.
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

// shown is how many diagnostics a person can use: the rest of a file that is none of ours would scroll them away.
const shown = 100

// String is the text for a terminal.
func (r *Report) String() string {
	var out strings.Builder
	all := r.Diagnostics()
	for i, d := range all[:min(len(all), shown)] {
		if i > 0 {
			out.WriteByte('\n')
		}
		message := d.Message + " [" + d.Rule.ID + "]"
		if d.Severity == Warning {
			message = "warning: " + message
		}
		r.show(&out, d.Span, message)
		for _, related := range d.Related {
			r.show(&out, related.Span, related.Message)
		}
		for _, hint := range d.Hints {
			fmt.Fprintf(&out, "  hint: %s\n", hint)
		}
	}
	if more := len(all) - shown; more > 0 {
		fmt.Fprintf(&out, "\n%d more are not shown\n", more)
	}
	return out.String()
}

// around is how many characters of a line are shown on either side of a place: what no terminal has room for hides the message.
const around = 120

func (r *Report) show(out *strings.Builder, span Span, message string) {
	at := r.Position(span.Start)
	fmt.Fprintf(out, "%s: %s\n", at, message)
	line, start := at.File.line(at.Line)
	place := min(max(span.Start-at.File.Base-start, 0), len(line))
	before, after := lastOf(line[:place], around), firstOf(line[place:], around)
	length := min(max(span.End-span.Start, 1), len(after)) // a span over several lines is underlined on its first
	caret := strings.Repeat("^", max(utf8.RuneCountInString(after[:length]), 1))
	if place > len(before) {
		before = "…" + before
	}
	if place+len(after) < len(line) {
		after += "…"
	}
	number := fmt.Sprintf("%4d", at.Line)
	fmt.Fprintf(out, "%s | %s\n", number, printable(before+after))
	// Tabs stay tabs, so that the caret stands under its character however wide the terminal shows them.
	padding := strings.Map(func(c rune) rune {
		if c == '\t' {
			return '\t'
		}
		return ' '
	}, printable(before))
	fmt.Fprintf(out, "%s | %s%s\n", strings.Repeat(" ", len(number)), padding, caret)
}

// firstOf is the beginning of a text, up to some characters.
func firstOf(text string, characters int) string {
	at := 0
	for ; characters > 0 && at < len(text); characters-- {
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return text[:at]
}

// lastOf is the end of a text, up to some characters.
func lastOf(text string, characters int) string {
	at := len(text)
	for ; characters > 0 && at > 0; characters-- {
		_, size := utf8.DecodeLastRuneInString(text[:at])
		at -= size
	}
	return text[at:]
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
