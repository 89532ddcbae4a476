package rpc

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// keepCapacity is the most memory that an idle slot keeps of each of its blocks.
const keepCapacity = 64 << 10

// Call is one request, and the slot that its answers find. Generated methods take one from a client or an object, write
// the arguments, run it with Do or Immediate, read the answer and give it back with Finish:
//
//	call := object.Call(method)
//	call.String(name)
//	if err := call.Do(ctx, nil); err != nil {
//		return zero, err // Do gave it back
//	}
//	result := decodeResult(call.Reply())
//	return result, call.Finish()
//
// Slots are reused, so that a call in steady state allocates nothing here. What one goroutine needs of a call stands together:
// with thousands in flight, each line of memory that has to be fetched counts.
type Call struct {
	Encoder

	// flight is the request's id while its last frame has not come: from then on its slot may be given to the next one. Who
	// ends the request takes the id out first, so that nobody else does, and writes the last frame; then flight is 0.
	flight  atomic.Uint64
	ready   chan struct{} // has a token when flight or what mu guards changed
	source  *source       // what the caller streams in; nil: nothing
	reply   []byte        // of the last frame, as the next two
	kind    uint8
	handles uint8
	queue   uint16

	index      uint32
	method     uint32
	generation uint32
	client     *Client
	path       *dispatcher
	object     *Object // kept reachable until the request is over
	handle     uint64
	lent       []uint64 // callbacks among the arguments

	decoder Decoder

	// What most calls and answers fit into: out and reply begin here.
	firstOut   [2 * headerSize]byte
	firstReply [headerSize]byte

	mu      sync.Mutex
	emit    []byte
	emitted bool
	inbox   []byte // stream items: length, handles, payload

	emits    Decoder
	emitting []byte // what emits reads, while emit takes the next one

	// The dispatcher's own: the generation that the library took, and one that was cancelled before that.
	submitted, dropped uint32
}

// Call starts a call that is not a method of an object: a constructor, or a built-in method.
func (c *Client) Call(method uint32) *Call { return c.acquire(method) }

func (c *Client) acquire(method uint32) *Call {
	index, call := c.calls.take()
	if call.client == nil {
		call.first(c, index)
	}
	call.out = append(call.out[:0], emptyHeader[:]...)
	call.moved = call.moved[:0]
	call.err = nil
	call.method = method
	call.object = nil
	call.handle = 0
	return call
}

// first prepares a slot that was never used.
func (c *Call) first(client *Client, index uint32) {
	c.client, c.index = client, index
	c.path = client.dispatchers[int(index)%len(client.dispatchers)]
	c.queue = uint16(int(index) % len(client.receivers))
	c.ready = make(chan struct{}, 1)
	c.out, c.reply = c.firstOut[:0], c.firstReply[:0]
}

var emptyHeader [headerSize]byte

// ending is what flight is while the last frame is written. It is no request's: no table has so many slots.
const ending = 1<<64 - 1

// request is the id that the boundary knows this call by, for who makes it.
func (c *Call) request() uint64 { return uint64(c.generation)<<32 | uint64(c.index) }

// release gives the slot of a call back that is not active. The next request in it has another generation, so nothing that
// is late can reach it.
func (c *Call) release() {
	if cap(c.out) > keepCapacity {
		c.out = nil
	}
	if cap(c.reply) > keepCapacity {
		c.reply = nil
	}
	if cap(c.inbox) > keepCapacity {
		c.inbox = nil
	}
	c.inbox = c.inbox[:0]
	c.decoder.forget()
	clear(c.moved)
	c.moved = c.moved[:0]
	c.lent = c.lent[:0]
	c.object = nil
	c.source = nil
	c.client.calls.give(c.index)
}

// abandon gives back a call that the library never saw.
func (c *Call) abandon() {
	c.recall()
	c.release()
}

// recall takes back what the arguments handed over to a library that did not take them.
func (c *Call) recall() {
	c.client.free(c.moved)
	for _, handle := range c.lent {
		c.client.callbacks.remove(handle)
	}
}

