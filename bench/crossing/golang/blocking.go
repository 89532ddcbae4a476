//go:build bazel

package main

/*
#include <stdint.h>

uint64_t crossing_plain_number(uint64_t value);
uint64_t crossing_plain_later(uint64_t value, uint64_t nanoseconds);
uint64_t crossing_plain_value(void);
*/
import "C"

import (
	"runtime/debug"
	"time"
)

// A goroutine in a blocking call holds a thread; where a program has more than ten thousand of them, Go ends it.
func init() { debug.SetMaxThreads(20_000) }

func blockingNumber(value uint64) (uint64, error) {
	return uint64(C.crossing_plain_number(C.uint64_t(value))), nil
}

func plainValue() (uint64, error) { return uint64(C.crossing_plain_value()), nil }

func blockingLater(after time.Duration) answer {
	return func(value uint64) (uint64, error) {
		return uint64(C.crossing_plain_later(C.uint64_t(value), C.uint64_t(after.Nanoseconds()))), nil
	}
}
