//go:build bazel

package evolution_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/conformance/evolution/old_with_new/evolution"
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

// What both sides know makes the round trip; for the rest, the library has its defaults.
func TestValuesMakeTheRoundTrip(t *testing.T) {
	keeper := open(t)
	item := evolution.Item{Name: "apple", Size: 3}
	back, err := keeper.Item(t.Context(), item)
	require.NoError(t, err)
	assert.Equal(t, item, back)
	seen, err := keeper.DescribeItem(t.Context(), item)
	require.NoError(t, err)
	assert.Equal(t,
		`Item { name: "apple", size: 3, color: "grey", shape: Circle { radius: 1.0, filled: true }, weight: None }`, seen)

	for _, shape := range []evolution.Shape{evolution.ShapePoint{}, evolution.ShapeCircle{Radius: 2.5}} {
		back, err := keeper.Shape(t.Context(), shape)
		require.NoError(t, err)
		assert.Equal(t, shape, back)
	}
	seen, err = keeper.DescribeShape(t.Context(), evolution.ShapeCircle{Radius: 2.5})
	require.NoError(t, err)
	assert.Equal(t, "Circle { radius: 2.5, filled: true }", seen)
}

// A variant that came later cannot be told; the call that gets it says so, and the next one works.
func TestANewVariantIsAnErrorOfItsCall(t *testing.T) {
	keeper := open(t)
	known, err := keeper.Pick(t.Context(), 1)
	require.NoError(t, err)
	assert.Equal(t, evolution.ShapeCircle{Radius: 0.5}, known)

	_, err = keeper.Pick(t.Context(), 2)
	assert.ErrorIs(t, err, &rpc.Error{Code: rpc.Malformed})
	assert.ErrorContains(t, err, "Shape has no variant 2")

	var shapes []evolution.Shape
	for shape, err := range keeper.Shapes(t.Context()) {
		if err != nil {
			assert.ErrorContains(t, err, "Shape has no variant 2")
			break
		}
		shapes = append(shapes, shape)
	}
	assert.Equal(t, []evolution.Shape{evolution.ShapePoint{}, evolution.ShapeCircle{Radius: 0.5}}, shapes)

	_, err = keeper.Pick(t.Context(), 0)
	assert.NoError(t, err)
}

// An error that came later has no type of its own here. Its message is the library's.
func TestANewErrorHasItsMessage(t *testing.T) {
	keeper := open(t)
	err := keeper.Fail(t.Context(), 0)
	var refused *evolution.KeeperRefusedError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, "as you asked", refused.Reason)

	err = keeper.Fail(t.Context(), 1)
	var unknown *rpc.UnknownError
	require.ErrorAs(t, err, &unknown)
	assert.EqualError(t, err, "there is room for 64 bytes only")
}
