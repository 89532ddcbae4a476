package random_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/compile"
	"strongroom.dev/codegen/ir"
	"strongroom.dev/codegen/random"
	"strongroom.dev/codegen/vectors"
)

func TestEveryFileIsCorrectAndHasValues(t *testing.T) {
	var all strings.Builder
	for seed := range uint64(200) {
		text := random.File("random", "R", seed, 12)
		require.Equal(t, text, random.File("random", "R", seed, 12))
		schema, report := compile.Text("random.idl", text)
		require.True(t, report.Empty(), "seed %d\n%s\n%s", seed, text, report)
		_, err := vectors.Emit(schema)
		require.NoError(t, err)
		all.WriteString(ir.Dump(schema))
	}
	for _, part := range []string{"optional<", "map<bytes<4>,", "list<RRecord", "duration = ", "timestamp", "const ", "type ", "=\""} {
		assert.Contains(t, all.String(), part)
	}
}

func BenchmarkCheck(b *testing.B) {
	text := random.File("random", "R", 1, 5000)
	for b.Loop() {
		_, report := compile.Text("random.idl", text)
		require.True(b, report.Empty())
	}
}
