package rpc

import (
	"context"
	"encoding/binary"
	"io"
)

// The bytes of items that the library may send before the reader has taken any. Values are small, buffers about a MiB.
const (
	ValueWindow  = 1 << 20
	BufferWindow = 8 << 20
)

// received is what a caller reads of a stream.
type received struct {
	ctx     context.Context
	call    *Call
	request uint64
	window  uint64
	owed    uint64 // bytes taken and not yet given back as credit
	batch   []byte // items that the reader took over from the inbox
	left    []byte // those of the batch that were not read yet
	asked   bool   // a cancel was sent
}

// Receive makes a call whose result is a stream, and yields each value, then the error where there is one. read decodes
// one value. The stream runs on credit: the library produces no more than a window of bytes ahead of the reader, so that a
// reader which stops holds it back instead of filling memory. Where the loop is left early, what is left of the stream is
// cancelled and freed, and Receive returns when the library has acknowledged that.
func Receive[T any](ctx context.Context, call *Call, window uint64, yield func(T, error) bool, read func(*Decoder) T) {
	var zero T
	var err error
	if over := call.client.observer.begin(ctx, call.method); over != nil {
		defer func() { over(err) }()
	}
	if err = call.start(ctx); err != nil {
		yield(zero, err)
		return
	}
	s := received{ctx: ctx, call: call, request: call.request(), window: window}
	defer s.finish()
	s.credit(window)
	for {
		var d *Decoder
		if d, err = s.next(); err == io.EOF {
			err = nil
			return
		}
		if err != nil {
			yield(zero, err)
			return
		}
		value := read(d)
		if err = d.Err(); err != nil {
			s.dropItem()
			yield(zero, err)
			return
		}
		s.took(d)
		if !yield(value, nil) {
			return
		}
	}
}

func (s *received) credit(bytes uint64) {
	// It fails only where the client is closed, which ends the stream too.
	_ = s.call.path.send(context.Background(), operation{call: s.call, kind: kindCredit, queue: s.call.queue, request: s.request, credit: bytes})
}

// appendItem adds a stream item to an inbox: length, number of handles, payload.
func appendItem(inbox []byte, f *frame) []byte {
	inbox = binary.LittleEndian.AppendUint32(inbox, uint32(len(f.payload)))
	inbox = append(inbox, f.handles)
	return append(inbox, f.payload...)
}

func nextItem(inbox []byte) (payload []byte, handles uint8, rest []byte) {
	length := binary.LittleEndian.Uint32(inbox)
	return inbox[5 : 5+length], inbox[4], inbox[5+length:]
}

// next answers a decoder for the next item, or why there is none. It waits for one.
func (s *received) next() (*Decoder, error) {
	c := s.call
	for {
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
		over := c.flight.Load() == 0
		c.mu.Unlock()
		switch {
		case len(s.left) > 0 && !s.asked:
			continue
		case over && s.asked:
			return nil, contextError(s.ctx)
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
		case <-done:
			s.cancel()
		}
	}
}

func (s *received) cancel() {
	if !s.asked {
		s.asked = true
		s.call.cancel()
	}
}

// took counts an item as read, and gives credit back once a quarter of the window is owed.
func (s *received) took(d *Decoder) {
	payload, handles, rest := nextItem(s.left)
	s.left = rest
	// What the library took from the credit: the item without its repeated handles, and the bytes of its buffers.
	s.owed += uint64(len(payload) - 8*int(handles))
	for _, b := range d.buffers {
		s.owed += uint64(b.Len())
	}
	clear(d.buffers)
	if s.owed >= s.window/4 {
		s.credit(s.owed)
		s.owed = 0
	}
}

// dropItem frees what the next item carries.
func (s *received) dropItem() {
	payload, handles, rest := nextItem(s.left)
	s.left = rest
	disown(s.call.decoder.buffers)
	trailingHandles(payload, handles, s.call.client.freeHandle)
}

func (s *received) drain() {
	for len(s.left) > 0 {
		payload, handles, rest := nextItem(s.left)
		s.left = rest
		trailingHandles(payload, handles, s.call.client.freeHandle)
	}
}

// finish cancels the request where it is not over, waits for its last frame, and frees what was not read.
func (s *received) finish() {
	c := s.call
	for {
		if c.flight.Load() == 0 {
			break
		}
		s.cancel()
		<-c.ready
	}
	s.drain()
	s.left, c.inbox = c.inbox, nil
	s.drain()
	c.release()
}
