package main

import (
	"fmt"
	"math"
	"strings"
)

// figures are one contender's medians on one input.
type figures struct {
	seconds, ratio, rate, coreSecondsPerGB, peak float64
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
	return figures{
		seconds: median(seconds), ratio: ratio(own, base), rate: gigabytes / median(seconds),
		coreSecondsPerGB: median(cores) / gigabytes, peak: median(peaks),
	}
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
		for _, k := range r.Contenders {
			if k.Absent != "" {
				fmt.Fprintf(&b, "| %s | absent | | | | | | | | | | |\n", k.Name)
				continue
			}
			if failure := r.failure(in, k.Name); failure != "" {
				fmt.Fprintf(&b, "| %s | failed | | | | | | | | | | |\n", k.Name)
				continue
			}
			var stored []float64
			for _, s := range r.Samples {
				if s.Input == in.Name && s.Contender == k.Name {
					stored = append(stored, float64(s.Stored)/float64(in.Bytes))
				}
			}
			fmt.Fprintf(&b, "| %s |%s%s %s |\n", k.Name,
				r.figures(in, k.Name, func(s sample) timing { return s.Backup }).cells(),
				r.figures(in, k.Name, func(s sample) timing { return s.Restore }).cells(), number(100*median(stored), 1)+"%")
		}
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
	return fmt.Sprintf(" %s | %s | %s | %s | %s |", number(f.seconds, 2), number(f.ratio, 2), number(f.rate, 2),
		number(f.coreSecondsPerGB, 2), number(f.peak/(1<<20), 0))
}

func number(v float64, digits int) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	return fmt.Sprintf("%.*f", digits, v)
}
