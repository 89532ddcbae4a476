package rpc

import (
	"context"
	"encoding/binary"
	"io"
	"iter"
	"runtime"
	"sync"
)

// The bytes of items that the library may send before the reader has taken any. Values are small, buffers about a MiB.
const (
	ValueWindow  = 1 << 20
	BufferWindow = 8 << 20
)

// Stream is a sequence of values that a method produces. It runs on credit: the library produces no more than a window
// of bytes ahead of the reader, so that a reader which stops holds it back instead of filling memory.
//
// Read it with All, or with Next until io.EOF. Close it where it is not read to its end. Next is for one goroutine at
// a time; Close may come from any.
type Stream[T any] struct {
	core *streamCore
	read func(*Decoder) T

	mu    sync.Mutex // held by the reader
	err   error      // the stream is over, and why
	clean runtime.Cleanup
}

// streamCore is what the request needs; it does not reach the Stream, so that the collector can find that lost.
type streamCore struct {
	ctx     context.Context
	call    *Call
	request uint64
	window  uint64
	owed    uint64 // bytes taken and not yet given back as credit
	batch   []byte // items that the reader took over from the inbox
	left    []byte // those of the batch that were not read yet
	asked   bool   // a cancel was sent

	closing chan struct{}
	once    sync.Once
	free    sync.Once
}

// NewStream starts a call whose result is a stream. read decodes one item. Generated methods call it.
func NewStream[T any](ctx context.Context, call *Call, window uint64, read func(*Decoder) T) *Stream[T] {
	s := &Stream[T]{read: read}
	if err := call.start(ctx); err != nil {
		s.err = err
		return s
	}
	call.mu.Lock()
	request := call.request()
	call.mu.Unlock()
	s.core = &streamCore{ctx: ctx, call: call, request: request, window: window, closing: make(chan struct{})}
	call.lane.send(context.Background(), operation{call: call, kind: kindCredit, request: request, credit: window})
	s.clean = runtime.AddCleanup(s, func(core *streamCore) {
		core.call.client.leaked("a stream")
		go core.finish()
	}, s.core)
	return s
}

// Next answers the next value, and io.EOF after the last one.
func (s *Stream[T]) Next() (T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var zero T
	if s.err != nil {
		return zero, s.err
	}
	d, err := s.core.next()
	if err != nil {
		s.end(err)
		return zero, err
	}
	item := s.read(d)
	if err := d.Err(); err != nil {
		s.core.dropItem()
		s.end(err)
		return zero, err
	}
	s.core.took(d)
	return item, nil
}

// All yields every value, then the error where there is one, and closes the stream at the end of the loop.
func (s *Stream[T]) All() iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		defer func() { _ = s.Close() }()
		for {
			item, err := s.Next()
			if err == io.EOF {
				return
			}
			if !yield(item, err) || err != nil {
				return
			}
		}
	}
}

// Close cancels what is left of the stream, and returns when the library has acknowledged that. Items that were not
// read are freed.
func (s *Stream[T]) Close() error {
	if s.core != nil {
		s.core.once.Do(func() { close(s.core.closing) }) // ends a Next that waits
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.end(errStreamClosed)
	}
	return nil
}

func (s *Stream[T]) end(err error) {
	s.err = err
	s.clean.Stop()
	s.core.finish()
}

// appendItem adds a stream item to an inbox: length, number of handles, payload.
func appendItem(inbox []byte, f frame) []byte {
	inbox = binary.LittleEndian.AppendUint32(inbox, uint32(len(f.payload)))
	inbox = append(inbox, f.handles)
	return append(inbox, f.payload...)
}

func nextItem(inbox []byte) (payload []byte, handles uint8, rest []byte) {
	length := binary.LittleEndian.Uint32(inbox)
	return inbox[5 : 5+length], inbox[4], inbox[5+length:]
}

// next answers a decoder for the next item, or why there is none. It waits for one.
func (s *streamCore) next() (*Decoder, error) {
	c := s.call
	for {
		select {
		case <-s.closing:
			return nil, errStreamClosed
		default:
		}
		if len(s.left) > 0 && !s.asked {
			payload, _, _ := nextItem(s.left)
			c.decoder.reset(c.client, payload)
			return &c.decoder, nil
		}
		c.mu.Lock()
		if len(c.inbox) > 0 {
			s.drain()
			c.inbox, s.batch = s.batch[:0], c.inbox
			s.left = s.batch
		}
		over := c.over
		c.mu.Unlock()
		switch {
		case len(s.left) > 0 && !s.asked:
			continue
		case over && s.asked:
			if err := contextError(s.ctx); err != nil {
				return nil, err
			}
			return nil, errStreamClosed
		case over && c.kind == kindEnd:
			return nil, io.EOF
		case over:
			return nil, c.failure(s.ctx)
		}
		done := s.ctx.Done()
		if s.asked {
			done = nil
		}
		select {
		case <-c.ready:
		case <-s.closing:
		case <-done:
			s.cancel()
		}
	}
}

func (s *streamCore) cancel() {
	if !s.asked {
		s.asked = true
		s.call.cancel()
	}
}

// took counts an item as read, and gives credit back once a quarter of the window is owed.
func (s *streamCore) took(d *Decoder) {
	payload, handles, rest := nextItem(s.left)
	s.left = rest
	// What the library took from the credit: the item without its repeated handles, and the bytes of its buffers.
	s.owed += uint64(len(payload) - 8*int(handles))
	for _, b := range d.buffers {
		s.owed += uint64(b.Len())
	}
	clear(d.buffers)
	if s.owed >= s.window/4 {
		s.call.lane.send(context.Background(),
			operation{call: s.call, kind: kindCredit, request: s.request, credit: s.owed})
		s.owed = 0
	}
}

// dropItem frees what the next item carries.
func (s *streamCore) dropItem() {
	payload, handles, rest := nextItem(s.left)
	s.left = rest
	disown(s.call.decoder.buffers)
	trailingHandles(payload, handles, s.call.client.freeHandle)
}

func (s *streamCore) drain() {
	for len(s.left) > 0 {
		payload, handles, rest := nextItem(s.left)
		s.left = rest
		trailingHandles(payload, handles, s.call.client.freeHandle)
	}
}

// finish cancels the request where it is not over, waits for its last frame, and frees what was not read.
func (s *streamCore) finish() {
	s.free.Do(func() {
		c := s.call
		for {
			c.mu.Lock()
			over := c.over
			c.mu.Unlock()
			if over {
				break
			}
			s.cancel()
			<-c.ready
		}
		s.drain()
		s.left, c.inbox = c.inbox, nil
		s.drain()
		c.release()
	})
}
