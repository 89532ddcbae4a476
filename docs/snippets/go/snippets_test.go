// Package snippets has the Go examples of the reference. `idlc docs` cuts them out; here they run.
package snippets

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/go/strongroom"
)

// Each example is a function of its own, so that it brings along all that it needs. The test calls them in the order in which a
// program would, on one repository.
func TestTheSnippetsRun(t *testing.T) {
	ctx := t.Context()
	folder := t.TempDir()
	source := filepath.Join(folder, "documents")
	require.NoError(t, os.Mkdir(source, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(source, "letter.txt"), []byte("Dear reader"), 0o644))
	client, err := strongroom.NewClient()
	require.NoError(t, err)
	defer client.Close()
	url, target := filepath.Join(folder, "repository"), filepath.Join(folder, "restored")

	_, err = open(ctx, client, url)
	var missing *strongroom.RepositoryNotFoundError
	require.ErrorAs(t, err, &missing)
	assert.Equal(t, url, missing.URL)
	made, err := initialize(ctx, client, url)
	require.NoError(t, err)
	require.NoError(t, made.Close())
	repository, err := open(ctx, client, url)
	require.NoError(t, err)
	defer repository.Close()

	report, err := backup(ctx, repository, source)
	require.NoError(t, err)
	assert.Equal(t, uint64(1), report.Snapshot.Statistics.Files)
	require.NoError(t, snapshots(ctx, repository))
	latest, err := resolve(ctx, repository)
	require.NoError(t, err)
	assert.Equal(t, report.Snapshot.ID, latest.ID)
	require.NoError(t, list(ctx, repository, latest))
	copied := filepath.Join(folder, "copy.txt")
	require.NoError(t, read(ctx, repository, latest, copied))
	text, err := os.ReadFile(copied)
	require.NoError(t, err)
	assert.Equal(t, "Dear reader", string(text))
	require.NoError(t, restore(ctx, repository, latest, target))
	require.NoError(t, check(ctx, repository))
	id(repository)
	require.NotEmpty(t, address(repository))

	require.NoError(t, explain(ctx, client, repository, report))

	committed, err := ingest(ctx, client, repository)
	require.NoError(t, err)
	require.NoError(t, read(ctx, repository, committed, filepath.Join(folder, "dump.sql")))
}

func initialize(ctx context.Context, client *strongroom.Client, url string) (*strongroom.Repository, error) {
	// snippet Repository.init
	repository, err := client.InitRepository(ctx, strongroom.Location{
		URL:         url, // a folder, or s3://bucket/prefix
		Credentials: strongroom.CredentialsPassword{Value: "correct horse battery staple"},
	}, strongroom.InitOptions{})
	if err != nil {
		return nil, err
	}
	// end
	return repository, nil
}

func open(ctx context.Context, client *strongroom.Client, url string) (*strongroom.Repository, error) {
	// snippet Repository.open
	repository, err := client.OpenRepository(ctx, strongroom.Location{
		URL:         url,
		Credentials: strongroom.CredentialsPassword{Value: "correct horse battery staple"},
	})
	var missing *strongroom.RepositoryNotFoundError
	if errors.As(err, &missing) {
		return nil, fmt.Errorf("nothing has been backed up to %s yet: %w", missing.URL, err)
	}
	if err != nil {
		return nil, err
	}
	// end
	return repository, nil
}

func backup(ctx context.Context, repository *strongroom.Repository, folder string) (strongroom.BackupReport, error) {
	// snippet Repository.backup
	report, err := repository.Backup(ctx, strongroom.BackupOptions{
		Paths: []string{folder},
		Tags:  []string{"documents"},
	}, func(p strongroom.Progress) {
		fmt.Printf("%d files, %d bytes\n", p.Files, p.Bytes)
	})
	if err != nil {
		return strongroom.BackupReport{}, err
	}
	for _, issue := range report.Issues { // what could not be read; the rest is saved
		log.Printf("%s: %s", issue.At, issue.Message)
	}
	fmt.Printf("snapshot %x\n", report.Snapshot.ID)
	// end
	return report, nil
}

func snapshots(ctx context.Context, repository *strongroom.Repository) error {
	// snippet Repository.snapshots
	filter := strongroom.SnapshotFilter{Tags: []string{"documents"}}
	for snapshot, err := range repository.Snapshots(ctx, filter) {
		if err != nil {
			return err
		}
		fmt.Printf("%x %s %d files\n", snapshot.ID[:4], snapshot.Host, snapshot.Statistics.Files)
	}
	// end
	return nil
}

func resolve(ctx context.Context, repository *strongroom.Repository) (strongroom.Snapshot, error) {
	// snippet Repository.resolve
	snapshot, err := repository.Resolve(ctx, "latest")
	var unknown *strongroom.RepositoryNoSuchSnapshotError
	if errors.As(err, &unknown) {
		return snapshot, fmt.Errorf("there is no snapshot %s", unknown.Name)
	}
	// end
	return snapshot, err
}

