package main

import (
	"os"
	"path/filepath"
	"strconv"

	"strongroom.dev/bench/environment"
)

// place is where one contender runs once: everything in it is new.
type place struct {
	folder string // working folder and home
	source string // what is backed up
}

func (p place) in(name string) string { return filepath.Join(p.folder, name) }

// contender is one way to back up. Its commands run in the working folder of a place.
type contender struct {
	name     string
	settings string
	absent   string // why it cannot run here

	environment map[string]string
	serve       func(place) (*service, error) // what runs beside its steps; nil: nothing
	setup       func(place) [][]string        // not timed
	command     func(place, step) []string
}

// null is the store of the engine that keeps nothing.
const null = "null:"

// The contenders' names. With little memory, "-64MiB" follows those of Strongroom.
const (
	engineName = "engine"
	goName     = "go"
	pythonName = "python"
)

var peers = []string{"restic", "borg", "rustic"}

func named(name, memory string) string {
	if memory != "" {
		return name + "-" + memory
	}
	return name
}

// present notes where a program is not there.
func (k *contender) present(program, flag string) *contender {
	switch {
	case program != "":
	case flag == "rustic":
		k.absent = "not installed; bench/install-rustic builds it"
	default:
		k.absent = "not found; name it with --" + flag
	}
	return k
}

func (c *config) engineAlone(memory, compression, store string) *contender {
	program := environment.Program(c.engine)
	with := func(p place, command string, more ...string) []string {
		repository := store
		if repository == "" {
			repository = p.in("repo")
		}
		all := []string{program, command, "--repo", repository, "--key-file", p.in("key")}
		if memory != "" {
			all = append(all, "--memory", strconv.Itoa(64<<20))
		}
		return append(all, more...)
	}
	backup := func(p place, more ...string) []string {
		level := compression
		if level == "zstd:1" {
			level = "1"
		}
		more = append(more, "--compression", level)
		if c.growth == "" {
			more = append(more, "--roofline", c.rooflineFile())
		}
		return with(p, "backup", append(more, p.source)...)
	}
	k := &contender{
		name: named(engineName, memory), settings: "the Rust engine without an agent; key file",
		setup: func(p place) [][]string {
			if store == null {
				return nil
			}
			return [][]string{with(p, "init")}
		},
		command: func(p place, s step) []string {
			switch s {
			case ingest:
				return with(p, "ingest")
			case known:
				return backup(p, "--paranoid")
			case restore:
				return with(p, "restore", p.in("out"))
			case check:
				return with(p, "check")
			case roof:
				return with(p, "roofline")
			default:
				return backup(p)
			}
		},
	}
	return k.present(program, "engine")
}

// agent is one of the programs with Strongroom's command line.
func agent(name, settings, memory, compression string, command ...string) *contender {
	with := func(p place, more ...string) []string {
		all := append(append([]string{}, command...), "--repo", p.in("repo"), "--key-file", p.in("key"))
		if memory != "" {
			all = append(all, "--memory", memory)
		}
		return append(all, more...)
	}
	backup := func(p place, more ...string) []string {
		return with(p, append([]string{"--quiet", "backup", "--compression", compression}, more...)...)
	}
	return &contender{
		name: named(name, memory), settings: settings + "; key file",
		setup: func(p place) [][]string { return [][]string{with(p, "init")} },
		command: func(p place, s step) []string {
			switch s {
			case ingest:
				return backup(p, "--stdin", "stdin")
			case known:
				return backup(p, "--paranoid", p.source)
			case restore:
				return with(p, "--quiet", "restore", "latest", "--target", p.in("out"))
			case check:
				return with(p, "--quiet", "check", "--read-data")
			default:
				return backup(p, p.source)
			}
		},
	}
}

func (c *config) goAgent(memory, compression string) *contender {
	program := environment.Program(c.goProgram)
	return agent(goName, "strongroom (Go)", memory, compression, program).present(program, "go-agent")
}

// What a repository is unlocked by.
const (
	password = "password"
	keyFile  = "key-file"
)

// unlocking is the Go agent which only opens a repository. A password is stretched by Argon2id, a key file is not.
func (c *config) unlocking(by string) *contender {
	program := environment.Program(c.goProgram)
	with := func(p place, command string) []string {
		if by == password {
			return []string{program, "--repo", p.in("repo"), command}
		}
		return []string{program, "--repo", p.in("repo"), "--key-file", p.in("key"), command}
	}
	k := &contender{
		name: goName, settings: "strongroom (Go); key file",
		setup:   func(p place) [][]string { return [][]string{with(p, "init")} },
		command: func(p place, _ step) []string { return with(p, "snapshots") },
	}
	if by == password {
		k.environment = map[string]string{"STRONGROOM_PASSWORD": "bench"}
	}
	return k.present(program, "go-agent")
}

