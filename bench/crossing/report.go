package main

import (
	"fmt"
	"strings"
	"text/template"

	"strongroom.dev/bench/environment"
)

// row is a line of the table: what was reached before by a prototype, what is aimed at, and a template for what was measured.
type row struct {
	what, prototype, aim, measured string
}

var rows = []row{
	{"Go echo, 64 in flight", "3.1 M requests/s, 0 allocations, 7 threads; p50/p99 20/90 us", "3.5 M", loaded("go/echo/64")},
	{"Go echo, 1,000 in flight", "3.3 M/s", "3.5 M", loaded("go/echo/1000")},
	{"Go echo, 10,000 in flight", "0.7-1.4 M/s, 7 threads, 41 MiB", "1.4 M", loaded("go/echo/10000")},
	{"the same topology in pure Go, no Rust: 64", "2.0 M/s", "be faster than it", loaded("purego/echo/64")},
	{"pure Go: 1,000", "2.5 M/s", "be faster than it", loaded("purego/echo/1000")},
	{"pure Go: 10,000", "0.95 M/s", "be faster than it", loaded("purego/echo/10000")},
	{"plain blocking cgo: 64", "–", "–", loaded("cgo/blocking/64")},
	{"plain blocking cgo: 1,000", "–", "–", loaded("cgo/blocking/1000")},
	{"Go, one request at a time, worker awake", "p50 1.6 us", "1.5 us", alone("go/single/awake")},
	{"Go, one request at a time, worker asleep", "p50 43 us", "30 us", alone("go/single/asleep")},
	{"Go, 1,000 requests in flight that each take 1 ms", "0.83 M/s", "0.9 M", loaded("go/sleep1ms/1000")},
	{"the same by plain blocking cgo", "0.046 M/s", "–", loaded("cgo/sleep1ms/1000")},
	{"Go, 10,000 in flight that each take 1 s", "7 threads", "<= 16 threads", loaded("go/sleep1s/10000")},
	{"waiting alone (one goroutine, 64 in flight): in Go's poller", "–", "–", waiting("wait/poller/64")},
	{"in blocking polls", "half the rate", "–", waiting("wait/blocking/64")},
	{"a ring in shared memory that a thread spins on, without the library", "under 20% more", "–", ringed("wait/ring/64")},
	{"waiting alone, one in flight: in Go's poller", "–", "–", waiting("wait/poller/1")},
	{"in blocking polls", "–", "–", waiting("wait/blocking/1")},
	{"a ring in shared memory", "–", "–", ringed("wait/ring/1")},
	{"asyncio echo, 64 in flight", "0.36 M/s", "0.4 M", looped("asyncio/echo/64")},
	{"asyncio echo, 1,000 in flight", "0.57 M/s", "0.65 M", looped("asyncio/echo/1000")},
	{"uvloop echo, 64 in flight", "0.50 M/s", "0.55 M", looped("uvloop/echo/64")},
	{"uvloop echo, 1,000 in flight", "0.83 M/s", "0.9 M", looped("uvloop/echo/1000")},
	{"call_soon_threadsafe a completion, the usual way: 64", "–", "be 5 times faster", looped("call_soon_threadsafe/echo/64")},
	{"call_soon_threadsafe: 1,000", "0.09 M/s", "be 5 times faster", looped("call_soon_threadsafe/echo/1000")},
	{"PyO3 with pyo3-async-runtimes (obstore, deleting nothing from memory): 64", "–", "–", looped("pyo3/delete/64")},
	{"PyO3 with pyo3-async-runtimes: 1,000", "–", "–", looped("pyo3/delete/1000")},
	{"a method marked immediate: Go", "cgo 22-30 ns", "60 ns", called("go/immediate")},
	{"a getter by plain cgo", "22-30 ns", "–", called("cgo/immediate")},
	{"a method marked immediate: Python", "cffi 50-90 ns, PyO3 23-48 ns", "150 ns", called("python/immediate")},
	{"a getter by ctypes", "–", "–", called("ctypes/immediate")},
	{"bytes copied for a 1 MiB buffer there and back: Go", "0", "0", copied("go/buffer/1MiB")},
	{"bytes copied for a 1 MiB buffer there and back: Python", "0", "0", copied("python/buffer/1MiB")},
}

