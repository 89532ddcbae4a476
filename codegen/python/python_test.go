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

// TestGolden shows what every part of the language becomes in Python, and names that Python or the package has for something
// else. The files are checked by mypy and ruff, too: //python:typing_test.
func TestGolden(t *testing.T) {
	for idl, golden := range map[string]string{
		"../testdata/whole.idl": "testdata/whole.py.golden",
		"testdata/names.idl":    "testdata/names.py.golden",
	} {
		t.Run(golden, func(t *testing.T) {
			schema, err := compile.File(idl)
			require.NoError(t, err)
			text, err := Emit(schema)
			require.NoError(t, err)
			for i, line := range strings.Split(string(text), "\n") {
				assert.LessOrEqual(t, len([]rune(line)), width, "line %d", i+1)
			}
			if *update {
				require.NoError(t, os.WriteFile(golden, text, 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), string(text), "run the test with -update where the change is wanted")
		})
	}
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
	assert.Equal(t, []string{"9999", "10_000", "-1_234_567"}, []string{grouped("9999"), grouped("10000"), grouped("-1234567")})
}

func TestPieces(t *testing.T) {
	text := strings.Repeat(`field:bytes="\\",`, 50) + "\n"
	parts := pieces(text)
	assert.Equal(t, text, strings.Join(parts, ""))
	for _, part := range parts {
		assert.LessOrEqual(t, len(literal(part)), width-4)
	}
	assert.Equal(t, strings.Repeat("x", 300), strings.Join(pieces(strings.Repeat("x", 300)), ""))
}
