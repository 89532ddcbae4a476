// Package vectors makes values of the types of an interface with their bytes on the wire, so that the bindings of all
// languages can be held against one encoder that none of them uses: this one follows docs/boundary.md and nothing else.
package vectors

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"strongroom.dev/codegen/ir"
)

// value is a value of a type of the IDL. Which field is set follows from the type.
type value struct {
	truth   bool
	number  uint64 // integers in two's complement, floats as their bits, a duration's nanoseconds
	seconds int64  // of a timestamp, whose nanoseconds are the number
	text    string // also bytes
	absent  bool   // of an optional
	items   []value
	keys    []value // of a map, in the order of the wire, beside items
	variant int     // of an enum, whose fields are the items; those of a record are its items
}

// encode appends the value's bytes.
func encode(out []byte, r *ir.Ref, v value) []byte {
	switch r.Kind {
	case ir.Bool:
		return append(out, flag(v.truth))
	case ir.U8, ir.I8:
		return append(out, byte(v.number))
	case ir.U16, ir.I16:
		return binary.LittleEndian.AppendUint16(out, uint16(v.number))
	case ir.U32, ir.I32, ir.F32:
		return binary.LittleEndian.AppendUint32(out, uint32(v.number))
	case ir.U64, ir.I64, ir.F64, ir.Duration:
		return binary.LittleEndian.AppendUint64(out, v.number)
	case ir.Timestamp:
		out = binary.LittleEndian.AppendUint64(out, uint64(v.seconds))
		return binary.LittleEndian.AppendUint32(out, uint32(v.number))
	case ir.String, ir.Bytes, ir.Path:
		out = count(out, len(v.text))
		return append(out, v.text...)
	case ir.FixedBytes:
		return append(out, v.text...)
	case ir.Optional:
		out = append(out, flag(!v.absent))
		if v.absent {
			return out
		}
		return encode(out, r.Elem, v.items[0])
	case ir.List:
		out = count(out, len(v.items))
		for _, item := range v.items {
			out = encode(out, r.Elem, item)
		}
		return out
	case ir.Map:
		out = count(out, len(v.items))
		for i, item := range v.items {
			out = encode(encode(out, r.Key, v.keys[i]), r.Elem, item)
		}
		return out
	case ir.RecordRef:
		return framed(out, r.Record.Fields, v.items)
	case ir.EnumRef:
		return framed(count(out, v.variant), r.Enum.Variants[v.variant].Fields, v.items)
	}
	panic(fmt.Sprintf("a %s is no data", r))
}

func flag(truth bool) byte {
	if truth {
		return 1
	}
	return 0
}

func count(out []byte, n int) []byte { return binary.LittleEndian.AppendUint32(out, uint32(n)) }

// framed writes fields with their length before them.
func framed(out []byte, fields []*ir.Field, items []value) []byte {
	start := len(out)
	out = count(out, 0)
	for i, f := range fields {
		out = encode(out, f.Type, items[i])
	}
	binary.LittleEndian.PutUint32(out[start:], uint32(len(out)-start-4))
	return out
}

// show answers the value as JSON: 64-bit integers are decimal texts, floats the hexadecimal digits of their bits, bytes and
// paths hexadecimal, maps lists of pairs, a timestamp its two numbers, and an enum its variant's name beside its fields.
func show(r *ir.Ref, v value) string {
	switch r.Kind {
	case ir.Bool:
		return strconv.FormatBool(v.truth)
	case ir.U8, ir.U16, ir.U32:
		return strconv.FormatUint(v.number, 10)
	case ir.U64:
		return `"` + strconv.FormatUint(v.number, 10) + `"`
	case ir.I8, ir.I16, ir.I32:
		return strconv.FormatInt(int64(v.number), 10)
	case ir.I64, ir.Duration:
		return `"` + strconv.FormatInt(int64(v.number), 10) + `"`
	case ir.F32:
		return fmt.Sprintf(`"%08x"`, v.number)
	case ir.F64:
		return fmt.Sprintf(`"%016x"`, v.number)
	case ir.Timestamp:
		return fmt.Sprintf(`{"seconds": "%d", "nanos": %d}`, v.seconds, v.number)
	case ir.String:
		return quote(v.text)
	case ir.Bytes, ir.Path, ir.FixedBytes:
		return `"` + hex.EncodeToString([]byte(v.text)) + `"`
	case ir.Optional:
		if v.absent {
			return "null"
		}
		return show(r.Elem, v.items[0])
	case ir.List:
		var items []string
		for _, item := range v.items {
			items = append(items, show(r.Elem, item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case ir.Map:
		var items []string
		for i, item := range v.items {
			items = append(items, "["+show(r.Key, v.keys[i])+", "+show(r.Elem, item)+"]")
		}
		return "[" + strings.Join(items, ", ") + "]"
	case ir.RecordRef:
		return "{" + strings.Join(shown(r.Record.Fields, v.items), ", ") + "}"
	case ir.EnumRef:
		variant := r.Enum.Variants[v.variant]
		items := append([]string{`"variant": ` + quote(variant.Name)}, shown(variant.Fields, v.items)...)
		return "{" + strings.Join(items, ", ") + "}"
	}
	panic(fmt.Sprintf("a %s is no data", r))
}

func shown(fields []*ir.Field, items []value) []string {
	var out []string
	for i, f := range fields {
		out = append(out, quote(f.Name)+": "+show(f.Type, items[i]))
	}
	return out
}

// quote makes a JSON text of ASCII only.
func quote(text string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			out.WriteByte('\\')
			out.WriteRune(c)
		case c >= 0x10000:
			c -= 0x10000
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+c>>10, 0xdc00+c&0x3ff)
		case c < ' ' || c > '~':
			fmt.Fprintf(&out, `\u%04x`, c)
		default:
			out.WriteRune(c)
		}
	}
	out.WriteByte('"')
	return out.String()
}

// order sorts the pairs of a map as the wire has them, and drops keys that come twice.
func (v *value) order(key *ir.Ref) {
	type pair struct{ key, item value }
	var pairs []pair
	for i, k := range v.keys {
		pairs = append(pairs, pair{k, v.items[i]})
	}
	compare := func(a, b pair) int {
		switch key.Kind {
		case ir.Bool:
			return int(flag(a.key.truth)) - int(flag(b.key.truth))
		case ir.I8, ir.I16, ir.I32, ir.I64:
			return compareNumbers(int64(a.key.number), int64(b.key.number))
		case ir.U8, ir.U16, ir.U32, ir.U64:
			return compareNumbers(a.key.number, b.key.number)
		default:
			return strings.Compare(a.key.text, b.key.text)
		}
	}
	slices.SortStableFunc(pairs, compare)
	pairs = slices.CompactFunc(pairs, func(a, b pair) bool { return compare(a, b) == 0 })
	v.keys, v.items = nil, nil
	for _, p := range pairs {
		v.keys = append(v.keys, p.key)
		v.items = append(v.items, p.item)
	}
}

func compareNumbers[T int64 | uint64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// sized cuts an integer to the type's width, and extends its sign.
func sized(r *ir.Ref, n uint64) uint64 {
	switch r.Kind {
	case ir.U8:
		return uint64(uint8(n))
	case ir.U16:
		return uint64(uint16(n))
	case ir.U32:
		return uint64(uint32(n))
	case ir.I8:
		return uint64(int64(int8(n)))
	case ir.I16:
		return uint64(int64(int16(n)))
	case ir.I32:
		return uint64(int64(int32(n)))
	}
	return n
}
