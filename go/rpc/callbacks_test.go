package rpc

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func nothing(context.Context, uint32, *Decoder, *Encoder) error { return nil }

func TestCallbacksByHandle(t *testing.T) {
	var table callbacks
	assert.Nil(t, table.find(0))
	assert.Nil(t, table.find(1<<32|12345), "in a chunk that was never made")
	assert.Nil(t, table.find(1<<32|0xffff_ffff))
	assert.False(t, table.remove(7))

	handles := map[uint64]bool{}
	for range 1000 { // several chunks
		handles[table.add(nothing)] = true
	}
	assert.Len(t, handles, 1000)
	assert.NotContains(t, handles, uint64(0))
	for handle := range handles {
		require.NotNil(t, table.find(handle))
		assert.Nil(t, table.find(handle+1<<32), "of the next generation")
	}
	for handle := range handles {
		assert.True(t, table.remove(handle))
		assert.False(t, table.remove(handle), "released once")
		assert.Nil(t, table.find(handle))
	}
	assert.Zero(t, table.held.Load())
	again := table.add(nothing)
	assert.NotContains(t, handles, again, "a slot is used again with another generation")
	assert.Less(t, uint32(again), uint32(1000))
	assert.EqualValues(t, 1000, table.slots.used.Load())
}

func TestCallbacksTogether(t *testing.T) {
	var table callbacks
	var seen sync.Map
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			var mine []uint64
			for i := range 20_000 {
				handle := table.add(nothing)
				if _, twice := seen.LoadOrStore(handle, true); twice {
					assert.Fail(t, "a handle was given out twice")
					return
				}
				mine = append(mine, handle)
				if i%3 > 0 { // some stay for a while
					last := len(mine) - 1
					if !assert.True(t, table.remove(mine[last])) {
						return
					}
					mine = mine[:last]
				}
			}
			for _, handle := range mine {
				assert.True(t, table.remove(handle))
			}
		})
	}
	workers.Wait()
	assert.Zero(t, table.held.Load())
	assert.LessOrEqual(t, table.slots.used.Load(), uint32(8*20_000/3+8+8))
}
