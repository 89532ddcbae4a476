package main

import (
	"github.com/spf13/cobra"

	"strongroom.dev/codegen/lsp"
)

func lspCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "lsp",
		Short: "Serve an editor as a language server, over standard input and output",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return lsp.Serve(cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}
