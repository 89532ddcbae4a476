package docs

// runtimeError is a way to fail that every call has.
type runtimeError struct {
	Name string
	When string
}

// runtimeErrors are domain 0 of docs/boundary.md, in its order.
var runtimeErrors = []runtimeError{
	{"cancelled", "The caller cancelled the request, or the runtime was freed."},
	{"deadline_exceeded", "The request's time was over before its result was there."},
	{"closed", "The object or buffer is closed, or was never given out."},
	{"malformed", "What was sent is not what the interface says."},
	{"unknown_method", "The library has no such method: it is older than the binding."},
	{"busy", "A view is open on a buffer that was to be sent."},
	{"no_memory", "More buffer memory was asked for than a caller may ever hold."},
	{"system", "The operating system failed, for instance when it read from a descriptor."},
	{"wrong_type", "The object has another interface than the method."},
	{"callback", "A callback of the caller's failed in a way that the interface does not name."},
	{"queue_full", "More calls came than the library takes, and the client was to fail fast (Go)."},
}
