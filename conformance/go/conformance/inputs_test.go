package conformance

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/go/rpc"
)

// endless makes buffers until it is stopped.
func endless(client *Client) iter.Seq2[*rpc.Buffer, error] {
	return func(yield func(*rpc.Buffer, error) bool) {
		for {
			buffer, err := client.Alloc(context.Background(), 1000)
			if !yield(buffer, err) || err != nil {
				return
			}
		}
	}
}

func TestInputs(t *testing.T) {
	client, echo := open(t)
	ctx := context.Background()
	mine := errors.New("the tape is torn")

	// after yields this many numbers, then the error, and says when it was done.
	after := func(count int, done *atomic.Bool) iter.Seq2[uint32, error] {
		return func(yield func(uint32, error) bool) {
			defer done.Store(true)
			for range count {
				if !yield(1, nil) {
					return
				}
			}
			yield(0, mine)
		}
	}

	t.Run("no source is an empty one", func(t *testing.T) {
		sum, err := echo.Total(ctx, 1, nil)
		require.NoError(t, err)
		assert.Zero(t, sum)
	})

	t.Run("many values in order", func(t *testing.T) {
		numbers := func(yield func(uint32, error) bool) {
			for i := range uint32(100_000) {
				if !yield(i+1, nil) {
					return
				}
			}
		}
		var want uint64
		for n, err := range echo.Double(ctx, numbers) {
			require.NoError(t, err)
			want += 2
			require.Equal(t, want, n)
		}
		assert.EqualValues(t, 200_000, want)
	})

	t.Run("one stream into another", func(t *testing.T) {
		sum, err := echo.Total(ctx, 1000, echo.Count(ctx, 1000, false))
		require.NoError(t, err)
		assert.EqualValues(t, 999*1000/2, sum)
		_, err = echo.Total(ctx, 1000, echo.Count(ctx, 10, true))
		assert.ErrorAs(t, err, new(*ConformanceEmptyError), "the source's error is the caller's")
	})

	t.Run("buffers that are larger than the credit", func(t *testing.T) {
		data := make([]byte, 20<<20)
		data[0], data[len(data)-1] = 1, 2
		parts := func(yield func(*rpc.Buffer, error) bool) {
			for range 2 {
				if !yield(filled(t, client, data), nil) {
					return
				}
			}
		}
		sum, err := echo.TotalBytes(ctx, parts)
		require.NoError(t, err)
		assert.EqualValues(t, 6, sum)
	})

	t.Run("a source that fails", func(t *testing.T) {
		for _, count := range []int{0, 1, 10_000} {
			var done atomic.Bool
			_, err := echo.Total(ctx, 1, after(count, &done))
			assert.Equal(t, mine, err, "what the caller gets is its own error")
			assert.True(t, done.Load())
		}
		var failed error
		var done atomic.Bool
		var doubles int
		for n, err := range echo.Double(ctx, after(3, &done)) {
			if failed = err; err == nil {
				assert.EqualValues(t, 2, n)
				doubles++
			}
		}
		assert.Equal(t, mine, failed)
		assert.LessOrEqual(t, doubles, 3)
		settledOpen(t, client)
	})

	t.Run("a value that cannot be sent", func(t *testing.T) {
		buffer := filled(t, client, []byte{1})
		view, err := buffer.View()
		require.NoError(t, err)
		_, err = echo.TotalBytes(ctx, each([]*rpc.Buffer{filled(t, client, []byte{1}), buffer}))
		assert.ErrorIs(t, err, rpc.ErrBusy)
		require.NoError(t, view.Close())
		require.NoError(t, buffer.Close())
		settledOpen(t, client)
	})

	t.Run("a call that ends first stops its source", func(t *testing.T) {
		var stopped atomic.Bool
		forever := func(yield func(uint32, error) bool) {
			defer stopped.Store(true)
			for yield(7, nil) {
			}
		}
		_, err := echo.Total(ctx, 6, forever)
		assert.EqualError(t, err, "refused: too large (code 0)")
		assert.Eventually(t, stopped.Load, 5*time.Second, time.Millisecond)
	})

	t.Run("an error comes while the source waits", func(t *testing.T) {
		more := make(chan uint32)
		defer close(more) // which a call that waits for its source would never come to
		waits := func(yield func(uint32, error) bool) {
			for n := uint32(9); yield(n, nil); {
				var open bool
				if n, open = <-more; !open {
					return
				}
			}
		}
		soon(t, func() {
			_, err := echo.Total(ctx, 8, waits)
			assert.EqualError(t, err, "refused: too large (code 0)")
		})
	})

	t.Run("one number for each that came back", func(t *testing.T) {
		more := make(chan uint32, 1)
		more <- 1
		asks := func(yield func(uint32, error) bool) {
			for n := range more {
				if !yield(n, nil) {
					return
				}
			}
		}
		var last uint64
		for n, err := range echo.Double(ctx, asks) {
			require.NoError(t, err)
			if last = n; n > 1000 {
				break // while the source waits for the next one
			}
			more <- uint32(n)
		}
		close(more)
		assert.EqualValues(t, 1024, last)
	})

	t.Run("buffers that the library did not take are freed", func(t *testing.T) {
		brief, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
		defer cancel()
		_, err := echo.TotalBytes(brief, endless(client))
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		settledOpen(t, client)
	})

	t.Run("cancelled", func(t *testing.T) {
		brief, cancel := context.WithCancel(ctx)
		more := make(chan uint32)
		defer close(more)
		waits := func(yield func(uint32, error) bool) {
			cancel()
			<-more
		}
		soon(t, func() {
			_, err := echo.Total(brief, 8, waits)
			assert.ErrorIs(t, err, context.Canceled)
		})
	})

	t.Run("many at a time", func(t *testing.T) {
		before := runtime.NumGoroutine()
		var calls sync.WaitGroup
		for range 1000 {
			calls.Go(func() {
				sum, err := echo.Total(ctx, 100, echo.Count(ctx, 100, false))
				assert.NoError(t, err)
				assert.EqualValues(t, 99*100/2, sum)
			})
		}
		calls.Wait()
		goroutinesEnded(t, before)
	})
}

// TestCloseWithInputs closes the client while values stream into it. Every call and every source ends.
func TestCloseWithInputs(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 10 {
		client, err := NewClient()
		require.NoError(t, err)
		echo, err := client.OpenEcho(context.Background(), "racing")
		require.NoError(t, err)
		var calls sync.WaitGroup
		for range 50 {
			calls.Go(func() {
				_, err := echo.TotalBytes(context.Background(), endless(client))
				assert.ErrorIs(t, err, rpc.ErrClosed)
			})
		}
		time.Sleep(5 * time.Millisecond)
		soon(t, func() {
			assert.NoError(t, client.Close())
			calls.Wait()
		})
	}
	goroutinesEnded(t, before)
}
