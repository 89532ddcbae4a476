package conformance

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/go/rpc"
)

// hears is a listener that does what its function does.
type hears func(ctx context.Context, text string) (uint32, error)

func (f hears) Heard(ctx context.Context, text string) (uint32, error) { return f(ctx, text) }

func (hears) Took(_ context.Context, data *rpc.Buffer) (*rpc.Buffer, error) { return data, nil }

// takes is a listener that does what its function does.
type takes func(ctx context.Context, data *rpc.Buffer) (*rpc.Buffer, error)

func (takes) Heard(context.Context, string) (uint32, error) { return 0, nil }

func (f takes) Took(ctx context.Context, data *rpc.Buffer) (*rpc.Buffer, error) { return f(ctx, data) }

// sleeper hears nothing until nobody waits for it any more.
type sleeper struct{ listener }

func (*sleeper) Heard(ctx context.Context, _ string) (uint32, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

func TestCallbacks(t *testing.T) {
	client, echo := open(t)
	ctx := context.Background()

	t.Run("nil", func(t *testing.T) {
		assert.EqualError(t, echo.Keep(ctx, nil), "a callback among the arguments is nil")
	})

	t.Run("a panic is a failure", func(t *testing.T) {
		_, err := echo.Ask(ctx, hears(func(context.Context, string) (uint32, error) { panic("at the disco") }), []string{"a"})
		assert.ErrorIs(t, err, &rpc.Error{Code: rpc.Callback})
		assert.ErrorContains(t, err, "the callback panicked: at the disco")
	})

	t.Run("so is the end of its goroutine", func(t *testing.T) {
		_, err := echo.Ask(ctx, hears(func(context.Context, string) (uint32, error) { runtime.Goexit(); return 0, nil }), []string{"a"})
		assert.ErrorIs(t, err, &rpc.Error{Code: rpc.Callback})
	})

	t.Run("and an error of the runtime", func(t *testing.T) {
		_, err := echo.Ask(ctx, hears(func(context.Context, string) (uint32, error) { return 0, rpc.ErrBusy }), []string{"a"})
		assert.ErrorIs(t, err, &rpc.Error{Code: rpc.Callback})
	})

	t.Run("and a typed one that its method does not declare", func(t *testing.T) {
		_, err := echo.Pass(ctx, takes(func(_ context.Context, data *rpc.Buffer) (*rpc.Buffer, error) {
			return nil, errors.Join(data.Close(), &ConformanceEmptyError{})
		}), filled(t, client, []byte{1}))
		assert.ErrorIs(t, err, &rpc.Error{Code: rpc.Callback})
		assert.ErrorContains(t, err, "there is nothing here")
	})

	t.Run("a result that cannot be sent", func(t *testing.T) {
		_, err := echo.Pass(ctx, takes(func(_ context.Context, data *rpc.Buffer) (*rpc.Buffer, error) {
			return nil, data.Close()
		}), filled(t, client, []byte{1}))
		assert.ErrorContains(t, err, "the buffer is closed")
		settledOpen(t, client)
	})

	t.Run("it may call the library", func(t *testing.T) {
		var depth atomic.Int64
		var nested hears
		nested = func(ctx context.Context, text string) (uint32, error) {
			if depth.Add(1) == 10 {
				return uint32(len(text)), nil
			}
			heard, err := echo.Ask(ctx, nested, []string{text + "x"})
			if err != nil {
				return 0, err
			}
			return heard[0], nil
		}
		heard, err := echo.Ask(ctx, nested, []string{""})
		require.NoError(t, err)
		assert.Equal(t, []uint32{9}, heard)
	})

	t.Run("its context is over when the call is", func(t *testing.T) {
		brief, cancel := context.WithCancel(ctx)
		ended := make(chan error, 1)
		_, err := echo.Ask(brief, hears(func(own context.Context, _ string) (uint32, error) {
			cancel()
			<-own.Done()
			ended <- own.Err()
			return 1, nil // which nobody waits for
		}), []string{"a", "b"})
		assert.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, context.Canceled, <-ended)
		settledOpen(t, client)
	})

	t.Run("a buffer in an answer that nobody waits for is freed", func(t *testing.T) {
		brief, cancel := context.WithCancel(ctx)
		_, err := echo.Pass(brief, takes(func(own context.Context, data *rpc.Buffer) (*rpc.Buffer, error) {
			cancel()
			<-own.Done()
			return data, nil
		}), filled(t, client, []byte{1}))
		assert.ErrorIs(t, err, context.Canceled)
		settledOpen(t, client)
	})

	t.Run("a call that was not sent keeps none", func(t *testing.T) {
		over, cancel := context.WithCancel(ctx)
		cancel()
		assert.ErrorIs(t, echo.Keep(over, &listener{}), context.Canceled)
		assert.Zero(t, callbacks(t, client))
	})

	t.Run("a call of an object that is closed keeps none", func(t *testing.T) {
		child, err := echo.Child(ctx, "closed")
		require.NoError(t, err)
		require.NoError(t, child.Close())
		assert.ErrorIs(t, child.Keep(ctx, &listener{}), rpc.ErrClosed)
		released(t, client)
	})

	t.Run("one that is kept goes with its object", func(t *testing.T) {
		child, err := echo.Child(ctx, "keeper")
		require.NoError(t, err)
		require.NoError(t, child.Keep(ctx, &listener{}))
		require.NoError(t, child.Keep(ctx, &listener{}), "in place of the other")
		require.Eventually(t, func() bool { return callbacks(t, client) == 1 }, time.Minute, time.Millisecond)
		require.NoError(t, child.Close())
		released(t, client)
	})

	t.Run("many at a time", func(t *testing.T) {
		before := runtime.NumGoroutine()
		var calls sync.WaitGroup
		for range 1000 {
			calls.Go(func() {
				var l listener
				heard, err := echo.Ask(ctx, &l, []string{"a", "bb", "ccc"})
				assert.NoError(t, err)
				assert.Equal(t, []uint32{1, 2, 3}, heard)
				assert.EqualValues(t, 3, l.heard.Load())
			})
		}
		calls.Wait()
		released(t, client)
		goroutinesEnded(t, before)
	})
}

