package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"strongroom.dev/bench/statistics"
)

// growth is how the cost of a backup grows with something: each measured over two orders of magnitude.
type growth struct {
	What   string // what grows
	About  string
	Points []point
}

type point struct {
	Of      float64 // so much of it
	Seconds float64
	Peak    float64 // MiB
}

// measureGrowth measures backups by the engine alone. Where a size is told, the larger ones follow from --size.
func (c *config) measureGrowth() ([]growth, error) {
	inputs := filepath.Join(c.scratch, "inputs")
	if err := os.Mkdir(inputs, 0o755); err != nil {
		return nil, err
	}
	k := c.engineAlone("", "auto", "")
	if k.absent != "" {
		return nil, fmt.Errorf("%s: %s", k.name, k.absent)
	}
	steps := []float64{0.01, 0.03, 0.1, 0.3, 1}
	inputOf := func(name string, part float64) (input, error) {
		in := input{Name: name, path: filepath.Join(inputs, fmt.Sprintf("%s-%v", name, part))}
		of := *c
		of.size = size(float64(c.size) * part)
		return in, of.makeInput(&in)
	}
	bytes := growth{What: "bytes", About: "one new file of random bytes"}
	files := growth{What: "files", About: "new files of 4 KiB"}
	snapshots := growth{What: "snapshots", About: "unchanged files, into a repository of so many snapshots"}
	for _, part := range steps {
		for _, g := range []*growth{&bytes, &files} {
			name, of := randomFile, func(in input) float64 { return float64(in.Bytes) }
			if g == &files {
				name, of = smallFiles, func(in input) float64 { return float64(in.Files) }
			}
			in, err := inputOf(name, part)
			if err != nil {
				return nil, err
			}
			p, err := c.firstOf(k, in)
			if err != nil {
				return nil, err
			}
			p.Of = of(in)
			g.Points = append(g.Points, p)
			fmt.Fprintf(os.Stderr, "%.0f %s: %.3f s, %.0f MiB\n", p.Of, g.What, p.Seconds, p.Peak)
			if err := os.RemoveAll(in.path); err != nil {
				return nil, err
			}
		}
	}
	in, err := inputOf(smallFiles, steps[0])
	if err != nil {
		return nil, err
	}
	if snapshots.Points, err = c.snapshotsOf(k, in); err != nil {
		return nil, err
	}
	return []growth{bytes, files, snapshots}, nil
}

// firstOf is the median of backups into new repositories.
func (c *config) firstOf(k *contender, in input) (point, error) {
	var all []timing
	for round := range c.rounds {
		p := place{folder: filepath.Join(c.scratch, fmt.Sprintf("growth-%d", round)), source: in.path}
		t, err := c.backUp(k, p, in)
		if err != nil {
			return point{}, err
		}
		all = append(all, t)
		if err := os.RemoveAll(p.folder); err != nil {
			return point{}, err
		}
	}
	return pointOf(all), nil
}

func (c *config) backUp(k *contender, p place, in input) (timing, error) {
	if _, err := os.Stat(p.folder); err != nil {
		// Nothing runs beside the engine alone.
		if _, err := k.begin(p); err != nil {
			return timing{}, err
		}
	}
	if err := c.prepare(in, in.path); err != nil {
		return timing{}, err
	}
	return k.asked(p, k.command(p, first)).measure()
}

