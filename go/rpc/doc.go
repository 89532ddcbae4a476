// Package rpc is the runtime under the packages that idlc generates for Go: it turns method calls into frames, hands
// them to a Strongroom library in batches, and routes the answers back to the goroutines that wait for them.
//
// A waiting call costs a goroutine and a slot, never an operating system thread. A method encodes its frame into a
// [Call] and puts it on the queue of a lane; the lane's dispatcher hands everything that has gathered there to the
// library at once; the lane's receiver sleeps in Go's network poller on the descriptor of a completion queue, drains
// it in batches and wakes the callers by slot and generation. docs/boundary.md specifies the frames.
//
// Programs use the generated package; of this one they meet [Client], [Buffer], [Stream] and the errors.
package rpc
