package golang

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"strongroom.dev/codegen/ir"
	"strongroom.dev/codegen/lower"
)

// constant emits a named value.
func (e *emitter) constant(c *ir.Constant) {
	name := e.name(c)
	e.comment(name, c.About)
	value := e.value(c.Type, c.Value)
	switch kind := c.Type.Kind; {
	case c.Type.Alias == nil && (kind == ir.Bool || kind == ir.String), kind == ir.Duration && c.Value.Int != 0:
		e.line("const %s = %s\n", name, value) // a duration has its type from its unit
		return
	}
	e.line("const %s %s = %s\n", name, e.goType(c.Type), value)
}

// value is a value of the IDL in Go.
func (e *emitter) value(r *ir.Ref, v *ir.Value) string {
	switch {
	case r.Kind == ir.Duration:
		return e.duration(v.Int)
	case r.Kind == ir.String:
		return strconv.Quote(v.Text)
	case v.Octal:
		return fmt.Sprintf("%#o", v.Uint)
	default:
		return v.Literal(r)
	}
}

// units are those of package time, the largest first.
var units = []struct {
	name string
	size time.Duration
}{
	{"Hour", time.Hour}, {"Minute", time.Minute}, {"Second", time.Second}, {"Millisecond", time.Millisecond},
	{"Microsecond", time.Microsecond}, {"Nanosecond", time.Nanosecond},
}

// duration is a length of time in the largest unit that leaves no rest.
func (e *emitter) duration(nanoseconds int64) string {
	if nanoseconds == 0 {
		return "0"
	}
	e.use("time")
	i := slices.IndexFunc(units, func(u struct {
		name string
		size time.Duration
	}) bool {
		return nanoseconds%int64(u.size) == 0
	})
	if n := nanoseconds / int64(units[i].size); n != 1 {
		return fmt.Sprintf("%d * time.%s", n, units[i].name)
	}
	return "time." + units[i].name
}

// differs reports whether a field that was left out is not Go's zero. nil stands for a sum enum's default, and the zero time
// for the beginning of 1970, when they are encoded; decoded ones are what they stand for.
func differs(s lower.Step, decoded bool) bool {
	switch absent := s.Absent(); {
	case absent.Value != nil:
		return !zero(s.Code, absent.Value)
	case absent.Variant != nil && s.Type.Enum.Plain():
		return absent.Variant != s.Type.Enum.Variants[0]
	case absent.Fields != nil:
		return hasDefaults(absent.Fields, decoded)
	default:
		return decoded && (absent.Variant != nil || s.Op == lower.Instant)
	}
}

func zero(c *lower.Code, v *ir.Value) bool {
	switch c.Op {
	case lower.Flag:
		return !v.Bool
	case lower.Unsigned:
		return v.Uint == 0
	case lower.Signed, lower.Span:
		return v.Int == 0
	case lower.Float:
		return math.Float64bits(v.Float) == 0
	default:
		return v.Text == ""
	}
}

func hasDefaults(fields []*ir.Field, decoded bool) bool {
	return slices.ContainsFunc(lower.Steps(fields), func(s lower.Step) bool { return differs(s, decoded) })
}

// defaultValue is a field that was left out, where that differs from Go's zero.
func (e *emitter) defaultValue(s lower.Step) string {
	switch absent := s.Absent(); {
	case absent.Value != nil:
		return e.value(s.Type, absent.Value)
	case absent.Variant != nil && s.Type.Enum.Plain():
		return e.name(absent.Variant)
	case absent.Variant != nil:
		return e.variantValue(absent.Variant)
	case absent.Fields != nil:
		return e.of[named{defaults, s.Type.Record}] + "()"
	default:
		e.use("time")
		return "time.Unix(0, 0).UTC()"
	}
}

// variantValue is a variant of a sum enum with its own defaults.
func (e *emitter) variantValue(v *ir.Variant) string {
	if function := e.of[named{defaults, v}]; function != "" {
		return function + "()"
	}
	return e.name(v) + "{}"
}

// defaults emits the function that makes a record or a variant with its defaults, where some differ from Go's zero.
func (e *emitter) defaults(of any, fields []*ir.Field) {
	name, function := e.name(of), e.of[named{defaults, of}]
	if function == "" {
		return
	}
	if hasDefaults(fields, false) {
		e.line("// %s is what the library assumes where nothing is said.", function)
	}
	e.line("func %s() %s {\nreturn %s{", function, name, name)
	for _, s := range lower.Steps(fields) {
		if differs(s, true) {
			e.line("%s: %s,", fieldName(s.Field), e.defaultValue(s))
		}
	}
	e.line("}\n}\n")
}
