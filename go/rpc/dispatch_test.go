package rpc

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestGatherReachesTheCancelBehindWhatIsPending: while the library is full, what makes room may be queued behind more
// calls than one crossing carries.
func TestGatherReachesTheCancelBehindWhatIsPending(t *testing.T) {
	d := newDispatcher(&Client{})
	d.pending = make([]operation, queueCapacity)
	require.NoError(t, d.send(t.Context(), operation{kind: kindCall, request: 1}))
	require.NoError(t, d.send(t.Context(), operation{kind: kindCancel, request: 1}))
	d.gather()
	assert.Empty(t, d.queued)
	assert.Len(t, d.pending, queueCapacity+2)
}

// fill queues as much as callers may queue without waiting.
func fill(t *testing.T, d *dispatcher) {
	t.Helper()
	for range queueCapacity {
		require.NoError(t, d.send(t.Context(), operation{kind: kindCredit}))
	}
}

// waiting waits until so many callers wait for room.
func waiting(t *testing.T, d *dispatcher, callers int) {
	t.Helper()
	require.Eventually(t, func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return len(d.waiting) == callers
	}, 10*time.Second, time.Millisecond)
}

func TestAFullQueueMakesCallersWait(t *testing.T) {
	d := newDispatcher(&Client{})
	fill(t, d)
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error), make(chan error)
	go func() { first <- d.send(ctx, operation{kind: kindCall, request: 1}) }()
	waiting(t, d, 1)
	go func() { second <- d.send(t.Context(), operation{kind: kindCall, request: 2}) }()
	waiting(t, d, 2)

	cancel()
	assert.ErrorIs(t, <-first, context.Canceled)
	waiting(t, d, 1)
	assert.Len(t, d.queued, queueCapacity)

	d.gather()
	require.NoError(t, <-second)
	assert.Len(t, d.queued, 1)
	assert.EqualValues(t, 2, d.queued[0].request)
}

// TestATurnThatIsNotTakenGoesToTheNext: else the next caller would wait for a dispatcher that has nothing to do.
func TestATurnThatIsNotTakenGoesToTheNext(t *testing.T) {
	d := newDispatcher(&Client{})
	fill(t, d)
	next := make(chan error)
	go func() { next <- d.send(t.Context(), operation{kind: kindCall}) }()
	waiting(t, d, 1)
	gone := make(chan struct{}) // of one whose turn came just as its context was over
	d.mu.Lock()
	d.queued = d.queued[:0]
	d.mu.Unlock()
	d.leave(gone)
	assert.NoError(t, <-next)
}

func TestACallFailsFastWhereItWouldWait(t *testing.T) {
	d := newDispatcher(&Client{failFast: true})
	fill(t, d)
	assert.ErrorIs(t, d.send(t.Context(), operation{kind: kindCall}), ErrQueueFull)
	d.gather()
	assert.NoError(t, d.send(t.Context(), operation{kind: kindCall}))
}