func list(ctx context.Context, repository *strongroom.Repository, snapshot strongroom.Snapshot) error {
	// snippet Repository.list
	for entry, err := range repository.List(ctx, snapshot.ID, "", true) {
		if err != nil {
			return err
		}
		fmt.Printf("%o %8d %s\n", entry.Mode, entry.Size, entry.At)
	}
	// end
	return nil
}

func read(ctx context.Context, repository *strongroom.Repository, snapshot strongroom.Snapshot, path string) error {
	name := "letter.txt"
	if filepath.Base(path) == "dump.sql" {
		name = "dump.sql"
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	// snippet Repository.read
	for buffer, err := range repository.Read(ctx, snapshot.ID, name) {
		if err != nil {
			return err
		}
		view, err := buffer.View() // the library's memory, without a copy
		if err != nil {
			return err
		}
		_, err = file.Write(view.Bytes())
		if err := errors.Join(err, view.Close(), buffer.Close()); err != nil {
			return err
		}
	}
	// end
	return nil
}

func restore(ctx context.Context, repository *strongroom.Repository, snapshot strongroom.Snapshot, folder string) error {
	// snippet Repository.restore
	report, err := repository.Restore(ctx, strongroom.RestoreOptions{
		Snapshot: snapshot.ID,
		Target:   folder,
	}, nil)
	if err != nil {
		return err
	}
	fmt.Println(report.Statistics.Files, "files are back in", folder)
	// end
	return nil
}

func check(ctx context.Context, repository *strongroom.Repository) error {
	// snippet Repository.check
	report, err := repository.Check(ctx, strongroom.CheckOptions{ReadData: true}, nil)
	if err != nil {
		return err
	}
	for _, damage := range report.Damage {
		log.Printf("%s: %s", damage.Object, damage.Why)
	}
	// end
	return nil
}

func id(repository *strongroom.Repository) {
	// snippet Repository.id
	id, err := repository.ID()
	if err != nil { // only where the repository is closed
		log.Fatal(err)
	}
	fmt.Printf("%x\n", id)
	// end
}

func address(repository *strongroom.Repository) string {
	// snippet Repository.url
	url, err := repository.URL()
	if err != nil { // only where the repository is closed
		log.Fatal(err)
	}
	// end
	return url
}

func ingest(ctx context.Context, client *strongroom.Client, repository *strongroom.Repository) (strongroom.Snapshot, error) {
	var none strongroom.Snapshot
	// snippet Repository.ingest
	ingest, err := repository.Ingest(ctx, strongroom.IngestOptions{Tags: []string{"database"}})
	if err != nil {
		return none, err
	}
	defer ingest.Close() // without a commit, nothing is saved
	// end

	// snippet Ingest.add
	file := strongroom.DefaultNewFile()
	file.At = "dump.sql"
	number, err := ingest.Add(ctx, file)
	if err != nil {
		return none, err
	}
	// end

	// snippet Ingest.write
	buffer, err := client.Alloc(ctx, 1<<20) // waits while callers hold too much memory
	if err != nil {
		return none, err
	}
	view, err := buffer.View()
	if err != nil {
		return none, err
	}
	length := copy(view.Bytes(), "create table shop();")
	if err := errors.Join(view.Close(), buffer.Shrink(length)); err != nil {
		return none, err
	}
	if err := ingest.Write(ctx, number, buffer); err != nil { // the buffer has moved
		return none, err
	}
	// end

	// snippet Ingest.commit
	report, err := ingest.Commit(ctx)
	if err != nil {
		return none, err
	}
	fmt.Printf("snapshot %x\n", report.Snapshot.ID)
	// end
	return report.Snapshot, nil
}

func explain(ctx context.Context, client *strongroom.Client, repository *strongroom.Repository, report strongroom.BackupReport) error {
	url, err := repository.URL()
	if err != nil {
		return err
	}
	// snippet Machine.open
	machine, err := client.OpenMachine(ctx)
	if err != nil {
		return err
	}
	defer machine.Close()
	// end
	// snippet Machine.roofline
	roofline, err := machine.Roofline(ctx, url)
	if err != nil {
		return err
	}
	for _, s := range roofline.Stages {
		fmt.Printf("%s %.1f GB/s\n", s.Stage, s.AllCores/1e9)
	}
	// end
	// snippet Machine.explain
	told, err := machine.Explain(ctx, report.Snapshot.Statistics, report.Busy, strongroom.CompressionAuto{}, roofline)
	if err != nil {
		return err
	}
	fmt.Println(told.Advice)
	// end
	return nil
}
