package main

import (
	"errors"

	"github.com/spf13/cobra"

	"strongroom.dev/codegen/compile"
)

func checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE.idl ...",
		Short: "Report all that is wrong with files and what they import",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, paths []string) error {
			var failed []error
			for _, path := range paths {
				if _, err := compile.File(path); err != nil {
					failed = append(failed, err)
				}
			}
			return errors.Join(failed...)
		},
	}
}
