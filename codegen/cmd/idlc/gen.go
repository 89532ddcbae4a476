package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"strongroom.dev/codegen/backend"
	"strongroom.dev/codegen/compile"
)

func genCommand() *cobra.Command {
	var wanted []string
	names := strings.Join(slices.Sorted(maps.Keys(backend.All)), ", ")
	cmd := &cobra.Command{
		Use:     "gen --out BACKEND=PATH ... FILE.idl",
		Short:   "Generate code: all of what is asked for, or nothing where something fails",
		Example: "  idlc gen --out rust=src/generated.rs --out golang=store/generated.go store.idl",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			outputs, err := outputs(wanted)
			if err != nil {
				return usageError{err}
			}
			return generate(args[0], outputs)
		},
	}
	cmd.Flags().StringArrayVar(&wanted, "out", nil, "a backend and the file that it writes; backends are "+names)
	return cmd
}

// output is a file that a backend writes.
type output struct {
	backend backend.Emit
	name    string
	path    string
}

func outputs(wanted []string) ([]output, error) {
	if len(wanted) == 0 {
		return nil, fmt.Errorf("nothing is to be generated; name it with --out BACKEND=PATH")
	}
	var all []output
	for _, text := range wanted {
		name, path, ok := strings.Cut(text, "=")
		emit, known := backend.All[name]
		switch {
		case !ok || path == "":
			return nil, fmt.Errorf("--out %s: write BACKEND=PATH", text)
		case !known:
			return nil, fmt.Errorf("--out %s: there is no backend %q; there are %s", text, name,
				strings.Join(slices.Sorted(maps.Keys(backend.All)), ", "))
		}
		all = append(all, output{emit, name, path})
	}
	return all, nil
}

// generate makes every text before it writes the first one, and writes beside the targets before it replaces them: what
// fails leaves no half of anything.
func generate(path string, outputs []output) (err error) {
	schema, err := compile.File(path)
	if err != nil {
		return err
	}
	written := make([]string, len(outputs))
	defer func() {
		for _, temporary := range written {
			if temporary != "" {
				os.Remove(temporary)
			}
		}
	}()
	for i, out := range outputs {
		text, err := out.backend(schema)
		if err != nil {
			return fmt.Errorf("backend %s: %w", out.name, err)
		}
		if written[i], err = beside(out.path, text); err != nil {
			return fmt.Errorf("cannot write the output: %w", err)
		}
	}
	for i, out := range outputs {
		if err := os.Rename(written[i], out.path); err != nil {
			return fmt.Errorf("cannot write the output: %w", err)
		}
		written[i] = ""
	}
	return nil
}

// beside writes a temporary file into the folder of a path, which is made where it is missing.
func beside(path string, text []byte) (temporary string, err error) {
	folder, name := filepath.Split(path)
	if folder == "" {
		folder = "."
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return "", &os.PathError{Op: "write", Path: path, Err: syscall.EISDIR}
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	file, err := os.CreateTemp(folder, "."+name+".*")
	if err != nil {
		return "", err
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Chmod(0o644)
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		os.Remove(file.Name())
		return "", err
	}
	return file.Name(), nil
}
