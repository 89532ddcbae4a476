package format

import (
	"strings"
	"unicode/utf8"
)

const (
	// width is the longest line that a list is written on. Messages and comments are as long as they are.
	width = 120
	// column is how far to the right the messages of an error move to stand below one another.
	column = 60
)

func layout(o *outline) string {
	p := &printer{}
	for n, i := range o.header {
		p.item(i, 0, n == 1, "")
	}
	for n, i := range o.decls {
		p.item(i, 0, n == 0 || o.decls[n-1].long(0) || i.long(0), "")
	}
	p.lines(o.rest, 0)
	return p.out.String()
}

type printer struct {
	out   strings.Builder
	fresh bool // a bracket was opened on the line before
}

func (p *printer) line(indent int, text string) {
	p.out.WriteString(strings.Repeat("  ", indent) + text + "\n")
	p.fresh = false
}

// blank writes an empty line, but not where something begins.
func (p *printer) blank() {
	if p.out.Len() > 0 && !p.fresh {
		p.out.WriteByte('\n')
	}
}

// lines prints comments, and reports whether one of them is documentation, which nothing may part from its item.
func (p *printer) lines(lines []line, indent int) (documented bool) {
	for _, l := range lines {
		if l.blank && !documented {
			p.blank()
		}
		documented = documented || l.doc
		p.line(indent, l.text)
	}
	return documented
}

// item prints an item with all that belongs to it, after an empty line where the author left one or where it is wanted.
// What follows it on its line stands before its comment.
func (p *printer) item(i *item, indent int, blank bool, after string) {
	if len(i.lead) > 0 {
		i.lead[0].blank = i.lead[0].blank || blank
	} else {
		i.blank = i.blank || blank
	}
	if documented := p.lines(i.lead, indent); i.blank && !documented {
		p.blank()
	}
	for _, a := range i.above() {
		p.line(indent, a)
	}
	if i.note != "" {
		after += " " + i.note
	}
	if i.keptApart() {
		p.line(indent, i.start())
		p.line(indent+1, i.message+after)
		return
	}
	if !i.long(indent) {
		p.line(indent, i.text()+after)
		return
	}
	opened := i.start() + i.list.open()
	if i.list.note != "" {
		opened += " " + i.list.note
	}
	p.line(indent, opened)
	p.fresh = true
	p.items(i.list, indent+1)
	p.line(indent, i.list.close()+i.end()+after)
}

func (p *printer) items(l *list, indent int) {
	align(l.items, indent)
	for _, i := range l.items {
		after := ""
		if l.arguments {
			after = l.separator
		}
		p.item(i, indent, false, after)
	}
	p.lines(l.rest, indent)
}

// align puts the messages of variants on lines that follow one another below one another.
func align(items []*item, indent int) {
	for len(items) > 0 {
		block := 1
		for block < len(items) && items[block].follows() && items[block].inTable(indent) {
			block++
		}
		if items[0].inTable(indent) {
			widest := 0
			for _, i := range items[:block] {
				if w := i.headWidth(); w <= column {
					widest = max(widest, w)
				}
			}
			for _, i := range items[:block] {
				i.padding = max(widest-i.headWidth(), 0)
			}
		}
		items = items[block:]
	}
}

// follows reports whether nothing parts the item from the line before.
func (i *item) follows() bool { return len(i.lead) == 0 && !i.blank && len(i.above()) == 0 }

func (i *item) inTable(indent int) bool { return i.message != "" && !i.long(indent) && !i.keptApart() }

// keptApart recognises a variant that would be taken for an import if its message stood behind it.
func (i *item) keptApart() bool { return i.head == "import" && i.list == nil && i.message != "" }

func (i *item) headWidth() int { return utf8.RuneCountInString(i.start() + i.list.text()) }

// above are the attributes that have lines of their own.
func (i *item) above() []string {
	if i.immediate {
		return i.attributes[:len(i.attributes)-1]
	}
	return i.attributes
}

// start is the item's own line up to its list.
func (i *item) start() string {
	if i.immediate {
		return "@immediate " + i.head
	}
	return i.head
}

// end is what stands after the list.
func (i *item) end() string {
	if i.message == "" {
		return i.tail
	}
	return strings.Repeat(" ", i.padding+1) + i.message
}

// text is the item on one line, without what stands above it.
func (i *item) text() string { return i.start() + i.list.text() + i.end() }

// long reports whether the item's list has several lines.
func (i *item) long(indent int) bool {
	return i.list != nil && (!i.list.flat() || 2*indent+utf8.RuneCountInString(i.start()+i.list.text()+i.tail) > width)
}

// flat reports whether the list may stand on one line. Arguments do where they can, other lists where the author
// wrote them so.
func (l *list) flat() bool {
	if l.note != "" || len(l.rest) > 0 || !l.arguments && !l.oneLine && len(l.items) > 0 {
		return false
	}
	for _, i := range l.items {
		if len(i.lead) > 0 || i.note != "" || i.list != nil && !i.list.flat() {
			return false
		}
	}
	return true
}

func (l *list) open() string {
	if l.arguments {
		return "("
	}
	return " {"
}

func (l *list) close() string {
	if l.arguments {
		return ")"
	}
	return "}"
}

// text is the list on one line.
func (l *list) text() string {
	if l == nil {
		return ""
	}
	var items []string
	for _, i := range l.items {
		items = append(items, strings.Join(append(i.above()[:len(i.above()):len(i.above())], i.text()), " "))
	}
	inside := strings.Join(items, l.separator+" ")
	if !l.arguments && inside != "" {
		inside = " " + inside + " "
	}
	return l.open() + inside + l.close()
}
