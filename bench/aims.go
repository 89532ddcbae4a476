package main

import (
	"fmt"
	"strings"
)

// aim is a line of the table: what was reached by a throw-away prototype, what is aimed at, and what is told of the figures.
type aim struct {
	what, prototype, aimed string
	measured               func(values) []string
}

var aims = []aim{
	{"incompressible, null store", "6.1 GB/s = 22 TB/h, 0.31 core-s/GB", "6 GB/s", speeds("random/null/engine")},
	{
		"incompressible, into a local folder, synced", "1.85 GB/s = 6.7 TB/h, bound by the disk's own 1.5-2.2 GB/s",
		"95% of the disk measured in the same run", speeds("random/local/engine"),
	},
	{
		"the roofline of these machines, all cores: reading, boundaries, identities of 64 and 4 KiB, zstd 1, lz4, sealing, the disk", "–", "–",
		each(
			[]string{
				"roofline/read", "roofline/chunk", "roofline/identify/64KiB", "roofline/identify/4KiB", "roofline/compress/zstd:1",
				"roofline/compress/lz4", "roofline/seal", "roofline/write/store",
			},
			gigabytesPerSecond, func(v values, name string) string { return fmt.Sprintf("%.2f GB/s", v[name+" "+gigabytesPerSecond]) },
		),
	},
	{"the disk itself: buffered, O_DIRECT, cp", "–", "–", speeds("disk/buffered", "disk/direct", "disk/cp")},
	{"2:1 data, zstd 1, local folder, synced", "0.90 GB/s = 3.2 TB/h", "0.95 GB/s", speeds("half/zstd1/local/engine")},
	{"2:1 data, zstd 1, null store", "–", "–", speeds("half/zstd1/null/engine")},
	{"2:1 data, lz4, null store", "1.4 GB/s = 5.1 TB/h", "1.5 GB/s", speeds("half/lz4/null/engine")},
	{"all chunks known already (files re-read)", "0.25 core-s/GB: 8 GB/s = 28 TB/h", "7 GB/s", speeds("known/engine")},
	{
		"200,000 new files of 4 KiB, compressible / not", "129,000 / 208,000 files/s", "130,000 / 200,000",
		files("small/new/engine", "small/random/engine"),
	},
	{"200,000 unchanged files", "1.2 million statx/s warm, 0.23 cold", "700,000 files/s warm", files("small/unchanged/engine")},
	{"restore: incompressible, 2:1, small files", "–", "the same GB/s as the matching backup", speeds("random/restore/engine", "half/restore/engine", "small/restore/engine")},
	{"check --read-data: incompressible, 2:1, small files", "–", "the same GB/s as the matching backup", speeds("random/check/engine", "half/check/engine", "small/check/engine")},
	{
		"incompressible, to an S3 server beside it, at a round trip of 0, 10, 50, 200 ms: backup", "–", "the server or the cores saturated",
		served("s3/0ms/first/engine", "s3/10ms/first/engine", "s3/50ms/first/engine", "s3/200ms/first/engine"),
	},
	{
		"the same: restore", "–", "the same",
		served("s3/0ms/restore/engine", "s3/10ms/restore/engine", "s3/50ms/restore/engine", "s3/200ms/restore/engine"),
	},
	{
		"Go agent against the engine alone: incompressible, 2:1, new files, unchanged files", "–", "paths: 0.99",
		ratios(speedToEngine, "random/local/go", "half/zstd1/local/go", "small/new/go", "small/unchanged/go"),
	},
	{
		"Python agent, the same", "–", "paths: 0.99",
		ratios(speedToEngine, "random/local/python", "half/zstd1/local/python", "small/new/python", "small/unchanged/python"),
	},
	{"ingest through buffers against the engine's: Go, Python", "–", "0.95", ratios(speedToEngine, "random/ingest/go", "random/ingest/python")},
	{
		"the engine against the pure-Go pipeline: incompressible, 2:1, new files", "1.25 times, the seed's own claim", "4 times",
		ratios(speedToPureGo, "random/local/engine", "half/zstd1/local/engine", "small/new/engine"),
	},
	{
		"against the pure-Python pipeline", "2 times, the seed's own claim", "8 times",
		ratios(speedToPurePython, "random/local/engine", "half/zstd1/local/engine", "small/new/engine"),
	},
	{
		"Go agent against the best of restic, borg and rustic, incompressible: first, unchanged, edited, restore, check", "–",
		"4 times, or 90% of what cp and the disk do",
		ratios(speedToBestPeer, "random/local/go", "random/unchanged/go", "random/edited/go", "random/restore/go", "random/check/go"),
	},
	{
		"2:1: first, unchanged, edited, restore, check", "–", "the same",
		ratios(speedToBestPeer, "half/zstd1/local/go", "half/unchanged/go", "half/edited/go", "half/restore/go", "half/check/go"),
	},
	{
		"source files: first, unchanged, edited, restore, check", "–", "the same",
		ratios(speedToBestPeer, "tree/local/go", "tree/unchanged/go", "tree/edited/go", "tree/restore/go", "tree/check/go"),
	},
	{
		"the same three first backups at --memory 64MiB: speed", "–", "–",
		ratios(speedToBestPeer, "random/local/go-64MiB", "half/zstd1/local/go-64MiB", "tree/local/go-64MiB"),
	},
	{
		"their peak memory to the thriftiest peer's", "borg 76 MiB", "–",
		ratios(memoryToLeastPeer, "random/local/go-64MiB", "half/zstd1/local/go-64MiB", "tree/local/go-64MiB"),
	},
	{"opening a repository and nothing else: by password (Argon2id), by key file", "–", "–", times("unlock/password/go", "unlock/key-file/go")},
}

