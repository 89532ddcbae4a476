package report

import (
	"maps"
	"slices"
)

// Rule is a kind of diagnostic: what the id at the end of a message means.
type Rule struct {
	ID string // "unknown-type"
	// Why says in one or two sentences what is asked and for what reason. The reference's catalogue shows it.
	Why string
}

var rules = map[string]*Rule{}

// Define makes a rule. Each stage has its own beside the code that reports them.
func Define(id, why string) *Rule {
	if rules[id] != nil {
		panic("two rules have the id " + id)
	}
	rule := &Rule{id, why}
	rules[id] = rule
	return rule
}

// Rules are all that the program has defined, by id.
func Rules() []*Rule {
	var all []*Rule
	for _, id := range slices.Sorted(maps.Keys(rules)) {
		all = append(all, rules[id])
	}
	return all
}
