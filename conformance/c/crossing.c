/* The kinds of rows about the crossing itself: what is counted, held, waited for, stray and at an end. */
#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <stdlib.h>
#ifndef _WIN32
#include <sys/wait.h>
#include <unistd.h>
#endif

#include "setting.h"
#include "thread.h"

/* Milliseconds: longer than any test takes, and long enough for what has to come. */
enum { FOR_EVER = 3600000, PATIENCE = 120000 };

static sr_statistics statistics_of(sr_client *client) {
  sr_statistics out;
  memset(&out, 0, sizeof(out));
  sr_runtime_statistics(sr_client_runtime(client), &out);
  return out;
}

static sr_call traced(const setting *s) {
  sr_call how;
  memset(&how, 0, sizeof(how));
  if (member(s, "trace") != NULL) {
    memcpy(how.trace, json_bytes(s->arena, member(s, "trace")).data, 16);
    memcpy(how.trace + 16, json_bytes(s->arena, member(s, "span")).data, 8);
  }
  return how;
}

static void run_trace(setting *s) {
  const sr_call how = traced(s);
  sr_request request;
  conformance_bytes_24 seen;
  CALL(conformance_echo_trace_start(s->echo, &how, &request));
  CALL(conformance_echo_trace_finish(&request, &seen));
  REQUIRE(memcmp(seen.data, how.trace, sizeof(how.trace)) == 0, "the method was called under another trace");
}

/* What a log sink was told. */
typedef struct said {
  mutex mutex;
  size_t lines;
  uint32_t level;
  char target[64];
  char line[256];
} said;

static void put_text(char *place, size_t room, const char *text, size_t length) {
  if (length >= room) length = room - 1;
  memcpy(place, text, length);
  place[length] = 0;
}

static void keep_line(void *context, uint32_t level, const char *target, size_t target_length, const char *message,
                      size_t message_length) {
  said *into = context;
  mutex_lock(&into->mutex);
  into->lines++;
  into->level = level;
  put_text(into->target, sizeof(into->target), target, target_length);
  put_text(into->line, sizeof(into->line), message, message_length);
  mutex_unlock(&into->mutex);
}

static size_t lines_of(said *from) {
  mutex_lock(&from->mutex);
  const size_t lines = from->lines;
  mutex_unlock(&from->mutex);
  return lines;
}

static void run_log(setting *s) {
  said heard = {.mutex = MUTEX_INITIALIZER};
  const sr_call how = traced(s);
  sr_request request;
  if (sr_log_set(3, keep_line, &heard) != SR_OK) fail(s, __FILE__, __LINE__, "the sink cannot be set");
  sr_error *error = conformance_echo_log_start(s->echo, text(s, "message"), &how, &request);
  if (error == NULL) error = conformance_echo_log_finish(&request);
  for (int tries = 0; tries < PATIENCE && lines_of(&heard) == 0; tries++) sleep_ms(1);
  /* However it ends, nothing may be told to what is on this stack. */
  const int32_t unset = sr_log_set(0, NULL, NULL);
  CALL(error);
  REQUIRE(unset == SR_OK, "the sink cannot be unset");
  CALL(conformance_echo_log(s->echo, text(s, "message")));
  REQUIRE(heard.lines == 1, "%zu lines came", heard.lines);
  REQUIRE(heard.level == 3 && strcmp(heard.target, "conformance") == 0, "level %u of %s", (unsigned)heard.level, heard.target);
  REQUIRE(strcmp(heard.line, text(s, "line").data) == 0, "the line is: %s", heard.line);
}

