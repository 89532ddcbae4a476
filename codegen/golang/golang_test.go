package golang

import (
	"flag"
	"go/parser"
	"go/token"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/compile"
	"strongroom.dev/codegen/ir"
)

var update = flag.Bool("update", false, "write what the backend emits into testdata")

// TestGolden shows what every part of the language becomes in Go.
func TestGolden(t *testing.T) {
	schema, err := compile.File("../testdata/whole.idl")
	require.NoError(t, err)
	text, err := Emit(schema)
	require.NoError(t, err)
	_, err = parser.ParseFile(token.NewFileSet(), "whole.go", text, parser.SkipObjectResolution)
	require.NoError(t, err)

	const golden = "testdata/whole.go.golden"
	if *update {
		require.NoError(t, os.WriteFile(golden, text, 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(text), "run the test with -update where the change is wanted")
}

func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"no_space": "NoSpace", "id": "ID", "url": "URL", "pack_id": "PackID", "Repository": "Repository", "x": "X",
		"idle": "Idle", "bytes_read": "BytesRead",
	} {
		assert.Equal(t, want, exported(name))
	}
	for name, want := range map[string]string{
		"at": "at", "url": "url", "read_data": "readData", "type": "type_", "result": "result_", "x": "x_", "id_list": "idList",
		"pack_id": "packID",
	} {
		assert.Equal(t, want, argument(&ir.Field{Name: name}))
	}
}

func TestSentence(t *testing.T) {
	for text, want := range map[string]string{
		"Starts a file.":             " starts a file.",
		"An open repository.":        ": an open repository.",
		"Blocks of `size` bytes.":    ": blocks of `size` bytes.",
		"S3 endpoints.":              ": S3 endpoints.",
		"0, 1, 2 and so on":          ": 0, 1, 2 and so on",
		"Answers after some time":    " answers after some time",
		"The newest one, if any is.": ": the newest one, if any is.",
	} {
		assert.Equal(t, want, sentence(text))
	}
}
