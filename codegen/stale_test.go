// Package codegen_test checks that the generated files in the tree are what the compiler makes of the IDL.
package codegen_test

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/backend"
	"strongroom.dev/codegen/compile"
)

func TestGeneratedFilesAreCurrent(t *testing.T) {
	outputs, err := os.Open("outputs.txt")
	require.NoError(t, err)
	defer outputs.Close()
	used := map[string]bool{}
	lines := bufio.NewScanner(outputs)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		require.Len(t, fields, 3, "a line names the IDL file, the backend and the output")
		idl, name, path := fields[0], fields[1], fields[2]
		used[name] = true
		t.Run(path, func(t *testing.T) {
			schema, err := compile.File(filepath.Join("..", idl))
			require.NoError(t, err)
			emit := backend.All[name]
			require.NotNil(t, emit, "there is no backend %q", name)
			want, err := emit(schema)
			require.NoError(t, err)
			got, err := os.ReadFile(filepath.Join("..", path))
			require.NoError(t, err, "run tools/generate")
			if string(want) != string(got) {
				line, now, then := firstDifference(string(want), string(got))
				assert.Fail(t, "the file is stale: run tools/generate", "line %d\n  the IDL gives: %s\n  the file has:  %s", line, now, then)
			}
		})
	}
	require.NoError(t, lines.Err())
	for name := range backend.All {
		assert.True(t, used[name], "backend %q has no output", name)
	}
}

func firstDifference(want, got string) (line int, now, then string) {
	wants, gots := strings.Split(want, "\n"), strings.Split(got, "\n")
	for len(wants) > 0 && len(gots) > 0 && wants[0] == gots[0] {
		wants, gots, line = wants[1:], gots[1:], line+1
	}
	first := func(lines []string) string {
		if len(lines) == 0 {
			return "(the end)"
		}
		return lines[0]
	}
	return line + 1, first(wants), first(gots)
}
