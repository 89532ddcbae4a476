/* What tests in C expect; where it is not so, the program says where and ends. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sr_client.h"

#define CHECK(condition)                                                      \
  do {                                                                        \
    if (!(condition)) {                                                       \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                                \
    }                                                                         \
  } while (0)

/* A call that works. */
#define CALL(call)                                                                        \
  do {                                                                                    \
    sr_error *call_error = (call);                                                        \
    if (call_error != NULL) {                                                             \
      fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, call_error->message); \
      exit(1);                                                                            \
    }                                                                                     \
  } while (0)

/* A call that fails with this error of the runtime. */
#define FAILS(call, runtime_variant)                                                                          \
  do {                                                                                                        \
    sr_error *call_error = (call);                                                                            \
    if (!sr_error_is(call_error, runtime_variant)) {                                                          \
      fprintf(stderr, "%s:%d: %s: expected %s, not: %s\n", __FILE__, __LINE__, #call, #runtime_variant,       \
              call_error == NULL ? "success" : call_error->message);                                          \
      exit(1);                                                                                                \
    }                                                                                                         \
    sr_error_free(call_error);                                                                                \
  } while (0)

static inline bool same(sr_string a, const char *b) { return a.length == strlen(b) && memcmp(a.data, b, a.length) == 0; }
