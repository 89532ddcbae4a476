package golang

import (
	"fmt"
	"strconv"
	"strings"

	"strongroom.dev/codegen/ir"
	"strongroom.dev/codegen/lower"
)

// errorType emits an interface for an error of the IDL and a type for each of its variants.
func (e *emitter) errorType(t *ir.Error) {
	name, thrown := e.name(t), e.thrown[t]
	subject := "Each"
	if len(t.Doc) == 0 {
		subject = name + " is what methods fail with. Each"
	}
	e.comment(name, t.About, subject+" of its variants is a type of its own, for errors.As.")
	sealed := "is" + name + "()"
	if thrown {
		sealed = e.of[named{encoder, t}] + "(e *rpc.Encoder)"
	}
	e.line("type %s interface {\nerror\n// Variant is the variant's name in the interface.\nVariant() string\n%s\n}\n", name, sealed)
	for i, v := range t.Variants {
		full := e.name(v)
		if len(v.Doc) > 0 {
			e.paragraphs(v.About, append([]string{full + ": " + lowered(v.Doc[0])}, v.Doc[1:]...), nil)
		} else {
			e.comment(full, v.About, full+" is "+article(name)+": "+template(v))
		}
		e.line("type %s struct {", full)
		for _, f := range v.Fields {
			e.comment("", f.About)
			e.line("%s %s", errorField(f), e.goType(f.Type))
		}
		e.line("message string\n}\n")
		if thrown {
			e.line("func (v *%s) Error() string {", full)
			e.line("if v.message != \"\" { // it comes from the library\nreturn v.message\n}")
			e.line("return %s\n}\n", e.message(v))
		} else {
			e.line("func (v *%s) Error() string { return v.message }\n", full)
		}
		e.line("// Variant is the variant's name in the interface.")
		e.line("func (*%s) Variant() string { return %q }\n", full, v.Name)
		if thrown {
			e.line("func (v *%s) %s {", full, sealed)
			e.line("e.U32(%#08x)\ne.U32(%d)\ne.String(v.Error())", t.Domain, i)
			e.encodeFields(v.Fields, errorField)
			e.line("}\n")
		} else {
			e.line("func (*%s) %s {}\n", full, sealed)
		}
	}
	if thrown {
		e.use("errors")
		throw := e.of[named{thrower, t}]
		e.line("// %s makes of an error that the interface declares one that goes back to the library typed.", throw)
		e.line("func %s(err error) error {", throw)
		e.line("if declared, ok := errors.AsType[%s](err); ok {\nreturn rpc.Throw(declared.%s)\n}\nreturn err\n}\n", name,
			e.of[named{encoder, t}])
	}
	e.line("func %s(variant uint32, message string, d *rpc.Decoder) error {", e.of[named{decoder, t}])
	e.line("switch variant {")
	for i, v := range t.Variants {
		e.line("case %d:", i)
		if len(v.Fields) == 0 {
			e.line("return &%s{message: message}", e.name(v))
			continue
		}
		e.line("v := &%s{message: message}", e.name(v))
		for _, s := range lower.Steps(v.Fields) {
			name := errorField(s.Field)
			if differs(s, true) {
				e.line("v.%s = %s", name, e.defaultValue(s))
			}
			e.line("if d.More() {")
			e.decode("v."+name, s.Code, 0)
			e.line("}")
		}
		e.line("return v")
	}
	e.line("}\nreturn nil\n}\n")
}

// template is a variant's message as the IDL writes it, with fields in braces.
func template(v *ir.Variant) string {
	var out strings.Builder
	for _, part := range v.Message {
		if part.Field != nil {
			out.WriteString("{" + part.Field.Name + "}")
		} else {
			out.WriteString(part.Text)
		}
	}
	return strings.Join(strings.Fields(out.String()), " ")
}

// message is the expression that makes a variant's message in Go.
func (e *emitter) message(v *ir.Variant) string {
	var layout, literal strings.Builder
	var values []string
	for _, part := range v.Message {
		if part.Field == nil {
			literal.WriteString(part.Text)
			layout.WriteString(strings.ReplaceAll(part.Text, "%", "%%"))
			continue
		}
		verb, value := "%v", "v."+errorField(part.Field)
		switch part.Field.Type.Kind {
		case ir.String, ir.Path, ir.Bytes:
			verb = "%s"
		case ir.FixedBytes:
			verb = "%x"
		case ir.U8, ir.U16, ir.U32, ir.U64, ir.I8, ir.I16, ir.I32, ir.I64:
			verb = "%d"
		}
		layout.WriteString(verb)
		values = append(values, value)
	}
	if len(values) == 0 {
		return strconv.Quote(literal.String())
	}
	e.use("fmt")
	return fmt.Sprintf("fmt.Sprintf(%q, %s)", layout.String(), strings.Join(values, ", "))
}
