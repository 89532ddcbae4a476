//go:build bazel

package main

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"
)

const (
	// sampled is of how many requests the time of one is taken: to look at the clock costs a tenth of a request.
	sampled = 16
	// untilAsleep is how long a single request waits for the one after it: longer than any worker spins.
	untilAsleep = 2 * time.Millisecond
)

// answer makes one request, which is to be answered with its value.
type answer func(value uint64) (uint64, error)

// load keeps so many goroutines busy with requests, each with one after the other.
func load(inFlight, requests int, ask answer) ([]figure, error) {
	inFlight = min(inFlight, requests)
	each := requests / inFlight
	failures := make([]error, inFlight)
	times := make([][]time.Duration, inFlight)
	for i := range times {
		times[i] = make([]time.Duration, 0, each/sampled+1)
	}

	var warm, over sync.WaitGroup
	start := make(chan struct{})
	warm.Add(inFlight)
	for i := range inFlight {
		over.Go(func() {
			failures[i] = several(max(1, each/10), i, nil, ask)
			warm.Done()
			<-start
			if failures[i] == nil {
				failures[i] = several(each, i, &times[i], ask)
			}
		})
	}
	warm.Wait()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	used, began := processorTime(), time.Now()
	close(start)
	over.Wait()
	took := time.Since(began)
	used = processorTime() - used
	runtime.ReadMemStats(&after)

	for _, err := range failures {
		if err != nil {
			return nil, err
		}
	}
	made := float64(inFlight * each)
	return append([]figure{
		{"requests_per_second", made / took.Seconds(), "1/s"},
		{"cpu_ns_per_request", float64(used.Nanoseconds()) / made, "ns"},
		{"allocs_per_request", float64(after.Mallocs-before.Mallocs) / made, "1"},
	}, latencies(slices.Concat(times...))...), nil
}

// several makes requests one after the other.
func several(requests, caller int, times *[]time.Duration, ask answer) error {
	for n := range requests {
		// Callers begin at different places of the row, so that not all look at the clock at once.
		timed := times != nil && (n+caller)%sampled == 0
		var began time.Time
		if timed {
			began = time.Now()
		}
		value := uint64(caller)<<32 | uint64(n)
		got, err := ask(value)
		if err != nil {
			return err
		}
		if got != value {
			return fmt.Errorf("%d was answered with %d", value, got)
		}
		if timed {
			*times = append(*times, time.Since(began))
		}
	}
	return nil
}

// single makes one request at a time, with a pause before each.
func single(requests int, pause time.Duration, ask answer) ([]figure, error) {
	times := make([]time.Duration, 0, requests)
	// The first tenth warms up.
	for n := range requests + requests/10 {
		time.Sleep(pause)
		began := time.Now()
		got, err := ask(uint64(n))
		took := time.Since(began)
		if err != nil {
			return nil, err
		}
		if got != uint64(n) {
			return nil, fmt.Errorf("%d was answered with %d", n, got)
		}
		if n >= requests/10 {
			times = append(times, took)
		}
	}
	return latencies(times), nil
}

// immediate calls one getter after the other.
func immediate(calls int, get func() (uint64, error)) ([]figure, error) {
	began := time.Now()
	for range calls {
		if _, err := get(); err != nil {
			return nil, err
		}
	}
	return []figure{{"ns_per_call", float64(time.Since(began).Nanoseconds()) / float64(calls), "ns"}}, nil
}

func latencies(times []time.Duration) []figure {
	slices.Sort(times)
	at := func(part float64) float64 {
		if len(times) == 0 {
			return 0
		}
		return float64(times[int(part*float64(len(times)-1))].Nanoseconds()) / 1e3
	}
	return []figure{{"latency_p50_us", at(0.50), "us"}, {"latency_p99_us", at(0.99), "us"}}
}
