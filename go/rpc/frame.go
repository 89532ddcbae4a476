package rpc

import "encoding/binary"

// headerSize is the length of a frame's header; docs/boundary.md and sr.h have its layout.
const headerSize = 64

// objectHandle is the bit that marks a repeated handle as an object's; the others are buffers'.
const objectHandle = 1 << 63

// frame is one completion in a block that the library filled.
type frame struct {
	kind    uint8
	handles uint8 // handles that are repeated at the end of the payload
	request uint64
	payload []byte

	// Those of calls of a callback.
	object    uint64
	method    uint32
	remaining uint64 // nanoseconds until the deadline; 0: none
}

// next reads the first frame of a block and answers what follows it; ok is false where there is no whole one.
func (f *frame) next(block []byte) (rest []byte, ok bool) {
	if len(block) < headerSize {
		return nil, false
	}
	length := uint64(binary.LittleEndian.Uint32(block))
	if length < headerSize || length > uint64(len(block)) {
		return nil, false
	}
	f.kind, f.handles = block[6], block[7]
	f.request = binary.LittleEndian.Uint64(block[8:])
	f.payload = block[headerSize:length]
	f.object, f.method = binary.LittleEndian.Uint64(block[16:]), binary.LittleEndian.Uint32(block[24:])
	f.remaining = binary.LittleEndian.Uint64(block[32:])
	padded := min((length+7)&^7, uint64(len(block)))
	return block[padded:], true
}

// putHeader fills the header of a frame that goes to the library. Its trace is zero.
func putHeader(frame []byte, queue uint16, kind uint8, request, object uint64, method uint32, remaining uint64) {
	binary.LittleEndian.PutUint32(frame, uint32(len(frame)))
	binary.LittleEndian.PutUint16(frame[4:], queue)
	frame[6] = kind
	frame[7] = 0
	binary.LittleEndian.PutUint64(frame[8:], request)
	binary.LittleEndian.PutUint64(frame[16:], object)
	binary.LittleEndian.PutUint32(frame[24:], method)
	binary.LittleEndian.PutUint32(frame[28:], 0)
	binary.LittleEndian.PutUint64(frame[32:], remaining)
	clear(frame[40:headerSize])
}

// putTrace names the span that a frame belongs to.
func putTrace(frame []byte, of TraceContext) {
	copy(frame[40:], of.Trace[:])
	copy(frame[56:], of.Span[:])
}

// trailingHandles calls f for each handle that a payload repeats at its end.
func trailingHandles(payload []byte, count uint8, f func(handle uint64)) {
	size := 8 * int(count)
	if size > len(payload) {
		return
	}
	for tail := payload[len(payload)-size:]; len(tail) > 0; tail = tail[8:] {
		f(binary.LittleEndian.Uint64(tail))
	}
}

// pad is what follows a frame of this length up to the next multiple of 8.
func pad(block []byte) []byte {
	for len(block)%8 != 0 {
		block = append(block, 0)
	}
	return block
}
