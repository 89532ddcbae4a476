package breaking_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/breaking"
	"strongroom.dev/codegen/compile"
	"strongroom.dev/codegen/report"
)

var update = flag.Bool("update", false, "write what is found beside the inputs, for review")

const everything = breaking.Source | breaking.ABI | breaking.Frames

func compare(t *testing.T, before, after string, promises breaking.Promise) (*report.Report, []breaking.Finding) {
	t.Helper()
	r := report.New()
	read := func(path string) (string, error) { return compile.ReadFile(filepath.Join("testdata", path)) }
	old, err := compile.LoadInto(r, before, read)
	require.NoError(t, err)
	now, err := compile.LoadInto(r, after, read)
	require.NoError(t, err)
	require.True(t, r.Empty(), r.String())
	return r, breaking.Compare(r, old.Schema(), now.Schema(), promises)
}

// Each folder holds two versions, and what is found of them.
func TestGolden(t *testing.T) {
	folders, err := os.ReadDir("testdata")
	require.NoError(t, err)
	seen := map[*breaking.Rule]bool{}
	for _, folder := range folders {
		t.Run(folder.Name(), func(t *testing.T) {
			r, findings := compare(t, filepath.Join(folder.Name(), "old.idl"), filepath.Join(folder.Name(), "new.idl"), everything)
			for _, f := range findings {
				seen[f.Rule] = true
			}
			path := filepath.Join("testdata", folder.Name(), "findings.txt")
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(r.String()), 0o644))
				return
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err, "run this test with -update, and read what it wrote")
			assert.Equal(t, string(want), r.String())
		})
	}
	for _, rule := range breaking.Rules {
		assert.True(t, seen[rule], "no folder shows rule %s", rule.ID)
	}
}

func TestCompatibleChangesBreakNothing(t *testing.T) {
	_, findings := compare(t, "compatible/old.idl", "compatible/new.idl", everything)
	assert.Empty(t, findings)
}

func TestAVersionBreaksNothingOfItself(t *testing.T) {
	for _, path := range []string{"all/old.idl", "all/new.idl", "../../testdata/whole.idl"} {
		_, findings := compare(t, path, path, everything)
		assert.Empty(t, findings, path)
	}
}

func TestOnlyTheBrokenPromisesThatAreAskedForAreFound(t *testing.T) {
	_, all := compare(t, "all/old.idl", "all/new.idl", everything)
	for _, promise := range breaking.Promises {
		r, some := compare(t, "all/old.idl", "all/new.idl", promise.Promise)
		assert.NotEmpty(t, some, promise.Name)
		assert.Less(t, len(some), len(all), promise.Name)
		for _, f := range some {
			assert.NotZero(t, f.Rule.Breaks&promise.Promise, f.Rule.ID)
		}
		assert.NotContains(t, strings.ReplaceAll(r.String(), "it breaks: "+promise.Name+"\n", ""), "it breaks:")
	}
}
