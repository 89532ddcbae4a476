package stress

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"sync/atomic"
	"time"

	"strongroom.dev/conformance/go/conformance"
	"strongroom.dev/go/rpc"
)

// actor is one goroutine, and what it holds.
type actor struct {
	*epoch
	number int
	step   int
	name   string
	dice   *rand.Rand
	doing  atomic.Pointer[string]
	child  *conformance.Echo // its own object, where it has one
}

// run takes the actor's steps. Each has dice of its own, so that what one does with them changes no other.
func (a *actor) run() {
	defer a.doing.Store(nil)
	for a.step = range a.steps {
		if a.closing.Load() && a.step > a.steps/2 || len(a.failures()) > 0 {
			break
		}
		a.dice = rand.New(rand.NewPCG(a.seed, uint64(a.number+1)<<32|uint64(a.step)))
		do := a.choose()
		a.name = do.name
		doing := fmt.Sprintf("%d: %s", a.step, do.name)
		a.doing.Store(&doing)
		do.run(a)
	}
	a.name = "the end"
	if err := a.child.Close(); err != nil {
		a.fail("its object does not close: %v", err)
	}
}

// fail records what should not be, with where it was.
func (a *actor) fail(format string, args ...any) {
	a.epoch.fail("goroutine %d, step %d, %s: %s", a.number, a.step, a.name, fmt.Sprintf(format, args...))
}

// choose draws what to do next.
func (a *actor) choose() deed {
	for {
		weight := a.dice.IntN(allWeights)
		for _, d := range deeds {
			if weight -= d.weight; weight < 0 {
				if a.kind != calm || d.calm {
					return d
				}
				break
			}
		}
	}
}

// deed is something that an actor does. The calm ones give nothing up, and say how many requests they are.
type deed struct {
	name   string
	weight int
	calm   bool
	run    func(*actor)
}

var deeds = []deed{
	{"echo", 10, true, (*actor).echoes},
	{"nothing", 8, true, (*actor).nothing},
	{"immediate", 6, true, (*actor).immediate},
	{"fail", 4, true, (*actor).fails},
	{"crash", 3, true, (*actor).crashes},
	{"unsendable", 2, true, (*actor).unsendable},
	{"sleep", 5, true, (*actor).sleeps},
	{"give up", 5, false, (*actor).givesUp},
	{"ticks", 3, true, (*actor).ticks},
	{"log", 1, true, (*actor).logsLine},

	{"sum", 6, true, (*actor).sums},
	{"invert", 6, true, (*actor).inverts},
	{"misuse", 3, true, (*actor).misuses},
	{"lose a buffer", 1, true, (*actor).losesBuffer},
	{"too much memory", 1, true, (*actor).tooMuch},
	{"fill", 3, false, (*actor).fills},
	{"writer", 2, false, (*actor).writes},

	{"count", 5, false, (*actor).counts},
	{"blocks", 6, false, (*actor).blocks},
	{"reader", 2, false, (*actor).reads},
	{"total", 5, false, (*actor).totals},
	{"double", 4, false, (*actor).doubles},
	{"total of bytes", 4, false, (*actor).totalsBytes},

	{"child", 4, true, (*actor).children},
	{"close under calls", 3, false, (*actor).closesUnderCalls},
	{"lose an object", 1, true, (*actor).losesObject},

	{"ask", 6, false, (*actor).asks},
	{"pass", 4, false, (*actor).passes},
	{"keep", 3, false, (*actor).keeps},

	{"collect", 1, true, func(*actor) { runtime.GC() }},
	{"yield", 4, true, func(a *actor) { time.Sleep(time.Duration(a.dice.IntN(1000)) * time.Microsecond) }},
}

var allWeights = func() (sum int) {
	for _, d := range deeds {
		sum += d.weight
	}
	return sum
}()

// on answers an object: the one that all share, or the actor's own.
func (a *actor) on() *conformance.Echo {
	if a.child != nil && a.dice.IntN(2) == 0 {
		return a.child
	}
	return a.epoch.echo
}

