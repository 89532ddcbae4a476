package stress

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"strongroom.dev/conformance/go/conformance"
	"strongroom.dev/go/rpc"
)

// hang is how long an epoch may take, some thousand times what it does.
const hang = 3 * time.Minute

// kind is what an epoch is about.
type kind int

const (
	// calm: nothing is given up. Every request is counted, and no frame is stray.
	calm kind = iota
	// wild: everything happens.
	wild
	// shut: the client is closed under it.
	shut
	kinds
)

// plan follows from a seed.
type plan struct {
	kind                            kind
	dispatchers, receivers, workers int
	memory                          uint64
	failFast, labels, logs          bool
	actors, steps                   int
	shutAfter                       time.Duration
	collect                         time.Duration // the longest pause between two collections
	signals                         bool
}

func (p plan) String() string {
	return fmt.Sprintf("%s, %d goroutines of %d steps, %d dispatchers, %d receivers, %d workers, %d MiB, fail fast %t, labels %t, log %t, signals %t",
		[...]string{"calm", "wild", "shut"}[p.kind], p.actors, p.steps, p.dispatchers, p.receivers, p.workers, p.memory>>20, p.failFast,
		p.labels, p.logs, p.signals)
}

func planOf(seed uint64) plan {
	dice := rand.New(rand.NewPCG(seed, 0))
	p := plan{
		kind:        kind(seed % uint64(kinds)),
		dispatchers: 1 + dice.IntN(4), receivers: 1 + dice.IntN(4), workers: 1 + dice.IntN(3),
		memory:   uint64(16+dice.IntN(112)) << 20,
		failFast: dice.IntN(3) == 0, labels: dice.IntN(4) == 0, logs: dice.IntN(3) == 0, signals: dice.IntN(3) == 0,
		actors: 2 + dice.IntN(100), steps: 30 + dice.IntN(70),
		shutAfter: time.Duration(dice.IntN(50_000)) * time.Microsecond,
		collect:   time.Duration(1+dice.IntN(50)) * time.Millisecond,
	}
	if p.kind == calm {
		p.memory = 256 << 20 // nobody waits for memory, which would be a request
	}
	return p
}

// epoch is one client, from its opening to its end.
type epoch struct {
	plan
	seed   uint64
	lines  *lines
	client *conformance.Client
	echo   *conformance.Echo
	actors []*actor
	last   rpc.Statistics

	closing atomic.Bool

	// What must come out at the end, and the most that may.
	requests, leaks, panics   atomic.Int64
	strays, late              atomic.Int64
	answered, stopped, closed atomic.Int64
	full, declared            atomic.Int64

	mu    sync.Mutex
	wrong []string
}

func newEpoch(seed uint64, lines *lines) *epoch {
	return &epoch{plan: planOf(seed), seed: seed, lines: lines}
}

// fail records what should not be. The first ones tell most.
func (e *epoch) fail(format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.wrong) < 20 {
		e.wrong = append(e.wrong, fmt.Sprintf(format, args...))
	}
}

func (e *epoch) failures() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.wrong
}

func (e *epoch) options() []rpc.Option {
	options := []rpc.Option{rpc.WithDispatchers(e.dispatchers), rpc.WithReceivers(e.receivers), rpc.WithWorkers(e.workers), rpc.WithBufferMemory(e.memory)}
	if e.failFast {
		options = append(options, rpc.WithFailFast())
	}
	if e.labels {
		options = append(options, rpc.WithProfilerLabels())
	}
	return options
}

