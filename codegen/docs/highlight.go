package docs

import (
	"html/template"
	"regexp"
	"strings"
)

// highlight marks the words of a language, and links the names that the site explains.
func (p *page) highlight(n int, text string) template.HTML {
	l := languages[n]
	var out strings.Builder
	at := 0
	for _, found := range l.tokens.FindAllStringSubmatchIndex(text, -1) {
		out.WriteString(template.HTMLEscapeString(text[at:found[0]]))
		at = found[1]
		word := template.HTMLEscapeString(text[found[0]:found[1]])
		switch {
		case found[2] >= 0:
			out.WriteString(`<span class="c">` + word + `</span>`)
		case found[4] >= 0:
			out.WriteString(`<span class="s">` + word + `</span>`)
		case l.keywords[word]:
			out.WriteString(`<span class="k">` + word + `</span>`)
		case p.builder.names[n][word] != "" && p.own(text[:found[0]]):
			out.WriteString(string(p.anchor(word, p.builder.names[n][word])))
		default:
			out.WriteString(word)
		}
	}
	out.WriteString(template.HTMLEscapeString(text[at:]))
	return template.HTML(out.String())
}

// own tells a name of the package from one of the same spelling that belongs to another, like rpc.Stream.
func (p *page) own(before string) bool {
	for _, joint := range []string{".", "::"} {
		if qualifier, qualified := strings.CutSuffix(before, joint); qualified {
			return strings.HasSuffix(qualifier, p.Package)
		}
	}
	return true
}

// tokens finds comments (the first group), texts (the second one) and words.
func tokens(comment, text string) *regexp.Regexp {
	return regexp.MustCompile(`(?s)(` + comment + `)|(` + text + `)|[A-Za-z_]\w*`)
}

func words(text string) map[string]bool {
	all := map[string]bool{}
	for word := range strings.FieldsSeq(text) {
		all[word] = true
	}
	return all
}
