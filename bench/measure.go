package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// timing is one timed command.
type timing struct {
	Seconds     float64
	CoreSeconds float64 // user and system, of the command and its children
	PeakBytes   int64   // resident; of several processes together, as sampled
	Processes   int     // most at one time
	Told        string  // on its standard output
}

// sample is a step in one round.
type sample struct {
	timing
	stored int64   // bytes of the repository after a first backup
	server float64 // core-seconds of the server beside it
}

// measured is what came of all rounds.
type measured struct {
	series   []series
	wanted   map[string]bool
	inputs   map[string]input
	rounds   int
	samples  map[string]map[int]sample // of a case, by round
	failures map[string]string         // of a case: one failed round is enough, a median of the rest would hide it
	// By round, where the engine was measured.
	rooflines []roofline
}

func (c *config) measure() (*measured, error) {
	say := func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	m := &measured{rounds: c.rounds, samples: map[string]map[int]sample{}, failures: map[string]string{}}
	var err error
	if m.series, m.wanted, err = choose(c.all(), c.cases); err != nil {
		return nil, err
	}
	absent := map[string]bool{}
	m.series = slices.DeleteFunc(m.series, func(s series) bool {
		if s.contender.absent != "" && !absent[s.contender.name] {
			absent[s.contender.name] = true
			say("%s: %s", s.contender.name, s.contender.absent)
		}
		return s.contender.absent != ""
	})
	names := inputsOf(m.series)
	say("making the inputs in %s", c.scratch)
	if m.inputs, err = c.makeInputs(names); err != nil {
		return nil, err
	}
	for _, name := range []string{"runs", "aside"} {
		if err := os.Mkdir(filepath.Join(c.scratch, name), 0o755); err != nil {
			return nil, err
		}
	}
	for round := range c.rounds {
		if needsRoofline(m.series) {
			r, err := c.measureRoofline()
			if err != nil {
				return nil, err
			}
			m.rooflines = append(m.rooflines, r)
		}
		for _, name := range names {
			var those []series
			for _, s := range m.series {
				if s.input == name {
					those = append(those, s)
				}
			}
			for i := range those {
				// Each round starts with another one, so that none is always first.
				c.runSeries(m, those[(i+round)%len(those)], round, say)
			}
		}
	}
	return m, nil
}

// runSeries runs the steps of a series one after the other, until one fails.
func (c *config) runSeries(m *measured, s series, round int, say func(string, ...any)) {
	in, k := m.inputs[s.input], s.contender
	folder := fmt.Sprintf("%d-%s", round+1, strings.ReplaceAll(s.cases[0].name, "/", "-"))
	p := place{folder: filepath.Join(c.scratch, "runs", folder), source: in.path}
	fail := func(name string, err error) {
		say("round %d of %d, %s: %v", round+1, m.rounds, name, err)
		m.failures[name] = err.Error()
	}
	beside, err := k.begin(p)
	defer beside.stop()
	if err != nil {
		fail(s.cases[0].name, err)
		return
	}
	for _, one := range s.cases {
		taken, err := c.runStep(k, p, in, one.step, beside.process)
		if err != nil {
			fail(one.name, err)
			break
		}
		if m.samples[one.name] == nil {
			m.samples[one.name] = map[int]sample{}
		}
		m.samples[one.name][round] = taken
		say("round %d of %d, %s: %.3f s", round+1, m.rounds, one.name, taken.Seconds)
	}
	if err := c.putAside(p, in); err != nil {
		fail(s.cases[0].name, err)
	}
}

// begin makes the place, and answers what runs beside the contender in it; that is to be stopped, also after an error.
func (k *contender) begin(p place) (*service, error) {
	beside := &service{stop: func() {}}
	if err := os.MkdirAll(p.in("home"), 0o700); err != nil {
		return beside, err
	}
	if k.serve != nil {
		started, err := k.serve(p)
		if err != nil {
			return beside, err
		}
		beside, k.environment = started, started.environment
	}
	for _, command := range k.setup(p) {
		if _, err := k.asked(p, command).measure(); err != nil {
			return beside, err
		}
	}
	return beside, nil
}

func (c *config) runStep(k *contender, p place, in input, s step, server int) (taken sample, err error) {
	if s == edited {
		done, failed := edits(in)
		defer func() {
			if undone := undoAll(done); err == nil {
				err = undone
			}
		}()
		if failed != nil {
			return sample{}, failed
		}
	}
	reads := in.path
	if s == restore || s == check {
		reads = p.in("repo")
	}
	if err := c.prepare(in, reads); err != nil {
		return sample{}, err
	}
	command := k.asked(p, k.command(p, s))
	if s == ingest {
		command.Stdin = p.source
	}
	before := 0.0
	if server != 0 {
		if before, err = processorTime(server); err != nil {
			return sample{}, err
		}
	}
	if taken.timing, err = command.measure(); err != nil {
		return sample{}, err
	}
	if server != 0 {
		if taken.server, err = processorTime(server); err != nil {
			return sample{}, err
		}
		taken.server -= before
	}
	switch s {
	case first, ingest:
		// The engine's null store leaves none.
		if _, missing := os.Stat(p.in("repo")); missing == nil {
			taken.stored, err = folderSize(p.in("repo"))
		}
	case restore:
		err = compare(in.path, p.in("out"))
	}
	return taken, err
}

// reached is the share of the roofline that a backup by the engine reached, as it says itself; 0: it said nothing of that.
func (t timing) reached() float64 {
	var engine struct{ Reached float64 }
	if json.Unmarshal([]byte(t.Told), &engine) != nil {
		return 0
	}
	return engine.Reached
}

// prepare makes what the next command finds the same for everyone: the disk idle, what it reads cached, memory touched.
func (c *config) prepare(in input, reads string) error {
	unix.Sync()
	if err := forEachFile(reads, readThrough); err != nil {
		return err
	}
	amount := int64(c.touch)
	if amount < 0 {
		amount = 2*in.Bytes + min(1<<30, 8*in.Bytes)
	}
	return touchMemory(amount)
}

// touchMemory writes to amount of fresh memory and gives it back. On a machine whose host takes free memory away, the
// first write to a page costs a fault in the host, which would fall on whoever runs next. It takes free memory only, so
// that nothing is pushed out of the page cache.
func touchMemory(amount int64) error {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return err
	}
	amount = min(amount, int64(info.Freeram)*int64(info.Unit)*9/10)
	if amount < 1<<20 {
		return nil
	}
	memory, err := unix.Mmap(-1, 0, int(amount), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return err
	}
	for i := 0; i < len(memory); i += 4096 {
		memory[i] = 1
	}
	return unix.Munmap(memory)
}

// putAside ends a run. Few large files are deleted at once, for their space. Trees stay until the end, because a file
// system creates files slowly for minutes after it deleted many; only their cached pages are given up.
func (c *config) putAside(p place, in input) error {
	unix.Sync()
	if err := forEachFile(p.folder, dropCached); err != nil {
		return err
	}
	if in.Files < 100 {
		return os.RemoveAll(p.folder)
	}
	return os.Rename(p.folder, filepath.Join(c.scratch, "aside", filepath.Base(p.folder)))
}

func readThrough(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(onlyWriter{io.Discard}, f)
	return err
}

// onlyWriter hides what else a writer can do, so that the bytes are really read.
type onlyWriter struct{ io.Writer }

func dropCached(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED)
}
