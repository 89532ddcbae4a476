//go:build bazel

package evolution_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/conformance/evolution/incompatible_with_old/evolution"
	"strongroom.dev/go/rpc"
)

func TestTheTypeThatDiffersIsNamed(t *testing.T) {
	_, err := evolution.NewClient()
	var schema *rpc.SchemaError
	require.ErrorAs(t, err, &schema)
	assert.ErrorContains(t, err,
		"record Item differs: field `size` is of type u64 in the library and string in the binding")
	assert.NotContains(t, err.Error(), "Shape", "nothing else differs")
}
