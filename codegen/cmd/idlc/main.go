// Command idlc compiles Strongroom's interface language.
//
//	idlc check FILE.idl …
//	idlc generate --backend NAME --out PATH FILE.idl
package main

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"strongroom.dev/codegen/backend"
	"strongroom.dev/codegen/compile"
)

const usage = `usage:
  idlc check FILE.idl ...
  idlc generate --backend NAME --out PATH FILE.idl

check reports what is wrong with the files. generate writes what a backend makes of one.
`

// Exit codes: 1 says that the input is wrong, 2 that the command line is.
const (
	exitInput = 1
	exitUsage = 2
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		var wrong usageError
		if errors.As(err, &wrong) {
			fmt.Fprintf(os.Stderr, "idlc: %v\n%s", err, usage)
			os.Exit(exitUsage)
		}
		var mistakes compile.Mistakes
		if errors.As(err, &mistakes) {
			fmt.Fprintln(os.Stderr, strings.TrimRight(err.Error(), "\n"))
		} else {
			fmt.Fprintf(os.Stderr, "idlc: %v\n", err)
		}
		os.Exit(exitInput)
	}
}

type usageError string

func (e usageError) Error() string { return string(e) }

func run(args []string) error {
	if len(args) == 0 {
		return usageError("no command is given")
	}
	switch args[0] {
	case "check":
		return checkFiles(args[1:])
	case "generate":
		return generate(args[1:])
	case "help", "--help", "-h":
		fmt.Print(usage)
		return nil
	default:
		return usageError(fmt.Sprintf("there is no command %q", args[0]))
	}
}

func checkFiles(paths []string) error {
	if len(paths) == 0 {
		return usageError("check needs a file")
	}
	var failed []error
	for _, path := range paths {
		if _, err := compile.File(path); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

func generate(args []string) error {
	flags := flag.NewFlagSet("generate", flag.ContinueOnError)
	flags.SetOutput(os.Stderr)
	flags.Usage = func() {}
	name := flags.String("backend", "", "")
	out := flags.String("out", "", "")
	if err := flags.Parse(args); err != nil {
		return usageError(err.Error())
	}
	emit, known := backend.All[*name]
	switch {
	case !known:
		return usageError(fmt.Sprintf("there is no backend %q; there are %s", *name,
			strings.Join(slices.Sorted(maps.Keys(backend.All)), ", ")))
	case *out == "":
		return usageError("--out is missing")
	case flags.NArg() != 1:
		return usageError("generate takes one IDL file, after the options")
	}
	schema, err := compile.File(flags.Arg(0))
	if err != nil {
		return err
	}
	text, err := emit(schema)
	if err != nil {
		return fmt.Errorf("backend %s: %w", *name, err)
	}
	if err := os.MkdirAll(filepath.Dir(*out), 0o755); err != nil {
		return fmt.Errorf("cannot write the output: %w", err)
	}
	if err := os.WriteFile(*out, text, 0o644); err != nil {
		return fmt.Errorf("cannot write the output: %w", err)
	}
	return nil
}
