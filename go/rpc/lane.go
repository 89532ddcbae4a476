package rpc

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// blockSize is how much is submitted and polled at once; a larger frame makes its block grow.
	blockSize = 256 << 10
	// laneCapacity is how many requests wait for a dispatcher before their callers do.
	laneCapacity = 4096
	// spins is how often an empty queue is looked at again before its receiver sleeps: waking costs tens of
	// microseconds, and what runs in between is often what answers or asks next.
	spins = 4
	// retry is how long a dispatcher waits for room when no completion of its own lane tells it of any.
	retry = time.Millisecond
)

// operation is one frame for the library.
type operation struct {
	call    *Call // nil: the answer of a callback
	kind    uint8
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

// lane is one path into the library and back: a dispatcher, a completion queue and its receiver. All frames of a slot
// take the same lane, so a cancel never overtakes the call that it is for.
type lane struct {
	client     *Client
	queue      uint16
	operations chan operation
	stop       chan struct{}
	dispatched chan struct{} // closed when the dispatcher has returned
	received   chan struct{} // closed when the receiver has

	descriptor *os.File
	serving    serving
	full       atomic.Bool   // the library had no room
	room       chan struct{} // completions came since

	// The dispatcher's own.
	pending []operation
	block   []byte
}

func newLane(client *Client, queue int) (*lane, error) {
	l := &lane{
		client: client, queue: uint16(queue),
		operations: make(chan operation, laneCapacity),
		stop:       make(chan struct{}), dispatched: make(chan struct{}), received: make(chan struct{}),
		room: make(chan struct{}, 1),
	}
	fd, err := client.library.wake(uint32(queue))
	if err != nil {
		return nil, err
	}
	// The descriptor is the library's: wait on a copy, which Go may close.
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("copy the descriptor of queue %d: %w", queue, err)
	}
	if err := unix.SetNonblock(own, true); err != nil {
		_ = unix.Close(own)
		return nil, fmt.Errorf("prepare the descriptor of queue %d: %w", queue, err)
	}
	l.descriptor = os.NewFile(uintptr(own), fmt.Sprintf("completion queue %d", queue))
	return l, nil
}

func (l *lane) run() {
	go l.dispatch()
	go l.receive()
}

// end stops both goroutines and returns when they are gone.
func (l *lane) end() {
	close(l.stop)
	<-l.dispatched
	_ = l.descriptor.Close() // wakes the receiver
	<-l.received
}

// send queues an operation; false means that ctx was over or the lane ended first.
func (l *lane) send(ctx context.Context, op operation) bool {
	select {
	case l.operations <- op:
		return true
	default:
	}
	select {
	case l.operations <- op:
		return true
	case <-l.stop:
		return false
	case <-ctx.Done():
		return false
	}
}

func (l *lane) dispatch() {
	defer close(l.dispatched)
	timer := time.NewTimer(retry)
	timer.Stop()
	for {
		if len(l.pending) == 0 {
			select {
			case op := <-l.operations:
				l.pending = append(l.pending, op)
			case <-l.stop:
				return
			}
		} else {
			timer.Reset(retry)
			select {
			case op := <-l.operations:
				l.pending = append(l.pending, op)
			case <-l.room:
			case <-timer.C:
			case <-l.stop:
				return
			}
			timer.Stop()
		}
		l.gather()
		l.submit()
	}
}

// gather takes what is queued already, so that one crossing carries it all. It does so also where much is pending: the
// cancel that makes room for that may be queued.
func (l *lane) gather() {
	for range laneCapacity {
		select {
		case op := <-l.operations:
			l.pending = append(l.pending, op)
		default:
			return
		}
	}
}

