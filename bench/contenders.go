package main

import (
	"os"
	"path/filepath"

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
	Name     string `json:"name"`
	Settings string `json:"settings"`
	Absent   string `json:"absent,omitempty"`

	environment map[string]string
	setup       func(place) [][]string // not timed
	backup      func(place) []string
	restore     func(place) []string
}

const (
	engineAlone = "engine"
	goAgent     = "go-agent"
	pythonAgent = "python-agent"
)

// contenders lists all of them; the first is what the others are compared with.
func (c *config) contenders() []contender {
	agent := func(command []string) (setup func(place) [][]string, backup, restore func(place) []string) {
		with := func(p place, more ...string) []string {
			all := append(append([]string{}, command...), "--repo", p.in("repo"), "--key-file", p.in("key"))
			return append(all, more...)
		}
		return func(p place) [][]string { return [][]string{with(p, "init")} },
			func(p place) []string { return with(p, "--quiet", "backup", p.source) },
			func(p place) []string { return with(p, "--quiet", "restore", "latest", "--target", p.in("out")) }
	}

	var all []contender
	add := func(k contender, program, flag string) {
		if program == "" {
			k.Absent = "not found; name it with --" + flag
			if flag == "rustic" {
				k.Absent = "not installed; bench/install-rustic builds it"
			}
		}
		all = append(all, k)
	}

	engine := environment.Program(c.engine)
	add(contender{
		Name: engineAlone, Settings: "the Rust engine without an agent; auto compression, key file",
		setup: func(p place) [][]string {
			return [][]string{{engine, "init", "--repo", p.in("repo"), "--key-file", p.in("key")}}
		},
		backup: func(p place) []string {
			return []string{engine, "backup", "--repo", p.in("repo"), "--key-file", p.in("key"), p.source}
		},
		restore: func(p place) []string {
			return []string{engine, "restore", "--repo", p.in("repo"), "--key-file", p.in("key"), p.in("out")}
		},
	}, engine, "engine")

	program := environment.Program(c.goAgent)
	k := contender{Name: goAgent, Settings: "strongroom backup (Go); auto compression, key file"}
	k.setup, k.backup, k.restore = agent([]string{program})
	add(k, program, "go-agent")

	program = environment.Program(c.pythonAgent)
	k = contender{Name: pythonAgent, Settings: "python -m strongroom backup; auto compression, key file"}
	k.environment = map[string]string{"PYTHONPATH": filepath.Dir(filepath.Dir(program))}
	k.setup, k.backup, k.restore = agent([]string{"python3", "-m", "strongroom"})
	add(k, program, "python-agent")

	pipeline := func(command ...string) (setup func(place) [][]string, backup, restore func(place) []string) {
		with := func(more ...string) []string { return append(append([]string{}, command...), more...) }
		return func(place) [][]string { return nil },
			func(p place) []string { return with("backup", "--repo", p.in("repo"), p.source) },
			func(p place) []string { return with("restore", "--repo", p.in("repo"), "--target", p.in("out")) }
	}
	program = environment.Program(c.goPipeline)
	k = contender{Name: "pure-go", Settings: "bench/gopipeline: zstd SpeedFastest, key file"}
	k.setup, k.backup, k.restore = pipeline(program)
	add(k, program, "go-pipeline")

	program = environment.Program(c.pythonPipeline)
	k = contender{Name: "pure-python", Settings: "bench/pypipeline: zstd 1, key file"}
	k.setup, k.backup, k.restore = pipeline("python3", program)
	add(k, program, "python-pipeline")

	restic := environment.Program(c.restic)
	add(contender{
		Name: "restic", Settings: "--compression fastest, its defaults otherwise; unlocks by password (scrypt)",
		environment: map[string]string{"RESTIC_PASSWORD": "bench"},
		setup:       func(p place) [][]string { return [][]string{{restic, "-q", "-r", p.in("repo"), "init"}} },
		backup: func(p place) []string {
			return []string{restic, "-q", "-r", p.in("repo"), "backup", "--compression", "fastest", p.source}
		},
		restore: func(p place) []string {
			return []string{restic, "-q", "-r", p.in("repo"), "restore", "latest", "--target", p.in("out")}
		},
	}, restic, "restic")

	borg := environment.Program(c.borg)
	add(contender{
		Name: "borg", Settings: "repokey (here faster than repokey-blake2), --compression zstd,1, its defaults otherwise; unlocks by password",
		environment: map[string]string{"BORG_PASSPHRASE": "bench", "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "no"},
		setup: func(p place) [][]string {
			return [][]string{{borg, "init", "--encryption", "repokey", p.in("repo")}, {"mkdir", "-p", p.in("out")}}
		},
		backup: func(p place) []string {
			return []string{borg, "create", "--compression", "zstd,1", p.in("repo") + "::bench", p.source}
		},
		// borg extracts into the working folder.
		restore: func(p place) []string {
			return []string{"env", "-C", p.in("out"), borg, "extract", p.in("repo") + "::bench"}
		},
	}, borg, "borg")

	rustic := environment.Program(c.rustic)
	add(contender{
		Name: "rustic", Settings: "--set-compression 1, its defaults otherwise; unlocks by password (scrypt)",
		environment: map[string]string{"RUSTIC_PASSWORD": "bench", "RUSTIC_NO_PROGRESS": "true"},
		setup: func(p place) [][]string {
			return [][]string{{rustic, "-r", p.in("repo"), "init", "--set-compression", "1"}}
		},
		backup:  func(p place) []string { return []string{rustic, "-r", p.in("repo"), "backup", p.source} },
		restore: func(p place) []string { return []string{rustic, "-r", p.in("repo"), "restore", "latest", p.in("out")} },
	}, rustic, "rustic")
	return all
}

// environ gives a contender a home and caches of its own.
func (k contender) environ(p place) []string {
	env := []string{
		"HOME=" + p.in("home"), "XDG_CACHE_HOME=" + p.in("home/cache"), "XDG_CONFIG_HOME=" + p.in("home/config"),
		"XDG_DATA_HOME=" + p.in("home/data"), "TMPDIR=" + p.in("home"),
	}
	for _, name := range []string{"PATH", "PYTHONPATH", "LANG", "RUNFILES_DIR"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	for name, v := range k.environment {
		env = append(env, name+"="+v)
	}
	return env
}
