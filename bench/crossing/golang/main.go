//go:build bazel

// Command golang runs one case of the crossing's benchmark in a process of its own, so that the threads and the memory that are counted are
// those of the case, and prints its figures.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path"
	"strconv"
	"time"
)

// figure is one line of the output.
type figure struct {
	Metric string  `json:"metric"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
}

func main() {
	name := flag.String("case", "", "the case")
	requests := flag.Int("requests", 1000, "how many requests it makes")
	flag.Parse()
	figures, err := run(*name, *requests)
	if err == nil {
		out := json.NewEncoder(os.Stdout)
		for _, f := range figures {
			if err = out.Encode(f); err != nil {
				break
			}
		}
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", *name, err)
		os.Exit(1)
	}
}

func run(name string, requests int) ([]figure, error) {
	group, last := path.Split(name)
	inFlight, _ := strconv.Atoi(last)
	switch {
	case group == "go/echo/" && inFlight > 0:
		return withEcho(func(e echo) ([]figure, error) { return load(inFlight, requests, e.number) })
	case group == "go/sleep1ms/" && inFlight > 0:
		return withEcho(func(e echo) ([]figure, error) { return load(inFlight, requests, e.later(time.Millisecond)) })
	case group == "go/sleep1s/" && inFlight > 0:
		return withEcho(func(e echo) ([]figure, error) { return load(inFlight, requests, e.later(time.Second)) })
	case name == "go/single/awake":
		return withEcho(func(e echo) ([]figure, error) { return single(requests, 0, e.number) })
	case name == "go/single/asleep":
		return withEcho(func(e echo) ([]figure, error) { return single(requests, untilAsleep, e.number) })
	case name == "go/immediate":
		return withEcho(func(e echo) ([]figure, error) { return immediate(requests, e.object.Value) })
	case name == "cgo/immediate":
		return counted(immediate(requests, plainValue))
	case name == "go/buffer/1MiB":
		return withEcho(func(e echo) ([]figure, error) { return e.buffers(requests, 1<<20) })
	case group == "purego/echo/" && inFlight > 0:
		t := newTopology()
		defer t.close()
		return counted(load(inFlight, requests, t.number))
	case group == "cgo/blocking/" && inFlight > 0:
		return counted(load(inFlight, requests, blockingNumber))
	case group == "cgo/sleep1ms/" && inFlight > 0:
		return counted(load(inFlight, requests, blockingLater(time.Millisecond)))
	case group == "wait/poller/" && inFlight > 0:
		return withWaiting(func(w *waiting) ([]figure, error) { return w.run(inFlight, requests, w.inThePoller) })
	case group == "wait/blocking/" && inFlight > 0:
		return withWaiting(func(w *waiting) ([]figure, error) { return w.run(inFlight, requests, w.inBlockingPolls) })
	case group == "wait/ring/" && inFlight > 0:
		return counted(ring(inFlight, requests))
	}
	return nil, fmt.Errorf("there is no such case")
}
