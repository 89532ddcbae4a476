package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The test binary is the program, too: it measures commands and writes to the disk in processes of its own.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == measurer || os.Args[1] == diskWriter) {
		main()
		return
	}
	os.Exit(m.Run())
}

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

// someMeasured has the engine, an agent that took twice its time in each round, a peer, and a case that failed once.
func someMeasured() *measured {
	c := &config{}
	list, wanted, err := choose(c.all(), "random/local/engine,random/local/go,restic/random/first,borg/random/first,disk")
	if err != nil {
		panic(err)
	}
	took := func(seconds float64, stored int64) sample {
		return sample{timing: timing{Seconds: seconds, CoreSeconds: 2 * seconds, PeakBytes: 100 << 20, Processes: 1}, stored: stored}
	}
	return &measured{
		series: list, wanted: wanted, rounds: 2,
		inputs: map[string]input{randomFile: {Name: randomFile, About: "one file", Bytes: 2_000_000_000, Files: 1}},
		samples: map[string]map[int]sample{
			"random/local/engine":   {0: took(1, 2_000_000_000), 1: took(3, 2_000_000_000)},
			"random/local/go":       {0: took(2, 2_000_000_000), 1: took(6, 2_000_000_000)},
			"random/local/go-64MiB": {0: took(9, 0)},
			"restic/random/first":   {0: took(8, 1_000_000_000), 1: took(8, 1_000_000_000)},
			"borg/random/first":     {0: took(1, 0)},
			"disk/direct":           {0: took(1, 0), 1: took(1, 0)},
			"disk/buffered":         {0: took(2, 0), 1: took(2, 0)},
		},
		failures: map[string]string{"borg/random/first": "a message"},
	}
}

func TestReport(t *testing.T) {
	c := &config{restic: "no-such-program", borg: "no-such-program", rustic: "no-such-program"}
	r := c.report(someMeasured())
	figures := r.values()
	for name, want := range map[string]float64{
		"random/local/engine gigabytes_per_second": 1, "random/local/engine core_seconds_per_gigabyte": 2, "random/local/engine peak_rss_mib": 100,
		"random/local/engine stored_part": 1, "random/local/engine speed_to_best_peer": 4, "random/local/engine speed_to_disk": 0.5,
		"random/local/go speed_to_engine": 0.5, "random/local/go memory_to_least_peer": 1, "restic/random/first stored_part": 0.5,
		"disk/direct gigabytes_per_second": 2,
	} {
		require.InDelta(t, want, figures[name], 1e-9, name)
	}
	for _, f := range r.Figures {
		require.NotEqual(t, "random/local/go-64MiB", f.Case, "nobody asked for it")
		require.NotEqual(t, "borg/random/first", f.Case, "the failed one has no medians")
		require.NotEmpty(t, f.Unit, f.Metric)
		require.Contains(t, metricOrder, f.Metric)
	}

	table := r.markdown()
	require.Contains(t, table, "| incompressible, into a local folder, synced | 1.85 GB/s = 6.7 TB/h, bound by the disk's own 1.5-2.2 GB/s | "+
		"95% of the disk measured in the same run | 1.00 GB/s = 3.6 TB/h, 2.00 core-s/GB, 100 MiB, 50% of the disk |\n")
	require.Contains(t, table, "2:1, new files, unchanged files | – | paths: 0.99 | 0.50 / ? / ? / ? |\n")
	require.NotContains(t, table, "null store", "a row of which nothing was measured")
	require.Contains(t, table, "| go | 4.00 s, 500 MB/s, 100 MiB, 2.0×, memory 1.0× | – | – | – | – |\n")
	require.Contains(t, table, "- **borg/random/first** failed: a message\n")

	var out bytes.Buffer
	c.json = true
	require.ErrorContains(t, c.print(&out, r), "1 of the cases failed")
	var first map[string]any
	require.NoError(t, json.NewDecoder(&out).Decode(&first))
	require.Equal(t, map[string]any{"case": "random/local/engine", "metric": "gigabytes_per_second", "value": 1.0, "unit": "GB/s"}, first)
}

func TestCases(t *testing.T) {
	c := &config{}
	names := map[string]bool{}
	for _, s := range c.all() {
		for _, one := range s.cases {
			require.False(t, names[one.name], "%s is there twice", one.name)
			names[one.name] = true
		}
	}
	for _, name := range []string{
		"random/null/engine", "random/local/go", "half/zstd1/local/engine", "half/lz4/null/engine", "known/engine", "small/new/python",
		"small/random/engine", "small/unchanged/go", "random/ingest/python", "random/local/go-64MiB", "restic/random/first", "borg/tree/edited",
		"rustic/half/check", "purego/small/first", "purepython/random/restore", "disk/direct",
	} {
		require.True(t, names[name], name)
	}
	// What the engine tells of the stages.
	for _, stage := range []string{
		"read", "chunk", "identify/64KiB", "identify/4KiB", "compress/zstd:1", "compress/lz4", "seal", "write/store",
	} {
		names[rooflineCase+stage] = true
	}
	// The tables name no case that there is not.
	everything := values{}
	for name := range names {
		for _, metric := range metricOrder {
			everything[name+" "+metric] = 1
		}
	}
	require.NotContains(t, everything.aims(), absent)
	require.Equal(t, len(aims), strings.Count(everything.aims(), "\n"))

	for pattern, want := range map[string][]string{
		"disk": {"disk/buffered", "disk/direct", "disk/cp"}, "*/null/engine": {"random/null/engine"},
		"random/restore/go,known/engine": {"known/engine", "random/restore/go"},
	} {
		some, wanted, err := choose(c.all(), pattern)
		require.NoError(t, err)
		require.Len(t, wanted, len(want), pattern)
		for _, name := range want {
			require.True(t, wanted[name], name)
		}
		for _, s := range some {
			require.False(t, s.contender.name != "disk" && s.cases[0].step != first, "%s: nothing is there to restore", pattern)
		}
	}
	_, _, err := choose(c.all(), "nothing")
	require.EqualError(t, err, `no case matches "nothing"`)
	_, _, err = choose(c.all(), "[")
	require.Error(t, err)
}

