/* What the rows of the table are run with, by the files that run them. */
#ifndef CONFORMANCE_SETTING_H
#define CONFORMANCE_SETTING_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <time.h>
#endif

#include "conformance.h"
#include "json.h"

/* What a case is run with. */
typedef struct setting {
  sr_client *client;
  conformance_echo echo;
  sr_arena *arena;
  const json *table; /* the case */
  bool failed;
  bool elsewhere; /* this system has no such value */
} setting;

static inline void fail(setting *s, const char *file, int line, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fprintf(stderr, "%s:%d: ", file, line);
  vfprintf(stderr, format, args);
  fprintf(stderr, "\n");
  va_end(args);
  s->failed = true;
}

/* Ends the case where the condition does not hold. */
#define REQUIRE(condition, ...)                  \
  do {                                           \
    if (!(condition)) {                          \
      fail(s, __FILE__, __LINE__, __VA_ARGS__);  \
      return;                                    \
    }                                            \
  } while (0)

/* Ends the case where the call fails. */
#define CALL(call)                                                             \
  do {                                                                         \
    sr_error *call_error = (call);                                             \
    if (call_error != NULL) {                                                  \
      fail(s, __FILE__, __LINE__, "%s: %s", #call, call_error->message);       \
      sr_error_free(call_error);                                               \
      return;                                                                  \
    }                                                                          \
  } while (0)

/* Ends the case unless the call fails with this error of the runtime. */
#define FAILS(call, runtime_variant)                                                                     \
  do {                                                                                                   \
    sr_error *call_error = (call);                                                                       \
    const bool call_fails = sr_error_is(call_error, runtime_variant);                                    \
    if (!call_fails) {                                                                                   \
      fail(s, __FILE__, __LINE__, "%s: expected %s, not: %s", #call, #runtime_variant,                   \
           call_error == NULL ? "success" : call_error->message);                                        \
    }                                                                                                    \
    sr_error_free(call_error);                                                                           \
    if (!call_fails) return;                                                                             \
  } while (0)

static inline const json *member(const setting *s, const char *key) { return json_get(s->table, key); }

static inline uint64_t number(const setting *s, const char *key) { return json_unsigned(member(s, key)); }

static inline sr_string text(const setting *s, const char *key) {
  const json *value = member(s, key);
  const sr_string none = {"", 0};
  return value == NULL ? none : value->text;
}

#ifdef _WIN32
static inline uint64_t now_ms(void) { return GetTickCount64(); }
static inline void sleep_ms(uint64_t ms) { Sleep((DWORD)ms); }
#else
static inline uint64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static inline void sleep_ms(uint64_t ms) {
  struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
  nanosleep(&t, NULL);
}
#endif

static inline bool same(sr_bytes a, const uint8_t *data, size_t length) {
  return a.length == length && (length == 0 || memcmp(a.data, data, length) == 0);
}

/* A buffer with this content. */
static inline sr_error *filled(setting *s, sr_bytes data, sr_buffer *out) {
  sr_view view;
  sr_error *error = sr_client_alloc(s->client, data.length, out);
  if (error == NULL) error = sr_client_view(*out, &view);
  if (error != NULL) return error;
  if (data.length > 0) memcpy(view.data, data.data, data.length);
  return sr_client_unview(*out);
}

/* The listener of the IDL, and how often it was called and released. */
typedef struct ear {
  size_t heard;
  size_t released;
} ear;

static inline sr_error *ear_heard(void *context, sr_string text, uint32_t *out) {
  ear *e = context;
  e->heard++;
  *out = (uint32_t)text.length;
  if (strcmp(text.data, "crash") == 0) return sr_callback_error("the ear crashed");
  if (strcmp(text.data, "fail") != 0) return NULL;
  conformance_conformance_error why = conformance_conformance_error_of(CONFORMANCE_CONFORMANCE_ERROR_REFUSED);
  why.as.refused.reason = text;
  why.as.refused.code = (uint32_t)text.length;
  return conformance_conformance_error_new(&why);
}

static inline sr_error *ear_took(void *context, sr_buffer data, sr_buffer *out) {
  ear *e = context;
  sr_view view;
  e->heard++;
  sr_error *error = sr_client_view(data, &view);
  if (error != NULL) return error;
  for (size_t i = 0; i < view.length; i++) view.data[i] ^= 0xff;
  *out = data;
  return sr_client_unview(data);
}

static inline void ear_release(void *context) {
  ear *e = context;
  e->released++;
}

static inline conformance_listener listener_of(ear *e) {
  conformance_listener out = {ear_heard, ear_took, ear_release, e};
  return out;
}

/* Lets the library say that it has done with the listener, which it says once. */
static inline void released(setting *s, const ear *e) {
  for (int tries = 0; tries < 200 && e->released == 0; tries++) {
    CALL(sr_client_drain(s->client));
    sleep_ms(1);
  }
  CALL(conformance_echo_nothing(s->echo));
  REQUIRE(e->released == 1, "the listener is released %u times", (unsigned)e->released);
}


typedef struct kind {
  const char *name;
  void (*run)(setting *); /* NULL: this system has nothing of the kind */
} kind;

/* The kinds of rows about the crossing itself (crossing.c); the last has no name. */
extern const kind crossing_kinds[];

#endif
