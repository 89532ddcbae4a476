package main

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"strongroom.dev/codegen/compile"
	"strongroom.dev/codegen/docs"
)

func docsCommand() *cobra.Command {
	var out, folder string
	cmd := &cobra.Command{
		Use:     "docs --out DIR [--snippets DIR] FILE.idl",
		Short:   "Write the reference of an interface as a static site",
		Example: "  idlc docs --out reference --snippets examples store.idl",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if out == "" {
				return usageError{errors.New("no folder is named for the site; name it with --out DIR")}
			}
			schema, err := compile.File(args[0])
			if err != nil {
				return err
			}
			var snippets docs.Snippets
			if folder != "" {
				if snippets, err = docs.ReadSnippets(os.DirFS(folder)); err != nil {
					return err
				}
			}
			site, err := docs.Site(schema, snippets)
			if err != nil {
				return err
			}
			return writeSite(out, site)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "the folder of the site: a new one, an empty one, or an older reference, which is replaced")
	cmd.Flags().StringVar(&folder, "snippets", "", "a folder of programs, from which the examples of methods and types are cut")
	return cmd
}

// writeSite makes the folders above the site, too, and leaves none of them where it fails.
func writeSite(out string, site map[string][]byte) error {
	made, err := makeFolders(filepath.Dir(filepath.Clean(out)))
	if err == nil {
		err = docs.Write(out, site)
	}
	if err == nil {
		return nil
	}
	for _, folder := range made {
		os.Remove(folder)
	}
	return unwritable(out, err)
}
