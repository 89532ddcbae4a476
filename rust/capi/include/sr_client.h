/* A client of the Strongroom boundary for C programs: hand-written; the generated headers build typed calls on it.
 *
 * A client is a runtime of the library with one completion queue. Any number of threads may use one client: of those that
 * wait, one polls the queue and hands the others their answers. Compile sr_client.c with the program.
 *
 * Functions that can fail return NULL, or an error that the caller frees with sr_error_free.
 */
#ifndef STRONGROOM_SR_CLIENT_H
#define STRONGROOM_SR_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Marks what an IDL calls deprecated, so that compilers warn of its use. Define SR_NO_DEPRECATED before the headers, and they
 * say nothing. */
#if defined(__GNUC__) && !defined(SR_NO_DEPRECATED)
#define SR_DEPRECATED(instead) __attribute__((deprecated(instead)))
#else
#define SR_DEPRECATED(instead)
#endif

/* ---- Values ---- */

/* UTF-8. What the library gives out is followed by a zero byte, which length does not count. */
typedef struct sr_string {
  const char *data;
  size_t length;
} sr_string;

/* Bytes, or a path: what the system calls one, not necessarily UTF-8. Given out with a zero byte behind it, too. */
typedef struct sr_bytes {
  const uint8_t *data;
  size_t length;
} sr_bytes;

/* A moment: seconds since 1970-01-01 00:00 UTC, and less than a billion nanoseconds after that second. */
typedef struct sr_timestamp {
  int64_t seconds;
  uint32_t nanos;
} sr_timestamp;

/* A length of time in nanoseconds, never negative. */
typedef int64_t sr_duration;

/* The value of a C string, which must outlive it. */
sr_string sr_string_of(const char *text);
sr_bytes sr_path_of(const char *path);

/* ---- Memory of results ----
 * What a call gives out lives in the arena that it was given. One arena may hold the results of many calls. Begin with
 * sr_arena_init; sr_arena_free ends the life of everything in it, and leaves an empty arena. */
typedef struct sr_arena {
  struct sr_arena_chunk *first;
} sr_arena;

void sr_arena_init(sr_arena *arena);
void sr_arena_free(sr_arena *arena);
/* Aligned for any type, and zero; NULL where the system has no more memory. */
void *sr_arena_alloc(sr_arena *arena, size_t size);

/* ---- Errors ---- */

/* Errors of the runtime itself have domain 0 and these variants; the others are those of the IDL's error types. */
enum {
  SR_ERROR_PANIC = 0, /* the library panicked in this request; others go on */
  SR_ERROR_CANCELLED = 1,
  SR_ERROR_DEADLINE_EXCEEDED = 2,
  SR_ERROR_CLOSED = 3,
  SR_ERROR_MALFORMED = 4,
  SR_ERROR_UNKNOWN_METHOD = 5,
  SR_ERROR_BUSY = 6,
  SR_ERROR_NO_MEMORY = 7,
  SR_ERROR_SYSTEM = 8,
  SR_ERROR_WRONG_TYPE = 9,
  SR_ERROR_CALLBACK = 10,
  SR_ERROR_OTHER_LIBRARY = 100 /* the library was built from another IDL than the header */
};

typedef struct sr_error {
  uint32_t domain;
  uint32_t variant;
  const char *message;   /* for people */
  const uint8_t *fields; /* of the variant, encoded; the generated header decodes them */
  size_t fields_length;
} sr_error;

/* Frees the error; NULL is none. */
void sr_error_free(sr_error *error);
/* Whether it is this one of the runtime's own errors. */
bool sr_error_is(const sr_error *error, uint32_t runtime_variant);

/* ---- The client ---- */

typedef struct sr_client sr_client;

/* Options may be NULL; of them, queues is ignored. */
sr_error *sr_client_new(const sr_options *options, sr_client **out);
/* Waits at most wait_ns for the requests in flight and cancels the rest. No other thread may still be in a call; every
 * buffer, object and request of the client ends. */
