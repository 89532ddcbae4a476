package check

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"strongroom.dev/codegen/ast"
	"strongroom.dev/codegen/token"
)

// value checks that a default fits the field's type, and records what it means.
func (c *checker) value(f *ast.Field) {
	name, v := f.Type.Name.Text, f.Default
	var constant Constant
	switch name {
	case "bool":
		if v.Kind != ast.NameValue || v.Text != "true" && v.Text != "false" {
			c.misfit(f, "`true` or `false`")
			return
		}
		constant.Bool = v.Text == "true"
	case "u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64":
		var ok bool
		if constant, ok = c.integer(f); !ok {
			return
		}
	case "f32", "f64":
		var ok bool
		if constant, ok = c.float(f); !ok {
			return
		}
	case "string":
		if v.Kind != ast.TextValue {
			c.misfit(f, "a text in double quotes")
			return
		}
		constant.Text = token.Unquote(v.Text)
	default:
		enum, ok := c.info.Decls[name].(*ast.Enum)
		if !ok {
			d := c.report.Errorf(v.Span, "a field of type `%s` has no default of its own", name)
			switch name {
			case "optional":
				d.Hint("without one it is absent")
			case "list", "map", "bytes", "path":
				d.Hint("without one it is empty")
			}
			return
		}
		if constant.Variant = c.variantNamed(enum, v); constant.Variant == nil {
			return
		}
	}
	c.info.Defaults[f] = constant
}

func (c *checker) misfit(f *ast.Field, wanted string) {
	c.report.Errorf(f.Default.Span, "`%s` does not fit the type `%s`", f.Default.Text, f.Type.Name.Text).
		Hint("its default is %s", wanted)
}

func (c *checker) integer(f *ast.Field) (Constant, bool) {
	name := f.Type.Name.Text
	n, ok := new(big.Int).SetString(f.Default.Text, 0)
	if f.Default.Kind != ast.NumberValue || !ok {
		c.misfit(f, "a whole number")
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
		c.report.Errorf(f.Default.Span, "`%s` does not fit the type `%s`", f.Default.Text, name).
			Hint("it holds whole numbers from %s to %s", low, high)
		return Constant{}, false
	}
	if name[0] == 'i' {
		return Constant{Int: n.Int64()}, true
	}
	return Constant{Uint: n.Uint64()}, true
}

func (c *checker) float(f *ast.Field) (Constant, bool) {
	text := f.Default.Text
	if f.Default.Kind != ast.NumberValue {
		c.misfit(f, "a number")
		return Constant{}, false
	}
	bits, _ := strconv.Atoi(f.Type.Name.Text[1:])
	value, err := strconv.ParseFloat(text, bits)
	if n, ok := new(big.Int).SetString(text, 0); err != nil && ok {
		value, _ = new(big.Float).SetInt(n).Float64()
		err = nil
	}
	if err != nil || math.IsInf(value, 0) || bits == 32 && math.IsInf(float64(float32(value)), 0) {
		c.report.Errorf(f.Default.Span, "`%s` does not fit the type `%s`", text, f.Type.Name.Text).Hint("its magnitude is too large")
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
	d := c.report.Errorf(v.Span, "`%s` is no variant of `%s`", v.Text, enum.Name.Text)
	if near := nearest(v.Text, names); near != "" {
		d.Hint("did you mean `%s`?", near)
	} else if len(names) > 0 {
		d.Hint("its variants are `%s`", strings.Join(names, "`, `"))
	}
	return nil
}
