package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"strongroom.dev/go/rpc"
	"strongroom.dev/go/strongroom"
)

const (
	// stdinBlock is how much of the standard input travels in one buffer.
	stdinBlock = 1 << 20
	// stdinAhead is how many filled buffers wait for the pipeline.
	stdinAhead = 8
)

func (a *app) backupCommand() *cobra.Command {
	var (
		options           strongroom.BackupOptions
		compression, name string
		explain           bool
	)
	c := &cobra.Command{
		Use:   "backup DIR... | backup --stdin NAME",
		Short: "Save files and folders, or the standard input, as a new snapshot",
		Example: "  strongroom backup ~/documents\n" +
			"  pg_dump shop | strongroom backup --stdin shop.sql",
		RunE: func(c *cobra.Command, given []string) error {
			ctx := c.Context()
			var err error
			if options.Compression, err = parseCompression(compression); err != nil {
				return err
			}
			switch stdin := c.Flags().Changed("stdin"); {
			case stdin && name == "":
				return usageError{errors.New("--stdin needs a name for the file in the snapshot")}
			case stdin && len(given) > 0:
				return usageError{errors.New("--stdin saves the standard input alone; leave the folders out")}
			case !stdin && len(given) == 0:
				return usageError{errors.New("what is to be backed up is missing; see strongroom backup --help")}
			}
			if explain && a.quiet {
				return usageError{errors.New("--explain and --quiet exclude each other")}
			}
			for _, path := range given {
				path, err := filepath.Abs(path)
				if err != nil {
					return err
				}
				options.Paths = append(options.Paths, path)
			}
			repository, err := a.openOrCreate(ctx)
			if err != nil {
				return err
			}
			defer func() { _ = repository.Close() }()
			bar := a.progress("saving")
			var report strongroom.BackupReport
			if name != "" {
				report, err = a.ingest(ctx, repository, options, name, bar)
			} else {
				report, err = repository.Backup(ctx, options, bar.update)
			}
			bar.finish()
			if err != nil {
				return err
			}
			outcome := a.saved(report)
			if explain {
				// The snapshot is saved, whatever becomes of this.
				if err := a.explain(ctx, repository, report, options.Compression); err != nil {
					a.complain("cannot explain the run: %v", err)
				}
			}
			return outcome
		},
	}
	flags := c.Flags()
	flags.StringVar(&name, "stdin", "", "save the standard input under this `name`")
	flags.StringArrayVar(&options.Tags, "tag", nil, "tag the snapshot; may be repeated")
	flags.StringVar(&options.Host, "host", "", "the host name in the snapshot (default: this machine's)")
	flags.StringVar(&compression, "compression", "auto", "auto, off, lz4, zstd or zstd:LEVEL")
	flags.BoolVarP(&options.OneFileSystem, "one-file-system", "x", false, "stay on the file system of each folder")
	flags.BoolVar(&explain, "explain", false, "say afterwards what limited the run; takes a few seconds to measure the machine")
	flags.BoolVar(&options.Paranoid, "paranoid", false, "read all files, also those that look unchanged")
	flags.BoolVar(&options.Verify, "verify", false, "read all that was written back from the store and compare it")
	return c
}

// ingest saves the standard input as one file. The library reads the descriptor itself, a few buffers ahead of the
// pipeline; the bytes never pass through this program's memory.
func (a *app) ingest(ctx context.Context, repository *strongroom.Repository, options strongroom.BackupOptions, name string,
	bar *progress) (strongroom.BackupReport, error) {
	input, ok := a.in.(*os.File)
	if !ok {
		return strongroom.BackupReport{}, errors.New("the standard input is no file")
	}
	ingest, err := repository.Ingest(ctx, strongroom.IngestOptions{
		Tags: options.Tags, Host: options.Host, Compression: options.Compression, Verify: options.Verify,
	})
	if err != nil {
		return strongroom.BackupReport{}, err
	}
	defer func() { _ = ingest.Close() }()
	file := strongroom.DefaultNewFile()
	file.At = name
	now := time.Now()
	file.Modified = &now
	number, err := ingest.Add(ctx, file)
	if err != nil {
		return strongroom.BackupReport{}, err
	}

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	filled := a.read(ctx, cancel, input.Fd())
	var done uint64
	for buffer := range filled {
		length := buffer.Len()
		if err := ingest.Write(ctx, number, buffer); err != nil {
			cancel(err)
			for rest := range filled {
				_ = rest.Close()
			}
			return strongroom.BackupReport{}, err
		}
		done += uint64(length)
		bar.update(strongroom.Progress{Bytes: done, Current: name})
	}
	if err := context.Cause(ctx); err != nil {
		return strongroom.BackupReport{}, err
	}
	return ingest.Commit(ctx)
}

// read fills buffers from a descriptor until its end. What goes wrong ends ctx.
func (a *app) read(ctx context.Context, fail context.CancelCauseFunc, descriptor uintptr) <-chan *rpc.Buffer {
	filled := make(chan *rpc.Buffer, stdinAhead)
	go func() {
		defer close(filled)
		for {
			buffer, err := a.client.Fill(ctx, descriptor, stdinBlock)
			if err != nil {
				fail(err)
				return
			}
			if buffer.Len() == 0 {
				_ = buffer.Close()
				return
			}
			select {
			case filled <- buffer:
			case <-ctx.Done():
				_ = buffer.Close()
				return
			}
		}
	}()
	return filled
}
