//go:build bazel

package evolution_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/conformance/evolution/grown_with_old/evolution"
	"strongroom.dev/go/rpc"
)

// open makes a keeper.
func open(t *testing.T) *evolution.Keeper {
	t.Helper()
	client, err := evolution.NewClient()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, client.Close()) })
	keeper, err := client.OpenKeeper(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, keeper.Close()) })
	return keeper
}

// What the library does not know is dropped there, and has its default when the value comes back.
func TestNewFieldsComeBackAsDefaults(t *testing.T) {
	keeper := open(t)
	weight := uint32(100)
	item := evolution.Item{Name: "apple", Size: 3, Color: "red", Shape: evolution.ShapePoint{}, Weight: &weight}
	seen, err := keeper.DescribeItem(t.Context(), item)
	require.NoError(t, err)
	assert.Equal(t, `Item { name: "apple", size: 3 }`, seen)

	back, err := keeper.Item(t.Context(), item)
	require.NoError(t, err)
	want := evolution.DefaultItem()
	want.Name, want.Size = "apple", 3
	assert.Equal(t, want, back)
	assert.Equal(t, "grey", back.Color)
	assert.Equal(t, evolution.ShapeCircle{Radius: 1, Filled: true}, back.Shape)

	shape, err := keeper.Shape(t.Context(), evolution.ShapeCircle{Radius: 2.5, Filled: false})
	require.NoError(t, err)
	assert.Equal(t, evolution.ShapeCircle{Radius: 2.5, Filled: true}, shape)
}

// The library refuses a variant that it does not know, and the next call works.
func TestANewVariantIsRefused(t *testing.T) {
	keeper := open(t)
	_, err := keeper.Shape(t.Context(), evolution.ShapeSquare{Side: 3})
	assert.ErrorIs(t, err, &rpc.Error{Code: rpc.Malformed})
	assert.ErrorContains(t, err, "enum `Shape` has no such variant")

	_, err = keeper.Shape(t.Context(), evolution.ShapePoint{})
	assert.NoError(t, err)
}

func TestNewFieldsOfErrorsAreDefaults(t *testing.T) {
	err := open(t).Fail(t.Context(), 1)
	var refused *evolution.KeeperRefusedError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, "as you asked", refused.Reason)
	assert.Equal(t, uint32(7), refused.Code)
}
