#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct parser {
  sr_arena *arena;
  const char *at;
  const char *end;
  unsigned depth;
} parser;

static json *parse_value(parser *p);

static void skip_space(parser *p) {
  while (p->at < p->end && strchr(" \t\r\n", *p->at) != NULL) p->at++;
}

static bool accept(parser *p, const char *word) {
  const size_t length = strlen(word);
  if ((size_t)(p->end - p->at) < length || memcmp(p->at, word, length) != 0) return false;
  p->at += length;
  return true;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

static bool parse_unit(parser *p, uint32_t *out) {
  if (p->end - p->at < 4) return false;
  *out = 0;
  for (int i = 0; i < 4; i++) {
    const int digit = hex_digit(*p->at);
    if (digit < 0) return false;
    *out = *out << 4 | (uint32_t)digit;
    p->at++;
  }
  return true;
}

static size_t put_utf8(char *out, uint32_t c) {
  if (c < 0x80) {
    out[0] = (char)c;
    return 1;
  }
  if (c < 0x800) {
    out[0] = (char)(0xc0 | c >> 6);
    out[1] = (char)(0x80 | (c & 0x3f));
    return 2;
  }
  if (c < 0x10000) {
    out[0] = (char)(0xe0 | c >> 12);
    out[1] = (char)(0x80 | (c >> 6 & 0x3f));
    out[2] = (char)(0x80 | (c & 0x3f));
    return 3;
  }
  out[0] = (char)(0xf0 | c >> 18);
  out[1] = (char)(0x80 | (c >> 12 & 0x3f));
  out[2] = (char)(0x80 | (c >> 6 & 0x3f));
  out[3] = (char)(0x80 | (c & 0x3f));
  return 4;
}

static bool parse_string(parser *p, sr_string *out) {
  if (!accept(p, "\"")) return false;
  size_t room = 64;
  char *text = sr_arena_alloc(p->arena, room);
  size_t length = 0;
  while (text != NULL && p->at < p->end) {
    if (length + 5 > room) {
      char *larger = sr_arena_alloc(p->arena, room * 2);
      if (larger == NULL) return false;
      memcpy(larger, text, length);
      text = larger;
      room *= 2;
    }
    const char c = *p->at++;
    if (c == '"') {
      text[length] = 0;
      out->data = text;
      out->length = length;
      return true;
    }
    if (c != '\\') {
      text[length++] = c;
      continue;
    }
    if (p->at == p->end) return false;
    const char escape = *p->at++;
    const char *known = strchr("\"\\/", escape);
    uint32_t unit, low;
    if (known != NULL && escape != 0) {
      text[length++] = escape;
    } else if (escape == 'n' || escape == 't' || escape == 'r' || escape == 'b' || escape == 'f') {
      text[length++] = escape == 'n' ? '\n' : escape == 't' ? '\t' : escape == 'r' ? '\r' : escape == 'b' ? '\b' : '\f';
    } else if (escape == 'u' && parse_unit(p, &unit)) {
      if (unit >= 0xd800 && unit < 0xdc00) {
        if (!accept(p, "\\u") || !parse_unit(p, &low) || low < 0xdc00 || low > 0xdfff) return false;
        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
      }
      length += put_utf8(text + length, unit);
    } else {
      return false;
    }
  }
  return false;
}

/* The items of an array, or the members of an object. */
static bool parse_items(parser *p, json *out, const char *close) {
  json *last = NULL;
  skip_space(p);
  if (accept(p, close)) return true;
  for (;;) {
    sr_string key = {NULL, 0};
    skip_space(p);
    if (out->kind == JSON_OBJECT) {
      if (!parse_string(p, &key)) return false;
      skip_space(p);
      if (!accept(p, ":")) return false;
    }
    json *item = parse_value(p);
    if (item == NULL) return false;
    item->key = key;
    if (last == NULL) {
      out->first = item;
    } else {
      last->next = item;
    }
    last = item;
    out->count++;
    skip_space(p);
    if (accept(p, close)) return true;
    if (!accept(p, ",")) return false;
  }
}

static json *parse_value(parser *p) {
  json *out = sr_arena_alloc(p->arena, sizeof(*out));
  if (out == NULL || p->depth == 64) return NULL;
  p->depth++;
  skip_space(p);
  bool good = true;
  if (accept(p, "null")) {
    out->kind = JSON_NULL;
  } else if (accept(p, "true")) {
    out->kind = JSON_BOOL;
    out->truth = true;
  } else if (accept(p, "false")) {
    out->kind = JSON_BOOL;
  } else if (accept(p, "[")) {
    out->kind = JSON_ARRAY;
    good = parse_items(p, out, "]");
  } else if (accept(p, "{")) {
    out->kind = JSON_OBJECT;
    good = parse_items(p, out, "}");
  } else if (p->at < p->end && *p->at == '"') {
    out->kind = JSON_STRING;
    good = parse_string(p, &out->text);
  } else {
    out->kind = JSON_NUMBER;
    out->text.data = p->at;
    while (p->at < p->end && strchr("+-0123456789.eE", *p->at) != NULL && *p->at != 0) p->at++;
    out->text.length = (size_t)(p->at - out->text.data);
    good = out->text.length > 0;
  }
  p->depth--;
  return good ? out : NULL;
}

const json *json_parse(sr_arena *arena, const char *text, size_t length, size_t *at) {
  parser p = {arena, text, text + length, 0};
  const json *out = parse_value(&p);
  skip_space(&p);
  *at = (size_t)(p.at - text);
  return p.at == p.end ? out : NULL;
}

const json *json_read(sr_arena *arena, const char *path, size_t *at) {
  *at = 0;
  FILE *file = fopen(path, "rb");
  if (file == NULL) return NULL;
  char *text = NULL;
  size_t length = 0, capacity = 0;
  do {
    if (length == capacity) {
      capacity = capacity == 0 ? 1u << 16 : capacity * 2;
      char *larger = realloc(text, capacity + 1);
      if (larger == NULL) break;
      text = larger;
    }
    length += fread(text + length, 1, capacity - length, file);
  } while (!feof(file) && !ferror(file));
  const bool whole = feof(file) != 0;
  fclose(file);
  char *kept = whole ? sr_arena_alloc(arena, length + 1) : NULL; /* numbers stay where they are in the text */
  if (kept != NULL) memcpy(kept, text, length);
  free(text);
  return kept == NULL ? NULL : json_parse(arena, kept, length, at);
}

const json *json_get(const json *object, const char *key) {
  for (const json *member = object->first; member != NULL; member = member->next) {
    if (member->key.data != NULL && strcmp(member->key.data, key) == 0) return member;
  }
  return NULL;
}

bool json_is(const json *string, const char *text) {
  return string != NULL && string->kind == JSON_STRING && strcmp(string->text.data, text) == 0;
}

int64_t json_signed(const json *value) { return value == NULL ? 0 : strtoll(value->text.data, NULL, 10); }

uint64_t json_unsigned(const json *value) { return value == NULL ? 0 : strtoull(value->text.data, NULL, 10); }

uint64_t json_bits(const json *value) { return value == NULL ? 0 : strtoull(value->text.data, NULL, 16); }

sr_bytes json_bytes(sr_arena *arena, const json *value) {
  sr_bytes out = {NULL, 0};
  if (value == NULL) return out;
  uint8_t *data = sr_arena_alloc(arena, value->text.length / 2 + 1);
  if (data == NULL) return out;
  for (size_t i = 0; i + 1 < value->text.length; i += 2) {
    data[i / 2] = (uint8_t)(hex_digit(value->text.data[i]) << 4 | hex_digit(value->text.data[i + 1]));
  }
  out.data = data;
  out.length = value->text.length / 2;
  return out;
}