static void run_statistics(setting *s) {
  const json *sizes = member(s, "sizes");
  const uint64_t calls = number(s, "calls"), children = number(s, "children"), sleeping = number(s, "sleeping");
  conformance_echo *child = sr_arena_alloc(s->arena, children * sizeof(*child));
  sr_request *request = sr_arena_alloc(s->arena, sleeping * sizeof(*request));
  sr_buffer *buffer = sr_arena_alloc(s->arena, sizes->count * sizeof(*buffer));
  REQUIRE(child != NULL && request != NULL && buffer != NULL, "out of memory");

  const sr_statistics before = statistics_of(s->client);
  REQUIRE(before.in_flight == 0 && before.buffers == 0 && before.buffer_bytes == 0 && before.objects == 1, "it begins otherwise");
  REQUIRE(before.threads > 0, "there are no threads");
  for (uint64_t i = 0; i < calls; i++) CALL(conformance_echo_nothing(s->echo));
  REQUIRE(statistics_of(s->client).requests == before.requests + calls, "the calls are not counted");

  uint64_t bytes = 0;
  size_t at = 0;
  for (const json *size = sizes->first; size != NULL; size = size->next, at++) {
    CALL(sr_client_try_alloc(s->client, json_unsigned(size), &buffer[at]));
    bytes += json_unsigned(size);
  }
  const sr_statistics held = statistics_of(s->client);
  REQUIRE(held.buffers == sizes->count && held.buffer_bytes >= bytes, "%u buffers of %" PRIu64 " bytes", (unsigned)held.buffers, held.buffer_bytes);
  for (uint64_t i = 0; i < children; i++) CALL(conformance_echo_child(s->echo, sr_string_of("child"), &child[i]));
  for (uint64_t i = 0; i < sleeping; i++) CALL(conformance_echo_sleep_start(s->echo, FOR_EVER, NULL, &request[i]));
  const sr_statistics all = statistics_of(s->client);
  REQUIRE(all.requests == before.requests + calls + children + sleeping, "%" PRIu64 " requests", all.requests - before.requests);
  REQUIRE(all.in_flight == sleeping && all.objects == 1 + children, "%u in flight, %u objects", (unsigned)all.in_flight, (unsigned)all.objects);

  for (uint64_t i = 0; i < sleeping; i++) {
    uint32_t answer;
    CALL(sr_request_cancel(request[i]));
    FAILS(conformance_echo_sleep_finish(&request[i], &answer), SR_ERROR_CANCELLED);
  }
  for (uint64_t i = 0; i < children; i++) CALL(conformance_echo_close(child[i]));
  for (size_t i = 0; i < sizes->count; i++) CALL(sr_client_release(buffer[i]));
  const sr_statistics after = statistics_of(s->client);
  REQUIRE(after.in_flight == 0 && after.buffers == 0 && after.buffer_bytes == 0 && after.objects == 1, "something is left");
  REQUIRE(after.requests == all.requests && after.stray == before.stray, "something was counted that was not there");
}

static uint32_t error_of(const json *name) {
  if (json_is(name, "closed")) return SR_ERROR_CLOSED;
  if (json_is(name, "busy")) return SR_ERROR_BUSY;
  return json_is(name, "malformed") ? SR_ERROR_MALFORMED : UINT32_MAX;
}

static sr_error *read_buffer(setting *s, sr_buffer buffer, const json *data) {
  sr_view view;
  sr_error *error = sr_client_view(buffer, &view);
  if (error != NULL) return error;
  if (!same(json_bytes(s->arena, data), view.data, view.length)) fail(s, __FILE__, __LINE__, "the buffer has other bytes");
  return sr_client_unview(buffer);
}

/* One step of a row about buffers; *known is false where there is no such step. */
static sr_error *buffer_step(setting *s, sr_buffer buffer, const json *step, bool *known) {
  const json *what = json_get(step, "do");
  sr_view view;
  *known = true;
  if (json_is(what, "view")) return sr_client_view(buffer, &view);
  if (json_is(what, "unview")) return sr_client_unview(buffer);
  if (json_is(what, "read")) return read_buffer(s, buffer, json_get(step, "data"));
  if (json_is(what, "shrink")) return sr_client_shrink(buffer, json_unsigned(json_get(step, "length")));
  if (json_is(what, "close")) return sr_client_release(buffer);
  if (json_is(what, "close again")) {
    sr_error *error = sr_client_release(buffer);
    if (!sr_error_is(error, SR_ERROR_CLOSED)) fail(s, __FILE__, __LINE__, "the buffer was still there");
    sr_error_free(error);
    return NULL;
  }
  if (json_is(what, "move")) {
    uint64_t sum = 0;
    sr_error *error = conformance_echo_sum(s->echo, buffer, &sum);
    if (error == NULL && sum != json_unsigned(json_get(step, "sum"))) fail(s, __FILE__, __LINE__, "the sum is %" PRIu64, sum);
    return error;
  }
  *known = false;
  return NULL;
}

