package rpc

/*
#include <stdint.h>
#include <stddef.h>
#include "sr.h"

// Out-parameters come back by value, so that no Go memory but the blocks crosses.
typedef struct { int32_t count; size_t used; size_t needed; } sr_go_polled;
typedef struct { int32_t status; uint64_t handle; } sr_go_handle;
typedef struct { int32_t status; sr_view view; } sr_go_viewed;
typedef struct { int32_t status; size_t used; } sr_go_called;
typedef struct { int32_t status; sr_runtime *runtime; } sr_go_opened;
typedef struct { int32_t status; sr_wake wake; } sr_go_wake;
typedef struct { int32_t status; sr_statistics values; } sr_go_statistics;
typedef struct { int32_t status; size_t needed; } sr_go_checked;

static inline const sr_abi_info *sr_go_abi(const sr_functions *t) { return t->abi(); }
static inline sr_go_checked sr_go_check(const sr_functions *t, const char *text, size_t length, char *message,
                                        size_t capacity) {
  sr_go_checked r = {0, 0};
  r.status = t->check(text, length, message, capacity, &r.needed);
  return r;
}

static inline sr_go_opened sr_go_open(const sr_functions *t, uint32_t queues, uint32_t workers, uint64_t memory) {
  sr_options options = {sizeof(sr_options), queues, workers, 0, memory};
  sr_go_opened r = {0, NULL};
  r.status = t->runtime_new(&options, &r.runtime);
  return r;
}
static inline int32_t sr_go_free(const sr_functions *t, sr_runtime *r, uint64_t wait) { return t->runtime_free(r, wait); }

static inline int32_t sr_go_submit(const sr_functions *t, sr_runtime *rt, const uint8_t *block, size_t length) {
  size_t taken;
  return t->submit(rt, block, length, &taken);
}
static inline sr_go_polled sr_go_poll(const sr_functions *t, sr_runtime *rt, uint32_t queue, uint8_t *block, size_t capacity,
                                      uint64_t wait) {
  sr_go_polled r = {0, 0, 0};
  r.count = t->poll(rt, queue, block, capacity, wait, &r.used, &r.needed);
  return r;
}
static inline sr_go_wake sr_go_queue_wake(const sr_functions *t, sr_runtime *rt, uint32_t queue) {
  sr_go_wake r = {0, {0, -1, NULL}};
  r.status = t->queue_wake(rt, queue, &r.wake);
  return r;
}
// The table and the runtime come as numbers, and the blocks are bytes: cgo has no pointer to check at each call.
#cgo noescape sr_go_call_immediate
#cgo nocallback sr_go_call_immediate
static inline sr_go_called sr_go_call_immediate(uintptr_t t, uintptr_t rt, const uint8_t *frame, size_t length, uint8_t *block,
                                                size_t capacity) {
  sr_go_called r = {0, 0};
  r.status = ((const sr_functions *)t)->call_immediate((sr_runtime *)rt, frame, length, block, capacity, &r.used);
  return r;
}
static inline int32_t sr_go_object_close(const sr_functions *t, sr_runtime *rt, uint64_t o) { return t->object_close(rt, o); }
static inline sr_go_handle sr_go_try_alloc(const sr_functions *t, sr_runtime *rt, uint64_t size) {
  sr_go_handle r = {0, 0};
  r.status = t->buffer_try_alloc(rt, size, &r.handle);
  return r;
}
static inline sr_go_viewed sr_go_view(const sr_functions *t, sr_runtime *rt, uint64_t handle) {
  sr_go_viewed r = {0, {NULL, 0}};
  r.status = t->buffer_view(rt, handle, &r.view);
  return r;
}
static inline int32_t sr_go_unview(const sr_functions *t, sr_runtime *rt, uint64_t h) { return t->buffer_unview(rt, h); }
static inline int32_t sr_go_shrink(const sr_functions *t, sr_runtime *rt, uint64_t h, uint64_t n) {
  return t->buffer_shrink(rt, h, n);
}
static inline int32_t sr_go_buffer_free(const sr_functions *t, sr_runtime *rt, uint64_t h) { return t->buffer_free(rt, h); }
static inline sr_go_statistics sr_go_read_statistics(const sr_functions *t, sr_runtime *rt) {
  sr_go_statistics r = {0, {0}};
  r.status = t->runtime_statistics(rt, &r.values);
  return r;
}

// Defined in Go below. cgo knows no const, hence the cast.
extern void strongroomGoLog(void *context, uint32_t level, char *target, size_t target_length, char *message,
                            size_t message_length);
static inline int32_t sr_go_log_set(const sr_functions *t, uint32_t level, void *context) {
  return t->log_set(level, context ? (sr_log_sink)strongroomGoLog : NULL, context);
}
*/
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/mattn/go-pointer"
)

