package rpc

import (
	"context"
	"errors"
	"fmt"
)

// Code says what went wrong in the runtime itself, as opposed to the errors that an interface declares.
type Code uint32

// The codes of docs/boundary.md.
const (
	Cancelled        Code = 1
	DeadlineExceeded Code = 2
	Closed           Code = 3
	Malformed        Code = 4
	UnknownMethod    Code = 5
	Busy             Code = 6
	NoMemory         Code = 7
	System           Code = 8
	WrongType        Code = 9
	Callback         Code = 10
	QueueFull        Code = 11
)

var codeNames = [...]string{"ok", "cancelled", "deadline_exceeded", "closed", "malformed", "unknown_method", "busy",
	"no_memory", "system", "wrong_type", "callback", "queue_full"}

// String is the name in docs/boundary.md.
func (c Code) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return fmt.Sprintf("code %d", uint32(c))
}

// Error is a failure of the runtime. Those of code [Cancelled] are also context.Canceled for errors.Is, and those of
// [DeadlineExceeded] context.DeadlineExceeded.
type Error struct {
	Code    Code
	Message string
}

func (e *Error) Error() string {
	if e.Message == "" {
		return e.Code.String()
	}
	return e.Message
}

// encode writes the payload of an ERROR frame.
func (e *Error) encode(out *Encoder) {
	out.U32(0)
	out.U32(uint32(e.Code))
	out.String(e.Message)
	out.U32(0)
}

// Is matches errors of the same code.
func (e *Error) Is(target error) bool {
	switch target {
	case context.Canceled:
		return e.Code == Cancelled
	case context.DeadlineExceeded:
		return e.Code == DeadlineExceeded
	}
	var other *Error
	return errors.As(target, &other) && other.Code == e.Code
}

// To compare with errors.Is.
var (
	// ErrClosed: the client, the object or the buffer is closed, or the buffer was moved.
	ErrClosed error = &Error{Code: Closed, Message: "it is closed"}
	// ErrBusy: a view is open on the buffer; close it first.
	ErrBusy error = &Error{Code: Busy, Message: "a view is open on the buffer; close it first"}
	// ErrNoMemory: more was asked for than callers may ever hold.
	ErrNoMemory error = &Error{Code: NoMemory, Message: "this is more memory than callers may hold"}
	// ErrQueueFull: more calls come than the library takes, and the client was opened with [WithFailFast].
	ErrQueueFull error = &Error{Code: QueueFull, Message: "the queue to the library is full; call again later, or fewer at a time"}
)

var (
	errClientClosed = &Error{Code: Closed, Message: "the client is closed"}
	errObjectClosed = &Error{Code: Closed, Message: "the object is closed"}
	errBufferClosed = &Error{Code: Closed, Message: "the buffer is closed"}
	errBufferMoved  = &Error{Code: Closed, Message: "the buffer was moved into a call and is no longer the caller's"}
)

// PanicError is a bug in the library: the method panicked. The library and the other calls go on.
type PanicError struct {
	Message string
}

func (e *PanicError) Error() string {
	return "the library panicked, which is a bug to report: " + e.Message
}

// UnknownError is an error that a newer library declares and this program does not know.
type UnknownError struct {
	Domain, Variant uint32
	Message         string
}

func (e *UnknownError) Error() string { return e.Message }

func statusError(status int32) error {
	switch status {
	case statusOK:
		return nil
	case statusHandle:
		return &Error{Code: Closed, Message: "the handle is closed"}
	case statusBusy:
		return ErrBusy
	case statusNoMemory:
		return ErrNoMemory
	case statusInvalid:
		return &Error{Code: Malformed, Message: "the library refused an argument: it is out of range"}
	case statusClosed:
		return errClientClosed
	case statusForked:
		return &Error{Code: Closed, Message: "this process was forked from one that uses the library, and has none of the library's threads"}
	default:
		return &Error{Code: System, Message: fmt.Sprintf("the library refused the call with status %d", status)}
	}
}

// decodeError makes the error of an ERROR frame.
func decodeError(schema *Schema, d *Decoder) error {
	domain, variant := d.U32(), d.U32()
	message := d.String()
	fields := d.Begin()
	if d.Err() != nil {
		return d.Err()
	}
	if domain == 0 {
		return &Error{Code: Code(variant), Message: message}
	}
	err := schema.DecodeError(domain, variant, message, d)
	d.End(fields)
	switch {
	case d.Err() != nil:
		return d.Err()
	case err == nil:
		return &UnknownError{Domain: domain, Variant: variant, Message: message}
	default:
		return err
	}
}
