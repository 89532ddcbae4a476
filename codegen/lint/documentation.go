package lint

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"strongroom.dev/codegen/ast"
)

func undocumentedDeclarations(l *linter) {
	for _, i := range l.items {
		if i.outer == nil && !documented(i.Doc) {
			l.warn(i.Name.Span, "%s `%s` has no documentation", i.what, i.Name.Text)
		}
	}
}

func undocumentedMethods(l *linter) {
	for _, i := range l.items {
		if i.method != nil && !documented(i.Doc) {
			l.warn(i.Name.Span, "%s `%s` has no documentation", i.what, i.Name.Text)
		}
	}
}

func undocumentedFailures(l *linter) {
	for _, i := range l.items {
		if _, failure := i.decl.(*ast.Error); failure && i.variant != nil && !documented(i.Doc) {
			l.warn(i.Name.Span, "nothing says when `%s` happens", i.Name.Text)
		}
	}
}

func documented(doc []string) bool { return strings.TrimSpace(strings.Join(doc, "")) != "" }

func sentences(l *linter) {
	for _, file := range l.files {
		if what := noSentence(file.Doc); what != "" {
			l.warn(file.Package.Span, "the documentation of package `%s` %s", file.Package.Text, what)
		}
	}
	for _, i := range l.items {
		if what := noSentence(i.Doc); what != "" {
			l.warn(i.Name.Span, "the documentation of `%s` %s", i.Name.Text, what)
		}
	}
}

// noSentence says what keeps the first paragraph of a documentation from being a sentence.
func noSentence(doc []string) string {
	var paragraph string
	for _, line := range doc {
		line = strings.TrimSpace(line)
		if line == "" && paragraph != "" {
			break
		}
		paragraph = strings.TrimSpace(paragraph + " " + line)
	}
	if paragraph == "" {
		return ""
	}
	if first, _ := utf8.DecodeRuneInString(paragraph); unicode.IsLower(first) {
		return "does not begin with a capital"
	}
	if end := strings.TrimRight(paragraph, "\"')`*_”"); !strings.ContainsAny(paragraph[len(paragraph)-1:], ".:?!") &&
		(end == "" || !strings.ContainsAny(end[len(end)-1:], ".?!")) && !strings.HasSuffix(paragraph, "…") {
		return "does not end with a full stop"
	}
	return ""
}
