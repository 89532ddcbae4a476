package vectors

import (
	"math"
	"math/rand/v2"
	"unicode/utf8"

	"strongroom.dev/codegen/ir"
)

// absent is the value that a reader gives a field which the writer left out.
func absent(f *ir.Field) value {
	if f.Default == nil {
		return zero(f.Type)
	}
	switch d := f.Default; f.Type.Kind {
	case ir.Bool:
		return value{truth: d.Bool}
	case ir.U8, ir.U16, ir.U32, ir.U64:
		return value{number: d.Uint}
	case ir.F32:
		return value{number: uint64(math.Float32bits(float32(d.Float)))}
	case ir.F64:
		return value{number: math.Float64bits(d.Float)}
	case ir.String:
		return value{text: d.Text}
	case ir.EnumRef:
		for n, v := range f.Type.Enum.Variants {
			if v == d.Variant {
				return value{variant: n, items: all(v.Fields, absent)}
			}
		}
	}
	return value{number: uint64(f.Default.Int)}
}

// zero is the value of a type that nothing is said about.
func zero(r *ir.Ref) value {
	switch r.Kind {
	case ir.FixedBytes:
		return value{text: string(make([]byte, r.Size))}
	case ir.Optional:
		return value{absent: true}
	case ir.RecordRef:
		return value{items: all(r.Record.Fields, absent)}
	case ir.EnumRef:
		return value{items: all(r.Enum.Variants[0].Fields, absent)}
	}
	return value{}
}

func all(fields []*ir.Field, make func(*ir.Field) value) []value {
	var items []value
	for _, f := range fields {
		items = append(items, make(f))
	}
	return items
}

// maker makes values at random, with a liking for those at which programs break.
type maker struct{ *rand.Rand }

// most is how many items a list has, and how deep lists of the same type go.
const most = 4

// field makes a value at random; deep counts the lists and maps that it stands in.
func (m maker) field(r *ir.Ref, deep int) value {
	switch r.Kind {
	case ir.Bool:
		return value{truth: m.IntN(2) == 1}
	case ir.F32:
		return value{number: uint64(math.Float32bits(float32(m.float())))}
	case ir.F64:
		return value{number: math.Float64bits(m.float())}
	case ir.U8, ir.U16, ir.U32, ir.U64, ir.I8, ir.I16, ir.I32, ir.I64:
		return value{number: sized(r, m.integer())}
	case ir.Duration:
		return value{number: m.integer() & math.MaxInt64}
	case ir.Timestamp:
		// What every language's own type of time can hold: the years 1 to 9999.
		return value{seconds: m.Int64N(253402300800+62135596800) - 62135596800, number: uint64(m.IntN(1e9))}
	case ir.String:
		return value{text: m.text()}
	case ir.Bytes:
		return value{text: m.bytes(m.IntN(20))}
	case ir.Path:
		return value{text: m.path()}
	case ir.FixedBytes:
		return value{text: m.bytes(r.Size)}
	case ir.Optional:
		if m.IntN(2) == 0 {
			return value{absent: true}
		}
		return value{items: []value{m.field(r.Elem, deep)}}
	case ir.List:
		return value{items: m.items(r.Elem, deep)}
	case ir.Map:
		v := value{items: m.items(r.Elem, deep)}
		for range v.items {
			v.keys = append(v.keys, m.field(r.Key, deep))
		}
		v.order(r.Key)
		return v
	case ir.RecordRef:
		return value{items: all(r.Record.Fields, func(f *ir.Field) value { return m.field(f.Type, deep) })}
	case ir.EnumRef:
		n := m.IntN(len(r.Enum.Variants))
		return value{variant: n, items: all(r.Enum.Variants[n].Fields, func(f *ir.Field) value { return m.field(f.Type, deep) })}
	}
	panic("a " + r.String() + " is no data")
}

func (m maker) items(r *ir.Ref, deep int) []value {
	if deep == most {
		return nil
	}
	var items []value
	for range m.IntN(most) {
		items = append(items, m.field(r, deep+1))
	}
	return items
}

// integer is near a power of two, or anywhere.
func (m maker) integer() uint64 {
	switch n := m.Uint64(); m.IntN(4) {
	case 0:
		return n
	case 1:
		return uint64(m.IntN(3)) - 1
	default:
		return 1<<m.IntN(64) + uint64(m.IntN(3)) - 1
	}
}

// float has the value that a single one has, so that both widths can hold it. No NaN: it equals nothing, not even itself.
func (m maker) float() float64 {
	special := []float64{0, math.Copysign(0, -1), 1, -1, math.Inf(1), math.Inf(-1), math.MaxFloat32, math.SmallestNonzeroFloat32}
	if n := m.IntN(2 * len(special)); n < len(special) {
		return special[n]
	}
	return float64(float32(m.NormFloat64() * 1e6))
}

func (m maker) text() string {
	runes := []rune{'a', 'Z', '0', ' ', '"', '\\', '\n', 0, 0x7f, 'é', 'ß', '\u2028', '日', utf8.RuneError, 0xffff, '😀', utf8.MaxRune}
	var out []rune
	for range m.IntN(12) {
		out = append(out, runes[m.IntN(len(runes))])
	}
	return string(out)
}

func (m maker) bytes(size int) string {
	out := make([]byte, size)
	for i := range out {
		out[i] = byte(m.Uint32())
	}
	return string(out)
}

// path is anything that a file system takes, which is not always UTF-8.
func (m maker) path() string {
	var out []byte
	for _, c := range []byte(m.bytes(m.IntN(20))) {
		out = append(out, max(c, 1))
	}
	return string(out)
}
