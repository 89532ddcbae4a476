// Package strongroom is Strongroom for Go: encrypted, deduplicated backups. It binds the Rust library, which does all the
// work; a call costs a goroutine and no thread, and data stays in memory of the library.
//
// A program starts one [Client], opens a [Repository] and calls its methods. Every call takes a context; when that is
// cancelled, the call ends in the library too. Close what was opened.
//
//	client, err := strongroom.NewClient()
//	repository, err := client.OpenRepository(ctx, strongroom.Location{
//		URL:         "/srv/backup",
//		Credentials: strongroom.CredentialsPassword{Value: password},
//	})
//	report, err := repository.Backup(ctx, strongroom.BackupOptions{Paths: []string{"/home"}}, nil)
//
// Methods that fail for a reason of the interface answer a [RepositoryError]; its variants are types for errors.As. The
// rest are errors of the runtime, strongroom.dev/go/rpc, which is also where buffers and streams are explained.
package strongroom
