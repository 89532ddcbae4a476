//go:build strongroom_debug

package rpc

import (
	"fmt"
	"log/slog"
	"runtime"
	"strings"
)

// origin is where a program got something that it has to close.
type origin struct{ stack []uintptr }

// here is the origin of what is being made.
func here() origin {
	stack := make([]uintptr, 32)
	return origin{stack[:runtime.Callers(3, stack)]}
}

// attributes are the places in the program, the innermost first.
func (o origin) attributes() []any {
	var places []string
	frames := runtime.CallersFrames(o.stack)
	for more := len(o.stack) > 0; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if f.Function != "" && !strings.HasPrefix(f.Function, "strongroom.dev/go/rpc.") {
			places = append(places, fmt.Sprintf("%s (%s:%d)", f.Function, f.File, f.Line))
		}
	}
	return []any{slog.String("from", strings.Join(places, ", called by "))}
}

// watch reports a view that the program loses without closing it: its buffer can never be moved or freed.
func (v *View) watch() {
	from, client := here(), v.client.self
	v.clean = runtime.AddCleanup(v, func(*lease) {
		if c := client.Value(); c != nil {
			c.leaked("a view of a buffer", from)
		}
	}, v.lease)
}

func (v *View) unwatch() { v.clean.Stop() }

// crossing runs the garbage collector at every call into the library, so that memory which the program must keep and does
// not is gone by then. (Looking at an empty queue is none.)
func crossing() { runtime.GC() }

type watched struct{ clean runtime.Cleanup }
