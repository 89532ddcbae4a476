package rpc

import (
	"math/bits"
	"sync/atomic"
)

// table is an array that grows, whose entries never move, with a stack of the idle ones: the one used last is the warmest.
// No lock is taken: an entry has one owner between take and give. (The stack is Treiber's, with a count of its changes
// beside its top, so that one which was popped and pushed again meanwhile is not mistaken for itself.)
type table[T any] struct {
	chunks [26]atomic.Pointer[[]entry[T]] // each twice as long as the one before
	used   atomic.Uint32                  // entries that were ever taken
	idle   atomic.Uint64                  // top of the stack: index + 1, and above it the count
}

const firstChunk = 64

// next stands beside what who takes an entry begins with, so that both come with one line of memory.
type entry[T any] struct {
	next  atomic.Uint32 // the idle entry below, + 1
	value T
}

// find answers an entry's value, or nil where its chunk was never made.
func (t *table[T]) find(index uint32) *T {
	if e := t.at(index); e != nil {
		return &e.value
	}
	return nil
}

func (t *table[T]) at(index uint32) *entry[T] {
	n := bits.Len32(index/firstChunk+1) - 1
	if n >= len(t.chunks) {
		return nil
	}
	chunk := t.chunks[n].Load()
	if chunk == nil {
		return nil
	}
	return &(*chunk)[index-firstChunk*(1<<n-1)]
}

// take answers an idle entry, or one that was never taken: then it is as it was made.
func (t *table[T]) take() (index uint32, value *T) {
	for {
		top := t.idle.Load()
		if uint32(top) == 0 {
			break
		}
		index = uint32(top) - 1
		e := t.at(index)
		// Where another one takes the entry meanwhile, the count differs and next is not used.
		if t.idle.CompareAndSwap(top, changed(top, e.next.Load())) {
			return index, &e.value
		}
	}
	index = t.used.Add(1) - 1
	n := bits.Len32(index/firstChunk+1) - 1
	if t.chunks[n].Load() == nil {
		chunk := make([]entry[T], firstChunk<<n)
		t.chunks[n].CompareAndSwap(nil, &chunk)
	}
	return index, t.find(index)
}

// give makes an entry idle.
func (t *table[T]) give(index uint32) {
	e := t.at(index)
	for {
		top := t.idle.Load()
		e.next.Store(uint32(top))
		if t.idle.CompareAndSwap(top, changed(top, index+1)) {
			return
		}
	}
}

// all yields the entries that were ever taken.
func (t *table[T]) all(yield func(*T) bool) {
	for index := range t.used.Load() {
		if value := t.find(index); value != nil && !yield(value) {
			return
		}
	}
}

func changed(top uint64, index uint32) uint64 { return (top>>32+1)<<32 | uint64(index) }
