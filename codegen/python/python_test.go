package python

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/compile"
)

var update = flag.Bool("update", false, "write what the backend emits into testdata")

// TestGolden shows what every part of the language becomes in Python.
func TestGolden(t *testing.T) {
	schema, err := compile.File("../testdata/whole.idl")
	require.NoError(t, err)
	text, err := Emit(schema)
	require.NoError(t, err)
	for i, line := range strings.Split(string(text), "\n") {
		assert.LessOrEqual(t, len([]rune(line)), width, "line %d", i+1)
	}

	const golden = "testdata/whole.py.golden"
	if *update {
		require.NoError(t, os.WriteFile(golden, text, 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(text), "run the test with -update where the change is wanted")
}

func TestNames(t *testing.T) {
	assert.Equal(t, "from_", name("from"))
	assert.Equal(t, "timeout_", name("timeout", parameters...))
	assert.Equal(t, "BlockDevice", camel("block_device"))
	assert.Equal(t, "block_device", snake("BlockDevice"))
	assert.Equal(t, "BACKUP_OPTIONS", constant("BackupOptions"))
	assert.Equal(t, []string{"B", "Ab", "a"}, sorted([]string{"a", "Ab", "B"}))
}

func TestWrap(t *testing.T) {
	assert.Equal(t, []string{"one two", "three"}, wrap("one two three", 9))
	assert.Equal(t, []string{"unbreakable"}, wrap("unbreakable", 4))
	assert.Equal(t, `'say "x"'`, literal(`say "x"`))
}
