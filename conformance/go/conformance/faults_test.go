package conformance

import (
	"context"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/go/rpc"
)

// answeredAndLost loses a buffer that a method answered.
func answeredAndLost(t *testing.T, client *Client, echo *Echo) {
	_, err := echo.Invert(context.Background(), filled(t, client, []byte{1}))
	require.NoError(t, err)
}

// TestTheCollectorFindsABufferThatAMethodAnswered, although the slot of its call is idle and was not used again.
func TestTheCollectorFindsABufferThatAMethodAnswered(t *testing.T) {
	client, err := NewClient()
	require.NoError(t, err)
	echo, err := client.OpenEcho(context.Background(), "test")
	require.NoError(t, err)
	answeredAndLost(t, client, echo)
	assert.Eventually(t, func() bool {
		runtime.GC()
		s, err := client.Statistics()
		return err == nil && s.Buffers == 0 && s.Leaks == 1
	}, 10*time.Second, 10*time.Millisecond)
	assert.NoError(t, echo.Close())
	assert.NoError(t, client.Close())
}

// TestADescriptorThatCannotBeReadIsAnError: it would never become readable.
func TestADescriptorThatCannotBeReadIsAnError(t *testing.T) {
	client, _ := open(t)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	for _, descriptor := range []uintptr{w.Fd(), 1 << 20} {
		_, err := client.Fill(context.Background(), descriptor, 10)
		assert.ErrorIs(t, err, &rpc.Error{Code: rpc.System})
		assert.ErrorContains(t, err, "reading from the descriptor: Bad file descriptor")
	}
	require.NoError(t, r.Close())
	require.NoError(t, w.Close())
}
