package rpc

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// blockSize is how much is submitted and polled at once; a larger frame makes its block grow.
	blockSize = 256 << 10
	// queueCapacity is how many operations wait for a dispatcher before their callers do.
	queueCapacity = 1 << 14
	// retry is how long a dispatcher waits for room when no completion tells it of any.
	retry = time.Millisecond
)

// operation is one frame for the library.
type operation struct {
	call    *Call // nil: the answer of a callback
	kind    uint8
	queue   uint16
	request uint64
	credit  uint64
	frame   *Encoder // of an item or an answer, complete
}

// discard frees what an operation carries that the library does not get.
func (o operation) discard(c *Client) {
	if o.frame != nil {
		c.free(o.frame.moved)
		o.frame.recycle()
	}
}

// dispatcher is one path into the library: callers queue their operations, and its goroutine submits what has gathered.
// All operations of a slot take the same dispatcher, so a cancel never overtakes the call that it is for.
type dispatcher struct {
	client  *Client
	stop    chan struct{}
	stopped chan struct{}
	ready   chan struct{} // has a token when something was queued
	full    atomic.Bool   // the library had no room
	room    chan struct{} // has a token when completions came since

	mu      sync.Mutex
	queued  []operation
	waiting []chan struct{} // callers that wait for room in the queue, the first first
	ended   bool

	// The goroutine's own.
	pending []operation
	block   []byte
	queue   int // of the last call that was submitted; -1: none since the last look
}

func newDispatcher(client *Client) *dispatcher {
	return &dispatcher{
		client: client,
		stop:   make(chan struct{}), stopped: make(chan struct{}),
		ready: make(chan struct{}, 1), room: make(chan struct{}, 1),
	}
}

// send queues an operation. It waits while the queue is full, unless the client's calls are to fail then.
func (d *dispatcher) send(ctx context.Context, op operation) error {
	d.mu.Lock()
	// Where the library is full, calls wait in the dispatcher itself, which takes them out of the queue.
	if waits := d.full.Load() || len(d.queued) >= queueCapacity; waits && op.kind == kindCall && d.client.failFast && !d.ended {
		d.mu.Unlock()
		return ErrQueueFull
	}
	for len(d.queued) >= queueCapacity && !d.ended {
		turn := make(chan struct{})
		d.waiting = append(d.waiting, turn)
		d.mu.Unlock()
		select {
		case <-turn:
			d.mu.Lock()
		case <-d.stop:
			return errClientClosed
		case <-ctx.Done():
			d.leave(turn)
			return contextError(ctx)
		}
	}
	if d.ended {
		d.mu.Unlock()
		return errClientClosed
	}
	d.queued = append(d.queued, op)
	first := len(d.queued) == 1
	d.mu.Unlock()
	if first {
		token(d.ready)
	}
	return nil
}

// leave takes a caller out of the row of those that wait; where it was its turn already, the next one has it.
func (d *dispatcher) leave(turn chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if at := slices.Index(d.waiting, turn); at >= 0 {
		d.waiting = slices.Delete(d.waiting, at, at+1)
	} else {
		d.admit(1)
	}
}

// admit lets callers that wait have their turn. mu must be held.
func (d *dispatcher) admit(most int) {
	n := min(most, len(d.waiting))
	for _, turn := range d.waiting[:n] {
		close(turn)
	}
	d.waiting = slices.Delete(d.waiting, 0, n)
}

