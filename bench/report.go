package main

import (
	"fmt"
	"math"
	"strings"

	"strongroom.dev/bench/statistics"
)

// figures are one contender's medians of one command on one input.
type figures struct {
	Seconds          float64 `json:"seconds"`
	Ratio            float64 `json:"to_engine,omitempty"` // of the time to the engine's; 0 without the engine
	GBPerSecond      float64 `json:"gb_per_second"`
	CoreSecondsPerGB float64 `json:"core_seconds_per_gb"`
	PeakBytes        float64 `json:"peak_bytes"`
}

// summary is a row of the table: a contender that did all its rounds on an input.
type summary struct {
	Input     string  `json:"input"`
	Contender string  `json:"contender"`
	Backup    figures `json:"backup"`
	Restore   figures `json:"restore"`
	Stored    float64 `json:"stored_part"` // of the input's bytes
}

func (r *results) figures(in input, contender string, pick func(sample) timing) figures {
	var seconds, cores, peaks []float64
	own, base := map[int]float64{}, map[int]float64{}
	for _, s := range r.Samples {
		if s.Input != in.Name || s.Error != "" {
			continue
		}
		t := pick(s)
		if s.Contender == engineAlone {
			base[s.Round] = t.Seconds
		}
		if s.Contender == contender {
			own[s.Round] = t.Seconds
			seconds, cores, peaks = append(seconds, t.Seconds), append(cores, t.CoreSeconds), append(peaks, float64(t.PeakBytes))
		}
	}
	gigabytes := float64(in.Bytes) / 1e9
	f := figures{
		Seconds: statistics.Median(seconds), GBPerSecond: gigabytes / statistics.Median(seconds),
		CoreSecondsPerGB: statistics.Median(cores) / gigabytes, PeakBytes: statistics.Median(peaks),
	}
	if compared := statistics.Ratio(own, base); !math.IsNaN(compared) {
		f.Ratio = compared
	}
	return f
}

func (r *results) summarise() []summary {
	var all []summary
	for _, in := range r.Inputs {
		for _, k := range r.Contenders {
			if k.Absent != "" || r.failure(in, k.Name) != "" {
				continue
			}
			var stored []float64
			for _, s := range r.Samples {
				if s.Input == in.Name && s.Contender == k.Name {
					stored = append(stored, float64(s.Stored)/float64(in.Bytes))
				}
			}
			all = append(all, summary{
				Input: in.Name, Contender: k.Name, Stored: statistics.Median(stored),
				Backup:  r.figures(in, k.Name, func(s sample) timing { return s.Backup }),
				Restore: r.figures(in, k.Name, func(s sample) timing { return s.Restore }),
			})
		}
	}
	return all
}

// markdown is the section of docs/performance.md.
func (r *results) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d cores, %.0f GiB of memory. Medians of %d interleaved rounds; a ratio is the median of each round's time "+
		"divided by the engine's in that round.\n", r.Machine.Processor, r.Machine.Cores, float64(r.Machine.Memory)/(1<<30), r.Settings.Rounds)
	for _, in := range r.Inputs {
		fmt.Fprintf(&b, "\n### %s: %s, %.2f GB in %d files\n\n", in.Name, in.About, float64(in.Bytes)/1e9, in.Files)
		b.WriteString("| | backup s | ÷ engine | GB/s | core-s/GB | peak MiB | restore s | ÷ engine | GB/s | core-s/GB | peak MiB | stored |\n")
		b.WriteString("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
		rows := map[string]summary{}
		for _, s := range r.Summary {
			if s.Input == in.Name {
				rows[s.Contender] = s
			}
		}
		for _, k := range r.Contenders {
			s, ok := rows[k.Name]
			switch {
			case ok:
				fmt.Fprintf(&b, "| %s |%s%s %.1f%% |\n", k.Name, s.Backup.cells(), s.Restore.cells(), 100*s.Stored)
			case k.Absent != "":
				fmt.Fprintf(&b, "| %s | absent | | | | | | | | | | |\n", k.Name)
			default:
				fmt.Fprintf(&b, "| %s | failed | | | | | | | | | | |\n", k.Name)
			}
		}
		b.WriteString(verdict(rows, "Backup", func(s summary) figures { return s.Backup }))
		b.WriteString(verdict(rows, "Restore", func(s summary) figures { return s.Restore }))
	}
	b.WriteString("\n")
	for _, k := range r.Contenders {
		fmt.Fprintf(&b, "- **%s**: %s.", k.Name, k.Settings)
		if v := r.Versions[k.Name]; v != "" {
			fmt.Fprintf(&b, " %s.", v)
		}
		if k.Absent != "" {
			fmt.Fprintf(&b, " Absent: %s.", k.Absent)
		}
		for _, in := range r.Inputs {
			if failure := r.failure(in, k.Name); failure != "" {
				fmt.Fprintf(&b, " Failed on %s: %s.", in.Name, failure)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// verdict compares the agents with the fastest of the contenders that are not Strongroom.
func verdict(rows map[string]summary, command string, pick func(summary) figures) string {
	fastest := ""
	for name, s := range rows {
		own := name == engineAlone || name == goAgent || name == pythonAgent
		if !own && (fastest == "" || pick(s).Seconds < pick(rows[fastest]).Seconds) {
			fastest = name
		}
	}
	var said []string
	for _, name := range []string{goAgent, pythonAgent} {
		if s, ok := rows[name]; ok && fastest != "" {
			said = append(said, fmt.Sprintf("%.2f times that of %s", pick(rows[fastest]).Seconds/pick(s).Seconds, name))
		}
	}
	if len(said) == 0 {
		return ""
	}
	return fmt.Sprintf("\n%s: the fastest of the others is %s; its time is %s.\n", command, fastest, strings.Join(said, ", "))
}

// failure says why a contender has no figures for an input: one failed round is enough, a median of the rest would hide it.
func (r *results) failure(in input, contender string) string {
	for _, s := range r.Samples {
		if s.Input == in.Name && s.Contender == contender && s.Error != "" {
			return s.Error
		}
	}
	return ""
}

func (f figures) cells() string {
	compared := "–"
	if f.Ratio > 0 {
		compared = fmt.Sprintf("%.2f", f.Ratio)
	}
	return fmt.Sprintf(" %.2f | %s | %.2f | %.2f | %.0f |", f.Seconds, compared, f.GBPerSecond, f.CoreSecondsPerGB, f.PeakBytes/(1<<20))
}
