// Command cancellation ends calls before they are done.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"strongroom.dev/go/rpc"
	"strongroom.dev/go/strongroom"
)

func main() {
	log.SetFlags(0)
	if err := run(context.Background()); err != nil {
		log.Fatal("cancellation: ", err)
	}
}

func run(ctx context.Context) error {
	const size = 1 << 20
	client, err := strongroom.NewClient(rpc.WithBufferMemory(size))
	if err != nil {
		return err
	}
	defer client.Close()
	all, err := client.Alloc(ctx, size) // so that further calls of this kind wait
	if err != nil {
		return err
	}
	defer all.Close()

	// show deadline
	soon, stop := context.WithTimeout(ctx, 50*time.Millisecond)
	defer stop()
	_, err = client.Alloc(soon, size)
	fmt.Println("after the deadline:", errors.Is(err, context.DeadlineExceeded))
	// end

	// show cancel
	cancellable, cancel := context.WithCancel(ctx)
	answer := make(chan error)
	go func() {
		_, err := client.Alloc(cancellable, size)
		answer <- err
	}()
	cancel()
	fmt.Println("after cancel:", errors.Is(<-answer, context.Canceled))
	// end

	_, err = client.Alloc(ctx, 2*size)
	fmt.Println("more than there will ever be:", err)
	return nil
}
