package docs

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/breaking"
	_ "strongroom.dev/codegen/compile" // defines the rules
	"strongroom.dev/codegen/lint"
	"strongroom.dev/codegen/report"
)

var update = flag.Bool("update", false, "write docs/diagnostics.md")

func chapters() []Chapter {
	mistakes := Chapter{
		Title: "Mistakes",
		Intro: "Reported by `idlc check`, and by every other command before it does anything.",
	}
	warnings := Chapter{
		Title: "Lint",
		Intro: "Reported by `idlc lint`: what is correct, and could be better. A rule that does not fit is switched off by its name.",
	}
	breaks := Chapter{
		Title: "Breaking changes",
		Intro: "Reported by `idlc breaking --against OLD`: what of a new version breaks those who have the old one. A change breaks source code that\n" +
			"was written for it, programs that were compiled with it (abi), or what the two sides say to one another (frames).",
	}
	known := map[string]bool{}
	for _, rule := range lint.Rules {
		known[rule.ID] = true
		warnings.Rules = append(warnings.Rules, Entry{rule.Rule, "To mend it: " + rule.Fix + "."})
	}
	for _, rule := range breaking.Rules {
		known[rule.ID] = true
		breaks.Rules = append(breaks.Rules, Entry{rule.Rule, "It breaks " + rule.Breaks.String() + "."})
	}
	for _, rule := range report.Rules() {
		if !known[rule.ID] {
			mistakes.Rules = append(mistakes.Rules, Entry{rule, ""})
		}
	}
	return []Chapter{mistakes, warnings, breaks}
}

func TestTheCatalogueIsCurrent(t *testing.T) {
	var examples []string
	for _, pattern := range []string{"testdata/*.err", "lint/testdata/*.txt", "lint/testdata/*/*.txt", "breaking/testdata/*/*.txt"} {
		paths, err := filepath.Glob(filepath.Join("..", pattern))
		require.NoError(t, err)
		for _, path := range paths {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			examples = append(examples, string(text))
		}
	}
	want, err := Catalogue(chapters(), examples)
	require.NoError(t, err)
	const path = "../../docs/diagnostics.md"
	if *update {
		require.NoError(t, os.WriteFile(path, want, 0o644))
	}
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "the file is stale: run tools/generate")
}

func TestTheCatalogueTakesTheExampleThatTeachesMost(t *testing.T) {
	rule := &report.Rule{ID: "a-rule", Why: "Because."}
	plain := "a.idl:1:1: wrong [a-rule]\n   1 | x\n     | ^\n"
	hint := "a.idl:2:1: also wrong [a-rule]\n   2 | y\n     | ^\n  hint: write z\n"
	text, err := Catalogue([]Chapter{{"Title", "Intro.", []Entry{{rule, "Note."}}}}, []string{plain + "\n" + hint + "\n" + plain})
	require.NoError(t, err)
	assert.Contains(t, string(text), "## Title\n\nIntro.\n\n- [a-rule](#a-rule)\n\n### a-rule\n\nBecause. Note.\n\n"+
		"    a.idl:2:1: also wrong [a-rule]\n       2 | y\n         | ^\n      hint: write z\n")
	_, err = Catalogue([]Chapter{{"Title", "Intro.", []Entry{{&report.Rule{ID: "other"}, ""}}}}, []string{plain})
	assert.ErrorContains(t, err, "no case shows the rule other")
}
