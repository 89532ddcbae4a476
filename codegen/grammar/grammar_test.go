package grammar_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/compile"
	"strongroom.dev/codegen/grammar"
)

func TestAGrammarSaysWhatPayloadsAreMadeOf(t *testing.T) {
	schema, report := compile.Text("a.idl", `package a
type Key = bytes<4>
enum E { none, some { of: map<Key, optional<u8>>, rest: list<R> } }
record R { e: E }
error F { gone "gone" }
interface I {
  constructor open(key: Key) throws F
  put(items: stream<buffer>) -> E
  child(listener: L) -> I
  @immediate at() -> u64
}
callback L { heard(r: R) }
`)
	require.True(t, report.Empty(), report.String())
	text, err := grammar.Emit(schema)
	require.NoError(t, err)
	var got struct {
		Types   map[string]map[string]any
		Methods []map[string]any
	}
	require.NoError(t, json.Unmarshal(text, &got))
	some := got.Types["E"]["alternatives"].([]any)[1].(map[string]any)
	assert.Equal(t, "some", some["name"])
	assert.Equal(t, []any{
		map[string]any{"map": []any{map[string]any{"fixed": 4.0}, map[string]any{"optional": "u8"}}},
		map[string]any{"list": "R"},
	}, some["fields"])
	assert.Equal(t, "error", got.Types["F"]["kind"])
	assert.NotZero(t, got.Types["F"]["domain"])
	kinds := map[any]any{}
	for _, m := range got.Methods {
		kinds[m["name"]] = m["kind"]
	}
	assert.Equal(t, map[any]any{"I.open": "constructor", "I.put": "request", "I.child": "request", "I.at": "immediate", "L.heard": "callback"}, kinds)
}