static void run_buffer(setting *s) {
  sr_buffer buffer;
  CALL(filled(s, json_bytes(s->arena, member(s, "data")), &buffer));
  for (const json *step = member(s, "script")->first; step != NULL; step = step->next) {
    const json *fails = json_get(step, "fails");
    const char *what = json_get(step, "do")->text.data;
    bool known;
    sr_error *error = buffer_step(s, buffer, step, &known);
    const bool right = fails == NULL ? error == NULL : sr_error_is(error, error_of(fails));
    if (!right) fail(s, __FILE__, __LINE__, "%s: %s", what, error == NULL ? "it succeeds" : error->message);
    sr_error_free(error);
    REQUIRE(known, "there is no step %s", what);
    if (s->failed) return;
  }
}

/* A client whose callers may hold as much as the row says, and an object of it. */
static sr_error *own_client(setting *s, sr_client **client, conformance_echo *echo) {
  const sr_options options = {.size = sizeof(options), .buffer_memory = member(s, "limit") == NULL ? 0 : number(s, "limit")};
  sr_error *error = conformance_client_new(&options, client);
  return error != NULL ? error : conformance_echo_open(*client, sr_string_of("own"), echo);
}

static sr_error *start_alloc(sr_client *client, uint64_t size, const sr_call *how, sr_request *request) {
  sr_writer w;
  sr_writer_init(&w);
  sr_put_u64(&w, size);
  return sr_client_start(client, 0, SR_METHOD_ALLOC, &w, how, 0, request);
}

static sr_error *finish_alloc(setting *s, sr_request *request, sr_buffer *out) {
  sr_reply reply;
  out->client = request->client;
  sr_error *error = sr_request_finish(request, s->arena, &reply);
  if (error != NULL) return error;
  out->handle = sr_get_u64(&reply.reader);
  return sr_reply_end(&reply);
}

static void waits_for_room(setting *s, sr_client *client) {
  const json *then = member(s, "then");
  const uint64_t asked = number(s, "asked");
  sr_call how;
  sr_request request;
  sr_buffer held, given;
  memset(&how, 0, sizeof(how));
  if (json_is(then, "deadline")) how.timeout_ns = number(s, "milliseconds") * 1000000;
  CALL(sr_client_try_alloc(client, number(s, "held"), &held));
  CALL(start_alloc(client, asked, &how, &request));
  if (json_is(then, "refused")) {
    FAILS(finish_alloc(s, &request, &given), SR_ERROR_NO_MEMORY);
  } else if (json_is(then, "deadline")) {
    FAILS(finish_alloc(s, &request, &given), SR_ERROR_DEADLINE_EXCEEDED);
  } else {
    if (!json_is(then, "given")) {
      sleep_ms(20);
      CALL(sr_client_drain(client));
      REQUIRE(!sr_request_ready(request) && statistics_of(client).buffers == 1, "it does not wait");
    }
    if (json_is(then, "cancelled")) {
      CALL(sr_request_cancel(request));
      FAILS(finish_alloc(s, &request, &given), SR_ERROR_CANCELLED);
    } else {
      const bool freed = json_is(then, "freed");
      REQUIRE(freed || json_is(then, "given"), "nothing happens that is called %s", then->text.data);
      if (freed) CALL(sr_client_release(held));
      sr_view view;
      CALL(finish_alloc(s, &request, &given));
      CALL(sr_client_view(given, &view));
      CALL(sr_client_unview(given));
      REQUIRE(view.length == asked, "the buffer has %zu bytes", view.length);
      CALL(sr_client_release(given));
      if (freed) held.handle = 0;
    }
  }
  if (held.handle != 0) CALL(sr_client_release(held));
  /* Who gave up stands in nobody's way. */
  CALL(sr_client_alloc(client, number(s, "limit"), &given));
  CALL(sr_client_release(given));
  const sr_statistics after = statistics_of(client);
  REQUIRE(after.buffers == 0 && after.buffer_bytes == 0 && after.in_flight == 0, "something is left");
}

