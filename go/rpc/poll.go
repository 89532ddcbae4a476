package rpc

import (
	"runtime"
	"sync/atomic"
	"time"
)

const (
	// leastPatience and mostPatience are how long an empty queue is looked at again before its receiver sleeps: waking costs
	// tens of microseconds, and what runs in between is often what answers or asks next.
	leastPatience = time.Microsecond
	mostPatience  = 50 * time.Microsecond
	// nap is a sleep so short that it would have been cheaper to look again.
	nap = 100 * time.Microsecond
)

// receiver is one path out of the library: a completion queue, and the goroutine that drains it and wakes the callers.
type receiver struct {
	sleeper
	client   *Client
	queue    uint16
	pending  *uint64 // the library's count of bytes in the queue
	stop     chan struct{}
	stopped  chan struct{}
	serving  serving
	patience time.Duration
	block    []byte // what is polled into

	// asked is when the dispatcher submitted a call while this slept, in nanoseconds of the client's clock; asleep where it
	// sleeps and no call came since, 0 where it is awake. answers is how long the dispatcher then looks for the answer.
	asked   atomic.Int64
	answers atomic.Int64
}

// asleep is no time of the clock.
const asleep = -1

func newReceiver(client *Client, queue int) (*receiver, error) {
	r := &receiver{client: client, queue: uint16(queue), stop: make(chan struct{}), stopped: make(chan struct{}), patience: leastPatience, block: make([]byte, blockSize)}
	if err := r.prepare(); err != nil {
		return nil, err
	}
	return r, nil
}

// found is what a look at the queue found.
type found int

const (
	foundNothing found = iota
	foundAnswers
	foundEnd // the library goes away
)

// take looks at the queue, and waits so many nanoseconds where it is empty. What is there goes to whom it is for.
func (r *receiver) take(wait uint64) found {
	for {
		count, used, needed := r.client.library.poll(uint32(r.queue), r.block, wait)
		switch {
		case count == statusTooSmall:
			r.block = make([]byte, (needed+7)&^7)
		case count < 0:
			return foundEnd
		case count > 0:
			if m := r.client.observer.metrics; m != nil {
				m.Received(int(count))
			}
			r.route(r.block[:used])
			return foundAnswers
		default:
			return foundNothing
		}
	}
}

// learn answers how long to look the next time, where the wait was so long this time.
func learn(patience, wait time.Duration) time.Duration {
	if wait < nap {
		return min(4*patience, mostPatience)
	}
	return max(patience/2, leastPatience)
}

// await is called by a dispatcher that has just submitted a call. Where the receiver sleeps, it looks for the answer: two
// threads would have to be woken else, one here and one in the library, and this goroutine's is awake. When the answer is
// there, the scheduler finds the receiver in the poller before that thread sleeps.
func (r *receiver) await() {
	if r.asked.Load() == asleep && r.asked.CompareAndSwap(asleep, int64(r.client.now())) {
		r.linger(max(time.Duration(r.answers.Load()), leastPatience))
	}
}

// linger lets other goroutines run until the queue has something, as long as patience says.
func (r *receiver) linger(patience time.Duration) {
	if atomic.LoadUint64(r.pending) > 0 {
		return
	}
	for start := time.Now(); time.Since(start) < patience; {
		for range 8 {
			runtime.Gosched()
			if atomic.LoadUint64(r.pending) > 0 {
				return
			}
		}
	}
}

func (r *receiver) route(block []byte) {
	c := r.client
	var f frame
	for len(block) > 0 {
		rest, ok := f.next(block)
		if !ok {
			c.logFailure("the library answered with a torn frame", nil)
			return
		}
		block = rest
		taken := false
		switch f.kind {
		case kindCall:
			r.serve(f)
			taken = true
		case kindCancel:
			taken = r.serving.cancel(f.request)
		case kindRelease:
			taken = c.callbacks.remove(f.object)
		default:
			if call := c.calls.find(uint32(f.request)); call != nil && call.awaits(f.request, r.queue) {
				taken = call.deliver(&f)
			}
		}
		if !taken {
			c.strays.Add(1)
			trailingHandles(f.payload, f.handles, c.freeHandle)
		}
	}
	for _, d := range c.dispatchers {
		if d.full.Load() {
			token(d.room)
		}
	}
}
