package vectors

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/compile"
)

const shapes = `package shapes
enum Shape { point, circle { radius: f64 = 0.5 } }
record Inner { a: u8 = 7, at: timestamp, wait: duration = 1us }
record Outer { shape: Shape = circle, inner: Inner, names: map<i8, bool>, maybe: optional<u16>, hash: bytes<2>, text: string }
interface I { constructor open(), echo(value: Outer) -> Outer, other(value: Inner) -> Outer }
`

func emitted(t *testing.T, text string) []map[string]any {
	t.Helper()
	schema, report := compile.Text("shapes.idl", text)
	require.True(t, report.Empty(), report.String())
	out, err := Emit(schema)
	require.NoError(t, err)
	again, err := Emit(schema)
	require.NoError(t, err)
	require.Equal(t, out, again)
	var cases []map[string]any
	require.NoError(t, json.Unmarshal(out, &cases))
	return cases
}

// The bytes are written out by hand from docs/boundary.md.
func TestTheDefaultsAreThoseOfTheSpecification(t *testing.T) {
	first := emitted(t, shapes)[0]
	assert.Equal(t, "echo: generated, the defaults", first["name"])
	assert.Equal(t, "34000000"+ // the record
		"01000000"+"08000000"+"000000000000e03f"+ // circle, of radius 0.5
		"15000000"+"07"+"000000000000000000000000"+"e803000000000000"+ // 7, 1970, 1000 ns
		"00000000"+"00"+"0000"+"00000000", first["wire"])
	assert.Equal(t, map[string]any{"variant": "circle", "radius": "3fe0000000000000"}, first["value"].(map[string]any)["shape"])
}

func TestEveryMethodThatGivesBackItsRecordHasCases(t *testing.T) {
	cases := emitted(t, shapes)
	assert.Len(t, cases, perMethod+3)
	replies := 0
	for _, c := range cases {
		assert.Equal(t, "echo", c["method"])
		if c["reply"] != nil {
			replies++
		}
	}
	assert.GreaterOrEqual(t, replies, 1, "a newer writer's bytes are not the canonical ones")
}

func TestTheOrderOfKeysIsThatOfTheWire(t *testing.T) {
	text, err := os.ReadFile("../../conformance/conformance.idl")
	require.NoError(t, err)
	pairs := 0
	for _, c := range emitted(t, string(text)) {
		labels, ok := c["value"].(map[string]any)["labels"].([]any)
		if !ok {
			continue
		}
		for i := 1; i < len(labels); i++ {
			pairs++
			assert.Less(t, labels[i-1].([]any)[0], labels[i].([]any)[0])
		}
	}
	assert.Positive(t, pairs, "no map has two keys")
}

func TestAnInterfaceWithoutSuchMethodsIsAnError(t *testing.T) {
	schema, _ := compile.Text("a.idl", "package a\ninterface I { a() }\n")
	_, err := Emit(schema)
	assert.ErrorContains(t, err, "no method takes one record")
}
