// Command requests has ten thousand goroutines wait for a call each, and counts threads.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"sync"
	"time"

	"strongroom.dev/go/rpc"
	"strongroom.dev/go/strongroom"
)

func main() {
	log.SetFlags(0)
	if err := run(context.Background()); err != nil {
		log.Fatal("requests: ", err)
	}
}

func run(ctx context.Context) error {
	// show requests
	const size, callers = 1 << 20, 10_000
	client, err := strongroom.NewClient(rpc.WithBufferMemory(size))
	if err != nil {
		return err
	}
	defer client.Close()
	all, err := client.Alloc(ctx, size) // all that this program may hold, so that every further call waits
	if err != nil {
		return err
	}

	var calls sync.WaitGroup
	for range callers {
		calls.Go(func() {
			buffer, err := client.Alloc(ctx, size)
			if err == nil {
				err = buffer.Close() // and the next one has its turn
			}
			if err != nil {
				log.Fatal("requests: ", err)
			}
		})
	}
	for {
		now, err := client.Statistics()
		if err != nil {
			return err
		}
		if now.InFlight == callers {
			break
		}
		time.Sleep(time.Millisecond)
	}
	fmt.Println(callers, "calls wait; this process has", threads(), "threads")

	if err := all.Close(); err != nil { // now they get theirs, one after the other
		return err
	}
	calls.Wait()
	fmt.Println("all have had their answer")
	// end
	return nil
}

// threads is how many the operating system counts.
func threads() string {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err.Error()
	}
	_, after, _ := strings.Cut(string(status), "Threads:")
	line, _, _ := strings.Cut(after, "\n")
	return strings.TrimSpace(line)
}
