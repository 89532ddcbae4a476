// Package stress has many goroutines do everything at the same time to one library, and an oracle that knows what may come
// of it.
//
// A run is a row of epochs. Each has a seed, from which its plan follows: the client's options, how many goroutines there
// are, what each of them does and when it gives up. How they interleave is the machine's affair, the plan is not; so a seed
// that fails is run again by its number.
package stress

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"
	"weak"

	"github.com/stretchr/testify/require"

	"strongroom.dev/conformance/go/heap"
	"strongroom.dev/go/rpc"
)

const (
	defaultTime = time.Minute
	// least is how many epochs come before the process is compared with itself: all kinds, several times.
	least = 20
)

// TestStress runs epochs for a minute. STRONGROOM_STRESS_TIME=10m makes it longer, STRONGROOM_STRESS_SEED begins with
// another seed.
func TestStress(t *testing.T) {
	lasting, seed := settings(t)
	if testing.Short() {
		lasting /= 10
	}
	heap.GiveBack()
	lines := listen(t)
	startLog(t)
	start := measure(t)
	var warm process
	until := time.Now().Add(lasting)
	epochs := 0
	var total outcomes
	clients := map[uint64]weak.Pointer[rpc.Client]{}
	for ; epochs == 0 || time.Now().Before(until); epochs++ {
		e := newEpoch(seed+uint64(epochs), lines)
		e.run(t)
		clients[e.seed] = weak.Make(e.client.Client)
		start.sameAsNow(t, e)
		lines.compare(e)
		total.add(e)
		if epochs+1 == least {
			warm = measure(t)
		}
		if wrong := e.failures(); len(wrong) > 0 {
			for _, failure := range wrong {
				t.Error(failure)
			}
			t.Fatalf("the seed %d fails: %s\nagain: STRONGROOM_STRESS_SEED=%d STRONGROOM_STRESS_TIME=1s go test -count=1 -run TestStress ./conformance/go/stress",
				e.seed, e.plan, e.seed)
		}
	}
	runtime.GC()
	for held, client := range clients {
		// A stack may still have a word of the last one.
		if held != seed+uint64(epochs)-1 && client.Value() != nil {
			t.Errorf("the client of the seed %d is closed, and not collected", held)
		}
	}
	if epochs >= least {
		warm.noLargerNow(t, epochs)
	}
	t.Logf("%d epochs, the seeds %d to %d: %s", epochs, seed, seed+uint64(epochs)-1, total)
}

func settings(t *testing.T) (lasting time.Duration, seed uint64) {
	lasting, seed = defaultTime, 1
	if text := os.Getenv("STRONGROOM_STRESS_TIME"); text != "" {
		var err error
		lasting, err = time.ParseDuration(text)
		require.NoError(t, err, "STRONGROOM_STRESS_TIME is a time such as 10m")
	}
	if text := os.Getenv("STRONGROOM_STRESS_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err, "STRONGROOM_STRESS_SEED is a whole number")
	}
	return lasting, seed
}

// outcomes are what the calls of all epochs came to: a stress in which nothing is ever cancelled would prove little.
type outcomes struct{ answered, stopped, closed, full, failed, leaks, strays, late int64 }

func (o *outcomes) add(e *epoch) {
	o.answered += e.answered.Load()
	o.stopped += e.stopped.Load()
	o.closed += e.closed.Load()
	o.full += e.full.Load()
	o.failed += e.declared.Load()
	o.leaks += e.leaks.Load()
	o.strays += int64(e.last.Stray)
	o.late += int64(e.last.LateAnswers)
}

func (o outcomes) String() string {
	return fmt.Sprintf("%d answers, %d cancelled or too late, %d of what was closed, %d refused by a full queue, %d errors and panics as asked for; %d leaks, %d stray frames and %d late answers, all explained",
		o.answered, o.stopped, o.closed, o.full, o.failed, o.leaks, o.strays, o.late)
}
