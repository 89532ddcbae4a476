/* Runs every case of the table that all languages share, through the generated header and the C client. */
#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <stdlib.h>

#include "rows.h"
#include "setting.h"
#include "thread.h"
#include "values.h"

/* The library's id of the method that a case names. */
static uint32_t method_id(const setting *s) {
  char name[64];
  snprintf(name, sizeof(name), "Echo.%s", text(s, "method").data);
  const sr_abi_info *abi = sr_abi();
  for (uint32_t i = 0; i < abi->method_count; i++) {
    if (strcmp(abi->methods[i].name, name) == 0) return abi->methods[i].id;
  }
  return 0;
}

/* Sends a payload as it is. */
static sr_error *send_raw(setting *s, sr_bytes wire, sr_reply *reply) {
  sr_writer w;
  sr_request request;
  sr_writer_init(&w);
  sr_put_raw(&w, wire.data, wire.length);
  sr_error *error = sr_client_start(s->client, s->echo.handle, method_id(s), &w, NULL, 0, &request);
  return error != NULL ? error : sr_request_finish(&request, s->arena, reply);
}

/* One typed way there and back: what the header encodes is what the table says, and so is what it decodes. */
#define ROUNDTRIP(type)                                                                                      \
  do {                                                                                                       \
    const conformance_##type want = type##_of(s->arena, member(s, "value"));                                 \
    conformance_##type got;                                                                                  \
    sr_writer_init(&w);                                                                                      \
    conformance_put_##type(&w, &want);                                                                       \
    encoded = same(canonical, w.data + sizeof(sr_frame), w.length - sizeof(sr_frame));                       \
    sr_writer_free(&w);                                                                                      \
    REQUIRE(encoded, "the header encodes the value otherwise");                                              \
    sr_reader_init(&r, wire.data, wire.length, s->arena);                                                    \
    got = conformance_##type##_default(); /* what an older caller's missing argument is */                   \
    if (!sr_get_ended(&r)) conformance_get_##type(&r, &got);                                                 \
    REQUIRE(r.failure == 0, "the header cannot decode the wire");                                            \
    sr_writer_init(&w);                                                                                      \
    conformance_put_##type(&w, &got);                                                                        \
    encoded = same(canonical, w.data + sizeof(sr_frame), w.length - sizeof(sr_frame));                       \
    sr_writer_free(&w);                                                                                      \
    REQUIRE(encoded, "the header decodes the wire to another value");                                        \
    CALL(conformance_echo_##type(s->echo, &want, s->arena, &got));                                           \
    sr_writer_init(&w);                                                                                      \
    conformance_put_##type(&w, &got);                                                                        \
    encoded = same(canonical, w.data + sizeof(sr_frame), w.length - sizeof(sr_frame));                       \
    sr_writer_free(&w);                                                                                      \
    REQUIRE(encoded, "the value comes back changed");                                                        \
  } while (0)

/* Whether the library refused a path because it is none of this system: on Windows, one that is not Unicode. */
static bool is_path_of_another_system(const sr_error *error) {
#ifdef _WIN32
  return error != NULL && strstr(error->message, "a path is not one of this system") != NULL;
#else
  (void)error;
  return false;
#endif
}

static void run_roundtrip(setting *s) {
  const sr_bytes wire = json_bytes(s->arena, member(s, "wire"));
  const json *reply_member = member(s, "reply");
  const sr_bytes canonical = reply_member == NULL || reply_member->kind == JSON_NULL ? wire : json_bytes(s->arena, reply_member);
  sr_reply reply;
  sr_error *sent = send_raw(s, wire, &reply);
  s->elsewhere = is_path_of_another_system(sent);
  if (s->elsewhere) {
    sr_error_free(sent);
    return;
  }
  CALL(sent);
  const bool answered = same(canonical, reply.reader.at, (size_t)(reply.reader.end - reply.reader.at));
  CALL(sr_reply_end(&reply));
  REQUIRE(answered, "the library answers otherwise");

  sr_writer w;
  sr_reader r;
  bool encoded;
  if (json_is(member(s, "method"), "scalars")) {
    ROUNDTRIP(scalars);
  } else if (json_is(member(s, "method"), "containers")) {
    ROUNDTRIP(containers);
  } else if (json_is(member(s, "method"), "defaults")) {
    ROUNDTRIP(defaults);
  } else if (json_is(member(s, "method"), "moments")) {
    ROUNDTRIP(moments);
  } else {
    REQUIRE(false, "there is no method %s", text(s, "method").data);
  }
}

static void run_malformed(setting *s) {
  const sr_bytes wire = json_bytes(s->arena, member(s, "wire"));
  sr_reply reply;
  FAILS(send_raw(s, wire, &reply), SR_ERROR_MALFORMED);
  /* The header's decoders meet the same bytes. */
  sr_reader r;
  sr_reader_init(&r, wire.data, wire.length, s->arena);
  if (json_is(member(s, "method"), "scalars")) {
    conformance_scalars out;
    conformance_get_scalars(&r, &out);
  } else if (json_is(member(s, "method"), "containers")) {
    conformance_containers out;
    conformance_get_containers(&r, &out);
  } else if (json_is(member(s, "method"), "defaults")) {
    conformance_defaults out;
    conformance_get_defaults(&r, &out);
  } else if (json_is(member(s, "method"), "moments")) {
    conformance_moments out;
    conformance_get_moments(&r, &out);
  } else {
    REQUIRE(false, "there is no method %s", text(s, "method").data);
  }
  REQUIRE(r.failure == SR_ERROR_MALFORMED, "the header decodes what is malformed");
  CALL(conformance_echo_nothing(s->echo));
}

static void run_error(setting *s) {
  const sr_string reason = text(s, "reason");
  sr_error *error = conformance_echo_fail(s->echo, reason, (uint32_t)number(s, "code"));
  conformance_conformance_error typed;
  REQUIRE(error != NULL, "the call succeeds");
  const bool known = conformance_conformance_error_from(error, s->arena, &typed);
  const bool said = strcmp(error->message, text(s, "message").data) == 0;
  const json *variant = member(s, "variant");
  const char *names[] = {"refused", "empty"};
  const bool right = known && (variant->kind == JSON_NUMBER ? json_unsigned(variant) == (uint64_t)typed.kind
                                                            : json_is(variant, names[typed.kind]));
  sr_error_free(error);
  REQUIRE(known, "the error is of another type");
  REQUIRE(said, "the message is another one");
  REQUIRE(right, "the variant is another one");
  if (typed.kind == CONFORMANCE_CONFORMANCE_ERROR_REFUSED) {
    REQUIRE(sr_compare_strings(typed.as.refused.reason, reason) == 0, "the reason is %s", typed.as.refused.reason.data);
    REQUIRE(typed.as.refused.code == number(s, "code"), "the code is %u", (unsigned)typed.as.refused.code);
  }
}

static void run_panic(setting *s) {
  sr_error *error = conformance_echo_crash(s->echo, text(s, "message"));
  const bool panicked = sr_error_is(error, SR_ERROR_PANIC);
  const bool said = panicked && strcmp(error->message, text(s, "message").data) == 0;
  sr_error_free(error);
  REQUIRE(panicked, "the call does not panic");
  REQUIRE(said, "the message is another one");
  CALL(conformance_echo_nothing(s->echo));
}

static void run_cancel(setting *s) {
  sr_request request;
  uint32_t in_flight;
  const uint64_t start = now_ms();
  CALL(conformance_echo_sleep_start(s->echo, (uint32_t)number(s, "milliseconds"), NULL, &request));
  sleep_ms(number(s, "after"));
  CALL(sr_request_cancel(request));
  FAILS(conformance_echo_sleep_finish(&request, &in_flight), SR_ERROR_CANCELLED);
  REQUIRE(now_ms() - start < number(s, "milliseconds"), "the call slept on");
}

static void run_deadline(setting *s) {
  sr_request request;
  sr_call how;
  uint32_t in_flight;
  memset(&how, 0, sizeof(how));
  how.timeout_ns = number(s, "deadline") * 1000000;
  const uint64_t start = now_ms();
  CALL(conformance_echo_sleep_start(s->echo, (uint32_t)number(s, "milliseconds"), &how, &request));
  FAILS(conformance_echo_sleep_finish(&request, &in_flight), SR_ERROR_DEADLINE_EXCEEDED);
  REQUIRE(now_ms() - start < number(s, "milliseconds"), "the call slept on");
}

static void run_stream(setting *s) {
  const json *take_member = member(s, "take"), *fail_member = member(s, "fail");
  const uint64_t count = number(s, "count");
  const bool fails = fail_member != NULL && fail_member->truth;
  const uint64_t take = take_member == NULL || take_member->kind == JSON_NULL ? UINT64_MAX : json_unsigned(take_member);
  sr_request request;
  CALL(conformance_echo_count_start(s->echo, (uint32_t)count, fails, NULL, &request));
  bool more = true;
  uint32_t item = 0;
  for (uint64_t i = 0; i < count && i < take; i++) {
    CALL(conformance_echo_count_next(&request, &item, &more));
    REQUIRE(more && item == i, "item %u comes at place %u", (unsigned)item, (unsigned)i);
  }
  if (take > count) {
    sr_error *error = conformance_echo_count_next(&request, &item, &more);
    conformance_conformance_error typed;
    const bool empty = conformance_conformance_error_from(error, s->arena, &typed) && typed.kind == CONFORMANCE_CONFORMANCE_ERROR_EMPTY;
    const bool none = error == NULL;
    sr_error_free(error);
    REQUIRE(!more && (fails ? empty : none), "the stream ends otherwise");
    FAILS(conformance_echo_count_next(&request, &item, &more), SR_ERROR_CLOSED);
  }
  sr_request_drop(&request);
  CALL(conformance_echo_nothing(s->echo));
}

static void run_blocks(setting *s) {
  const uint64_t count = number(s, "count"), size = number(s, "size");
  sr_request request;
  CALL(conformance_echo_blocks_start(s->echo, (uint32_t)count, (uint32_t)size, NULL, &request));
  for (uint64_t i = 0;; i++) {
    sr_buffer block;
    bool more;
    CALL(conformance_echo_blocks_next(&request, &block, &more));
    REQUIRE(more == (i < count), "the stream has %u blocks", (unsigned)i);
    if (!more) return;
    sr_view view;
    CALL(sr_client_view(block, &view));
    bool right = view.length == size;
    for (size_t j = 0; right && j < size; j++) right = view.data[j] == i % 251;
    CALL(sr_client_unview(block));
    CALL(sr_client_release(block));
    REQUIRE(right, "block %u has other bytes", (unsigned)i);
  }
}

/* Reads some items and then stops: what the library produces meanwhile stays within the window. */
static void run_credit(setting *s) {
  const uint64_t count = number(s, "count"), take = number(s, "take"), bound = number(s, "bound");
  uint64_t before, after;
  sr_request request;
  CALL(conformance_echo_produced(s->echo, &before));
  CALL(conformance_echo_count_start(s->echo, (uint32_t)count, false, NULL, &request));
  for (uint64_t i = 0; i < take; i++) {
    uint32_t item = 0;
    bool more;
    CALL(conformance_echo_count_next(&request, &item, &more));
    REQUIRE(more && item == i, "item %u comes at place %u", (unsigned)item, (unsigned)i);
  }
  sleep_ms(number(s, "wait"));
  CALL(conformance_echo_produced(s->echo, &after));
  sr_request_drop(&request);
  REQUIRE(bound < count && after - before >= take && after - before <= bound, "%u items were produced", (unsigned)(after - before));
}

static void run_sum(setting *s) {
  const sr_bytes data = json_bytes(s->arena, member(s, "data"));
  uint64_t want = 0, got;
  for (size_t i = 0; i < data.length; i++) want += data.data[i];
  sr_buffer buffer;
  CALL(filled(s, data, &buffer));
  CALL(conformance_echo_sum(s->echo, buffer, &got));
  REQUIRE(got == want, "the sum is %u", (unsigned)got);
}

static void run_invert(setting *s) {
  const sr_bytes data = json_bytes(s->arena, member(s, "data"));
  sr_buffer buffer, back;
  sr_view view;
  CALL(filled(s, data, &buffer));
  CALL(conformance_echo_invert(s->echo, buffer, &back));
  CALL(sr_client_view(back, &view));
  bool right = view.length == data.length;
  for (size_t i = 0; right && i < data.length; i++) right = view.data[i] + data.data[i] == 0xff;
  CALL(sr_client_unview(back));
  CALL(sr_client_release(back));
  REQUIRE(right, "the bytes are others");
}

static void run_closed_object(setting *s) {
  conformance_echo child;
  sr_string name;
  CALL(conformance_echo_child(s->echo, sr_string_of("child"), &child));
  CALL(conformance_echo_name(child, s->arena, &name));
  REQUIRE(strcmp(name.data, "child") == 0, "its name is %s", name.data);
  CALL(conformance_echo_close(child));
  FAILS(conformance_echo_nothing(child), SR_ERROR_CLOSED);
  FAILS(conformance_echo_name(child, s->arena, &name), SR_ERROR_CLOSED);
  FAILS(conformance_echo_close(child), SR_ERROR_CLOSED);
  CALL(conformance_echo_nothing(s->echo));
}

static void run_emit(setting *s) {
  const uint32_t steps = (uint32_t)number(s, "steps");
  uint32_t answer, last = 0;
  sr_request request;
  CALL(conformance_echo_ticks_start(s->echo, steps, NULL, &request));
  for (;;) {
    conformance_tick tick = {0};
    bool more;
    CALL(conformance_echo_ticks_emitted(&request, &tick, &more));
    if (!more) break;
    REQUIRE(tick.step >= last && tick.step < steps, "tick %u comes after %u", (unsigned)tick.step, (unsigned)last);
    last = tick.step;
  }
  CALL(conformance_echo_ticks_finish(&request, &answer));
  REQUIRE(answer == steps, "the answer is %u", (unsigned)answer);
  CALL(conformance_echo_ticks(s->echo, steps, &answer));
  REQUIRE(answer == steps, "the answer is %u where nobody takes the ticks", (unsigned)answer);
}

/* A few threads wait for many calls of one client. */
enum { WAITERS = 4 };
typedef struct waiter {
  sr_request *requests;
  size_t count;
  size_t failures;
} waiter;

static void *wait_for_all(void *argument) {
  waiter *w = argument;
  for (size_t i = 0; i < w->count; i++) {
    uint32_t in_flight;
    sr_error *error = conformance_echo_sleep_finish(&w->requests[i], &in_flight);
    if (error != NULL) w->failures++;
    sr_error_free(error);
  }
  return NULL;
}

static void run_concurrent(setting *s) {
  const uint64_t calls = number(s, "calls"), milliseconds = number(s, "milliseconds");
  sr_request *requests = sr_arena_alloc(s->arena, calls * sizeof(*requests));
  REQUIRE(requests != NULL, "out of memory");
  const uint64_t start = now_ms();
  for (uint64_t i = 0; i < calls; i++) CALL(conformance_echo_sleep_start(s->echo, (uint32_t)milliseconds, NULL, &requests[i]));
  waiter waiters[WAITERS];
  thread threads[WAITERS];
  for (size_t i = 0; i < WAITERS; i++) {
    waiters[i].requests = requests + calls * i / WAITERS;
    waiters[i].count = calls * (i + 1) / WAITERS - calls * i / WAITERS;
    waiters[i].failures = 0;
    thread_start(&threads[i], wait_for_all, &waiters[i]);
  }
  size_t failures = 0;
  for (size_t i = 0; i < WAITERS; i++) {
    thread_join(&threads[i]);
    failures += waiters[i].failures;
  }
  const uint64_t took = now_ms() - start;
  REQUIRE(failures == 0, "%u calls failed", (unsigned)failures);
  REQUIRE(took >= milliseconds && took < milliseconds * (calls / 2 > 2 ? calls / 2 : 2), "they took %u ms", (unsigned)took);
}

/* Ends the case unless the call fails as the table says, or succeeds where the table has no failure. */
#define EXPECT(call)                                                                                       \
  do {                                                                                                     \
    if (!as_expected(s, #call, (call))) return;                                                            \
  } while (0)

static bool as_expected(setting *s, const char *what, sr_error *error) {
  static const char *const variants[] = {"refused", "empty"};
  const json *variant = member(s, "variant"), *message = member(s, "message"), *runtime = member(s, "runtime");
  conformance_conformance_error typed;
  bool right;
  if (variant != NULL) {
    right = conformance_conformance_error_from(error, s->arena, &typed) && json_is(variant, variants[typed.kind]);
  } else if (runtime != NULL) {
    right = json_is(runtime, "callback") && sr_error_is(error, SR_ERROR_CALLBACK);
  } else {
    right = error == NULL;
  }
  if (right && message != NULL) right = json_is(message, error->message);
  if (!right) fail(s, __FILE__, __LINE__, "%s: %s", what, error == NULL ? "it succeeds" : error->message);
  sr_error_free(error);
  return right;
}

static bool fails(const setting *s) { return member(s, "variant") != NULL || member(s, "runtime") != NULL; }

static void run_total(setting *s) {
  sr_request request;
  uint64_t sum = 0;
  bool more = true;
  CALL(conformance_echo_total_start(s->echo, (uint32_t)number(s, "limit"), NULL, &request));
  for (const json *n = member(s, "numbers")->first; more && n != NULL; n = n->next) {
    CALL(conformance_echo_total_push(&request, (uint32_t)json_unsigned(n), &more));
  }
  CALL(sr_request_end(&request));
  EXPECT(conformance_echo_total_finish(&request, &sum));
  if (!fails(s)) REQUIRE(sum == number(s, "result"), "the sum is %" PRIu64, sum);
}

/* Gives numbers as long as the library takes them, and takes none of their doubles: it cannot take many. */
static void run_total_credit(setting *s) {
  const uint64_t count = number(s, "count"), bound = number(s, "bound"), start = now_ms();
  uint64_t taken = 0;
  sr_request request;
  CALL(conformance_echo_double_start(s->echo, NULL, &request));
  while (now_ms() - start < 200) {
    CALL(sr_client_drain(s->client));
    while (taken < count && sr_request_writable(request)) {
      bool more;
      CALL(conformance_echo_double_push(&request, 1, &more));
      REQUIRE(more, "the request is over");
      taken++;
    }
    sleep_ms(1);
  }
  sr_request_drop(&request);
  REQUIRE(taken > 0 && taken <= bound, "%" PRIu64 " numbers were taken", taken);
  CALL(conformance_echo_nothing(s->echo));
}

static void run_double(setting *s) {
  sr_request request;
  bool more = true;
  CALL(conformance_echo_double_start(s->echo, NULL, &request));
  for (const json *n = member(s, "numbers")->first; more && n != NULL; n = n->next) {
    CALL(conformance_echo_double_push(&request, (uint32_t)json_unsigned(n), &more));
  }
  CALL(sr_request_end(&request));
  uint64_t item = 0;
  for (const json *want = member(s, "result")->first; want != NULL; want = want->next) {
    CALL(conformance_echo_double_next(&request, &item, &more));
    REQUIRE(more && item == json_unsigned(want), "%" PRIu64 " comes instead of %s", item, want->text.data);
  }
  EXPECT(conformance_echo_double_next(&request, &item, &more));
  REQUIRE(!more, "%" PRIu64 " comes after the last", item);
}

static void run_total_bytes(setting *s) {
  sr_request request;
  uint64_t sum;
  CALL(conformance_echo_total_bytes_start(s->echo, NULL, &request));
  for (const json *part = member(s, "parts")->first; part != NULL; part = part->next) {
    sr_buffer buffer;
    sr_view view;
    bool more;
    CALL(filled(s, json_bytes(s->arena, part), &buffer));
    CALL(conformance_echo_total_bytes_push(&request, buffer, &more));
    REQUIRE(more, "the request is over");
    FAILS(sr_client_view(buffer, &view), SR_ERROR_CLOSED);
  }
  CALL(sr_request_end(&request));
  CALL(conformance_echo_total_bytes_finish(&request, &sum));
  REQUIRE(sum == number(s, "result"), "the sum is %" PRIu64, sum);
}

static conformance_list_string texts_of(setting *s) {
  const json *texts = member(s, "texts");
  sr_string *items = sr_arena_alloc(s->arena, (texts->count + 1) * sizeof(*items));
  conformance_list_string out = {items, 0};
  for (const json *item = texts->first; items != NULL && item != NULL; item = item->next) items[out.count++] = item->text;
  return out;
}

static void run_ask(setting *s) {
  ear e = {0, 0};
  const conformance_listener listener = listener_of(&e);
  const conformance_list_string texts = texts_of(s);
  conformance_list_u32 lengths = {NULL, 0};
  EXPECT(conformance_echo_ask(s->echo, &listener, texts, s->arena, &lengths));
  const json *heard = member(s, "heard");
  REQUIRE(e.heard == (heard == NULL ? texts.count : json_unsigned(heard)), "the listener was called %u times", (unsigned)e.heard);
  if (!fails(s)) {
    const json *want = member(s, "result");
    REQUIRE(lengths.count == want->count, "%u answers", (unsigned)lengths.count);
    want = want->first;
    for (size_t i = 0; i < lengths.count; i++, want = want->next) {
      REQUIRE(lengths.items[i] == json_unsigned(want), "answer %u is %u", (unsigned)i, (unsigned)lengths.items[i]);
    }
  }
  released(s, &e);
}

static void run_pass(setting *s) {
  ear e = {0, 0};
  const conformance_listener listener = listener_of(&e);
  const sr_bytes want = json_bytes(s->arena, member(s, "result"));
  sr_buffer buffer, back;
  sr_view view;
  CALL(filled(s, json_bytes(s->arena, member(s, "data")), &buffer));
  CALL(conformance_echo_pass(s->echo, &listener, buffer, &back));
  CALL(sr_client_view(back, &view));
  const bool right = same(want, view.data, view.length);
  CALL(sr_client_unview(back));
  CALL(sr_client_release(back));
  REQUIRE(right, "the bytes are others");
  REQUIRE(e.heard == 1, "the listener was called %u times", (unsigned)e.heard);
  released(s, &e);
}

static void run_keep(setting *s) {
  ear e = {0, 0};
  const conformance_listener listener = listener_of(&e);
  CALL(conformance_echo_keep(s->echo, &listener));
  const json *want = member(s, "result")->first;
  for (const json *text = member(s, "texts")->first; text != NULL; text = text->next, want = want->next) {
    uint32_t length;
    CALL(conformance_echo_recall(s->echo, text->text, &length));
    REQUIRE(length == json_unsigned(want), "the answer is %u", (unsigned)length);
  }
  REQUIRE(e.released == 0, "the listener is released while it is kept");
  CALL(conformance_echo_forget(s->echo));
  released(s, &e);
}

static void run_recall_nothing(setting *s) {
  uint32_t length;
  CALL(conformance_echo_forget(s->echo));
  EXPECT(conformance_echo_recall(s->echo, sr_string_of("nobody hears this"), &length));
}

static const kind kinds[] = {
    {"roundtrip", run_roundtrip},
    {"malformed", run_malformed},
    {"error", run_error},
    {"panic", run_panic},
    {"cancel", run_cancel},
    {"deadline", run_deadline},
    {"stream", run_stream},
    {"blocks", run_blocks},
    {"credit", run_credit},
    {"sum", run_sum},
    {"invert", run_invert},
    {"closed_object", run_closed_object},
    {"emit", run_emit},
    {"concurrent", run_concurrent},
    {"total", run_total},
    {"total_credit", run_total_credit},
    {"double", run_double},
    {"total_bytes", run_total_bytes},
    {"ask", run_ask},
    {"pass", run_pass},
    {"keep", run_keep},
    {"recall_nothing", run_recall_nothing},
};

/* Nothing of a case may stay behind: buffers that were dropped on the way are freed when they arrive. */
static void check_leaks(setting *s) {
  sr_statistics statistics;
  memset(&statistics, 0, sizeof(statistics));
  for (int tries = 0; tries < 200; tries++) {
    sr_error_free(sr_client_drain(s->client));
    if (sr_runtime_statistics(sr_client_runtime(s->client), &statistics) != SR_OK) break;
    if (statistics.buffers == 0 && statistics.objects == 0 && statistics.in_flight == 0) return;
    sleep_ms(10);
  }
  fail(s, __FILE__, __LINE__, "left behind: %u buffers, %u objects, %u requests", (unsigned)statistics.buffers,
       (unsigned)statistics.objects, (unsigned)statistics.in_flight);
}

static void open_and_run(setting *s, const kind *k) {
  CALL(conformance_client_new(NULL, &s->client));
  CALL(conformance_echo_open(s->client, sr_string_of("conformance"), &s->echo));
  k->run(s);
  CALL(conformance_echo_close(s->echo));
  if (!s->failed) check_leaks(s);
}

static const kind *find_kind(const char *name) {
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
    if (strcmp(kinds[i].name, name) == 0) return &kinds[i];
  }
  for (const kind *k = crossing_kinds; k->name != NULL; k++) {
    if (strcmp(k->name, name) == 0) return k;
  }
  return NULL;
}

/* Whether the row does what it has to: hold, or fail where it is a known gap. */
static bool run_case(const json *table, bool gap, size_t *elsewhere) {
  sr_arena arena;
  sr_arena_init(&arena);
  setting s;
  memset(&s, 0, sizeof(s));
  s.arena = &arena;
  s.table = table;
  const char *name = text(&s, "name").data, *wanted = text(&s, "kind").data;
  const kind *found = find_kind(wanted);
  if (found == NULL) {
    fail(&s, __FILE__, __LINE__, "there is no runner for the kind %s", wanted);
  } else {
    open_and_run(&s, found);
  }
  sr_client_free(s.client, 1000000000);
  const bool good = found != NULL && s.failed == gap;
  const char *said = s.elsewhere ? "not here" : s.failed ? gap ? "gap   " : "FAILED" : gap ? "CLOSED" : "ok    ";
  if (s.elsewhere) (*elsewhere)++;
  printf("%s %s: %s\n", said, wanted, name);
  if (gap && !s.failed) fprintf(stderr, "the gap \"%s\" is closed: take it out of gaps.json\n", name);
  fflush(stdout);
  sr_arena_free(&arena);
  return good;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: %s gaps.json cases.json…\n", argv[0]);
    return 2;
  }
  sr_arena arena;
  sr_arena_init(&arena);
  const json *files[16];
  for (int i = 1; i < argc && i < 16; i++) {
    size_t at;
    files[i] = json_read(&arena, argv[i], &at);
    if (files[i] == NULL || files[i]->kind != JSON_ARRAY || (i > 1 && files[i]->count == 0)) {
      fprintf(stderr, "%s: not a table, from byte %u on\n", argv[i], (unsigned)at);
      return 1;
    }
  }
  if (!rows_refuse_what_is_not_there() || !rows_agree(files + 2, (size_t)argc - 2, files[1])) return 1;
  size_t ran = 0, gaps = 0, skipped = 0, elsewhere = 0, failed = 0;
  for (int i = 2; i < argc; i++) {
    for (const json *row = files[i]->first; row != NULL; row = row->next) {
      if (!row_is_for_c(row)) {
        skipped++;
        continue;
      }
      const kind *found = find_kind(json_get(row, "kind")->text.data);
      if (found != NULL && found->run == NULL) {
        printf("not here %s: %s\n", found->name, json_get(row, "name")->text.data);
        elsewhere++;
        continue;
      }
      const bool gap = row_is_a_gap(row, files[1]);
      if (gap) gaps++;
      ran++;
      if (!run_case(row, gap, &elsewhere)) failed++;
    }
  }
  printf("ran %zu rows, %zu of them known gaps, %zu were of other systems, skipped %zu of other languages, %zu failed\n", ran, gaps,
         elsewhere, skipped, failed);
  sr_arena_free(&arena);
  return ran > 0 && failed == 0 ? 0 : 1;
}
