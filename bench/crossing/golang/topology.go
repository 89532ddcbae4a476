//go:build bazel

package main

import (
	"runtime"
	"sync"
)

// topology is the way of a request in Go alone: callers, a dispatcher that gathers batches, a worker in the library's place, and a receiver that wakes
// the callers.
type topology struct {
	operations chan *request
	submitted  chan []*request
	completed  chan []*request
	emptied    chan []*request
	idle       sync.Pool // of requests that nobody uses; each has its parking place
}

type request struct {
	value, result uint64
	ready         chan struct{}
}

// batches is how many batches may be on their way between two of the stages.
const batches = 8

func newTopology() *topology {
	t := &topology{
		operations: make(chan *request, 4096),
		submitted:  make(chan []*request, batches), completed: make(chan []*request, batches), emptied: make(chan []*request, 4*batches),
		idle: sync.Pool{New: func() any { return &request{ready: make(chan struct{}, 1)} }},
	}
	go t.dispatch()
	go t.work()
	go t.receive()
	return t
}

func (t *topology) close() { close(t.operations) }

func (t *topology) number(value uint64) (uint64, error) {
	r := t.idle.Get().(*request)
	r.value = value
	t.operations <- r
	<-r.ready
	result := r.result
	t.idle.Put(r)
	return result, nil
}

func (t *topology) dispatch() {
	defer close(t.submitted)
	for r := range t.operations {
		batch := append(t.empty(), r)
		batch = t.drain(batch)
		// What has become able to run meanwhile is likely to ask, too.
		runtime.Gosched()
		t.submitted <- t.drain(batch)
	}
}

func (t *topology) drain(batch []*request) []*request {
	for len(batch) < cap(t.operations) {
		select {
		case r, open := <-t.operations:
			if !open {
				return batch
			}
			batch = append(batch, r)
		default:
			return batch
		}
	}
	return batch
}

func (t *topology) empty() []*request {
	select {
	case batch := <-t.emptied:
		return batch[:0]
	default:
		return make([]*request, 0, 64)
	}
}

func (t *topology) work() {
	defer close(t.completed)
	for batch := range t.submitted {
		for _, r := range batch {
			r.result = r.value
		}
		t.completed <- batch
	}
}

func (t *topology) receive() {
	for batch := range t.completed {
		for _, r := range batch {
			r.ready <- struct{}{}
		}
		select {
		case t.emptied <- batch:
		default:
		}
	}
}
