package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"strongroom.dev/codegen/breaking"
	"strongroom.dev/codegen/compile"
	"strongroom.dev/codegen/report"
)

func breakingCommand() *cobra.Command {
	var against, format string
	var promises []string
	cmd := &cobra.Command{
		Use:   "breaking --against OLD.idl FILE.idl",
		Short: "Report what of a file breaks those who have an older version of it",
		Long: `Compares a file, with what it imports, with an older version. Three promises can be broken:

  source  code written against the old generated packages compiles with the new ones and means the same
  abi     a program built with the old binding or header works with the new library
  frames  the bytes of either version are understood by the other

An older version that git has is written out first: git show v1.0:store.idl >old.idl`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			kept, err := chosen(promises)
			if err != nil {
				return usageError{err}
			}
			if against == "" {
				return usageError{fmt.Errorf("--against is missing: name the older version of %s", args[0])}
			}
			if format != "text" && format != "json" {
				return usageError{fmt.Errorf("--format %s: write text or json", format)}
			}
			r := report.New()
			old, err := compile.LoadInto(r, against, compile.ReadFile)
			if err != nil {
				return err
			}
			now, err := compile.LoadInto(r, args[0], compile.ReadFile)
			if err != nil {
				return err
			}
			if !r.Empty() {
				return compile.Mistakes{Report: r}
			}
			findings := breaking.Compare(r, old.Schema(), now.Schema(), kept)
			if format == "json" {
				if err := printFindings(cmd, r, findings); err != nil {
					return err
				}
			} else {
				fmt.Fprint(cmd.OutOrStdout(), r.String())
			}
			if len(findings) > 0 {
				return errFindings
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&against, "against", "", "the older version")
	cmd.Flags().StringSliceVar(&promises, "promise", nil, "look only for what breaks source, abi or frames")
	cmd.Flags().StringVar(&format, "format", "text", "text, or json: one object a finding and line")
	return cmd
}

func chosen(names []string) (breaking.Promise, error) {
	all := breaking.Source | breaking.ABI | breaking.Frames
	if len(names) == 0 {
		return all, nil
	}
	var kept breaking.Promise
	for _, name := range names {
		n := slices.IndexFunc(breaking.Promises, func(p breaking.NamedPromise) bool { return p.Name == name })
		if n < 0 {
			return 0, fmt.Errorf("--promise %s: there are %s", name, strings.ReplaceAll(all.String(), ", ", " and "))
		}
		kept |= breaking.Promises[n].Promise
	}
	return kept, nil
}

func printFindings(cmd *cobra.Command, r *report.Report, findings []breaking.Finding) error {
	lines := jsonLines(cmd.OutOrStdout())
	for _, f := range findings {
		line := struct {
			Rule    string `json:"rule"`
			Message string `json:"message"`
			Breaks  string `json:"breaks"`
			At      place  `json:"at"`
			Other   *place `json:"other,omitempty"`
		}{f.Rule.ID, f.Message, f.Rule.Breaks.String(), placeOf(r, f.Span.Start), otherPlace(r, f.Diagnostic)}
		if err := lines.Encode(line); err != nil {
			return err
		}
	}
	return nil
}
