// Command short backs a folder up, in ten lines.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"strongroom.dev/go/strongroom"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	ctx := context.Background()
	folder, err := filepath.Abs(os.Args[1])
	check(err)
	// show short
	client, err := strongroom.NewClient()
	check(err)
	defer client.Close()
	key := strongroom.CredentialsKeyFile{At: "shop.key"}
	at := strongroom.Location{URL: "shop-backup", Credentials: key}
	repository, err := client.InitRepository(ctx, at, strongroom.InitOptions{CreateKey: true})
	check(err)
	report, err := repository.Backup(ctx, strongroom.BackupOptions{Paths: []string{folder}}, nil)
	check(err)
	fmt.Printf("%x: %d files\n", report.Snapshot.ID[:4], report.Snapshot.Statistics.Files)
	// end
	check(repository.Close())
}
