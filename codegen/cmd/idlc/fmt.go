package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"strongroom.dev/codegen/compile"
	"strongroom.dev/codegen/format"
)

func fmtCommand() *cobra.Command {
	var f formatter
	cmd := &cobra.Command{
		Use:   "fmt [--write | --check] [--diff] FILE.idl ...",
		Short: "Print files in their canonical layout, or write it",
		Long: `Print files in their canonical layout. Comments and empty lines stay where they are. A file that is not correct is left
alone, and its mistakes are shown. The file - is the standard input.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, paths []string) error {
			f.in, f.out = cmd.InOrStdin(), cmd.OutOrStdout()
			return f.run(paths)
		},
	}
	cmd.Flags().BoolVarP(&f.write, "write", "w", false, "write the layout into the files instead of printing it")
	cmd.Flags().BoolVar(&f.check, "check", false, "list the files that have another layout, and fail where there are any")
	cmd.Flags().BoolVarP(&f.diff, "diff", "d", false, "show what the layout changes instead of printing it")
	return cmd
}

type formatter struct {
	write, check, diff bool
	in                 io.Reader
	out                io.Writer
	others             int // files that have another layout
}

func (f *formatter) run(paths []string) error {
	switch {
	case f.write && (f.check || f.diff):
		return usageError{errors.New("--write changes files, --check and --diff only look at them; choose one")}
	case f.write && slices.Contains(paths, "-"):
		return usageError{errors.New("--write cannot write into the standard input; leave it out, and the layout is printed")}
	}
	var failed []error
	for _, path := range paths {
		if err := f.file(path); err != nil {
			failed = append(failed, err)
		}
	}
	if f.check && f.others > 0 {
		failed = append(failed, fmt.Errorf("%s not in the canonical layout; `idlc fmt --write` writes it", are(f.others, "file")))
	}
	return errors.Join(failed...)
}

func (f *formatter) file(path string) error {
	text, name, err := f.read(path)
	if err != nil {
		return compile.Unreadable{Path: name, Err: err}
	}
	formatted, r := format.Text(name, text)
	if !r.Empty() {
		return compile.Mistakes{Report: r}
	}
	if formatted != text {
		f.others++
		if f.write {
			return replaceFiles([]string{path}, [][]byte{[]byte(formatted)})
		}
		if f.check {
			fmt.Fprintln(f.out, name)
		}
		if f.diff {
			fmt.Fprint(f.out, format.Diff(name, text, formatted))
		}
	}
	if !f.write && !f.check && !f.diff {
		fmt.Fprint(f.out, formatted)
	}
	return nil
}

func (f *formatter) read(path string) (text, name string, err error) {
	if path != "-" {
		text, err = compile.ReadFile(path)
		return text, path, err
	}
	text, err = compile.ReadFrom(f.in)
	return text, "<stdin>", err
}

// are counts things of which something is said.
func are(n int, what string) string {
	if n == 1 {
		return "1 " + what + " is"
	}
	return fmt.Sprintf("%d %ss are", n, what)
}
