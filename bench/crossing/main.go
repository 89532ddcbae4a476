// Command crossing measures what a call into the library costs, from Go and from Python, beside other ways to make one.
//
//	tools/bazel run -c opt //bench/crossing -- --json
//
// Each case runs in a process of its own. Rounds are interleaved, and what is printed are medians: without --json as a table, with the aims beside
// what was measured.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"strongroom.dev/bench/environment"
	"strongroom.dev/bench/statistics"
)

// figure is one line of the output.
type figure struct {
	Case   string  `json:"case"`
	Metric string  `json:"metric"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
}

type config struct {
	rounds   int
	requests int
	pattern  string
	json     bool
	markdown string
	enter    string
	inside   bool
	golang   string
	python   string
}

func parse(args []string) (*config, error) {
	c := &config{}
	flags := flag.NewFlagSet("crossing", flag.ContinueOnError)
	flags.IntVar(&c.rounds, "rounds", 3, "how often each case runs")
	flags.IntVar(&c.requests, "requests", 0, "how many requests each case makes, instead of its own number")
	flags.StringVar(&c.pattern, "cases", "*", "the cases to run: a pattern such as go/echo/64, go/*/1000 or asyncio")
	flags.BoolVar(&c.json, "json", false, "print a line of JSON for each figure instead of the table")
	flags.StringVar(&c.markdown, "markdown", "", "write the table to this file, too")
	flags.StringVar(&c.enter, "enter", environment.Command(), "command that runs another in the environment, where Python is; empty to run everything right here")
	flags.BoolVar(&c.inside, "inside", false, "set by this program for the part of it that runs in the environment")
	flags.StringVar(&c.golang, "go-cases", "", "path of the program with the cases in Go")
	flags.StringVar(&c.python, "python-cases", "", "path of the program with the cases in Python")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if c.rounds < 1 || c.requests < 0 {
		return nil, errors.New("--rounds and --requests must be positive")
	}
	return c, nil
}

func main() {
	c, err := parse(os.Args[1:])
	if err == nil {
		err = c.run(os.Stdout)
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "crossing:", err)
		os.Exit(1)
	}
}

func (c *config) run(out io.Writer) error {
	if c.enter == "" || c.inside {
		figures, err := c.measure()
		if err != nil {
			return err
		}
		if c.inside || c.json {
			return write(out, figures)
		}
		return c.report(out, figures)
	}
	var inner bytes.Buffer
	if err := environment.Enter(c.enter, "/", &inner, append(os.Args[1:], "--inside")); err != nil {
		return err
	}
	if c.json && c.markdown == "" {
		_, err := inner.WriteTo(out)
		return err
	}
	figures, err := read(&inner)
	if err != nil {
		return err
	}
	return c.report(out, figures)
}

func (c *config) report(out io.Writer, figures []figure) error {
	table, err := markdown(figures, c.rounds)
	if err != nil {
		return err
	}
	if c.markdown != "" {
		if err := os.WriteFile(c.markdown, []byte(table), 0o644); err != nil {
			return err
		}
	}
	if c.json {
		return write(out, figures)
	}
	_, err = io.WriteString(out, table)
	return err
}

func write(out io.Writer, figures []figure) error {
	lines := json.NewEncoder(out)
	for _, f := range figures {
		if err := lines.Encode(f); err != nil {
			return err
		}
	}
	return nil
}

func read(in io.Reader) ([]figure, error) {
	var figures []figure
	for lines := json.NewDecoder(in); ; {
		var f figure
		switch err := lines.Decode(&f); {
		case errors.Is(err, io.EOF):
			return figures, nil
		case err != nil:
			return nil, err
		}
		figures = append(figures, f)
	}
}

// measure runs the cases, each once in every round, and answers the medians.
func (c *config) measure() ([]figure, error) {
	some, err := chosen(c.pattern)
	if err != nil {
		return nil, err
	}
	if len(some) == 0 {
		return nil, fmt.Errorf("no case matches %q", c.pattern)
	}
	type place struct{ name, metric string }
	var order []figure
	values := map[place][]float64{}
	for round := range c.rounds {
		for _, one := range some {
			figures, err := c.runOne(one)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", one.name, err)
			}
			for _, f := range figures {
				p := place{f.Case, f.Metric}
				if values[p] == nil {
					order = append(order, f)
				}
				values[p] = append(values[p], f.Value)
			}
			fmt.Fprintf(os.Stderr, "round %d of %d: %s\n", round+1, c.rounds, one.name)
		}
	}
	for i, f := range order {
		order[i].Value = statistics.Median(values[place{f.Case, f.Metric}])
	}
	return order, nil
}

// runOne runs a case in a process of its own.
func (c *config) runOne(one testCase) ([]figure, error) {
	requests := one.requests
	if c.requests > 0 {
		requests = c.requests
	}
	program := environment.Program(c.python)
	if one.inGo() {
		program = environment.Program(c.golang)
	}
	if program == "" {
		return nil, errors.New("the program that runs it is not there; start this by tools/bazel run //bench/crossing")
	}
	cmd := exec.Command(program, "--case", one.name, "--requests", strconv.Itoa(requests))
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String()))
	}
	figures, err := read(&out)
	if err != nil {
		return nil, err
	}
	given := map[string]bool{}
	for i, f := range figures {
		figures[i].Case = one.name
		given[f.Metric] = true
	}
	for _, metric := range one.metrics {
		if !given[metric] {
			return nil, fmt.Errorf("there is no %s among the figures", metric)
		}
	}
	return figures, nil
}
