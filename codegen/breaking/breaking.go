package breaking

import (
	"cmp"
	"slices"
	"strings"

	"strongroom.dev/codegen/ir"
	"strongroom.dev/codegen/report"
)

// Finding is one thing that breaks.
type Finding struct {
	*report.Diagnostic
	Rule *Rule
}

// Compare reports what of the new schema breaks users of the old one. Both were compiled into the report, to which the
// findings are added as far as they break one of the promises.
func Compare(r *report.Report, before, after *ir.Schema, promises Promise) []Finding {
	c := &comparison{report: r, promises: promises}
	if before.Package != after.Package {
		c.found(packageRenamed, after.Span, before.Span, "the package `%s` is now called `%s`", before.Package, after.Package)
	}
	c.declarations(before, after)
	slices.SortStableFunc(c.findings, func(a, b Finding) int { return cmp.Compare(a.Span.Start, b.Span.Start) })
	return c.findings
}

type comparison struct {
	report   *report.Report
	promises Promise
	findings []Finding
}

// found reports a finding at a place of the new version, with the place of the old one.
func (c *comparison) found(rule *Rule, at, before report.Span, format string, args ...any) {
	if c.reported(rule, at, format, args...) {
		c.findings[len(c.findings)-1].See(before, "it was so here")
	}
}

// gone reports what is missing at a place of the old version, with the place of the new one that lacks it.
func (c *comparison) gone(rule *Rule, before report.Span, within *report.Span, format string, args ...any) {
	if c.reported(rule, before, format, args...) && within != nil {
		c.findings[len(c.findings)-1].See(*within, "it is missing here")
	}
}

func (c *comparison) reported(rule *Rule, at report.Span, format string, args ...any) bool {
	if rule.Breaks&c.promises == 0 {
		return false
	}
	d := c.report.Errorf(rule.Rule, at, format, args...)
	d.Hint("it breaks: %s", rule.Breaks&c.promises)
	c.findings = append(c.findings, Finding{d, rule})
	return true
}

// declaration is a declaration of any kind.
type declaration struct {
	kind, name string
	about      *ir.About
	value      any
}

func declarations(s *ir.Schema) map[string]declaration {
	all := map[string]declaration{}
	add := func(kind, name string, about *ir.About, value any) { all[name] = declaration{kind, name, about, value} }
	for _, d := range s.Constants {
		add("constant", d.Name, &d.About, d)
	}
	for _, d := range s.Aliases {
		add("alias", d.Name, &d.About, d)
	}
	for _, t := range s.Types {
		switch d := t.(type) {
		case *ir.Record:
			add("record", d.Name, &d.About, d)
		case *ir.Enum:
			add("enum", d.Name, &d.About, d)
		case *ir.Error:
			add("error", d.Name, &d.About, d)
		}
	}
	for _, d := range s.Interfaces {
		add("interface", d.Name, &d.About, d)
	}
	for _, d := range s.Callbacks {
		add("callback", d.Name, &d.About, d)
	}
	return all
}

func (c *comparison) declarations(before, after *ir.Schema) {
	now := declarations(after)
	for _, old := range declarations(before) {
		d, there := now[old.name]
		switch {
		case !there:
			c.gone(removed, old.about.Span, nil, "the %s `%s` is gone", old.kind, old.name)
			if i, ok := old.value.(*ir.Interface); ok && !i.Callback {
				for _, m := range i.All() {
					c.gone(methodRemoved, m.Span, nil, "the method `%s` is gone", m.FullName())
				}
			}
		case d.kind != old.kind:
			c.found(kindChanged, d.about.Span, old.about.Span, "`%s` was %s and is %s", d.name, article(old.kind), article(d.kind))
		default:
			c.pair(old, d)
		}
	}
}

func article(kind string) string {
	if strings.ContainsRune("aeiou", rune(kind[0])) {
		return "an " + kind
	}
	return "a " + kind
}

func (c *comparison) pair(old, now declaration) {
	switch d := now.value.(type) {
	case *ir.Record:
		c.fields("record `"+d.Name+"`", &d.Span, old.value.(*ir.Record).Fields, d.Fields)
	case *ir.Enum:
		before := old.value.(*ir.Enum)
		c.variants("enum `"+d.Name+"`", &d.Span, before.Variants, d.Variants)
		if before.Plain() && !d.Plain() {
			c.found(enumShape, d.Span, before.Span, "no variant of enum `%s` had fields, and now one has", d.Name)
		}
	case *ir.Error:
		c.variants("error `"+d.Name+"`", &d.Span, old.value.(*ir.Error).Variants, d.Variants)
	case *ir.Interface:
		c.methods(old.value.(*ir.Interface), d)
	case *ir.Alias:
		before := old.value.(*ir.Alias)
		if before.Type.String() != d.Type.String() {
			c.found(aliasType, d.Span, before.Span, "`%s` was `%s` and is `%s`", d.Name, before.Type, d.Type)
		}
	case *ir.Constant:
		before := old.value.(*ir.Constant)
		was, is := before.Value.Literal(before.Type), d.Value.Literal(d.Type)
		switch {
		case before.Type.String() != d.Type.String():
			c.found(constantType, d.Span, before.Span, "constant `%s` had the type `%s` and has `%s`", d.Name, before.Type, d.Type)
		case was != is:
			c.found(constantValue, d.Span, before.Span, "constant `%s` was `%s` and is `%s`", d.Name, was, is)
		}
	}
}

