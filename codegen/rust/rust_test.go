package rust

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/compile"
)

var update = flag.Bool("update", false, "write what the backend emits into testdata")

// TestGolden shows what every part of the language becomes in Rust. rust/rpc/tests/whole.rs compiles the file.
func TestGolden(t *testing.T) {
	schema, err := compile.File("../testdata/whole.idl")
	require.NoError(t, err)
	text, err := Emit(schema)
	require.NoError(t, err)

	const golden = "testdata/whole.rs"
	if *update {
		require.NoError(t, os.WriteFile(golden, text, 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(text), "run the test with -update where the change is wanted")
}

func TestRaw(t *testing.T) {
	for text, want := range map[string]string{
		"plain\n":       "r\"plain\n\"",
		`a "text"`:      `r#"a "text""#`,
		`a "#" b "## c`: `r###"a "#" b "## c"###`,
	} {
		assert.Equal(t, want, raw(text))
	}
}

func TestSpan(t *testing.T) {
	for nanoseconds, want := range map[int64]string{
		7_200_000_000_000: "std::time::Duration::from_secs(7200)",
		1_500_000_000:     "std::time::Duration::from_millis(1500)",
		2_000:             "std::time::Duration::from_micros(2)",
		1_234_567:         "std::time::Duration::from_nanos(1_234_567)",
		0:                 "std::time::Duration::from_secs(0)",
	} {
		assert.Equal(t, want, span(nanoseconds))
	}
}
