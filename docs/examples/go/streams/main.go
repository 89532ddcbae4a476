// Command streams reads a large file of a snapshot, and leaves it after the first line.
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"strongroom.dev/go/rpc"
	"strongroom.dev/go/strongroom"
)

func main() {
	log.SetFlags(0)
	if err := run(context.Background(), os.Args[1]); err != nil {
		log.Fatal("streams: ", err)
	}
}

func run(ctx context.Context, folder string) error {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	source := filepath.Join(folder, "source")
	if err := os.Mkdir(source, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(source, "large.txt"), []byte("the first line\n"+strings.Repeat("another line\n", 1_000_000)), 0o644); err != nil {
		return err
	}
	client, err := strongroom.NewClient()
	if err != nil {
		return err
	}
	defer client.Close()
	repository, err := client.InitRepository(ctx, strongroom.Location{
		URL: filepath.Join(folder, "repository"), Credentials: strongroom.CredentialsPassword{Value: "correct horse battery staple"},
	}, strongroom.InitOptions{})
	if err != nil {
		return err
	}
	defer repository.Close()
	if _, err := repository.Backup(ctx, strongroom.BackupOptions{Paths: []string{source}}, nil); err != nil {
		return err
	}

	// show items
	for snapshot, err := range repository.Snapshots(ctx, strongroom.SnapshotFilter{}) {
		if err != nil {
			return err // the last item of a stream that failed
		}
		fmt.Println("snapshot of", snapshot.Statistics.Files, "file")
	}
	// end

	latest, err := repository.Resolve(ctx, "latest")
	if err != nil {
		return err
	}
	// show bytes
	reader := rpc.NewReader(repository.Read(ctx, latest.ID, "large.txt"))
	line, err := bufio.NewReader(reader).ReadString('\n')
	if err != nil {
		return err
	}
	fmt.Print(line)
	if err := reader.Close(); err != nil { // ends the stream where it is
		return err
	}
	// end
	held, err := client.Statistics()
	if err != nil {
		return err
	}
	fmt.Println("buffers that are still this program's:", held.Buffers)
	return nil
}
