package rpc

import (
	"context"
	"hash/fnv"
	"runtime/pprof"
	"strings"
	"time"
)

// Metrics is told how calls go; promrpc has one for Prometheus. Its methods are called on the goroutines that call and
// that move frames, from many at once, and should be quick.
type Metrics interface {
	// Called is told of each call that is over: its method ("Repository.backup"), how long it took from the moment at
	// which it was queued, and what it failed with.
	Called(method string, took time.Duration, err error)
	// Submitted is told how many frames had gathered for the library when a dispatcher took them: the depth of its queue.
	Submitted(frames int)
	// Received is told how many frames a receiver took from the library at once.
	Received(frames int)
}

// WithMetrics has a program told how its calls go. Without it, nothing is measured.
func WithMetrics(metrics Metrics) Option { return func(o *options) { o.observer.metrics = metrics } }

// TraceContext names the span that a call belongs to, as W3C Trace Context has it; zeros name none.
type TraceContext struct {
	Trace [16]byte
	Span  [8]byte
}

// WithTrace has calls carry the trace of their context, which the library's log lines then name. of answers it; that of
// OpenTelemetry is otelrpc.Of.
func WithTrace(of func(context.Context) TraceContext) Option {
	return func(o *options) { o.observer.trace = of }
}

// WithProfilerLabels has goroutines that are in a call, and those that run callbacks, carry the label "strongroom_method" in
// profiles (runtime/pprof), so that one sees what ten thousand goroutines wait for.
func WithProfilerLabels() Option { return func(o *options) { o.observer.labels = true } }

// observer is what a client tells others. The zero value tells nothing.
type observer struct {
	metrics Metrics
	trace   func(context.Context) TraceContext
	labels  bool
	names   map[uint32]string // of methods; made where somebody wants to know
}

// name learns the names of methods from a schema's text: method ids are made of them (docs/boundary.md).
func (o *observer) name(schema *Schema) {
	if o.metrics == nil && !o.labels {
		return
	}
	o.names = map[uint32]string{methodAlloc: "Buffer.alloc", methodFill: "Buffer.fill"}
	for line := range strings.Lines(schema.Text) {
		if rest, isMethod := strings.CutPrefix(line, "method "); isMethod {
			name, _, _ := strings.Cut(rest, "(")
			hash := fnv.New32a()
			_, _ = hash.Write([]byte(name)) // never fails
			o.names[16+hash.Sum32()] = name
		}
	}
}

// begin notes that a call is about to be queued; its answer, where there is one, is to be called when the call is over.
func (o *observer) begin(ctx context.Context, method uint32) func(error) {
	if o.metrics == nil && !o.labels {
		return nil
	}
	return o.watch(ctx, method)
}

func (o *observer) watch(ctx context.Context, method uint32) func(error) {
	name, start := o.names[method], time.Now()
	o.label(ctx, method)
	return func(err error) {
		if o.labels {
			pprof.SetGoroutineLabels(ctx)
		}
		if o.metrics != nil {
			o.metrics.Called(name, time.Since(start), err)
		}
	}
}

// label marks this goroutine as one that is in a method.
func (o *observer) label(ctx context.Context, method uint32) {
	if o.labels {
		pprof.SetGoroutineLabels(pprof.WithLabels(ctx, pprof.Labels("strongroom_method", o.names[method])))
	}
}
