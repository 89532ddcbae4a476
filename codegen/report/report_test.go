package report

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

var rule = Define("a-rule", "It is there for the tests.")

func of(path, text string) *Report {
	r := New()
	r.Add(path, text)
	return r
}

func TestShowsTheMarkedPartOfALine(t *testing.T) {
	text := "one\n\tgröße: twö x\r\nlast"
	word := func(w string) Span { return Span{strings.Index(text, w), strings.Index(text, w) + len(w)} }
	r := of("a.idl", text)
	r.Errorf(rule, word("twö"), "second").Hint("a hint").Hint("another")
	r.Errorf(rule, Span{0, 9}, "first, over two lines").See(Span{len(text), len(text)}, "at the end")
	r.Errorf(rule, word("las"), "in the last line")
	assert.Equal(t, `a.idl:1:1: first, over two lines [a-rule]
   1 | one
     | ^^^
a.idl:3:5: at the end
   3 | last
     |     ^

a.idl:2:9: second [a-rule]
   2 | `+"\t"+`größe: twö x
     | `+"\t"+`       ^^^
  hint: a hint
  hint: another

a.idl:3:1: in the last line [a-rule]
   3 | last
     | ^^^
`, r.String())
}

func TestShowsWhatATerminalWouldObey(t *testing.T) {
	r := of("a.idl", "a\x1b[2Jb\xff")
	r.Errorf(rule, Span{5, 6}, "here")
	assert.Equal(t, "a.idl:1:6: here [a-rule]\n   1 | a�[2Jb�\n     |      ^\n", r.String())
}

// Whatever the marks are, a column is what counting from the line's start gives, for characters of every width and for bytes that
// are none.
func TestKnowsTheColumnsOfALongLine(t *testing.T) {
	pieces := []string{"x", "é", "…", "😀", "\xff", "\xe2\x80"}
	source := rand.New(rand.NewPCG(1, 2))
	var text strings.Builder
	text.WriteString("before\n")
	start := text.Len()
	for text.Len() < 1<<20 {
		text.WriteString(pieces[source.IntN(len(pieces))])
	}
	end := text.Len()
	text.WriteString("\nafter\n")
	r := New()
	r.Add("first.idl", "one\ntwo\n")
	f := r.Add("long.idl", text.String())
	column := 1
	for at := start; at <= end; {
		got := r.Position(f.Base + at)
		if got.Line != 2 || got.Column != column {
			t.Fatalf("byte %d is at %d:%d, and not at 2:%d", at, got.Line, got.Column, column)
		}
		_, size := utf8.DecodeRuneInString(f.Text[at:])
		at += size
		column++
	}
	assert.Equal(t, "long.idl:3:3", r.Position(f.Base+end+3).String())
	assert.Equal(t, "long.idl:1:7", r.Position(f.Base+start-1).String())
}

func TestShowsWhatIsAroundAPlaceInALongLine(t *testing.T) {
	text := strings.Repeat("ä", 100_000) + "\there" + strings.Repeat("ö", 100_000)
	r := of("a.idl", text+"\n")
	at := strings.Index(text, "here")
	r.Errorf(rule, Span{at, at + 4}, "in the middle")
	r.Errorf(rule, Span{at, len(text)}, "to the end")
	left := "…" + strings.Repeat("ä", around-1) + "\t"
	right := "here" + strings.Repeat("ö", around-4) + "…"
	excerpt := "   1 | " + left + right + "\n     | " + strings.Repeat(" ", around) + "\t"
	assert.Equal(t, "a.idl:1:100002: in the middle [a-rule]\n"+excerpt+"^^^^\n\n"+
		"a.idl:1:100002: to the end [a-rule]\n"+excerpt+strings.Repeat("^", around)+"\n", r.String())
}

func TestAnEmptyReportIsNoText(t *testing.T) {
	r := of("a.idl", "")
	assert.True(t, r.Empty())
	assert.Empty(t, r.String())
	r.Errorf(rule, Span{}, "nothing is here")
	assert.Equal(t, "a.idl:1:1: nothing is here [a-rule]\n   1 | \n     | ^\n", r.String())
}

func TestKnowsTheFileOfAPlace(t *testing.T) {
	r := New()
	first, second := r.Add("a.idl", "one\ntwo"), r.Add("b/c.idl", "three\n")
	assert.Equal(t, "a.idl:2:4", r.Position(first.Base+7).String())
	assert.Equal(t, "b/c.idl:1:1", r.Position(second.Base).String())
	assert.Equal(t, "b/c.idl:2:1", r.Position(second.Base+6).String())
}

func TestShowsNoMoreThanAPersonReads(t *testing.T) {
	r := of("a.idl", "x")
	for range shown + 7 {
		r.Errorf(rule, Span{0, 1}, "again")
	}
	assert.Equal(t, shown, strings.Count(r.String(), "again"))
	assert.True(t, strings.HasSuffix(r.String(), "\n7 more are not shown\n"))
}

func TestSaysWhatIsOnlyAWarning(t *testing.T) {
	r := of("a.idl", "x")
	r.Warnf(rule, Span{0, 1}, "it could be better")
	assert.Equal(t, "a.idl:1:1: warning: it could be better [a-rule]\n   1 | x\n     | ^\n", r.String())
}
