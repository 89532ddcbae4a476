package golang

import (
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/compile"
	"strongroom.dev/codegen/ir"
	"strongroom.dev/go/rpc"
)

var update = flag.Bool("update", false, "write what the backend emits into testdata")

// TestGolden shows what every part of the language becomes in Go, and that names which collide in Go give way. The
// packages are real ones: the test in builds imports them.
func TestGolden(t *testing.T) {
	for folder, idl := range map[string]string{"whole": "../testdata/whole.idl", "names": "testdata/names.idl"} {
		t.Run(folder, func(t *testing.T) {
			schema, err := compile.File(idl)
			require.NoError(t, err)
			text, err := Emit(schema)
			require.NoError(t, err)

			golden := "testdata/" + folder + "/generated.go"
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
	for name, want := range map[string]string{
		"no_space": "NoSpace", "id": "ID", "url": "URL", "pack_id": "PackID", "Repository": "Repository", "x": "X",
		"idle": "Idle", "bytes_read": "BytesRead",
	} {
		assert.Equal(t, want, exported(name))
	}
	n := newNames(&ir.Schema{})
	door := &ir.Interface{Name: "Door"}
	n.of[named{declared, door}] = "Door"
	for name, want := range map[string]string{
		"at": "at", "url": "url", "read_data": "readData", "type": "type_", "result": "result_", "x": "x", "id_list": "idList",
		"pack_id": "packID", "d": "d_", "do": "do_", "len": "len_", "schema": "schema_", "key0": "key0_", "key": "key", "any": "any_",
		"time": "time_",
	} {
		assert.Equal(t, want, n.argument(&ir.Method{Interface: door}, &ir.Field{Name: name}))
	}
}

// TestClientMethods holds the names that the package's Client inherits against those that rpc.Client has.
func TestClientMethods(t *testing.T) {
	client := reflect.TypeFor[*rpc.Client]()
	for i := range client.NumMethod() {
		assert.Contains(t, clientMethods, client.Method(i).Name)
	}
}

func TestSentence(t *testing.T) {
	for text, want := range map[string]string{
		"An open repository.":        " is an open repository.",
		"How far a run is.":          " is how far a run is.",
		"Fields that are read":       ": fields that are read",
		"S3 endpoints.":              ": S3 endpoints.",
		"The newest one, if any is.": " is the newest one, if any is.",
	} {
		assert.Equal(t, want, sentence(text))
	}
	for text, want := range map[string]string{
		"Starts a file.":            " starts a file.",
		"Walks and reads":           " walks and reads",
		"The newest one.":           " answers the newest one.",
		"Blocks of `size` bytes.":   ": blocks of `size` bytes.",
		"0, 1, 2 and so on":         ": 0, 1, 2 and so on",
		"Answers after some time":   " answers after some time",
		"Is this a verb? Too short": ": is this a verb? Too short",
	} {
		assert.Equal(t, want, methodSentence(text, true))
	}
	assert.Equal(t, ": the newest one.", methodSentence("The newest one.", false))
}

func TestReflow(t *testing.T) {
	long := strings.Repeat("word ", 30)
	assert.Equal(t, []string{
		"short", "lines", "", strings.TrimSpace(strings.Repeat("word ", 23)), "word word word word word word word and more", "", "  " + long,
	}, reflow([]string{"short", "lines", "", strings.TrimSpace(long), "and more", "", "  " + long}))
}