func loaded(name string) string {
	return fmt.Sprintf(`{{"%[1]s requests_per_second" | mega}} M/s, {{"%[1]s cpu_ns_per_request" | number 0}} ns, {{"%[1]s allocs_per_request" | number 2}} allocations, `+
		`{{"%[1]s os_threads" | number 0}} threads, {{"%[1]s peak_rss_mib" | number 0}} MiB; `+
		`p50/p99 {{"%[1]s latency_p50_us" | number 0}}/{{"%[1]s latency_p99_us" | number 0}} us`, name)
}

func waiting(name string) string {
	return ringed(name) + fmt.Sprintf(`, {{"%s answers_per_poll" | number 1}} answers a poll`, name)
}

func ringed(name string) string {
	return fmt.Sprintf(`{{"%[1]s requests_per_second" | mega}} M/s, {{"%[1]s cpu_ns_per_request" | number 0}} ns, {{"%[1]s os_threads" | number 0}} threads`, name)
}

func looped(name string) string {
	return fmt.Sprintf(`{{"%[1]s requests_per_second" | mega}} M/s, {{"%[1]s cpu_ns_per_request" | number 0}} ns, {{"%[1]s os_threads" | number 0}} threads, {{"%[1]s peak_rss_mib" | number 0}} MiB; `+
		`p50/p99 {{"%[1]s latency_p50_us" | number 0}}/{{"%[1]s latency_p99_us" | number 0}} us`, name)
}

func called(name string) string {
	return fmt.Sprintf(`{{"%s ns_per_call" | number 0}} ns`, name)
}

func copied(name string) string {
	return fmt.Sprintf(`{{"%[1]s copied_bytes" | number 0}}; {{"%[1]s us_per_round_trip" | number 0}} us there and back, filling and reading it included`, name)
}

func alone(name string) string {
	return fmt.Sprintf(`p50 {{"%[1]s latency_p50_us" | number 1}} us, p99 {{"%[1]s latency_p99_us" | number 1}} us`, name)
}

// absent stands for a figure that was not measured.
const absent = "?"

// markdown is the section of docs/performance.md. Rows of which nothing was measured are left out.
func markdown(figures []figure, rounds int) (string, error) {
	found := map[string]float64{}
	for _, f := range figures {
		found[f.Case+" "+f.Metric] = f.Value
	}
	measured := false
	number := func(digits int, name string, by float64) string {
		value, ok := found[name]
		if !ok {
			return absent
		}
		measured = true
		return fmt.Sprintf("%.*f", digits, value/by)
	}
	functions := template.FuncMap{
		"mega":   func(name string) string { return number(3, name, 1e6) },
		"number": func(digits int, name string) string { return number(digits, name, 1) },
	}
	var b strings.Builder
	m := environment.Describe()
	of := "one round"
	if rounds > 1 {
		of = fmt.Sprintf("medians of %d rounds", rounds)
	}
	fmt.Fprintf(&b, "%s, %d cores, %.0f GiB of memory; %s. Nanoseconds behind a rate are the processor's "+
		"for each request, on all threads; memory is the peak of the process.\n\n", m.Processor, m.Cores, float64(m.Memory)/(1<<30), of)
	b.WriteString("| case | a prototype | aim | measured |\n|---|---|---|---|\n")
	for _, r := range rows {
		t, err := template.New(r.what).Funcs(functions).Parse(r.measured)
		if err != nil {
			return "", err
		}
		var cell strings.Builder
		measured = false
		if err := t.Execute(&cell, nil); err != nil {
			return "", err
		}
		if measured {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.what, r.prototype, r.aim, cell.String())
		}
	}
	return b.String(), nil
}
