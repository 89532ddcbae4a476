//go:build bazel

// Command program reads lines KEY=VALUE into a store, and prints those whose keys begin with its argument.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"strongroom.dev/codegen/examples/kv"
)

func main() {
	if err := run(context.Background(), strings.Join(os.Args[1:], " ")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, prefix string) error {
	client, err := kv.NewClient()
	if err != nil {
		return err
	}
	defer client.Close()
	store, err := client.OpenStore(ctx, kv.DefaultOptions())
	if err != nil {
		return err
	}
	defer store.Close()

	_, err = store.Load(ctx, lines, nil)
	var bad *kv.StoreBadKeyError
	if errors.As(err, &bad) {
		return fmt.Errorf("a line has a key of %d bytes", bad.Length)
	}
	if err != nil {
		return err
	}
	for entry, err := range store.Range(ctx, prefix) {
		if err != nil {
			return err
		}
		fmt.Printf("%s is %s, by change %d\n", entry.Key, entry.Value, entry.Version)
	}
	return nil
}

// lines gives the items of the standard input, one after the other, as the library takes them.
func lines(yield func(kv.Item, error) bool) {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		key, value, _ := strings.Cut(in.Text(), "=")
		if !yield(kv.Item{Key: key, Value: []byte(value)}, nil) {
			return
		}
	}
	if err := in.Err(); err != nil {
		yield(kv.Item{}, err)
	}
}
