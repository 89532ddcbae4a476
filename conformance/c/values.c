/* All fields are filled, those that are deprecated too. */
#define SR_NO_DEPRECATED
#include "values.h"

#include <stdio.h>
#include <stdlib.h>

/* A member that the table must have. */
static const json *need(const json *object, const char *key) {
  const json *member = json_get(object, key);
  if (member == NULL) {
    fprintf(stderr, "the table is wrong: a value has no %s\n", key);
    exit(2);
  }
  return member;
}

static void *room(sr_arena *arena, size_t count, size_t size) {
  void *out = sr_arena_alloc(arena, count * size + 1);
  if (out == NULL) {
    fprintf(stderr, "out of memory\n");
    exit(2);
  }
  return out;
}

static float float_of(const json *value) {
  const uint32_t bits = (uint32_t)json_bits(value);
  float out;
  memcpy(&out, &bits, sizeof(out));
  return out;
}

static double double_of(const json *value) {
  const uint64_t bits = json_bits(value);
  double out;
  memcpy(&out, &bits, sizeof(out));
  return out;
}

conformance_scalars scalars_of(sr_arena *arena, const json *value) {
  conformance_scalars out = conformance_scalars_default();
  out.truth = need(value, "truth")->truth;
  out.tiny = (uint8_t)json_unsigned(need(value, "tiny"));
  out.small = (uint16_t)json_unsigned(need(value, "small"));
  out.medium = (uint32_t)json_unsigned(need(value, "medium"));
  out.large = json_unsigned(need(value, "large"));
  out.tiny_signed = (int8_t)json_signed(need(value, "tiny_signed"));
  out.small_signed = (int16_t)json_signed(need(value, "small_signed"));
  out.medium_signed = (int32_t)json_signed(need(value, "medium_signed"));
  out.large_signed = json_signed(need(value, "large_signed"));
  out.single = float_of(need(value, "single"));
  out.double_ = double_of(need(value, "double"));
  out.text = need(value, "text")->text;
  out.blob = json_bytes(arena, need(value, "blob"));
  const sr_bytes digest = json_bytes(arena, need(value, "digest"));
  memcpy(out.digest.data, digest.data, sizeof(out.digest.data));
  out.place = json_bytes(arena, need(value, "place"));
  return out;
}

static conformance_corner corner_of(const json *value) {
  conformance_corner out = conformance_corner_default();
  out.x = (int32_t)json_signed(need(value, "x"));
  out.y = (int32_t)json_signed(need(value, "y"));
  return out;
}

static conformance_shape shape_of(sr_arena *arena, const json *value) {
  const json *variant = need(value, "variant");
  if (json_is(variant, "point")) return conformance_shape_of(CONFORMANCE_SHAPE_POINT);
  if (json_is(variant, "circle")) {
    conformance_shape out = conformance_shape_of(CONFORMANCE_SHAPE_CIRCLE);
    out.as.circle.radius = double_of(need(value, "radius"));
    return out;
  }
  if (!json_is(variant, "polygon")) {
    fprintf(stderr, "the table is wrong: there is no shape %s\n", variant->text.data);
    exit(2);
  }
  conformance_shape out = conformance_shape_of(CONFORMANCE_SHAPE_POLYGON);
  const json *corners = need(value, "corners");
  conformance_corner *items = room(arena, corners->count, sizeof(*items));
  size_t n = 0;
  for (const json *item = corners->first; item != NULL; item = item->next) items[n++] = corner_of(item);
  out.as.polygon.corners.items = items;
  out.as.polygon.corners.count = n;
  const json *name = need(value, "name");
  if (name->kind != JSON_NULL) out.as.polygon.name = &name->text;
  return out;
}

