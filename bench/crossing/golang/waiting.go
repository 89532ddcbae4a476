//go:build bazel

package main

/*
#cgo LDFLAGS: -lpthread
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include "sr.h"

static sr_runtime *waiting_open(void) {
  sr_options options = {sizeof(sr_options), 1, 0, 0, 0};
  sr_runtime *runtime = NULL;
  return sr_runtime_new(&options, &runtime) == SR_OK ? runtime : NULL;
}
static int32_t waiting_submit(sr_runtime *runtime, const uint8_t *block, size_t length) {
  size_t taken;
  return sr_submit(runtime, block, length, &taken);
}
static int32_t waiting_poll(sr_runtime *runtime, uint8_t *block, size_t capacity, uint64_t wait) {
  size_t used, needed;
  return sr_poll(runtime, 0, block, capacity, wait, &used, &needed);
}
static sr_wake waiting_wake(sr_runtime *runtime) {
  sr_wake wake = {0, -1, NULL};
  sr_queue_wake(runtime, 0, &wake);
  return wake;
}

// A ring that both sides see. A thread of its own answers, and spins where there is nothing: no call and no wake-up is left.
enum { PLACES = 1 << 14 };
typedef struct {
  uint64_t values[PLACES];
  _Alignas(64) _Atomic uint64_t asked;
  _Alignas(64) _Atomic uint64_t answered;
  _Alignas(64) _Atomic int stop;
  pthread_t thread;
} waiting_ring;

static void *waiting_answer(void *argument) {
  waiting_ring *ring = argument;
  for (uint64_t at = 0; !atomic_load_explicit(&ring->stop, memory_order_relaxed);) {
    uint64_t until = atomic_load_explicit(&ring->asked, memory_order_acquire);
    if (at == until) continue;
    for (; at < until; at++) ring->values[at % PLACES]++;
    atomic_store_explicit(&ring->answered, at, memory_order_release);
  }
  return NULL;
}
static waiting_ring *waiting_ring_new(void) {
  waiting_ring *ring = aligned_alloc(64, sizeof *ring);
  if (!ring) return NULL;
  atomic_init(&ring->asked, 0);
  atomic_init(&ring->answered, 0);
  atomic_init(&ring->stop, 0);
  if (pthread_create(&ring->thread, NULL, waiting_answer, ring)) {
    free(ring);
    return NULL;
  }
  return ring;
}
static void waiting_ring_free(waiting_ring *ring) {
  atomic_store(&ring->stop, 1);
  pthread_join(ring->thread, NULL);
  free(ring);
}
*/
import "C"

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The ways in which a receiver may wait, by themselves: one goroutine keeps so many requests in flight and does nothing else, so that what differs
// is the wait. docs/adr/0007 decides by them.

// waiting is a runtime of the library that is called as sr.h says, without Go's runtime.
type waiting struct {
	runtime *C.sr_runtime
	block   []byte // of requests to submit
	answers []byte
}

func newWaiting() (*waiting, error) {
	w := &waiting{runtime: C.waiting_open(), answers: make([]byte, 1<<20)}
	if w.runtime == nil {
		return nil, errors.New("the library could not start its runtime")
	}
	return w, nil
}

func withWaiting(measure func(*waiting) ([]figure, error)) ([]figure, error) {
	w, err := newWaiting()
	if err != nil {
		return nil, err
	}
	defer w.close()
	return counted(measure(w))
}

func (w *waiting) close() { C.sr_runtime_free(w.runtime, 0) }

func method(name string) uint32 {
	hash := fnv.New32a()
	hash.Write([]byte(name))
	return 16 + hash.Sum32()
}

const header = 64

// ask appends a call with one number, or with nothing.
func (w *waiting) ask(request, object uint64, method uint32, arguments ...uint64) {
	frame := make([]byte, header, header+8)
	for _, a := range arguments {
		frame = binary.LittleEndian.AppendUint64(frame, a)
	}
	binary.LittleEndian.PutUint32(frame, uint32(len(frame)))
	frame[6] = C.SR_CALL
	binary.LittleEndian.PutUint64(frame[8:], request)
	binary.LittleEndian.PutUint64(frame[16:], object)
	binary.LittleEndian.PutUint32(frame[24:], method)
	w.block = append(w.block, frame...)
}

func (w *waiting) submit() error {
	if len(w.block) == 0 {
		return nil
	}
	taken := C.waiting_submit(w.runtime, (*C.uint8_t)(unsafe.SliceData(w.block)), C.size_t(len(w.block)))
	w.block = w.block[:0]
	if taken <= 0 {
		return fmt.Errorf("the library took no request: %d", taken)
	}
	return nil
}

func (w *waiting) poll(wait uint64) int {
	return int(C.waiting_poll(w.runtime, (*C.uint8_t)(unsafe.SliceData(w.answers)), C.size_t(len(w.answers)), C.uint64_t(wait)))
}

