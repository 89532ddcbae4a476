package vectors

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"

	"strongroom.dev/codegen/ir"
)

// perMethod is how many random values each method gets.
const perMethod = 8

// Emit answers cases for a table like conformance/cases.json, as JSON: values for each method that takes one record and
// gives it back, in the canonical bytes, cut where an older writer would end, and longer than this reader knows. The values
// follow from the names alone, so that the same interface gives the same text.
func Emit(s *ir.Schema) ([]byte, error) {
	var cases []string
	for _, m := range s.Methods() {
		if Echo(m) {
			cases = append(cases, of(m)...)
		}
	}
	if len(cases) == 0 {
		return nil, fmt.Errorf("no method takes one record and gives it back, so there is nothing to try values on")
	}
	return []byte("[\n  " + strings.Join(cases, ",\n  ") + "\n]\n"), nil
}

// Echo reports whether values can be sent to a method and are expected back.
func Echo(m *ir.Method) bool {
	return len(m.Args) == 1 && m.Input == nil && m.Result != nil && !m.Stream && !m.Constructor && !m.Immediate && m.Emits == nil &&
		m.Args[0].Type.Kind == ir.RecordRef && m.Result.Kind == ir.RecordRef && m.Args[0].Type.Record == m.Result.Record
}

func of(m *ir.Method) []string {
	record := m.Result
	fields := record.Record.Fields
	hash := fnv.New64a()
	hash.Write([]byte(m.FullName()))
	random := maker{rand.New(rand.NewPCG(hash.Sum64(), 0))}

	var cases []string
	add := func(name string, wire []byte, v value) {
		canonical := encode(nil, record, v)
		reply := ""
		if !slices.Equal(wire, canonical) {
			reply = fmt.Sprintf(`, "reply": "%x"`, canonical)
		}
		cases = append(cases, fmt.Sprintf(`{"name": %s, "kind": "roundtrip", "interface": %s, "method": %s, "wire": "%s"%s, "value": %s}`,
			quote(m.Name+": "+name), quote(m.Interface.Name), quote(m.Name), hex.EncodeToString(wire), reply, show(record, v)))
	}
	add("generated, the defaults", encode(nil, record, zero(record)), zero(record))
	for n := range perMethod {
		v := random.field(record, 0)
		add(fmt.Sprintf("generated %d", n), encode(nil, record, v), v)
	}
	v := random.field(record, 0)
	kept := random.IntN(len(fields))
	cut := value{items: slices.Clone(v.items)}
	for i, f := range fields {
		if i >= kept {
			cut.items[i] = absent(f)
		}
	}
	add("generated, from an older writer", framed(nil, fields[:kept], cut.items[:kept]), cut)
	longer := append(encode(nil, record, v), random.bytes(5)...)
	binary.LittleEndian.PutUint32(longer, uint32(len(longer)-4))
	add("generated, from a newer writer", longer, v)
	return cases
}
