//go:build bazel

package evolution_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/conformance/evolution/new_with_old/evolution"
	"strongroom.dev/go/rpc"
)

func TestTheMethodsThatAreMissingAreNamed(t *testing.T) {
	_, err := evolution.NewClient()
	var schema *rpc.SchemaError
	require.ErrorAs(t, err, &schema)
	for _, method := range []string{"Keeper.kept", "Greeter.create", "Greeter.greet"} {
		assert.ErrorContains(t, err, "method "+method+" is missing in the library")
	}
	assert.NotContains(t, err.Error(), "differs", "types that have grown do no harm")
}