// TestCallbacksHoldNoThreads has many callbacks wait at the same time.
func TestCallbacksHoldNoThreads(t *testing.T) {
	client, echo := open(t)
	var waiting sync.WaitGroup
	const many = 2000
	waiting.Add(many)
	release := make(chan struct{})
	var calls sync.WaitGroup
	for range many {
		calls.Go(func() {
			_, err := echo.Ask(context.Background(), hears(func(context.Context, string) (uint32, error) {
				waiting.Done()
				<-release
				return 0, nil
			}), []string{"a"})
			assert.NoError(t, err)
		})
	}
	waiting.Wait()
	assert.EqualValues(t, many, callbacks(t, client))
	if most := threads(); most >= 0 {
		assert.Less(t, most, 200)
	}
	close(release)
	calls.Wait()
}

// TestCloseWithCallbacks closes the client while callbacks run, of which some wait for the library.
func TestCloseWithCallbacks(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 10 {
		client, err := NewClient()
		require.NoError(t, err)
		echo, err := client.OpenEcho(context.Background(), "racing")
		require.NoError(t, err)
		require.NoError(t, echo.Keep(context.Background(), &listener{}))
		var calls sync.WaitGroup
		for i := range 50 {
			calls.Go(func() {
				_, err := echo.Ask(context.Background(), hears(func(ctx context.Context, _ string) (uint32, error) {
					if i%2 == 0 {
						<-ctx.Done()
						return 0, ctx.Err()
					}
					return echo.Sleep(context.Background(), 10_000)
				}), []string{"a"})
				assert.Error(t, err)
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

// TestClosedClientIsCollected: the library never released the callback, which reaches an object of the client, which the program
// did not close.
func TestClosedClientIsCollected(t *testing.T) {
	lost := func() weak.Pointer[rpc.Client] {
		client, err := NewClient()
		require.NoError(t, err)
		echo, err := client.OpenEcho(context.Background(), "kept by what it keeps")
		require.NoError(t, err)
		require.NoError(t, echo.Keep(context.Background(), hears(func(ctx context.Context, _ string) (uint32, error) {
			return 0, echo.Nothing(ctx)
		})))
		require.NoError(t, client.Close())
		return weak.Make(client.Client)
	}()
	assert.Eventually(t, func() bool {
		runtime.GC()
		return lost.Value() == nil
	}, time.Minute, time.Millisecond)
}
