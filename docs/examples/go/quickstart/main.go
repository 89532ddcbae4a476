// Command quickstart backs a folder up, lists what the snapshot holds, and restores it beside the folder.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"strongroom.dev/go/strongroom"
)

func main() {
	log.SetFlags(0)
	if err := run(context.Background(), os.Args[1]); err != nil {
		log.Fatal("quickstart: ", err)
	}
}

func run(ctx context.Context, folder string) error {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	client, err := strongroom.NewClient()
	if err != nil {
		return err
	}
	defer client.Close()

	// A repository is a folder, or s3://bucket/prefix. It is made where there is none.
	at := strongroom.Location{
		URL:         folder + "-backup",
		Credentials: strongroom.CredentialsPassword{Value: "correct horse battery staple"},
	}
	repository, err := client.OpenRepository(ctx, at)
	if errors.As(err, new(*strongroom.RepositoryNotFoundError)) {
		repository, err = client.InitRepository(ctx, at, strongroom.InitOptions{})
	}
	if err != nil {
		return err
	}
	defer repository.Close()

	report, err := repository.Backup(ctx, strongroom.BackupOptions{Paths: []string{folder}}, nil)
	if err != nil {
		return err
	}
	for _, issue := range report.Issues { // what could not be read; the rest is saved
		log.Printf("%s: %s", issue.At, issue.Message)
	}
	saved := report.Snapshot.Statistics
	fmt.Printf("saved %d files, %d bytes; %d of them new\n", saved.Files, saved.Bytes, saved.BytesNew)

	for entry, err := range repository.List(ctx, report.Snapshot.ID, "", true) {
		if err != nil {
			return err
		}
		if _, file := entry.Kind.(strongroom.EntryKindFile); file {
			fmt.Println(filepath.Base(entry.At), entry.Size, "bytes")
		}
	}

	back, err := repository.Restore(ctx, strongroom.RestoreOptions{Snapshot: report.Snapshot.ID, Target: folder + "-restored"}, nil)
	if err != nil {
		return err
	}
	fmt.Println("restored", back.Statistics.Files, "files")
	return nil
}
