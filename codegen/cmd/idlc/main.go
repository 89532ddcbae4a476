// Command idlc compiles Strongroom's interface language. `idlc help` lists what it can do.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"strongroom.dev/codegen/compile"
)

// Exit codes: 1 says that the input is wrong or cannot be read or written, 2 that the command line is.
const (
	exitInput = 1
	exitUsage = 2
)

func main() { os.Exit(idlc(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// idlc runs a command line and answers the exit code.
func idlc(args []string, in io.Reader, out, messages io.Writer) int {
	root, written := command(), &output{to: out}
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(written)
	root.SetErr(messages)
	err := root.Execute()
	if written.failed != nil {
		err = errors.Join(err, unwritable("the standard output", written.failed))
	}
	var mistakes compile.Mistakes
	var wrong usageError
	switch {
	case err == nil:
		return 0
	case err == errFindings: // they are the output
	case errors.As(err, &mistakes): // they name their places themselves
		fmt.Fprintln(messages, strings.TrimRight(err.Error(), "\n"))
	default:
		fmt.Fprintf(messages, "idlc: %v\n", err)
	}
	if errors.As(err, &wrong) {
		return exitUsage
	}
	return exitInput
}

// output remembers the first failure: what prints need not look.
type output struct {
	to     io.Writer
	failed error
}

func (o *output) Write(text []byte) (int, error) {
	n, err := o.to.Write(text)
	if o.failed == nil {
		o.failed = err
	}
	return n, err
}

// usageError is a command line that means nothing.
type usageError struct{ error }

// errFindings says that what a command looked for was found, and printed.
var errFindings = errors.New("there are findings")

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "idlc",
		Short:         "The compiler of Strongroom's interface language",
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, args []string) error { return cmd.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(breakingCommand(), checkCommand(), docsCommand(), fmtCommand(), genCommand(), lintCommand(), lspCommand())
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; `%s --help` tells what there is", err, cmd.CommandPath())}
	})
	for _, c := range append(root.Commands(), root) {
		args := c.Args
		c.Args = func(cmd *cobra.Command, given []string) error {
			if err := args(cmd, given); err != nil {
				return usageError{fmt.Errorf("%w; `%s --help` tells what there is", err, cmd.CommandPath())}
			}
			return nil
		}
	}
	return root
}
