package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"strongroom.dev/go/rpc"
	"strongroom.dev/go/strongroom"
)

// callerMemory is how much of what is streamed through this program may be held at a time. The pipeline's own memory
// is the repository's (--memory).
const callerMemory = 64 << 20

// app is one run of the program.
type app struct {
	in     io.Reader
	out    io.Writer
	errOut io.Writer

	repository, passwordFile, keyFile, memory string
	json, quiet                               bool

	started bool // the command line was understood
	client  *strongroom.Client
}

// run executes a command line and answers the exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	a := &app{in: in, out: out, errOut: errOut}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if err != nil && !a.started {
		// The mistake may stand before the flag that says how to report it.
		a.json = slices.Contains(args, "--json")
		if !errors.As(err, new(usageError)) {
			err = usageError{err}
		}
	}
	if a.client != nil {
		if closing := a.client.Close(); err == nil {
			err = closing
		}
	}
	a.report(err)
	return exitCode(err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:     "strongroom",
		Version: version,
		Short:   "Encrypted, deduplicated backups",
		Long: "strongroom backs up files and folders into an encrypted, deduplicated repository, and restores them.\n\n" +
			"Without --repo it uses a repository in your data folder, which the first backup creates together with its key file.",
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			a.started = true
			if a.json && a.quiet {
				return usageError{errors.New("--json and --quiet exclude each other")}
			}
			return nil
		},
	}
	flags := root.PersistentFlags()
	flags.StringVarP(&a.repository, "repo", "r", os.Getenv("STRONGROOM_REPOSITORY"),
		"the repository: a folder, or s3://bucket/prefix (or set STRONGROOM_REPOSITORY)")
	flags.StringVar(&a.passwordFile, "password-file", "", "read the password from this file (or set STRONGROOM_PASSWORD)")
	flags.StringVar(&a.keyFile, "key-file", "", "unlock the repository with this key file")
	flags.StringVar(&a.memory, "memory", "", "memory that the pipeline may use, such as 512M (default: an eighth of the RAM, at most 1G)")
	flags.BoolVar(&a.json, "json", false, "print JSON lines for programs")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "print errors only")
	// Its default would print the user's repository, which may carry more than a path.
	flags.Lookup("repo").DefValue = ""

	root.AddCommand(a.initCommand(), a.backupCommand(), a.restoreCommand(), a.snapshotsCommand(), a.listCommand(),
		a.checkCommand(), a.rooflineCommand())
	return root
}

// start starts the library.
func (a *app) start() (*strongroom.Client, error) {
	if a.client == nil {
		client, err := strongroom.NewClient(rpc.WithBufferMemory(callerMemory))
		if err != nil {
			return nil, err
		}
		a.client = client
		handler := slog.NewTextHandler(a.errOut, &slog.HandlerOptions{Level: slog.LevelWarn})
		if err := client.SetLogger(slog.New(handler), slog.LevelWarn); err != nil {
			return nil, fmt.Errorf("cannot show the library's warnings: %w", err)
		}
	}
	return a.client, nil
}

// terminal reports whether people read what is written there.
func terminal(w any) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// args checks the number of arguments, and says what they are.
func args(least, most int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, given []string) error {
		switch {
		case len(given) < least:
			return fmt.Errorf("%s is missing; see strongroom %s --help", what, c.Name())
		case most >= 0 && len(given) > most:
			return fmt.Errorf("%q is too much; see strongroom %s --help", given[most], c.Name())
		default:
			return nil
		}
	}
}