// absent stands for a figure that was not measured.
const absent = "?"

// speeds tells how many bytes of the input go through.
func speeds(names ...string) func(values) []string {
	return each(names, gigabytesPerSecond, func(v values, name string) string {
		rate := v[name+" "+gigabytesPerSecond]
		text := fmt.Sprintf("%.2f GB/s = %.1f TB/h, %.2f core-s/GB, %.0f MiB", rate, rate*3.6, v[name+" "+coreSeconds], v[name+" "+peakMemory])
		if part, ok := v[name+" "+speedToDisk]; ok {
			text += fmt.Sprintf(", %.0f%% of the disk", 100*part)
		}
		if part, ok := v[name+" "+partOfRoofline]; ok {
			text += fmt.Sprintf(", %.0f%% of the roofline", 100*part)
		}
		return text
	})
}

// served tells what a server took beside the command, and whether the cores had time left.
func served(names ...string) func(values) []string {
	return each(names, serverSeconds, func(v values, name string) string {
		return fmt.Sprintf("%.2f GB/s, %.2f core-s/GB and the server %.2f, %.0f%% of the cores",
			v[name+" "+gigabytesPerSecond], v[name+" "+coreSeconds], v[name+" "+serverSeconds], 100*v[name+" "+coresBusy])
	})
}

// times tells how long something takes that is no matter of its input.
func times(names ...string) func(values) []string {
	return each(names, seconds, func(v values, name string) string {
		return fmt.Sprintf("%.3f s, %.0f MiB", v[name+" "+seconds], v[name+" "+peakMemory])
	})
}

// files tells how many files go through.
func files(names ...string) func(values) []string {
	return each(names, filesPerSecond, func(v values, name string) string {
		text := fmt.Sprintf("%.0f files/s, %.2f core-s/GB, %.0f MiB", v[name+" "+filesPerSecond], v[name+" "+coreSeconds], v[name+" "+peakMemory])
		if part, ok := v[name+" "+partOfRoofline]; ok {
			text += fmt.Sprintf(", %.0f%% of the roofline", 100*part)
		}
		return text
	})
}

func ratios(metric string, names ...string) func(values) []string {
	return each(names, metric, func(v values, name string) string { return fmt.Sprintf("%.2f", v[name+" "+metric]) })
}

// each tells of those cases that have a figure.
func each(names []string, metric string, tell func(values, string) string) func(values) []string {
	return func(v values) []string {
		var told []string
		measured := false
		for _, name := range names {
			if _, ok := v[name+" "+metric]; !ok {
				told = append(told, absent)
				continue
			}
			measured = true
			told = append(told, tell(v, name))
		}
		if !measured {
			return nil
		}
		return told
	}
}

// aims is the body of the table of aims.
func (v values) aims() string {
	var b strings.Builder
	for _, a := range aims {
		if told := a.measured(v); told != nil {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", a.what, a.prototype, a.aimed, strings.Join(told, " / "))
		}
	}
	return b.String()
}
