package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The test binary is the agent too: with this variable set, it runs main.
const beAgent = "STRONGROOM_TEST_AGENT"

func TestMain(m *testing.M) {
	switch os.Getenv(beAgent) {
	case "":
		os.Exit(m.Run())
	case "unprivileged":
		withoutPrivileges()
	default:
		main()
	}
}

// agent is a machine of its own for the program: a home folder, a working folder, an environment.
type agent struct {
	t       *testing.T
	home    string
	folder  string
	options []string // of every command line
	extra   []string // of the environment
	mode    string
}

func newAgent(t *testing.T) *agent {
	t.Helper()
	return &agent{t: t, home: t.TempDir(), folder: t.TempDir(), mode: "1"}
}

// result is what a run of the program left.
type result struct {
	code        int
	out, errOut string
}

func (a *agent) command(args ...string) *exec.Cmd {
	a.t.Helper()
	self, err := os.Executable()
	require.NoError(a.t, err)
	c := exec.Command(self, append(append([]string{}, a.options...), args...)...)
	c.Dir = a.folder
	c.Env = append([]string{
		beAgent + "=" + a.mode, "HOME=" + a.home, "PATH=" + os.Getenv("PATH"), "TZ=UTC", "TMPDIR=" + os.Getenv("TMPDIR"),
	}, a.extra...)
	return c
}

func (a *agent) run(args ...string) result {
	a.t.Helper()
	return a.finish(a.command(args...), nil)
}

// finish runs a command to its end.
func (a *agent) finish(c *exec.Cmd, input []byte) result {
	a.t.Helper()
	var out, errOut bytes.Buffer
	c.Stdout, c.Stderr = &out, &errOut
	if input != nil {
		c.Stdin = bytes.NewReader(input)
	}
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(a.t, err)
	}
	return result{c.ProcessState.ExitCode(), out.String(), errOut.String()}
}

// ok runs a command that must succeed, and answers its standard output.
func (a *agent) ok(args ...string) string {
	a.t.Helper()
	r := a.run(args...)
	require.Equal(a.t, exitOK, r.code, "%v: %s", args, r.errOut)
	return r.out
}

// fails runs a command that must fail so, with a message that has this in it.
func (a *agent) fails(code int, message string, args ...string) result {
	a.t.Helper()
	r := a.run(args...)
	assert.Equal(a.t, code, r.code, "%v: %s", args, r.errOut)
	assert.Contains(a.t, r.errOut, "strongroom: ")
	assert.Contains(a.t, r.errOut, message)
	return r
}

// lines parses JSON lines, and answers those of one type.
func (a *agent) lines(text, kind string) []map[string]any {
	a.t.Helper()
	var found []map[string]any
	for _, l := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		var object map[string]any
		require.NoError(a.t, json.Unmarshal([]byte(l), &object), "%q", l)
		require.IsType(a.t, "", object["type"])
		if object["type"] == kind {
			found = append(found, object)
		}
	}
	return found
}

// check verifies all data of the repository.
func (a *agent) check() {
	a.t.Helper()
	assert.Contains(a.t, a.ok("check", "--read-data"), "no damage found")
}

func random(t *testing.T, n int) []byte {
	t.Helper()
	data := make([]byte, n)
	_, err := rand.Read(data)
	require.NoError(t, err)
	return data
}

