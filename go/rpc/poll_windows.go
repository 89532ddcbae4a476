package rpc

import "math"

// sleeper is what a receiver sleeps with: nothing. On Windows Go's poller takes no socket of others, so each receiver has a thread, which
// waits in the library; how many there are does not depend on how many calls wait.
type sleeper struct{}

func (r *receiver) prepare() error { return nil }

// discard undoes prepare.
func (r *receiver) discard() {}

// end does nothing: the thread comes out of the library when that is freed.
func (r *receiver) end() {}

// run waits in the library while the queue is empty. It does not look at pending, which goes away with the library.
func (r *receiver) run() {
	defer close(r.stopped)
	for r.take(math.MaxUint64) != foundEnd {
	}
}