// token makes a channel of one place have a token.
func token(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (d *dispatcher) run() {
	defer close(d.stopped)
	timer := time.NewTimer(retry)
	timer.Stop()
	for {
		if len(d.pending) == 0 {
			select {
			case <-d.ready:
			case <-d.stop:
				return
			}
		} else {
			timer.Reset(retry)
			select {
			case <-d.ready:
			case <-d.room:
			case <-timer.C:
			case <-d.stop:
				return
			}
			timer.Stop()
		}
		d.gather()
		// Who is about to call gets onto the same crossing.
		runtime.Gosched()
		d.gather()
		d.queue = -1
		d.submit()
		if d.queue >= 0 {
			d.client.receivers[d.queue].await()
		}
	}
}

// end stops the goroutine and returns when it is gone; what is queued then, and what comes later, is not sent.
func (d *dispatcher) end() {
	close(d.stop)
	<-d.stopped
	d.mu.Lock()
	d.ended = true
	d.mu.Unlock()
}

// gather takes what is queued, so that one crossing carries it all. It does so also where much is pending: the cancel that
// makes room for that may be queued.
func (d *dispatcher) gather() {
	d.mu.Lock()
	depth := len(d.queued)
	if len(d.pending) == 0 {
		d.pending, d.queued = d.queued, d.pending
	} else {
		d.pending = append(d.pending, d.queued...)
		clear(d.queued)
		d.queued = d.queued[:0]
	}
	d.admit(queueCapacity)
	d.mu.Unlock()
	if m := d.client.observer.metrics; m != nil && depth > 0 {
		m.Submitted(depth)
	}
}

// submit hands the pending operations over, block by block, until all are taken or the library is full.
func (d *dispatcher) submit() {
	for len(d.pending) > 0 {
		if d.full.Load() {
			d.reorder()
		}
		block, count := d.block[:0], 0
		for i := range d.pending {
			if count > 0 && len(block) >= blockSize {
				break
			}
			block = appendFrame(block, &d.pending[i])
			count++
		}
		taken := d.client.library.submit(block)
		if d.block = block; cap(block) > 4*blockSize {
			d.block = nil
		}
		switch {
		case taken >= 0:
			for i := range d.pending[:taken] {
				switch op := &d.pending[i]; {
				case op.kind == kindCall:
					op.call.submitted = uint32(op.request >> 32)
					d.queue = int(op.call.queue)
				case op.frame != nil:
					op.frame.recycle()
				}
			}
			d.drop(int(taken))
			d.full.Store(int(taken) < count)
			if int(taken) < count {
				return
			}
		case taken == statusInvalid:
			op := d.pending[0]
			if op.kind == kindCall {
				op.call.reject(op.request, &Error{Code: Malformed, Message: "the library does not accept this frame"})
			}
			op.discard(d.client)
			d.drop(1)
		default: // it is shutting down
			for _, op := range d.pending {
				if op.kind == kindCall {
					op.call.reject(op.request, errClientClosed)
				}
				op.discard(d.client)
			}
			d.drop(len(d.pending))
		}
	}
}

func (d *dispatcher) drop(n int) {
	rest := copy(d.pending, d.pending[n:])
	clear(d.pending[rest:])
	d.pending = d.pending[:rest]
}

func appendFrame(block []byte, op *operation) []byte {
	switch {
	case op.kind == kindCall:
		return pad(append(block, op.call.out...))
	case op.frame != nil:
		return pad(append(block, op.frame.out...))
	}
	start := len(block)
	block = append(block, emptyHeader[:]...)
	if op.kind == kindCredit {
		e := Encoder{out: block}
		e.U64(op.credit)
		block = e.out
	}
	putHeader(block[start:], op.queue, op.kind, op.request, 0, 0, 0)
	return pad(block)
}

// reorder runs while the library is full. Frames of requests that it has go first, because they are what makes room; a
// call that is cancelled before the library has it ends here, with all that was to follow it.
func (d *dispatcher) reorder() {
	generation := func(op operation) uint32 { return uint32(op.request >> 32) }
	for _, op := range d.pending {
		if op.kind == kindCancel && op.call.submitted != generation(op) {
			op.call.dropped = generation(op)
		}
	}
	var first, rest []operation
	for _, op := range d.pending {
		switch {
		case op.call == nil:
			first = append(first, op)
		case op.call.dropped == generation(op):
			if op.kind == kindCall {
				op.call.reject(op.request, &Error{Code: Cancelled, Message: "the call was cancelled"})
			}
			op.discard(d.client)
		case op.kind != kindCall && op.call.submitted == generation(op):
			first = append(first, op)
		default:
			rest = append(rest, op)
		}
	}
	d.pending = append(append(d.pending[:0], first...), rest...)
}
