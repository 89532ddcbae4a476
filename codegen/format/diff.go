package format

import (
	"fmt"
	"slices"
	"strings"
)

const (
	// context is how many lines that are the same stand around those that differ.
	context = 3
	// effort is how many differing lines are looked for one by one. Beyond them a reader needs no shortest list.
	effort = 1000
)

// Diff shows what the layout changes in a file, in the unified form that patch reads. It is empty for equal texts.
func Diff(path, before, after string) string {
	if before == after {
		return ""
	}
	old, now := split(before), split(after)
	edits := edit(old, now)
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s\n+++ %s\n", path, path+" (formatted)")
	for len(edits) > 0 {
		last := 0 // of the edits that share their context
		for last+1 < len(edits) && edits[last+1].old-edits[last].oldEnd <= 2*context {
			last++
		}
		hunk(&out, old, now, edits[:last+1])
		edits = edits[last+1:]
	}
	return out.String()
}

// split cuts a text into lines with their ends.
func split(text string) []string {
	lines := strings.SplitAfter(text, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// change replaces some lines of the old text by some of the new one; each range is without its end.
type change struct{ old, oldEnd, now, nowEnd int }

func hunk(out *strings.Builder, old, now []string, edits []change) {
	first, last := edits[0], edits[len(edits)-1]
	before := min(context, first.old)
	after := min(context, len(old)-last.oldEnd)
	fmt.Fprintf(out, "@@ -%s +%s @@\n", lines(first.old-before, last.oldEnd+after), lines(first.now-before, last.nowEnd+after))
	at := first.old - before
	for _, e := range edits {
		mark(out, " ", old[at:e.old])
		mark(out, "-", old[e.old:e.oldEnd])
		mark(out, "+", now[e.now:e.nowEnd])
		at = e.oldEnd
	}
	mark(out, " ", old[at:last.oldEnd+after])
}

// lines is how a hunk says where it is. One without lines names the line before it.
func lines(start, end int) string {
	if start == end {
		return fmt.Sprintf("%d,0", start)
	}
	return fmt.Sprintf("%d,%d", start+1, end-start)
}

func mark(out *strings.Builder, sign string, lines []string) {
	for _, l := range lines {
		out.WriteString(sign + l)
		if !strings.HasSuffix(l, "\n") {
			out.WriteString("\n\\ No newline at end of file\n")
		}
	}
}

// edit finds the fewest lines to take out and put in, after Myers, "An O(ND) Difference Algorithm and Its Variations"
// (1986); or gives up and replaces all that lies between the first and the last difference.
func edit(old, now []string) []change {
	head := 0
	for head < len(old) && head < len(now) && old[head] == now[head] {
		head++
	}
	tail := 0
	for tail < len(old)-head && tail < len(now)-head && old[len(old)-1-tail] == now[len(now)-1-tail] {
		tail++
	}
	a, b := old[head:len(old)-tail], now[head:len(now)-tail]
	// reach[k] is how far a path on the diagonal k = x - y has come in a; steps keeps it for each number of edits.
	reach := map[int]int{1: 0}
	var steps []map[int]int
	for d := 0; d <= effort; d++ {
		next := map[int]int{}
		for k := -d; k <= d; k += 2 {
			x := reach[k-1] + 1
			if k == -d || k != d && reach[k-1] < reach[k+1] {
				x = reach[k+1]
			}
			for x < len(a) && x-k < len(b) && a[x] == b[x-k] {
				x++
			}
			next[k] = x
			if x >= len(a) && x-k >= len(b) {
				return walkBack(append(steps, next), len(a), len(b), head)
			}
		}
		steps = append(steps, next)
		reach = next
	}
	return []change{{head, head + len(a), head, head + len(b)}}
}

// walkBack follows the path that arrived from its end.
func walkBack(steps []map[int]int, x, y, head int) []change {
	var all []change
	for d := len(steps) - 1; d > 0; d-- {
		before, k := steps[d-1], x-y
		from := k - 1 // a line was taken out
		if k == -d || k != d && before[k-1] < before[k+1] {
			from = k + 1 // a line was put in
		}
		fromX := before[from]
		fromY := fromX - from
		c := change{fromX + head, fromX + head, fromY + head, fromY + head}
		if from == k-1 {
			c.oldEnd++
		} else {
			c.nowEnd++
		}
		if n := len(all); n > 0 && all[n-1].old == c.oldEnd && all[n-1].now == c.nowEnd {
			all[n-1].old, all[n-1].now = c.old, c.now
		} else {
			all = append(all, c)
		}
		x, y = fromX, fromY
	}
	slices.Reverse(all)
	return all
}
