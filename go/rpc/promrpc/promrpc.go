// Package promrpc shows Prometheus how the calls of a client go.
//
//	metrics := promrpc.New()
//	prometheus.MustRegister(metrics)
//	client, err := strongroom.NewClient(rpc.WithMetrics(metrics))
//	…
//	metrics.Watch(client.Client)
package promrpc

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"strongroom.dev/go/rpc"
)

// Collector is an [rpc.Metrics] and a [prometheus.Collector].
type Collector struct {
	calls     *prometheus.HistogramVec
	submitted prometheus.Histogram
	received  prometheus.Histogram

	mu      sync.Mutex
	clients []*rpc.Client
}

var (
	_ rpc.Metrics          = (*Collector)(nil)
	_ prometheus.Collector = (*Collector)(nil)
)

// New makes a collector, which several clients may share.
func New() *Collector {
	frames := prometheus.ExponentialBuckets(1, 4, 8) // to 16,384
	return &Collector{
		calls: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "strongroom_call_duration_seconds",
			Help:    "How long calls took, by method and by what became of them.",
			Buckets: prometheus.ExponentialBuckets(10e-6, 4, 12), // 10 microseconds to 42 seconds
		}, []string{"method", "outcome"}),
		submitted: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "strongroom_queue_depth", Help: "Frames that had gathered when a dispatcher took them.", Buckets: frames,
		}),
		received: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "strongroom_received_frames", Help: "Frames that a receiver took at once.", Buckets: frames,
		}),
	}
}

// Called is told of a call.
func (c *Collector) Called(method string, took time.Duration, err error) {
	c.calls.WithLabelValues(method, outcome(err)).Observe(took.Seconds())
}

// outcome is "ok", the code of an error of the runtime, "panic", or "error" for those that the interface declares.
func outcome(err error) string {
	var runtime *rpc.Error
	var panicked *rpc.PanicError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &runtime):
		return runtime.Code.String()
	case errors.As(err, &panicked):
		return "panic"
	default:
		return "error"
	}
}

// Submitted is told of frames on their way to the library.
func (c *Collector) Submitted(frames int) { c.submitted.Observe(float64(frames)) }

// Received is told of frames from the library.
func (c *Collector) Received(frames int) { c.received.Observe(float64(frames)) }

// Watch adds what a client holds to what is collected: the sum over all that are watched, until they are closed.
func (c *Collector) Watch(client *rpc.Client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clients = append(c.clients, client)
}

var held = []struct {
	description *prometheus.Desc
	kind        prometheus.ValueType
	value       func(rpc.Statistics) uint64
}{
	{describe("strongroom_requests_total", "Requests that the library accepted."), prometheus.CounterValue,
		func(s rpc.Statistics) uint64 { return s.Requests }},
	{describe("strongroom_requests_in_flight", "Requests that are not over."), prometheus.GaugeValue,
		func(s rpc.Statistics) uint64 { return s.InFlight }},
	{describe("strongroom_buffers", "Buffers that the program holds."), prometheus.GaugeValue,
		func(s rpc.Statistics) uint64 { return s.Buffers }},
	{describe("strongroom_buffer_bytes", "Memory behind the buffers that the program holds."), prometheus.GaugeValue,
		func(s rpc.Statistics) uint64 { return s.BufferBytes }},
	{describe("strongroom_objects", "Objects that the program holds."), prometheus.GaugeValue,
		func(s rpc.Statistics) uint64 { return s.Objects }},
	{describe("strongroom_stray_frames_total", "Frames that came after their request was over, on either side."), prometheus.CounterValue,
		func(s rpc.Statistics) uint64 { return s.Stray + s.LateAnswers }},
	{describe("strongroom_leaks_total", "Buffers and objects that the garbage collector found open."), prometheus.CounterValue,
		func(s rpc.Statistics) uint64 { return s.Leaks }},
	{describe("strongroom_threads", "Threads of the library."), prometheus.GaugeValue,
		func(s rpc.Statistics) uint64 { return s.Threads }},
}

func describe(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }

// Describe is the one of [prometheus.Collector].
func (c *Collector) Describe(descriptions chan<- *prometheus.Desc) {
	c.calls.Describe(descriptions)
	c.submitted.Describe(descriptions)
	c.received.Describe(descriptions)
	for _, h := range held {
		descriptions <- h.description
	}
}

// Collect is the one of [prometheus.Collector].
func (c *Collector) Collect(metrics chan<- prometheus.Metric) {
	c.calls.Collect(metrics)
	c.submitted.Collect(metrics)
	c.received.Collect(metrics)
	sums := make([]uint64, len(held))
	for _, s := range c.statistics() {
		for i, h := range held {
			sums[i] += h.value(s)
		}
	}
	for i, h := range held {
		metrics <- prometheus.MustNewConstMetric(h.description, h.kind, float64(sums[i]))
	}
}

// statistics answers those of the clients that are open, and forgets the others.
func (c *Collector) statistics() (all []rpc.Statistics) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clients = slices.DeleteFunc(c.clients, func(client *rpc.Client) bool {
		s, err := client.Statistics()
		if err == nil {
			all = append(all, s)
		}
		return err != nil
	})
	return all
}