// fields compares lists that may only grow at their end.
func (c *comparison) fields(of string, within *report.Span, before, after []*ir.Field) {
	c.ordered(of, "field", within, fieldItems(before), fieldItems(after), fieldRemoved, fieldRenamed, fieldOrder)
	for _, old := range before {
		n := slices.IndexFunc(after, func(f *ir.Field) bool { return f.Name == old.Name })
		if n < 0 {
			continue
		}
		now := after[n]
		was, is := defaultText(old), defaultText(now)
		switch {
		case old.Type.String() != now.Type.String():
			c.found(fieldType, now.Span, old.Span, "field `%s` of %s had the type `%s` and has `%s`", now.Name, of, old.Type, now.Type)
		case was != is:
			c.found(fieldDefault, now.Span, old.Span, "the default of field `%s` of %s was %s and is %s", now.Name, of, was, is)
		}
	}
}

func defaultText(f *ir.Field) string {
	if f.Default == nil {
		return "none"
	}
	return "`" + f.Default.Literal(f.Type) + "`"
}

// item is a name in a list whose order matters.
type item struct {
	name string
	span report.Span
}

func fieldItems(fields []*ir.Field) []item {
	var out []item
	for _, f := range fields {
		out = append(out, item{f.Name, f.Span})
	}
	return out
}

func variantItems(variants []*ir.Variant) []item {
	var out []item
	for _, v := range variants {
		out = append(out, item{v.Name, v.Span})
	}
	return out
}

// ordered finds what is gone, renamed or moved in a list that may only grow at its end. A name that is gone where a new one
// stands at its place was renamed.
func (c *comparison) ordered(of, what string, within *report.Span, before, after []item, gone, renamed, order *Rule) {
	has := func(list []item, name string) bool {
		return slices.ContainsFunc(list, func(i item) bool { return i.name == name })
	}
	for n, old := range before {
		switch {
		case n < len(after) && after[n].name == old.name:
		case has(after, old.name):
			if n < len(after) && !has(before, after[n].name) {
				c.found(order, after[n].span, old.span, "%s `%s` of %s stands before older ones", what, after[n].name, of)
			} else {
				now := after[slices.IndexFunc(after, func(i item) bool { return i.name == old.name })]
				c.found(order, now.span, old.span, "%s `%s` of %s stands at another place", what, old.name, of)
			}
			return // all that follow stand elsewhere, too
		case n < len(after) && !has(before, after[n].name):
			c.found(renamed, after[n].span, old.span, "%s `%s` of %s is now called `%s`", what, old.name, of, after[n].name)
		default:
			c.gone(gone, old.span, within, "%s `%s` of %s is gone", what, old.name, of)
			return // all that follow stand elsewhere, too
		}
	}
}

func (c *comparison) variants(of string, within *report.Span, before, after []*ir.Variant) {
	c.ordered(of, "variant", within, variantItems(before), variantItems(after), variantRemoved, variantRenamed, variantOrder)
	for _, old := range before {
		for _, now := range after {
			if now.Name == old.Name {
				c.fields("variant `"+now.Name+"`", &now.Span, old.Fields, now.Fields)
			}
		}
	}
}

func (c *comparison) methods(before, after *ir.Interface) {
	now := map[string]*ir.Method{}
	for _, m := range after.All() {
		now[m.Name] = m
	}
	for _, old := range before.All() {
		m := now[old.Name]
		if m == nil {
			c.gone(methodRemoved, old.Span, &after.Span, "the method `%s` is gone", old.FullName())
			continue
		}
		delete(now, old.Name)
		c.method(old, m)
	}
	if !after.Callback {
		return
	}
	for _, m := range after.All() {
		if now[m.Name] != nil {
			c.found(methodAdded, m.Span, before.Span, "callback `%s` has a new method `%s`", after.Name, m.Name)
		}
	}
}

func (c *comparison) method(before, after *ir.Method) {
	kind := func(m *ir.Method) string {
		switch {
		case m.Constructor:
			return "a constructor"
		case m.Immediate:
			return "an immediate method"
		}
		return "a request"
	}
	if was, is := kind(before), kind(after); was != is {
		c.found(methodKind, after.Span, before.Span, "`%s` was %s and is %s", after.FullName(), was, is)
	}
	if was, is := before.Arguments(), after.Arguments(); was != is {
		c.found(arguments, after.Span, before.Span, "`%s` took `(%s)` and takes `(%s)`", after.FullName(), was, is)
	}
	if was, is := gives(before), gives(after); was != is {
		c.found(result, after.Span, before.Span, "`%s` gave %s and gives %s", after.FullName(), was, is)
	}
	fails := func(m *ir.Method) string {
		if m.Throws == nil {
			return "no error of its own"
		}
		return "`" + m.Throws.Name + "`"
	}
	if was, is := fails(before), fails(after); was != is {
		c.found(throws, after.Span, before.Span, "`%s` failed with %s and fails with %s", after.FullName(), was, is)
	}
}

// gives says what comes out of a method.
func gives(m *ir.Method) string {
	text := "nothing"
	switch {
	case m.Stream:
		text = "`stream<" + m.Result.String() + ">`"
	case m.Result != nil:
		text = "`" + m.Result.String() + "`"
	}
	if m.Emits != nil {
		text += " with `" + m.Emits.Name + "` on the way"
	}
	return text
}