conformance_containers containers_of(sr_arena *arena, const json *value) {
  conformance_containers out = conformance_containers_default();
  size_t n;
  const json *maybe = need(value, "maybe");
  if (maybe->kind != JSON_NULL) {
    uint32_t *number = room(arena, 1, sizeof(*number));
    *number = (uint32_t)json_unsigned(maybe);
    out.maybe = number;
  }
  const json *maybe_record = need(value, "maybe_record");
  if (maybe_record->kind != JSON_NULL) {
    conformance_corner *corner = room(arena, 1, sizeof(*corner));
    *corner = corner_of(maybe_record);
    out.maybe_record = corner;
  }

  const json *list = need(value, "numbers");
  int64_t *numbers = room(arena, list->count, sizeof(*numbers));
  n = 0;
  for (const json *item = list->first; item != NULL; item = item->next) numbers[n++] = json_signed(item);
  out.numbers.items = numbers;
  out.numbers.count = n;

  list = need(value, "texts");
  sr_string *texts = room(arena, list->count, sizeof(*texts));
  n = 0;
  for (const json *item = list->first; item != NULL; item = item->next) texts[n++] = item->text;
  out.texts.items = texts;
  out.texts.count = n;

  list = need(value, "nested");
  conformance_list_u8 *nested = room(arena, list->count, sizeof(*nested));
  n = 0;
  for (const json *item = list->first; item != NULL; item = item->next) {
    uint8_t *bytes = room(arena, item->count, 1);
    size_t m = 0;
    for (const json *byte = item->first; byte != NULL; byte = byte->next) bytes[m++] = (uint8_t)json_unsigned(byte);
    nested[n].items = bytes;
    nested[n++].count = m;
  }
  out.nested.items = nested;
  out.nested.count = n;

  list = need(value, "by_name");
  conformance_map_string_u32_entry *by_name = room(arena, list->count, sizeof(*by_name));
  n = 0;
  for (const json *item = list->first; item != NULL; item = item->next) {
    by_name[n].key = item->first->text;
    by_name[n++].value = (uint32_t)json_unsigned(item->first->next);
  }
  out.by_name.items = by_name;
  out.by_name.count = n;

  list = need(value, "by_number");
  conformance_map_u64_corner_entry *by_number = room(arena, list->count, sizeof(*by_number));
  n = 0;
  for (const json *item = list->first; item != NULL; item = item->next) {
    by_number[n].key = json_unsigned(item->first);
    by_number[n++].value = corner_of(item->first->next);
  }
  out.by_number.items = by_number;
  out.by_number.count = n;

  out.shape = shape_of(arena, need(value, "shape"));
  list = need(value, "shapes");
  conformance_shape *shapes = room(arena, list->count, sizeof(*shapes));
  n = 0;
  for (const json *item = list->first; item != NULL; item = item->next) shapes[n++] = shape_of(arena, item);
  out.shapes.items = shapes;
  out.shapes.count = n;
  return out;
}

conformance_defaults defaults_of(sr_arena *arena, const json *value) {
  conformance_defaults out = conformance_defaults_default();
  out.flag = need(value, "flag")->truth;
  out.count = (uint32_t)json_unsigned(need(value, "count"));
  out.ratio = double_of(need(value, "ratio"));
  out.label = need(value, "label")->text;
  out.shape = shape_of(arena, need(value, "shape"));
  out.big = json_unsigned(need(value, "big"));
  out.low = json_signed(need(value, "low"));
  return out;
}

static sr_timestamp timestamp_of(const json *value) {
  sr_timestamp out;
  out.seconds = json_signed(need(value, "seconds"));
  out.nanos = (uint32_t)json_unsigned(need(value, "nanos"));
  return out;
}

conformance_moments moments_of(sr_arena *arena, const json *value) {
  conformance_moments out = conformance_moments_default();
  size_t n = 0;
  out.at = timestamp_of(need(value, "at"));
  out.lasting = json_signed(need(value, "lasting"));
  out.patience = json_signed(need(value, "patience"));
  out.attempts = (uint32_t)json_unsigned(need(value, "attempts"));
  out.label = need(value, "label")->text;

  const json *list = need(value, "labels");
  conformance_map_string_string_entry *labels = room(arena, list->count, sizeof(*labels));
  for (const json *item = list->first; item != NULL; item = item->next) {
    labels[n].key = item->first->text;
    labels[n++].value = item->first->next->text;
  }
  out.labels.items = labels;
  out.labels.count = n;

  const json *earlier = need(value, "earlier");
  if (earlier->kind != JSON_NULL) {
    sr_timestamp *moment = room(arena, 1, sizeof(*moment));
    *moment = timestamp_of(earlier);
    out.earlier = moment;
  }

  list = need(value, "waits");
  sr_duration *waits = room(arena, list->count, sizeof(*waits));
  n = 0;
  for (const json *item = list->first; item != NULL; item = item->next) waits[n++] = json_signed(item);
  out.waits.items = waits;
  out.waits.count = n;
  return out;
}
