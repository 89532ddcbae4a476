package rust

import (
	"strconv"
	"strings"

	"strongroom.dev/codegen/ir"
	"strongroom.dev/codegen/lower"
)

// derivable reports whether `#[derive(Default)]` gives the field what it is where it is left out.
func derivable(s lower.Step) bool {
	switch of := s.Absent(); {
	case of.Value != nil:
		return literal(s.Type, of.Value) == zero(s.Code)
	case of.Variant != nil:
		return of.Variant == lower.Zero(s.Code).Variant
	default:
		return s.Op != lower.Fixed || s.Size <= 32
	}
}

func allDerivable(steps []lower.Step) bool {
	for _, s := range steps {
		if !derivable(s) {
			return false
		}
	}
	return true
}

func plain(v *ir.Variant) bool { return len(v.Fields) == 0 }

// absent is an expression for a field that was left out. Records, and enums in their first variant, have that as their own
// `Default`.
func absent(s lower.Step) string {
	switch of := s.Absent(); {
	case of.Value != nil:
		return literal(s.Type, of.Value)
	case of.Variant != nil && of.Variant != lower.Zero(s.Code).Variant:
		return variantValue(s.Type.Enum.Name, of.Variant)
	default:
		return zero(s.Code)
	}
}

// zero is the value of a type that nothing is said about.
func zero(c *lower.Code) string {
	switch c.Op {
	case lower.Flag:
		return "false"
	case lower.Unsigned, lower.Signed:
		return "0"
	case lower.Float:
		return "0.0"
	case lower.Text:
		return "String::new()"
	case lower.Blob, lower.Sequence:
		return "Vec::new()"
	case lower.Path:
		return "std::path::PathBuf::new()"
	case lower.Fixed:
		return "[0; " + strconv.Itoa(c.Size) + "]"
	case lower.Maybe:
		return "None"
	case lower.Table:
		return "std::collections::BTreeMap::new()"
	default:
		return ownName(c.Type) + "::default()"
	}
}

// literal is an expression for a value of the IDL.
func literal(t *ir.Ref, v *ir.Value) string {
	switch t.Kind {
	case ir.Bool:
		return strconv.FormatBool(v.Bool)
	case ir.U8, ir.U16, ir.U32, ir.U64:
		return grouped(strconv.FormatUint(v.Uint, 10))
	case ir.I8, ir.I16, ir.I32, ir.I64:
		return grouped(strconv.FormatInt(v.Int, 10))
	case ir.F32, ir.F64:
		bits := 64
		if t.Kind == ir.F32 {
			bits = 32
		}
		number := strconv.FormatFloat(v.Float, 'g', -1, bits)
		if !strings.ContainsAny(number, ".e") {
			number += ".0"
		}
		return strings.Replace(number, "e+", "e", 1)
	case ir.Duration:
		if v.Int == 0 {
			return zero(lower.Type(t))
		}
		return span(v.Int)
	default: // a string
		if v.Text == "" {
			return zero(lower.Type(t))
		}
		return text(v.Text) + ".to_owned()"
	}
}

// span is a duration in the largest unit that counts it in whole numbers.
func span(nanoseconds int64) string {
	for _, unit := range []struct {
		name string
		size int64
	}{{"secs", 1e9}, {"millis", 1e6}, {"micros", 1e3}} {
		if nanoseconds%unit.size == 0 {
			return "std::time::Duration::from_" + unit.name + "(" + grouped(strconv.FormatInt(nanoseconds/unit.size, 10)) + ")"
		}
	}
	return "std::time::Duration::from_nanos(" + grouped(strconv.FormatInt(nanoseconds, 10)) + ")"
}

// variantValue is a variant whose fields were left out.
func variantValue(enum string, v *ir.Variant) string {
	name := enum + "::" + camel(v.Name)
	if plain(v) {
		return name
	}
	return name + " { " + strings.Join(initialisers(lower.Steps(v.Fields)), ", ") + " }"
}

// initialisers are the fields of a literal, each left out.
func initialisers(steps []lower.Step) []string {
	var out []string
	for _, s := range steps {
		out = append(out, snake(s.Field.Name)+": "+absent(s))
	}
	return out
}

// grouped writes long numbers in groups of three digits.
func grouped(digits string) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	if len(digits) <= 5 {
		return sign + digits
	}
	var groups []string
	for len(digits) > 3 {
		groups = append([]string{digits[len(digits)-3:]}, groups...)
		digits = digits[:len(digits)-3]
	}
	return sign + strings.Join(append([]string{digits}, groups...), "_")
}
