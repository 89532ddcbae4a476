package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"strongroom.dev/bench/statistics"
)

// roofline is what each stage of the engine does by itself, as engine-bench measures it on the disk of the run.
type roofline struct {
	Cores  int
	Stages []stageSpeed
}

type stageSpeed struct {
	Stage    string
	OneCore  float64 `json:"one_core"`  // bytes a second
	AllCores float64 `json:"all_cores"` // of all cores together
}

// of is how fast a stage is with all cores, in bytes a second; 0: it was not measured.
func (r roofline) of(stage string) stageSpeed {
	for _, speed := range r.Stages {
		if speed.Stage == stage {
			return speed
		}
	}
	return stageSpeed{}
}

// rooflineCase is what comes before the names of stages in the figures.
const rooflineCase = "roofline/"

// rooflineFile has the roofline of the round that is under way.
func (c *config) rooflineFile() string { return filepath.Join(c.scratch, "roofline.json") }

// measureRoofline measures anew, because a machine that others use, too, is not always as fast.
func (c *config) measureRoofline() (roofline, error) {
	p := place{folder: filepath.Join(c.scratch, "roofline")}
	if err := os.MkdirAll(p.in("home"), 0o700); err != nil {
		return roofline{}, err
	}
	k := c.engineAlone("", "", "")
	done, err := k.asked(p, k.command(p, roof)).measure()
	if err != nil {
		return roofline{}, err
	}
	var r roofline
	if err := json.Unmarshal([]byte(done.Told), &r); err != nil || len(r.Stages) == 0 {
		return roofline{}, fmt.Errorf("engine-bench roofline told %q: %w", done.Told, err)
	}
	return r, os.WriteFile(c.rooflineFile(), []byte(done.Told), 0o600)
}

// needsRoofline reports whether one of the series is the engine's own, which is measured by it.
func needsRoofline(some []series) bool {
	for _, s := range some {
		if base, _, _ := strings.Cut(s.contender.name, "-"); base == engineName {
			return true
		}
	}
	return false
}

// rooflineFigures are the medians of the rounds.
func (m *measured) rooflineFigures() []figure {
	if len(m.rooflines) == 0 {
		return nil
	}
	var list []figure
	for _, speed := range m.rooflines[0].Stages {
		name := rooflineCase + speed.Stage
		add := func(metric string, pick func(stageSpeed) float64) {
			var all []float64
			for _, r := range m.rooflines {
				all = append(all, pick(r.of(speed.Stage))/1e9)
			}
			list = append(list, figure{name, metric, statistics.Median(all), units[metric]})
		}
		add(gigabytesPerSecond, func(s stageSpeed) float64 { return s.AllCores })
		add(oneCore, func(s stageSpeed) float64 { return s.OneCore })
	}
	return list
}
