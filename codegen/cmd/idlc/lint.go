package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"strongroom.dev/codegen/compile"
	"strongroom.dev/codegen/lint"
	"strongroom.dev/codegen/report"
)

func lintCommand() *cobra.Command {
	var disabled []string
	var format string
	var list bool
	cmd := &cobra.Command{
		Use:   "lint [--disable RULE]... FILE.idl ...",
		Short: "Report what is correct, but what a reviewer would ask to change",
		Long: `Reports what is correct in files and what they import, but what a reviewer would ask to change before others use it.

Where a rule does not fit, a comment on an item or before it switches it off, and before the package for the whole file:

  // idlc:allow many-arguments the protocol has six, and will never have more`,
		Example: "  idlc lint store.idl\n  idlc lint --disable undocumented-failure,list-result store.idl\n  idlc lint --rules",
		Args: func(cmd *cobra.Command, args []string) error {
			if list {
				return cobra.NoArgs(cmd, args)
			}
			return cobra.MinimumNArgs(1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, paths []string) error {
			if format != "text" && format != "json" {
				return usageError{fmt.Errorf("--format %s: write text or json", format)}
			}
			rules, err := lint.Without(disabled)
			if err != nil {
				return usageError{fmt.Errorf("--disable: %w", err)}
			}
			if list {
				return printRules(cmd.OutOrStdout(), rules, format)
			}
			r, err := lintFiles(paths, rules)
			if err != nil || r.Empty() {
				return err
			}
			if format == "json" {
				if err := printDiagnostics(cmd.OutOrStdout(), r); err != nil {
					return err
				}
			} else {
				fmt.Fprint(cmd.OutOrStdout(), r.String())
			}
			return errFindings
		},
	}
	cmd.Flags().StringSliceVar(&disabled, "disable", nil, "switch rules off, by name")
	cmd.Flags().StringVar(&format, "format", "text", "text, or json: one object a finding and line")
	cmd.Flags().BoolVar(&list, "rules", false, "list the rules, each with its purpose and what to do about a finding")
	return cmd
}

func lintFiles(paths []string, rules []*lint.Rule) (*report.Report, error) {
	r := report.New()
	var programs []*compile.Program
	var failed []error
	for _, path := range paths {
		program, err := compile.LoadInto(r, path, compile.ReadFile)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		programs = append(programs, program)
	}
	if !r.Empty() {
		failed = append(failed, compile.Mistakes{Report: r})
	}
	if len(failed) > 0 {
		return nil, errors.Join(failed...)
	}
	lint.Check(r, programs, rules)
	return r, nil
}

func printRules(out io.Writer, rules []*lint.Rule, format string) error {
	lines := jsonLines(out)
	for n, rule := range rules {
		if format == "json" {
			line := struct {
				Rule string `json:"rule"`
				Why  string `json:"why"`
				Fix  string `json:"fix"`
			}{rule.ID, rule.Why, rule.Fix}
			if err := lines.Encode(line); err != nil {
				return err
			}
			continue
		}
		if n > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "%s\n  %s\n  fix: %s\n", rule.ID, rule.Why, rule.Fix)
	}
	return nil
}

// printDiagnostics writes one object a line.
func printDiagnostics(out io.Writer, r *report.Report) error {
	lines := jsonLines(out)
	for _, d := range r.Diagnostics() {
		line := struct {
			Rule     string   `json:"rule"`
			Severity string   `json:"severity"`
			Message  string   `json:"message"`
			Hints    []string `json:"hints,omitempty"`
			At       place    `json:"at"`
			End      place    `json:"end"`
			Other    *place   `json:"other,omitempty"`
		}{d.Rule.ID, d.Severity.String(), d.Message, d.Hints, placeOf(r, d.Span.Start), placeOf(r, d.Span.End), otherPlace(r, d)}
		if err := lines.Encode(line); err != nil {
			return err
		}
	}
	return nil
}
