package rpc

import (
	"context"
	"sync/atomic"
)

// Handler runs one call of a callback: it reads the arguments, and writes the result or answers an error. Generated
// packages make one of an implementation of a callback's interface.
type Handler func(ctx context.Context, method uint32, args *Decoder, result *Encoder) error

// callbacks are the objects that the library may call, by slot and generation.
type callbacks struct {
	slots table[callbackSlot]
	held  atomic.Int64
}

type callbackSlot struct {
	generation atomic.Uint32
	held       atomic.Pointer[callback]
}

type callback struct {
	handle uint64
	run    Handler
}

// add keeps a handler and answers its handle.
func (t *callbacks) add(run Handler) uint64 {
	slot, s := t.slots.take()
	generation := s.generation.Add(1)
	if generation == 0 {
		generation = s.generation.Add(1) // a handle is never 0
	}
	c := &callback{handle: uint64(generation)<<32 | uint64(slot), run: run}
	s.held.Store(c)
	t.held.Add(1)
	return c.handle
}

// find answers the callback of a handle, or nil where it was released or never given out.
func (t *callbacks) find(handle uint64) *callback {
	s := t.slots.find(uint32(handle))
	if s == nil {
		return nil
	}
	if c := s.held.Load(); c != nil && c.handle == handle {
		return c
	}
	return nil
}

// remove forgets a callback, and reports whether there was one.
func (t *callbacks) remove(handle uint64) bool {
	c := t.find(handle)
	if c == nil || !t.slots.find(uint32(handle)).held.CompareAndSwap(c, nil) {
		return false
	}
	t.held.Add(-1)
	t.slots.give(uint32(handle))
	return true
}

// Callback writes the handle of a callback. It is kept until the library has released it.
func (c *Call) Callback(run Handler) {
	if run == nil {
		c.Fail(errNoCallback)
		return
	}
	handle := c.client.callbacks.add(run)
	c.lent = append(c.lent, handle)
	c.U64(handle)
}