// TestGoSourceTree is what a new user does, with thousands of real files.
func TestGoSourceTree(t *testing.T) {
	source := goSource(t)
	a := newAgent(t)
	a.folder = filepath.Dir(source)
	target := t.TempDir()

	// The first backup creates the repository and its key. The path is relative to where the user stands.
	first := a.run("backup", "src", "--tag", "first", "--host", "machine")
	require.Equal(t, exitOK, first.code, first.errOut)
	assert.Contains(t, first.out, "created a repository in "+filepath.Join(a.home, ".local/share/strongroom/repository"))
	assert.Regexp(t, `saved snapshot [0-9a-f]{8}: \d{4,} files, [\d.]+ MiB in `, first.out)
	key := filepath.Join(a.home, ".config/strongroom/repository.key")
	assert.Contains(t, first.errOut, "its key is in "+key)
	assert.Contains(t, first.errOut, "Keep a copy of that file")
	info, err := os.Stat(key)
	require.NoError(t, err)
	assert.EqualValues(t, 0o600, info.Mode().Perm())
	secret, err := os.ReadFile(key)
	require.NoError(t, err)
	for _, line := range strings.Fields(string(secret)) {
		if len(line) >= 16 {
			assert.NotContains(t, first.out+first.errOut, line, "the key itself is never printed")
		}
	}

	a.ok("restore", "latest", "--target", target)
	entries := sameTree(t, source, filepath.Join(target, source))
	assert.Greater(t, entries, 5000)
	t.Logf("%d entries of the Go source tree are the same after backup and restore", entries)

	// The second one reads nothing, and says so to programs.
	second := a.lines(a.ok("backup", "src", "--json", "--host", "machine"), "summary")
	require.Len(t, second, 1)
	assert.EqualValues(t, 0, second[0]["bytes_read"])
	assert.EqualValues(t, 0, second[0]["bytes_new"])
	assert.Equal(t, second[0]["files"], second[0]["files_unchanged"])
	paranoid := a.lines(a.ok("backup", "src", "--json", "--paranoid", "--verify", "--host", "machine"), "summary")
	assert.Equal(t, paranoid[0]["bytes"], paranoid[0]["bytes_read"])
	assert.EqualValues(t, 0, paranoid[0]["bytes_new"], "all of it was known")

	assert.Len(t, a.lines(a.ok("snapshots", "--json"), "snapshot"), 3)
	tagged := a.lines(a.ok("snapshots", "--json", "--tag", "first", "--host", "machine"), "snapshot")
	require.Len(t, tagged, 1)
	id, _ := tagged[0]["id"].(string)
	require.Len(t, id, 64)
	assert.Contains(t, a.ok("snapshots"), id[:8])
	assert.Len(t, a.lines(a.ok("ls", "latest", "--json"), "entry"), entries+strings.Count(strings.Trim(source, "/"), "/"))
	assert.Contains(t, a.ok("ls", id[:12], filepath.Join(source, "runtime")), "proc.go")

	// One path of it, from the older snapshot.
	part := t.TempDir()
	a.ok("restore", id[:8], filepath.Join(source, "runtime"), "--target", part)
	sameTree(t, filepath.Join(source, "runtime"), filepath.Join(part, source, "runtime"))
	_, err = os.Stat(filepath.Join(part, source, "fmt"))
	assert.ErrorIs(t, err, os.ErrNotExist)
	a.check()
}

func TestOddFiles(t *testing.T) {
	a := newAgent(t)
	odd, target := oddTree(t), t.TempDir()
	r := a.run("backup", odd)
	require.Equal(t, exitOK, r.code, r.errOut)
	r = a.run("restore", "latest", "--target", target)
	require.Equal(t, exitOK, r.code, r.errOut)
	assert.Equal(t, 11, sameTree(t, odd, filepath.Join(target, odd)))
	assert.Less(t, blocks(t, filepath.Join(target, odd, "sparse")), int64(1<<20), "holes stay holes")

	var names []any
	for _, l := range a.lines(a.ok("ls", "latest", "--json"), "entry") {
		if encoded, ok := l["path_base64"]; ok {
			names = append(names, encoded)
		}
	}
	assert.Len(t, names, 1, "a name that is not UTF-8 is given as bytes too")
}

func TestStandardInputAndOutput(t *testing.T) {
	a := newAgent(t)
	for name, data := range map[string][]byte{"empty": {}, "small": []byte("hello"), "large": random(t, 30<<20+123)} {
		r := a.finish(a.command("backup", "--stdin", "dumps/"+name, "--json"), data)
		require.Equal(t, exitOK, r.code, r.errOut)
		summary := a.lines(r.out, "summary")
		require.Len(t, summary, 1)
		assert.EqualValues(t, len(data), summary[0]["bytes"])
		for _, asked := range []string{"dumps/" + name, name} {
			r = a.run("restore", "latest", "--stdout", asked)
			require.Equal(t, exitOK, r.code, r.errOut)
			assert.True(t, bytes.Equal(data, []byte(r.out)), "%s comes back", name)
		}
	}
	a.check()
	a.fails(exitNotFound, "the snapshot has no nowhere", "restore", "latest", "--stdout", "nowhere")
}