// start sends the call. After an error it is given back.
func (c *Call) start(ctx context.Context) error {
	err := c.err
	var remaining uint64
	if err == nil && ctx.Done() != nil {
		err = contextError(ctx)
		if deadline, ok := ctx.Deadline(); ok {
			remaining = uint64(max(time.Until(deadline), 1))
		}
	}
	if err == nil && c.client.closing.Load() {
		err = errClientClosed
	}
	if err != nil {
		c.abandon()
		return err
	}
	if c.generation++; c.generation == 0 {
		c.generation = 1 // a request id is never 0
	}
	c.emitted = false
	request, source := c.request(), c.source
	c.flight.Store(request)
	putHeader(c.out, c.queue, kindCall, request, c.handle, c.method, remaining)
	if of := c.client.observer.trace; of != nil {
		putTrace(c.out, of(ctx))
	}
	if err := c.path.send(ctx, operation{call: c, kind: kindCall, request: request}); err != nil {
		if !c.flight.CompareAndSwap(request, 0) {
			// Close, which ends what it finds in flight, found this.
			for c.flight.Load() != 0 {
				<-c.ready
			}
		}
		c.abandon()
		return err
	}
	if source != nil {
		source.request = request
		go source.run()
	}
	return nil
}

// Do sends the call and waits until it is over. Cancelling ctx cancels it in the library; Do returns when the library
// has acknowledged that, with the result where the call had won. emit, where not nil, gets the newest emitted record
// on this goroutine. After an error the call is given back.
func (c *Call) Do(ctx context.Context, emit func(*Decoder)) error {
	told := c.client.observer.begin(ctx, c.method)
	if err := c.start(ctx); err != nil {
		if told != nil {
			told(err)
		}
		return err
	}
	done := ctx.Done()
	for {
		if done == nil {
			<-c.ready
		} else {
			select {
			case <-c.ready:
			case <-done:
				done = nil
				c.cancel()
				continue
			}
		}
		over := c.flight.Load() == 0
		if emit != nil && c.takeEmit() {
			c.emits.reset(c.client, c.emitting)
			emit(&c.emits)
		}
		if over {
			break
		}
	}
	// Frames of a request that is over are not let in, so nothing below is shared any more.
	if c.kind == kindReply {
		c.decoder.reset(c.client, c.reply)
		if told != nil {
			told(nil)
		}
		return nil
	}
	err := c.failure(ctx)
	c.release()
	if told != nil {
		told(err)
	}
	return err
}

// takeEmit makes the newest emitted record the one that is read, and reports whether there is one.
func (c *Call) takeEmit() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.emitted {
		return false
	}
	c.emitted = false
	c.emit, c.emitting = c.emitting, c.emit
	return true
}

// failure is the error of a call whose last frame is no reply.
func (c *Call) failure(ctx context.Context) error {
	c.decoder.reset(c.client, c.reply)
	switch c.kind {
	case kindError:
		err := decodeError(c.client.schema, &c.decoder)
		e, own := err.(*Error)
		if own && (e.Code == Malformed || e.Code == UnknownMethod) {
			// The library did not read as far as the callbacks, and will release none.
			for _, handle := range c.lent {
				c.client.callbacks.remove(handle)
			}
		}
		if own && e.Code == Cancelled {
			// A cancel frame carries no reason: the source or the context knows it.
			if c.source != nil {
				if cause := c.source.failure(); cause != nil {
					return cause
				}
			}
			if cause := contextError(ctx); cause != nil {
				return cause
			}
			if c.client.closing.Load() {
				return errClientClosed
			}
		}
		return err
	case kindPanic:
		return &PanicError{Message: c.decoder.Path()} // which need not be UTF-8
	default:
		return &Error{Code: Malformed, Message: "malformed frame: it is of an unexpected kind"}
	}
}

// Reply reads the result of a call that succeeded.
func (c *Call) Reply() *Decoder { return &c.decoder }

