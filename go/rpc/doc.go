// Package rpc is the runtime under the packages that idlc generates for Go: it turns method calls into frames, hands
// them to a Strongroom library in batches, and routes the answers back to the goroutines that wait for them.
//
// A waiting call costs a goroutine and a slot, never an operating system thread. A method encodes its frame into a
// [Call] and queues it at a dispatcher, which hands everything that has gathered there to the library at once; a receiver
// sleeps in Go's network poller on the descriptor of a completion queue, drains it in batches and wakes the callers by slot
// and generation. On Windows each of the few receivers has a thread instead, which waits in the library. docs/boundary.md
// specifies the frames, docs/go.md what programs may rely on.
//
// A stream is an iterator. The call that produces one begins with the loop and ends with it:
//
//	for snapshot, err := range repository.Snapshots(ctx, filter) {
//		if err != nil {
//			return err
//		}
//		…
//	}
//
// [NewReader] reads a stream of buffers as bytes, and [Client.NewWriter] moves bytes into buffers; neither copies where the
// other side is an io.Writer or io.Reader that does not. [iter.Pull2] gives those who do not loop a function for the next value, and one that ends the call.
//
// A callback is a Go value that the library may call until it has released it. Each of its calls runs on a goroutine of its
// own, with a context that is over when the library no longer waits for it.
//
// Programs use the generated package; of this one they meet [Client], [Buffer] and the errors.
package rpc
