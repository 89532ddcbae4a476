package compile_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/report"
)

// Every diagnostic of the front end is shown by at least one golden file.
func TestEveryDiagnosticHasACase(t *testing.T) {
	var golden strings.Builder
	paths, err := filepath.Glob(filepath.Join(inputs, "*.err"))
	require.NoError(t, err)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		golden.Write(text)
	}
	found := 0
	for _, stage := range []string{"token", "parser", "check", "compile"} {
		sources, err := filepath.Glob(filepath.Join("..", stage, "*.go"))
		require.NoError(t, err)
		require.NotEmpty(t, sources)
		for _, source := range sources {
			for _, format := range formats(t, source) {
				found++
				assert.Regexp(t, pattern(format), golden.String(), "%s: no golden file shows %q", filepath.Base(source), format)
			}
		}
	}
	assert.Greater(t, found, 60, "the test no longer finds the diagnostics")
	for _, rule := range report.Rules() {
		assert.Contains(t, golden.String(), " ["+rule.ID+"]\n", "no golden file shows the rule %s", rule.ID)
	}
}

var verb = regexp.MustCompile(`%[sdv]`)

func pattern(format string) *regexp.Regexp {
	return regexp.MustCompile(`(?m)^[\w/]+\.idl:\d+:\d+: ` + verb.ReplaceAllString(regexp.QuoteMeta(format), ".+") + ` \[[a-z-]+\]$`)
}

// formats are the texts that a source file gives to Errorf.
func formats(t *testing.T, source string) []string {
	tree, err := parser.ParseFile(token.NewFileSet(), source, nil, 0)
	require.NoError(t, err)
	var out []string
	ast.Inspect(tree, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) < 3 {
			return true
		}
		callee, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || callee.Sel.Name != "Errorf" {
			return true
		}
		literal, ok := call.Args[2].(*ast.BasicLit)
		require.True(t, ok, "%s: the format of a diagnostic is not a literal", source)
		format, err := strconv.Unquote(literal.Value)
		require.NoError(t, err)
		out = append(out, format)
		return true
	})
	return out
}
