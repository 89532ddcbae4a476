//go:build unix

package rpc

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// sleeper is what a receiver sleeps with: the network poller, which waits for a descriptor of the queue.
type sleeper struct {
	descriptor *os.File
}

func (r *receiver) prepare() error {
	fd, pending, err := r.client.library.wake(uint32(r.queue))
	if err != nil {
		return err
	}
	// The descriptor is the library's: wait on a copy, which Go may close.
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("copy the descriptor of queue %d: %w", r.queue, err)
	}
	if err := unix.SetNonblock(own, true); err != nil {
		_ = unix.Close(own)
		return fmt.Errorf("prepare the descriptor of queue %d: %w", r.queue, err)
	}
	r.pending = pending
	r.descriptor = os.NewFile(uintptr(own), fmt.Sprintf("completion queue %d", r.queue))
	return nil
}

// discard undoes prepare.
func (r *receiver) discard() { _ = r.descriptor.Close() }

// end stops the goroutine and returns when it is gone.
func (r *receiver) end() {
	close(r.stop)
	_ = r.descriptor.Close() // wakes it
	<-r.stopped
}

// run sleeps in the network poller while the queue is empty; no thread waits in the library.
func (r *receiver) run() {
	defer close(r.stopped)
	raw, err := r.descriptor.SyscallConn()
	if err != nil {
		r.client.logFailure("the completion queue cannot be waited on", err)
		return
	}
	var since time.Time // it sleeps
	// The poller is edge-triggered, and Read resets its edge before the first call and looks again after each wake-up,
	// so an answer that comes between an empty poll and the sleep is not lost.
	_ = raw.Read(func(uintptr) bool {
		if !since.IsZero() {
			r.patience = learn(r.patience, time.Since(since))
			if asked := r.asked.Swap(0); asked > 0 {
				r.answers.Store(int64(learn(time.Duration(r.answers.Load()), r.client.now()-time.Duration(asked))))
			}
		}
		for {
			r.linger(r.patience)
			switch r.take(0) {
			case foundAnswers:
			case foundEnd:
				return true
			case foundNothing:
				select {
				case <-r.stop:
					return true
				default:
					since = time.Now()
					r.asked.Store(asleep)
					return false
				}
			}
		}
	})
}
