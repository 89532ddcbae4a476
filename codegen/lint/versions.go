package lint

import (
	"cmp"
	"math/big"
	"strings"

	"strongroom.dev/codegen/ast"
	"strongroom.dev/codegen/token"
)

func sinceOrder(l *linter) {
	for _, i := range l.items {
		own := i.Attribute("since")
		if own == nil || i.outer == nil {
			continue
		}
		for _, outer := range i.outer.within() {
			if a := outer.Attribute("since"); a != nil && older(own, a) {
				l.warn(own.Span, "`%s` is older than `%s`, in which it stands", i.Name.Text, outer.Name.Text).See(a.Span, "that is newer")
				break
			}
		}
	}
}

func sinceUses(l *linter) {
	type pair struct {
		who *ast.Head
		of  ast.Decl
	}
	said := map[pair]bool{}
	for _, u := range l.uses {
		needed := u.of.DeclHead().Attribute("since")
		if needed == nil {
			continue
		}
		var own *ast.Attribute // the innermost one: a part is not older than the whole
		for _, i := range u.by.within() {
			if own = i.Attribute("since"); own != nil {
				break
			}
		}
		who := u.by
		if who.what == "argument" {
			who = who.outer // it is there as long as its method
		}
		if own == nil || older(own, needed) {
			if said[pair{who.Head, u.of}] {
				continue
			}
			said[pair{who.Head, u.of}] = true
			version := token.Unquote(needed.Text.Raw)
			l.warn(u.name.Span, "`%s` uses `%s`, which is there since %s only", who.Name.Text, u.name.Text, version).
				See(needed.Span, "it says so here").Hint("write `@since(\"%s\")` before `%s`", version, who.Name.Text)
		}
	}
}

// older compares versions, which are numbers with points between.
func older(a, b *ast.Attribute) bool {
	one, other := strings.Split(token.Unquote(a.Text.Raw), "."), strings.Split(token.Unquote(b.Text.Raw), ".")
	for n := range max(len(one), len(other)) {
		if c := part(one, n).Cmp(part(other, n)); c != 0 {
			return c < 0
		}
	}
	return false
}

func part(version []string, n int) *big.Int {
	if n >= len(version) {
		return new(big.Int)
	}
	number, _ := new(big.Int).SetString(cmp.Or(version[n], "0"), 10)
	return number
}
