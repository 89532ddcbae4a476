package conformance

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// languages are those whose runners read the table.
var languages = []string{"rust", "c", "go", "python"}

// gap is a row that is known not to hold in a language.
type gap struct{ Row, Language, Why string }

// plan is what a runner does with the table.
type plan struct {
	run     []behaviour // have to hold
	gaps    []behaviour // have to fail
	skipped int         // are of what the language does not have by nature
}

// planned sorts the rows; an error says what the tables name that is not there.
func planned(rows []behaviour, gaps []gap, language string) (p plan, err error) {
	names, open := map[string]bool{}, map[string]bool{}
	for _, row := range rows {
		if row.Name == "" || names[row.Name] {
			return p, fmt.Errorf("a row has no name, or that of another one: %q", row.Name)
		}
		names[row.Name] = true
	}
	for _, g := range gaps {
		switch {
		case !slices.Contains(languages, g.Language):
			return p, fmt.Errorf("there is no runner of %q", g.Language)
		case !names[g.Row]:
			return p, fmt.Errorf("the gap %q names no row", g.Row)
		case g.Why == "":
			return p, fmt.Errorf("the gap %q does not say why", g.Row)
		case g.Language == language:
			open[g.Row] = true
		}
	}
	for _, row := range rows {
		for _, l := range row.Languages {
			if !slices.Contains(languages, l) {
				return p, fmt.Errorf("there is no runner of %q", l)
			}
		}
		concerns := row.Languages == nil || slices.Contains(row.Languages, language)
		switch {
		case concerns && open[row.Name]:
			p.gaps = append(p.gaps, row)
		case concerns:
			p.run = append(p.run, row)
		case open[row.Name]:
			return p, fmt.Errorf("the gap %q is of a row that is not for %s", row.Name, language)
		default:
			p.skipped++
		}
	}
	return p, nil
}

func read[T any](t *testing.T, file string) (rows []T) {
	t.Helper()
	text, err := os.ReadFile("../../" + file)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &rows))
	return rows
}

// TestCases runs the tables that all languages share. A kind that is not known here fails, and so does a gap that is none.
func TestCases(t *testing.T) {
	var rows []behaviour
	for _, table := range []string{"cases.json", "vectors.json"} {
		some := read[behaviour](t, table)
		require.NotEmpty(t, some)
		rows = append(rows, some...)
	}
	p, err := planned(rows, read[gap](t, "gaps.json"), "go")
	require.NoError(t, err)
	wanted := os.Getenv("CONFORMANCE_GAP")
	for _, c := range slices.Concat(p.run, p.gaps) {
		f, known := kinds[c.Kind]
		require.True(t, known, "there is no runner for the kind %q", c.Kind)
		isGap := slices.ContainsFunc(p.gaps, func(other behaviour) bool { return other.Name == c.Name })
		if wanted == "" && isGap || wanted != "" && wanted != c.Name {
			continue
		}
		t.Run(c.Kind+"/"+c.Name, func(t *testing.T) {
			client, echo := open(t)
			f(t, client, echo, c)
		})
	}
	if wanted != "" {
		return
	}
	for _, c := range p.gaps {
		// In a program of its own, because a test that fails is one that failed.
		self, err := os.Executable()
		require.NoError(t, err)
		alone := exec.Command(self, "-test.run=^TestCases$")
		alone.Env = append(os.Environ(), "CONFORMANCE_GAP="+c.Name)
		said, err := alone.CombinedOutput()
		assert.Error(t, err, "the gap %q is closed: take it out of gaps.json", c.Name)
		assert.Contains(t, string(said), "--- FAIL: TestCases")
	}
	t.Logf("ran %d rows, %d known gaps, skipped %d of other languages", len(p.run), len(p.gaps), p.skipped)
}

func TestThePlanRefusesWhatIsNotThere(t *testing.T) {
	rows := []behaviour{{Name: "a"}, {Name: "b", Languages: []string{"c", "go"}}, {Name: "c", Languages: []string{"rust"}}}
	p, err := planned(rows, nil, "go")
	require.NoError(t, err)
	assert.Equal(t, []int{2, 0, 1}, []int{len(p.run), len(p.gaps), p.skipped})
	p, err = planned(rows, []gap{{"b", "go", "?"}, {"a", "c", "?"}}, "go")
	require.NoError(t, err)
	assert.Equal(t, []int{1, 1, 1}, []int{len(p.run), len(p.gaps), p.skipped})
	for why, wrong := range map[string]struct {
		rows []behaviour
		gaps []gap
	}{
		`there is no runner of "cobol"`:                  {[]behaviour{{Name: "a", Languages: []string{"cobol"}}}, nil},
		`there is no runner of "basic"`:                  {rows, []gap{{"a", "basic", "?"}}},
		`a row has no name, or that of another one: ""`:  {[]behaviour{{}}, nil},
		`a row has no name, or that of another one: "a"`: {[]behaviour{{Name: "a"}, {Name: "a"}}, nil},
		`the gap "d" names no row`:                       {rows, []gap{{"d", "go", "?"}}},
		`the gap "a" does not say why`:                   {rows, []gap{{"a", "go", ""}}},
		`the gap "c" is of a row that is not for go`:     {rows, []gap{{"c", "go", "?"}}},
	} {
		_, err := planned(wrong.rows, wrong.gaps, "go")
		assert.EqualError(t, err, why)
	}
}
