package rpc

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
	"unicode/utf8"
)

// maxDepth is how deep types may nest on the wire.
const maxDepth = 64

// Decoder reads values in the IDL's encoding. It never panics: its first error makes every later value zero.
type Decoder struct {
	in      []byte // up to the end of the record that is being read
	client  *Client
	buffers []*Buffer
	depth   int
	err     error
}

// NewDecoder reads values that carry no handles.
func NewDecoder(in []byte) *Decoder { return &Decoder{in: in} }

func (d *Decoder) reset(client *Client, in []byte) {
	// Else the collector would not find those lost, while the slot is idle that this decoder is of.
	clear(d.buffers)
	// One by one: a whole Decoder would be made beside this one and copied.
	d.in, d.client, d.buffers, d.depth, d.err = in, client, d.buffers[:0], 0, nil
}

// forget lets go of the buffers that were read.
func (d *Decoder) forget() {
	if len(d.buffers) > 0 {
		d.reset(nil, nil)
	}
}

// Err is the first thing that was wrong with the input.
func (d *Decoder) Err() error { return d.err }

// Malformed reports that the input is not what the IDL says.
func (d *Decoder) Malformed(format string, args ...any) {
	if d.err == nil {
		d.err = &Error{Code: Malformed, Message: "malformed frame: " + fmt.Sprintf(format, args...)}
	}
	d.in = nil
}

func (d *Decoder) take(n int) []byte {
	if n > len(d.in) {
		d.Malformed("%d bytes are needed, %d are left", n, len(d.in))
		return nil
	}
	taken := d.in[:n]
	d.in = d.in[n:]
	return taken
}

// Frame is the part of the input that lies outside a record; End takes it.
type Frame struct{ after []byte }

// Begin enters a record: until End, More and all readers see only its bytes.
func (d *Decoder) Begin() Frame {
	length := d.U32()
	if uint64(length) > uint64(len(d.in)) {
		d.Malformed("a record of %d bytes stands where %d are left", length, len(d.in))
		return Frame{}
	}
	if d.depth++; d.depth > maxDepth {
		d.Malformed("values nest deeper than %d", maxDepth)
		return Frame{}
	}
	outside := Frame{after: d.in[length:]}
	d.in = d.in[:length]
	return outside
}

// End leaves a record and skips what a newer writer appended to it.
func (d *Decoder) End(outside Frame) {
	d.depth--
	d.in = outside.after
	if d.err != nil {
		d.in = nil
	}
}

// Rest takes the bytes that are left.
func (d *Decoder) Rest() []byte { return append([]byte{}, d.take(len(d.in))...) }

// More reports whether the record goes on; where it does not, the remaining fields have their defaults.
func (d *Decoder) More() bool { return len(d.in) > 0 }

// Bool reads a bool.
func (d *Decoder) Bool() bool {
	switch v := d.U8(); v {
	case 0:
		return false
	case 1:
		return true
	default:
		d.Malformed("a bool is %d", v)
		return false
	}
}

// U8 reads a u8.
func (d *Decoder) U8() uint8 {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

// U16 reads a u16.
func (d *Decoder) U16() uint16 {
	if b := d.take(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

// U32 reads a u32.
func (d *Decoder) U32() uint32 {
	if b := d.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// U64 reads a u64.
func (d *Decoder) U64() uint64 {
	if b := d.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// I8 reads an i8.
func (d *Decoder) I8() int8 { return int8(d.U8()) }

// I16 reads an i16.
func (d *Decoder) I16() int16 { return int16(d.U16()) }

// I32 reads an i32.
func (d *Decoder) I32() int32 { return int32(d.U32()) }

// I64 reads an i64.
func (d *Decoder) I64() int64 { return int64(d.U64()) }

// F32 reads an f32.
func (d *Decoder) F32() float32 { return math.Float32frombits(d.U32()) }

// F64 reads an f64.
func (d *Decoder) F64() float64 { return math.Float64frombits(d.U64()) }

// Timestamp reads a timestamp, in UTC.
func (d *Decoder) Timestamp() time.Time {
	seconds, nanos := d.I64(), d.U32()
	if nanos >= 1e9 {
		d.Malformed("a timestamp has %d nanoseconds beside its seconds", nanos)
		seconds, nanos = 0, 0
	}
	return time.Unix(seconds, int64(nanos)).UTC()
}

// Duration reads a duration.
func (d *Decoder) Duration() time.Duration {
	v := d.I64()
	if v < 0 {
		d.Malformed("a duration of %d nanoseconds is negative", v)
		return 0
	}
	return time.Duration(v)
}

// Count reads the number of items of a list or map, each of which takes at least size bytes. A number that cannot fit
// is refused here, before anything is allocated for it.
func (d *Decoder) Count(size int) int {
	n := d.U32()
	if uint64(n)*uint64(max(size, 1)) > uint64(len(d.in)) {
		d.Malformed("%d items stand where %d bytes are left", n, len(d.in))
		return 0
	}
	return int(n)
}

func (d *Decoder) slice() []byte {
	n := d.U32()
	if uint64(n) > uint64(len(d.in)) {
		d.Malformed("%d bytes stand where %d are left", n, len(d.in))
		return nil
	}
	return d.take(int(n))
}

// String reads a string, which is UTF-8.
func (d *Decoder) String() string {
	b := d.slice()
	if !utf8.Valid(b) {
		d.Malformed("a string is not UTF-8")
		return ""
	}
	return string(b)
}

// Path reads a path: bytes that need not be UTF-8.
func (d *Decoder) Path() string { return string(d.slice()) }

// Bytes reads bytes.
func (d *Decoder) Bytes() []byte { return append([]byte(nil), d.slice()...) }

// Fixed reads bytes<N> into all of out.
func (d *Decoder) Fixed(out []byte) { copy(out, d.take(len(out))) }

// Buffer reads a buffer, which is the caller's from here on.
func (d *Decoder) Buffer() *Buffer {
	handle := d.U64()
	if d.err != nil || d.client == nil {
		return nil
	}
	b := d.client.newBuffer(handle)
	d.buffers = append(d.buffers, b)
	return b
}

// Object reads an object, which is the caller's from here on.
func (d *Decoder) Object() *Object {
	handle := d.U64()
	if d.err != nil || d.client == nil {
		return nil
	}
	return d.client.newObject(handle)
}
