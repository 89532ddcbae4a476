package check

import (
	"strings"

	"strongroom.dev/codegen/ast"
	"strongroom.dev/codegen/report"
	"strongroom.dev/codegen/token"
)

// message cuts the text of an error's variant into literal text and fields. It works on the text as written, so that
// the places of mistakes are known.
func (c *checker) message(v *ast.Variant) []MessagePart {
	var parts []MessagePart
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			parts = append(parts, MessagePart{Text: literal.String()})
			literal.Reset()
		}
	}
	raw := v.Message.Raw
	base := v.Message.Span.Start
	end := len(raw) - 1
	if end == 1 {
		c.report.Errorf(badMessage, v.Message.Span, "the message of `%s` is empty", v.Name.Text).
			Hint("say what happened, to what, and what to do")
		return nil
	}
	for i := 1; i < end; {
		switch {
		case raw[i] == '\\':
			size := 2
			if raw[i+1] == 'u' {
				size = strings.IndexByte(raw[i:], '}') + 1
			}
			literal.WriteString(token.Unquote(raw[i : i+size]))
			i += size
		case strings.HasPrefix(raw[i:end], "{{") || strings.HasPrefix(raw[i:end], "}}"):
			literal.WriteByte(raw[i])
			i += 2
		case raw[i] == '}':
			c.report.Errorf(badMessage, report.Span{Start: base + i, End: base + i + 1}, "this `}` closes nothing").Hint("a brace in a message is written `}}`")
			i++
		case raw[i] == '{':
			size := strings.IndexByte(raw[i:end], '}')
			if size < 0 {
				c.report.Errorf(badMessage, report.Span{Start: base + i, End: base + i + 1}, "this `{` is not closed").Hint("a brace in a message is written `{{`")
				return nil
			}
			flush()
			span := report.Span{Start: base + i + 1, End: base + i + size}
			if field := c.messageField(v, raw[i+1:i+size], span); field != nil {
				parts = append(parts, MessagePart{Field: field})
			}
			i += size + 1
		default:
			literal.WriteByte(raw[i])
			i++
		}
	}
	flush()
	return parts
}

func (c *checker) messageField(v *ast.Variant, name string, span report.Span) *ast.Field {
	var names []string
	for _, f := range v.Fields {
		if f.Name.Text == name {
			t := c.resolved(f.Type)
			if t == nil {
				return nil // what its type means was reported
			}
			switch t.Name.Text {
			case "bool", "u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "f32", "f64", "string", "bytes", "path":
				return f
			}
			c.report.Errorf(messageField, span, "`%s` cannot stand in a message", name).See(f.Type.Span, "it has this type").
				Hint("numbers, `bool`, `string`, `path`, `bytes` and `bytes<N>` can")
			return nil
		}
		names = append(names, f.Name.Text)
	}
	d := c.report.Errorf(messageField, span, "`%s` has no field `%s`", v.Name.Text, name)
	if near := Nearest(name, names); near != "" {
		d.Hint("did you mean `{%s}`?", near)
	} else {
		d.Hint("a brace in a message is written `{{`")
	}
	return nil
}
