package main

import (
	"path"
	"slices"
	"strings"
)

// testCase is what runs in a process of its own: so many requests of one kind.
type testCase struct {
	name     string
	requests int
	metrics  []string
}

var (
	loadMetrics    = []string{"requests_per_second", "cpu_ns_per_request", "allocs_per_request", "latency_p50_us", "latency_p99_us", "os_threads", "peak_rss_mib"}
	loopMetrics    = []string{"requests_per_second", "cpu_ns_per_request", "latency_p50_us", "latency_p99_us", "os_threads", "peak_rss_mib"}
	latencyMetrics = []string{"latency_p50_us", "latency_p99_us", "os_threads", "peak_rss_mib"}
	waitMetrics    = []string{"requests_per_second", "cpu_ns_per_request", "answers_per_poll", "os_threads", "peak_rss_mib"}
	ringMetrics    = []string{"requests_per_second", "cpu_ns_per_request", "os_threads", "peak_rss_mib"}
	callMetrics    = []string{"ns_per_call", "os_threads", "peak_rss_mib"}
	bufferMetrics  = []string{"copied_bytes", "us_per_round_trip", "os_threads", "peak_rss_mib"}
)

// cases are in the order of the table.
var cases = []testCase{
	{"go/echo/64", 3_000_000, loadMetrics},
	{"go/echo/1000", 3_000_000, loadMetrics},
	{"go/echo/10000", 1_000_000, loadMetrics},
	{"purego/echo/64", 3_000_000, loadMetrics},
	{"purego/echo/1000", 3_000_000, loadMetrics},
	{"purego/echo/10000", 1_000_000, loadMetrics},
	{"cgo/blocking/64", 200_000, loadMetrics},
	{"cgo/blocking/1000", 200_000, loadMetrics},
	{"go/single/awake", 100_000, latencyMetrics},
	{"go/single/asleep", 400, latencyMetrics},
	{"go/sleep1ms/1000", 500_000, loadMetrics},
	{"cgo/sleep1ms/1000", 50_000, loadMetrics},
	{"go/sleep1s/10000", 20_000, loadMetrics},
	{"wait/poller/64", 3_000_000, waitMetrics},
	{"wait/blocking/64", 3_000_000, waitMetrics},
	{"wait/ring/64", 3_000_000, ringMetrics},
	{"wait/poller/1", 100_000, waitMetrics},
	{"wait/blocking/1", 100_000, waitMetrics},
	{"wait/ring/1", 100_000, ringMetrics},
	{"asyncio/echo/64", 200_000, loopMetrics},
	{"asyncio/echo/1000", 200_000, loopMetrics},
	{"uvloop/echo/64", 200_000, loopMetrics},
	{"uvloop/echo/1000", 200_000, loopMetrics},
	{"call_soon_threadsafe/echo/64", 50_000, loopMetrics},
	{"call_soon_threadsafe/echo/1000", 50_000, loopMetrics},
	{"pyo3/delete/64", 50_000, loopMetrics},
	{"pyo3/delete/1000", 50_000, loopMetrics},
	{"go/immediate", 5_000_000, callMetrics},
	{"cgo/immediate", 5_000_000, callMetrics},
	{"python/immediate", 1_000_000, callMetrics},
	{"ctypes/immediate", 1_000_000, callMetrics},
	{"go/buffer/1MiB", 500, bufferMetrics},
	{"python/buffer/1MiB", 500, bufferMetrics},
}

// inGo says which program has the case.
func (c testCase) inGo() bool {
	language, _, _ := strings.Cut(c.name, "/")
	return slices.Contains([]string{"go", "purego", "cgo", "wait"}, language)
}

// chosen are the cases whose names match a pattern, as path.Match does it; also those of which the pattern is a folder.
func chosen(pattern string) ([]testCase, error) {
	var some []testCase
	for _, c := range cases {
		for name := c.name; ; name = path.Dir(name) {
			matches, err := path.Match(pattern, name)
			if err != nil {
				return nil, err
			}
			if matches {
				some = append(some, c)
			}
			if matches || name == "." {
				break
			}
		}
	}
	return some, nil
}
