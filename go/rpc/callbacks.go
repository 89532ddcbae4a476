package rpc

import (
	"context"
	"math/bits"
	"sync/atomic"
)

// Handler runs one call of a callback: it reads the arguments, and writes the result or answers an error. Generated
// packages make one of an implementation of a callback's interface.
type Handler func(ctx context.Context, method uint32, args *Decoder, result *Encoder) error

// callbacks are the objects that the library may call, by slot and generation. No lock is taken: a slot has one owner
// while it is filled or emptied, idle ones are a stack, and the chunks that slots lie in never move.
type callbacks struct {
	chunks [26]atomic.Pointer[[]callbackSlot] // each twice as long as the one before
	used   atomic.Uint32                      // slots that were ever taken
	idle   atomic.Uint64                      // top of the stack: slot + 1, and above it a count of its changes
	held   atomic.Int64
}

const firstChunk = 64

type callbackSlot struct {
	generation atomic.Uint32
	next       atomic.Uint32 // the idle slot below, + 1
	held       atomic.Pointer[callback]
}

type callback struct {
	handle uint64
	run    Handler
}

// at answers a slot, or nil where its chunk was never made.
func (t *callbacks) at(slot uint32) *callbackSlot {
	n := bits.Len32(slot/firstChunk+1) - 1
	if n >= len(t.chunks) {
		return nil
	}
	chunk := t.chunks[n].Load()
	if chunk == nil {
		return nil
	}
	return &(*chunk)[slot-firstChunk*(1<<n-1)]
}

// add keeps a handler and answers its handle.
func (t *callbacks) add(run Handler) uint64 {
	slot, found := t.pop()
	if !found {
		slot = t.used.Add(1) - 1
		n := bits.Len32(slot/firstChunk+1) - 1
		if t.chunks[n].Load() == nil {
			chunk := make([]callbackSlot, firstChunk<<n)
			t.chunks[n].CompareAndSwap(nil, &chunk)
		}
	}
	s := t.at(slot)
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
	s := t.at(uint32(handle))
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
	if c == nil || !t.at(uint32(handle)).held.CompareAndSwap(c, nil) {
		return false
	}
	t.held.Add(-1)
	t.push(uint32(handle))
	return true
}

func (t *callbacks) pop() (slot uint32, found bool) {
	for {
		top := t.idle.Load()
		if uint32(top) == 0 {
			return 0, false
		}
		slot = uint32(top) - 1
		// Where another one pops the slot meanwhile, the count differs and next is not used.
		if t.idle.CompareAndSwap(top, changed(top, t.at(slot).next.Load())) {
			return slot, true
		}
	}
}

func (t *callbacks) push(slot uint32) {
	for {
		top := t.idle.Load()
		t.at(slot).next.Store(uint32(top))
		if t.idle.CompareAndSwap(top, changed(top, slot+1)) {
			return
		}
	}
}

func changed(top uint64, slot uint32) uint64 { return (top>>32+1)<<32 | uint64(slot) }

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
