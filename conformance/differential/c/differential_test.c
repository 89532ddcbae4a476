/* Values of random interfaces make the round trip C → Rust → C, and have the bytes of an encoder that is neither. */
#include <stdio.h>
#include <stdlib.h>

#include "generated.h"
#include "json.h"

/* A case, and where it is run. */
typedef struct trial {
  const char *name;
  sr_client *client;
  sr_arena *arena;
  sr_bytes wire;
  sr_bytes canonical;
} trial;

static void fail(const trial *t, const char *what, sr_error *error) {
  fprintf(stderr, "%s: %s%s%s\n", t->name, what, error == NULL ? "" : ": ", error == NULL ? "" : error->message);
  exit(1);
}

static void check(const trial *t, const char *what, sr_error *error) {
  if (error != NULL) fail(t, what, error);
}

/* Holds what was written against the case, and ends the writer. */
static void check_bytes(const trial *t, const char *what, sr_writer *w) {
  const uint8_t *data = w->data + sizeof(sr_frame);
  const size_t length = w->length - sizeof(sr_frame);
  if (w->failure != 0 || length != t->canonical.length || memcmp(data, t->canonical.data, length) != 0) fail(t, what, NULL);
  sr_writer_free(w);
}

/* The typed `_finish` takes an arena only where the record holds memory; sr_request_finish stands for both. */
#define METHOD(interface, object, method, record)                                                  \
  static void interface##_##method(const trial *t) {                                               \
    differential_##object self;                                                                    \
    differential_##record value, back;                                                             \
    sr_reader r;                                                                                   \
    sr_writer w;                                                                                   \
    sr_request request;                                                                            \
    sr_reply reply;                                                                                \
    sr_reader_init(&r, t->wire.data, t->wire.length, t->arena);                                    \
    differential_get_##record(&r, &value);                                                         \
    if (r.failure != 0) fail(t, "C cannot read the bytes", NULL);                                  \
    sr_writer_init(&w);                                                                            \
    differential_put_##record(&w, &value);                                                         \
    check_bytes(t, "C writes other bytes", &w);                                                    \
    check(t, "open", differential_##object##_open(t->client, &self));                              \
    check(t, "start", differential_##object##_##method##_start(self, &value, NULL, &request));      \
    check(t, "finish", sr_request_finish(&request, t->arena, &reply));                             \
    differential_get_##record(&reply.reader, &back);                                               \
    check(t, "decode", sr_reply_end(&reply));                                                      \
    sr_writer_init(&w);                                                                            \
    differential_put_##record(&w, &back);                                                          \
    check_bytes(t, "Rust gives another value back", &w);                                           \
    check(t, "close", differential_##object##_close(self));                                        \
  }
#include "methods.inc"
#undef METHOD

#define METHOD(interface, object, method, record) {#interface, #method, interface##_##method},
static const struct {
  const char *interface;
  const char *method;
  void (*run)(const trial *t);
} methods[] = {
#include "methods.inc"
};

static void run_case(sr_client *client, const json *table) {
  sr_arena arena;
  sr_arena_init(&arena);
  const json *reply = json_get(table, "reply");
  trial t;
  t.name = json_get(table, "name")->text.data;
  t.client = client;
  t.arena = &arena;
  t.wire = json_bytes(&arena, json_get(table, "wire"));
  t.canonical = reply == NULL ? t.wire : json_bytes(&arena, reply);
  bool found = false;
  for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]) && !found; i++) {
    found = json_is(json_get(table, "interface"), methods[i].interface) && json_is(json_get(table, "method"), methods[i].method);
    if (found) methods[i].run(&t);
  }
  if (!found) fail(&t, "there is no such method", NULL);
  sr_arena_free(&arena);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: %s vectors.json\n", argv[0]);
    return 2;
  }
  sr_arena arena;
  sr_arena_init(&arena);
  size_t at;
  const json *cases = json_read(&arena, argv[1], &at);
  if (cases == NULL || cases->kind != JSON_ARRAY || cases->count == 0) {
    fprintf(stderr, "%s: not a table of cases, from byte %u on\n", argv[1], (unsigned)at);
    return 2;
  }
  sr_client *client = NULL;
  sr_error *error = differential_client_new(NULL, &client);
  if (error != NULL) {
    fprintf(stderr, "%s\n", error->message);
    return 1;
  }
  for (const json *table = cases->first; table != NULL; table = table->next) run_case(client, table);
  sr_client_free(client, 1000000000);
  printf("%u cases\n", (unsigned)cases->count);
  sr_arena_free(&arena);
  return 0;
}
