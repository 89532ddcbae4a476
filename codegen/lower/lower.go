// Package lower turns types and methods into the instructions by which values cross the boundary. Every backend emits from
// these and from nothing else, so that the languages cannot disagree about what stands on the wire, in which order, how short
// it can be, or what a value is that was left out. (The idea is that of wit-bindgen's `abi` module.)
package lower

import "strongroom.dev/codegen/ir"

// Op is what is written or read.
type Op int

// The instructions, by what stands on the wire.
const (
	Flag     Op = iota // one byte, 0 or 1
	Unsigned           // Size bytes
	Signed             // Size bytes, two's complement
	Float              // Size bytes, IEEE 754
	Text               // u32 length, UTF-8
	Blob               // u32 length, bytes
	Path               // as Blob; languages have types of their own for it
	Fixed              // Size bytes
	Instant            // i64 seconds, u32 nanoseconds
	Span               // i64 nanoseconds
	Maybe              // a flag, then Item where it is set
	Sequence           // u32 count, Items
	Table              // u32 count, then Key and Item of each, ascending by Key
	Product            // u32 length, then the Steps of Record
	Sum                // u32 variant, u32 length, then the Steps of that variant of Enum
	Buffer             // u64 handle; what it names moves
	Object             // u64 handle, of Interface
	Callback           // u64 handle of the caller's, of Interface
)

// Code is the instruction for a value of a type.
type Code struct {
	Op Op
	// Least is the length of the shortest value: what a count is held against before anything is allocated.
	Least     int
	Size      int   // of Unsigned, Signed, Float, Fixed
	Key, Item *Code // of Maybe, Sequence, Table
	Type      *ir.Ref
}

// Type lowers the use of a type.
func Type(r *ir.Ref) *Code {
	c := &Code{Type: r}
	switch r.Kind {
	case ir.Bool:
		c.Op, c.Least = Flag, 1
	case ir.U8, ir.U16, ir.U32, ir.U64:
		c.Op, c.Size = Unsigned, 1<<(r.Kind-ir.U8)
		c.Least = c.Size
	case ir.I8, ir.I16, ir.I32, ir.I64:
		c.Op, c.Size = Signed, 1<<(r.Kind-ir.I8)
		c.Least = c.Size
	case ir.F32, ir.F64:
		c.Op, c.Size = Float, 4<<(r.Kind-ir.F32)
		c.Least = c.Size
	case ir.String:
		c.Op, c.Least = Text, 4
	case ir.Bytes:
		c.Op, c.Least = Blob, 4
	case ir.Path:
		c.Op, c.Least = Path, 4
	case ir.FixedBytes:
		c.Op, c.Size, c.Least = Fixed, r.Size, r.Size
	case ir.Timestamp:
		c.Op, c.Least = Instant, 12
	case ir.Duration:
		c.Op, c.Least = Span, 8
	case ir.Optional:
		c.Op, c.Least, c.Item = Maybe, 1, Type(r.Elem)
	case ir.List:
		c.Op, c.Least, c.Item = Sequence, 4, Type(r.Elem)
	case ir.Map:
		c.Op, c.Least, c.Key, c.Item = Table, 4, Type(r.Key), Type(r.Elem)
	case ir.RecordRef:
		c.Op, c.Least = Product, 4
	case ir.EnumRef:
		c.Op, c.Least = Sum, 8
	case ir.Buffer:
		c.Op, c.Least = Buffer, 8
	case ir.InterfaceRef:
		c.Op, c.Least = Object, 8
	case ir.CallbackRef:
		c.Op, c.Least = Callback, 8
	}
	return c
}

// Moves reports whether the value is a handle, or holds one: then something changes hands with it.
func (c *Code) Moves() bool { return c.Op == Buffer || c.Op == Object || c.Op == Callback }

// Pair is what of a table is counted against the bytes that are left.
func (c *Code) Pair() int { return c.Key.Least + c.Item.Least }

// Step is the instruction for a field, at its place.
type Step struct {
	*Code
	Field *ir.Field
}

// Steps are the fields of a record, of a variant or of a call, in the order of the wire. Where a reader comes to the end
// before a step, the field has the value of Absent.
func Steps(fields []*ir.Field) []Step {
	steps := make([]Step, 0, len(fields))
	for _, f := range fields {
		steps = append(steps, Step{Type(f.Type), f})
	}
	return steps
}

// Absent says what a field is that was left out. Exactly one of these holds, in this order: Value is set; Variant is set,
// with its fields absent; Fields are those of a record, each absent; or it is the type's zero.
type Absent struct {
	Value   *ir.Value
	Variant *ir.Variant
	Fields  []*ir.Field
}

// Absent is the value of the step's field that was left out.
func (s Step) Absent() Absent {
	switch d := s.Field.Default; {
	case d != nil && d.Variant != nil:
		return Absent{Variant: d.Variant}
	case d != nil:
		return Absent{Value: d}
	}
	return Zero(s.Code)
}

// Zero is the value of a type that nothing is said about.
func Zero(c *Code) Absent {
	switch c.Op {
	case Product:
		return Absent{Fields: c.Type.Record.Fields}
	case Sum:
		return Absent{Variant: c.Type.Enum.Variants[0]}
	}
	return Absent{}
}

// How a call goes.
type How int

// The ways.
const (
	Once      How = iota // a request with one answer
	Immediate            // a plain call, with one answer
	Streamed             // a request whose answers are items
)

// Call is a method as instructions.
type Call struct {
	How       How
	Arguments []Step // without a length before them
	Input     *Code  // of the items that follow; nil: none
	Result    *Code  // of the answer or the items; nil: nothing
	Emits     *ir.Record
	Throws    *ir.Error
	Method    *ir.Method
}

// Method lowers a method.
func Method(m *ir.Method) Call {
	call := Call{Arguments: Steps(m.Args), Emits: m.Emits, Throws: m.Throws, Method: m}
	switch {
	case m.Immediate:
		call.How = Immediate
	case m.Stream:
		call.How = Streamed
	}
	if m.Input != nil {
		call.Input = Type(m.Input.Type)
	}
	if m.Result != nil {
		call.Result = Type(m.Result)
	}
	return call
}