func (c *config) pythonAgent(memory, compression string) *contender {
	program := environment.Program(c.pythonProgram)
	k := agent(pythonName, "python -m strongroom", memory, compression, "python3", "-m", "strongroom")
	k.environment = map[string]string{"PYTHONPATH": filepath.Dir(filepath.Dir(program))}
	return k.present(program, "python-agent")
}

// pipeline is one of the pipelines in one language alone.
func pipeline(name, settings string, command ...string) *contender {
	return &contender{
		name: name, settings: settings,
		setup: func(place) [][]string { return nil },
		command: func(p place, s step) []string {
			all := append([]string{}, command...)
			if s == restore {
				return append(all, "restore", "--repo", p.in("repo"), "--target", p.in("out"))
			}
			return append(all, "backup", "--repo", p.in("repo"), p.source)
		},
	}
}

func (c *config) pureGo() *contender {
	program := environment.Program(c.goPipeline)
	return pipeline("purego", "bench/gopipeline: zstd SpeedFastest, key file", program).present(program, "go-pipeline")
}

func (c *config) purePython() *contender {
	program := environment.Program(c.pythonPipeline)
	return pipeline("purepython", "bench/pypipeline: zstd 1, key file", "python3", program).present(program, "python-pipeline")
}

func (c *config) resticPeer() *contender {
	program := environment.Program(c.restic)
	with := func(p place, more ...string) []string {
		return append([]string{program, "-q", "-r", p.in("repo")}, more...)
	}
	k := &contender{
		name: "restic", settings: "--compression fastest, its defaults otherwise; unlocks by password (scrypt)",
		environment: map[string]string{"RESTIC_PASSWORD": "bench"},
		setup:       func(p place) [][]string { return [][]string{with(p, "init")} },
		command: func(p place, s step) []string {
			switch s {
			case restore:
				return with(p, "restore", "latest", "--target", p.in("out"))
			case check:
				return with(p, "check", "--read-data")
			default:
				return with(p, "backup", "--compression", "fastest", p.source)
			}
		},
	}
	return k.present(program, "restic")
}

func (c *config) borgPeer() *contender {
	program := environment.Program(c.borg)
	k := &contender{
		name:        "borg",
		settings:    "repokey (here faster than repokey-blake2), --compression zstd,1, its defaults otherwise; unlocks by password",
		environment: map[string]string{"BORG_PASSPHRASE": "bench", "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "no"},
		setup: func(p place) [][]string {
			return [][]string{{program, "init", "--encryption", "repokey", p.in("repo")}, {"mkdir", "-p", p.in("out")}}
		},
		command: func(p place, s step) []string {
			switch s {
			case restore:
				// borg extracts into the working folder.
				return []string{"env", "-C", p.in("out"), program, "extract", p.in("repo") + "::" + string(first)}
			case check:
				return []string{program, "check", "--verify-data", p.in("repo")}
			default:
				return []string{program, "create", "--compression", "zstd,1", p.in("repo") + "::" + string(s), p.source}
			}
		},
	}
	return k.present(program, "borg")
}

func (c *config) rusticPeer() *contender {
	program := environment.Program(c.rustic)
	with := func(p place, more ...string) []string {
		return append([]string{program, "-r", p.in("repo")}, more...)
	}
	k := &contender{
		name: "rustic", settings: "--set-compression 1, its defaults otherwise; unlocks by password (scrypt)",
		environment: map[string]string{"RUSTIC_PASSWORD": "bench", "RUSTIC_NO_PROGRESS": "true"},
		setup:       func(p place) [][]string { return [][]string{with(p, "init", "--set-compression", "1")} },
		command: func(p place, s step) []string {
			switch s {
			case restore:
				return with(p, "restore", "latest", p.in("out"))
			case check:
				return with(p, "check", "--read-data")
			default:
				return with(p, "backup", p.source)
			}
		},
	}
	return k.present(program, "rustic")
}

// environ gives a contender a home and caches of its own.
func (k *contender) environ(p place) []string {
	env := []string{
		"HOME=" + p.in("home"), "XDG_CACHE_HOME=" + p.in("home/cache"), "XDG_CONFIG_HOME=" + p.in("home/config"),
		"XDG_DATA_HOME=" + p.in("home/data"), "TMPDIR=" + p.in("home"),
	}
	for _, name := range []string{"PATH", "PYTHONPATH", "LANG", "RUNFILES_DIR", "STRONGROOM_LIBRARY"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	for name, v := range k.environment {
		env = append(env, name+"="+v)
	}
	return env
}
