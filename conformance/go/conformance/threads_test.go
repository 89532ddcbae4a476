package conformance

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/conformance/go/blocking"
)

const (
	waiting  = 10_000
	sleeping = 100 // milliseconds
	rounds   = 10
)

// threads are the operating system threads of this process.
func threads() int {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return -1
	}
	return len(tasks)
}

// watch samples until stop is closed, and answers the largest values.
func watch(stop <-chan struct{}, sample func() (threads, inFlight int)) (mostThreads, mostInFlight int) {
	for {
		n, inFlight := sample()
		mostThreads, mostInFlight = max(mostThreads, n), max(mostInFlight, inFlight)
		select {
		case <-stop:
			return mostThreads, mostInFlight
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// TestWaitingCallsHoldNoThreads has 10,000 goroutines with a call of 100 ms in flight each: the process keeps fewer
// than 16 + GOMAXPROCS threads, those of the library included.
func TestWaitingCallsHoldNoThreads(t *testing.T) {
	if testing.Short() {
		t.Skip("it needs the machine for itself, and no race detector")
	}
	if os.Getenv("CONFORMANCE_ALONE") == "" {
		// In a process of its own: Go keeps the threads that other tests made.
		self, err := os.Executable()
		require.NoError(t, err)
		command := exec.Command(self, "-test.run=^"+t.Name()+"$", "-test.v")
		command.Env = append(os.Environ(), "CONFORMANCE_ALONE=1")
		out, err := command.CombinedOutput()
		t.Logf("%s", out)
		require.NoError(t, err)
		require.Contains(t, string(out), "goroutines made", "the test ran")
		return
	}
	client, echo := open(t)
	limit := 16 + runtime.GOMAXPROCS(0)
	for attempt := 1; ; attempt++ {
		inFlight, threads := tenThousand(t, client, echo)
		require.Less(t, threads, limit)
		if inFlight >= waiting*95/100 {
			return
		}
		// A machine that is busy with other things answers the first calls before it has sent the last ones.
		require.Less(t, attempt, 3, "the calls must be in flight together")
	}
}

// tenThousand makes the calls, and answers how many were in flight together and how many threads there were.
func tenThousand(t *testing.T, client *Client, echo *Echo) (inFlight, most int) {
	stop := make(chan struct{})
	var mostThreads, mostInFlight int
	var watching sync.WaitGroup
	watching.Go(func() {
		mostThreads, mostInFlight = watch(stop, func() (int, int) {
			s, err := client.Statistics()
			assert.NoError(t, err)
			return threads(), int(s.InFlight)
		})
	})

	var failed atomic.Int64
	var mostSeen atomic.Uint32
	var calls sync.WaitGroup
	start := time.Now()
	for range waiting {
		calls.Go(func() {
			for range rounds {
				inFlight, err := echo.Sleep(context.Background(), sleeping)
				if err != nil {
					failed.Add(1)
					return
				}
				for old := mostSeen.Load(); inFlight > old && !mostSeen.CompareAndSwap(old, inFlight); old = mostSeen.Load() {
				}
			}
		})
	}
	calls.Wait()
	took := time.Since(start)
	close(stop)
	watching.Wait()

	t.Logf("%d goroutines made %d calls of %d ms in %v: at most %d in flight (the library saw %d), %d threads",
		waiting, waiting*rounds, sleeping, took.Round(time.Millisecond), mostInFlight, mostSeen.Load(), mostThreads)
	assert.Zero(t, failed.Load())
	return max(mostInFlight, int(mostSeen.Load())), mostThreads
}

// TestBlockingCallsHoldThreads is the contrast: the same calls, made as plain cgo calls that block.
func TestBlockingCallsHoldThreads(t *testing.T) {
	if testing.Short() {
		t.Skip("it makes thousands of threads")
	}
	self, err := os.Executable()
	require.NoError(t, err)
	command := exec.Command(self)
	command.Env = append(os.Environ(), "CONFORMANCE_BLOCKING=4000")
	out, err := command.Output()
	require.NoError(t, err)
	most, err := strconv.Atoi(strings.TrimSpace(string(out)))
	require.NoError(t, err)
	t.Logf("4000 goroutines in blocking cgo calls of %d ms: %d threads", sleeping, most)
	assert.Greater(t, most, 1000)
}

// blockingThreads runs in the process of the contrast, and answers how many threads it came to have.
func blockingThreads(goroutines int) int {
	stop := make(chan struct{})
	most := make(chan int)
	go func() {
		threads, _ := watch(stop, func() (int, int) { return threads(), 0 })
		most <- threads
	}()
	var calls sync.WaitGroup
	for range goroutines {
		calls.Go(func() {
			for range rounds {
				blocking.Sleep(sleeping)
			}
		})
	}
	calls.Wait()
	close(stop)
	return <-most
}