void sr_client_free(sr_client *client, uint64_t wait_ns);
/* For what sr.h has and this header has not. Never poll queue 0 of it. */
sr_runtime *sr_client_runtime(sr_client *client);
/* What a program with an event loop waits on; then it calls sr_client_drain, which enters the callbacks that were called, and asks
 * sr_request_ready and sr_request_writable. */
sr_error *sr_client_wake(sr_client *client, sr_wake *out);
sr_error *sr_client_drain(sr_client *client);
/* Frames that came for requests, callbacks or calls of callbacks that were over, and were dropped. */
uint64_t sr_client_stray(sr_client *client);

/* ---- Buffers ----
 * Memory that the library owns. While a view is open, the buffer can be neither sent, shrunk nor freed. Sending moves it: it
 * is gone for the caller, also where the call fails, unless it fails with SR_ERROR_BUSY. */
typedef struct sr_buffer {
  sr_client *client;
  uint64_t handle;
} sr_buffer;

/* Waits until the memory is there. */
sr_error *sr_client_alloc(sr_client *client, uint64_t size, sr_buffer *out);
/* Fails with SR_ERROR_NO_MEMORY instead of waiting. */
sr_error *sr_client_try_alloc(sr_client *client, uint64_t size, sr_buffer *out);
/* Reads from a descriptor until size or the end of the file; the buffer is empty at its end. */
sr_error *sr_client_fill(sr_client *client, int32_t descriptor, uint64_t size, sr_buffer *out);
sr_error *sr_client_view(sr_buffer buffer, sr_view *out);
sr_error *sr_client_unview(sr_buffer buffer);
sr_error *sr_client_shrink(sr_buffer buffer, uint64_t length);
sr_error *sr_client_release(sr_buffer buffer);
sr_error *sr_client_close_object(sr_client *client, uint64_t object);

/* ---- Requests ---- */

/* How a request is made. NULL stands for zeros. */
typedef struct sr_call {
  uint64_t timeout_ns; /* 0: none */
  uint64_t window;     /* bytes of stream items that may be under way; 0: SR_ITEM_WINDOW or SR_BUFFER_WINDOW */
  uint8_t trace[24];   /* W3C trace id and span id; zeros: none */
} sr_call;

/* Small, because credit counts payloads only, and a frame around a small item is larger than the item. */
#define SR_ITEM_WINDOW (UINT64_C(64) << 10)
#define SR_BUFFER_WINDOW (UINT64_C(4) << 20)

/* A request in flight. It ends with its finish function, with the last item of its stream, or with sr_request_drop. */
typedef struct sr_request {
  sr_client *client;
  uint64_t id; /* 0: it has ended */
} sr_request;

/* Asks the library to give up; finish then fails with SR_ERROR_CANCELLED, or has the result where that came first. Any
 * thread may do this. */
sr_error *sr_request_cancel(sr_request request);
/* Cancels it, and gives up its answer. Does nothing to a request that has ended. */
void sr_request_drop(sr_request *request);
/* Whether finish or next would not wait. */
bool sr_request_ready(sr_request request);

/* ---- Streams from the caller ----
 * The library says how much it can take, and a push waits until it can take more. One thread at a time may push; another may
 * ask for the result meanwhile. A thread that does both must not wait in a push where the library waits for it to take items:
 * it asks sr_request_writable and sr_request_ready, and waits with sr_client_wake where neither holds. */

/* Whether a push would not wait. */
bool sr_request_writable(sr_request request);
/* Says that no more items come. Does nothing where the request is over already. */
sr_error *sr_request_end(sr_request *request);

/* ---- Callbacks ----
 * The library calls back by frames, like those of answers: a call waits until a thread of the program waits in a function of
 * the client, or calls sr_client_drain, and that thread enters the program's function. The library's own threads never do.
 * Such a function may use the client, but not free it. While it runs, other threads take answers and other calls. A thread that
 * waits within a callback may enter another one, sixteen deep at most. */

