// Command failures opens repositories that cannot be opened, and tells one reason from another.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"strongroom.dev/go/rpc"
	"strongroom.dev/go/strongroom"
)

func main() {
	log.SetFlags(0)
	if err := run(context.Background(), os.Args[1]); err != nil {
		log.Fatal("failures: ", err)
	}
}

func run(ctx context.Context, url string) error {
	client, err := strongroom.NewClient()
	if err != nil {
		return err
	}
	defer client.Close()
	at := strongroom.Location{URL: url, Credentials: strongroom.CredentialsPassword{Value: "correct horse battery staple"}}
	fmt.Println(advice(open(ctx, client, at)))
	made, err := client.InitRepository(ctx, at, strongroom.InitOptions{})
	if err != nil {
		return err
	}
	if err := made.Close(); err != nil {
		return err
	}
	fmt.Println(advice(open(ctx, client, at)))
	at.Credentials = strongroom.CredentialsPassword{Value: "another"}
	fmt.Println(advice(open(ctx, client, at)))
	_, err = made.ID()
	fmt.Println("closed:", errors.Is(err, rpc.ErrClosed))
	return nil
}

func open(ctx context.Context, client *strongroom.Client, at strongroom.Location) error {
	repository, err := client.OpenRepository(ctx, at)
	if err != nil {
		return err
	}
	return repository.Close()
}

// show errors
func advice(err error) string {
	var (
		missing *strongroom.RepositoryNotFoundError
		failed  strongroom.RepositoryError // any error that the interface declares
	)
	switch {
	case err == nil:
		return "it opens"
	case errors.As(err, &missing):
		return "nothing is at " + missing.URL + " yet"
	case errors.As(err, new(*strongroom.RepositoryWrongKeyError)):
		return "another password, please"
	case errors.As(err, &failed):
		return failed.Variant() + ": " + err.Error()
	default:
		return err.Error() // of the runtime: cancelled, closed, …
	}
}

// end
