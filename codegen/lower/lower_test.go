package lower_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/compile"
	"strongroom.dev/codegen/ir"
	"strongroom.dev/codegen/lower"
)

func schema(t *testing.T) *ir.Schema {
	t.Helper()
	s, report := compile.Text("a.idl", `package a
enum E { plain, with { n: u8 = 4 } }
record R {
  a: bool; b: u8; c: i16; d: u32; e: i64; f: f32; g: f64; h: string; i: bytes; j: path; k: bytes<7>; l: timestamp; m: duration
  n: optional<E>; o: list<u16>; p: map<i8, bytes<3>>; q: E = with; r: Inner; s: u8 = 9
}
record Inner { x: u8 }
error F { gone "gone" }
interface I {
  constructor open(r: R) throws F
  each(of: u8, items: stream<buffer>) -> stream<Inner>
  @immediate at() -> u64
  listen(to: C)
}
callback C { heard() }
`)
	require.True(t, report.Empty(), report.String())
	return s
}

func record(t *testing.T) []lower.Step {
	t.Helper()
	return lower.Steps(schema(t).Types[1].(*ir.Record).Fields)
}

// The lengths are written out by hand from docs/boundary.md.
func TestEveryTypeHasItsInstruction(t *testing.T) {
	want := []struct {
		op          lower.Op
		least, size int
	}{
		{lower.Flag, 1, 0}, {lower.Unsigned, 1, 1}, {lower.Signed, 2, 2}, {lower.Unsigned, 4, 4}, {lower.Signed, 8, 8},
		{lower.Float, 4, 4}, {lower.Float, 8, 8}, {lower.Text, 4, 0}, {lower.Blob, 4, 0}, {lower.Path, 4, 0}, {lower.Fixed, 7, 7},
		{lower.Instant, 12, 0}, {lower.Span, 8, 0}, {lower.Maybe, 1, 0}, {lower.Sequence, 4, 0}, {lower.Table, 4, 0},
		{lower.Sum, 8, 0}, {lower.Product, 4, 0}, {lower.Unsigned, 1, 1},
	}
	steps := record(t)
	require.Len(t, steps, len(want))
	for i, step := range steps {
		assert.Equal(t, want[i].op, step.Op, step.Field.Name)
		assert.Equal(t, want[i].least, step.Least, step.Field.Name)
		assert.Equal(t, want[i].size, step.Size, step.Field.Name)
	}
	assert.Equal(t, lower.Sum, steps[13].Item.Op)
	assert.Equal(t, 2, steps[14].Item.Least)
	assert.Equal(t, 1+3, steps[15].Pair())
}

func TestWhatIsLeftOutHasAValue(t *testing.T) {
	steps := record(t)
	assert.Equal(t, "with", steps[16].Absent().Variant.Name)
	assert.Equal(t, "x", steps[17].Absent().Fields[0].Name)
	assert.Equal(t, uint64(9), steps[18].Absent().Value.Uint)
	assert.Equal(t, "plain", lower.Zero(steps[13].Item).Variant.Name)
	assert.Equal(t, lower.Absent{}, steps[0].Absent())
}

func TestAMethodIsACall(t *testing.T) {
	i := schema(t).Interfaces[0]
	open, each, at, listen := lower.Method(i.Constructors[0]), lower.Method(i.Methods[0]), lower.Method(i.Methods[1]), lower.Method(i.Methods[2])
	assert.Equal(t, lower.Object, open.Result.Op)
	assert.Equal(t, "F", open.Throws.Name)
	assert.Equal(t, lower.Streamed, each.How)
	assert.Equal(t, lower.Buffer, each.Input.Op)
	assert.True(t, each.Input.Moves())
	assert.False(t, each.Result.Moves())
	assert.Len(t, each.Arguments, 1)
	assert.Equal(t, lower.Immediate, at.How)
	assert.Equal(t, lower.Once, listen.How)
	assert.Equal(t, lower.Callback, listen.Arguments[0].Op)
	assert.Nil(t, listen.Result)
}