/* A failure of a callback that its IDL does not name, for its function to return. */
sr_error *sr_callback_error(const char *message);

/* ---- For generated headers ---- */

/* Encodes a payload. Running out of memory is remembered until the request is started. */
typedef struct sr_writer {
  uint8_t *data; /* room for the frame's header, then the payload */
  size_t length;
  size_t capacity;
  uint32_t failure; /* 0, or the runtime error that starting the request gives */
  struct sr_callback *callbacks; /* that are handed over with the payload */
} sr_writer;

void sr_writer_init(sr_writer *w);
void sr_writer_free(sr_writer *w);
void sr_put_bool(sr_writer *w, bool value);
void sr_put_u8(sr_writer *w, uint8_t value);
void sr_put_u16(sr_writer *w, uint16_t value);
void sr_put_u32(sr_writer *w, uint32_t value);
void sr_put_u64(sr_writer *w, uint64_t value);
void sr_put_i8(sr_writer *w, int8_t value);
void sr_put_i16(sr_writer *w, int16_t value);
void sr_put_i32(sr_writer *w, int32_t value);
void sr_put_i64(sr_writer *w, int64_t value);
void sr_put_f32(sr_writer *w, float value);
void sr_put_f64(sr_writer *w, double value);
void sr_put_timestamp(sr_writer *w, sr_timestamp value);
void sr_put_duration(sr_writer *w, sr_duration value);
void sr_put_string(sr_writer *w, sr_string value);
void sr_put_bytes(sr_writer *w, sr_bytes value);
void sr_put_raw(sr_writer *w, const uint8_t *data, size_t length);
void sr_put_count(sr_writer *w, size_t count);
/* A record's length is written when its fields are: open gives the place, close fills it. */
size_t sr_put_open(sr_writer *w);
void sr_put_close(sr_writer *w, size_t place);
/* Orders pointers to two things that an array holds pointers to, as for qsort. */
typedef int (*sr_compare)(const void *a, const void *b);
int sr_compare_strings(sr_string a, sr_string b);
/* Pointers to a map's entries in the order of their keys, for sr_put_sorted to free; NULL, and a failed writer, where
 * there is no memory or a key comes twice. */
const void **sr_put_sorting(sr_writer *w, const void *entries, size_t count, size_t size, sr_compare compare);
void sr_put_sorted(const void **sorted);

/* Decodes a payload. The first mistake is remembered; after it, everything reads as zero. */
typedef struct sr_reader {
  const uint8_t *at;
  const uint8_t *end;
  sr_arena *arena;
  uint32_t depth;
  uint32_t failure; /* 0, SR_ERROR_MALFORMED or SR_ERROR_NO_MEMORY */
} sr_reader;

void sr_reader_init(sr_reader *r, const uint8_t *data, size_t length, sr_arena *arena);
/* Whether an older writer's record ends here. */
bool sr_get_ended(const sr_reader *r);
bool sr_get_bool(sr_reader *r);
uint8_t sr_get_u8(sr_reader *r);
uint16_t sr_get_u16(sr_reader *r);
uint32_t sr_get_u32(sr_reader *r);
uint64_t sr_get_u64(sr_reader *r);
int8_t sr_get_i8(sr_reader *r);
int16_t sr_get_i16(sr_reader *r);
int32_t sr_get_i32(sr_reader *r);
int64_t sr_get_i64(sr_reader *r);
float sr_get_f32(sr_reader *r);
double sr_get_f64(sr_reader *r);
sr_timestamp sr_get_timestamp(sr_reader *r);
sr_duration sr_get_duration(sr_reader *r);
sr_string sr_get_string(sr_reader *r);
sr_bytes sr_get_bytes(sr_reader *r);
void sr_get_raw(sr_reader *r, uint8_t *out, size_t length);
/* A count of items that take at least smallest bytes each. */
size_t sr_get_count(sr_reader *r, size_t smallest);
/* Memory of the arena for decoded values; NULL (and a failed reader) without memory. */
void *sr_get_room(sr_reader *r, size_t count, size_t size);
/* Opens a record: answers where the reader goes on after it. */
const uint8_t *sr_get_open(sr_reader *r);
void sr_get_close(sr_reader *r, const uint8_t *outer_end);
void sr_get_malformed(sr_reader *r);
/* Refuses a map in which a key comes twice. */
void sr_get_unique(sr_reader *r, const void *entries, size_t count, size_t size, sr_compare compare);