// patience is how long a call is waited for.
type patience struct {
	context.Context
	end                 func()
	cancelled, deadline bool // whether it may end that way
}

func (p patience) ends() bool { return p.cancelled || p.deadline }

// patience draws one; its end must be called.
func (a *actor) patience() patience {
	soon := func() time.Duration {
		if a.dice.IntN(8) == 0 {
			return 0
		}
		return time.Duration(a.dice.IntN(3000)) * time.Microsecond
	}
	choice := a.dice.IntN(10)
	if a.kind == calm && choice >= 8 {
		choice = 0
	}
	switch choice {
	case 6: // it could be cancelled
		ctx, cancel := context.WithCancel(context.Background())
		return patience{Context: ctx, end: cancel}
	case 7: // one that is far away
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		return patience{Context: ctx, end: cancel}
	case 8:
		ctx, cancel := context.WithCancel(context.Background())
		timer := time.AfterFunc(soon(), cancel)
		return patience{Context: ctx, end: func() { timer.Stop(); cancel() }, cancelled: true}
	case 9:
		ctx, cancel := context.WithTimeout(context.Background(), soon())
		return patience{Context: ctx, end: cancel, deadline: true}
	default:
		return patience{Context: context.Background(), end: func() {}}
	}
}

// impatience draws one that ends.
func (a *actor) impatience() patience {
	for {
		if p := a.patience(); p.ends() {
			return p
		} else {
			p.end()
		}
	}
}

// explained reports whether an error is one of those that this call may have for being given up, and counts it.
func (a *actor) explained(p patience, err error) bool {
	var own *rpc.Error
	if !errors.As(err, &own) {
		return false
	}
	switch {
	case own.Code == rpc.Cancelled && p.cancelled, own.Code == rpc.DeadlineExceeded && p.deadline:
		a.stopped.Add(1)
	case own.Code == rpc.Closed && a.closing.Load():
		a.closed.Add(1)
	case own.Code == rpc.QueueFull && a.failFast:
		a.full.Add(1)
	default:
		return false
	}
	return true
}

// call counts a request, and a cancel frame that may come too late for it.
func (a *actor) call(p patience) {
	a.requests.Add(1)
	if p.ends() {
		a.strays.Add(1)
	}
}

// ok reports whether the call has a result. Where it has none, it must be explained why.
func (a *actor) ok(p patience, err error) bool {
	if err == nil {
		a.answered.Add(1)
		return true
	}
	if !a.explained(p, err) {
		a.fail("it failed unasked: %T %v", err, err)
	}
	return false
}

// failed says that the call is to fail in a way that is looks for, unless it was given up.
func (a *actor) failed(p patience, err error, want string, is func(error) bool) {
	switch {
	case err != nil && is(err):
		a.declared.Add(1)
	case err == nil:
		a.fail("it succeeded, and should have failed: %s", want)
	case !a.explained(p, err):
		a.fail("it should have failed otherwise (%s): %T %v", want, err, err)
	}
}

// code says that an error is one of the runtime's of this code.
func code(code rpc.Code) func(error) bool {
	return func(err error) bool { return errors.Is(err, &rpc.Error{Code: code}) }
}

func refused(reason string, code uint32) func(error) bool {
	return func(err error) bool {
		var e *conformance.ConformanceRefusedError
		return errors.As(err, &e) && e.Reason == reason && e.Code == code && err.Error() == fmt.Sprintf("refused: %s (code %d)", reason, code)
	}
}

func empty(err error) bool { return errors.As(err, new(*conformance.ConformanceEmptyError)) }

// same compares what came back with what was sent.
func (a *actor) same(got, want any) {
	if !reflect.DeepEqual(got, want) {
		a.fail("%+v came, %+v was to come", got, want)
	}
}

// odds is true once in so many times.
func (a *actor) odds(of int) bool { return a.dice.IntN(of) == 0 }
