// Command backup backs a folder up, and restores what was saved into another one:
//
//	backup REPOSITORY FOLDER TARGET
package main

import (
	"context"
	"fmt"
	"os"

	"strongroom.dev/go/strongroom"
)

func main() {
	if len(os.Args) != 4 || os.Getenv("STRONGROOM_PASSWORD") == "" {
		fmt.Fprintln(os.Stderr, "usage: STRONGROOM_PASSWORD=... backup REPOSITORY FOLDER TARGET")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "backup:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, url, folder, target string) error {
	client, err := strongroom.NewClient()
	if err != nil {
		return err
	}
	defer client.Close()
	repository, err := client.InitRepository(ctx, strongroom.Location{
		URL:         url,
		Credentials: strongroom.CredentialsPassword{Value: os.Getenv("STRONGROOM_PASSWORD")},
	}, strongroom.InitOptions{})
	if err != nil {
		return err
	}
	defer repository.Close()

	saved, err := repository.Backup(ctx, strongroom.BackupOptions{Paths: []string{folder}}, nil)
	if err != nil {
		return err
	}
	fmt.Printf("saved %d files, %d bytes\n", saved.Snapshot.Statistics.Files, saved.Snapshot.Statistics.Bytes)
	restored, err := repository.Restore(ctx, strongroom.RestoreOptions{Snapshot: saved.Snapshot.ID, Target: target}, nil)
	if err != nil {
		return err
	}
	fmt.Printf("restored %d files\n", restored.Statistics.Files)
	if issues := len(saved.Issues) + len(restored.Issues); issues > 0 {
		return fmt.Errorf("%d files could not be read or written", issues)
	}
	return nil
}
