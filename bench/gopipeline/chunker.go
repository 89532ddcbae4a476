package main

import "math/rand/v2"

const (
	minChunk = 256 << 10
	avgChunk = 1 << 20
	maxChunk = 4 << 20

	// The gear hash shifts one bit a byte, so bytes further back than this no longer count.
	window = 64
)

// chunker finds cut points: gear hash, skipped minimum, and the two masks of FastCDC's normalised chunking (Xia et al.,
// USENIX ATC 2016), with a gear table drawn from the repository's key.
type chunker struct {
	gear        [256]uint64
	gearShifted [256]uint64
}

// The hash gathers the window in its high bits, so that is where the masks are.
const (
	strictMask = (1<<21 - 1) << (63 - 21)
	looseMask  = (1<<19 - 1) << (63 - 19)
)

func newChunker(key [32]byte) *chunker {
	r := rand.NewChaCha8(key)
	c := &chunker{}
	for i := range c.gear {
		c.gear[i] = r.Uint64()
		c.gearShifted[i] = c.gear[i] << 1
	}
	return c
}

// cut returns the length of the first chunk of data, or 0 when more data is needed to tell. last says that none follows.
// from is where an earlier call on a prefix of data stopped looking (0 at first); it saves looking twice.
func (c *chunker) cut(data []byte, from int, last bool) (length, scanned int) {
	if len(data) <= minChunk {
		if last {
			return len(data), len(data)
		}
		return 0, 0
	}
	end := min(len(data), maxChunk)
	pos := max(from, minChunk)
	var hash uint64
	for _, b := range data[pos-window : pos] {
		hash = hash<<1 + c.gear[b]
	}
	if pos < avgChunk {
		if p, ok := c.scan(data, &hash, pos, min(end, avgChunk), strictMask); ok {
			return p, p
		}
		pos = min(end, avgChunk)
	}
	if p, ok := c.scan(data, &hash, pos, end, looseMask); ok {
		return p, p
	}
	if end == maxChunk || last {
		return end, end
	}
	return 0, end
}

// scan rolls hash over data[pos:end] and stops after the first byte at which the masked hash is zero. It takes two bytes a
// step, as FastCDC's 2020 revision does: the first is added already shifted, which shortens the chain of dependent
// operations. Its top bit is lost on the way, so no mask may use bit 63.
func (c *chunker) scan(data []byte, hash *uint64, pos, end int, mask uint64) (int, bool) {
	h := *hash
	shifted := mask << 1
	at := pos
	for p := data[pos:end]; len(p) >= 4; p = p[4:] {
		h = h<<2 + c.gearShifted[p[0]]
		if h&shifted == 0 {
			return at + 1, true
		}
		h += c.gear[p[1]]
		if h&mask == 0 {
			return at + 2, true
		}
		h = h<<2 + c.gearShifted[p[2]]
		if h&shifted == 0 {
			return at + 3, true
		}
		h += c.gear[p[3]]
		if h&mask == 0 {
			return at + 4, true
		}
		at += 4
	}
	for ; at < end; at++ {
		h = h<<1 + c.gear[data[at]]
		if h&mask == 0 {
			return at + 1, true
		}
	}
	*hash = h
	return 0, false
}