static void run_memory(setting *s) {
  sr_client *client = NULL;
  conformance_echo echo;
  CALL(own_client(s, &client, &echo));
  waits_for_room(s, client);
  sr_client_free(client, 0);
}

static void stream_waits_for_room(setting *s, sr_client *client, conformance_echo echo) {
  const uint64_t count = number(s, "count");
  sr_buffer held, block;
  sr_request request;
  uint64_t produced;
  bool more = true;
  CALL(sr_client_try_alloc(client, number(s, "limit"), &held));
  CALL(conformance_echo_blocks_start(echo, (uint32_t)count, (uint32_t)number(s, "size"), NULL, &request));
  sleep_ms(number(s, "wait"));
  CALL(sr_client_drain(client));
  CALL(conformance_echo_produced(echo, &produced));
  REQUIRE(!sr_request_ready(request) && produced == 0, "%" PRIu64 " blocks were made without room", produced);
  CALL(sr_client_release(held));
  for (uint64_t i = 0; i < count; i++) {
    CALL(conformance_echo_blocks_next(&request, &block, &more));
    REQUIRE(more, "the stream ends early");
    CALL(sr_client_release(block));
  }
  CALL(conformance_echo_blocks_next(&request, &block, &more));
  REQUIRE(!more, "another block comes");
}

static void run_memory_stream(setting *s) {
  sr_client *client = NULL;
  conformance_echo echo;
  CALL(own_client(s, &client, &echo));
  stream_waits_for_room(s, client, echo);
  sr_client_free(client, 0);
}

static void run_won(setting *s) {
  sr_request request;
  conformance_tick tick;
  uint32_t result = 0;
  bool more;
  CALL(conformance_echo_commit_start(s->echo, NULL, &request));
  CALL(conformance_echo_commit_emitted(&request, &tick, &more));
  REQUIRE(more, "it is over");
  CALL(sr_request_cancel(request));
  CALL(sr_request_cancel(request));
  CALL(conformance_echo_commit_finish(&request, &result));
  REQUIRE(result == number(s, "result"), "the result is %u", (unsigned)result);
}

static void run_forged(setting *s) {
  static const char *const requests[] = {"own", "before", "after", "nowhere"};
  static const struct {
    const char *name;
    uint8_t kind;
  } frames[] = {{"cancel", SR_CANCEL}, {"credit", SR_CREDIT}, {"item", SR_ITEM},   {"end", SR_END},
                {"reply", SR_REPLY},   {"error", SR_ERROR},   {"panic", SR_PANIC}, {"emit", SR_EMIT}};
  const bool to_caller = json_is(member(s, "to"), "caller");
  uint8_t kind = 0;
  int which = -1;
  for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
    if (json_is(member(s, "frame"), frames[i].name)) kind = frames[i].kind;
  }
  for (int i = 0; i < 4; i++) {
    if (json_is(member(s, "request"), requests[i])) which = i;
  }
  REQUIRE(kind != 0 && which >= 0, "there is no such frame");
  const uint64_t at_client = sr_client_stray(s->client), at_library = statistics_of(s->client).stray;
  bool taken = false;
  CALL(conformance_echo_forge(s->echo, to_caller, kind, (conformance_forged)which, member(s, "carries")->truth, &taken));
  REQUIRE(taken, "the frame was not taken");
  for (int tries = 0; to_caller && tries < PATIENCE && sr_client_stray(s->client) == at_client; tries++) {
    CALL(sr_client_drain(s->client));
    sleep_ms(1);
  }
  CALL(conformance_echo_nothing(s->echo));
  REQUIRE(sr_client_stray(s->client) - at_client == (to_caller ? 1 : 0), "the client has dropped %u", (unsigned)(sr_client_stray(s->client) - at_client));
  const sr_statistics after = statistics_of(s->client);
  REQUIRE(after.stray - at_library == (to_caller ? 0 : 1), "the library has dropped %u", (unsigned)(after.stray - at_library));
  REQUIRE(after.buffers == 0 && after.objects == 1 && after.in_flight == 0, "something is left of it");
}

