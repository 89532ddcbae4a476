package conformance

import (
	"context"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// busy has calls of all kinds in flight until stop is called, which waits for them.
func busy(t *testing.T, client *Client, echo *Echo) (stop func()) {
	over := make(chan struct{})
	var calls sync.WaitGroup
	for i := range 50 {
		calls.Go(func() {
			for !t.Failed() { // one failure is enough: it may go on for ever
				select {
				case <-over:
					return
				default:
				}
				ctx := context.Background()
				switch i % 5 {
				case 0:
					_, err := echo.Sleep(ctx, 5)
					assert.NoError(t, err)
				case 1:
					sum, err := echo.Sum(ctx, filled(t, client, []byte{1, 2}))
					assert.NoError(t, err)
					assert.EqualValues(t, 3, sum)
				case 2:
					for block, err := range echo.Blocks(ctx, 20, 1000) {
						if assert.NoError(t, err) {
							assert.NoError(t, block.Close())
						}
					}
				case 3:
					heard, err := echo.Ask(ctx, &listener{}, []string{"abc"})
					assert.NoError(t, err)
					assert.Equal(t, []uint32{3}, heard)
				default:
					brief, cancel := context.WithTimeout(ctx, time.Millisecond)
					_, err := echo.Sleep(brief, 10_000)
					assert.ErrorIs(t, err, context.DeadlineExceeded)
					cancel()
				}
			}
		})
	}
	return func() {
		close(over)
		calls.Wait()
	}
}

// interrupt sends a signal to every thread of the process, Go's and the library's, until it is told to stop.
func interrupt(t *testing.T, with syscall.Signal) (stop func()) {
	over := make(chan struct{})
	var sending sync.WaitGroup
	sending.Go(func() {
		for {
			tasks, err := os.ReadDir("/proc/self/task")
			assert.NoError(t, err)
			for _, task := range tasks {
				thread, err := strconv.Atoi(task.Name())
				assert.NoError(t, err)
				_ = unix.Tgkill(os.Getpid(), thread, with) // it may have ended
			}
			select {
			case <-over:
				return
			case <-time.After(200 * time.Microsecond):
			}
		}
	})
	return func() {
		close(over)
		sending.Wait()
	}
}

// signals: those that Go uses itself, those that a program asked for, and those of children that end, in any thread. No call
// notices.
func signals(t *testing.T, client *Client, echo *Echo, _ behaviour) {
	defer busy(t, client, echo)()
	for _, which := range []syscall.Signal{syscall.SIGURG, syscall.SIGINT, syscall.SIGCHLD, syscall.SIGPIPE} {
		t.Run(unix.SignalName(which), func(t *testing.T) {
			came := make(chan os.Signal, 1)
			signal.Notify(came, which) // for good: it may be pending in a thread when the last was sent
			stop := interrupt(t, which)
			for range 20 {
				assert.Equal(t, which, <-came)
				time.Sleep(5 * time.Millisecond)
			}
			stop()
		})
	}
}

// TestSignalsDoNotHoldUpAFill: one that waits for a pipe is cancelled, although signals interrupt its wait.
func TestSignalsDoNotHoldUpAFill(t *testing.T) {
	client, _ := open(t)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer interrupt(t, syscall.SIGURG)()
	for range 20 {
		brief, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		ended := make(chan error, 1)
		go func() {
			_, err := client.Fill(brief, r.Fd(), 10)
			ended <- err
		}()
		select {
		case err := <-ended:
			assert.ErrorIs(t, err, context.DeadlineExceeded)
		case <-time.After(20 * time.Second):
			assert.Fail(t, "the library reads what nobody writes")
			_, err := w.Write(make([]byte, 10))
			assert.NoError(t, err)
			<-ended
		}
		cancel()
		if t.Failed() {
			break
		}
	}
	go func() {
		time.Sleep(50 * time.Millisecond)
		_, err := w.WriteString("0123456789")
		assert.NoError(t, err)
	}()
	buffer, err := client.Fill(context.Background(), r.Fd(), 10)
	require.NoError(t, err)
	assert.Equal(t, "0123456789", string(content(t, buffer)))
	require.NoError(t, w.Close())
	require.NoError(t, r.Close())
}
