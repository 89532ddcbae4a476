//go:build bazel

// Command words counts its arguments.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"example.org/tally"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, words []string) error {
	client, err := tally.NewClient()
	if err != nil {
		return err
	}
	defer client.Close()
	counts, err := client.OpenTally(ctx)
	if err != nil {
		return err
	}
	defer counts.Close()
	for _, word := range words {
		_, err := counts.Add(ctx, word)
		var none *tally.TallyNoWordError
		if errors.As(err, &none) {
			return fmt.Errorf("write one word an argument: %w", err)
		}
		if err != nil {
			return err
		}
	}
	for count, err := range counts.Counts(ctx) {
		if err != nil {
			return err
		}
		fmt.Printf("%d %s\n", count.Times, count.Word)
	}
	return nil
}
