package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

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

// generated is a file that a backend writes.
type generated struct {
	backend backend.Emit
	name    string
	path    string
}

func outputs(wanted []string) ([]generated, error) {
	if len(wanted) == 0 {
		return nil, fmt.Errorf("nothing is to be generated; name it with --out BACKEND=PATH")
	}
	var all []generated
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
		all = append(all, generated{emit, name, path})
	}
	return all, nil
}

// generate makes every text before it writes the first one.
func generate(path string, outputs []generated) error {
	schema, err := compile.File(path)
	if err != nil {
		return err
	}
	paths, texts := make([]string, len(outputs)), make([][]byte, len(outputs))
	for i, out := range outputs {
		paths[i] = out.path
		if same(out.path, path) {
			return usageError{fmt.Errorf("--out %s=%s: that is the IDL file; name another file", out.name, out.path)}
		}
		for _, other := range outputs[:i] {
			if same(out.path, other.path) {
				return usageError{fmt.Errorf("--out %s=%s: %s writes this file, too; give each a file of its own", out.name, out.path, other.name)}
			}
		}
		if texts[i], err = out.backend(schema); err != nil {
			return fmt.Errorf("backend %s: %w", out.name, err)
		}
	}
	return replaceFiles(paths, texts)
}

// same reports whether two paths are one file, which need not be there yet.
func same(a, b string) bool {
	one, err := os.Stat(a)
	other, failed := os.Stat(b)
	if err == nil && failed == nil {
		return os.SameFile(one, other)
	}
	return filepath.Clean(a) == filepath.Clean(b)
}
