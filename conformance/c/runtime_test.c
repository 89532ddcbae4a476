/* What the C client promises of streams from the caller and of callbacks, beyond the table that all languages share. */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "conformance.h"
#include "expect.h"

static void sleep_ms(long ms) {
  struct timespec t = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&t, NULL);
}

static sr_client *client;
static conformance_echo echo;

static void open_client(void) {
  CALL(conformance_client_new(NULL, &client));
  CALL(conformance_echo_open(client, sr_string_of("runtime"), &echo));
}

/* Waits until the library holds nothing for this client, but its one object. */
static void nothing_is_left(void) {
  sr_statistics statistics;
  for (int tries = 0; tries < 500; tries++) {
    CALL(sr_client_drain(client));
    CHECK(sr_runtime_statistics(sr_client_runtime(client), &statistics) == SR_OK);
    if (statistics.buffers == 0 && statistics.in_flight == 0 && statistics.objects == 1) return;
    sleep_ms(10);
  }
  fprintf(stderr, "left behind: %u buffers, %u objects, %u requests\n", (unsigned)statistics.buffers,
          (unsigned)statistics.objects, (unsigned)statistics.in_flight);
  exit(1);
}

static uint64_t stray_at_library(void) {
  sr_statistics statistics;
  CHECK(sr_runtime_statistics(sr_client_runtime(client), &statistics) == SR_OK);
  return statistics.stray;
}

static sr_buffer filled(const char *text) {
  sr_buffer out;
  sr_view view;
  CALL(sr_client_alloc(client, strlen(text), &out));
  CALL(sr_client_view(out, &view));
  memcpy(view.data, text, view.length);
  CALL(sr_client_unview(out));
  return out;
}

/* A listener that counts, and does what a test wants of it. */
typedef struct ear {
  atomic_int heard;
  atomic_int running;
  atomic_int released;
  atomic_bool hold; /* its function returns when this is false */
  int nest; /* how many more listeners it asks before it answers */
} ear;

static void ear_release(void *context) {
  ear *e = context;
  CHECK(atomic_load(&e->running) == 0);
  atomic_fetch_add(&e->released, 1);
}

static sr_error *ear_heard(void *context, sr_string text, uint32_t *out);
static sr_error *ear_took(void *context, sr_buffer data, sr_buffer *out) {
  ear *e = context;
  atomic_fetch_add(&e->heard, 1);
  *out = data;
  return NULL;
}

static conformance_listener listener(ear *e) {
  conformance_listener out = {ear_heard, ear_took, ear_release, e};
  return out;
}

static const sr_string hello = {"hello", 5};
static const conformance_list_string texts = {&hello, 1};

static sr_error *ear_heard(void *context, sr_string text, uint32_t *out) {
  ear *e = context;
  atomic_fetch_add(&e->running, 1);
  atomic_fetch_add(&e->heard, 1);
  while (atomic_load(&e->hold)) sleep_ms(1);
  sr_error *error = NULL;
  if (e->nest > 0) {
    ear inner = {.nest = e->nest - 1};
    const conformance_listener inside = listener(&inner);
    sr_arena arena;
    sr_arena_init(&arena);
    conformance_list_u32 lengths = {NULL, 0};
    error = conformance_echo_ask(echo, &inside, texts, &arena, &lengths);
    if (error == NULL) CHECK(lengths.count == 1 && lengths.items[0] == 5);
    sr_arena_free(&arena);
    while (atomic_load(&inner.released) == 0) {
      CALL(sr_client_drain(client));
      sleep_ms(1);
    }
  }
  *out = (uint32_t)text.length;
  atomic_fetch_sub(&e->running, 1);
  return error;
}

static void wait_released(ear *e) {
  for (int tries = 0; tries < 500 && atomic_load(&e->released) == 0; tries++) {
    CALL(sr_client_drain(client));
    sleep_ms(10);
  }
  CALL(conformance_echo_nothing(echo));
  CHECK(atomic_load(&e->released) == 1);
}

static sr_error *ask(ear *e) {
  const conformance_listener to = listener(e);
  conformance_list_u32 lengths = {NULL, 0};
  sr_arena arena;
  sr_arena_init(&arena);
  sr_error *error = conformance_echo_ask(echo, &to, texts, &arena, &lengths);
  if (error == NULL) CHECK(lengths.count == 1 && lengths.items[0] == 5);
  sr_arena_free(&arena);
  return error;
}

