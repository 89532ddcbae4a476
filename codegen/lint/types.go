package lint

import (
	"slices"
	"strings"

	"strongroom.dev/codegen/ast"
)

// lastWord is what a name is about.
func lastWord(name string) string { return name[strings.LastIndexByte(name, '_')+1:] }

var places = []string{"dir", "dirs", "directory", "directories", "filename", "folder", "folders", "path", "paths"}

func textPaths(l *linter) {
	for _, i := range l.items {
		if i.field != nil && l.scalar(i.field.Type) == "string" && slices.Contains(places, lastWord(i.Name.Text)) {
			l.warn(i.field.Type.Span, "%s `%s` is a `string`", i.what, i.Name.Text)
		}
	}
}

var (
	moments = []string{"at", "date", "time", "timestamp", "mtime", "ctime", "atime"}
	spans   = []string{
		"delay", "duration", "elapsed", "interval", "lifetime", "timeout", "ttl", "ns", "nanos", "nanoseconds", "us", "micros",
		"microseconds", "ms", "millis", "milliseconds", "secs", "seconds", "minutes", "hours", "days",
	}
	numbers = []string{"u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "f32", "f64"}
)

func numberTimes(l *linter) {
	for _, i := range l.items {
		if i.field == nil || !slices.Contains(numbers, l.scalar(i.field.Type)) {
			continue
		}
		number := l.scalar(i.field.Type)
		switch word := lastWord(i.Name.Text); {
		case slices.Contains(moments, word) && i.Name.Text != "at": // by itself it is a place: an offset, an index
			l.warn(i.field.Type.Span, "%s `%s` is a moment as a `%s`", i.what, i.Name.Text, number).Hint("use `timestamp`")
		case slices.Contains(spans, word):
			l.warn(i.field.Type.Span, "%s `%s` is a time span as a `%s`", i.what, i.Name.Text, number).Hint("use `duration`, and leave the unit out of the name")
		}
	}
}

func optionalLists(l *linter) {
	for _, i := range l.items {
		switch {
		case i.field != nil:
			l.optionalList(i.field.Type)
		case i.method != nil && i.method.Result != nil:
			l.optionalList(i.method.Result)
		case i.outer == nil:
			if alias, ok := i.decl.(*ast.Alias); ok {
				l.optionalList(alias.Type)
			}
		}
	}
}

func (l *linter) optionalList(t *ast.Type) {
	for _, arg := range t.Args {
		inner := l.meant(arg).Name.Text
		switch {
		case t.Name.Text == "optional" && (inner == "list" || inner == "map"):
			l.warn(t.Span, "an absent %s and an empty one are hard to tell apart", inner).Hint("leave out the `optional`: the %s can be empty", inner)
		case t.Name.Text == "list" && inner == "optional":
			l.warn(t.Span, "the items of this list can be absent").Hint("leave absent items out of the list, or say with an enum what an absence means")
		}
		l.optionalList(arg)
	}
}
