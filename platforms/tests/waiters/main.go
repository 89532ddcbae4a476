// Command waiters has ten thousand calls in flight at the same time, and fails where they cost threads of the system, or where one fails.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"strongroom.dev/conformance/go/conformance"
)

const (
	waiting  = 10_000
	sleeping = 5000 // milliseconds: a machine that is busy needs some to send all
	rounds   = 2
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "waiters:", err)
		os.Exit(1)
	}
}

func run() error {
	client, err := conformance.NewClient()
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	echo, err := client.OpenEcho(context.Background(), "waiters")
	if err != nil {
		return err
	}
	defer func() { _ = echo.Close() }()

	var mostThreads, mostInFlight int
	var failure error
	stop, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		for {
			n, err := threads()
			s, failed := client.Statistics()
			if failure = err; failure == nil {
				failure = failed
			}
			mostThreads, mostInFlight = max(mostThreads, n), max(mostInFlight, int(s.InFlight))
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	var failed atomic.Int64
	var calls sync.WaitGroup
	for range waiting {
		calls.Go(func() {
			for range rounds {
				if _, err := echo.Sleep(context.Background(), sleeping); err != nil {
					failed.Add(1)
				}
			}
		})
	}
	calls.Wait()
	close(stop)
	<-watched
	fmt.Printf("%d calls in flight, %d threads of %d processors\n", mostInFlight, mostThreads, runtime.GOMAXPROCS(0))
	switch limit := 16 + runtime.GOMAXPROCS(0); {
	case failure != nil:
		return failure
	case failed.Load() > 0:
		return fmt.Errorf("%d calls failed", failed.Load())
	case mostInFlight < waiting*95/100:
		return fmt.Errorf("the calls were not in flight together")
	case mostThreads < 1 || mostThreads >= limit:
		return fmt.Errorf("fewer than %d threads were expected", limit)
	}
	return nil
}
