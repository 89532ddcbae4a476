package report

import (
	"strings"
	"testing"

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
