package lsp

import (
	"sort"
	"unicode/utf8"
)

// text is the text of a file, with places counted as the protocol does: lines from 0, and columns in bytes (UTF-8) or in
// UTF-16 units.
type text struct {
	text  string
	lines []int // offset of each line's first byte
	// The last place that was asked for. The next one is mostly near it, and a line can be a whole file.
	last counted
}

// counted is a place whose column is known.
type counted struct {
	encoding encoding
	line     int
	offset   int
	units    int
}

func newText(s string) *text {
	t := &text{text: s, lines: []int{0}}
	for i := range len(s) {
		if s[i] == '\n' || s[i] == '\r' && (i+1 == len(s) || s[i+1] != '\n') {
			t.lines = append(t.lines, i+1)
		}
	}
	return t
}

// line is where a line begins, and where it ends without its line break.
func (t *text) line(number int) (start, end int) {
	start, end = t.lines[number], len(t.text)
	if number+1 < len(t.lines) {
		end = t.lines[number+1]
		for end > start && (t.text[end-1] == '\n' || t.text[end-1] == '\r') {
			end--
		}
	}
	return start, end
}

// encoding says what a column counts.
type encoding string

const (
	utf16Columns encoding = "utf-16"
	utf8Columns  encoding = "utf-8"
)

// offset finds a place, or the nearest one before it: what is behind the end of a line is its end, and what is within a
// character is its start.
func (e encoding) offset(t *text, p position) int {
	if p.Line < 0 {
		return 0
	}
	if p.Line >= len(t.lines) {
		return len(t.text)
	}
	at, end := t.line(p.Line)
	for units := 0; at < end; {
		c, size := utf8.DecodeRuneInString(t.text[at:])
		units += e.width(c, size)
		if units > p.Character {
			break
		}
		at += size
	}
	return at
}

func (e encoding) position(t *text, offset int) position {
	offset = min(max(offset, 0), len(t.text))
	line := sort.SearchInts(t.lines, offset+1) - 1
	if last := t.last; last.encoding != e || last.line != line || offset-t.lines[line] < last.offset-offset {
		t.last = counted{e, line, t.lines[line], 0}
	}
	for t.last.offset < offset {
		c, size := utf8.DecodeRuneInString(t.text[t.last.offset:])
		t.last.units += e.width(c, size)
		t.last.offset += size
	}
	for t.last.offset > offset {
		c, size := utf8.DecodeLastRuneInString(t.text[:t.last.offset])
		t.last.units -= e.width(c, size)
		t.last.offset -= size
	}
	return position{line, t.last.units}
}

func (e encoding) width(c rune, size int) int {
	switch {
	case e == utf8Columns:
		return size
	case c > 0xffff:
		return 2
	default:
		return 1
	}
}

func (e encoding) span(t *text, start, end int) span {
	return span{e.position(t, start), e.position(t, end)}
}
