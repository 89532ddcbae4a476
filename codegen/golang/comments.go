package golang

import (
	"slices"
	"strings"

	"strongroom.dev/codegen/ir"
)

// comment writes what is said of an item: its documentation, which begins with its name as Go's does, the notes, and since
// when it is there or what to use instead.
func (e *emitter) comment(name string, a ir.About, notes ...string) {
	doc := slices.Clone(a.Doc)
	if name != "" && len(doc) > 0 {
		doc[0] = name + sentence(doc[0])
	}
	e.paragraphs(a, doc, notes)
}

// paragraphs writes a comment: the documentation as it stands, and each note.
func (e *emitter) paragraphs(a ir.About, doc, notes []string) {
	if a.Since != "" {
		notes = append(slices.Clone(notes), "Since "+a.Since+".")
	}
	if a.Deprecated != "" {
		notes = append(slices.Clone(notes), "Deprecated: "+period(a.Deprecated))
	}
	for _, l := range reflow(doc) {
		e.line("%s", strings.TrimRight("// "+l, " "))
	}
	for i, note := range notes {
		if i > 0 || len(doc) > 0 {
			e.line("//")
		}
		for _, l := range wrap(note) {
			e.line("// %s", l)
		}
	}
}

func period(text string) string {
	if strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}

// nouns begin a text that names a thing, instead of saying what is done.
var nouns = []string{"A", "An", "The", "Another", "Where", "How", "What", "Which", "Why", "Whether"}

// sentence continues a comment that begins with the name of a type, a value or an argument: " is an open repository", or
// ": of three parts".
func sentence(text string) string {
	if first, _, _ := strings.Cut(text, " "); slices.Contains(nouns, first) {
		return " is " + lowered(text)
	}
	return ": " + lowered(text)
}

// methodSentence continues one that begins with the name of a method: " starts a file", or " answers the newest one".
func methodSentence(text string, result bool) string {
	first, rest, _ := strings.Cut(text, " ")
	next, _, _ := strings.Cut(rest, " ")
	verb := len(first) > 3 && strings.HasSuffix(first, "s") && !strings.HasSuffix(first, "ss") &&
		first[0] >= 'A' && first[0] <= 'Z' && next != "of" && next != "that" // blocks of 4 KiB
	switch {
	case verb:
		return " " + lowered(text)
	case result && slices.Contains(nouns, first):
		return " answers " + lowered(text)
	default:
		return ": " + lowered(text)
	}
}

// lowered is a text that stands behind others: its first letter is small, unless it is S3 or FIFOs.
func lowered(text string) string {
	first, _, _ := strings.Cut(text, " ")
	if first == "" || strings.Trim(first[1:], "abcdefghijklmnopqrstuvwxyz.,:'") != "" {
		return text
	}
	return strings.ToLower(text[:1]) + text[1:]
}

// article is the name with "a" or "an".
func article(name string) string {
	if strings.ContainsAny(strings.ToUpper(name[:1]), "AEIOU") {
		return "an [" + name + "]"
	}
	return "a [" + name + "]"
}

// width is how long a line of a comment may be.
const width = 116

// reflow breaks the lines of paragraphs that have one which is too long. Indented lines are lists and code.
func reflow(doc []string) []string {
	var out, paragraph []string
	flush := func() {
		if slices.ContainsFunc(paragraph, func(l string) bool { return len(l) > width }) {
			paragraph = wrap(strings.Join(paragraph, " "))
		}
		out, paragraph = append(out, paragraph...), nil
	}
	for _, l := range doc {
		if l == "" || strings.HasPrefix(l, " ") || strings.HasPrefix(l, "\t") {
			flush()
			out = append(out, l)
		} else {
			paragraph = append(paragraph, l)
		}
	}
	flush()
	return out
}

func wrap(text string) []string {
	var lines []string
	var line string
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
