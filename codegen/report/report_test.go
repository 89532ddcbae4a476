package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestShowsTheMarkedPartOfALine(t *testing.T) {
	text := "one\n\tgröße: twö x\r\nlast"
	word := func(w string) Span { return Span{strings.Index(text, w), strings.Index(text, w) + len(w)} }
	r := New(NewFile("a.idl", text))
	r.Errorf(word("twö"), "second").Hint("a hint").Hint("another")
	r.Errorf(Span{0, 9}, "first, over two lines").See(Span{len(text), len(text)}, "at the end")
	r.Errorf(word("las"), "in the last line")
	assert.Equal(t, `a.idl:1:1: first, over two lines
   1 | one
     | ^^^
a.idl:3:5: at the end
   3 | last
     |     ^

a.idl:2:9: second
   2 | `+"\t"+`größe: twö x
     | `+"\t"+`       ^^^
  hint: a hint
  hint: another

a.idl:3:1: in the last line
   3 | last
     | ^^^
`, r.String())
}

func TestShowsWhatATerminalWouldObey(t *testing.T) {
	r := New(NewFile("a.idl", "a\x1b[2Jb\xff"))
	r.Errorf(Span{5, 6}, "here")
	assert.Equal(t, "a.idl:1:6: here\n   1 | a�[2Jb�\n     |      ^\n", r.String())
}

func TestAnEmptyReportIsNoText(t *testing.T) {
	r := New(NewFile("a.idl", ""))
	assert.True(t, r.Empty())
	assert.Empty(t, r.String())
	r.Errorf(Span{}, "nothing is here")
	assert.Equal(t, "a.idl:1:1: nothing is here\n   1 | \n     | ^\n", r.String())
}
