package check

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"strongroom.dev/codegen/ast"
	"strongroom.dev/codegen/token"
)

// value checks that a value fits a type, and answers what it means.
func (c *checker) value(written *ast.Type, v *ast.Value) (Constant, bool) {
	t := c.resolved(written)
	if t == nil {
		return Constant{}, false // the cycle is reported at the alias
	}
	enum, isEnum := c.info.Decls[t.Name.Text].(*ast.Enum)
	if v.Kind == ast.NameValue && !isEnum && v.Text != "true" && v.Text != "false" {
		return c.constantNamed(t, v)
	}
	switch name := t.Name.Text; name {
	case "bool":
		if v.Kind != ast.NameValue {
			c.misfit(t, v, "`true` or `false`")
			return Constant{}, false
		}
		return Constant{Bool: v.Text == "true"}, true
	case "u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64":
		return c.integer(t, v)
	case "f32", "f64":
		return c.float(t, v)
	case "duration":
		return c.duration(t, v)
	case "string":
		if v.Kind != ast.TextValue {
			c.misfit(t, v, "a text in double quotes")
			return Constant{}, false
		}
		return Constant{Text: token.Unquote(v.Text)}, true
	default:
		if isEnum {
			variant := c.variantNamed(enum, v)
			return Constant{Variant: variant}, variant != nil
		}
		d := c.report.Errorf(noDefault, v.Span, "a field of type `%s` has no default of its own", name)
		switch name {
		case "optional":
			d.Hint("without one it is absent")
		case "list", "map", "bytes", "path":
			d.Hint("without one it is empty")
		case "timestamp":
			d.Hint("without one it is the beginning of 1970")
		}
		return Constant{}, false
	}
}

// constantNamed is the value of a constant of the same type.
func (c *checker) constantNamed(t *ast.Type, v *ast.Value) (Constant, bool) {
	d, known := c.lookup(v.Text)
	constant, ok := d.(*ast.Constant)
	if !known || !ok {
		c.misfit(t, v, "a literal or the name of a constant")
		return Constant{}, false
	}
	own := c.resolved(constant.Type)
	if own == nil || own.Name.Text != t.Name.Text {
		c.report.Errorf(badValue, v.Span, "`%s` has the type `%s`, not `%s`", v.Text, constant.Type.Name.Text, t.Name.Text).
			See(constant.Name.Span, "it is declared here")
		return Constant{}, false
	}
	return c.value(own, constant.Value)
}

func (c *checker) misfit(t *ast.Type, v *ast.Value, wanted string) {
	c.report.Errorf(badValue, v.Span, "`%s` does not fit the type `%s`", v.Text, t.Name.Text).
		Hint("its value is %s", wanted)
}

func (c *checker) duration(t *ast.Type, v *ast.Value) (Constant, bool) {
	if v.Kind != ast.DurationValue {
		c.misfit(t, v, "a whole number with a unit, like `100ms` or `2h`")
		return Constant{}, false
	}
	digits := strings.TrimRight(v.Text, "nsumhd")
	n, _ := new(big.Int).SetString(strings.ReplaceAll(digits, "_", ""), 10)
	n.Mul(n, big.NewInt(int64(token.Units[v.Text[len(digits):]])))
	if !n.IsInt64() {
		c.report.Errorf(badValue, v.Span, "`%s` does not fit the type `duration`", v.Text).Hint("it holds at most 292 years")
		return Constant{}, false
	}
	return Constant{Int: n.Int64()}, true
}

func (c *checker) integer(t *ast.Type, v *ast.Value) (Constant, bool) {
	name := t.Name.Text
	n, ok := new(big.Int).SetString(v.Text, 0)
	if v.Kind != ast.NumberValue || !ok {
		c.misfit(t, v, "a whole number")
		return Constant{}, false
	}
	bits, _ := strconv.Atoi(name[1:])
	low, high := new(big.Int), new(big.Int).Lsh(big.NewInt(1), uint(bits))
	if name[0] == 'i' {
		high.Rsh(high, 1)
		low.Neg(high)
	}
	high.Sub(high, big.NewInt(1))
	if n.Cmp(low) < 0 || n.Cmp(high) > 0 {
		c.report.Errorf(badValue, v.Span, "`%s` does not fit the type `%s`", v.Text, name).
			Hint("it holds whole numbers from %s to %s", low, high)
		return Constant{}, false
	}
	if name[0] == 'i' {
		return Constant{Int: n.Int64()}, true
	}
	return Constant{Uint: n.Uint64(), Octal: strings.HasPrefix(v.Text, "0o")}, true
}

func (c *checker) float(t *ast.Type, v *ast.Value) (Constant, bool) {
	text := v.Text
	if v.Kind != ast.NumberValue {
		c.misfit(t, v, "a number")
		return Constant{}, false
	}
	bits, _ := strconv.Atoi(t.Name.Text[1:])
	value, err := strconv.ParseFloat(text, bits)
	if n, ok := new(big.Int).SetString(text, 0); err != nil && ok {
		value, _ = new(big.Float).SetInt(n).Float64()
		err = nil
	}
	if err != nil || math.IsInf(value, 0) || bits == 32 && math.IsInf(float64(float32(value)), 0) {
		c.report.Errorf(badValue, v.Span, "`%s` does not fit the type `%s`", text, t.Name.Text).Hint("its magnitude is too large")
		return Constant{}, false
	}
	return Constant{Float: value}, true
}

func (c *checker) variantNamed(enum *ast.Enum, v *ast.Value) *ast.Variant {
	var names []string
	for _, variant := range enum.Variants {
		if v.Kind == ast.NameValue && variant.Name.Text == v.Text {
			return variant
		}
		names = append(names, variant.Name.Text)
	}
	d := c.report.Errorf(badValue, v.Span, "`%s` is no variant of `%s`", v.Text, enum.Name.Text)
	if near := Nearest(v.Text, names); near != "" {
		d.Hint("did you mean `%s`?", near)
	} else if len(names) > 0 {
		d.Hint("its variants are `%s`", strings.Join(names, "`, `"))
	}
	return nil
}
