// Gopipeline is what the benchmark compares Strongroom with: the same stages in Go alone, of its best libraries. It backs
// up and restores its own output, and is part of nothing that users get.
//
//	gopipeline backup --repo R PATH...
//	gopipeline restore --repo R --target T
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/pprof"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gopipeline:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("usage: gopipeline backup|restore --repo R ...")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	repo := flags.String("repo", "", "folder of the repository")
	target := flags.String("target", "", "folder to restore into")
	profile := flags.String("cpuprofile", "", "write a CPU profile to this file")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if *repo == "" {
		return errors.New("--repo is missing")
	}
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	var result any
	var err error
	switch {
	case args[0] == "backup" && flags.NArg() > 0:
		result, err = runBackup(*repo, flags.Args())
	case args[0] == "restore" && *target != "":
		result, err = runRestore(*repo, *target)
	default:
		return errors.New("usage: gopipeline backup --repo R PATH... | restore --repo R --target T")
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}
