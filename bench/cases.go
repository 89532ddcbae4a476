package main

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// step is one timed command on a repository.
type step string

const (
	first     step = "first"     // backup into an empty repository
	ingest    step = "ingest"    // the same, of the standard input through buffers
	known     step = "known"     // all is read again, nothing of it is new
	unchanged step = "unchanged" // nothing has changed since
	edited    step = "edited"    // a little of it has
	restore   step = "restore"
	check     step = "check"  // of all data
	unlock    step = "unlock" // the repository is opened, and has no snapshot to tell of
	roof      step = "roofline"
)

// testCase is a step of a series, under the name of its figures.
type testCase struct {
	name string
	step step
}

// series is one contender's work on one input, with a repository of its own in each round: its steps, in order.
type series struct {
	input     string
	contender *contender
	cases     []testCase
}

// The inputs by name.
const (
	randomFile = "random"
	halfFile   = "half"
	smallFiles = "small"
	smallNoise = "small-random"
	sourceTree = "tree"
)

// smallMemory is the least that a run of Strongroom can be given.
const smallMemory = "64MiB"

// all lists everything that can be measured, in the order in which it is reported.
func (c *config) all() []series {
	var list []series
	add := func(input string, k *contender, cases ...testCase) {
		list = append(list, series{input, k, cases})
	}
	for _, memory := range []string{"", smallMemory} {
		engine := func(compression, store string) *contender { return c.engineAlone(memory, compression, store) }
		name := func(of string) string { return of + "/" + engine("", "").name }
		add(randomFile, engine("auto", null), testCase{name("random/null"), first})
		add(halfFile, engine("zstd:1", null), testCase{name("half/zstd1/null"), first})
		add(halfFile, engine("lz4", null), testCase{name("half/lz4/null"), first})
		agents := []func(memory, compression string) *contender{
			func(memory, compression string) *contender { return c.engineAlone(memory, compression, "") },
			c.goAgent, c.pythonAgent,
		}
		for _, agent := range agents {
			plain, zstd := agent(memory, "auto"), agent(memory, "zstd:1")
			name := func(of string) string { return of + "/" + plain.name }
			add(randomFile, plain,
				testCase{name("random/local"), first}, testCase{name("known"), known}, testCase{name("random/unchanged"), unchanged},
				testCase{name("random/restore"), restore}, testCase{name("random/check"), check}, testCase{name("random/edited"), edited})
			add(randomFile, plain, testCase{name("random/ingest"), ingest})
			add(halfFile, zstd,
				testCase{name("half/zstd1/local"), first}, testCase{name("half/unchanged"), unchanged},
				testCase{name("half/restore"), restore}, testCase{name("half/check"), check}, testCase{name("half/edited"), edited})
			add(smallFiles, plain,
				testCase{name("small/new"), first}, testCase{name("small/unchanged"), unchanged},
				testCase{name("small/restore"), restore}, testCase{name("small/check"), check})
			add(smallNoise, plain, testCase{name("small/random"), first})
			add(sourceTree, plain,
				testCase{name("tree/local"), first}, testCase{name("tree/unchanged"), unchanged},
				testCase{name("tree/restore"), restore}, testCase{name("tree/check"), check}, testCase{name("tree/edited"), edited})
		}
	}
	for _, by := range []string{password, keyFile} {
		add(randomFile, c.unlocking(by), testCase{"unlock/" + by + "/" + goName, unlock})
	}
	for _, k := range []*contender{c.pureGo(), c.purePython()} {
		for _, input := range []string{randomFile, halfFile, smallFiles, smallNoise, sourceTree} {
			add(input, k, of(k, input, first, restore)...)
		}
	}
	for _, k := range []*contender{c.resticPeer(), c.borgPeer(), c.rusticPeer()} {
		for _, input := range []string{randomFile, halfFile, sourceTree} {
			add(input, k, of(k, input, first, unchanged, restore, check, edited)...)
		}
	}
	for _, distance := range distances {
		k := c.overS3(distance)
		name := fmt.Sprintf("s3/%dms/", distance.Milliseconds())
		add(randomFile, k, testCase{name + "first/" + k.name, first}, testCase{name + "restore/" + k.name, restore})
	}
	disk := c.disk()
	add(randomFile, disk, testCase{"disk/buffered", buffered}, testCase{"disk/direct", direct}, testCase{"disk/cp", copied})
	return list
}

// of names the cases of what is not Strongroom.
func of(k *contender, input string, steps ...step) []testCase {
	var cases []testCase
	for _, s := range steps {
		cases = append(cases, testCase{fmt.Sprintf("%s/%s/%s", k.name, input, s), s})
	}
	return cases
}

// choose keeps of each series what is needed for the cases that a pattern names, and says which these are.
func choose(list []series, patterns string) ([]series, map[string]bool, error) {
	wanted := map[string]bool{}
	var some []series
	for _, s := range list {
		last := -1
		for i, one := range s.cases {
			fits, err := matches(patterns, one.name)
			if err != nil {
				return nil, nil, err
			}
			if fits {
				wanted[one.name] = true
				last = i
			}
		}
		if last < 0 {
			continue
		}
		var kept []testCase
		for _, one := range s.cases[:last+1] {
			// Everything works on what the first step left; of the others none needs another.
			if one.step == first || wanted[one.name] {
				kept = append(kept, one)
			}
		}
		some = append(some, series{s.input, s.contender, kept})
	}
	if len(some) == 0 {
		return nil, nil, fmt.Errorf("no case matches %q", patterns)
	}
	return some, wanted, nil
}

// matches reports whether one of the patterns, which commas separate, is the name or the beginning of it.
func matches(patterns, name string) (bool, error) {
	parts := strings.Split(name, "/")
	for _, pattern := range strings.Split(patterns, ",") {
		length := min(len(parts), strings.Count(pattern, "/")+1)
		fits, err := path.Match(pattern, strings.Join(parts[:length], "/"))
		if err != nil {
			return false, fmt.Errorf("--cases %s: %w", pattern, err)
		}
		if fits {
			return true, nil
		}
	}
	return false, nil
}

// inputsOf lists what a choice of series works on.
func inputsOf(some []series) []string {
	var names []string
	for _, s := range some {
		if !slices.Contains(names, s.input) {
			names = append(names, s.input)
		}
	}
	return names
}