/* Where the request never comes about, the listener is released all the same. */
static void refused_requests_release(void) {
  ear at_library = {0}, at_client = {0};
  conformance_echo child;
  CALL(conformance_echo_child(echo, sr_string_of("child"), &child));
  CALL(conformance_echo_close(child));
  const conformance_listener to = listener(&at_library);
  FAILS(conformance_echo_keep(child, &to), SR_ERROR_CLOSED);
  wait_released(&at_library);

  const conformance_listener never_sent = listener(&at_client);
  sr_writer w;
  sr_request request;
  sr_writer_init(&w);
  conformance_put_listener(&w, client, &never_sent);
  sr_put_duration(&w, -1);
  FAILS(sr_client_start(client, echo.handle, 1, &w, NULL, 0, &request), SR_ERROR_MALFORMED);
  CHECK(atomic_load(&at_client.released) == 1);
}

static void callbacks_nest(void) {
  ear e = {.nest = 8};
  CALL(ask(&e));
  wait_released(&e);
  CHECK(atomic_load(&e.heard) == 1);
}

static sr_error *released_twice(void *context, sr_buffer data, sr_buffer *out) {
  (void)context;
  (void)out;
  CALL(sr_client_release(data));
  return sr_client_release(data);
}

/* A function that is NULL, and one that fails with an error of the runtime, which its own caller did not make. */
static void failures_leave_nothing(void) {
  ear e = {0};
  conformance_listener to = listener(&e);
  sr_buffer out;
  to.took = NULL;
  sr_error *error = conformance_echo_pass(echo, &to, filled("to nobody"), &out);
  CHECK(error != NULL);
  sr_error_free(error);
  wait_released(&e);

  ear other = {0};
  to = listener(&other);
  to.took = released_twice;
  FAILS(conformance_echo_pass(echo, &to, filled("refused"), &out), SR_ERROR_CALLBACK);
  wait_released(&other);
  nothing_is_left();
}

static void *finish_ask(void *argument) {
  sr_request *request = argument;
  conformance_list_u32 lengths = {NULL, 0};
  sr_arena arena;
  sr_arena_init(&arena);
  sr_error *error = conformance_echo_ask_finish(request, &arena, &lengths);
  CHECK(sr_error_is(error, SR_ERROR_CANCELLED));
  sr_error_free(error);
  sr_arena_free(&arena);
  return NULL;
}

/* The request is cancelled while a thread is in its callback: the answer is dropped, and release waits for the function. */
static void cancelled_while_it_runs(void) {
  ear e = {.hold = true};
  const conformance_listener to = listener(&e);
  const uint64_t stray = stray_at_library();
  sr_request request;
  pthread_t thread;
  CALL(conformance_echo_ask_start(echo, &to, texts, NULL, &request));
  const sr_request copy = request;
  CHECK(pthread_create(&thread, NULL, finish_ask, &request) == 0);
  while (atomic_load(&e.running) == 0) sleep_ms(1);
  CALL(sr_request_cancel(copy));
  for (int i = 0; i < 10 || !sr_request_ready(copy); i++) {
    CALL(sr_client_drain(client)); /* hears that the library waits no longer, and that it has done with the listener */
    sleep_ms(5);
  }
  CHECK(atomic_load(&e.released) == 0);
  atomic_store(&e.hold, false);
  pthread_join(thread, NULL);
  wait_released(&e);
  nothing_is_left();
  CHECK(stray_at_library() == stray);
}

/* The request is dropped before any thread took the call: the function is never entered, and its buffer is freed. */
static void dropped_before_it_runs(void) {
  ear e = {0};
  const conformance_listener to = listener(&e);
  sr_request request;
  CALL(conformance_echo_pass_start(echo, &to, filled("unheard"), NULL, &request));
  sleep_ms(50);
  sr_request_drop(&request);
  sleep_ms(50);
  wait_released(&e);
  CHECK(atomic_load(&e.heard) == 0);
  nothing_is_left();
}

enum { THREADS = 8, ASKS = 200 };
static ear ears[THREADS][ASKS];

static void *ask_often(void *argument) {
  ear *mine = argument;
  for (int i = 0; i < ASKS; i++) CALL(ask(&mine[i]));
  return NULL;
}

/* All wait for one client, so that most listeners are called by another thread than the one that asked. */
static void many_threads(void) {
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, ask_often, ears[i]) == 0);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < THREADS; i++) {
    for (int j = 0; j < ASKS; j++) {
      for (int tries = 0; tries < 500 && atomic_load(&ears[i][j].released) == 0; tries++) {
        CALL(sr_client_drain(client));
        sleep_ms(1);
      }
      CHECK(atomic_load(&ears[i][j].heard) == 1 && atomic_load(&ears[i][j].released) == 1);
    }
  }
}

