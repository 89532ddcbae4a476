// Package lint finds what is correct in IDL files, but what a careful reviewer would ask to change: what cannot be changed any
// more once others use the interface.
package lint

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"

	"strongroom.dev/codegen/check"
	"strongroom.dev/codegen/compile"
	"strongroom.dev/codegen/report"
)

// Rule is one thing that a reviewer would ask for.
type Rule struct {
	*report.Rule        // Why is the rule's purpose
	Fix          string // what to do about a finding
	find         func(*linter)
}

// Without are the rules but some, which are switched off by their names.
func Without(names []string) ([]*Rule, error) {
	for _, name := range names {
		if !exists(name) {
			return nil, fmt.Errorf("there is no rule `%s`; %s", name, meant(name))
		}
	}
	return slices.DeleteFunc(slices.Clone(Rules), func(r *Rule) bool { return slices.Contains(names, r.ID) }), nil
}

func exists(name string) bool {
	return slices.ContainsFunc(Rules, func(r *Rule) bool { return r.ID == name })
}

// meant is a hint for a name that no rule has.
func meant(name string) string {
	var ids []string
	for _, rule := range Rules {
		ids = append(ids, rule.ID)
	}
	if near := check.Nearest(name, ids); near != "" {
		return fmt.Sprintf("did you mean `%s`?", near)
	}
	return "`idlc lint --rules` lists them"
}

// Check reports what the rules find in programs that were loaded into the report and have no mistakes. A file that another
// program imports is a part of that one, and not looked at by itself. What belongs to several programs is found where all of
// them agree: a type that one of them uses is used.
func Check(r *report.Report, programs []*compile.Program, rules []*Rule) {
	imported := map[string]bool{}
	for _, p := range programs {
		for _, file := range p.Files[:len(p.Files)-1] {
			imported[filepath.Clean(file.Source.Path)] = true
		}
	}
	agreed := map[finding]int{}
	owners := map[string]int{}
	first := map[finding]*report.Diagnostic{}
	var all []finding
	for _, p := range programs {
		if imported[filepath.Clean(p.Files[len(p.Files)-1].Source.Path)] {
			continue
		}
		for _, file := range p.Files {
			owners[filepath.Clean(file.Source.Path)]++
		}
		own := map[finding]bool{}
		for _, d := range program(p, rules) {
			f := place(r, d)
			if first[f] == nil {
				first[f] = d
				all = append(all, f)
			}
			if !own[f] {
				own[f] = true
				agreed[f]++
			}
		}
	}
	for _, f := range all {
		if d := first[f]; agreed[f] == owners[f.path] {
			to := r.Warnf(d.Rule, d.Span, "%s", d.Message)
			to.Severity, to.Hints, to.Related = d.Severity, d.Hints, d.Related
		}
	}
}

// finding is what two programs found if it is the same.
type finding struct {
	path         string
	line, column int
	rule         *report.Rule
	message      string
}

func place(r *report.Report, d *report.Diagnostic) finding {
	at := r.Position(d.Span.Start)
	return finding{filepath.Clean(at.File.Path), at.Line, at.Column, d.Rule, d.Message}
}

// program finds what the rules find in one program, and what is wrong with the comments that allow it.
func program(p *compile.Program, rules []*Rule) []*report.Diagnostic {
	l := &linter{report: &report.Report{Files: p.Report.Files}, info: p.Info, files: p.Files}
	l.collect()
	allowed := allowances(l.report, p.Files)
	found := l.report.Diagnostics() // mistakes of the comments themselves
	for _, rule := range rules {
		l.report = &report.Report{Files: p.Report.Files}
		l.rule = rule
		if rule.ID == unusedAllow {
			allowed.unused(l, rules)
		} else {
			rule.find(l)
		}
		for _, d := range l.report.Diagnostics() {
			if rule.ID != unusedAllow && allowed.covers(d) {
				continue
			}
			if len(d.Hints) == 0 {
				d.Hint("%s", rule.Fix)
			}
			found = append(found, d)
		}
	}
	slices.SortStableFunc(found, func(a, b *report.Diagnostic) int { return cmp.Compare(a.Span.Start, b.Span.Start) })
	return found
}
