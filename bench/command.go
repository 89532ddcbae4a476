package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

type command struct {
	Args []string
	Env  []string
	Dir  string
	// File that is its standard input; empty: none.
	Stdin string
}

// A process's peak memory, as the kernel keeps it, starts with that of the process that started it. The harness has
// touched gigabytes, so it has its commands started and measured by itself run anew, which has not.
const measurer = "measure-command"

type outcome struct {
	Timing timing
	Error  string
}

// measure runs the command in a measurer.
func (c command) measure() (timing, error) {
	self, err := os.Executable()
	if err != nil {
		return timing{}, err
	}
	question, err := json.Marshal(c)
	if err != nil {
		return timing{}, err
	}
	cmd := exec.Command(self, measurer)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(question), os.Stderr
	answer, err := cmd.Output()
	if err != nil {
		return timing{}, err
	}
	var o outcome
	if err := json.Unmarshal(answer, &o); err != nil {
		return timing{}, err
	}
	if o.Error != "" {
		return timing{}, errors.New(o.Error)
	}
	return o.Timing, nil
}

// serveMeasurer is the other side of measure.
func serveMeasurer() error {
	var c command
	if err := json.NewDecoder(os.Stdin).Decode(&c); err != nil {
		return err
	}
	var o outcome
	var err error
	if o.Timing, err = c.run(); err != nil {
		o.Error = err.Error()
	}
	return json.NewEncoder(os.Stdout).Encode(o)
}

func (k *contender) asked(p place, args []string) command {
	return command{Args: args, Env: k.environ(p), Dir: p.folder}
}

// run runs the command. Its processor time is what the kernel accounts to it and to the children that it waited for.
func (c command) run() (timing, error) {
	cmd := exec.Command(c.Args[0], c.Args[1:]...)
	cmd.Env, cmd.Dir = c.Env, c.Dir
	if c.Stdin != "" {
		input, err := os.Open(c.Stdin)
		if err != nil {
			return timing{}, err
		}
		defer input.Close()
		cmd.Stdin = input
	}
	var told, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&told, &said), &said
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return timing{}, err
	}
	stop, watched := make(chan struct{}), make(chan watch)
	go func() { watched <- watchTree(cmd.Process.Pid, stop) }()
	err := cmd.Wait()
	seconds := time.Since(start).Seconds()
	close(stop)
	w := <-watched
	if err != nil {
		return timing{}, fmt.Errorf("%s: %w: %s", strings.Join(c.Args, " "), err, tail(said.String()))
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	t := timing{
		Seconds:     seconds,
		CoreSeconds: (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(),
		PeakBytes:   usage.Maxrss << 10,
		Processes:   max(1, w.processes),
		Told:        told.String(),
	}
	if w.processes > 1 {
		t.PeakBytes = max(t.PeakBytes, w.resident)
	}
	return t, nil
}

func tail(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], " / ")
}

// watch is what sampling a tree of processes saw at most.
type watch struct {
	processes int
	resident  int64
}

// watchTree samples every 50 ms. One process's own peak is exact, because the kernel keeps it; the sum over several is as
// fine as the samples. Pages that they share count in each.
func watchTree(root int, stop <-chan struct{}) watch {
	var w watch
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return w
		case <-tick.C:
			pids := descendants(root, nil)
			w.processes = max(w.processes, len(pids))
			var sum int64
			for _, pid := range pids {
				sum += resident(pid)
			}
			w.resident = max(w.resident, sum)
		}
	}
}

func descendants(pid int, found []int) []int {
	found = append(found, pid)
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		content, err := os.ReadFile(list)
		if err != nil {
			continue
		}
		for _, field := range strings.Fields(string(content)) {
			if child, err := strconv.Atoi(field); err == nil {
				found = descendants(child, found)
			}
		}
	}
	return found
}

func resident(pid int) int64 {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(content))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

func version(program string) string {
	ask := "--version"
	if filepath.Base(program) == "restic" {
		ask = "version"
	}
	out, err := exec.Command(program, ask).Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(strings.SplitN(string(out), "\n", 2)[0])
}
