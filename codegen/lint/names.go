package lint

import (
	"slices"
	"strings"

	"strongroom.dev/codegen/ast"
)

// abbreviated are words that people shorten in different ways, so that nobody can guess the name.
var abbreviated = map[string]string{
	"addr": "address", "attr": "attribute", "btn": "button", "buf": "buffer", "cb": "callback", "cfg": "config",
	"cnt": "count", "conn": "connection", "ctx": "context", "desc": "description", "dest": "destination", "dst": "destination",
	"elem": "element", "err": "error", "idx": "index", "len": "length", "lvl": "level", "mgr": "manager", "msg": "message",
	"num": "number", "obj": "object", "opts": "options", "params": "parameters", "pos": "position", "prev": "previous",
	"ptr": "pointer", "pwd": "password", "qty": "quantity", "recv": "receive", "req": "request", "resp": "response",
	"ret": "result", "src": "source", "str": "text", "tmp": "temporary", "usr": "user", "val": "value",
}

func abbreviations(l *linter) {
	for _, i := range l.items {
		for word := range strings.SplitSeq(snake(i.Name.Text), "_") {
			if full := abbreviated[word]; full != "" {
				l.warn(i.Name.Span, "`%s` is shortened in `%s`", full, i.Name.Text).Hint("write `%s` out", full)
			}
		}
	}
}

func repeatedNames(l *linter) {
	for _, i := range l.items {
		if i.outer == nil || i.what == "argument" {
			continue
		}
		if rest, ok := strings.CutPrefix(i.Name.Text, snake(i.outer.Name.Text)+"_"); ok && rest != "" {
			l.warn(i.Name.Span, "%s `%s` repeats the name of `%s`", i.what, i.Name.Text, i.outer.Name.Text).Hint("call it `%s`", rest)
		}
	}
}

var negations = []string{"disable", "disabled", "dont", "never", "no", "non", "not", "without"}

func negativeBooleans(l *linter) {
	for _, i := range l.items {
		if i.field == nil || l.meant(i.field.Type).Name.Text != "bool" {
			continue
		}
		for word := range strings.SplitSeq(i.Name.Text, "_") {
			if slices.Contains(negations, word) {
				l.warn(i.Name.Span, "%s `%s` says what is not", i.what, i.Name.Text)
				break
			}
		}
	}
}

func failureNames(l *linter) {
	for _, i := range l.items {
		if _, failure := i.decl.(*ast.Error); !failure || i.variant == nil {
			continue
		}
		for _, end := range []string{"_error", "_exception", "_failure"} {
			if rest, ok := strings.CutSuffix(i.Name.Text, end); ok {
				l.warn(i.Name.Span, "`%s` says that it is an error, which all variants of `%s` are", i.Name.Text, i.outer.Name.Text).
					Hint("call it `%s`, or by what happened", rest)
			}
		}
	}
}
