package rpc

import (
	"context"
	"log/slog"
	"sync"
	"unsafe"

	"github.com/mattn/go-pointer"
)

// logSink is the Go object behind the library's `void *`.
type logSink struct{ logger *slog.Logger }

var sink struct {
	mu      sync.Mutex
	context unsafe.Pointer // of the sink that the library has
}

// SetLogger sends what the library logs at this level and above to a logger; nil ends that, and returns when the last
// line has been written. There is one sink a process. The logger runs on a thread of the library and should be quick:
// lines that come faster than it takes them are dropped.
func (c *Client) SetLogger(logger *slog.Logger, level slog.Level) error {
	sink.mu.Lock()
	defer sink.mu.Unlock()
	var next *logSink
	if logger != nil {
		next = &logSink{logger: logger}
	}
	var context unsafe.Pointer
	status := c.plain(func(l library) (status int32) {
		context, status = l.setLog(libraryLevel(level), next)
		return status
	})
	if status != statusOK {
		return statusError(status)
	}
	// The library no longer calls the old one.
	if sink.context != nil {
		pointer.Unref(sink.context)
	}
	sink.context = context
	return nil
}

func (s *logSink) write(level uint32, target, message string) {
	s.logger.LogAttrs(context.Background(), goLevel(level), message, slog.String("target", target))
}

// The library has error 1, warning 2, information 3, debug 4, trace 5.
func libraryLevel(level slog.Level) uint32 {
	switch {
	case level >= slog.LevelError:
		return 1
	case level >= slog.LevelWarn:
		return 2
	case level >= slog.LevelInfo:
		return 3
	case level >= slog.LevelDebug:
		return 4
	default:
		return 5
	}
}

func goLevel(level uint32) slog.Level {
	return slog.LevelError - slog.Level(4*(int(min(max(level, 1), 5))-1))
}
