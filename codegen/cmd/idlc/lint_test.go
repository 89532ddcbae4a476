package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/lint"
)

const (
	clean = "/// A package.\npackage right\n\n/// A thing.\ninterface I {\n  /// Makes one.\n  constructor open()\n}\n"
	dirty = "/// A package.\npackage right\n\n/// A thing.\ninterface I {\n  constructor open(msg: string)\n}\n"
)

func TestLintFailsWhereItFindsSomething(t *testing.T) {
	_, fine := write(t, clean)
	out, err := run(t, "lint", fine)
	require.NoError(t, err)
	assert.Empty(t, out)
	_, path := write(t, dirty)
	out, err = run(t, "lint", path)
	require.ErrorIs(t, err, errFindings)
	assert.Contains(t, out, path+":6:15: warning: constructor `open` has no documentation [undocumented-method]\n   6 |   constructor open(msg: string)\n")
	assert.Contains(t, out, ":6:20: warning: `message` is shortened in `msg` [abbreviation]\n")
	out, err = run(t, "lint", "--disable", "undocumented-method,abbreviation", path)
	require.NoError(t, err)
	assert.Empty(t, out)
}

func TestLintForMachines(t *testing.T) {
	_, path := write(t, dirty)
	out, err := run(t, "lint", "--disable=undocumented-method", "--format=json", path)
	require.ErrorIs(t, err, errFindings)
	assert.Equal(t, `{"rule":"abbreviation","severity":"warning","message":"`+"`message` is shortened in `msg`"+`","hints":["write `+"`message`"+` out"],`+
		`"at":{"path":"`+path+`","line":6,"column":20},"end":{"path":"`+path+`","line":6,"column":23}}`+"\n", out)
}

func TestLintListsItsRules(t *testing.T) {
	out, err := run(t, "lint", "--rules")
	require.NoError(t, err)
	for _, rule := range lint.Rules {
		assert.Contains(t, out, rule.ID+"\n  "+rule.Why+"\n  fix: "+rule.Fix+"\n")
	}
	out, err = run(t, "lint", "--rules", "--format", "json")
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, len(lint.Rules))
	var first struct{ Rule, Why, Fix string }
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &first))
	assert.Equal(t, lint.Rules[0].ID, first.Rule)
	assert.Equal(t, lint.Rules[0].Why, first.Why)
	assert.Equal(t, lint.Rules[0].Fix, first.Fix)
}

func TestLintLooksOnlyAtWhatIsCorrect(t *testing.T) {
	_, path := write(t, dirty)
	wrong := filepath.Join(t.TempDir(), "wrong.idl")
	require.NoError(t, os.WriteFile(wrong, []byte("package wrong\nrecord R { a: u9 }\n"), 0o644))
	out, err := run(t, "lint", path, wrong, filepath.Join(t.TempDir(), "missing.idl"))
	assert.ErrorContains(t, err, "wrong.idl:2:15: unknown type `u9` [unknown-type]")
	assert.ErrorContains(t, err, "missing.idl: no such file")
	assert.Empty(t, out)
}

func TestLintKnowsItsOptions(t *testing.T) {
	_, path := write(t, clean)
	for text, args := range map[string][]string{
		"--disable: there is no rule `abreviation`; did you mean `abbreviation`?": {"lint", "--disable", "abreviation", path},
		"--format xml: write text or json":                                        {"lint", "--format", "xml", path},
		"requires at least 1 arg(s)":                                              {"lint"},
		"unknown command":                                                         {"lint", "--rules", path},
	} {
		_, err := run(t, args...)
		var wrong usageError
		require.ErrorAs(t, err, &wrong, "%v", args)
		assert.ErrorContains(t, err, text)
	}
}