// Finish gives the call back, and reports whether its result could be read. Where it could not, the handles in it are
// freed.
func (c *Call) Finish() error {
	err := c.decoder.Err()
	if err != nil {
		trailingHandles(c.reply, c.handles, c.client.freeHandle)
		disown(c.decoder.buffers)
	}
	c.release()
	return err
}

// Immediate runs an @immediate method: a plain call into the library, without a request. After an error the call is
// given back.
func (c *Call) Immediate() error {
	if c.err != nil {
		err := c.err
		c.abandon()
		return err
	}
	putHeader(c.out, 0, kindCall, c.request(), c.handle, c.method, 0)
	if cap(c.reply) < 512 {
		c.reply = make([]byte, 512)
	}
	c.reply = c.reply[:cap(c.reply)]
	var status int32
	for {
		var used int
		if status, used = c.client.callImmediate(c.out, c.reply); status != statusTooSmall {
			break
		}
		c.reply = make([]byte, max(used, 2*len(c.reply)))
	}
	runtime.KeepAlive(c.object)
	var f frame
	_, ok := f.next(c.reply)
	if status != statusOK || !ok {
		c.abandon()
		if status == statusOK {
			status = statusInvalid
		}
		return statusError(status)
	}
	c.kind, c.handles = f.kind, f.handles
	c.reply = c.reply[:copy(c.reply, f.payload)]
	if c.kind == kindReply {
		c.decoder.reset(c.client, c.reply)
		return nil
	}
	err := c.failure(context.Background())
	c.release()
	return err
}

// cancel asks the library to drop the request. Its last frame comes all the same.
func (c *Call) cancel() {
	if request := c.flight.Load(); request != 0 && request != ending {
		// It fails only where the client is closed, which ends the call too.
		_ = c.path.send(context.Background(), operation{call: c, kind: kindCancel, queue: c.queue, request: request})
	}
}

// awaits reports whether the request is in flight, and answered by this queue.
func (c *Call) awaits(request uint64, queue uint16) bool {
	return request != 0 && c.flight.Load() == request && c.queue == queue
}

// deliver takes one frame of a request that is awaited, and reports whether it was let in: the last frame is so once. All come
// one after the other, by the receiver of the call's queue, but for a last one that somebody else makes in the library's place.
func (c *Call) deliver(f *frame) bool {
	switch f.kind {
	case kindEmit, kindItem, kindCredit:
		c.deliverPart(f)
		return true
	}
	if !c.flight.CompareAndSwap(f.request, ending) {
		return false
	}
	c.kind, c.handles = f.kind, f.handles
	c.reply = append(c.reply[:0], f.payload...)
	if c.source != nil {
		c.source.stop()
	}
	ready := c.ready
	// Last: who sees it may give the slot back.
	c.flight.Store(0)
	token(ready)
	return true
}

// deliverPart takes a frame that is not the last one.
func (c *Call) deliverPart(f *frame) {
	if f.kind == kindCredit {
		if c.source != nil {
			c.source.add(f.payload)
		}
		return
	}
	c.mu.Lock()
	if f.kind == kindEmit {
		c.emit = append(c.emit[:0], f.payload...)
		c.emitted = true
	} else {
		c.inbox = appendItem(c.inbox, f)
	}
	c.mu.Unlock()
	token(c.ready)
}

// reject ends a request that the library did not take.
func (c *Call) reject(request uint64, err *Error) {
	c.recall()
	c.fail(request, err)
}

// fail ends the request without the library.
func (c *Call) fail(request uint64, err *Error) {
	e := Encoder{}
	err.encode(&e)
	c.deliver(&frame{kind: kindError, request: request, payload: e.out})
}

// contextError is the error of a context that is over, as a runtime error.
func contextError(ctx context.Context) error {
	switch ctx.Err() {
	case nil:
		return nil
	case context.DeadlineExceeded:
		return &Error{Code: DeadlineExceeded, Message: "the deadline passed before the call was over"}
	default:
		return &Error{Code: Cancelled, Message: "the call was cancelled"}
	}
}
