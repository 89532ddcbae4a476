package lint

import (
	"strings"
	"unicode"

	"strongroom.dev/codegen/token"
)

func messages(l *linter) {
	for _, i := range l.items {
		if i.variant == nil || i.variant.Message == nil {
			continue
		}
		text := []rune(token.Unquote(i.variant.Message.Raw))
		span := i.variant.Message.Span
		// A word of capitals is a name.
		if unicode.IsUpper(text[0]) && (len(text) == 1 || !unicode.IsUpper(text[1]) && !unicode.IsDigit(text[1])) {
			l.warn(span, "the message of `%s` begins with a capital", i.Name.Text).Hint("begin with a small letter; a name can stand later")
		}
		if last := text[len(text)-1]; strings.ContainsRune(".!\n", last) {
			l.warn(span, "the message of `%s` ends like a sentence of its own", i.Name.Text).Hint("leave out what stands at its end")
		}
	}
}
