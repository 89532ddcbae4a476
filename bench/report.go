package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"strongroom.dev/bench/environment"
	"strongroom.dev/bench/statistics"
)

// figure is one line of the output.
type figure struct {
	Case   string  `json:"case"`
	Metric string  `json:"metric"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
}

// The metrics. Ratios are of speeds: 2 is twice as fast. Against what works side by side in each round they are medians of
// the rounds' ratios, against the fastest of several ratios of medians.
const (
	gigabytesPerSecond = "gigabytes_per_second"
	filesPerSecond     = "files_per_second"
	coreSeconds        = "core_seconds_per_gigabyte"
	peakMemory         = "peak_rss_mib"
	seconds            = "seconds"
	serverSeconds      = "server_core_seconds_per_gigabyte"
	oneCore            = "gigabytes_per_second_one_core"
	partOfRoofline     = "part_of_roofline"     // that a backup by the engine reached: of what its stages alone would do in this round
	coresBusy          = "cores_busy"           // the share of all of them, by the command and the server beside it
	storedPart         = "stored_part"          // of the input's bytes
	speedToEngine      = "speed_to_engine"      // of an agent
	speedToPureGo      = "speed_to_purego"      // of Strongroom, as all that follow
	speedToPurePython  = "speed_to_purepython"  //
	speedToBestPeer    = "speed_to_best_peer"   // the fastest of restic, borg and rustic in this very step
	memoryToLeastPeer  = "memory_to_least_peer" // the thriftiest of them
	speedToDisk        = "speed_to_disk"        // of what is stored, to the faster way of writing it
)

var units = map[string]string{
	gigabytesPerSecond: "GB/s", filesPerSecond: "1/s", coreSeconds: "s/GB", peakMemory: "MiB", seconds: "s", storedPart: "1",
	serverSeconds: "s/GB", coresBusy: "1", oneCore: "GB/s", partOfRoofline: "1",
	speedToEngine: "1", speedToPureGo: "1", speedToPurePython: "1", speedToBestPeer: "1", memoryToLeastPeer: "1", speedToDisk: "1",
}

// report is what a run found.
type report struct {
	Machine  environment.Machine
	Rounds   int
	Figures  []figure
	Failures map[string]string // of a case: what it said
	Inputs   []string          // what they are
	Settings []string          // of the contenders
}

func (c *config) report(m *measured) *report {
	r := &report{Machine: environment.Describe(), Rounds: m.rounds, Failures: m.failures}
	told := map[string]bool{}
	versions := map[string]string{"restic": c.restic, "borg": c.borg, "rustic": c.rustic}
	r.Figures = m.rooflineFigures()
	for _, s := range m.series {
		if in := m.inputs[s.input]; !told[in.path] {
			told[in.path] = true
			r.Inputs = append(r.Inputs, fmt.Sprintf("**%s**: %s, %.2f GB in %d files.", in.Name, in.About, float64(in.Bytes)/1e9, in.Files))
		}
		if k := s.contender; !told[k.name] && !strings.HasSuffix(k.name, smallMemory) {
			told[k.name] = true
			line := fmt.Sprintf("**%s**: %s.", k.name, k.settings)
			if program := environment.Program(versions[k.name]); program != "" {
				line += " " + version(program) + "."
			}
			r.Settings = append(r.Settings, line)
		}
		for _, one := range s.cases {
			if m.wanted[one.name] && m.sound(one.name) {
				r.Figures = append(r.Figures, m.figures(s, one)...)
			}
		}
	}
	return r
}

// figures are the medians of a case, and how it compares.
func (m *measured) figures(s series, one testCase) []figure {
	var list []figure
	add := func(metric string, value float64, there bool) {
		if there {
			list = append(list, figure{one.name, metric, value, units[metric]})
		}
	}
	in := m.inputs[s.input]
	gigabytes := float64(in.Bytes) / 1e9
	took := m.median(one.name, func(t sample) float64 { return t.Seconds })
	peak := m.median(one.name, func(t sample) float64 { return float64(t.PeakBytes) })
	if one.step == unlock {
		add(seconds, took, true)
		add(peakMemory, peak/(1<<20), true)
		return list
	}
	add(gigabytesPerSecond, gigabytes/took, true)
	add(filesPerSecond, float64(in.Files)/took, in.Files > 1)
	add(coreSeconds, m.median(one.name, func(t sample) float64 { return t.CoreSeconds })/gigabytes, true)
	add(peakMemory, peak/(1<<20), true)
	add(seconds, took, true)
	server := m.median(one.name, func(t sample) float64 { return t.server })
	busy := m.median(one.name, func(t sample) float64 { return (t.CoreSeconds + t.server) / t.Seconds })
	add(serverSeconds, server/gigabytes, server > 0)
	add(coresBusy, busy/float64(runtime.NumCPU()), true)
	stored := m.median(one.name, func(t sample) float64 { return float64(t.stored) }) / float64(in.Bytes)
	add(storedPart, stored, stored > 0)
	share := m.median(one.name, func(t sample) float64 { return t.reached() })
	add(partOfRoofline, share, share > 0)

	base, memory, little := strings.Cut(s.contender.name, "-")
	own := base == engineName || base == goName || base == pythonName
	// A store at a distance is nothing that others have in their step of this name.
	if !own || s.contender.serve != nil {
		return list
	}
	if base != engineName {
		beside := strings.TrimSuffix(one.name, s.contender.name) + engineName
		if little {
			beside += "-" + memory
		}
		ratio, ok := m.ratio(one.name, beside)
		add(speedToEngine, ratio, ok)
	}
	for name, metric := range map[string]string{"purego": speedToPureGo, "purepython": speedToPurePython} {
		ratio, ok := m.ratio(one.name, caseOf(name, s.input, one.step))
		add(metric, ratio, ok)
	}
	// The other side's step must be the same: the null store and ingests have none.
	if !strings.Contains(one.name, "/null/") {
		fastest, thriftiest := 0.0, 0.0
		for _, peer := range peers {
			name := caseOf(peer, s.input, one.step)
			if !m.sound(name) {
				continue
			}
			least := func(a, b float64) float64 {
				if a == 0 {
					return b
				}
				return min(a, b)
			}
			fastest = least(fastest, m.median(name, func(t sample) float64 { return t.Seconds }))
			thriftiest = least(thriftiest, m.median(name, func(t sample) float64 { return float64(t.PeakBytes) }))
		}
		add(speedToBestPeer, fastest/took, fastest > 0)
		add(memoryToLeastPeer, peak/thriftiest, thriftiest > 0)
	}
	if stored > 0 && in.Files == 1 {
		bytes := float64(m.inputs[randomFile].Bytes)
		disk := 0.0
		for _, name := range []string{"disk/buffered", "disk/direct"} {
			if m.sound(name) {
				disk = max(disk, bytes/m.median(name, func(t sample) float64 { return t.Seconds }))
			}
		}
		add(speedToDisk, stored*float64(in.Bytes)/took/disk, disk > 0)
	}
	slices.SortStableFunc(list, func(a, b figure) int {
		return slices.Index(metricOrder, a.Metric) - slices.Index(metricOrder, b.Metric)
	})
	return list
}

var metricOrder = []string{
	gigabytesPerSecond, oneCore, filesPerSecond, coreSeconds, peakMemory, seconds, serverSeconds, coresBusy, storedPart, partOfRoofline, speedToEngine, speedToPureGo, speedToPurePython,
	speedToBestPeer, memoryToLeastPeer, speedToDisk,
}

// caseOf is what a step of another contender is called.
func caseOf(contender, input string, s step) string {
	return fmt.Sprintf("%s/%s/%s", contender, input, s)
}

// sound reports whether a case has figures.
func (m *measured) sound(name string) bool { return len(m.samples[name]) > 0 && m.failures[name] == "" }

func (m *measured) median(name string, pick func(sample) float64) float64 {
	var all []float64
	for _, s := range m.samples[name] {
		all = append(all, pick(s))
	}
	return statistics.Median(all)
}

// ratio is how much faster a case is than another one, by the rounds that both have.
func (m *measured) ratio(name, other string) (float64, bool) {
	if name == other || !m.sound(name) || !m.sound(other) {
		return 0, false
	}
	took := func(of string) map[int]float64 {
		all := map[int]float64{}
		for round, s := range m.samples[of] {
			all[round] = s.Seconds
		}
		return all
	}
	return statistics.Ratio(took(other), took(name)), true
}

// values finds figures by case and metric.
type values map[string]float64

func (r *report) values() values {
	found := values{}
	for _, f := range r.Figures {
		found[f.Case+" "+f.Metric] = f.Value
	}
	return found
}

// markdown is the section of docs/performance.md: the aims, then Strongroom beside its peers, then what all of that is.
// Rows of which nothing was measured are left out.
func (r *report) markdown() string {
	var b strings.Builder
	of := "one round"
	if r.Rounds > 1 {
		of = fmt.Sprintf("medians of %d interleaved rounds", r.Rounds)
	}
	fmt.Fprintf(&b, "%s, %d cores, %.0f GiB of memory; %s.\n\n", r.Machine.Processor, r.Machine.Cores, float64(r.Machine.Memory)/(1<<30), of)
	found := r.values()
	aims := found.aims()
	if aims != "" {
		b.WriteString("| case | a prototype | aim | measured |\n|---|---|---|---|\n" + aims + "\n")
	}
	for _, input := range []string{randomFile, halfFile, smallFiles, sourceTree} {
		b.WriteString(found.cells(input))
	}
	for _, lines := range [][]string{r.Inputs, r.Settings} {
		for _, line := range lines {
			fmt.Fprintf(&b, "- %s\n", line)
		}
	}
	var failed []string
	for name := range r.Failures {
		failed = append(failed, name)
	}
	slices.Sort(failed)
	for _, name := range failed {
		fmt.Fprintf(&b, "- **%s** failed: %s\n", name, r.Failures[name])
	}
	return b.String()
}

// cells is the table of an input: a row a contender, a column a step.
func (v values) cells(input string) string {
	type column struct {
		name string
		own  string // what Strongroom's cases of it are called, before the contender
		step step
	}
	columns := []column{
		{"first", input + "/local", first}, {"unchanged", input + "/unchanged", unchanged}, {"edited", input + "/edited", edited},
		{"restore", input + "/restore", restore}, {"check", input + "/check", check},
	}
	switch input {
	case halfFile:
		columns[0].own = "half/zstd1/local"
	case smallFiles:
		columns[0].own = "small/new"
	}
	var rows strings.Builder
	row := func(contender string, own bool) {
		fmt.Fprintf(&rows, "| %s |", contender)
		for _, c := range columns {
			name := caseOf(contender, input, c.step)
			if own {
				name = c.own + "/" + contender
			}
			took, ok := v[name+" "+seconds]
			if !ok {
				rows.WriteString(" – |")
				continue
			}
			fmt.Fprintf(&rows, " %.2f s, %.0f MB/s, %.0f MiB", took, 1000*v[name+" "+gigabytesPerSecond], v[name+" "+peakMemory])
			if ratio, ok := v[name+" "+speedToBestPeer]; ok {
				fmt.Fprintf(&rows, ", %.1f×", ratio)
			}
			if ratio, ok := v[name+" "+memoryToLeastPeer]; ok {
				fmt.Fprintf(&rows, ", memory %.1f×", ratio)
			}
			rows.WriteString(" |")
		}
		rows.WriteString("\n")
	}
	measured := func(contender string, own bool) bool {
		for _, c := range columns {
			name := caseOf(contender, input, c.step)
			if own {
				name = c.own + "/" + contender
			}
			if _, ok := v[name+" "+seconds]; ok {
				return true
			}
		}
		return false
	}
	for _, memory := range []string{"", smallMemory} {
		for _, name := range []string{engineName, goName, pythonName} {
			if measured(named(name, memory), true) {
				row(named(name, memory), true)
			}
		}
	}
	for _, name := range append([]string{"purego", "purepython"}, peers...) {
		if measured(name, false) {
			row(name, false)
		}
	}
	if rows.Len() == 0 {
		return ""
	}
	return fmt.Sprintf("### %s\n\nSeconds, speed, peak memory; then how much faster than the fastest peer in this step, and the memory beside the thriftiest.\n\n"+
		"| | first | unchanged | edited | restore | check |\n|---|---|---|---|---|---|\n%s\n", input, rows.String())
}