// Statuses of the C functions, and kinds of frame; sr.h explains them.
const (
	statusOK       = C.SR_OK
	statusInvalid  = C.SR_E_INVALID
	statusHandle   = C.SR_E_HANDLE
	statusBusy     = C.SR_E_BUSY
	statusNoMemory = C.SR_E_NO_MEMORY
	statusTooSmall = C.SR_E_TOO_SMALL
	statusClosed   = C.SR_E_CLOSED
	statusForked   = C.SR_E_FORKED

	kindCall    = C.SR_CALL
	kindCancel  = C.SR_CANCEL
	kindCredit  = C.SR_CREDIT
	kindItem    = C.SR_ITEM
	kindEnd     = C.SR_END
	kindReply   = C.SR_REPLY
	kindError   = C.SR_ERROR
	kindPanic   = C.SR_PANIC
	kindEmit    = C.SR_EMIT
	kindRelease = C.SR_RELEASE

	methodAlloc = C.SR_METHOD_ALLOC
	methodFill  = C.SR_METHOD_FILL

	abiVersion = C.SR_ABI_VERSION
)

// library is one runtime of a linked library. Only this file knows C.
type library struct {
	functions *C.sr_functions
	runtime   *C.sr_runtime
}

// openLibrary compares the library's schema with the caller's and starts a runtime.
func openLibrary(table unsafe.Pointer, schema *Schema, o options) (library, error) {
	l := library{functions: (*C.sr_functions)(table)}
	if err := l.compare(schema); err != nil {
		return library{}, err
	}
	opened := C.sr_go_open(l.functions, C.uint32_t(o.receivers), C.uint32_t(o.workers), C.uint64_t(o.bufferMemory))
	if opened.status != statusOK {
		return library{}, fmt.Errorf("the library could not start its runtime: %w", statusError(int32(opened.status)))
	}
	l.runtime = opened.runtime
	return l, nil
}

func (l library) compare(schema *Schema) error {
	if l.functions == nil {
		return &SchemaError{Reason: "the library gave no table of functions"}
	}
	if version := l.functions.version; version != abiVersion {
		return &SchemaError{Reason: fmt.Sprintf("the library has version %d of the boundary, this program was built for %d; use those of one release",
			uint32(version), uint32(abiVersion))}
	}
	if uintptr(l.functions.size) < unsafe.Sizeof(*l.functions) {
		return &SchemaError{Reason: "the library lacks functions that this program needs"}
	}
	abi := C.sr_go_abi(l.functions)
	var found [16]byte
	for i := range found {
		found[i] = byte(abi.schema[i])
	}
	if found == schema.Hash {
		return nil
	}
	return l.check(schema.Text)
}

// check lets the library say whether it understands a program whose interface has this text.
func (l library) check(text string) error {
	message := make([]byte, 4096)
	for {
		r := C.sr_go_check(l.functions, (*C.char)(unsafe.Pointer(unsafe.StringData(text))), C.size_t(len(text)),
			(*C.char)(unsafe.Pointer(unsafe.SliceData(message))), C.size_t(len(message)))
		switch {
		case r.status == statusOK:
			return nil
		case int(r.needed) > len(message):
			message = make([]byte, r.needed)
		default:
			return &SchemaError{Reason: string(message[:r.needed])}
		}
	}
}

// free ends the runtime; nothing of l may be used afterwards.
func (l library) free() { C.sr_go_free(l.functions, l.runtime, 0) }

// submit hands over a block of frames and answers how many were taken, or a negative status.
func (l library) submit(block []byte) int32 {
	crossing()
	return int32(C.sr_go_submit(l.functions, l.runtime, (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(block))),
		C.size_t(len(block))))
}

