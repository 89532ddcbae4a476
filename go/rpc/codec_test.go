package rpc

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCodecRoundTrip(t *testing.T) {
	var e Encoder
	start := e.Begin()
	e.Bool(true)
	e.U8(math.MaxUint8)
	e.U16(math.MaxUint16)
	e.U32(math.MaxUint32)
	e.U64(math.MaxUint64)
	e.I8(math.MinInt8)
	e.I16(math.MinInt16)
	e.I32(math.MinInt32)
	e.I64(math.MinInt64)
	e.F32(math.Float32frombits(0x7fa0_0001))
	e.F64(math.Float64frombits(0xfff0_0000_0000_0001))
	e.String("é\x00")
	e.Bytes([]byte{0xff})
	e.Fixed([]byte{1, 2, 3})
	e.Timestamp(time.Unix(-1, 999_999_999))
	e.Timestamp(time.Time{})
	e.TimestampField(time.Time{})
	e.Duration(math.MaxInt64)
	e.End(start)

	d := NewDecoder(e.out)
	outside := d.Begin()
	assert.True(t, d.Bool())
	assert.EqualValues(t, math.MaxUint8, d.U8())
	assert.EqualValues(t, math.MaxUint16, d.U16())
	assert.EqualValues(t, uint32(math.MaxUint32), d.U32())
	assert.EqualValues(t, uint64(math.MaxUint64), d.U64())
	assert.EqualValues(t, math.MinInt8, d.I8())
	assert.EqualValues(t, math.MinInt16, d.I16())
	assert.EqualValues(t, math.MinInt32, d.I32())
	assert.EqualValues(t, math.MinInt64, d.I64())
	assert.EqualValues(t, 0x7fa0_0001, math.Float32bits(d.F32()), "a signalling NaN keeps its bits")
	assert.EqualValues(t, uint64(0xfff0_0000_0000_0001), math.Float64bits(d.F64()))
	assert.Equal(t, "é\x00", d.String())
	assert.Equal(t, []byte{0xff}, d.Bytes())
	var fixed [3]byte
	d.Fixed(fixed[:])
	assert.Equal(t, [3]byte{1, 2, 3}, fixed)
	assert.Equal(t, time.Date(1969, 12, 31, 23, 59, 59, 999_999_999, time.UTC), d.Timestamp())
	assert.Equal(t, time.Time{}, d.Timestamp())
	assert.Equal(t, time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), d.Timestamp(), "a field that nobody set")
	assert.Equal(t, time.Duration(math.MaxInt64), d.Duration())
	assert.False(t, d.More())
	d.End(outside)
	require.NoError(t, d.Err())
}

func TestDecoderRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		in   []byte
		read func(*Decoder)
	}{
		"a bool of 2":               {[]byte{2}, func(d *Decoder) { d.Bool() }},
		"a cut number":              {[]byte{1, 2, 3}, func(d *Decoder) { d.U32() }},
		"a string beyond its end":   {[]byte{9, 0, 0, 0, 'a'}, func(d *Decoder) { _ = d.String() }},
		"a string of 4 GiB":         {[]byte{0xff, 0xff, 0xff, 0xff}, func(d *Decoder) { d.Bytes() }},
		"a string that is no UTF-8": {[]byte{1, 0, 0, 0, 0xff}, func(d *Decoder) { _ = d.String() }},
		"a count beyond the end":    {[]byte{3, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8}, func(d *Decoder) { d.Count(4) }},
		"a billion nanoseconds":     {[]byte{9: 0xca, 10: 0x9a, 11: 0x3b}, func(d *Decoder) { d.Timestamp() }},
		"a negative duration":       {bytes.Repeat([]byte{0xff}, 8), func(d *Decoder) { d.Duration() }},
		"a record beyond the end":   {[]byte{1, 0, 0, 0}, func(d *Decoder) { d.End(d.Begin()) }},
		"records too deep": {deep(maxDepth + 1), func(d *Decoder) {
			for range maxDepth + 1 {
				d.Begin()
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			d := NewDecoder(c.in)
			c.read(d)
			assert.ErrorIs(t, d.Err(), &Error{Code: Malformed})
			assert.Zero(t, d.U64(), "after an error every value is zero")
		})
	}
}

// deep is a record in a record in a record …
func deep(n int) []byte {
	var e Encoder
	var starts []int
	for range n {
		starts = append(starts, e.Begin())
	}
	for i := range starts {
		e.End(starts[len(starts)-1-i])
	}
	return e.out
}

