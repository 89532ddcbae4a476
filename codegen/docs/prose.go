package docs

import (
	"bytes"
	"html/template"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/util"
)

// markdown knows no HTML: what a doc comment has in angle brackets is a text like any other, for instance a type.
var markdown = goldmark.New(goldmark.WithParser(parser.NewParser(
	parser.WithBlockParsers(without(parser.DefaultBlockParsers(), parser.NewHTMLBlockParser())...),
	parser.WithInlineParsers(without(parser.DefaultInlineParsers(), parser.NewRawHTMLParser())...),
	parser.WithParagraphTransformers(parser.DefaultParagraphTransformers()...),
)))

func without(all []util.PrioritizedValue, unwanted any) []util.PrioritizedValue {
	return slices.DeleteFunc(all, func(p util.PrioritizedValue) bool {
		return reflect.TypeOf(p.Value) == reflect.TypeOf(unwanted)
	})
}

var (
	heading = regexp.MustCompile(`(</?)h[1-6]\b`)
	code    = regexp.MustCompile(`(?s)<a .*?</a>|<pre>.*?</pre>|<code>([A-Za-z_][\w.]*)</code>`)
)

// doc renders a doc comment. What it names in backquotes becomes a link where the interface has it.
func (p *page) doc(lines []string) template.HTML {
	if len(lines) == 0 {
		return ""
	}
	var out bytes.Buffer
	if err := markdown.Convert([]byte(strings.Join(lines, "\n")), &out); err != nil {
		return template.HTML(template.HTMLEscapeString(strings.Join(lines, "\n"))) // a buffer cannot fail
	}
	text := heading.ReplaceAllString(out.String(), "${1}h5") // the page's own headings are above it
	return template.HTML(code.ReplaceAllStringFunc(text, func(found string) string {
		word := code.FindStringSubmatch(found)[1]
		url := p.scope[word]
		if url == "" && p.builder.words[word] != "" {
			url = p.Root + p.builder.words[word]
		}
		if word == "" || url == "" || url == p.Root+p.Path {
			return found
		}
		return `<a href="` + template.HTMLEscapeString(url) + `">` + found + `</a>`
	}))
}

// inline renders one sentence, without a paragraph of its own.
func (p *page) inline(text string) template.HTML {
	if text == "" {
		return ""
	}
	html := strings.TrimSpace(string(p.doc([]string{text})))
	if inner, ok := strings.CutPrefix(html, "<p>"); ok && strings.Count(html, "<p>") == 1 {
		html = strings.TrimSuffix(inner, "</p>")
	}
	return template.HTML(html)
}

// summary is the first sentence of a doc comment.
func summary(lines []string) string {
	var text []string
	for _, line := range lines {
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "```") {
			break
		}
		text = append(text, strings.TrimSpace(line))
	}
	all := strings.Join(text, " ")
	if at := strings.Index(all, ". "); at >= 0 {
		return all[:at+1]
	}
	return all
}