// number is what the n-th answer carries: each is a header and a number.
func (w *waiting) number(n int) (uint64, error) {
	frame := w.answers[n*(header+8):]
	if frame[6] != C.SR_REPLY {
		return 0, fmt.Errorf("an answer is of kind %d", frame[6])
	}
	return binary.LittleEndian.Uint64(frame[header:]), nil
}

// slot is that of the request which the n-th answer is for: free now, for the next one.
func (w *waiting) slot(n int) uint64 {
	return uint64(binary.LittleEndian.Uint32(w.answers[n*(header+8)+8:]))
}

// open makes the object that is called.
func (w *waiting) open() (uint64, error) {
	w.ask(1<<32, 0, method("Echo.open"))
	if err := w.submit(); err != nil {
		return 0, err
	}
	if n := w.poll(math.MaxUint64); n != 1 {
		return 0, fmt.Errorf("%d answers came", n)
	}
	return w.number(0)
}

// run keeps requests in flight until so many were answered. drain hands each batch of answers over, as it waits for it.
func (w *waiting) run(inFlight, requests int, drain func(took func(count int) (more bool, err error)) error) ([]figure, error) {
	object, err := w.open()
	if err != nil {
		return nil, err
	}
	number := method("Echo.number")
	asked, answered := 0, 0
	ask := func(slot uint64) {
		asked++
		w.ask(uint64(asked)<<32|slot, object, number, uint64(asked))
	}
	polls := 0
	used, began := processorTime(), time.Now()
	for slot := range min(inFlight, requests) {
		ask(uint64(slot))
	}
	if err := w.submit(); err != nil {
		return nil, err
	}
	err = drain(func(count int) (bool, error) {
		polls++
		for n := range count {
			if value, err := w.number(n); err != nil || value == 0 || value > uint64(asked) {
				return false, errors.Join(err, fmt.Errorf("%d was answered", value))
			}
			answered++
			if asked < requests {
				ask(w.slot(n))
			}
		}
		return answered < requests, w.submit()
	})
	return append(waited(requests, used, began), figure{"answers_per_poll", float64(requests) / float64(polls), "1"}), err
}

func waited(requests int, used time.Duration, began time.Time) []figure {
	took := time.Since(began)
	used = processorTime() - used
	return []figure{
		{"requests_per_second", float64(requests) / took.Seconds(), "1/s"},
		{"cpu_ns_per_request", float64(used.Nanoseconds()) / float64(requests), "ns"},
	}
}

// inBlockingPolls waits inside the library: a thread of the system's waits with it.
func (w *waiting) inBlockingPolls(took func(int) (bool, error)) error {
	for {
		n := w.poll(math.MaxUint64)
		if n <= 0 {
			return fmt.Errorf("the library answered a poll with %d", n)
		}
		if more, err := took(n); !more || err != nil {
			return err
		}
	}
}

// inThePoller waits in Go's network poller, as package rpc does, after it has looked at the queue's count for a while.
func (w *waiting) inThePoller(took func(int) (bool, error)) error {
	wake := C.waiting_wake(w.runtime)
	own, err := unix.FcntlInt(uintptr(wake.handle), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := unix.SetNonblock(own, true); err != nil {
		return err
	}
	queue := os.NewFile(uintptr(own), "queue")
	defer queue.Close()
	raw, err := queue.SyscallConn()
	if err != nil {
		return err
	}
	pending := (*uint64)(unsafe.Pointer(wake.pending))
	failed := raw.Read(func(uintptr) bool {
		for {
			for began := time.Now(); atomic.LoadUint64(pending) == 0 && time.Since(began) < 50*time.Microsecond; {
				runtime.Gosched()
			}
			n := w.poll(0)
			if n == 0 {
				return false
			}
			var more bool
			if n < 0 {
				err = fmt.Errorf("the library answered a poll with %d", n)
			} else {
				more, err = took(n)
			}
			if !more || err != nil {
				return true
			}
		}
	})
	return errors.Join(err, failed)
}

// ring is what would be left without calls and wake-ups, and without a library: the numbers stand in memory that a thread of C's spins on.
func ring(inFlight, requests int) ([]figure, error) {
	r := C.waiting_ring_new()
	if r == nil {
		return nil, errors.New("the ring's thread did not start")
	}
	defer C.waiting_ring_free(r)
	values := (*[C.PLACES]uint64)(unsafe.Pointer(&r.values))
	asked, answered := (*uint64)(unsafe.Pointer(&r.asked)), (*uint64)(unsafe.Pointer(&r.answered))
	used, began := processorTime(), time.Now()
	next, got := uint64(0), uint64(0)
	for got < uint64(requests) {
		for ; next < uint64(requests) && next-got < uint64(min(inFlight, C.PLACES)); next++ {
			values[next%C.PLACES] = next
		}
		atomic.StoreUint64(asked, next)
		for until := atomic.LoadUint64(answered); got < until; got++ {
			if values[got%C.PLACES] != got+1 {
				return nil, fmt.Errorf("%d was answered with %d", got, values[got%C.PLACES])
			}
		}
		runtime.Gosched()
	}
	return waited(requests, used, began), nil
}
