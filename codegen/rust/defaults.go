package rust

import (
	"strconv"
	"strings"

	"strongroom.dev/codegen/ir"
)

// derivable reports whether `#[derive(Default)]` gives the field its default.
func derivable(f *ir.Field) bool {
	if f.Default == nil {
		return f.Type.Kind != ir.FixedBytes || f.Type.Size <= 32
	}
	switch value(f) {
	case "false", "0", "0.0", "String::new()", "std::time::Duration::default()":
		return true
	}
	return f.Type.Kind == ir.EnumRef && f.Default.Variant == f.Type.Enum.Variants[0] && plain(f.Type.Enum.Variants[0])
}

func plain(v *ir.Variant) bool { return len(v.Fields) == 0 }

func allDerivable(fields []*ir.Field) bool {
	for _, f := range fields {
		if !derivable(f) {
			return false
		}
	}
	return true
}

// value is an expression for the field's default.
func value(f *ir.Field) string {
	t, d := f.Type, f.Default
	if d == nil {
		d = &ir.Value{}
	}
	switch t.Kind {
	case ir.Bool:
		return strconv.FormatBool(d.Bool)
	case ir.U8, ir.U16, ir.U32, ir.U64:
		return grouped(strconv.FormatUint(d.Uint, 10))
	case ir.I8, ir.I16, ir.I32, ir.I64:
		return grouped(strconv.FormatInt(d.Int, 10))
	case ir.F32, ir.F64:
		bits := 64
		if t.Kind == ir.F32 {
			bits = 32
		}
		number := strconv.FormatFloat(d.Float, 'g', -1, bits)
		if !strings.ContainsAny(number, ".e") {
			number += ".0"
		}
		return strings.Replace(number, "e+", "e", 1)
	case ir.Duration:
		if d.Int == 0 {
			return "std::time::Duration::default()"
		}
		return span(d.Int)
	case ir.String:
		if d.Text == "" {
			return "String::new()"
		}
		return text(d.Text) + ".to_owned()"
	case ir.FixedBytes:
		return "[0; " + strconv.Itoa(t.Size) + "]"
	case ir.EnumRef:
		if f.Default == nil {
			return t.Enum.Name + "::default()"
		}
		return variantValue(t.Enum.Name, d.Variant)
	case ir.Optional:
		return "None"
	case ir.Bytes, ir.List:
		return "Vec::new()"
	case ir.Path:
		return "std::path::PathBuf::new()"
	case ir.Map:
		return "std::collections::BTreeMap::new()"
	default:
		return ownName(t) + "::default()"
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

// variantValue is a variant whose fields have their defaults.
func variantValue(enum string, v *ir.Variant) string {
	name := enum + "::" + camel(v.Name)
	if plain(v) {
		return name
	}
	var fields []string
	for _, f := range v.Fields {
		fields = append(fields, snake(f.Name)+": "+value(f))
	}
	return name + " { " + strings.Join(fields, ", ") + " }"
}

// maker is a function that makes the default: a path where there is one, or else a closure.
func maker(f *ir.Field) string {
	v := value(f)
	switch {
	case v == "false" || v == "0" || v == "0.0":
		return ownName(f.Type) + "::default"
	case strings.HasSuffix(v, "()") && !strings.Contains(v, "{") && !strings.Contains(v, "\""):
		return strings.TrimSuffix(v, "()")
	}
	return "|| " + v
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