static void freeing_the_client_releases(void) {
  ear e = {0};
  const conformance_listener to = listener(&e);
  CALL(conformance_echo_keep(echo, &to));
  sr_client_free(client, 0);
  CHECK(atomic_load(&e.released) == 1);
  open_client();
}

/* What is given to a request that is over is not taken, and buffers are gone all the same. */
static void items_after_the_end(void) {
  sr_request request;
  sr_view view;
  uint64_t sum;
  bool more;
  CALL(conformance_echo_total_start(echo, 1, NULL, &request));
  CALL(conformance_echo_total_push(&request, 2, &more)); /* over the limit */
  for (int tries = 0; tries < 500 && !sr_request_ready(request); tries++) {
    CALL(sr_client_drain(client));
    sleep_ms(1);
  }
  CALL(conformance_echo_total_push(&request, 1, &more));
  CHECK(!more);
  CALL(sr_request_end(&request));
  sr_error *error = conformance_echo_total_finish(&request, &sum);
  CHECK(error != NULL && strcmp(error->message, "refused: too large (code 0)") == 0);
  sr_error_free(error);
  FAILS(conformance_echo_total_push(&request, 1, &more), SR_ERROR_CLOSED);

  CALL(conformance_echo_total_bytes_start(echo, NULL, &request));
  CALL(sr_request_end(&request));
  FAILS(conformance_echo_total_bytes_push(&request, filled("late"), &more), SR_ERROR_MALFORMED);
  CALL(conformance_echo_total_bytes_finish(&request, &sum));
  CHECK(sum == 0);

  const sr_buffer held = filled("held");
  CALL(conformance_echo_total_bytes_start(echo, NULL, &request));
  CALL(conformance_echo_total_bytes_push(&request, held, &more));
  CHECK(more);
  FAILS(sr_client_view(held, &view), SR_ERROR_CLOSED);
  sr_request_drop(&request);
  nothing_is_left();
}

/* The bytes of a buffer count against the credit: a caller that forgot them would soon send what nobody has room for. */
static void large_items(void) {
  enum { ITEMS = 20, SIZE = 4 << 20 };
  sr_buffer buffers[ITEMS];
  sr_request request;
  uint64_t sum;
  for (int i = 0; i < ITEMS; i++) CALL(sr_client_alloc(client, SIZE, &buffers[i]));
  CALL(conformance_echo_total_bytes_start(echo, NULL, &request));
  for (int i = 0; i < ITEMS; i++) {
    bool more;
    CALL(conformance_echo_total_bytes_push(&request, buffers[i], &more));
    CHECK(more);
  }
  CALL(sr_request_end(&request));
  CALL(conformance_echo_total_bytes_finish(&request, &sum));
  nothing_is_left();
}

static atomic_bool forking;

static void *call_often(void *argument) {
  (void)argument;
  while (atomic_load(&forking)) {
    uint32_t slept;
    CALL(conformance_echo_nothing(echo));
    CALL(conformance_echo_sleep(echo, 1, &slept));
  }
  return NULL;
}

/* The table says what a child sees; here it must see it whatever the other threads were at. */
static void in_a_child(void) {
  alarm(60); /* a function that hangs ends the child by a signal */
  FAILS(conformance_echo_nothing(echo), SR_ERROR_CLOSED);
  sr_client_free(client, 1000000000);
  _exit(0);
}

/* Forks while other threads call, hold the client's mutex and poll, and goes on. */
static void forks(void) {
  enum { CALLERS = 4, FORKS = 20 };
  pthread_t threads[CALLERS];
  atomic_store(&forking, true);
  for (int i = 0; i < CALLERS; i++) CHECK(pthread_create(&threads[i], NULL, call_often, NULL) == 0);
  for (int i = 0; i < FORKS; i++) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) in_a_child();
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  atomic_store(&forking, false);
  for (int i = 0; i < CALLERS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

int main(void) {
  open_client();
  refused_requests_release();
  callbacks_nest();
  failures_leave_nothing();
  cancelled_while_it_runs();
  dropped_before_it_runs();
  many_threads();
  freeing_the_client_releases();
  items_after_the_end();
  large_items();
  forks();
  nothing_is_left();
  sr_client_free(client, 1000000000);
  return 0;
}