// TestPasswords shows where a password comes from.
func TestPasswords(t *testing.T) {
	a := newAgent(t)
	file := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(file, []byte("open sesame\nnot this line\n"), 0o600))
	repository := filepath.Join(t.TempDir(), "repository")
	a.options = []string{"--repo", repository}
	a.fails(exitUsage, "no password was given", "init")
	a.ok("init", "--password-file", file)
	a.fails(exitExists, "there is already a repository at "+repository, "init", "--password-file", file)

	a.extra = []string{"STRONGROOM_PASSWORD=open sesame"}
	assert.Contains(t, a.ok("snapshots"), "no snapshots yet")
	a.extra = []string{"STRONGROOM_PASSWORD=wrong"}
	a.fails(exitWrongKey, "the password or key file opens no key of this repository", "snapshots")
	a.ok("snapshots", "--password-file", file)

	a.options = nil
	a.extra = []string{"STRONGROOM_PASSWORD=open sesame", "STRONGROOM_REPOSITORY=" + repository}
	a.ok("snapshots")
}

func TestKeyFile(t *testing.T) {
	a := newAgent(t)
	key, other := filepath.Join(t.TempDir(), "keys", "mine"), filepath.Join(t.TempDir(), "other")
	a.options = []string{"--repo", filepath.Join(t.TempDir(), "repository")}
	a.ok("init", "--key-file", key)
	a.ok("snapshots", "--key-file", key)
	text, err := os.ReadFile(key)
	require.NoError(t, err)
	require.NotEmpty(t, text)

	b := newAgent(t)
	b.options = []string{"--repo", filepath.Join(t.TempDir(), "another")}
	b.ok("init", "--key-file", other)
	a.fails(exitWrongKey, "the password or key file opens no key", "snapshots", "--key-file", other)
}

// TestInterrupt stops a backup in its middle: nothing committed is lost, and the next one goes on.
func TestInterrupt(t *testing.T) {
	a := newAgent(t)
	source := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(source, "kept"), random(t, 1<<20), 0o644))
	a.ok("backup", source)
	kept := a.lines(a.ok("snapshots", "--json"), "snapshot")
	require.Len(t, kept, 1)
	id, _ := kept[0]["id"].(string)

	interrupt := func(c *exec.Cmd, after time.Duration) result {
		time.AfterFunc(after, func() { _ = c.Process.Signal(syscall.SIGINT) })
		start := time.Now()
		r := a.finish(c, nil)
		assert.Less(t, time.Since(start), after+time.Minute, "it does not finish first")
		assert.Equal(t, exitInterrupted, r.code, r.errOut)
		assert.Contains(t, r.errOut, "nothing that was committed is lost")
		return r
	}
	// A tree whose compression takes minutes.
	c := a.command("backup", goSource(t), "--compression", "zstd:19", "--json")
	r := interrupt(c, 700*time.Millisecond)
	failed := a.lines(r.out, "error")
	require.Len(t, failed, 1)
	assert.Equal(t, "interrupted", failed[0]["error"])

	// An input that never ends.
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	c = a.command("backup", "--stdin", "endless")
	c.Stdin = reader
	interrupt(c, 300*time.Millisecond)
	require.NoError(t, errors.Join(reader.Close(), writer.Close()))

	a.check()
	assert.Len(t, a.lines(a.ok("snapshots", "--json"), "snapshot"), 1)
	target := t.TempDir()
	a.ok("restore", id, "--target", target)
	sameTree(t, source, filepath.Join(target, source))
	a.ok("backup", source)
}

