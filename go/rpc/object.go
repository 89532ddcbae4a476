package rpc

import (
	"runtime"
	"sync/atomic"
)

// Object is an object of the library, named by a handle with a generation. Generated interfaces are made of one.
type Object struct {
	client *Client
	state  *objectState
	clean  runtime.Cleanup
}

// objectState does not reach the Object, so that the collector can find that lost, nor the client: see lease.
type objectState struct{ handle atomic.Uint64 } // 0: closed

func (c *Client) newObject(handle uint64) *Object {
	o := &Object{client: c, state: &objectState{}}
	o.state.handle.Store(handle)
	from, client := here(), c.self
	o.clean = runtime.AddCleanup(o, func(s *objectState) {
		if c := client.Value(); c != nil && s.close(c) {
			c.leaked("an object", from)
		}
	}, o.state)
	return o
}

// close reports whether it was this call that closed the object.
func (s *objectState) close(c *Client) bool {
	handle := s.handle.Swap(0)
	return handle != 0 && c.plain(func(l library) int32 { return l.closeObject(handle) }) == statusOK
}

// use answers the handle of an open object.
func (o *Object) use() (uint64, error) {
	if o == nil {
		return 0, errObjectClosed
	}
	if handle := o.state.handle.Load(); handle != 0 {
		return handle, nil
	}
	return 0, errObjectClosed
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
