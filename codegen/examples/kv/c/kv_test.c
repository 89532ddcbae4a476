/* The store from C. */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kv.h"

static void check(bool holds, const char *what, int line) {
  if (holds) return;
  fprintf(stderr, "line %d: not so: %s\n", line, what);
  exit(1);
}
#define CHECK(condition) check(condition, #condition, __LINE__)

/* Takes the error, which must be none. */
static void works(sr_error *error, const char *what, int line) {
  if (error == NULL) return;
  fprintf(stderr, "line %d: %s: %s\n", line, what, error->message);
  exit(1);
}
#define WORKS(call) works(call, #call, __LINE__)

static const sr_bytes nothing = {NULL, 0};

static sr_bytes bytes_of(const char *text) {
  const sr_bytes bytes = {(const uint8_t *)text, strlen(text)};
  return bytes;
}

static bool same(sr_string a, const char *b) { return a.length == strlen(b) && memcmp(a.data, b, a.length) == 0; }

static kv_store open_store(sr_client *client) {
  const kv_options options = kv_options_default();
  kv_store store;
  WORKS(kv_store_open(client, &options, &store));
  return store;
}

static void entries_are_put_found_and_deleted(sr_client *client, sr_arena *arena) {
  kv_store store = open_store(client);
  sr_string name;
  WORKS(kv_store_name(store, arena, &name));
  CHECK(same(name, KV_DEFAULT_NAME));

  /* snippet Store.put */
  const sr_duration tomorrow = KV_ONE_DAY;
  const kv_map_string_string_entry labels[] = {{sr_string_of("season"), sr_string_of("autumn")}};
  kv_put_options options = kv_put_options_default();
  options.when = kv_condition_of(KV_CONDITION_NEW);
  options.lives = &tomorrow;
  options.labels.items = labels;
  options.labels.count = 1;
  kv_version version;
  sr_error *error = kv_store_put(store, sr_string_of("fruit/apple"), bytes_of("red"), &options, &version);
  /* end */
  WORKS(error);
  CHECK(version == 1);

  kv_entry entry;
  WORKS(kv_store_get(store, sr_string_of("fruit/apple"), arena, &entry));
  CHECK(entry.value.length == 3 && memcmp(entry.value.data, "red", 3) == 0);
  CHECK(entry.labels.count == 1 && same(entry.labels.items[0].value, "autumn"));
  CHECK(entry.until != NULL && entry.until->seconds >= entry.changed.seconds + 86400);

  kv_condition unchanged = kv_condition_of(KV_CONDITION_IS);
  unchanged.as.is.version = version;
  WORKS(kv_store_delete(store, sr_string_of("fruit/apple"), &unchanged));
  const kv_entry *found;
  WORKS(kv_store_find(store, sr_string_of("fruit/apple"), arena, &found));
  CHECK(found == NULL);
  WORKS(kv_store_close(store));
}

static void errors_have_fields(sr_client *client, sr_arena *arena) {
  kv_store store = open_store(client);
  /* snippet Store.get */
  kv_entry entry;
  kv_store_error why;
  sr_error *error = kv_store_get(store, sr_string_of("fruit/pear"), arena, &entry);
  if (kv_store_error_from(error, arena, &why) && why.kind == KV_STORE_ERROR_MISSING) {
    printf("there is no %s\n", why.as.missing.key.data);
  }
  /* end */
  CHECK(error != NULL && strcmp(error->message, "there is no entry fruit/pear") == 0);
  CHECK(why.kind == KV_STORE_ERROR_MISSING && same(why.as.missing.key, "fruit/pear"));
  sr_error_free(error);
  WORKS(kv_store_close(store));
}

