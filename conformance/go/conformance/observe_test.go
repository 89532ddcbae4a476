package conformance

import (
	"bytes"
	"context"
	"errors"
	"runtime/pprof"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/go/rpc"
)

// measured keeps what a client tells.
type measured struct {
	mu                  sync.Mutex
	calls               map[string][]error
	took                time.Duration
	submitted, received int
}

func (m *measured) Called(method string, took time.Duration, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.calls == nil {
		m.calls = map[string][]error{}
	}
	m.calls[method] = append(m.calls[method], err)
	m.took = max(m.took, took)
}

func (m *measured) Submitted(frames int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.submitted += frames
}

func (m *measured) Received(frames int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.received += frames
}

func metrics(t *testing.T, _ *Client, _ *Echo, _ behaviour) {
	m := &measured{}
	client, echo := open(t, rpc.WithMetrics(m))
	ctx := context.Background()
	_, err := echo.Sleep(ctx, 20)
	require.NoError(t, err)
	require.NoError(t, echo.Nothing(ctx))
	require.NoError(t, echo.Nothing(ctx))
	require.Error(t, echo.Fail(ctx, "why", 7))
	for _, err := range echo.Count(ctx, 3, true) {
		_ = err
	}
	for range echo.Count(ctx, 1000, false) {
		break
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	require.Error(t, echo.Nothing(cancelled))
	buffer, err := client.Fill(ctx, 0, -1)
	require.Error(t, err)
	require.Nil(t, buffer)

	m.mu.Lock()
	defer m.mu.Unlock()
	assert.Equal(t, []error{nil}, m.calls["Echo.open"])
	assert.Equal(t, []error{nil}, m.calls["Echo.sleep"])
	assert.GreaterOrEqual(t, m.took, 20*time.Millisecond)
	require.Len(t, m.calls["Echo.nothing"], 3)
	assert.NoError(t, errors.Join(m.calls["Echo.nothing"][:2]...))
	assert.ErrorIs(t, m.calls["Echo.nothing"][2], context.Canceled)
	var declared ConformanceError
	require.Len(t, m.calls["Echo.fail"], 1)
	assert.ErrorAs(t, m.calls["Echo.fail"][0], &declared)
	require.Len(t, m.calls["Echo.count"], 2)
	assert.ErrorAs(t, m.calls["Echo.count"][0], &declared)
	assert.NoError(t, m.calls["Echo.count"][1], "to leave a stream is no failure")
	assert.GreaterOrEqual(t, m.submitted, 6, "each call was a frame at least")
	assert.GreaterOrEqual(t, m.received, 6)
}

func profilerLabels(t *testing.T, _ *Client, _ *Echo, _ behaviour) {
	_, echo := open(t, rpc.WithProfilerLabels())
	ctx, cancel := context.WithCancel(pprof.WithLabels(context.Background(), pprof.Labels("mine", "kept")))
	defer cancel()
	var calls sync.WaitGroup
	for range 3 {
		calls.Go(func() { _, _ = echo.Sleep(ctx, 60_000) })
	}
	profile := func() string {
		var text bytes.Buffer
		require.NoError(t, pprof.Lookup("goroutine").WriteTo(&text, 1))
		return text.String()
	}
	assert.Eventually(t, func() bool {
		return bytes.Contains([]byte(profile()), []byte(`"mine":"kept", "strongroom_method":"Echo.sleep"`))
	}, 10*time.Second, time.Millisecond)
	cancel()
	calls.Wait()
	assert.NotContains(t, profile(), "Echo.sleep")
}
