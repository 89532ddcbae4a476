package c_test

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/c"
	"strongroom.dev/codegen/compile"
)

var update = flag.Bool("update", false, "write what the backend gives, for review")

// The header for an interface that uses every part of the language. headers_test compiles it, as C and as C++.
func TestWholeLanguage(t *testing.T) {
	schema, err := compile.File("../testdata/whole.idl")
	require.NoError(t, err)
	got, err := c.Emit(schema)
	require.NoError(t, err)
	const golden = "testdata/whole.h"
	if *update {
		require.NoError(t, os.WriteFile(golden, got, 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "run this test with -update, and read what it wrote")
}

// Names of C, of C++ and of generated functions' own variables are no names of fields or arguments.
func TestNamesThatCTakes(t *testing.T) {
	schema, report := compile.Text("names.idl", `package names
record Words { double: f64; class: u8; linux: bool; self: u8 }
enum Choice { default { union: u8 }; other }
interface Store { close(out: u8, register: u8, request: Words) }
`)
	require.Empty(t, report.String())
	got, err := c.Emit(schema)
	require.NoError(t, err)
	for _, line := range []string{
		"  double double_;", "  uint8_t class_;", "  bool linux_;", "  uint8_t self;", "      uint8_t union_;", "    } default_;",
		"static inline sr_error *names_store_close(names_store self, uint8_t out_, uint8_t register_,",
		"                                          const names_words *request_) {",
		"static inline sr_error *names_store_close_(names_store self) {",
	} {
		assert.Contains(t, string(got), line+"\n")
	}
}