static void run_close_in_flight(setting *s) {
  ear e = {0, 0};
  const conformance_listener listener = listener_of(&e);
  conformance_echo child;
  conformance_tick tick;
  sr_request request;
  uint32_t result = 0;
  bool more;
  CALL(conformance_echo_child(s->echo, sr_string_of("child"), &child));
  CALL(conformance_echo_keep(child, &listener));
  CALL(conformance_echo_commit_start(child, NULL, &request));
  CALL(conformance_echo_commit_emitted(&request, &tick, &more));
  REQUIRE(more, "it is over");
  CALL(conformance_echo_close(child));
  FAILS(conformance_echo_nothing(child), SR_ERROR_CLOSED);
  sleep_ms(20);
  CALL(sr_client_drain(s->client));
  REQUIRE(e.released == 0, "the object has ended before its call");
  CALL(sr_request_cancel(request));
  CALL(conformance_echo_commit_finish(&request, &result));
  REQUIRE(result == number(s, "result"), "the result is %u", (unsigned)result);
  released(s, &e);
}

/* Threads that call, which the library makes wait. */
enum { CALLERS = 4 };
typedef struct caller {
  thread thread;
  conformance_echo echo;
  uint64_t calls;
  uint64_t failures;
} caller;

static void *call_nothing(void *argument) {
  caller *c = argument;
  for (uint64_t i = 0; i < c->calls; i++) {
    sr_error *error = conformance_echo_nothing(c->echo);
    if (error != NULL) c->failures++;
    sr_error_free(error);
  }
  return NULL;
}

static void fill(setting *s, sr_client *client, conformance_echo echo) {
  const uint64_t most = number(s, "requests"), waiting = number(s, "waiting"), before = statistics_of(client).requests;
  sr_request *requests = sr_arena_alloc(s->arena, most * sizeof(*requests));
  REQUIRE(requests != NULL, "out of memory");
  for (uint64_t i = 0; i < most; i++) CALL(conformance_echo_sleep_start(echo, FOR_EVER, NULL, &requests[i]));
  caller callers[CALLERS];
  for (int i = 0; i < CALLERS; i++) {
    callers[i].echo = echo;
    callers[i].calls = waiting / CALLERS;
    callers[i].failures = 0;
    thread_start(&callers[i].thread, call_nothing, &callers[i]);
  }
  sleep_ms(50);
  const sr_statistics full = statistics_of(client);
  sr_error *error = NULL;
  for (uint64_t i = 0; error == NULL && i < waiting; i++) {
    /* Frames of requests in flight are taken, and what is polled makes room. */
    uint32_t answer;
    error = sr_request_cancel(requests[i]);
    if (error == NULL) error = conformance_echo_sleep_finish(&requests[i], &answer);
    if (sr_error_is(error, SR_ERROR_CANCELLED)) {
      sr_error_free(error);
      error = NULL;
    }
  }
  uint64_t failures = 0;
  for (int i = 0; i < CALLERS; i++) {
    thread_join(&callers[i].thread);
    failures += callers[i].failures;
  }
  CALL(error);
  REQUIRE(full.requests - before == most && full.in_flight == most, "%" PRIu64 " requests were taken", full.requests - before);
  REQUIRE(failures == 0, "%" PRIu64 " calls failed", failures);
  REQUIRE(statistics_of(client).requests - before == most + waiting, "not all that waited were taken");
}

