// Command strongroom backs up folders and brings them back.
//
//	strongroom backup DIR
//	strongroom restore latest --target OUT
//
// Everything that it does, the Rust library does; see strongroom.dev/go/strongroom.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// The build says which; the go command does not.
var version = "of development"

func main() {
	// bazel run starts programs elsewhere, and says here where the user stands.
	if folder := os.Getenv("BUILD_WORKING_DIRECTORY"); folder != "" {
		if err := os.Chdir(folder); err != nil {
			fmt.Fprintf(os.Stderr, "strongroom: cannot work in %s: %v\n", folder, err)
			os.Exit(exitFailure)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	interrupts := make(chan os.Signal, 2)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupts
		fmt.Fprintln(os.Stderr, "\nstrongroom: interrupted, stopping; nothing that was committed is lost. Interrupt again to stop at once.")
		cancel()
		<-interrupts
		os.Exit(exitInterrupted)
	}()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
