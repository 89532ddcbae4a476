package strongroom_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"strongroom.dev/go/rpc"
	"strongroom.dev/go/strongroom"
)

// Back a folder up, and list what the snapshot holds.
func Example() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "strongroom")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	source := filepath.Join(folder, "source")
	if err := errors.Join(os.Mkdir(source, 0o755), os.WriteFile(filepath.Join(source, "hello.txt"), []byte("hello"), 0o644)); err != nil {
		log.Fatal(err)
	}

	client, err := strongroom.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	repository, err := client.InitRepository(ctx, strongroom.Location{
		URL:         filepath.Join(folder, "repository"),
		Credentials: strongroom.CredentialsPassword{Value: "correct horse"},
	}, strongroom.InitOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer repository.Close()

	report, err := repository.Backup(ctx, strongroom.BackupOptions{Paths: []string{source}}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Snapshot.Statistics.Files, "file,", report.Snapshot.Statistics.Bytes, "bytes")
	for entry, err := range repository.List(ctx, report.Snapshot.ID, "", true) {
		if err != nil {
			log.Fatal(err)
		}
		if _, isFile := entry.Kind.(strongroom.EntryKindFile); isFile {
			fmt.Println(filepath.Base(entry.At), entry.Size)
		}
	}
	// Output:
	// 1 file, 5 bytes
	// hello.txt 5
}

// Move content that the program makes itself into a snapshot, and stream it back.
func Example_ingest() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "strongroom")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	client, err := strongroom.NewClient(rpc.WithBufferMemory(16 << 20))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	repository, err := client.InitRepository(ctx, strongroom.Location{
		URL:         filepath.Join(folder, "repository"),
		Credentials: strongroom.CredentialsPassword{Value: "correct horse"},
	}, strongroom.InitOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer repository.Close()

	ingest, err := repository.Ingest(ctx, strongroom.IngestOptions{Tags: []string{"shop"}})
	if err != nil {
		log.Fatal(err)
	}
	defer ingest.Close()
	file := strongroom.DefaultNewFile()
	file.At = "dump.sql"
	number, err := ingest.Add(ctx, file)
	if err != nil {
		log.Fatal(err)
	}
	buffer, err := client.Alloc(ctx, 1<<20)
	if err != nil {
		log.Fatal(err)
	}
	view, err := buffer.View()
	if err != nil {
		log.Fatal(err)
	}
	n := copy(view.Bytes(), "create table shop();")
	if err := errors.Join(view.Close(), buffer.Shrink(n)); err != nil {
		log.Fatal(err)
	}
	if err := ingest.Write(ctx, number, buffer); err != nil { // the buffer is gone
		log.Fatal(err)
	}
	report, err := ingest.Commit(ctx)
	if err != nil {
		log.Fatal(err)
	}

	for buffer, err := range repository.Read(ctx, report.Snapshot.ID, "dump.sql") {
		if err != nil {
			log.Fatal(err)
		}
		view, err := buffer.View()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n", view.Bytes())
		if err := errors.Join(view.Close(), buffer.Close()); err != nil {
			log.Fatal(err)
		}
	}

	_, err = repository.Resolve(ctx, "0123")
	var missing *strongroom.RepositoryNoSuchSnapshotError
	if errors.As(err, &missing) {
		fmt.Println("not there:", missing.Name)
	}
	// Output:
	// create table shop();
	// not there: 0123
}