// snapshotsOf backs the same up again and again. Each point is the median of the backups around it.
func (c *config) snapshotsOf(k *contender, in input) ([]point, error) {
	p := place{folder: filepath.Join(c.scratch, "growth"), source: in.path}
	var all []timing
	for range 101 {
		t, err := c.backUp(k, p, in)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	var points []point
	for _, number := range []int{1, 3, 10, 30, 100} {
		around := max(1, number/5)
		p := pointOf(all[number-around+1 : min(len(all), number+around)])
		p.Of = float64(number)
		points = append(points, p)
		fmt.Fprintf(os.Stderr, "%d snapshots: %.3f s, %.0f MiB\n", number, p.Seconds, p.Peak)
	}
	unix.Sync()
	return points, nil
}

func pointOf(all []timing) point {
	var seconds, peak []float64
	for _, t := range all {
		seconds = append(seconds, t.Seconds)
		peak = append(peak, float64(t.PeakBytes)/(1<<20))
	}
	return point{Seconds: statistics.Median(seconds), Peak: statistics.Median(peak)}
}

// writeGrowth measures, and leaves what it found for the part that runs outside of the environment.
func (c *config) writeGrowth(path string) error {
	all, err := c.measureGrowth()
	if err != nil {
		return err
	}
	content, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}

// printGrowth draws the plot, and prints its figures as lines of JSON where they are asked for.
func (c *config) printGrowth(out io.Writer, content []byte) error {
	var all []growth
	if err := json.Unmarshal(content, &all); err != nil {
		return err
	}
	if c.json {
		lines := json.NewEncoder(out)
		for _, g := range all {
			for _, p := range g.Points {
				name := "growth/" + g.What + "/" + strconv.FormatFloat(p.Of, 'f', -1, 64)
				for _, f := range []figure{{name, seconds, p.Seconds, units[seconds]}, {name, peakMemory, p.Peak, units[peakMemory]}} {
					if err := lines.Encode(f); err != nil {
						return err
					}
				}
			}
		}
	}
	return os.WriteFile(c.growth, []byte(drawn(all)), 0o644)
}

// The plot, in SVG's units.
const (
	panelWidth  = 300
	panelHeight = 220
	plotMargin  = 60
)

// drawn is a panel for each growth, side by side: seconds as a line, memory as a dashed one, both axes logarithmic. Its colours follow
// the reader's scheme.
func drawn(all []growth) string {
	var b strings.Builder
	width, height := len(all)*(panelWidth+2*plotMargin), panelHeight+2*plotMargin
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">
<style>
  text { fill: #222 } .frame { fill: none; stroke: #888 } .grid { stroke: #ddd } .seconds { stroke: #0059b3; fill: none; stroke-width: 2 }
  .memory { stroke: #b34700; fill: none; stroke-width: 2; stroke-dasharray: 6 4 } .s { fill: #0059b3 } .m { fill: #b34700 }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd } .grid { stroke: #444 } .seconds { stroke: #66b3ff } .memory { stroke: #ff9955 } .s { fill: #66b3ff } .m { fill: #ff9955 }
  }
</style>
<title>What a backup costs: seconds and peak memory against bytes, files and snapshots</title>
`, width, height)
	for i, g := range all {
		drawPanel(&b, g, float64(i*(panelWidth+2*plotMargin)+plotMargin), plotMargin)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func drawPanel(b *strings.Builder, g growth, left, top float64) {
	of := axisOf(g.Points, func(p point) float64 { return p.Of })
	seconds := axisOf(g.Points, func(p point) float64 { return p.Seconds })
	memory := axisOf(g.Points, func(p point) float64 { return p.Peak })
	fmt.Fprintf(b, "<rect class=\"frame\" x=\"%.0f\" y=\"%.0f\" width=\"%d\" height=\"%d\"/>\n", left, top, panelWidth, panelHeight)
	fmt.Fprintf(b, "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"middle\">%s</text>\n", left+panelWidth/2, top-30, g.About)
	fmt.Fprintf(b, "<text class=\"s\" x=\"%.0f\" y=\"%.0f\">seconds</text><text class=\"m\" x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">MiB, dashed</text>\n",
		left, top-10, left+panelWidth, top-10)
	fmt.Fprintf(b, "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"middle\">%s</text>\n", left+panelWidth/2, top+panelHeight+40, g.What)
	for _, at := range of.ticks() {
		x := left + panelWidth*of.place(at)
		fmt.Fprintf(b, "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.0f\" y2=\"%.0f\"/><text x=\"%.1f\" y=\"%.0f\" text-anchor=\"middle\">%s</text>\n",
			x, x, top, top+panelHeight, x, top+panelHeight+18, short(at))
	}
	for _, at := range seconds.ticks() {
		fmt.Fprintf(b, "<text class=\"s\" x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", left-6, top+panelHeight*(1-seconds.place(at))+4, short(at))
	}
	for _, at := range memory.ticks() {
		fmt.Fprintf(b, "<text class=\"m\" x=\"%.0f\" y=\"%.1f\">%s</text>\n", left+panelWidth+6, top+panelHeight*(1-memory.place(at))+4, short(at))
	}
	line := func(class string, axis axis, pick func(point) float64) {
		var points []string
		for _, p := range g.Points {
			points = append(points, fmt.Sprintf("%.1f,%.1f", left+panelWidth*of.place(p.Of), top+panelHeight*(1-axis.place(pick(p)))))
		}
		fmt.Fprintf(b, "<polyline class=\"%s\" points=\"%s\"/>\n", class, strings.Join(points, " "))
	}
	line("seconds", seconds, func(p point) float64 { return p.Seconds })
	line("memory", memory, func(p point) float64 { return p.Peak })
}

// axis is logarithmic, over whole powers of ten.
type axis struct{ from, to float64 }

func axisOf(points []point, pick func(point) float64) axis {
	a := axis{math.Inf(1), math.Inf(-1)}
	for _, p := range points {
		at := math.Log10(math.Max(pick(p), 1e-6))
		a.from, a.to = math.Min(a.from, math.Floor(at)), math.Max(a.to, math.Ceil(at))
	}
	if a.from == a.to {
		a.to++
	}
	return a
}

// place is 0 at the start of the axis and 1 at its end.
func (a axis) place(value float64) float64 {
	return (math.Log10(math.Max(value, 1e-6)) - a.from) / (a.to - a.from)
}

func (a axis) ticks() []float64 {
	var all []float64
	for power := a.from; power <= a.to; power++ {
		all = append(all, math.Pow(10, power))
	}
	return all
}

func short(value float64) string {
	for _, unit := range []struct {
		from float64
		name string
	}{{1e9, " G"}, {1e6, " M"}, {1e3, " k"}} {
		if value >= unit.from {
			return strconv.FormatFloat(value/unit.from, 'g', 3, 64) + unit.name
		}
	}
	return strconv.FormatFloat(value, 'g', 3, 64)
}
