package lint

import (
	"slices"
	"strings"

	"strongroom.dev/codegen/ast"
	"strongroom.dev/codegen/report"
	"strongroom.dev/codegen/token"
)

var badAllow = report.Define("allow", "`// idlc:allow rule reason` switches a rule off for the item that it stands on or before, or for the whole file where it stands before the package. It names the rule, and says why it does not fit.")

const (
	marker      = "idlc:allow"
	unusedAllow = "unused-allow"
)

// allowance is a comment that switches a rule off.
type allowance struct {
	rule    string
	comment report.Span
	scope   report.Span
	used    bool
}

type allowed []*allowance

// allowances reads the comments of files.
func allowances(r *report.Report, files []*ast.File) allowed {
	var all allowed
	for _, file := range files {
		tokens := token.Lex(report.New(), file.Source)
		places := scopes{file: file.Source, tokens: tokens, first: slices.IndexFunc(tokens, code), ends: map[int]int{}}
		next := len(tokens) - 1 // the token that begins the item which follows
		for n, t := range slices.Backward(tokens) {
			if code(t) {
				next = n
			}
			rest, ok := strings.CutPrefix(strings.TrimSpace(strings.TrimLeft(t.Text, "/")), marker)
			if t.Kind != token.Comment || !ok {
				continue
			}
			rule, reason, _ := strings.Cut(strings.TrimSpace(rest), " ")
			switch {
			case rule == "":
				r.Errorf(badAllow, t.Span, "no rule is named").Hint("write `// %s rule reason`", marker)
			case !exists(rule):
				r.Errorf(badAllow, t.Span, "there is no rule `%s`", rule).Hint("%s", meant(rule))
			case rule == unusedAllow:
				r.Errorf(badAllow, t.Span, "`%s` cannot be allowed", rule).Hint("leave out the comments that allow nothing")
			case strings.TrimSpace(reason) == "":
				r.Errorf(badAllow, t.Span, "no reason is given").Hint("say after `%s` why the rule does not fit here", rule)
			default:
				all = append(all, &allowance{rule: rule, comment: t.Span, scope: places.of(t, next)})
			}
		}
	}
	return all
}

func (a allowed) covers(d *report.Diagnostic) bool {
	covered := false
	for _, one := range a {
		if one.rule == d.Rule.ID && one.scope.Start <= d.Span.Start && d.Span.Start < one.scope.End {
			one.used, covered = true, true
		}
	}
	return covered
}

// unused finds comments without which nothing more would be found. The rules have all been run.
func (a allowed) unused(l *linter, rules []*Rule) {
	for _, one := range a {
		if ran := slices.ContainsFunc(rules, func(r *Rule) bool { return r.ID == one.rule }); ran && !one.used {
			l.warn(one.comment, "`%s` finds nothing here", one.rule)
		}
	}
}

// scopes finds where comments of a file apply.
type scopes struct {
	file   *report.File
	tokens []token.Token
	first  int         // the token that the file begins with
	ends   map[int]int // of items that were looked at
}

// of is the line of the comment, if something stands before it, or else the item that begins with the next token; before
// the package it is the file.
func (s *scopes) of(comment token.Token, next int) report.Span {
	switch {
	case !comment.FirstOnLine:
		line := strings.LastIndexByte(s.file.Text[:comment.Span.Start-s.file.Base], '\n') + 1
		return report.Span{Start: s.file.Base + line, End: comment.Span.End}
	case next == s.first:
		return report.Span{Start: s.file.Base, End: s.file.Base + len(s.file.Text) + 1}
	}
	if s.ends[next] == 0 {
		s.ends[next] = itemEnd(s.tokens, next)
	}
	return report.Span{Start: s.tokens[next].Span.Start, End: s.ends[next]}
}

// code reports whether a token is no remark about another one.
func code(t token.Token) bool { return t.Kind != token.Comment && t.Kind != token.Doc }

// itemEnd finds where the item ends that begins with a token. Nothing is wrong with the form of the file.
func itemEnd(tokens []token.Token, n int) int {
	for tokens[n].Kind == token.Attribute {
		n++
		for k := tokens[n].Kind; k == token.LeftParen || k == token.String || k == token.RightParen; k = tokens[n].Kind {
			n++
		}
	}
	depth := 0
	end := tokens[n].Span.End
	for first := true; ; first = false {
		t := tokens[n]
		if depth == 0 && !first && (t.Kind == token.Comma || t.Kind == token.Semicolon || t.FirstOnLine && !continues(tokens[n:])) {
			return end
		}
		switch t.Kind {
		case token.EOF:
			return end
		case token.LeftBrace, token.LeftParen, token.LeftAngle:
			depth++
		case token.RightBrace, token.RightParen, token.RightAngle:
			if depth--; depth < 0 {
				return end
			}
		}
		end = t.Span.End
		n++
	}
}

// continues reports whether the token at the beginning of a line belongs to the item of the line before.
func continues(tokens []token.Token) bool {
	switch t := tokens[0]; t.Kind {
	case token.Arrow, token.LeftBrace, token.RightBrace, token.String, token.Equals, token.Comment:
		return true
	case token.Name:
		return (t.Text == "throws" || t.Text == "emits") && tokens[1].Kind != token.LeftParen
	}
	return false
}