func TestEncoderRefusesANegativeDuration(t *testing.T) {
	var e Encoder
	e.Duration(-time.Second)
	assert.EqualError(t, e.err, "a duration of -1s cannot be sent; the least is 0")
}

func TestDecoderSkipsWhatANewerWriterAppended(t *testing.T) {
	d := NewDecoder([]byte{3, 0, 0, 0, 7, 8, 9, 42})
	outside := d.Begin()
	assert.EqualValues(t, 7, d.U8())
	d.End(outside)
	assert.EqualValues(t, 42, d.U8())
	assert.NoError(t, d.Err())
}

func TestFrames(t *testing.T) {
	block := make([]byte, headerSize, 256)
	block = append(block, "abc"...)
	putHeader(block, 3, kindReply, 1<<32|5, 7, 9, 11)
	first := len(block)
	block = pad(block)
	assert.Zero(t, len(block)%8)
	block = append(block, block[:first]...)

	var f frame
	rest, ok := f.next(block)
	require.True(t, ok)
	assert.EqualValues(t, kindReply, f.kind)
	assert.EqualValues(t, 1<<32|5, f.request)
	assert.Equal(t, "abc", string(f.payload))
	rest, ok = f.next(rest)
	require.True(t, ok)
	assert.Equal(t, "abc", string(f.payload))
	_, ok = f.next(rest)
	assert.False(t, ok)
}

func TestSealRepeatsTheBuffersOfAFrame(t *testing.T) {
	e := newFrame()
	e.U8(7)
	for _, handle := range []uint64{11, 12} {
		e.moved = append(e.moved, &Buffer{lease: &lease{handle: handle}})
		e.U64(handle)
	}
	e.seal(3, kindItem, 1<<32|5)
	var f frame
	_, ok := f.next(pad(e.out))
	require.True(t, ok)
	assert.EqualValues(t, kindItem, f.kind)
	assert.EqualValues(t, 1<<32|5, f.request)
	assert.Len(t, f.payload, 1+8+8+8+8)
	var got []uint64
	trailingHandles(f.payload, f.handles, func(h uint64) { got = append(got, h) })
	assert.Equal(t, []uint64{11, 12}, got)
}

func TestTrailingHandles(t *testing.T) {
	payload := binary.LittleEndian.AppendUint64([]byte("xyz"), 1)
	payload = binary.LittleEndian.AppendUint64(payload, objectHandle|2)
	var got []uint64
	trailingHandles(payload, 2, func(h uint64) { got = append(got, h) })
	assert.Equal(t, []uint64{1, objectHandle | 2}, got)
	trailingHandles(payload, 255, func(uint64) { t.Error("there are no 255 handles in 19 bytes") })
}

// FuzzDecoder reads whatever comes through every reader: it may refuse, and must neither panic nor allocate more than
// the input has.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte{}, []byte{0})
	f.Add([]byte{4, 0, 0, 0, 1, 2, 3, 4}, []byte{0, 5, 1})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff}, []byte{2, 3, 4})
	f.Add(deep(70), bytes.Repeat([]byte{0}, 70))
	f.Fuzz(func(t *testing.T, in, program []byte) {
		d := NewDecoder(in)
		var open []Frame
		for _, step := range program {
			switch step % 12 {
			case 0:
				open = append(open, d.Begin())
			case 1:
				if len(open) > 0 {
					d.End(open[len(open)-1])
					open = open[:len(open)-1]
				}
			case 2:
				_ = d.String()
			case 3:
				assert.LessOrEqual(t, len(d.Bytes()), len(in))
			case 4:
				assert.LessOrEqual(t, d.Count(4)*4, len(in))
			case 5:
				d.U32()
			case 6:
				d.F64()
			case 7:
				d.Bool()
			case 8:
				var out [3]byte
				d.Fixed(out[:])
			case 9:
				d.Timestamp()
			case 10:
				assert.GreaterOrEqual(t, d.Duration(), time.Duration(0))
			default:
				d.More()
			}
		}
	})
}

// FuzzFrames splits whatever a library could answer.
func FuzzFrames(f *testing.F) {
	block := make([]byte, headerSize)
	putHeader(block, 0, kindReply, 1, 0, 0, 0)
	f.Add(block)
	f.Add(block[:63])
	f.Fuzz(func(t *testing.T, block []byte) {
		for {
			var frame frame
			rest, ok := frame.next(block)
			if !ok {
				return
			}
			trailingHandles(frame.payload, frame.handles, func(uint64) {})
			require.Less(t, len(rest), len(block))
			block = rest
		}
	})
}
