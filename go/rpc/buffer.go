package rpc

import (
	"runtime"
	"sync"
)

// Buffer is a block of memory that the library allocated and owns; the program looks at it through a [View]. Passing
// it to a method moves it: afterwards it is the library's, and every use of it fails with [ErrClosed].
//
// Close every buffer that was not moved. All methods may be called from any goroutine.
type Buffer struct {
	client *Client
	lease  *lease
	clean  runtime.Cleanup
}

// lease is what a buffer and its views share. It reaches neither the Buffer, so that the collector can find that lost, nor the
// client: what a cleanup has is never collected before its object, and a client may lead to the object, by way of a
// callback that the program gave it.
type lease struct {
	handle uint64

	mu    sync.Mutex
	gone  *Error // why it can no longer be used: closed or moved
	views int
}

func (c *Client) newBuffer(handle uint64) *Buffer {
	b := &Buffer{client: c, lease: &lease{handle: handle}}
	from, client := here(), c.self
	b.clean = runtime.AddCleanup(b, func(l *lease) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.gone != nil {
			return
		}
		l.gone = errBufferClosed
		c := client.Value()
		if c == nil {
			return // it went with its client
		}
		// Bytes of an open view may still be in use, so that memory is rather lost than handed to someone else.
		if l.views == 0 {
			c.freeBuffer(l.handle)
		}
		c.leaked("a buffer", from)
	}, b.lease)
	return b
}

// disown forgets buffers whose handles were freed already.
func disown(buffers []*Buffer) {
	for _, b := range buffers {
		b.lease.mu.Lock()
		b.lease.gone = errBufferClosed
		b.lease.mu.Unlock()
		b.clean.Stop()
	}
}

// plain runs one plain call on a buffer that is still the caller's.
func (b *Buffer) plain(f func(library, uint64) int32) error {
	l := b.lease
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone != nil {
		return l.gone
	}
	return statusError(b.client.plain(func(lib library) int32 { return f(lib, l.handle) }))
}

// View opens a lease on the buffer's bytes. While one is open the buffer can be neither moved, shrunk nor closed.
func (b *Buffer) View() (*View, error) {
	if b == nil {
		return nil, errBufferClosed
	}
	v := &View{client: b.client, lease: b.lease}
	err := b.plain(func(l library, handle uint64) (status int32) {
		if b.client.closing.Load() {
			return statusClosed
		}
		if v.bytes, status = l.view(handle); status == statusOK {
			b.lease.views++
			b.client.views.Add(1)
		}
		return status
	})
	if err != nil {
		return nil, err
	}
	v.watch()
	return v, nil
}

// Len is the number of bytes in the buffer; 0 where it is closed or moved.
func (b *Buffer) Len() int {
	if b == nil {
		return 0
	}
	var length int
	err := b.plain(func(l library, handle uint64) (status int32) {
		length, status = l.length(handle)
		return status
	})
	if err != nil {
		return 0
	}
	return length
}

// Shrink cuts the buffer to its first n bytes: what was filled, where less came than was asked for.
func (b *Buffer) Shrink(n int) error {
	if b == nil {
		return errBufferClosed
	}
	if n < 0 {
		return &Error{Code: System, Message: "a buffer cannot shrink below nothing"}
	}
	return b.plain(func(l library, handle uint64) int32 { return l.shrink(handle, uint64(n)) })
}

// Close frees the buffer. Closing it again, or after it was moved, does nothing; with an open view it is [ErrBusy].
func (b *Buffer) Close() error {
	if b == nil {
		return nil
	}
	l := b.lease
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.gone != nil:
		return nil
	case l.views > 0:
		return ErrBusy
	}
	b.clean.Stop()
	l.gone = errBufferClosed
	status := b.client.plain(func(lib library) int32 { return lib.freeBuffer(l.handle) })
	if status == statusClosed {
		return nil // it went with its client
	}
	return statusError(status)
}

// move gives the buffer up and answers its handle.
func (b *Buffer) move() (uint64, error) {
	if b == nil {
		return 0, errBufferClosed
	}
	l := b.lease
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.gone != nil:
		return 0, l.gone
	case l.views > 0:
		return 0, ErrBusy
	}
	b.clean.Stop()
	l.gone = errBufferMoved
	return l.handle, nil
}

// View is a lease on the bytes of a buffer. Close it before the buffer is moved or closed.
type View struct {
	watched
	client *Client
	lease  *lease
	mu     sync.Mutex
	bytes  []byte
	done   bool
}

// Bytes is the memory itself, for reading and writing, until Close; nil afterwards. It must not be used after that.
func (v *View) Bytes() []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.bytes
}

// Close ends the lease. Closing it again does nothing.
func (v *View) Close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.done {
		return nil
	}
	v.done, v.bytes = true, nil
	v.unwatch()
	l := v.lease
	l.mu.Lock()
	defer l.mu.Unlock()
	status := v.client.plain(func(lib library) int32 { return lib.unview(l.handle) })
	l.views--
	v.client.views.Add(-1)
	return statusError(status)
}
