package conformance

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/go/rpc"
)

// crowd are calls in flight that do not end by themselves.
type crowd struct {
	calls sync.WaitGroup
	over  atomic.Int64
	end   []context.CancelFunc // of a part each
}

// fillLibrary makes as many calls as the library takes before some of them are over, which is what the row says.
func fillLibrary(t *testing.T, client *Client, echo *Echo, mostRequests int) *crowd {
	t.Helper()
	c := &crowd{}
	const parts = 16
	for range parts {
		ctx, cancel := context.WithCancel(context.Background())
		t.Cleanup(cancel)
		c.end = append(c.end, cancel)
		for range mostRequests / parts {
			c.calls.Go(func() {
				for {
					_, err := echo.Sleep(ctx, 3_600_000)
					if err != rpc.ErrQueueFull {
						c.over.Add(1)
						if ctx.Err() == nil {
							assert.ErrorIs(t, err, rpc.ErrClosed)
						}
						return
					}
					time.Sleep(time.Millisecond)
				}
			})
		}
	}
	require.Eventually(t, func() bool { return inFlight(t, client) == uint64(mostRequests) }, 5*patience, 10*time.Millisecond)
	return c
}

func inFlight(t *testing.T, client *Client) uint64 {
	s, err := client.Statistics()
	require.NoError(t, err)
	return s.InFlight
}

// full has more calls than the library takes. They wait, without a thread, and are cancelled as they wait; frames of calls
// that are in flight overtake them; and they go on when there is room.
func full(t *testing.T, client *Client, echo *Echo, row behaviour) {
	if testing.Short() {
		t.Skip("it makes a hundred thousand goroutines")
	}
	ctx := context.Background()
	before := taken(t, client)
	c := fillLibrary(t, client, echo, row.Requests)

	var waiting, cancelled sync.WaitGroup
	var answered, given atomic.Int64
	brief, cancel := context.WithCancel(ctx)
	for range row.Waiting {
		waiting.Go(func() {
			assert.NoError(t, echo.Nothing(ctx))
			answered.Add(1)
		})
		cancelled.Go(func() {
			buffer, err := client.Alloc(ctx, 10)
			assert.NoError(t, err)
			_, err = echo.Sum(brief, buffer)
			assert.ErrorIs(t, err, context.Canceled)
			given.Add(1)
		})
	}
	time.Sleep(50 * time.Millisecond)
	assert.Zero(t, answered.Load())
	assert.Zero(t, given.Load())
	assert.EqualValues(t, before+uint64(row.Requests), taken(t, client), "no other was taken")
	late, stop := context.WithTimeout(ctx, 20*time.Millisecond)
	assert.ErrorIs(t, echo.Nothing(late), context.DeadlineExceeded)
	stop()

	cancel()
	cancelled.Wait()
	assert.Zero(t, answered.Load())

	c.end[0]()
	waiting.Wait()
	for _, end := range c.end {
		end()
	}
	c.calls.Wait()
	assert.EqualValues(t, row.Requests, c.over.Load())
}

// taken is how many requests the library took so far.
func taken(t *testing.T, client *Client) uint64 {
	s, err := client.Statistics()
	require.NoError(t, err)
	return s.Requests
}

// fullFailsFast has calls fail that would have to wait, where the client is to.
func fullFailsFast(t *testing.T, _ *Client, _ *Echo, row behaviour) {
	if testing.Short() {
		t.Skip("it makes a hundred thousand goroutines")
	}
	client, err := NewClient(rpc.WithFailFast(), rpc.WithDispatchers(1))
	require.NoError(t, err)
	ctx := context.Background()
	echo, err := client.OpenEcho(ctx, "test")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, client.Close()) })
	c := fillLibrary(t, client, echo, row.Requests)
	c.calls.Go(func() {
		_, err := echo.Sleep(ctx, 3_600_000)
		for err == rpc.ErrQueueFull { // of the calls before
			_, err = echo.Sleep(ctx, 3_600_000)
		}
		assert.ErrorIs(t, err, rpc.ErrClosed)
	})
	// That one comes when the client does not know, and waits. The others do not.
	require.Eventually(t, func() bool {
		brief, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
		defer cancel()
		return echo.Nothing(brief) == rpc.ErrQueueFull
	}, time.Minute, time.Millisecond)
	buffer, err := client.Alloc(ctx, 10)
	require.NoError(t, err)
	_, err = echo.Sum(ctx, buffer)
	assert.Equal(t, rpc.ErrQueueFull, err)
	s, err := client.Statistics()
	require.NoError(t, err)
	assert.Zero(t, s.Buffers, "what was moved into the call is freed")
	_, err = echo.Name()
	assert.NoError(t, err, "an immediate method needs no place")
	assert.NoError(t, client.Close())
	c.calls.Wait()
}
