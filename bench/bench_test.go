package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"strongroom.dev/bench/environment"
)

func TestSize(t *testing.T) {
	for text, want := range map[string]size{"0": 0, "17": 17, "64K": 64 << 10, "512m": 512 << 20, "2G": 2 << 30} {
		var s size
		require.NoError(t, s.Set(text), text)
		require.Equal(t, want, s, text)
	}
	for _, text := range []string{"", "G", "-1", "1.5G", "99999999999G"} {
		require.Error(t, new(size).Set(text), text)
	}
	require.Equal(t, "2G", size(2<<30).String())
	require.Equal(t, "96M", size(96<<20).String())
	require.Equal(t, "1000", size(1000).String())
}

// someResults has the engine, one other, one that failed in its second round and one that is absent.
func someResults() *results {
	run := func(contender string, round int, seconds float64) sample {
		return sample{
			Input: "halves", Contender: contender, Round: round, Stored: 1_000_000_000,
			Backup:  timing{Seconds: seconds, CoreSeconds: 2 * seconds, PeakBytes: 100 << 20, Processes: 1},
			Restore: timing{Seconds: seconds / 2, CoreSeconds: seconds, PeakBytes: 50 << 20, Processes: 1},
		}
	}
	failed := run("borg", 2, 1)
	failed.Error = "a message"
	r := &results{
		Settings: config{Rounds: 2, Size: 2_000_000_000},
		Machine:  environment.Machine{Processor: "a processor", Cores: 2, Memory: 8 << 30},
		Versions: map[string]string{"borg": "borg 1"},
		Contenders: []contender{
			{Name: engineAlone, Settings: "x"}, {Name: "pure-go", Settings: "y"}, {Name: "borg", Settings: "z"},
			{Name: goAgent, Settings: "v"},
			{Name: "restic", Settings: "w", Absent: "not found"},
		},
		Inputs: []input{{Name: "halves", About: "one file", Bytes: 2_000_000_000, Files: 1}},
		Samples: []sample{run(engineAlone, 1, 1), run("pure-go", 1, 2), run("borg", 1, 5), run(engineAlone, 2, 2), run("pure-go", 2, 6),
			failed, run(goAgent, 1, 1), run(goAgent, 2, 2)},
	}
	r.Summary = r.summarise()
	return r
}

func TestMarkdown(t *testing.T) {
	table := someResults().markdown()
	require.Contains(t, table, "| engine | 1.50 | 1.00 | 1.33 | 1.50 | 100 | 0.75 | 1.00 | 2.67 | 0.75 | 50 | 50.0% |\n")
	require.Contains(t, table, "| pure-go | 4.00 | 2.50 | 0.50 | 4.00 | 100 | 2.00 | 2.50 | 1.00 | 2.00 | 50 | 50.0% |\n")
	require.Contains(t, table, "| borg | failed |")
	require.Contains(t, table, "\nBackup: the fastest of the others is pure-go; its time is 2.67 times that of go-agent.\n")
	require.Contains(t, table, "\nRestore: the fastest of the others is pure-go; its time is 2.67 times that of go-agent.\n")
	require.Contains(t, table, "- **borg**: z. borg 1. Failed on halves: a message.\n")
	require.Contains(t, table, "| restic | absent |")
	require.Contains(t, table, "- **restic**: w. Absent: not found.\n")
}

func TestJSONShape(t *testing.T) {
	content, err := json.Marshal(someResults())
	require.NoError(t, err)
	var shape map[string]any
	require.NoError(t, json.Unmarshal(content, &shape))
	require.ElementsMatch(t, []string{"settings", "machine", "versions", "contenders", "inputs", "summary", "samples"}, keys(shape))
	first := shape["samples"].([]any)[0].(map[string]any)
	require.ElementsMatch(t, []string{"input", "contender", "round", "backup", "restore", "stored_bytes"}, keys(first))
	require.Equal(t, map[string]any{"seconds": 1.0, "core_seconds": 2.0, "peak_bytes": float64(100 << 20), "processes": 1.0}, first["backup"])
	require.Len(t, shape["summary"], 3, "the failed one has no medians")
	row := shape["summary"].([]any)[1].(map[string]any)
	require.Equal(t, "pure-go", row["contender"])
	require.Equal(t, map[string]any{
		"seconds": 4.0, "to_engine": 2.5, "gb_per_second": 0.5, "core_seconds_per_gb": 4.0, "peak_bytes": float64(100 << 20),
	}, row["backup"])
	require.Equal(t, 2e9, shape["settings"].(map[string]any)["size_bytes"])

	var again results
	require.NoError(t, json.Unmarshal(content, &again))
	require.Equal(t, someResults().markdown(), again.markdown())
}

func keys(m map[string]any) (all []string) {
	for k := range m {
		all = append(all, k)
	}
	return all
}

// makeTree makes two small files, one of them in a folder.
func makeTree(t *testing.T, folder string) {
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "folder"), 0o755))
	for _, name := range []string{"one", "folder/two"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(name), 0o644))
	}
}

func TestInputs(t *testing.T) {
	tree := filepath.Join(t.TempDir(), "source")
	makeTree(t, tree)
	c := &config{Size: 8<<20 + 7, scratch: t.TempDir(), tree: tree}
	all, err := c.makeInputs()
	require.NoError(t, err)
	require.Len(t, all, 3)
	for i, want := range []float64{1.00, 0.50} {
		info, err := os.Stat(all[i].path)
		require.NoError(t, err)
		require.Equal(t, int64(c.Size), info.Size())
		part, err := compressedPart(all[i].path)
		require.NoError(t, err)
		require.InDelta(t, want, part, 0.02, all[i].Name)
	}
	require.Equal(t, 2, all[2].Files)
}

func TestCompare(t *testing.T) {
	source, target := filepath.Join(t.TempDir(), "tree"), t.TempDir()
	makeTree(t, source)
	require.ErrorContains(t, compare(source, target), "was not restored")

	// As restic and borg do it: below the whole path.
	restored := filepath.Join(target, "a", "b", "tree")
	require.NoError(t, os.MkdirAll(filepath.Dir(restored), 0o755))
	require.NoError(t, os.Rename(source, restored))
	require.NoError(t, compare(restored, target))

	require.NoError(t, os.CopyFS(source, os.DirFS(restored)))
	require.ErrorContains(t, compare(source, target), "restored with time")
}

func TestMeasure(t *testing.T) {
	c := command{Args: []string{"sh", "-c", "sleep 0.2 & sleep 0.2; wait"}, Env: os.Environ(), Dir: t.TempDir()}
	m, err := c.run()
	require.NoError(t, err)
	require.Greater(t, m.Seconds, 0.19)
	require.Less(t, m.CoreSeconds, m.Seconds)
	require.Greater(t, m.PeakBytes, int64(100<<10))
	require.Equal(t, 3, m.Processes)

	c.Args = []string{"sh", "-c", "echo no space >&2; exit 3"}
	_, err = c.run()
	require.ErrorContains(t, err, "exit status 3: no space")
}