// submit hands the pending operations over, block by block, until all are taken or the library is full.
func (l *lane) submit() {
	for len(l.pending) > 0 {
		if l.full.Load() {
			l.reorder()
		}
		block, count := l.block[:0], 0
		for _, op := range l.pending {
			if count > 0 && len(block) >= blockSize {
				break
			}
			block = l.appendFrame(block, op)
			count++
		}
		taken := l.client.library.submit(block)
		if l.block = block; cap(block) > 4*blockSize {
			l.block = nil
		}
		switch {
		case taken >= 0:
			for _, op := range l.pending[:taken] {
				switch {
				case op.kind == kindCall:
					op.call.submitted = uint32(op.request >> 32)
				case op.frame != nil:
					op.frame.recycle()
				}
			}
			l.drop(int(taken))
			l.full.Store(int(taken) < count)
			if int(taken) < count {
				return
			}
		case taken == statusInvalid:
			op := l.pending[0]
			if op.kind == kindCall {
				op.call.reject(op.request, &Error{Code: Malformed, Message: "the library does not accept this frame"})
			}
			op.discard(l.client)
			l.drop(1)
		default: // it is shutting down
			for _, op := range l.pending {
				if op.kind == kindCall {
					op.call.reject(op.request, errClientClosed)
				}
				op.discard(l.client)
			}
			l.drop(len(l.pending))
		}
	}
}

func (l *lane) drop(n int) {
	rest := copy(l.pending, l.pending[n:])
	clear(l.pending[rest:])
	l.pending = l.pending[:rest]
}

func (l *lane) appendFrame(block []byte, op operation) []byte {
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
	putHeader(block[start:], l.queue, op.kind, op.request, 0, 0, 0)
	return pad(block)
}

// reorder runs while the library is full. Frames of requests that it has go first, because they are what makes room; a
// call that is cancelled before the library has it ends here, with all that was to follow it.
func (l *lane) reorder() {
	generation := func(op operation) uint32 { return uint32(op.request >> 32) }
	for _, op := range l.pending {
		if op.kind == kindCancel && op.call.submitted != generation(op) {
			op.call.dropped = generation(op)
		}
	}
	var first, rest []operation
	for _, op := range l.pending {
		switch {
		case op.call == nil:
			first = append(first, op)
		case op.call.dropped == generation(op):
			if op.kind == kindCall {
				op.call.reject(op.request, &Error{Code: Cancelled, Message: "the call was cancelled"})
			}
			op.discard(l.client)
		case op.kind != kindCall && op.call.submitted == generation(op):
			first = append(first, op)
		default:
			rest = append(rest, op)
		}
	}
	l.pending = append(append(l.pending[:0], first...), rest...)
}

// receive sleeps in the network poller while its queue is empty; no thread waits in the library.
func (l *lane) receive() {
	defer close(l.received)
	raw, err := l.descriptor.SyscallConn()
	if err != nil {
		l.client.logFailure("the completion queue cannot be waited on", err)
		return
	}
	block := make([]byte, blockSize)
	// The poller is edge-triggered, and Read resets its edge before the first call and looks again after each wake-up,
	// so an answer that comes between an empty poll and the sleep is not lost.
	_ = raw.Read(func(uintptr) bool {
		for idle := 0; idle <= spins; {
			count, used, needed := l.client.library.poll(uint32(l.queue), block)
			switch {
			case count == statusTooSmall:
				block = make([]byte, (needed+7)&^7)
			case count < 0:
				return true
			case count == 0:
				idle++
				runtime.Gosched()
			default:
				idle = 0
				l.route(block[:used])
			}
		}
		select {
		case <-l.stop:
			return true
		default:
			return false
		}
	})
}

func (l *lane) route(block []byte) {
	for len(block) > 0 {
		f, rest, ok := nextFrame(block)
		if !ok {
			l.client.logFailure("the library answered with a torn frame", nil)
			return
		}
		block = rest
		taken, last := false, false
		switch f.kind {
		case kindCall:
			l.serve(f)
			taken = true
		case kindCancel:
			taken = l.serving.cancel(f.request)
		case kindRelease:
			taken = l.client.callbacks.remove(f.object)
		default:
			if call := l.client.slots.find(f.request); call != nil {
				taken, last = call.deliver(f)
			}
		}
		if last {
			l.client.leave()
		}
		if !taken {
			l.client.strays.Add(1)
			trailingHandles(f.payload, f.handles, l.client.freeHandle)
		}
	}
	if l.full.Load() {
		select {
		case l.room <- struct{}{}:
		default:
		}
	}
}
