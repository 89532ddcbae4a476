// Command buffers moves what a program makes into a snapshot, and reads it back, through memory that the library owns.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"strongroom.dev/go/rpc"
	"strongroom.dev/go/strongroom"
)

func main() {
	log.SetFlags(0)
	if err := run(context.Background(), os.Args[1]); err != nil {
		log.Fatal("buffers: ", err)
	}
}

func run(ctx context.Context, url string) error {
	// At most 16 MiB of buffers are this program's at a time.
	client, err := strongroom.NewClient(rpc.WithBufferMemory(16 << 20))
	if err != nil {
		return err
	}
	defer client.Close()
	if err := lease(ctx, client); err != nil {
		return err
	}
	repository, err := client.InitRepository(ctx, strongroom.Location{
		URL: url, Credentials: strongroom.CredentialsPassword{Value: "correct horse battery staple"},
	}, strongroom.InitOptions{})
	if err != nil {
		return err
	}
	defer repository.Close()
	snapshot, err := save(ctx, client, repository, strings.NewReader(strings.Repeat("insert into t values (1);\n", 100_000)))
	if err != nil {
		return err
	}
	return load(ctx, repository, snapshot)
}

func lease(ctx context.Context, client *strongroom.Client) error {
	// show lease
	buffer, err := client.Alloc(ctx, 1<<20) // waits, without a thread, while this program holds too much
	if err != nil {
		return err
	}
	view, err := buffer.View() // a lease on the library's memory
	if err != nil {
		return err
	}
	length := copy(view.Bytes(), "some bytes")
	fmt.Println("with an open view:", errors.Is(buffer.Shrink(length), rpc.ErrBusy))
	if err := errors.Join(view.Close(), buffer.Shrink(length)); err != nil {
		return err
	}
	fmt.Println("length:", buffer.Len())
	if err := buffer.Close(); err != nil {
		return err
	}
	_, err = buffer.View()
	fmt.Println("after Close:", err)
	// end
	return nil
}

func save(ctx context.Context, client *strongroom.Client, repository *strongroom.Repository, source io.Reader) (strongroom.SnapshotId, error) {
	var none strongroom.SnapshotId
	// show save
	ingest, err := repository.Ingest(ctx, strongroom.IngestOptions{Tags: []string{"database"}})
	if err != nil {
		return none, err
	}
	defer ingest.Close() // without a commit, nothing is saved
	file := strongroom.DefaultNewFile()
	file.At = "dump.sql"
	number, err := ingest.Add(ctx, file)
	if err != nil {
		return none, err
	}
	// Each full buffer of 1 MiB moves into the ingest; afterwards it is the library's.
	writer := client.NewWriter(ctx, 1<<20, func(buffer *rpc.Buffer) error { return ingest.Write(ctx, number, buffer) })
	if _, err := io.Copy(writer, source); err != nil {
		return none, errors.Join(err, writer.Close())
	}
	if err := writer.Close(); err != nil { // moves what has not filled a buffer
		return none, err
	}
	report, err := ingest.Commit(ctx)
	if err != nil {
		return none, err
	}
	fmt.Println("saved", report.Snapshot.Statistics.Bytes, "bytes")
	// end
	return report.Snapshot.ID, nil
}

func load(ctx context.Context, repository *strongroom.Repository, snapshot strongroom.SnapshotId) error {
	// show load
	reader := rpc.NewReader(repository.Read(ctx, snapshot, "dump.sql"))
	defer reader.Close()
	length, err := io.Copy(io.Discard, reader) // gives the writer the buffers' own memory
	if err != nil {
		return err
	}
	fmt.Println("read", length, "bytes")
	// end
	return nil
}
