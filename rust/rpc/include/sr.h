/* The Strongroom boundary: every function that crosses it. Hand-written; docs/boundary.md is its specification.
 *
 * All functions may be called from any thread. None of them blocks except sr_poll (at most as long as it is told),
 * sr_runtime_free and sr_log_set. No pointer that is passed in is kept after the call, except the sink of sr_log_set.
 * In a child that was forked after the library was first used, all but sr_abi and sr_table answer SR_E_FORKED at once.
 */
#ifndef STRONGROOM_SR_H
#define STRONGROOM_SR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SR_ABI_VERSION 1u

/* Status of a call; frames and counts are never negative. */
enum {
  SR_OK = 0,
  SR_E_INVALID = -1,   /* an argument is null, out of range or malformed */
  SR_E_HANDLE = -2,    /* the handle is closed, or was never given out */
  SR_E_BUSY = -3,      /* a view is open on the buffer */
  SR_E_NO_MEMORY = -4, /* the memory that callers may hold is used up: wait with the `alloc` request */
  SR_E_TOO_SMALL = -5, /* the block does not hold one frame; *needed says what does */
  SR_E_CLOSED = -6,    /* the runtime is shutting down */
  SR_E_SYSTEM = -7,    /* the operating system refused: no threads, no descriptors */
  SR_E_FORKED = -8     /* this process was forked from one that uses the library, and has none of its threads */
};

/* Kinds of frame. */
enum {
  SR_CALL = 1,    /* payload = arguments; library → caller: of the callback in `object` */
  SR_CANCEL = 2,  /* no payload; library → caller: nobody waits for the callback's answer any more */
  SR_CREDIT = 3,  /* payload = u64, bytes of items that the sender of the frame can take in addition */
  SR_ITEM = 4,    /* payload = one stream item */
  SR_END = 5,     /* the stream is complete; library → caller: and the request is over */
  SR_REPLY = 6,   /* payload = result; the request, or the call of the callback, is over */
  SR_ERROR = 7,   /* payload = error; the request, or the call of the callback, is over */
  SR_PANIC = 8,   /* library → caller: payload = string; the request is over */
  SR_EMIT = 9,    /* library → caller: payload = one progress record; newer ones replace undelivered ones */
  SR_RELEASE = 10 /* library → caller: the callback in `object` will not be called any more; `request` is 0 */
};

/* The header of a frame: 64 bytes, little-endian, at an address that is a multiple of 8. The payload follows; the
 * next frame starts at the next multiple of 8 after it. */
typedef struct sr_frame {
  uint32_t length;       /* header + payload, without the padding after it */
  uint16_t queue;        /* completion queue that gets the answers */
  uint8_t kind;
  uint8_t flags;         /* number of handles (u64) that follow the payload, inside length: those that it carries. From
                          * the caller: 0, but buffers in items and in answers of callbacks are repeated too */
  uint64_t request;      /* slot in the low 32 bits, generation in the high 32; chosen by who calls */
  uint64_t object;       /* handle of the object or callback that is called; 0 for constructors and built-in methods */
  uint32_t method;
  uint32_t reserved;     /* 0 */
  uint64_t remaining_ns; /* until the deadline; 0: none */
  uint8_t trace[24];     /* W3C trace id and span id; zeros: none */
} sr_frame;

/* Built-in methods; those of an interface have ids from 16 up. */
enum {
  SR_METHOD_ALLOC = 1, /* (size: u64) -> buffer; waits until the memory is there */
  SR_METHOD_FILL = 2   /* (descriptor: i32, size: u64) -> buffer; reads until size or end of file; empty at its end */
};

typedef struct sr_runtime sr_runtime;

typedef struct sr_method {
  uint32_t id;
  uint32_t immediate; /* 1: sr_call_immediate */
  const char *name;   /* "Interface.method" */
} sr_method;

typedef struct sr_abi_info {
  uint32_t version; /* SR_ABI_VERSION of the library */
  uint32_t method_count;
  uint8_t schema[16];
  const sr_method *methods; /* ascending by id */
  const char *text;         /* what `schema` is the hash of: the canonical text, UTF-8, not terminated */
  size_t text_length;
} sr_abi_info;

typedef struct sr_options {
  uint32_t size;          /* sizeof(sr_options) */
  uint32_t queues;        /* completion queues, 1…64; 0: 1 */
  uint32_t workers;       /* threads that run requests; 0: one a core */
  uint32_t reserved;
  uint64_t buffer_memory; /* bytes of buffers that callers may hold; 0: 256 MiB */
} sr_options;

/* What to wait on for a queue. */
enum { SR_WAKE_EVENTFD = 1, SR_WAKE_PIPE = 2, SR_WAKE_SOCKET = 3 };
typedef struct sr_wake {
  uint32_t kind;
  int32_t handle; /* owned by the runtime; readable when the queue may have frames; never read from it */
  const uint64_t *pending; /* bytes in the queue, to be read atomically and before sr_runtime_free: who looks at it a few
                              times before an sr_poll that would arm the handle saves the wake-up of what comes soon */
} sr_wake;

typedef struct sr_view {
  uint8_t *data;
  size_t length;
} sr_view;

