package rpc

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
	"weak"
)

// closeGrace is how long Close waits for the library to acknowledge the calls that it cancels.
const closeGrace = 10 * time.Second

// Client is one runtime of the library: its threads, its memory budget, and the paths into it and out of it. All methods may be called
// from any goroutine. A program needs one.
type Client struct {
	self    weak.Pointer[Client] // for what must not keep it
	library library
	schema  *Schema
	calls   table[Call]

	dispatchers []*dispatcher
	receivers   []*receiver
	failFast    bool
	observer    observer

	callbacks callbacks
	context   context.Context // of the callbacks that run; over when the client closes
	stop      context.CancelFunc

	opened  time.Time
	closing atomic.Bool
	strays  atomic.Uint64
	leaks   atomic.Uint64
	views   atomic.Int64

	// gate is held for reading while a plain call is in the library, so that Close does not free what it uses.
	gate   sync.RWMutex
	closed bool
}

type options struct {
	dispatchers  int
	receivers    int
	failFast     bool
	workers      int
	bufferMemory uint64
	observer     observer
}

// Option configures a client.
type Option func(*options)

// WithBufferMemory sets how many bytes of buffers the program may hold at a time; without it, 256 MiB.
func WithBufferMemory(bytes uint64) Option { return func(o *options) { o.bufferMemory = bytes } }

// WithWorkers sets how many threads run requests; without it, one a core.
func WithWorkers(threads int) Option { return func(o *options) { o.workers = threads } }

// WithDispatchers sets how many goroutines hand requests to the library; without it, one for every two processors, at
// most 4.
func WithDispatchers(goroutines int) Option { return func(o *options) { o.dispatchers = goroutines } }

// WithReceivers sets how many completion queues there are, each with a goroutine that drains it; without it, one for every
// two processors, at most 4.
func WithReceivers(goroutines int) Option { return func(o *options) { o.receivers = goroutines } }

// WithFailFast makes a call fail with [ErrQueueFull] where it would have to wait for its place in the queue to the
// library, because more calls come than that takes.
func WithFailFast() Option { return func(o *options) { o.failFast = true } }

// Open starts a runtime of the library whose table of functions this is, after it has compared the interface that the
// library has with the caller's. Generated packages call it.
func Open(table unsafe.Pointer, schema *Schema, opts ...Option) (*Client, error) {
	few := min(4, (runtime.GOMAXPROCS(0)+1)/2)
	o := options{dispatchers: few, receivers: few}
	for _, opt := range opts {
		opt(&o)
	}
	if o.dispatchers < 1 || o.receivers < 1 || o.receivers > 64 || o.workers < 0 {
		return nil, fmt.Errorf("a client has at least 1 dispatcher, 1 to 64 receivers and 0 or more workers, not %d, %d and %d",
			o.dispatchers, o.receivers, o.workers)
	}
	l, err := openLibrary(table, schema, o)
	if err != nil {
		return nil, err
	}
	c := &Client{library: l, schema: schema, failFast: o.failFast, observer: o.observer, opened: time.Now()}
	c.self = weak.Make(c)
	c.observer.name(schema)
	c.context, c.stop = context.WithCancel(context.Background())
	for i := range o.receivers {
		r, err := newReceiver(c, i)
		if err != nil {
			for _, r := range c.receivers {
				r.discard()
			}
			c.library.free()
			return nil, err
		}
		c.receivers = append(c.receivers, r)
	}
	for range o.dispatchers {
		c.dispatchers = append(c.dispatchers, newDispatcher(c))
	}
	for _, d := range c.dispatchers {
		go d.run()
	}
	for _, r := range c.receivers {
		go r.run()
	}
	return c, nil
}

// Close cancels the calls that are in flight, waits until the library has acknowledged that, and frees everything.
// Where a view is open it fails with [ErrBusy] and changes nothing, because the view's bytes would go away.
func (c *Client) Close() error {
	// Plain calls hold the gate, so that a view is either counted here or finds the client closing.
	c.gate.Lock()
	open, again := c.views.Load(), false
	if open == 0 {
		again = c.closing.Swap(true)
	}
	c.gate.Unlock()
	switch {
	case open > 0:
		return &Error{Code: Busy, Message: fmt.Sprintf("%d views of buffers are open; close them before the client", open)}
	case again:
		return nil
	}
	c.stop()
	deadline := time.Now().Add(closeGrace)
	for wait := 10 * time.Microsecond; time.Now().Before(deadline); wait = min(2*wait, 10*time.Millisecond) {
		// Again and again: a call that looked just before closing was set may be sent after the first round.
		sent := c.sent()
		if len(sent) == 0 {
			break
		}
		for _, call := range sent {
			call.cancel()
		}
		time.Sleep(wait)
	}
	for _, d := range c.dispatchers {
		d.end()
	}
	for _, r := range c.receivers {
		r.end()
	}
	c.gate.Lock()
	c.closed = true
	c.gate.Unlock()
	c.library.free()
	for _, r := range c.receivers {
		<-r.stopped
	}
	for _, call := range c.sent() {
		// Who could not send it may have taken it out of flight meanwhile.
		if request := call.flight.Load(); request != 0 {
			call.fail(request, errClientClosed)
		}
	}
	return nil
}

