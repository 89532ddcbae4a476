/* Reads the table of cases. It is meant for that file: what it cannot read is a mistake of the table. */
#ifndef CONFORMANCE_JSON_H
#define CONFORMANCE_JSON_H

#include "sr_client.h"

typedef enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT } json_kind;

typedef struct json {
  json_kind kind;
  sr_string key;  /* of a member */
  sr_string text; /* a string's content, or a number as written */
  bool truth;
  size_t count; /* items or members */
  const struct json *first;
  const struct json *next;
} json;

/* The value of a whole text, or NULL with *at on what could not be read. */
const json *json_parse(sr_arena *arena, const char *text, size_t length, size_t *at);
/* The same for a file. */
const json *json_read(sr_arena *arena, const char *path, size_t *at);
/* A member, or NULL. */
const json *json_get(const json *object, const char *key);
bool json_is(const json *string, const char *text);
/* Numbers, and strings of decimal digits. */
int64_t json_signed(const json *value);
uint64_t json_unsigned(const json *value);
/* Strings of hexadecimal digits: a number, or bytes. */
uint64_t json_bits(const json *value);
sr_bytes json_bytes(sr_arena *arena, const json *value);

#endif
