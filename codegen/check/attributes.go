package check

import (
	"regexp"

	"strongroom.dev/codegen/ast"
	"strongroom.dev/codegen/token"
)

// Version is the form of what `@since` names.
var Version = regexp.MustCompile(`^[0-9]+(\.[0-9]+)*$`)

// attributes checks what stands with an @ before an item, and reports whether it is @immediate.
func (c *checker) attributes(h *ast.Head, method bool) (immediate bool) {
	seen := map[string]bool{}
	for _, a := range h.Attributes {
		name := a.Name.Text
		if seen[name] {
			c.report.Errorf(badAttribute, a.Name.Span, "`@%s` stands here twice", name)
			continue
		}
		seen[name] = true
		switch name {
		case "immediate":
			if !method {
				c.report.Errorf(badAttribute, a.Name.Span, "`@immediate` stands before something that is no method")
			}
			if a.Text != nil {
				c.report.Errorf(badAttribute, a.Text.Span, "`@immediate` takes no text")
			}
			immediate = true
		case "since":
			if a.Text == nil || !Version.MatchString(token.Unquote(a.Text.Raw)) {
				c.report.Errorf(badAttribute, a.Span, "`@since` needs a version").Hint("write `@since(\"1.2\")`")
			}
		case "deprecated":
			if a.Text == nil || token.Unquote(a.Text.Raw) == "" {
				c.report.Errorf(badAttribute, a.Span, "`@deprecated` does not say what to use instead").
					Hint("write `@deprecated(\"use open instead\")`")
			}
		default:
			c.report.Errorf(badAttribute, a.Name.Span, "unknown attribute `@%s`", name).
				Hint("attributes are `@immediate`, `@since` and `@deprecated`")
		}
	}
	return immediate
}
