package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"strongroom.dev/go/rpc"
	"strongroom.dev/go/strongroom"
)

func (a *app) restoreCommand() *cobra.Command {
	var target, name string
	c := &cobra.Command{
		Use:   "restore SNAPSHOT [PATH]... --target DIR | restore SNAPSHOT --stdout NAME",
		Short: "Bring a snapshot back, or some of its paths, or one file to the standard output",
		Example: "  strongroom restore latest --target /tmp/out\n" +
			"  strongroom restore latest --stdout shop.sql | psql shop",
		Args: args(1, -1, "the snapshot (latest, or the first digits of its id)"),
		RunE: func(c *cobra.Command, given []string) error {
			ctx := c.Context()
			if (target == "") == (name == "") {
				return usageError{errors.New("restore needs one of --target DIR and --stdout NAME")}
			}
			if name != "" && len(given) > 1 {
				return usageError{errors.New("--stdout writes one file; leave the other paths out")}
			}
			repository, err := a.open(ctx)
			if err != nil {
				return err
			}
			defer func() { _ = repository.Close() }()
			snapshot, err := repository.Resolve(ctx, given[0])
			if err != nil {
				return err
			}
			if name != "" {
				return a.write(ctx, repository, snapshot.ID, name)
			}
			options := strongroom.RestoreOptions{Snapshot: snapshot.ID, Only: given[1:]}
			if options.Target, err = filepath.Abs(target); err != nil {
				return err
			}
			bar := a.progress("restoring")
			report, err := repository.Restore(ctx, options, bar.update)
			bar.finish()
			if err != nil {
				return err
			}
			return a.restored(report, options.Target)
		},
	}
	c.Flags().StringVarP(&target, "target", "t", "", "the folder that receives the files")
	c.Flags().StringVar(&name, "stdout", "", "write this file of the snapshot to the standard output")
	return c
}

// write streams a file of a snapshot to the standard output. Each block is written from the library's own memory.
func (a *app) write(ctx context.Context, repository *strongroom.Repository, snapshot [32]byte, name string) error {
	if a.json {
		return usageError{errors.New("--stdout writes the file itself, which leaves no room for --json")}
	}
	file := rpc.NewReader(repository.Read(ctx, snapshot, name))
	defer func() { _ = file.Close() }() // it frees what was not read, and cannot fail
	_, err := file.WriteTo(standardOutput{a.out})
	return err
}

// standardOutput says of its errors what they are about.
type standardOutput struct{ io.Writer }

func (s standardOutput) Write(block []byte) (int, error) {
	n, err := s.Writer.Write(block)
	if err != nil {
		err = fmt.Errorf("cannot write the file to the standard output: %w", err)
	}
	return n, err
}
