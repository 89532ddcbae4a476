package rpc

import (
	"encoding/binary"
	"iter"
	"sync"
)

// source is what a caller streams into a request. It has a goroutine of its own, which outlives the request where the
// caller's iterator is at work when that ends; so it knows the request by its id, and shares nothing with the slot.
type source struct {
	client  *Client
	call    *Call
	request uint64
	run     func()

	mu     sync.Mutex
	credit int64 // bytes that the library takes; below 0 after an item that was larger than what was left
	over   bool  // the request is
	err    error // what the iterator failed with
	change chan struct{}
}

// Send gives a call the values of a stream among its arguments, with how one is encoded. They are asked for as the
// library takes them, on a goroutine of their own. An error among them cancels the call, which fails with it; where the
// call is over before they are, the iterator is stopped at its next value.
func Send[T any](call *Call, values iter.Seq2[T, error], encode func(*Encoder, T)) {
	s := &source{client: call.client, call: call, change: make(chan struct{}, 1)}
	s.run = func() {
		if values != nil {
			for value, err := range values {
				if err != nil {
					s.fail(err)
					return
				}
				item := newFrame()
				if encode(item, value); !s.send(item) {
					return
				}
			}
		}
		s.put(operation{kind: kindEnd})
	}
	call.source = s
}

// send waits for credit and sends an item; false means that no more are wanted.
func (s *source) send(item *Encoder) bool {
	if item.err != nil {
		s.fail(item.err)
		operation{frame: item}.discard(s.client)
		return false
	}
	size := int64(len(item.out) - headerSize)
	for _, b := range item.moved {
		size += int64(s.client.length(b.lease.handle))
	}
	for {
		s.mu.Lock()
		over, admitted := s.over, s.credit > 0
		if admitted {
			s.credit -= size
		}
		s.mu.Unlock()
		switch {
		case over:
			operation{frame: item}.discard(s.client)
			return false
		case admitted:
			item.seal(s.call.queue, kindItem, s.request)
			return s.put(operation{kind: kindItem, frame: item})
		}
		<-s.change
	}
}

// put queues a frame of the request, unless that is over.
func (s *source) put(op operation) bool {
	op.call, op.queue, op.request = s.call, s.call.queue, s.request
	s.mu.Lock()
	over := s.over
	s.mu.Unlock()
	if over || s.call.path.send(s.client.context, op) != nil {
		op.discard(s.client)
		return false
	}
	return true
}

// fail cancels the request because the iterator failed.
func (s *source) fail(err error) {
	s.mu.Lock()
	s.err = err
	s.mu.Unlock()
	s.put(operation{kind: kindCancel})
}

// failure is what the iterator failed with before the request was over.
func (s *source) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// add takes a CREDIT frame's payload.
func (s *source) add(payload []byte) {
	if len(payload) < 8 {
		return
	}
	s.mu.Lock()
	s.credit += int64(binary.LittleEndian.Uint64(payload))
	s.mu.Unlock()
	s.changed()
}

// stop says that the request is over.
func (s *source) stop() {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.changed()
}

func (s *source) changed() {
	select {
	case s.change <- struct{}{}:
	default:
	}
}
