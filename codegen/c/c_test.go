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

// The headers for an interface that uses every part of the language, and for one of awkward names. headers_test compiles
// them, as C and as C++.
func TestHeaders(t *testing.T) {
	for idl, golden := range map[string]string{"../testdata/whole.idl": "testdata/whole.h", "testdata/names.idl": "testdata/names.h"} {
		t.Run(golden, func(t *testing.T) {
			schema, err := compile.File(idl)
			require.NoError(t, err)
			got, err := c.Emit(schema)
			require.NoError(t, err)
			if *update {
				require.NoError(t, os.WriteFile(golden, got, 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), string(got), "run this test with -update, and read what it wrote")
		})
	}
}

// Where two things would have the same name in C, the one that people write less gets an underscore.
func TestNamesThatAreTheSame(t *testing.T) {
	schema, report := compile.Text("names.idl", `package names
record StoreOpen { a: u8 }
record Client { a: u8 }
record ShapeKind { a: u8 }
record ListU8 { a: list<u8> }
enum Shape { point, circle { radius: f64 } }
const shape_point: u8 = 1
interface Store { constructor open(); open_start() }
interface ClientNew { put() }
`)
	require.Empty(t, report.String())
	got, err := c.Emit(schema)
	require.NoError(t, err)
	for _, line := range []string{
		"struct names_store_open {", "static inline sr_error *names_store_open_(sr_client *client, names_store *out) {",
		"static inline sr_error *names_store_open_start(names_store self) {",
		"static inline sr_error *names_store_open_start_(sr_client *client, const sr_call *how, sr_request *request) {",
		"struct names_shape_kind {", "typedef enum names_shape_kind_ {",
		"struct names_list_u8 {", "struct names_list_u8_ {",
		"  NAMES_SHAPE_POINT = 0,", "#define NAMES_SHAPE_POINT_ 1u",
		"typedef struct names_client_new {", "static inline sr_error *names_client_new_(const sr_options *options, sr_client **out) {",
	} {
		assert.Contains(t, string(got), line+"\n")
	}
}

// The names that begin with sr_ are those of sr.h and sr_client.h.
func TestPackageWithTheNameOfTheRuntime(t *testing.T) {
	schema, report := compile.Text("sr.idl", "package sr\nrecord String { a: u8 }\n")
	require.Empty(t, report.String())
	got, err := c.Emit(schema)
	require.NoError(t, err)
	assert.Contains(t, string(got), "struct idl_sr_string {\n")
}