func TestUsage(t *testing.T) {
	a := newAgent(t)
	a.fails(exitUsage, "what is to be backed up is missing", "backup")
	a.fails(exitUsage, "unknown flag: --nonsense", "backup", "--nonsense")
	a.fails(exitUsage, `unknown command "nonsense"`, "nonsense")
	a.fails(exitUsage, "the snapshot (latest, or the first digits of its id) is missing", "restore")
	a.fails(exitUsage, "restore needs one of --target DIR and --stdout NAME", "restore", "latest")
	a.fails(exitUsage, "--compression is auto, off, lz4, zstd or zstd:LEVEL", "backup", ".", "--compression", "zip")
	a.fails(exitUsage, `"many" is no size`, "snapshots", "--memory", "many")
	a.fails(exitUsage, "leave the folders out", "backup", "--stdin", "x", ".")
	assert.Contains(t, a.ok("--help"), "backs up files and folders", "help is no failure")
	assert.Contains(t, a.ok("backup", "--help"), "strongroom backup ~/documents")
}

func TestQuiet(t *testing.T) {
	a := newAgent(t)
	a.ok("init")
	source := t.TempDir()
	r := a.run("backup", source, "--quiet")
	assert.Equal(t, result{code: exitOK}, r)
}

func TestRooflineAndExplain(t *testing.T) {
	a := newAgent(t)
	require.NoError(t, os.WriteFile(filepath.Join(a.folder, "file"), random(t, 8<<20), 0o600))

	// The machine is measured without a repository, and nothing is left where one would be.
	assert.Regexp(t, `(?m)^STAGE +ONE CORE +ALL \d+\n(.*\n)*chunk +[\d.]+ GB/s +[\d.]+ GB/s\n(.*\n)*write/store +[\d.]+ GB/s`, a.ok("roofline"))
	assert.NoDirExists(t, filepath.Join(a.home, ".local"))
	stages := map[string]bool{}
	for _, l := range a.lines(a.ok("roofline", "--json", "--repo", "s3://bucket/prefix"), "stage") {
		stages[l["stage"].(string)] = true
		assert.Positive(t, l["one_core_bytes_per_second"])
		assert.Positive(t, l["all_cores_bytes_per_second"])
		assert.Positive(t, l["cores"])
	}
	assert.True(t, stages["read"] && stages["identify/64KiB"] && stages["compress/zstd:1"] && stages["seal"])
	assert.False(t, stages["write/store"], "the disk is not the bucket's")

	told := a.ok("backup", "file", "--explain")
	assert.Regexp(t, `(?m)^read +\d+ % busy`, told)
	assert.Regexp(t, `(?m)^\d+ % of this machine's roofline: its stages alone take [\d.]+m?s, the run took [\d.]+m?s\n[A-Z].*\.$`, told)
	out := a.ok("backup", "file", "--explain", "--json", "--paranoid")
	explanation := a.lines(out, "explanation")
	require.Len(t, explanation, 1)
	assert.Len(t, a.lines(out, "summary"), 1)
	for _, key := range []string{"busy", "limited_by", "advice", "seconds", "roofline_seconds", "roofline_reached"} {
		assert.Contains(t, explanation[0], key)
	}
	assert.Contains(t, explanation[0]["busy"], "read")
	entries, err := os.ReadDir(filepath.Join(a.home, ".local/share/strongroom/repository/tmp"))
	require.NoError(t, err)
	assert.Empty(t, entries, "what was written to measure the disk is gone")
	// Where the machine cannot be measured, the snapshot is saved all the same.
	a.extra = append(a.extra, "TMPDIR="+filepath.Join(a.folder, "nowhere"))
	saved := a.run("backup", "file", "--explain")
	assert.Equal(t, exitOK, saved.code, saved.errOut)
	assert.Contains(t, saved.errOut, "strongroom: cannot explain the run: "+filepath.Join(a.folder, "nowhere")+": ")
	a.fails(exitUsage, "--explain and --quiet exclude each other", "backup", "file", "--explain", "--quiet")
}
