package conformance

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/go/rpc"
)

// TestNothingLeaks starts and ends a library with everything in use, and looks what stays.
func TestNothingLeaks(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 5 {
		client, err := NewClient()
		require.NoError(t, err)
		ctx := context.Background()
		echo, err := client.OpenEcho(ctx, "leak")
		require.NoError(t, err)
		_, err = echo.Sum(ctx, filled(t, client, []byte{1, 2}))
		require.NoError(t, err)
		for block, err := range echo.Blocks(ctx, 100, 1000) {
			require.NoError(t, err)
			require.NoError(t, block.Close())
			break
		}
		for range echo.Double(ctx, each([]uint32{1, 2, 3})) {
			break
		}
		_, err = echo.Ask(ctx, &listener{}, []string{"a", "b"})
		require.NoError(t, err)
		require.NoError(t, echo.Close())
		settled(t, client)
		require.NoError(t, client.Close())
		require.NoError(t, client.Close(), "closing again does nothing")
		_, err = client.OpenEcho(ctx, "late")
		require.ErrorIs(t, err, rpc.ErrClosed)
		_, err = client.Alloc(ctx, 1)
		require.ErrorIs(t, err, rpc.ErrClosed)
	}
	goroutinesEnded(t, before)
}

// lost shows the net under a program that forgets to close.
func lost(t *testing.T, _ *Client, _ *Echo, _ behaviour) {
	kept := slog.Default()
	var log safeBuffer
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(kept)

	client, err := NewClient()
	require.NoError(t, err)
	defer func() { assert.NoError(t, client.Close()) }()
	func() {
		_, err := client.OpenEcho(context.Background(), "lost")
		require.NoError(t, err)
		_, err = client.Alloc(context.Background(), 1<<20)
		require.NoError(t, err)
	}()
	var s rpc.Statistics
	for range 200 {
		runtime.GC()
		s, err = client.Statistics()
		require.NoError(t, err)
		if s.Buffers == 0 && s.Objects == 0 && s.InFlight == 0 && s.Leaks == 2 {
			assert.Contains(t, log.String(), "a buffer was never closed")
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	assert.Fail(t, "not everything was closed", "%+v", s)
}

// TestCancellationStorm cancels thousands of calls at every moment of their lives. Each returns, and nothing is left.
func TestCancellationStorm(t *testing.T) {
	client, echo := open(t)
	var calls sync.WaitGroup
	for range 2000 {
		calls.Go(func() {
			ctx, cancel := context.WithCancel(context.Background())
			after := time.Duration(rand.IntN(3000)) * time.Microsecond
			timer := time.AfterFunc(after, cancel)
			defer timer.Stop()
			defer cancel()
			switch rand.IntN(6) {
			case 4:
				_, err := echo.TotalBytes(ctx, endless(client))
				assert.ErrorIs(t, err, context.Canceled)
			case 5:
				_, err := echo.Ask(ctx, &sleeper{}, []string{"a"})
				assert.ErrorIs(t, err, context.Canceled)
			case 0:
				_, err := echo.Sleep(ctx, 10_000)
				assert.ErrorIs(t, err, context.Canceled)
			case 1:
				data, err := client.Alloc(ctx, 1000)
				if err != nil {
					assert.ErrorIs(t, err, context.Canceled)
					return
				}
				back, err := echo.Invert(ctx, data)
				if err == nil { // it had won
					assert.NoError(t, back.Close())
				} else {
					assert.ErrorIs(t, err, context.Canceled)
				}
			case 2:
				for block, err := range echo.Blocks(ctx, 1000, 10) {
					if err != nil {
						assert.ErrorIs(t, err, context.Canceled)
						break
					}
					assert.NoError(t, block.Close())
				}
			default:
				child, err := echo.Child(ctx, "storm")
				if err == nil {
					assert.NoError(t, child.Close())
				} else {
					assert.ErrorIs(t, err, context.Canceled)
				}
			}
		})
	}
	soon(t, calls.Wait)
	settledOpen(t, client)
}

// settledOpen is settled with the echo of the test still open.
func settledOpen(t *testing.T, client *Client) {
	t.Helper()
	require.Eventually(t, func() bool {
		s, err := client.Statistics()
		return err == nil && s.InFlight == 0 && s.Buffers == 0 && s.Objects == 1 && s.Callbacks == 0
	}, 5*time.Second, 10*time.Millisecond)
}

// TestCloseUnderLoad closes the client, and objects, while calls run on them. Every call returns.
func TestCloseUnderLoad(t *testing.T) {
	for range 20 {
		client, err := NewClient()
		require.NoError(t, err)
		echo, err := client.OpenEcho(context.Background(), "racing")
		require.NoError(t, err)
		var calls sync.WaitGroup
		for i := range 200 {
			calls.Go(func() {
				ctx := context.Background()
				for {
					var err error
					switch i % 4 {
					case 0:
						_, err = echo.Sleep(ctx, 5000)
					case 1:
						err = echo.Nothing(ctx)
					case 2:
						_, err = echo.Name()
					default:
						for block, failed := range echo.Blocks(ctx, 100_000, 100) {
							if err = failed; err == nil {
								_ = block.Close()
							}
						}
					}
					if err != nil {
						if !errors.Is(err, rpc.ErrClosed) && !errors.Is(err, context.Canceled) {
							assert.NoError(t, err)
						}
						return
					}
				}
			})
		}
		time.Sleep(time.Duration(rand.IntN(5000)) * time.Microsecond)
		if rand.IntN(2) == 0 {
			assert.NoError(t, echo.Close())
		}
		soon(t, func() {
			assert.NoError(t, client.Close())
			calls.Wait()
		})
	}
}

func TestBuffers(t *testing.T) {
	client, echo := open(t)
	ctx := context.Background()

	t.Run("a client with an open view stays open", func(t *testing.T) {
		other, err := NewClient()
		require.NoError(t, err)
		buffer, err := other.Alloc(ctx, 10)
		require.NoError(t, err)
		view, err := buffer.View()
		require.NoError(t, err)
		assert.ErrorIs(t, other.Close(), rpc.ErrBusy)
		require.NoError(t, view.Close())
		assert.NoError(t, other.Close())
		assert.NoError(t, buffer.Close(), "it went with its client")
	})

	t.Run("no view opens once the client closes", func(t *testing.T) {
		for range 100 {
			other, err := NewClient()
			require.NoError(t, err)
			buffer, err := other.Alloc(ctx, 1)
			require.NoError(t, err)
			var viewer sync.WaitGroup
			viewer.Go(func() {
				for {
					view, err := buffer.View()
					if err != nil {
						assert.ErrorIs(t, err, rpc.ErrClosed)
						return
					}
					time.Sleep(100 * time.Microsecond)
					view.Bytes()[0]++ // must still be mapped
					assert.NoError(t, view.Close())
				}
			})
			for other.Close() != nil {
			}
			viewer.Wait()
		}
	})

	t.Run("a call that was not sent frees what was moved into it", func(t *testing.T) {
		over, cancel := context.WithCancel(ctx)
		cancel()
		_, err := echo.Sum(over, filled(t, client, []byte("abc")))
		assert.ErrorIs(t, err, context.Canceled)
	})

	t.Run("filled from a descriptor", func(t *testing.T) {
		r, w, err := os.Pipe()
		require.NoError(t, err)
		_, err = w.WriteString("hello")
		require.NoError(t, err)
		require.NoError(t, w.Close())
		buffer, err := client.Fill(ctx, r.Fd(), 100)
		require.NoError(t, err)
		assert.Equal(t, "hello", string(content(t, buffer)))
		buffer, err = client.Fill(ctx, r.Fd(), 100)
		require.NoError(t, err)
		assert.Empty(t, content(t, buffer))
		require.NoError(t, r.Close())
	})
}

func TestStreams(t *testing.T) {
	client, echo := open(t)
	ctx := context.Background()

	t.Run("many items in order", func(t *testing.T) {
		var want uint32
		for n, err := range echo.Count(ctx, 100_000, false) {
			require.NoError(t, err)
			require.Equal(t, want, n)
			want++
		}
		assert.EqualValues(t, 100_000, want)
	})

	t.Run("each loop is a call", func(t *testing.T) {
		stream := echo.Count(ctx, 3, false)
		for range 2 {
			var got []uint32
			for n, err := range stream {
				require.NoError(t, err)
				got = append(got, n)
			}
			assert.Equal(t, []uint32{0, 1, 2}, got)
		}
	})

	t.Run("pulled", func(t *testing.T) {
		next, stop := iter.Pull2(echo.Blocks(ctx, 1_000_000, 1000))
		block, err, ok := next()
		require.True(t, ok)
		require.NoError(t, err)
		require.NoError(t, block.Close())
		stop()
		settledOpen(t, client)
	})

	t.Run("what was not read is freed where the loop is left", func(t *testing.T) {
		for block, err := range echo.Blocks(ctx, 1_000_000, 1000) {
			require.NoError(t, err)
			require.NoError(t, block.Close())
			time.Sleep(10 * time.Millisecond) // more have come
			break
		}
		settledOpen(t, client)
	})

	t.Run("where the loop panics", func(t *testing.T) {
		assert.PanicsWithValue(t, "enough", func() {
			for block := range echo.Blocks(ctx, 1_000_000, 1000) {
				_ = block.Close()
				panic("enough")
			}
		})
		settledOpen(t, client)
	})

	t.Run("a context that ends a reader which waits", func(t *testing.T) {
		brief, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
		var failed error
		for block, err := range echo.Blocks(brief, 1_000_000, 1000) {
			if failed = err; err == nil {
				require.NoError(t, block.Close())
			}
		}
		assert.ErrorIs(t, failed, context.DeadlineExceeded)
	})

	t.Run("a context that is over", func(t *testing.T) {
		over, cancel := context.WithCancel(ctx)
		cancel()
		loops := 0
		for _, err := range echo.Count(over, 1, false) {
			assert.ErrorIs(t, err, context.Canceled)
			loops++
		}
		assert.Equal(t, 1, loops)
	})
}

// TestZeroTime shows what a time is that nobody set.
func TestZeroTime(t *testing.T) {
	_, echo := open(t)
	begin := time.Unix(0, 0).UTC()
	back, err := echo.Moments(context.Background(), Moments{Earlier: &time.Time{}})
	require.NoError(t, err)
	assert.Equal(t, begin, back.At)
	assert.Equal(t, time.Time{}, *back.Earlier, "one that is set to the year 1 is of the year 1")
	assert.Equal(t, begin, DefaultMoments().At)
	assert.Equal(t, Patience, DefaultMoments().Patience)
	back, err = echo.Moments(context.Background(), Moments{Lasting: -1})
	assert.EqualError(t, err, "a duration of -1ns cannot be sent; the least is 0")
	assert.Zero(t, back)
}

// safeBuffer is what a logger on the library's thread may write to.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// BenchmarkCall measures one call after the other: two wake-ups each.
func BenchmarkCall(b *testing.B) {
	client, err := NewClient()
	require.NoError(b, err)
	echo, err := client.OpenEcho(context.Background(), "bench")
	require.NoError(b, err)
	b.Run("alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := echo.Nothing(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("together", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(1000)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := echo.Nothing(context.Background()); err != nil {
					b.Error(err)
				}
			}
		})
	})
	b.Run("immediate", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := echo.Produced(); err != nil {
				b.Fatal(err)
			}
		}
	})
	require.NoError(b, echo.Close())
	require.NoError(b, client.Close())
}

// BenchmarkStreams measures one number of a stream, out of the library and into it.
func BenchmarkStreams(b *testing.B) {
	client, err := NewClient()
	require.NoError(b, err)
	echo, err := client.OpenEcho(context.Background(), "bench")
	require.NoError(b, err)
	b.Run("out", func(b *testing.B) {
		b.ReportAllocs()
		for _, err := range echo.Count(context.Background(), uint32(b.N), false) {
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("in", func(b *testing.B) {
		b.ReportAllocs()
		numbers := func(yield func(uint32, error) bool) {
			for range b.N {
				if !yield(1, nil) {
					return
				}
			}
		}
		if _, err := echo.Total(context.Background(), 1, numbers); err != nil {
			b.Fatal(err)
		}
	})
	require.NoError(b, echo.Close())
	require.NoError(b, client.Close())
}
