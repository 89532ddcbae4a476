package conformance

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/go/rpc"
)

func TestMain(m *testing.M) {
	// The contrast of the thread test runs in a process of its own.
	if goroutines, err := strconv.Atoi(os.Getenv("CONFORMANCE_BLOCKING")); err == nil {
		fmt.Println(blockingThreads(goroutines))
		return
	}
	os.Exit(m.Run())
}

// open starts a library and opens an echo in it. When the test ends, nothing may be left.
func open(t *testing.T, options ...rpc.Option) (*Client, *Echo) {
	t.Helper()
	client, err := NewClient(options...)
	require.NoError(t, err)
	echo, err := client.OpenEcho(context.Background(), "test")
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, echo.Close())
		settled(t, client)
		assert.NoError(t, client.Close())
	})
	return client, echo
}

// settled waits until nothing of the client is in flight or held, and fails where that does not come.
func settled(t *testing.T, client *Client) {
	t.Helper()
	var s rpc.Statistics
	for range 500 {
		var err error
		s, err = client.Statistics()
		require.NoError(t, err)
		if s.InFlight == 0 && s.Buffers == 0 && s.BufferBytes == 0 && s.Objects == 0 && s.Callbacks == 0 {
			assert.Zero(t, s.Leaks)
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	assert.Fail(t, "something is left", "%+v", s)
}

// patience is longer than anything takes that does not wait for what never comes, on a machine with other work to do, too.
const patience = 2 * time.Minute

// soon fails where f is not over after that.
func soon(t *testing.T, f func()) {
	t.Helper()
	over := make(chan struct{})
	go func() { defer close(over); f() }()
	select {
	case <-over:
	case <-time.After(patience):
		require.Fail(t, "it does not end")
	}
}

// filled makes a buffer with these bytes.
func filled(t *testing.T, client *Client, data []byte) *rpc.Buffer {
	t.Helper()
	buffer, err := client.Alloc(context.Background(), len(data))
	require.NoError(t, err)
	view, err := buffer.View()
	require.NoError(t, err)
	assert.Len(t, view.Bytes(), len(data))
	copy(view.Bytes(), data)
	require.NoError(t, view.Close())
	return buffer
}

// content takes a buffer's bytes, and closes it.
func content(t *testing.T, buffer *rpc.Buffer) []byte {
	t.Helper()
	view, err := buffer.View()
	require.NoError(t, err)
	data := append([]byte{}, view.Bytes()...)
	require.NoError(t, view.Close())
	require.NoError(t, buffer.Close())
	return data
}

// callbacks is how many the library may still call.
func callbacks(t *testing.T, client *Client) uint64 {
	t.Helper()
	s, err := client.Statistics()
	require.NoError(t, err)
	return s.Callbacks
}

// released waits until the library has released all callbacks.
func released(t *testing.T, client *Client) {
	t.Helper()
	require.Eventually(t, func() bool { return callbacks(t, client) == 0 }, 5*time.Second, time.Millisecond)
}

// goroutinesEnded waits until there are no more goroutines than before, and fails where that does not come.
func goroutinesEnded(t *testing.T, before int) {
	t.Helper()
	for range 500 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	assert.LessOrEqual(t, runtime.NumGoroutine(), before)
}
