// Command agent is a backup agent in a few lines: it saves a folder and what a command prints, each as a snapshot, says how far it is, and stops
// at a signal.
//
//	agent REPOSITORY KEYFILE FOLDER NAME COMMAND [ARG…]
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"strongroom.dev/go/rpc"
	"strongroom.dev/go/strongroom"
)

// errIncomplete: the snapshot stands, without what was named.
var errIncomplete = errors.New("some files could not be read")

func main() {
	if len(os.Args) < 6 {
		fmt.Fprintln(os.Stderr, "usage: agent REPOSITORY KEYFILE FOLDER NAME COMMAND [ARG…]")
		os.Exit(2)
	}
	// The first signal cancels the context, and with it every call.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5:])
	switch {
	case err == nil:
	case errors.Is(err, errIncomplete):
		os.Exit(3)
	default:
		slog.Error("the backup failed", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, url, keyFile, folder, name string, command []string) error {
	// show client
	// One client for the life of the process. Buffers of this program take 64 MiB at most, beside the pipeline's own memory.
	client, err := strongroom.NewClient(rpc.WithBufferMemory(64 << 20))
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.SetLogger(slog.Default(), slog.LevelWarn); err != nil {
		return err
	}
	// end
	// show repository
	memory := uint64(256 << 20)
	at := strongroom.Location{URL: url, Credentials: strongroom.CredentialsKeyFile{At: keyFile}, Memory: &memory}
	repository, err := client.OpenRepository(ctx, at)
	if errors.As(err, new(*strongroom.RepositoryNotFoundError)) {
		repository, err = client.InitRepository(ctx, at, strongroom.InitOptions{CreateKey: true})
	}
	if err != nil {
		return err
	}
	defer repository.Close()
	// end
	return errors.Join(saveFolder(ctx, repository, folder), saveOutput(ctx, client, repository, name, command))
}

func saveFolder(ctx context.Context, repository *strongroom.Repository, folder string) error {
	// show folder
	folder, err := filepath.Abs(folder) // the library takes absolute paths only
	if err != nil {
		return err
	}
	report, err := repository.Backup(ctx, strongroom.BackupOptions{
		Paths:       []string{folder},
		Tags:        []string{"files"},
		Compression: strongroom.CompressionAuto{},
	}, func(p strongroom.Progress) { // the newest one; a slow reader misses the others
		slog.Debug("saving", "files", p.Files, "bytes", p.Bytes, "at", p.Current)
	})
	if err != nil {
		return err
	}
	for _, issue := range report.Issues {
		slog.Warn("not saved whole", "path", issue.At, "kind", issue.Kind, "why", issue.Message)
	}
	fmt.Println("folder:", report.Snapshot.Statistics.Files, "files")
	if len(report.Issues) > 0 {
		return errIncomplete
	}
	// end
	return nil
}

func saveOutput(ctx context.Context, client *strongroom.Client, repository *strongroom.Repository, name string, command []string) error {
	// show output
	ingest, err := repository.Ingest(ctx, strongroom.IngestOptions{Tags: []string{"dump"}})
	if err != nil {
		return err
	}
	defer ingest.Close() // before a commit: nothing is saved
	file := strongroom.DefaultNewFile()
	file.At = name
	number, err := ingest.Add(ctx, file)
	if err != nil {
		return err
	}
	writer := client.NewWriter(ctx, 1<<20, func(buffer *rpc.Buffer) error { return ingest.Write(ctx, number, buffer) })
	dump := exec.CommandContext(ctx, command[0], command[1:]...)
	dump.Stdout, dump.Stderr = writer, os.Stderr
	if err := errors.Join(dump.Run(), writer.Close()); err != nil {
		return fmt.Errorf("%s: %w", command[0], err) // half a dump is no dump: it is not committed
	}
	report, err := ingest.Commit(ctx)
	if err != nil {
		return err
	}
	fmt.Println("dump:", report.Snapshot.Statistics.Bytes, "bytes")
	// end
	return nil
}