typedef struct sr_statistics {
  uint64_t requests;        /* accepted so far */
  uint64_t in_flight;
  uint64_t buffers;         /* handles that callers hold */
  uint64_t buffer_bytes;    /* memory behind them */
  uint64_t objects;
  uint64_t stray;           /* frames for requests and calls that were over, counted and dropped */
  uint64_t threads;
} sr_statistics;

/* level: 1 error … 5 trace. The texts are UTF-8, not terminated, and live until the sink returns. */
typedef void (*sr_log_sink)(void *context, uint32_t level, const char *target, size_t target_length,
                            const char *message, size_t message_length);

/* The library's schema; valid for ever. */
const sr_abi_info *sr_abi(void);
/* Whether a binding that was made of the schema with this text understands the library, where their hashes differ.
 * SR_E_INVALID: no; the message, UTF-8 and not terminated, names what is missing or differs. *needed gets its length;
 * SR_E_TOO_SMALL: it does not fit. */
int32_t sr_check(const char *text, size_t length, char *message, size_t capacity, size_t *needed);

int32_t sr_runtime_new(const sr_options *options, sr_runtime **out);
/* Refuses new requests, waits at most wait_ns for those in flight, cancels the rest, and frees everything:
 * afterwards no pointer, handle or descriptor of the runtime may be used. */
int32_t sr_runtime_free(sr_runtime *runtime, uint64_t wait_ns);

/* Takes frames from one block; copies what it keeps. Answers how many frames it took, in order; fewer than given
 * means that the library is full (submit the rest after the next completions). A malformed frame stops the batch:
 * where it is the first one, the answer is SR_E_INVALID. *taken gets the bytes of those taken. */
int32_t sr_submit(sr_runtime *runtime, const uint8_t *block, size_t length, size_t *taken);

/* Fills the block with completion frames of one queue; answers how many, and their bytes in *used. Waits at most
 * wait_ns where there is none: 0 drains, UINT64_MAX waits for ever. An answer of 0 arms the queue's descriptor.
 * SR_E_CLOSED: the runtime is shutting down and the queue is empty. */
int32_t sr_poll(sr_runtime *runtime, uint32_t queue, uint8_t *block, size_t capacity, uint64_t wait_ns, size_t *used,
                size_t *needed);
int32_t sr_queue_wake(sr_runtime *runtime, uint32_t queue, sr_wake *out);

/* Runs an @immediate method of an object. Answers SR_OK with one reply, error or panic frame in the block. */
int32_t sr_call_immediate(sr_runtime *runtime, const uint8_t *frame, size_t length, uint8_t *block, size_t capacity,
                          size_t *used);
/* The object ends when its last request is over. */
int32_t sr_object_close(sr_runtime *runtime, uint64_t object);

/* Buffers: memory of the library, named by a handle. A view is a lease: while one is open, the buffer can be neither
 * moved (sent as an argument), shrunk nor freed. */
int32_t sr_buffer_try_alloc(sr_runtime *runtime, uint64_t size, uint64_t *handle);
int32_t sr_buffer_view(sr_runtime *runtime, uint64_t handle, sr_view *out);
int32_t sr_buffer_unview(sr_runtime *runtime, uint64_t handle);
int32_t sr_buffer_shrink(sr_runtime *runtime, uint64_t handle, uint64_t length);
int32_t sr_buffer_free(sr_runtime *runtime, uint64_t handle);

/* One sink a process. It is called from one thread of the library. A null sink unsets it, and returns when the last
 * call to the old one has. Lines that come faster than the sink takes them are counted and dropped. */
int32_t sr_log_set(uint32_t level, sr_log_sink sink, void *context);
int32_t sr_runtime_statistics(sr_runtime *runtime, sr_statistics *out);

/* The same functions as a table, for bindings that open the library at run time or are not linked with it. */
typedef struct sr_functions {
  uint32_t size; /* sizeof(sr_functions) of the library */
  uint32_t version;
  const sr_abi_info *(*abi)(void);
  int32_t (*runtime_new)(const sr_options *, sr_runtime **);
  int32_t (*runtime_free)(sr_runtime *, uint64_t);
  int32_t (*submit)(sr_runtime *, const uint8_t *, size_t, size_t *);
  int32_t (*poll)(sr_runtime *, uint32_t, uint8_t *, size_t, uint64_t, size_t *, size_t *);
  int32_t (*queue_wake)(sr_runtime *, uint32_t, sr_wake *);
  int32_t (*call_immediate)(sr_runtime *, const uint8_t *, size_t, uint8_t *, size_t, size_t *);
  int32_t (*object_close)(sr_runtime *, uint64_t);
  int32_t (*buffer_try_alloc)(sr_runtime *, uint64_t, uint64_t *);
  int32_t (*buffer_view)(sr_runtime *, uint64_t, sr_view *);
  int32_t (*buffer_unview)(sr_runtime *, uint64_t);
  int32_t (*buffer_shrink)(sr_runtime *, uint64_t, uint64_t);
  int32_t (*buffer_free)(sr_runtime *, uint64_t);
  int32_t (*log_set)(uint32_t, sr_log_sink, void *);
  int32_t (*runtime_statistics)(sr_runtime *, sr_statistics *);
  int32_t (*check)(const char *, size_t, char *, size_t, size_t *);
} sr_functions;
const sr_functions *sr_table(void);

#ifdef __cplusplus
}
#endif
#endif