func (e *epoch) run(t *testing.T) {
	e.lines.begin(e)
	var err error
	e.client, err = conformance.NewClient(e.options()...)
	require.NoError(t, err)
	if e.logs {
		require.NoError(t, e.client.SetLogger(slog.New(slog.NewTextHandler(io.Discard, nil)), slog.LevelInfo))
	}
	e.echo, err = e.client.OpenEcho(context.Background(), "shared")
	require.NoError(t, err)
	e.requests.Add(1)

	var running, noise sync.WaitGroup
	over := make(chan struct{})
	for number := range e.plan.actors {
		a := &actor{epoch: e, number: number}
		e.actors = append(e.actors, a)
		running.Go(a.run)
	}
	noise.Go(func() { e.collectAtRandom(over) })
	if e.signals {
		noise.Go(func() { storm(over) })
	}
	if e.kind == shut {
		running.Go(func() {
			time.Sleep(e.shutAfter)
			e.closing.Store(true)
			e.unlog()
			// An open view refuses it.
			for err := e.client.Close(); err != nil; err = e.client.Close() {
				runtime.Gosched()
			}
		})
	}
	e.await(t, &running)
	close(over)
	noise.Wait()
	if e.kind != shut {
		if err := e.echo.Close(); err != nil {
			e.fail("the shared object does not close: %v", err)
		}
		e.settle()
		e.unlog()
	}
	if err := e.client.Close(); err != nil {
		e.fail("the client does not close: %v", err)
	}
}

// unlog unsets the logger, while lines may be on their way to it.
func (e *epoch) unlog() {
	if !e.logs {
		return
	}
	if err := e.client.SetLogger(nil, slog.LevelInfo); err != nil {
		e.fail("the log does not close: %v", err)
	}
}

// await waits for the goroutines, and tells what they do where one hangs.
func (e *epoch) await(t *testing.T, running *sync.WaitGroup) {
	done := make(chan struct{})
	go func() {
		running.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(hang):
		for _, a := range e.actors {
			if doing := a.doing.Load(); doing != nil {
				t.Logf("goroutine %d hangs in step %s", a.number, *doing)
			}
		}
		stacks := make([]byte, 4<<20)
		t.Logf("%s", stacks[:runtime.Stack(stacks, true)])
		s, err := e.client.Statistics()
		t.Fatalf("the seed %d hangs: %s; %+v %v", e.seed, e.plan, s, err)
	}
}

// settle waits until nothing is in flight or held, and compares what the client counted with what was done.
func (e *epoch) settle() {
	var s rpc.Statistics
	for range 1000 {
		// Twice: what the first one finds lost is unreachable for the second one.
		runtime.GC()
		var err error
		if s, err = e.client.Statistics(); err != nil {
			e.fail("no statistics: %v", err)
			return
		}
		if s.InFlight == 0 && s.Buffers == 0 && s.BufferBytes == 0 && s.Objects == 0 && s.Callbacks == 0 && int64(s.Leaks) >= e.leaks.Load() {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	e.last = s
	if s.InFlight != 0 || s.Buffers != 0 || s.BufferBytes != 0 || s.Objects != 0 || s.Callbacks != 0 {
		e.fail("something is left: %+v", s)
	}
	if leaks := e.leaks.Load(); int64(s.Leaks) != leaks {
		e.fail("%d leaks were counted, %d were made", s.Leaks, leaks)
	}
	if most := e.strays.Load(); int64(s.Stray) > most {
		e.fail("the library dropped %d stray frames; what was given up explains %d", s.Stray, most)
	}
	if most := e.late.Load(); int64(s.LateAnswers) > most {
		e.fail("the client dropped %d late answers; what was given up explains %d", s.LateAnswers, most)
	}
	if requests := e.requests.Load(); e.kind == calm && int64(s.Requests) != requests {
		e.fail("the library took %d requests, %d were made", s.Requests, requests)
	}
}

// collectAtRandom runs the garbage collector now and then.
func (e *epoch) collectAtRandom(over <-chan struct{}) {
	dice := rand.New(rand.NewPCG(e.seed, 1))
	for {
		select {
		case <-over:
			return
		case <-time.After(time.Duration(dice.Int64N(int64(e.collect)))):
			runtime.GC()
		}
	}
}

// storm interrupts the threads of this process, Go's and the library's, with the signal that Go itself uses for that.
func storm(over <-chan struct{}) {
	for {
		tasks, _ := os.ReadDir("/proc/self/task")
		for _, task := range tasks {
			if thread, err := strconv.Atoi(task.Name()); err == nil {
				_ = unix.Tgkill(os.Getpid(), thread, syscall.SIGURG) // it may have ended
			}
		}
		select {
		case <-over:
			return
		case <-time.After(500 * time.Microsecond):
		}
	}
}
