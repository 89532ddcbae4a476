package rpc

import (
	"runtime"
	"sync"
)

// Object is an object of the library, named by a handle with a generation. Generated interfaces are made of one.
type Object struct {
	client *Client
	state  *objectState
	clean  runtime.Cleanup
}

type objectState struct {
	mu     sync.Mutex
	handle uint64
	closed bool
}

func (c *Client) newObject(handle uint64) *Object {
	o := &Object{client: c, state: &objectState{handle: handle}}
	o.clean = runtime.AddCleanup(o, func(s *objectState) {
		if s.close(c) {
			c.leaked("an object")
		}
	}, o.state)
	return o
}

// close reports whether it was this call that closed the object.
func (s *objectState) close(c *Client) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.closed = true
	return c.plain(func(l library) int32 { return l.closeObject(s.handle) }) == statusOK
}

// use answers the handle of an open object.
func (o *Object) use() (uint64, error) {
	if o == nil {
		return 0, errObjectClosed
	}
	o.state.mu.Lock()
	defer o.state.mu.Unlock()
	if o.state.closed {
		return 0, errObjectClosed
	}
	return o.state.handle, nil
}

// Client is the client that the object lives in.
func (o *Object) Client() *Client { return o.client }

// Call starts a call of one of the object's methods. Where the object is closed, the call fails with [ErrClosed].
func (o *Object) Call(method uint32) *Call {
	call := o.client.acquire(method)
	call.object = o
	handle, err := o.use()
	if err != nil {
		call.Fail(err)
	}
	call.handle = handle
	return call
}

// Close ends the object when its last call is over. Later calls fail with [ErrClosed]; closing again does nothing.
func (o *Object) Close() error {
	if o == nil {
		return nil
	}
	o.clean.Stop()
	o.state.close(o.client)
	return nil
}
