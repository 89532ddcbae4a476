package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"strongroom.dev/go/strongroom"
)

func (a *app) rooflineCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "roofline",
		Short: "Measure how fast each stage of a backup is on this machine",
		Long: "roofline measures each stage of a backup for itself, with one core and with all of them, and writing to the disk of the " +
			"repository, where that is a folder; it need not be there yet. It takes a few seconds, in which nothing else should run. " +
			"backup --explain compares a run with it.",
		Args: args(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			url, err := a.url()
			if err != nil {
				return err
			}
			return a.onMachine(c.Context(), func(machine *strongroom.Machine) error {
				roofline, err := machine.Roofline(c.Context(), url)
				if err != nil {
					return err
				}
				return a.roofline(roofline)
			})
		},
	}
}

func (a *app) onMachine(ctx context.Context, do func(*strongroom.Machine) error) error {
	client, err := a.start()
	if err != nil {
		return err
	}
	machine, err := client.OpenMachine(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = machine.Close() }()
	return do(machine)
}

// roofline prints what was measured.
func (a *app) roofline(roofline strongroom.Roofline) error {
	if a.json {
		for _, s := range roofline.Stages {
			a.emit("stage", line{
				"stage": s.Stage, "one_core_bytes_per_second": s.OneCore, "all_cores_bytes_per_second": s.AllCores, "cores": roofline.Cores,
			})
		}
		return nil
	}
	if a.quiet {
		return nil
	}
	table := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "STAGE\tONE CORE\tALL %d\n", roofline.Cores)
	for _, s := range roofline.Stages {
		fmt.Fprintf(table, "%s\t%s\t%s\n", s.Stage, rate(s.OneCore), rate(s.AllCores))
	}
	return table.Flush()
}

// explain says what limited a backup, beside a roofline that is measured now.
func (a *app) explain(ctx context.Context, repository *strongroom.Repository, report strongroom.BackupReport, compression strongroom.Compression) error {
	url, err := repository.URL()
	if err != nil {
		return err
	}
	return a.onMachine(ctx, func(machine *strongroom.Machine) error {
		roofline, err := machine.Roofline(ctx, url)
		if err != nil {
			return err
		}
		told, err := machine.Explain(ctx, report.Snapshot.Statistics, report.Busy, compression, roofline)
		if err != nil {
			return err
		}
		a.explained(report, told)
		return nil
	})
}

func (a *app) explained(report strongroom.BackupReport, told strongroom.Explanation) {
	if a.json {
		l := line{
			"busy": report.Busy, "limited_by": told.LimitedBy, "roofline_seconds": told.Roofline.Seconds(), "advice": told.Advice,
			"seconds": report.Snapshot.Statistics.Duration.Seconds(),
		}
		if told.Reached != nil {
			l["roofline_reached"] = *told.Reached
		}
		a.emit("explanation", l)
		return
	}
	for _, stage := range slices.Sorted(maps.Keys(report.Busy)) {
		limits := ""
		if stage == told.LimitedBy {
			limits = "  limits the run"
		}
		a.say("%-9s %3.0f %% busy%s", stage, 100*report.Busy[stage], limits)
	}
	if told.Reached != nil {
		a.say("%.0f %% of this machine's roofline: its stages alone take %s, the run took %s",
			100**told.Reached, rounded(told.Roofline), rounded(report.Snapshot.Statistics.Duration))
	}
	a.say("%s", told.Advice)
}

// rate writes a speed for people.
func rate(bytesPerSecond float64) string { return fmt.Sprintf("%.2f GB/s", bytesPerSecond/1e9) }
