package main

import (
	"encoding/binary"
	"errors"
)

// The records of the index, of a pack's table of contents and of a snapshot are sequences of varints and byte strings.

var errDamaged = errors.New("record is damaged")

type reader struct {
	rest []byte
	err  error
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.fail()
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) string() string { return string(r.take(r.uint())) }

func (r *reader) id() (id [32]byte) {
	copy(id[:], r.take(32))
	return id
}

func (r *reader) more() bool { return r.err == nil && len(r.rest) > 0 }

func (r *reader) fail() {
	r.err, r.rest = errDamaged, nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
