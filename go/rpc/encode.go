package rpc

import (
	"encoding/binary"
	"fmt"
	"math"
	"sync"
	"time"
)

// Encoder writes values in the IDL's encoding. Its first error makes the rest a no-op and fails the call.
type Encoder struct {
	out   []byte
	moved []*Buffer
	err   error
}

// NewEncoder encodes values outside a call.
func NewEncoder() *Encoder { return &Encoder{} }

// newFrame is an encoder for a frame of its own, whose header seal fills.
func newFrame() *Encoder {
	e := frames.Get().(*Encoder)
	e.out = append(e.out[:0], emptyHeader[:]...)
	return e
}

// frames are encoders that have been submitted, for the next ones.
var frames = sync.Pool{New: func() any { return &Encoder{} }}

// recycle gives a frame's encoder back.
func (e *Encoder) recycle() {
	if cap(e.out) > keepCapacity {
		return
	}
	clear(e.moved)
	e.moved, e.err = e.moved[:0], nil
	frames.Put(e)
}

// seal repeats the handles of the buffers after the payload, so that the library can free them where the frame comes too
// late, and fills the header.
func (e *Encoder) seal(queue uint16, kind uint8, request uint64) {
	for _, b := range e.moved {
		e.U64(b.lease.handle)
	}
	putHeader(e.out, queue, kind, request, 0, 0, 0)
	e.out[7] = uint8(len(e.moved))
}

// Encoded is what was written so far.
func (e *Encoder) Encoded() []byte { return e.out }

func (e *Encoder) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

// Fail makes the call fail with err before it is sent.
func (e *Encoder) Fail(err error) { e.fail(err) }

// Raw appends bytes that are encoded already.
func (e *Encoder) Raw(b []byte) { e.out = append(e.out, b...) }

// Bool writes a bool.
func (e *Encoder) Bool(v bool) {
	if v {
		e.out = append(e.out, 1)
	} else {
		e.out = append(e.out, 0)
	}
}

// U8 writes a u8.
func (e *Encoder) U8(v uint8) { e.out = append(e.out, v) }

// U16 writes a u16.
func (e *Encoder) U16(v uint16) { e.out = binary.LittleEndian.AppendUint16(e.out, v) }

// U32 writes a u32.
func (e *Encoder) U32(v uint32) { e.out = binary.LittleEndian.AppendUint32(e.out, v) }

// U64 writes a u64.
func (e *Encoder) U64(v uint64) { e.out = binary.LittleEndian.AppendUint64(e.out, v) }

// I8 writes an i8.
func (e *Encoder) I8(v int8) { e.U8(uint8(v)) }

// I16 writes an i16.
func (e *Encoder) I16(v int16) { e.U16(uint16(v)) }

// I32 writes an i32.
func (e *Encoder) I32(v int32) { e.U32(uint32(v)) }

// I64 writes an i64.
func (e *Encoder) I64(v int64) { e.U64(uint64(v)) }

// F32 writes an f32, all bits of a NaN included.
func (e *Encoder) F32(v float32) { e.U32(math.Float32bits(v)) }

// F64 writes an f64, all bits of a NaN included.
func (e *Encoder) F64(v float64) { e.U64(math.Float64bits(v)) }

// Count writes the length of a list, a map, a string or bytes.
func (e *Encoder) Count(n int) {
	if uint64(n) > math.MaxUint32 {
		e.fail(fmt.Errorf("a value of %d bytes or items cannot be sent; the most is %d", n, uint32(math.MaxUint32)))
		n = 0
	}
	e.U32(uint32(n))
}

// String writes a string or a path.
func (e *Encoder) String(v string) {
	e.Count(len(v))
	e.out = append(e.out, v...)
}

// Bytes writes bytes.
func (e *Encoder) Bytes(v []byte) {
	e.Count(len(v))
	e.out = append(e.out, v...)
}

// Fixed writes bytes<N>.
func (e *Encoder) Fixed(v []byte) { e.out = append(e.out, v...) }

// Timestamp writes a timestamp as it is.
func (e *Encoder) Timestamp(v time.Time) {
	e.I64(v.Unix())
	e.U32(uint32(v.Nanosecond()))
}

// TimestampField writes the timestamp of a field, which nobody set where it is the zero time: then it is the beginning
// of 1970.
func (e *Encoder) TimestampField(v time.Time) {
	if v.IsZero() {
		v = time.Unix(0, 0)
	}
	e.Timestamp(v)
}

// Duration writes a duration, which is not negative.
func (e *Encoder) Duration(v time.Duration) {
	if v < 0 {
		e.fail(&Error{Code: Malformed, Message: fmt.Sprintf("a duration of %v cannot be sent; the least is 0", v)})
	}
	e.I64(int64(v))
}

// Buffer moves a buffer: it is the library's from here on, also where the call fails. Where a view is open it stays
// with the caller and the call fails with [ErrBusy].
func (e *Encoder) Buffer(b *Buffer) {
	handle, err := b.move()
	if err != nil {
		e.fail(err)
		return
	}
	e.moved = append(e.moved, b)
	e.U64(handle)
}

// Begin starts a record; End takes its answer.
func (e *Encoder) Begin() int {
	e.out = append(e.out, 0, 0, 0, 0)
	return len(e.out)
}

// End finishes the record that Begin started.
func (e *Encoder) End(start int) {
	length := len(e.out) - start
	if uint64(length) > math.MaxUint32 {
		e.fail(fmt.Errorf("a record of %d bytes cannot be sent; the most is %d", length, uint32(math.MaxUint32)))
		return
	}
	binary.LittleEndian.PutUint32(e.out[start-4:], uint32(length))
}