static void streams_both_ways(sr_client *client, sr_arena *arena) {
  kv_store store = open_store(client);
  /* snippet Store.load */
  sr_request load;
  sr_error *error = kv_store_load_start(store, NULL, &load);
  bool more = error == NULL;
  for (int i = 0; more && error == NULL && i < 1000; i++) {
    char key[16];
    snprintf(key, sizeof(key), "number/%03d", i);
    kv_item item = kv_item_default();
    item.key = sr_string_of(key);
    error = kv_store_load_push(&load, &item, &more);
  }
  uint64_t loaded = 0;
  if (error == NULL) error = sr_request_end(&load);
  if (error == NULL) error = kv_store_load_finish(&load, &loaded);
  /* end */
  WORKS(error);
  CHECK(loaded == 1000);

  int count = 0;
  /* snippet Store.range */
  sr_request range;
  kv_entry entry;
  error = kv_store_range_start(store, sr_string_of("number/99"), NULL, &range);
  while (error == NULL && (error = kv_store_range_next(&range, arena, &entry, &more)) == NULL && more) {
    printf("%s\n", entry.key.data);
    count++;
  }
  /* end */
  WORKS(error);
  CHECK(count == 10);
  WORKS(kv_store_close(store));
}

static void buffers_move(sr_client *client) {
  kv_store store = open_store(client);
  sr_buffer buffer;
  sr_view view;
  kv_version version;
  WORKS(sr_client_alloc(client, 1 << 20, &buffer));
  WORKS(sr_client_view(buffer, &view));
  memcpy(view.data, "a large value", 13);
  WORKS(sr_client_unview(buffer));
  WORKS(kv_store_import(store, sr_string_of("large"), buffer, &version));

  WORKS(kv_store_export(store, sr_string_of("large"), &buffer));
  WORKS(sr_client_view(buffer, &view));
  CHECK(view.length == 1 << 20 && memcmp(view.data, "a large value", 13) == 0);
  WORKS(sr_client_unview(buffer));
  WORKS(sr_client_release(buffer));
  WORKS(kv_store_close(store));
}

/* What a watcher heard. */
typedef struct heard {
  int puts, deletions, releases;
} heard;

static sr_error *hear(void *context, const kv_change *change, bool *more) {
  heard *h = context;
  if (change->kind == KV_CHANGE_PUT) {
    h->puts++;
  } else {
    h->deletions++;
  }
  *more = change->kind == KV_CHANGE_PUT;
  return NULL;
}

static void released(void *context) { ((heard *)context)->releases++; }

static void watchers_hear_of_changes(sr_client *client) {
  kv_store store = open_store(client);
  const kv_put_options plain = kv_put_options_default();
  const kv_condition always = kv_condition_of(KV_CONDITION_ALWAYS);
  kv_version version;
  heard h = {0, 0, 0};
  const kv_watcher watcher = {hear, released, &h};
  kv_watch watch;
  WORKS(kv_store_watch(store, sr_string_of("fruit/"), &watcher, &watch));
  WORKS(kv_store_put(store, sr_string_of("stone"), nothing, &plain, &version));
  WORKS(kv_store_put(store, sr_string_of("fruit/apple"), nothing, &plain, &version));
  WORKS(kv_store_delete(store, sr_string_of("fruit/apple"), &always));
  /* It wanted to hear no more after a deletion. */
  WORKS(kv_store_put(store, sr_string_of("fruit/pear"), nothing, &plain, &version));
  CHECK(h.puts == 1 && h.deletions == 1);
  uint64_t seen;
  WORKS(kv_watch_seen(watch, &seen));
  CHECK(seen == 2);
  WORKS(kv_watch_close(watch));
  WORKS(kv_store_close(store));

  /* The library lets go of it soon, and tells a client that looks. */
  const struct timespec moment = {0, 1000000};
  for (int i = 0; h.releases == 0 && i < 5000; i++) {
    WORKS(sr_client_drain(client));
    nanosleep(&moment, NULL);
  }
  CHECK(h.releases == 1);
}

int main(void) {
  sr_client *client;
  sr_arena arena;
  WORKS(kv_client_new(NULL, &client));
  sr_arena_init(&arena);
  entries_are_put_found_and_deleted(client, &arena);
  errors_have_fields(client, &arena);
  streams_both_ways(client, &arena);
  buffers_move(client);
  watchers_hear_of_changes(client);
  sr_arena_free(&arena);
  sr_client_free(client, 0);
  return 0;
}
