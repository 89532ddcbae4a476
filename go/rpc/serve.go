package rpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Throw makes of an error that the interface declares the one with which a callback's call fails. encode writes its
// domain, variant, message and fields.
func Throw(encode func(*Encoder)) error { return &thrown{encode} }

type thrown struct{ encode func(*Encoder) }

func (*thrown) Error() string { return "an error of the interface" }

// ErrUnknownMethod: a newer library called a method of a callback that this program does not know.
var ErrUnknownMethod error = &Error{Code: UnknownMethod, Message: "this program's callback has no such method"}

var (
	errNoCallback = errors.New("a callback among the arguments is nil")
	errReleased   = &Error{Code: Closed, Message: "the callback was released, or never given out"}
	errGoexit     = &Error{Code: Callback, Message: "the callback ended its goroutine"}
)

// serving are the calls of callbacks that run, of one queue.
type serving struct {
	mu    sync.Mutex
	calls map[uint64]context.CancelFunc
}

func (s *serving) add(request uint64, cancel context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls == nil {
		s.calls = map[uint64]context.CancelFunc{}
	}
	s.calls[request] = cancel
}

// cancel ends a call that the library no longer waits for, and reports whether there was one.
func (s *serving) cancel(request uint64) bool {
	cancel, found := s.remove(request)
	if found {
		cancel()
	}
	return found
}

// remove reports whether the call was still wanted.
func (s *serving) remove(request uint64) (cancel context.CancelFunc, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cancel, found = s.calls[request]
	delete(s.calls, request)
	return cancel, found
}

// serve starts a call of a callback, on a goroutine of its own: the receiver goes on with its queue.
func (r *receiver) serve(f frame) {
	var ctx context.Context
	var cancel context.CancelFunc
	if f.remaining > 0 {
		ctx, cancel = context.WithTimeout(r.client.context, time.Duration(min(f.remaining, 1<<62)))
	} else {
		ctx, cancel = context.WithCancel(r.client.context)
	}
	r.serving.add(f.request, cancel)
	f.payload = bytes.Clone(f.payload) // the block is filled again meanwhile
	go r.answer(ctx, r.client.callbacks.find(f.object), f)
}

// path is the way on which a queue's callbacks are answered.
func (r *receiver) path() *dispatcher {
	return r.client.dispatchers[int(r.queue)%len(r.client.dispatchers)]
}

// answer runs a call of a callback and sends what came of it, once, unless the library no longer wants it.
func (r *receiver) answer(ctx context.Context, c *callback, f frame) {
	op := operation{kind: kindReply, request: f.request, frame: newFrame()}
	failed := errGoexit
	defer func() { // also where the callback panics, or ends its goroutine
		if p := recover(); p != nil {
			failed = &Error{Code: Callback, Message: fmt.Sprintf("the callback panicked: %v", p)}
			r.client.logFailure("a callback panicked", fmt.Errorf("%v\n%s", p, debug.Stack()))
		}
		cancel, wanted := r.serving.remove(f.request)
		if wanted {
			cancel()
		}
		if failed != nil {
			op.discard(r.client)
			op.kind, op.frame = kindError, newFrame()
			failed.encode(op.frame)
		}
		op.frame.seal(r.queue, op.kind, f.request)
		if !wanted || r.path().send(r.client.context, op) != nil {
			op.discard(r.client)
		}
	}()
	r.client.observer.label(ctx, f.method)
	failed = r.call(ctx, c, f, &op)
}

// call runs the callback and writes its result, or the error that the interface declares. Other failures it answers.
func (r *receiver) call(ctx context.Context, c *callback, f frame, op *operation) *Error {
	if c == nil {
		trailingHandles(f.payload, f.handles, r.client.freeHandle)
		return errReleased
	}
	var d Decoder
	d.reset(r.client, f.payload)
	err := c.run(ctx, f.method, &d, op.frame)
	if d.Err() != nil || err == ErrUnknownMethod {
		// The program never saw what the arguments carry.
		disown(d.buffers)
		trailingHandles(f.payload, f.handles, r.client.freeHandle)
	}
	if err == nil {
		err = op.frame.err
	}
	var declared *thrown
	switch {
	case err == nil:
		return nil
	case errors.As(err, &declared):
		op.kind = kindError
		declared.encode(op.frame)
		return nil
	default:
		return &Error{Code: Callback, Message: err.Error()}
	}
}