static void run_full(setting *s) {
  sr_client *client = NULL;
  conformance_echo echo;
  CALL(own_client(s, &client, &echo));
  fill(s, client, echo);
  sr_client_free(client, 0);
}

/* A thread that waits for a request until the library ends it. */
typedef struct waiter {
  thread thread;
  sr_request request;
  bool stream;
  bool cancelled;
} waiter;

static void *wait_for_the_end(void *argument) {
  waiter *w = argument;
  sr_error *error = NULL;
  uint32_t value;
  bool more = true;
  if (!w->stream) error = conformance_echo_sleep_finish(&w->request, &value);
  while (w->stream && error == NULL && more) error = conformance_echo_count_next(&w->request, &value, &more);
  w->cancelled = sr_error_is(error, SR_ERROR_CANCELLED);
  sr_error_free(error);
  return NULL;
}

static void shut_down(setting *s, sr_client *client, conformance_echo echo, const conformance_listener *listener) {
  const uint64_t sleeping = number(s, "sleeping"), all = sleeping + number(s, "streams");
  const uint64_t buffers = number(s, "buffers"), children = number(s, "children");
  waiter *waiters = sr_arena_alloc(s->arena, all * sizeof(*waiters));
  sr_buffer *buffer = sr_arena_alloc(s->arena, buffers * sizeof(*buffer));
  conformance_echo *child = sr_arena_alloc(s->arena, children * sizeof(*child));
  REQUIRE(waiters != NULL && buffer != NULL && child != NULL, "out of memory");
  CALL(conformance_echo_keep(echo, listener));
  for (uint64_t i = 0; i < buffers; i++) CALL(sr_client_alloc(client, 10, &buffer[i]));
  for (uint64_t i = 0; i < children; i++) CALL(conformance_echo_child(echo, sr_string_of("child"), &child[i]));
  for (uint64_t i = 0; i < all; i++) {
    waiters[i].stream = i >= sleeping;
    if (waiters[i].stream) {
      CALL(conformance_echo_count_start(echo, UINT32_MAX, false, NULL, &waiters[i].request));
    } else {
      CALL(conformance_echo_sleep_start(echo, FOR_EVER, NULL, &waiters[i].request));
    }
  }
  for (uint64_t i = 0; i < all; i++) thread_start(&waiters[i].thread, wait_for_the_end, &waiters[i]);
  const uint64_t in_flight = statistics_of(client).in_flight;
  const int32_t status = sr_runtime_free(sr_client_runtime(client), 0);
  uint64_t cancelled = 0;
  for (uint64_t i = 0; i < all; i++) {
    thread_join(&waiters[i].thread);
    cancelled += waiters[i].cancelled ? 1 : 0;
  }
  REQUIRE(in_flight == all && status == SR_OK, "%" PRIu64 " were in flight", in_flight);
  REQUIRE(cancelled == all, "%" PRIu64 " of %" PRIu64 " were told that they are cancelled", cancelled, all);
  sr_view view;
  for (uint64_t i = 0; i < buffers; i++) FAILS(sr_client_view(buffer[i], &view), SR_ERROR_CLOSED);
  for (uint64_t i = 0; i < children; i++) FAILS(conformance_echo_close(child[i]), SR_ERROR_CLOSED);
  FAILS(conformance_echo_nothing(echo), SR_ERROR_CLOSED);
}

static void run_shutdown(setting *s) {
  ear e = {0, 0};
  const conformance_listener listener = listener_of(&e);
  sr_client *client = NULL;
  conformance_echo echo;
  CALL(own_client(s, &client, &echo));
  shut_down(s, client, echo, &listener);
  sr_client_free(client, 0);
  REQUIRE(e.released == 1, "the listener is released %zu times", e.released);
}

