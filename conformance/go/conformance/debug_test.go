//go:build strongroom_debug

package conformance

import (
	"bytes"
	"context"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/go/rpc"
)

// loseABuffer, and the others, lose what they should close.
func loseABuffer(t *testing.T, client *Client) {
	buffer, err := client.Alloc(context.Background(), 10)
	require.NoError(t, err)
	assert.Equal(t, 10, buffer.Len())
}

func loseAView(t *testing.T, buffer *rpc.Buffer) {
	view, err := buffer.View()
	require.NoError(t, err)
	assert.Len(t, view.Bytes(), 10)
}

func loseAnObject(t *testing.T, echo *Echo) {
	child, err := echo.Child(context.Background(), "lost")
	require.NoError(t, err)
	name, err := child.Name()
	require.NoError(t, err)
	assert.Equal(t, "lost", name)
}

// TestDebugLeaksNameTheirOrigin: what was lost is reported with the place in the program where it came from.
func TestDebugLeaksNameTheirOrigin(t *testing.T) {
	var log safeBuffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)

	client, err := NewClient()
	require.NoError(t, err)
	echo, err := client.OpenEcho(context.Background(), "test")
	require.NoError(t, err)
	buffer, err := client.Alloc(context.Background(), 10)
	require.NoError(t, err)
	loseABuffer(t, client)
	loseAView(t, buffer)
	loseAnObject(t, echo)
	for _, lost := range []string{
		`a buffer was never closed; close it when it is no longer needed" from="strongroom.dev/conformance/go/conformance.loseABuffer (`,
		`a view of a buffer was never closed; close it when it is no longer needed" from="strongroom.dev/conformance/go/conformance.loseAView (`,
		`an object was never closed; close it when it is no longer needed" from="strongroom.dev/conformance/go/conformance.(*Echo).Child (`,
		`called by strongroom.dev/conformance/go/conformance.loseAnObject (`,
	} {
		assert.Eventually(t, func() bool {
			runtime.GC()
			return bytes.Contains([]byte(log.String()), []byte(lost))
		}, 20*time.Second, 10*time.Millisecond, lost)
	}
	s, err := client.Statistics()
	require.NoError(t, err)
	assert.EqualValues(t, 3, s.Leaks)
	assert.NoError(t, echo.Close())
	assert.ErrorIs(t, client.Close(), rpc.ErrBusy, "of the view")
	runtime.KeepAlive(buffer)
}

// TestDebugCollectsAtEveryCrossing: memory that the program wrongly lets go is gone at the next call.
func TestDebugCollectsAtEveryCrossing(t *testing.T) {
	_, echo := open(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 3 {
		require.NoError(t, echo.Nothing(context.Background()))
	}
	runtime.ReadMemStats(&after)
	assert.GreaterOrEqual(t, after.NumForcedGC, before.NumForcedGC+3)
}