// poll fills the block with completions of a queue. Where it has none, it waits so many nanoseconds for them, with a thread.
func (l library) poll(queue uint32, block []byte, wait uint64) (count int32, used, needed int) {
	r := C.sr_go_poll(l.functions, l.runtime, C.uint32_t(queue), (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(block))),
		C.size_t(len(block)), C.uint64_t(wait))
	if r.count > 0 {
		crossing()
	}
	return int32(r.count), int(r.used), int(r.needed)
}

// wake answers the descriptor that is readable when the queue may have frames, and where the library counts their bytes: to
// be read atomically, and not after free.
func (l library) wake(queue uint32) (descriptor int, pending *uint64, err error) {
	r := C.sr_go_queue_wake(l.functions, l.runtime, C.uint32_t(queue))
	if r.status != statusOK {
		return -1, nil, fmt.Errorf("queue %d has no descriptor to wait on: %w", queue, statusError(int32(r.status)))
	}
	return int(r.wake.handle), (*uint64)(unsafe.Pointer(r.wake.pending)), nil
}

func (l library) callImmediate(frame, block []byte) (status int32, used int) {
	crossing()
	r := C.sr_go_call_immediate(C.uintptr_t(uintptr(unsafe.Pointer(l.functions))),
		C.uintptr_t(uintptr(unsafe.Pointer(l.runtime))), (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(frame))),
		C.size_t(len(frame)), (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(block))), C.size_t(len(block)))
	return int32(r.status), int(r.used)
}

func (l library) closeObject(handle uint64) int32 {
	return int32(C.sr_go_object_close(l.functions, l.runtime, C.uint64_t(handle)))
}

func (l library) tryAlloc(size uint64) (uint64, int32) {
	r := C.sr_go_try_alloc(l.functions, l.runtime, C.uint64_t(size))
	return uint64(r.handle), int32(r.status)
}

// view opens a lease. The bytes are memory of the library: they live until unview.
func (l library) view(handle uint64) ([]byte, int32) {
	crossing()
	r := C.sr_go_view(l.functions, l.runtime, C.uint64_t(handle))
	if r.status != statusOK || r.view.length == 0 {
		return nil, int32(r.status)
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(r.view.data)), int(r.view.length)), statusOK
}

func (l library) unview(handle uint64) int32 {
	return int32(C.sr_go_unview(l.functions, l.runtime, C.uint64_t(handle)))
}

// length opens a view for as long as it takes: nobody sees it, so that Close need not count it.
func (l library) length(handle uint64) (int, int32) {
	bytes, status := l.view(handle)
	if status == statusOK {
		status = l.unview(handle)
	}
	return len(bytes), status
}

func (l library) shrink(handle, length uint64) int32 {
	return int32(C.sr_go_shrink(l.functions, l.runtime, C.uint64_t(handle), C.uint64_t(length)))
}

func (l library) freeBuffer(handle uint64) int32 {
	crossing()
	return int32(C.sr_go_buffer_free(l.functions, l.runtime, C.uint64_t(handle)))
}

func (l library) statistics() (Statistics, int32) {
	r := C.sr_go_read_statistics(l.functions, l.runtime)
	v := r.values
	return Statistics{
		Requests: uint64(v.requests), InFlight: uint64(v.in_flight), Buffers: uint64(v.buffers),
		BufferBytes: uint64(v.buffer_bytes), Objects: uint64(v.objects), Stray: uint64(v.stray), Threads: uint64(v.threads),
	}, int32(r.status)
}

// setLog installs a sink, or unsets it where there is none, and answers the handle that the library holds from then on.
func (l library) setLog(level uint32, sink *logSink) (unsafe.Pointer, int32) {
	var context unsafe.Pointer
	if sink != nil {
		context = pointer.Save(sink)
	}
	status := int32(C.sr_go_log_set(l.functions, C.uint32_t(level), context))
	if status != statusOK && context != nil {
		pointer.Unref(context)
		context = nil
	}
	return context, status
}

//export strongroomGoLog
func strongroomGoLog(context unsafe.Pointer, level C.uint32_t, target *C.char, targetLength C.size_t, message *C.char,
	messageLength C.size_t) {
	sink, ok := pointer.Restore(context).(*logSink)
	if !ok {
		return
	}
	sink.write(uint32(level), C.GoStringN(target, C.int(targetLength)), C.GoStringN(message, C.int(messageLength)))
}