#ifdef _WIN32
/* Windows has no fork, and a program that is started gets no handle that is not named for it. */
#define run_fork NULL
#define run_exec NULL
#else
/* What a child sees of the library: nothing waits for what stayed behind, and everything says why. */
static void in_a_child(setting *s, sr_request request, sr_buffer buffer) {
  sr_runtime *runtime = sr_client_runtime(s->client), *another = NULL;
  sr_statistics statistics;
  sr_frame frame = {.length = sizeof(frame), .kind = SR_CALL, .request = 1};
  sr_view view;
  uint8_t block[256];
  size_t used, needed;
  uint64_t handle;
  alarm(60); /* a function that hangs ends the child by a signal */
  REQUIRE(sr_submit(runtime, (const uint8_t *)&frame, sizeof(frame), &used) == SR_E_FORKED, "submit");
  REQUIRE(sr_poll(runtime, 0, block, sizeof(block), UINT64_MAX, &used, &needed) == SR_E_FORKED, "poll");
  REQUIRE(sr_buffer_try_alloc(runtime, 1, &handle) == SR_E_FORKED, "alloc");
  REQUIRE(sr_buffer_view(runtime, buffer.handle, &view) == SR_E_FORKED, "view");
  REQUIRE(sr_buffer_free(runtime, buffer.handle) == SR_E_FORKED, "free");
  REQUIRE(sr_runtime_statistics(runtime, &statistics) == SR_E_FORKED, "statistics");
  REQUIRE(sr_log_set(0, NULL, NULL) == SR_E_FORKED, "log");
  REQUIRE(sr_runtime_new(NULL, &another) == SR_E_FORKED, "new");
  REQUIRE(sr_runtime_free(runtime, 1000000000) == SR_E_FORKED, "end");

  ear e = {0, 0};
  const conformance_listener to = listener_of(&e);
  const conformance_list_string none = {NULL, 0};
  sr_request refused;
  uint32_t slept;
  sr_client *own = NULL;
  FAILS(conformance_echo_nothing(s->echo), SR_ERROR_CLOSED);
  FAILS(conformance_echo_sleep_finish(&request, &slept), SR_ERROR_CLOSED);
  FAILS(conformance_echo_ask_start(s->echo, &to, none, NULL, &refused), SR_ERROR_CLOSED);
  REQUIRE(e.released == 1, "the listener is released %zu times", e.released);
  FAILS(sr_client_drain(s->client), SR_ERROR_CLOSED);
  FAILS(conformance_client_new(NULL, &own), SR_ERROR_CLOSED);
  sr_request_drop(&request);
  sr_client_free(s->client, 1000000000);
}

static sr_error *start_sleeping(setting *s, sr_request *requests) {
  sr_error *error = NULL;
  for (uint64_t i = 0; error == NULL && i < number(s, "sleeping"); i++) {
    error = conformance_echo_sleep_start(s->echo, (uint32_t)number(s, "milliseconds"), NULL, &requests[i]);
  }
  return error;
}

static sr_error *finish_sleeping(setting *s, sr_request *requests) {
  sr_error *error = NULL;
  for (uint64_t i = 0; error == NULL && i < number(s, "sleeping"); i++) {
    uint32_t slept;
    error = conformance_echo_sleep_finish(&requests[i], &slept);
  }
  return error;
}

