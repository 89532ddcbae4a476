package docs

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"strongroom.dev/codegen/report"
)

// Chapter is a part of the catalogue of diagnostics: the rules of one command.
type Chapter struct {
	Title string
	Intro string
	Rules []Entry
}

// Entry is a rule with what its command says of it besides.
type Entry struct {
	*report.Rule
	Note string // a sentence; empty: nothing
}

// Catalogue writes docs/diagnostics.md: what each rule asks for and why, and what idlc says where it is broken. examples
// are reports as a terminal shows them, of which the catalogue takes the one that teaches most about a rule.
func Catalogue(chapters []Chapter, examples []string) ([]byte, error) {
	shown := map[string]string{}
	for _, example := range examples {
		for _, diagnostic := range strings.Split(example, "\n\n") {
			id := ruleOf(diagnostic)
			if id == "" {
				continue
			}
			if before, known := shown[id]; !known || teaches(diagnostic) > teaches(before) {
				shown[id] = diagnostic
			}
		}
	}
	var out bytes.Buffer
	out.WriteString("<!-- Written by tools/generate from the rules in codegen and the cases in its testdata; do not edit. -->\n")
	out.WriteString("# Diagnostics\n\n")
	out.WriteString("What `idlc` says about a file ends with the id of a rule in brackets. This is what each rule asks for, why, and how it looks where a\n")
	out.WriteString("file breaks it. All mistakes of a file are reported at once, each with its place.\n")
	for _, chapter := range chapters {
		fmt.Fprintf(&out, "\n## %s\n\n%s\n\n", chapter.Title, chapter.Intro)
		for _, rule := range chapter.Rules {
			fmt.Fprintf(&out, "- [%s](#%s)\n", rule.ID, rule.ID)
		}
		for _, rule := range chapter.Rules {
			example, known := shown[rule.ID]
			if !known {
				return nil, fmt.Errorf("no case shows the rule %s: add one to testdata", rule.ID)
			}
			fmt.Fprintf(&out, "\n### %s\n\n%s\n\n", rule.ID, strings.TrimSpace(rule.Why+" "+rule.Note))
			for line := range strings.Lines(strings.TrimRight(example, "\n")) {
				out.WriteString(strings.TrimRight("    "+line, "\n\r ") + "\n")
			}
		}
	}
	return out.Bytes(), nil
}

var ruleAtEnd = regexp.MustCompile(`^[^\n]* \[([a-z-]+)\](?:\n|$)`)

// ruleOf is the id at the end of a diagnostic's first line.
func ruleOf(diagnostic string) string {
	if found := ruleAtEnd.FindStringSubmatch(diagnostic); found != nil {
		return found[1]
	}
	return ""
}

// teaches orders examples: one that says what to write instead is better, and so is one that shows the other place.
func teaches(diagnostic string) int {
	n := 0
	if strings.Contains(diagnostic, "\n  hint: ") {
		n += 2
	}
	if strings.Count(diagnostic+"\n", "^\n") > 1 {
		n++
	}
	return n
}