// TestTinyRun measures, with the programs of this tree, an input of a megabyte: each figure is there and well-formed.
func TestTinyRun(t *testing.T) {
	if os.Getenv("ENGINE") == "" {
		t.Skip("the programs to measure are named by Bazel; else set ENGINE, GO_AGENT and GO_PIPELINE to their paths")
	}
	tree := filepath.Join(t.TempDir(), "source")
	makeTree(t, tree)
	cases := "random/*/engine,random/*/engine-64MiB,half/*/*/engine,known/engine,known/go,small/*/engine,tree/*/go,random/ingest/go,purego/half,disk"
	c, err := parse([]string{
		"--enter", "", "--json", "--rounds", "1", "--size", "1M", "--touch", "0", "--tree", tree, "--cases", cases,
		"--scratch", filepath.Join(t.TempDir(), "scratch"), "--engine", os.Getenv("ENGINE"), "--go-agent", os.Getenv("GO_AGENT"),
		"--go-pipeline", os.Getenv("GO_PIPELINE"),
	})
	require.NoError(t, err)
	_, wanted, err := choose(c.all(), cases)
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, c.run(&out))
	require.NoDirExists(t, c.scratch)
	told := map[string]float64{}
	for line := range strings.Lines(out.String()) {
		var shape map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &shape))
		require.Len(t, shape, 4)
		name := shape["case"].(string) + " " + shape["metric"].(string)
		require.NotContains(t, told, name, "a figure is printed once")
		require.NotEmpty(t, shape["unit"])
		told[name] = shape["value"].(float64)
		require.True(t, wanted[shape["case"].(string)] || strings.HasPrefix(name, rooflineCase), name)
	}
	for name := range wanted {
		for _, metric := range []string{gigabytesPerSecond, peakMemory, seconds} {
			require.Positive(t, told[name+" "+metric], "%s %s", name, metric)
		}
	}
	for _, name := range []string{
		"small/new/engine files_per_second", "tree/local/go stored_part", "known/go speed_to_engine", "half/zstd1/local/engine speed_to_purego",
		"random/local/engine speed_to_disk", "random/null/engine part_of_roofline", "known/engine part_of_roofline",
		"roofline/compress/lz4 gigabytes_per_second", "roofline/write/store gigabytes_per_second_one_core",
	} {
		require.Positive(t, told[name], name)
	}
}

// TestEdits shows that an edit changes an input, and that undoing it leaves no trace.
func TestEdits(t *testing.T) {
	c := &config{size: 1 << 20, scratch: t.TempDir()}
	all, err := c.makeInputs([]string{randomFile, smallFiles})
	require.NoError(t, err)
	for _, in := range all {
		before := filepath.Join(t.TempDir(), filepath.Base(in.path))
		require.NoError(t, exec.Command("cp", "-a", in.path, before).Run())
		done, err := edits(in)
		require.NoError(t, err)
		require.NotEmpty(t, done)
		require.Error(t, compare(in.path, filepath.Dir(before)))
		require.NoError(t, undoAll(done))
		require.NoError(t, compare(in.path, filepath.Dir(before)))
	}
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
	c := &config{size: 8<<20 + 7, scratch: t.TempDir(), tree: tree}
	all, err := c.makeInputs([]string{randomFile, halfFile, smallFiles, smallNoise, sourceTree})
	require.NoError(t, err)
	for name, want := range map[string]float64{randomFile: 1.00, halfFile: 0.50} {
		info, err := os.Stat(all[name].path)
		require.NoError(t, err)
		require.Equal(t, int64(c.size), info.Size())
		part, err := compressedPart(all[name].path)
		require.NoError(t, err)
		require.InDelta(t, want, part, 0.02, name)
	}
	require.Equal(t, 2, all[sourceTree].Files)
	for _, name := range []string{smallFiles, smallNoise} {
		require.Equal(t, 781, all[name].Files)
		size, err := folderSize(all[name].path)
		require.NoError(t, err)
		require.Equal(t, all[name].Bytes, size)
	}
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

// TestGrowth draws a plot of figures that are known.
func TestGrowth(t *testing.T) {
	points := []point{{Of: 1e3, Seconds: 0.01, Peak: 20}, {Of: 1e4, Seconds: 0.1, Peak: 20}, {Of: 1e5, Seconds: 1, Peak: 40}}
	content, err := json.Marshal([]growth{{What: "files", About: "new files", Points: points}})
	require.NoError(t, err)
	c := &config{json: true, growth: filepath.Join(t.TempDir(), "growth.svg")}
	var out bytes.Buffer
	require.NoError(t, c.printGrowth(&out, content))
	require.Contains(t, out.String(), `{"case":"growth/files/1000","metric":"seconds","value":0.01,"unit":"s"}`+"\n")
	require.Equal(t, 6, strings.Count(out.String(), "\n"))
	drawn, err := os.ReadFile(c.growth)
	require.NoError(t, err)
	// Three points in a straight line, from one corner of the panel to the other.
	require.Contains(t, string(drawn), `<polyline class="seconds" points="60.0,280.0 210.0,170.0 360.0,60.0"/>`)
	require.NoError(t, xml.Unmarshal(drawn, new(struct{})))
}
