// Bench compares Strongroom with other ways to back up and with the disk itself: side by side, in one run, on the same
// inputs.
//
//	tools/bazel run -c opt //bench -- --json
//
// Each round runs every contender on every input, with a repository and caches of its own that are new each time. What a
// command reads lies in the page cache. Before each timed command the memory that it will need is touched and freed, and
// what earlier commands wrote is on the disk: both costs would otherwise fall on whoever comes next. What is printed are
// medians over the rounds: without --json as a table, with the aims beside what was measured.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"strongroom.dev/bench/environment"
)

type config struct {
	rounds   int
	size     size
	cases    string
	json     bool
	markdown string
	growth   string
	scratch  string
	enter    string
	inside   bool
	tree     string
	touch    size

	engine, goProgram, pythonProgram, goPipeline, pythonPipeline, restic, borg, rustic, s3 string
}

func parse(args []string) (*config, error) {
	c := &config{size: 2 << 30, touch: -1}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&c.rounds, "rounds", 3, "how often each case runs")
	flags.Var(&c.size, "size", "size of a large file, with K, M or G; there are fewer small files, too, where it is below 2G")
	flags.StringVar(&c.cases, "cases", "*", "the cases to run: patterns with commas between them, such as random/local, small/*/go or restic")
	flags.BoolVar(&c.json, "json", false, "print a line of JSON for each figure instead of the table")
	flags.StringVar(&c.markdown, "markdown", "", "write the table to this file, too")
	flags.StringVar(&c.growth, "growth", "", "instead, measure how a backup's cost grows with bytes, files and snapshots, and draw that into this file (SVG)")
	flags.StringVar(&c.scratch, "scratch", "", "folder for inputs, repositories and restored files; it is made and removed (default: a new one in $TMPDIR)")
	flags.StringVar(&c.enter, "enter", environment.Command(), "command that runs another in the environment, where restic, borg and Python are; empty to run everything right here")
	flags.BoolVar(&c.inside, "inside", false, "set by this program for the part of it that runs in the environment")
	flags.StringVar(&c.tree, "tree", "", "source tree to back up (default: the source of the Go toolchain)")
	flags.Var(&c.touch, "touch", "memory to touch and free before each timed command (default: twice the input, and up to 1G more)")
	flags.StringVar(&c.engine, "engine", "", "path of engine-bench")
	flags.StringVar(&c.goProgram, "go-agent", "", "path of strongroom, the Go agent")
	flags.StringVar(&c.pythonProgram, "python-agent", "", "path of __main__.py in the Python package strongroom")
	flags.StringVar(&c.goPipeline, "go-pipeline", "", "path of gopipeline")
	flags.StringVar(&c.pythonPipeline, "python-pipeline", "", "path of the script of pypipeline")
	flags.StringVar(&c.s3, "s3", "", "path of versitygw, an S3 server")
	flags.StringVar(&c.restic, "restic", "restic", "restic")
	flags.StringVar(&c.borg, "borg", "borg", "borg")
	flags.StringVar(&c.rustic, "rustic", filepath.Join(os.Getenv("STRONGROOM_CACHE"), "peers", "bin", "rustic"), "rustic, as bench/install-rustic makes it")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if c.rounds < 1 || c.size < 1<<20 {
		return nil, errors.New("--rounds must be positive, and --size at least 1M")
	}
	return c, nil
}

func main() {
	if err := start(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func start(args []string) error {
	if len(args) > 0 && args[0] == measurer {
		return serveMeasurer()
	}
	if len(args) > 0 && args[0] == diskWriter {
		return writeToDisk(args[1:])
	}
	c, err := parse(args)
	if err != nil {
		return err
	}
	return c.run(os.Stdout)
}

// run measures, in the environment where one is named, and prints.
func (c *config) run(out io.Writer) error {
	if c.inside {
		return c.measureInto(c.handover())
	}
	// A mistake in the pattern is told before anything is made.
	if _, _, err := choose(c.all(), c.cases); err != nil {
		return err
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
	defer signal.Stop(interrupts)
	go func() {
		<-interrupts
		remove()
		os.Exit(130)
	}()
	if c.enter == "" {
		err = c.measureInto(c.handover())
	} else {
		err = environment.Enter(c.enter, c.scratch, os.Stderr, append(os.Args[1:], "--inside", "--scratch", c.scratch))
	}
	if err != nil {
		return err
	}
	content, err := os.ReadFile(c.handover())
	if err != nil {
		return err
	}
	if c.growth != "" {
		return c.printGrowth(out, content)
	}
	var r report
	if err := json.Unmarshal(content, &r); err != nil {
		return err
	}
	return c.print(out, &r)
}

// handover is where the part that runs in the environment leaves its report.
func (c *config) handover() string { return filepath.Join(c.scratch, "report.json") }

func (c *config) measureInto(path string) error {
	if c.growth != "" {
		return c.writeGrowth(path)
	}
	m, err := c.measure()
	if err != nil {
		return err
	}
	content, err := json.Marshal(c.report(m))
	if err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}

// print prints the report. What could not be measured makes the run fail, after the rest is told.
func (c *config) print(out io.Writer, r *report) error {
	table := r.markdown()
	if c.markdown != "" {
		if err := os.WriteFile(c.markdown, []byte(table), 0o644); err != nil {
			return err
		}
	}
	if c.json {
		lines := json.NewEncoder(out)
		for _, f := range r.Figures {
			if err := lines.Encode(f); err != nil {
				return err
			}
		}
	} else if _, err := io.WriteString(out, table); err != nil {
		return err
	}
	if len(r.Failures) > 0 {
		return fmt.Errorf("%d of the cases failed; what they said stands above", len(r.Failures))
	}
	return nil
}
