package stress

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"strongroom.dev/conformance/go/conformance"
	"strongroom.dev/conformance/go/heap"
)

const (
	// mostGrowth is how much larger the process may be at the end than after its first epochs.
	mostGrowth = 64 << 20
	// mostLeft is how much more an epoch may leave allocated in the library: a few hundred bytes stay of each runtime, so that one
	// that is used after its end is told apart.
	mostLeft = 4 << 10
	// mostThreads of Go's own there may be: it makes one where another is in the library, and keeps it.
	mostThreads = 64
)

// process is what this process has.
type process struct {
	goroutines, descriptors int
	own                     int      // threads of Go
	foreign                 []string // names of the library's
	resident, heap          int      // bytes; the heap is the library's
}

func measure(t *testing.T) (p process) {
	t.Helper()
	runtime.GC()
	debug.FreeOSMemory()
	p.goroutines = runtime.NumGoroutine()
	descriptors, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	p.descriptors = len(descriptors)
	tasks, err := os.ReadDir("/proc/self/task")
	require.NoError(t, err)
	for _, task := range tasks {
		name, err := os.ReadFile("/proc/self/task/" + task.Name() + "/comm")
		switch {
		case err != nil: // it ended
		case bytes.HasPrefix(name, []byte("sr-log")):
			// The thread of the log stays. It calls into Go, and a thread that Go starts then has its name.
		case bytes.HasPrefix(name, []byte("sr-")):
			p.foreign = append(p.foreign, strings.TrimSpace(string(name)))
		default:
			p.own++
		}
	}
	p.heap = heap.InUse()
	status, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	pages, err := strconv.Atoi(strings.Fields(string(status))[1])
	require.NoError(t, err)
	p.resident = pages * os.Getpagesize()
	return p
}

// startLog makes the library start the thread that writes its log. There is one a process, which stays.
func startLog(t *testing.T) {
	t.Helper()
	client, err := conformance.NewClient()
	require.NoError(t, err)
	echo, err := client.OpenEcho(t.Context(), "log")
	require.NoError(t, err)
	var heard atomic.Bool
	require.NoError(t, client.SetLogger(slog.New(slog.NewTextHandler(writer(func() { heard.Store(true) }), nil)), slog.LevelInfo))
	require.NoError(t, echo.Log(t.Context(), "hello"))
	require.Eventually(t, heard.Load, 10*time.Second, time.Millisecond)
	require.NoError(t, client.SetLogger(nil, slog.LevelInfo))
	require.NoError(t, echo.Close())
	require.NoError(t, client.Close())
}

// writer is called at each write.
type writer func()

func (w writer) Write(p []byte) (int, error) {
	w()
	return len(p), nil
}

// sameAsNow waits until the process has no more than before, and tells the epoch where that does not come.
func (p process) sameAsNow(t *testing.T, e *epoch) {
	t.Helper()
	var now process
	for range 500 {
		now = measure(t)
		if now.goroutines <= p.goroutines && now.descriptors <= p.descriptors && len(now.foreign) <= len(p.foreign) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if now.goroutines > p.goroutines {
		stacks := make([]byte, 1<<20)
		e.fail("%d goroutines are left, there were %d:\n%s", now.goroutines, p.goroutines, stacks[:runtime.Stack(stacks, true)])
	}
	if now.descriptors > p.descriptors {
		e.fail("%d descriptors are open, there were %d", now.descriptors, p.descriptors)
	}
	if len(now.foreign) > len(p.foreign) {
		e.fail("the library has the threads %v, and had %v", now.foreign, p.foreign)
	}
	if now.own > mostThreads {
		e.fail("Go has %d threads, which is more than %d", now.own, mostThreads)
	}
}

// noLargerNow compares the process with itself as it was when all had been done once.
func (p process) noLargerNow(t *testing.T, epochs int) {
	t.Helper()
	now := measure(t)
	t.Logf("%d MiB are resident, %d KiB of them allocated by the library, in %d epochs; after %d there were %d and %d; Go has %d threads, and had %d",
		now.resident>>20, now.heap>>10, epochs, least, p.resident>>20, p.heap>>10, now.own, p.own)
	if now.resident > p.resident+mostGrowth {
		t.Errorf("%d MiB are resident, which is over %d more than there were", now.resident>>20, mostGrowth>>20)
	}
	if now.heap > p.heap+mostLeft*epochs {
		t.Errorf("%d KiB are allocated in the library, which is over %d an epoch more than there were", now.heap>>10, mostLeft>>10)
	}
}

// lines is a log that knows what may stand in it.
type lines struct {
	epoch         atomic.Pointer[epoch]
	mu            sync.Mutex
	leaks, panics int64
}

// listen reads the log of the program until the test ends.
func listen(t *testing.T) *lines {
	l := &lines{}
	before := slog.Default()
	slog.SetDefault(slog.New(l))
	t.Cleanup(func() { slog.SetDefault(before) })
	return l
}

func (l *lines) begin(e *epoch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leaks, l.panics = 0, 0
	l.epoch.Store(e)
}

// compare says where leaks and panics are logged that nobody made, or the other way round.
func (l *lines) compare(e *epoch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if want := e.leaks.Load(); l.leaks != want {
		e.fail("the log has %d leaks, %d were made", l.leaks, want)
	}
	if want := e.panics.Load(); l.panics != want {
		e.fail("the log has %d panics of callbacks, there were %d", l.panics, want)
	}
}

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }

func (l *lines) Handle(_ context.Context, line slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case strings.Contains(line.Message, "was never closed"):
		l.leaks++
	case line.Message == "strongroom: a callback panicked":
		l.panics++
	default:
		l.epoch.Load().fail("the log says: %s", line.Message)
	}
	return nil
}

func (l *lines) WithAttrs([]slog.Attr) slog.Handler { return l }

func (l *lines) WithGroup(string) slog.Handler { return l }