static void run_fork(setting *s) {
  sr_request *requests = sr_arena_alloc(s->arena, number(s, "sleeping") * sizeof(*requests));
  sr_buffer buffer;
  int status = -1;
  CALL(start_sleeping(s, requests));
  CALL(sr_client_alloc(s->client, 10, &buffer));
  fflush(stdout);
  const pid_t child = fork();
  REQUIRE(child >= 0, "there is no child");
  if (child == 0) {
    in_a_child(s, requests[0], buffer);
    _exit(s->failed ? 1 : 0);
  }
  REQUIRE(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ends with %d", status);
  CALL(finish_sleeping(s, requests));
  CALL(sr_client_release(buffer));
}

static void run_exec(setting *s) {
  sr_request *requests = sr_arena_alloc(s->arena, number(s, "sleeping") * sizeof(*requests));
  char command[256] = "", said[1 << 14];
  for (const json *word = member(s, "program")->first; word != NULL; word = word->next) {
    strncat(command, word->text.data, sizeof(command) - strlen(command) - 2);
    strcat(command, " ");
  }
  CALL(start_sleeping(s, requests));
  FILE *program = popen(command, "r");
  REQUIRE(program != NULL, "%s does not start", command);
  said[fread(said, 1, sizeof(said) - 1, program)] = 0;
  REQUIRE(pclose(program) == 0, "%s fails", command);
  for (const json *absent = member(s, "absent")->first; absent != NULL; absent = absent->next) {
    REQUIRE(strstr(said, absent->text.data) == NULL, "the program has a descriptor of the library: %s", said);
  }
  CALL(finish_sleeping(s, requests));
}
#endif

/* The text with one part replaced; NULL where it has no such part. */
static char *replaced(setting *s, const char *text, const char *part, const char *by) {
  const char *at = strstr(text, part);
  char *out = at == NULL ? NULL : sr_arena_alloc(s->arena, strlen(text) + strlen(by) + 1);
  if (out == NULL) return NULL;
  memcpy(out, text, (size_t)(at - text));
  strcpy(out + (at - text), by);
  strcat(out, at + strlen(part));
  return out;
}

static void run_schema(setting *s) {
  const sr_abi_info *library = sr_abi();
  const uint8_t other[16] = {0}; /* so that the texts are compared */
  const json *replace = member(s, "replace"), *gone = member(s, "remove"), *names = member(s, "names"), *spares = member(s, "spares");
  char *text = sr_arena_alloc(s->arena, library->text_length + 1);
  REQUIRE(text != NULL, "out of memory");
  memcpy(text, library->text, library->text_length);
  if (replace != NULL) text = replaced(s, text, replace->first->text.data, replace->first->next->text.data);
  for (const json *line = gone == NULL ? NULL : gone->first; text != NULL && line != NULL; line = line->next) {
    text = replaced(s, text, line->text.data, "");
  }
  REQUIRE(text != NULL && text[strlen(text) - 1] == '\n', "the schema has no such line");
  text[strlen(text) - 1] = 0;
  const json *added = member(s, "add");
  char *first = added == NULL ? NULL : replaced(s, added->text.data, "\n", "");
  const char *const lines[] = {text, first};
  sr_error *error = sr_client_check(other, lines, first == NULL ? 1 : 2);
  if (names == NULL) {
    CALL(error);
    return;
  }
  const bool refused = sr_error_is(error, SR_ERROR_OTHER_LIBRARY);
  if (!refused) fail(s, __FILE__, __LINE__, "the library is not refused");
  for (const json *name = names->first; refused && name != NULL; name = name->next) {
    if (strstr(error->message, name->text.data) == NULL) fail(s, __FILE__, __LINE__, "%s is not named: %s", name->text.data, error->message);
  }
  for (const json *name = spares == NULL ? NULL : spares->first; refused && name != NULL; name = name->next) {
    if (strstr(error->message, name->text.data) != NULL) fail(s, __FILE__, __LINE__, "%s is named: %s", name->text.data, error->message);
  }
  sr_error_free(error);
}

const kind crossing_kinds[] = {
    {"trace", run_trace},
    {"log", run_log},
    {"statistics", run_statistics},
    {"buffer", run_buffer},
    {"memory", run_memory},
    {"memory_stream", run_memory_stream},
    {"won", run_won},
    {"forged", run_forged},
    {"close_in_flight", run_close_in_flight},
    {"full", run_full},
    {"shutdown", run_shutdown},
    {"fork", run_fork},
    {"exec", run_exec},
    {"schema", run_schema},
    {NULL, NULL},
};
