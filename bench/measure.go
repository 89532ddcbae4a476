package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"strongroom.dev/bench/environment"
)

// timing is one timed command.
type timing struct {
	Seconds     float64 `json:"seconds"`
	CoreSeconds float64 `json:"core_seconds"` // user and system, of the command and its children
	PeakBytes   int64   `json:"peak_bytes"`   // resident; of several processes together, as sampled
	Processes   int     `json:"processes"`    // most at one time
}

// sample is one contender's run on one input in one round.
type sample struct {
	Input     string `json:"input"`
	Contender string `json:"contender"`
	Round     int    `json:"round"`
	Backup    timing `json:"backup"`
	Restore   timing `json:"restore"`
	Stored    int64  `json:"stored_bytes"`
	Error     string `json:"error,omitempty"`
}

// results is the JSON that the benchmark writes.
type results struct {
	Settings   config              `json:"settings"`
	Machine    environment.Machine `json:"machine"`
	Versions   map[string]string   `json:"versions"`
	Contenders []contender         `json:"contenders"`
	Inputs     []input             `json:"inputs"`
	Summary    []summary           `json:"summary"`
	Samples    []sample            `json:"samples"`
}

func (c *config) measureInto(path string) error {
	say := func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	r := results{Settings: *c, Machine: environment.Describe(), Versions: map[string]string{}}
	for _, k := range c.contenders() {
		if !chosen(c.Only, k.Name) {
			continue
		}
		if k.Absent != "" {
			say("%s: %s", k.Name, k.Absent)
		}
		r.Contenders = append(r.Contenders, k)
	}
	for _, program := range []string{c.restic, c.borg, c.rustic} {
		if found := environment.Program(program); found != "" {
			r.Versions[filepath.Base(program)] = version(found)
		}
	}
	say("making the inputs in %s", c.scratch)
	var err error
	if r.Inputs, err = c.makeInputs(); err != nil {
		return err
	}
	for _, name := range []string{"runs", "aside"} {
		if err := os.Mkdir(filepath.Join(c.scratch, name), 0o755); err != nil {
			return err
		}
	}
	for round := range c.Rounds {
		for _, in := range r.Inputs {
			for i := range r.Contenders {
				// Each round starts with another one, so that none is always first.
				k := r.Contenders[(i+round)%len(r.Contenders)]
				if k.Absent != "" {
					continue
				}
				s := c.runOne(k, in, round)
				if s.Error != "" {
					say("round %d, %s, %s: %s", round+1, in.Name, k.Name, s.Error)
				} else {
					say("round %d, %s, %s: backup %.2f s, restore %.2f s", round+1, in.Name, k.Name, s.Backup.Seconds, s.Restore.Seconds)
				}
				r.Samples = append(r.Samples, s)
			}
		}
	}
	r.Summary = r.summarise()
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(content, '\n'), 0o644)
}

func (c *config) runOne(k contender, in input, round int) sample {
	s := sample{Input: in.Name, Contender: k.Name, Round: round + 1}
	p := place{folder: filepath.Join(c.scratch, "runs", fmt.Sprintf("%d-%s-%s", round+1, in.Name, k.Name)), source: in.path}
	err := func() error {
		if err := os.MkdirAll(p.in("home"), 0o700); err != nil {
			return err
		}
		for _, command := range k.setup(p) {
			if _, err := k.command(p, command).measure(); err != nil {
				return err
			}
		}
		var err error
		if err := c.prepare(in); err != nil {
			return err
		}
		if s.Backup, err = k.command(p, k.backup(p)).measure(); err != nil {
			return err
		}
		if s.Stored, err = folderSize(p.in("repo")); err != nil {
			return err
		}
		// The repository stays in the cache, the dirty part of it does not burden the restore.
		if err := c.prepare(in); err != nil {
			return err
		}
		if s.Restore, err = k.command(p, k.restore(p)).measure(); err != nil {
			return err
		}
		return compare(in.path, p.in("out"))
	}()
	if err != nil {
		s.Error = err.Error()
	}
	if err := c.putAside(p, in); err != nil && s.Error == "" {
		s.Error = err.Error()
	}
	return s
}

// prepare makes what the next command finds the same for everyone: the disk idle, the source cached, memory touched.
func (c *config) prepare(in input) error {
	unix.Sync()
	if err := forEachFile(in.path, readThrough); err != nil {
		return err
	}
	amount := int64(c.touch)
	if amount < 0 {
		amount = 2*in.Bytes + 1<<30
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
