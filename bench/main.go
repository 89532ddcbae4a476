// Bench compares Strongroom with other ways to back up: side by side, in one run, on the same inputs.
//
//	tools/bazel run //bench -- --json speed.json --markdown speed.md
//
// Each round runs every contender on every input, with a repository and caches of its own that are new each time. The
// source lies in the page cache. Before each timed command the memory that it will need is touched and freed, and what
// earlier commands wrote is on the disk and out of the cache: both costs would otherwise fall on whoever comes next.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"strongroom.dev/bench/environment"
)

type config struct {
	Rounds int      `json:"rounds"`
	Size   size     `json:"size_bytes"`
	Only   []string `json:"only,omitempty"`
	Inputs []string `json:"inputs,omitempty"`

	scratch  string
	enter    string
	inside   bool
	tree     string
	touch    size
	jsonPath string
	markdown string

	engine, goAgent, pythonAgent, goPipeline, pythonPipeline, restic, borg, rustic string
}

func parse(args []string) (*config, error) {
	c := &config{Size: 2 << 30, touch: -1}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&c.Rounds, "rounds", 3, "how often each contender runs on each input")
	flags.Var(&c.Size, "size", "size of the generated files, with K, M or G")
	only := flags.String("only", "", "comma-separated contenders to run; others are left out")
	inputs := flags.String("inputs", "", "comma-separated inputs: incompressible, halves, tree (default all)")
	flags.StringVar(&c.scratch, "scratch", "", "folder for inputs, repositories and restored files; it is made and removed (default: a new one in $TMPDIR)")
	flags.StringVar(&c.enter, "enter", environment.Command(), "command that runs another in the environment, where restic, borg and Python are; empty to run everything right here")
	flags.BoolVar(&c.inside, "inside", false, "set by this program for the part of it that runs in the environment")
	flags.StringVar(&c.tree, "tree", "", "source tree to back up (default: the source of the Go toolchain)")
	flags.Var(&c.touch, "touch", "memory to touch and free before each timed command (default: twice the input and 1G)")
	flags.StringVar(&c.jsonPath, "json", "", "write all measurements to this file")
	flags.StringVar(&c.markdown, "markdown", "", "write the table of docs/performance.md to this file")
	flags.StringVar(&c.engine, "engine", "", "path of engine-bench")
	flags.StringVar(&c.goAgent, "go-agent", "", "path of strongroom, the Go agent")
	flags.StringVar(&c.pythonAgent, "python-agent", "", "path of __main__.py in the Python package strongroom")
	flags.StringVar(&c.goPipeline, "go-pipeline", "", "path of gopipeline")
	flags.StringVar(&c.pythonPipeline, "python-pipeline", "", "path of the script of pypipeline")
	flags.StringVar(&c.restic, "restic", "restic", "restic")
	flags.StringVar(&c.borg, "borg", "borg", "borg")
	flags.StringVar(&c.rustic, "rustic", filepath.Join(os.Getenv("STRONGROOM_CACHE"), "peers", "bin", "rustic"), "rustic, as bench/install-rustic makes it")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if c.Rounds < 1 || c.Size < 1 {
		return nil, errors.New("--rounds and --size must be positive")
	}
	c.Only, c.Inputs = words(*only), words(*inputs)
	return c, nil
}

func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' })
}

func main() {
	if err := start(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func start(args []string) error {
	if len(args) == 1 && args[0] == measurer {
		return serveMeasurer()
	}
	c, err := parse(args)
	if err != nil {
		return err
	}
	return c.run()
}

func (c *config) run() error {
	if c.inside {
		return c.measureInto(filepath.Join(c.scratch, "results.json"))
	}
	if c.scratch == "" {
		folder, err := os.MkdirTemp("", "strongroom-bench-")
		if err != nil {
			return err
		}
		c.scratch = folder
	} else if err := os.Mkdir(c.scratch, 0o700); err != nil {
		return fmt.Errorf("--scratch must not exist yet: %w", err)
	}
	var err error
	if c.scratch, err = filepath.Abs(c.scratch); err != nil {
		return err
	}
	remove := func() {
		fmt.Fprintln(os.Stderr, "removing", c.scratch)
		os.RemoveAll(c.scratch)
	}
	defer remove()
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupts
		remove()
		os.Exit(130)
	}()
	path := filepath.Join(c.scratch, "results.json")
	if c.enter == "" {
		err = c.measureInto(path)
	} else {
		err = environment.Enter(c.enter, c.scratch, os.Stderr, append(os.Args[1:], "--inside", "--scratch", c.scratch))
	}
	if err != nil {
		return err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var r results
	if err := json.Unmarshal(content, &r); err != nil {
		return err
	}
	table := r.markdown()
	fmt.Print(table)
	if c.jsonPath != "" {
		if err := os.WriteFile(c.jsonPath, content, 0o644); err != nil {
			return err
		}
	}
	if c.markdown != "" {
		return os.WriteFile(c.markdown, []byte(table), 0o644)
	}
	return nil
}
