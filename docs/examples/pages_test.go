// Package examples_test makes sure that what pages show is so. A page marks what stands in a file, and what a shell was asked and answered:
//
//	<!-- file: docs/examples/go/buffers/main.go, lease -->
//	```go
//	…
//	```
//
// shows a file, or the part of it between the comments "show lease" and "end".
//
//	<!-- run: go/buffers -->
//	```console
//	$ ./buffers repository
//	…
//	```
//
// shows a session; what is named before it lies in its folder. All sessions of a page are one, in a home of its own, which pages
// call /home/me. Ids, times, speeds and the like differ from run to run: only their form is compared.
//
//	tools/bazel run //docs/examples:pages_test -- -update
//
// writes the pages anew.
package examples_test

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the pages anew")

// programs are what sessions may have beside them, by name; Bazel says where.
func programs(t *testing.T) map[string]string {
	t.Helper()
	given := os.Getenv("PROGRAMS")
	if given == "" {
		t.Skip("PROGRAMS names no programs; tools/bazel test builds them")
	}
	all := map[string]string{}
	for word := range strings.FieldsSeq(given) {
		name, path, _ := strings.Cut(word, "=")
		path, err := filepath.Abs(path)
		require.NoError(t, err)
		all[name] = path
	}
	return all
}

// block is a fence of a page, with the comment before it.
type block struct {
	kind, about string
	line        int // of the fence, counted from 0
	body        []string
}

var mark = regexp.MustCompile(`^<!-- (file|run)(?:: (.*?))? -->$`)

// blocks finds what a page marks.
func blocks(t *testing.T, lines []string) (all []block) {
	t.Helper()
	for n, line := range lines {
		found := mark.FindStringSubmatch(line)
		if found == nil {
			continue
		}
		require.Less(t, n+1, len(lines))
		require.True(t, strings.HasPrefix(lines[n+1], "```"), "line %d: the mark is not followed by code", n+1)
		b := block{kind: found[1], about: found[2], line: n + 1}
		for _, line := range lines[n+2:] {
			if line == "```" {
				break
			}
			b.body = append(b.body, line)
		}
		all = append(all, b)
	}
	return all
}

func TestPagesShowWhatIsSo(t *testing.T) {
	available := programs(t)
	pages := []string{"README.md"}
	for _, pattern := range []string{"docs/start/*.md", "docs/guides/*.md"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, found, pattern)
		pages = append(pages, found...)
	}
	shown := map[string]bool{}
	for _, page := range pages {
		t.Run(page, func(t *testing.T) {
			text, err := os.ReadFile(page)
			require.NoError(t, err)
			lines := strings.Split(string(text), "\n")
			all := blocks(t, lines)
			var sessions []block
			now := map[int][]string{}
			for _, b := range all {
				if b.kind == "run" {
					sessions = append(sessions, b)
					continue
				}
				path, part, _ := strings.Cut(b.about, ", ")
				shown[path] = true
				now[b.line] = excerpt(t, path, part)
			}
			if len(sessions) > 0 {
				for n, body := range run(t, available, sessions) {
					now[sessions[n].line] = body
				}
			}
			if *update {
				rewrite(t, page, lines, all, now)
				return
			}
			for _, b := range all {
				assert.Equal(t, form(b.kind, b.body), form(b.kind, now[b.line]),
					"line %d; tools/bazel run //docs/examples:pages_test -- -update writes it anew", b.line+1)
			}
		})
	}
	var files []string
	for _, pattern := range []string{"docs/examples/c/*.c", "docs/examples/go/*/main.go", "docs/examples/python/*.py"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		files = append(files, found...)
	}
	for _, file := range files {
		assert.True(t, shown[file], "no page shows %s", file)
	}
}

// excerpt is a file without its first comment's mark, or a part of it.
func excerpt(t *testing.T, path, part string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if part == "" {
		var whole []string
		for _, line := range lines {
			if remark := comment(line); remark != "end" && !strings.HasPrefix(remark, "show ") {
				whole = append(whole, line)
			}
		}
		return whole
	}
	var inside []string
	found := false
	for _, line := range lines {
		switch remark := comment(line); {
		case remark == "show "+part:
			found = true
			inside = []string{}
		case found && remark == "end":
			return dedent(inside)
		case found:
			inside = append(inside, line)
		}
	}
	require.Fail(t, "there is no such part", "%s, %s", path, part)
	return nil
}

func comment(line string) string {
	line = strings.TrimSpace(line)
	for _, mark := range []string{"// ", "# "} {
		if text, ok := strings.CutPrefix(line, mark); ok {
			return text
		}
	}
	return ""
}

func dedent(lines []string) []string {
	common := -1
	for _, line := range lines {
		if strings.TrimSpace(line) == "" {
			continue
		}
		if indent := len(line) - len(strings.TrimLeft(line, " \t")); common < 0 || indent < common {
			common = indent
		}
	}
	var out []string
	for _, line := range lines {
		out = append(out, line[min(max(common, 0), len(line)):])
	}
	return strings.Split(strings.Trim(strings.Join(out, "\n"), "\n"), "\n")
}

