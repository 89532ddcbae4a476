//go:build bazel

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"time"
	"unsafe"

	"strongroom.dev/bench/crossing/crossing"
)

// echo is the library, as a program with the generated package sees it.
type echo struct {
	client *crossing.Client
	object *crossing.Echo
}

func withEcho(measure func(echo) ([]figure, error)) ([]figure, error) {
	client, err := crossing.NewClient()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	object, err := client.OpenEcho(context.Background())
	if err != nil {
		return nil, err
	}
	defer object.Close()
	return counted(measure(echo{client, object}))
}

func (e echo) number(value uint64) (uint64, error) {
	return e.object.Number(context.Background(), value)
}

func (e echo) later(after time.Duration) answer {
	return func(value uint64) (uint64, error) { return e.object.Later(context.Background(), value, after) }
}

// buffers sends buffers into the library and gets others from it. A buffer whose bytes are somewhere else on the other side was copied.
func (e echo) buffers(rounds, size int) ([]figure, error) {
	ctx := context.Background()
	copied := 0
	began := time.Now()
	for n := range rounds {
		there, err := e.send(ctx, size, byte(n))
		if err != nil {
			return nil, err
		}
		back, err := e.receive(ctx, size, byte(n))
		if err != nil {
			return nil, err
		}
		copied += there + back
	}
	return []figure{
		{"copied_bytes", float64(copied) / float64(rounds), "B"},
		{"us_per_round_trip", float64(time.Since(began).Microseconds()) / float64(rounds), "us"},
	}, nil
}

func (e echo) send(ctx context.Context, size int, b byte) (copied int, err error) {
	buffer, err := e.client.Alloc(ctx, size)
	if err != nil {
		return 0, err
	}
	defer buffer.Close()
	view, err := buffer.View()
	if err != nil {
		return 0, err
	}
	data := view.Bytes()
	for i := range data {
		data[i] = b
	}
	own := address(data)
	if err := view.Close(); err != nil {
		return 0, err
	}
	theirs, err := e.object.Address(ctx, buffer, b)
	return difference(own, theirs, size), err
}

func (e echo) receive(ctx context.Context, size int, b byte) (copied int, err error) {
	buffer, err := e.object.Block(ctx, uint64(size), b)
	if err != nil {
		return 0, err
	}
	defer buffer.Close()
	view, err := buffer.View()
	if err != nil {
		return 0, err
	}
	defer view.Close()
	data := view.Bytes()
	if bytes.Count(data[8:], []byte{b}) != size-8 {
		return 0, fmt.Errorf("a buffer has other bytes than those with which the library filled it")
	}
	return difference(address(data), binary.LittleEndian.Uint64(data), size), nil
}

func address(data []byte) uint64 { return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(data)))) }

func difference(own, theirs uint64, size int) int {
	if own == theirs {
		return 0
	}
	return size
}
