package compile_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/compile"
	"strongroom.dev/codegen/ir"
)

var update = flag.Bool("update", false, "write what the compiler gives beside the inputs, for review")

const inputs = "../testdata"

// Each input stands beside what the compiler must say of it: its diagnostics (.err) or its IR (.ir).
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(inputs, "*.idl"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			program, err := compile.Load(name, func(path string) (string, error) {
				if path == "imports/large.idl" {
					return "", compile.ErrTooLarge
				}
				return compile.ReadFile(filepath.Join(inputs, path))
			})
			require.NoError(t, err)
			base := strings.TrimSuffix(path, ".idl")
			if schema := program.Schema(); schema == nil {
				expect(t, base+".err", base+".ir", program.Report.String())
			} else {
				expect(t, base+".ir", base+".err", ir.Dump(schema))
			}
		})
	}
}

func expect(t *testing.T, path, other, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
		require.NoError(t, os.RemoveAll(other))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run this test with -update, and read what it wrote")
	assert.Equal(t, string(want), got)
	assert.NoFileExists(t, other)
}