/* Compares the library with a generated header: its schema's hash, and the lines of its text. Where they do not understand each
 * other, the error names what differs. */
sr_error *sr_client_check(const uint8_t hash[16], const char *const *schema, size_t lines);
/* An error of an IDL. Takes the encoded fields, and frees the writer. */
sr_error *sr_error_new(uint32_t domain, uint32_t variant, const char *message, sr_writer *fields);

/* A completion whose payload is being decoded. */
typedef struct sr_reply {
  sr_reader reader;
  sr_client *client;
  struct sr_completion *completion;
} sr_reply;

/* Starts a request, and frees the writer in any case. A stream has a window, and is given so much credit; others have 0. */
sr_error *sr_client_start(sr_client *client, uint64_t object, uint32_t method, sr_writer *w, const sr_call *how,
                          uint64_t window, sr_request *out);
/* Calls an @immediate method, and frees the writer in any case. */
sr_error *sr_client_immediate(sr_client *client, uint64_t object, uint32_t method, sr_writer *w, sr_arena *arena,
                              sr_reply *reply);
/* Waits for the result. The request ends. */
sr_error *sr_request_finish(sr_request *request, sr_arena *arena, sr_reply *reply);
/* Waits for the next item; *more is false, and there is no reply, at the end of the stream. */
sr_error *sr_request_next(sr_request *request, sr_arena *arena, sr_reply *reply, bool *more);
/* Waits for the next thing that the request emits; *more is false, and there is no reply, once its result is there. */
sr_error *sr_request_emitted(sr_request *request, sr_arena *arena, sr_reply *reply, bool *more);
/* Ends the decoding: an error where the payload was malformed. */
sr_error *sr_reply_end(sr_reply *reply);

/* Gives an item, and frees the writer in any case. *more says whether the request was still there to take it. */
sr_error *sr_request_push(sr_request *request, sr_writer *w, bool *more);
/* Moves a buffer, which is gone for the caller in any case. */
sr_error *sr_request_push_buffer(sr_request *request, sr_buffer buffer, bool *more);

/* A call of a callback that is being answered. */
typedef struct sr_callback_call {
  sr_client *client;
  uint32_t method;
  sr_reader arguments;
  bool begun;        /* what the arguments carry is the function's */
  sr_writer reply;
  uint64_t given;    /* the buffer in the reply; 0: none */
} sr_callback_call;

/* Finds the function of a call, calls it, and encodes its result. */
typedef sr_error *(*sr_dispatch)(const void *functions, sr_callback_call *call);

/* Hands a structure of functions over, as an argument of a request of this client. It is copied; release may be NULL. */
void sr_put_callback(sr_writer *w, sr_client *client, const void *functions, size_t size, sr_dispatch dispatch,
                     void (*release)(void *context), void *context);
/* An error where there is no such function, or the arguments could not be decoded. */
sr_error *sr_callback_begin(sr_callback_call *call, bool implemented);
/* What the library is told of a function's error, if it gave one: errors of another domain are failures without a name. */
sr_error *sr_callback_failed(sr_error *error, uint32_t domain);
/* Puts a buffer into the reply, which moves it. */
void sr_callback_give(sr_callback_call *call, sr_buffer buffer);

#ifdef __cplusplus
}
#endif
#endif
