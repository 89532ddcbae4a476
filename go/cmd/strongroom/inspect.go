package main

import (
	"github.com/spf13/cobra"

	"strongroom.dev/go/strongroom"
)

func (a *app) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init",
		Short: "Create a repository",
		Long:  "Create a repository. A key file that is named and does not exist is created with a new random key.",
		Args:  args(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := a.place(true)
			if err != nil {
				return err
			}
			client, err := a.start()
			if err != nil {
				return err
			}
			repository, err := a.create(c.Context(), client, p)
			if err != nil {
				return err
			}
			return repository.Close()
		},
	}
}

func (a *app) snapshotsCommand() *cobra.Command {
	var tags []string
	var host string
	c := &cobra.Command{
		Use:   "snapshots",
		Short: "List the snapshots, oldest first",
		Args:  args(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			repository, err := a.open(c.Context())
			if err != nil {
				return err
			}
			defer func() { _ = repository.Close() }()
			filter := strongroom.SnapshotFilter{Tags: tags}
			if host != "" {
				filter.Host = &host
			}
			table := a.snapshotTable()
			for snapshot, err := range repository.Snapshots(c.Context(), filter) {
				if err != nil {
					return err
				}
				table.add(snapshot)
			}
			return table.finish()
		},
	}
	c.Flags().StringArrayVar(&tags, "tag", nil, "only snapshots with this tag; may be repeated")
	c.Flags().StringVar(&host, "host", "", "only snapshots of this host")
	return c
}

func (a *app) listCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "ls SNAPSHOT [PATH]",
		Short: "List what a snapshot holds, or what is at and below one path of it",
		Args:  args(1, 2, "the snapshot (latest, or the first digits of its id)"),
		RunE: func(c *cobra.Command, given []string) error {
			repository, err := a.open(c.Context())
			if err != nil {
				return err
			}
			defer func() { _ = repository.Close() }()
			snapshot, err := repository.Resolve(c.Context(), given[0])
			if err != nil {
				return err
			}
			var at string
			if len(given) == 2 {
				at = given[1]
			}
			for entry, err := range repository.List(c.Context(), snapshot.ID, at, true) {
				if err != nil {
					return err
				}
				a.entry(entry)
			}
			return nil
		},
	}
}

func (a *app) checkCommand() *cobra.Command {
	var options strongroom.CheckOptions
	c := &cobra.Command{
		Use:   "check",
		Short: "Verify that the repository is whole",
		Args:  args(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			repository, err := a.open(c.Context())
			if err != nil {
				return err
			}
			defer func() { _ = repository.Close() }()
			bar := a.progress("checking")
			report, err := repository.Check(c.Context(), options, bar.update)
			bar.finish()
			if err != nil {
				return err
			}
			return a.checked(report)
		},
	}
	c.Flags().BoolVar(&options.ReadData, "read-data", false, "read and verify every byte as well")
	return c
}