// sent answers the calls whose last frame has not come.
func (c *Client) sent() (sent []*Call) {
	for call := range c.calls.all {
		if call.flight.Load() != 0 {
			sent = append(sent, call)
		}
	}
	return sent
}

// now is the time since the client was opened, and never 0.
func (c *Client) now() time.Duration { return time.Since(c.opened) + 1 }

// Statistics count what a client has and did. All but the last three come from the library.
type Statistics struct {
	Requests    uint64 // accepted so far
	InFlight    uint64
	Buffers     uint64 // that the program holds
	BufferBytes uint64
	Objects     uint64
	Stray       uint64 // frames that came after their request was over
	Threads     uint64 // of the library
	// LateAnswers are frames that found no request of their generation, and were dropped.
	LateAnswers uint64
	// Leaks are buffers and objects that the garbage collector found open.
	Leaks uint64
	// Callbacks are those that the library may still call.
	Callbacks uint64
}

// Statistics reads the counters.
func (c *Client) Statistics() (Statistics, error) {
	c.gate.RLock()
	defer c.gate.RUnlock()
	if c.closed {
		return Statistics{}, errClientClosed
	}
	s, status := c.library.statistics()
	s.LateAnswers, s.Leaks, s.Callbacks = c.strays.Load(), c.leaks.Load(), uint64(c.callbacks.held.Load())
	return s, statusError(status)
}

// plain runs one plain call into the library, unless the client is closed.
func (c *Client) plain(f func(library) int32) int32 {
	c.gate.RLock()
	defer c.gate.RUnlock()
	if c.closed {
		return statusClosed
	}
	return f(c.library)
}

// callImmediate needs no gate: the library counts who is inside, and one that is closed says so for ever.
func (c *Client) callImmediate(frame, block []byte) (status int32, used int) {
	if c.closing.Load() {
		return statusClosed, 0
	}
	return c.library.callImmediate(frame, block)
}

func (c *Client) freeBuffer(handle uint64) {
	c.plain(func(l library) int32 { return l.freeBuffer(handle) })
}

// length is the number of bytes of a buffer that is the caller's still; 0 where it is not.
func (c *Client) length(handle uint64) (length int) {
	c.plain(func(l library) (status int32) {
		length, status = l.length(handle)
		return status
	})
	return length
}

// free frees buffers that were moved into a frame which the library did not take.
func (c *Client) free(moved []*Buffer) {
	for _, b := range moved {
		c.freeBuffer(b.lease.handle)
	}
}

// freeHandle frees what a dropped frame repeats at its end.
func (c *Client) freeHandle(handle uint64) {
	if handle&objectHandle != 0 {
		c.plain(func(l library) int32 { return l.closeObject(handle &^ objectHandle) })
	} else {
		c.freeBuffer(handle)
	}
}

// leaked records something that the program lost without closing it.
func (c *Client) leaked(what string, from origin) {
	c.leaks.Add(1)
	slog.Warn("strongroom: "+what+" was never closed; close it when it is no longer needed", from.attributes()...)
}

func (c *Client) logFailure(what string, err error) {
	slog.Error("strongroom: "+what, "error", err)
}

// Alloc makes a buffer of this many bytes. It waits, without a thread, until the memory that programs may hold has
// room for it.
func (c *Client) Alloc(ctx context.Context, size int) (*Buffer, error) {
	if size < 0 {
		return nil, fmt.Errorf("a buffer cannot have %d bytes", size)
	}
	var handle uint64
	status := c.plain(func(l library) (status int32) {
		handle, status = l.tryAlloc(uint64(size))
		return status
	})
	switch status {
	case statusOK:
		return c.newBuffer(handle), nil
	case statusNoMemory:
		call := c.Call(methodAlloc)
		call.U64(uint64(size))
		return call.buffer(ctx)
	default:
		return nil, statusError(status)
	}
}

// Fill makes a buffer with what the library reads from a descriptor: size bytes, or fewer at its end; an empty buffer
// says that the end was reached before. The bytes never pass through Go's memory.
func (c *Client) Fill(ctx context.Context, descriptor uintptr, size int) (*Buffer, error) {
	if size < 0 {
		return nil, fmt.Errorf("a buffer cannot have %d bytes", size)
	}
	call := c.Call(methodFill)
	call.I32(int32(descriptor))
	call.U64(uint64(size))
	return call.buffer(ctx)
}

func (c *Call) buffer(ctx context.Context) (*Buffer, error) {
	if err := c.Do(ctx, nil); err != nil {
		return nil, err
	}
	b := c.Reply().Buffer()
	return b, c.Finish()
}