// run plays the sessions of a page, and answers how they look now.
func run(t *testing.T, available map[string]string, sessions []block) [][]string {
	t.Helper()
	home, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	bin := t.TempDir()
	for _, name := range []string{"strongroom", "idlc"} {
		require.NoError(t, os.Symlink(available[name], filepath.Join(bin, name)))
	}
	var script strings.Builder
	commands := map[int][]string{}
	for n, session := range sessions {
		for name := range strings.FieldsSeq(session.about) {
			if name == "s3" {
				serve(t, available["versitygw"])
				continue
			}
			from := available[name]
			if strings.HasSuffix(name, ".py") {
				from, err = filepath.Abs(filepath.Join("docs/examples", name))
				require.NoError(t, err)
			}
			require.NotEmpty(t, from, "there is no %s", name)
			require.NoError(t, os.Symlink(from, filepath.Join(home, filepath.Base(name))))
		}
		for _, line := range session.body {
			command, asked := strings.CutPrefix(line, "$ ")
			more, continued := strings.CutPrefix(line, "> ")
			switch {
			case asked:
				// The mark between two answers leaves the status as it was.
				fmt.Fprintf(&script, "status=$?; printf '\\036%d\\n'; (exit $status)\n%s\n", n, command)
				commands[n] = append(commands[n], line)
			case continued:
				fmt.Fprintln(&script, more)
				last := len(commands[n]) - 1
				commands[n][last] += "\n" + line
			}
		}
	}
	python, err := filepath.Abs("python")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-c", "exec 2>&1\n"+script.String())
	shell.Dir = home
	shell.Env = []string{
		"HOME=" + home, "PATH=" + bin + ":" + os.Getenv("PATH"), "PYTHONPATH=" + python, "LC_ALL=C.UTF-8", "TZ=UTC", "PYTHONDONTWRITEBYTECODE=1",
	}
	out, err := shell.Output()
	require.NoError(t, ctx.Err(), "%s", out)
	if exit := new(exec.ExitError); err != nil {
		require.ErrorAs(t, err, &exit) // the status of the last command, which a page may well show
	}
	text := strings.ReplaceAll(string(out), home, "/home/me")
	answers := make([][]string, len(sessions))
	asked := map[int]int{}
	for part := range strings.SplitSeq(strings.TrimPrefix(text, "\036"), "\036") {
		head, answer, _ := strings.Cut(part, "\n")
		var n int
		_, err := fmt.Sscan(head, &n)
		require.NoError(t, err, "%s", out)
		if asked[n] > 0 {
			// A page leaves a line between a command's answer and the next command only where it likes.
			if at := indexOf(sessions[n].body, commands[n][asked[n]]); at > 0 && sessions[n].body[at-1] == "" {
				answers[n] = append(answers[n], "")
			}
		}
		answers[n] = append(answers[n], strings.Split(commands[n][asked[n]], "\n")...)
		asked[n]++
		if answer = strings.TrimRight(answer, "\n"); answer != "" {
			for line := range strings.SplitSeq(answer, "\n") {
				answers[n] = append(answers[n], strings.TrimRight(line, " "))
			}
		}
	}
	return answers
}

func indexOf(lines []string, command string) int {
	first, _, _ := strings.Cut(command, "\n")
	for n, line := range lines {
		if line == first {
			return n
		}
	}
	return -1
}

// serve starts the S3 service that a page speaks of. A test has a network of its own, so that the port is free.
func serve(t *testing.T, program string) {
	t.Helper()
	const address = "127.0.0.1:7070"
	folder := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(folder, "backups"), 0o755)) // its folders are its buckets
	server := exec.Command(program, "--port", address, "posix", "--sidecar", t.TempDir(), folder)
	server.Env = []string{"ROOT_ACCESS_KEY=fleet", "ROOT_SECRET_KEY=not a secret", "HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	require.Eventually(t, func() bool {
		connection, err := net.Dial("tcp", address)
		return err == nil && connection.Close() == nil
	}, 2*time.Minute, 50*time.Millisecond, "the S3 server did not start")
}

// forms are what differs from run to run.
var forms = []struct {
	pattern *regexp.Regexp
	form    string
}{
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "ID"},
	{regexp.MustCompile(`\b[0-9a-f]{8}\b`), "ID"},
	{regexp.MustCompile(`\b\d{4}[-/]\d\d[-/]\d\d \d\d:\d\d:\d\d\b`), "TIME"},
	{regexp.MustCompile(`\b\d+(\.\d+)? (bytes|[KMGT]iB)/s`), "SPEED"},
	{regexp.MustCompile(`\b\d+(\.\d+)?(ns|µs|ms|s|m\d+s)\b`), "DURATION"},
	{regexp.MustCompile(`\btake \d+(\.\d+)? (bytes|[KMGT]iB)`), "take SIZE"},
	{regexp.MustCompile(`\b\d+(\.\d+)? (bytes|[KMGT]iB) read\b`), "SIZE read"},
	// A folder is a chunk, and homes lie at different depths; there are more packs where more workers got something to do.
	{regexp.MustCompile(`\b\d+ (threads|chunks|packs)\b`), "N $1"},
	{regexp.MustCompile(` {2,}`), " "},
}

func form(kind string, lines []string) string {
	text := strings.Join(lines, "\n")
	if kind == "run" {
		for _, f := range forms {
			text = f.pattern.ReplaceAllString(text, f.form)
		}
	}
	return text
}

// rewrite puts what is so into a page, where its form is another one.
func rewrite(t *testing.T, page string, lines []string, all []block, now map[int][]string) {
	t.Helper()
	var out []string
	from := 0
	for _, b := range all {
		out = append(out, lines[from:b.line+1]...)
		from = b.line + 1 + len(b.body)
		if form(b.kind, b.body) == form(b.kind, now[b.line]) {
			out = append(out, b.body...)
		} else {
			out = append(out, now[b.line]...)
		}
	}
	out = append(out, lines[from:]...)
	path, err := filepath.EvalSymlinks(page)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(out, "\n")), 0o644))
}
