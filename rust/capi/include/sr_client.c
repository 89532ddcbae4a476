#include "sr_client.h"

#include <stdlib.h>
#include <string.h>

/* ---- What threads wait with ---- */

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

typedef SRWLOCK sr_mutex;
typedef CONDITION_VARIABLE sr_condition;

static void mutex_init(sr_mutex *mutex) { InitializeSRWLock(mutex); }
static void mutex_destroy(sr_mutex *mutex) { (void)mutex; }
static void lock(sr_mutex *mutex) { AcquireSRWLockExclusive(mutex); }
static void unlock(sr_mutex *mutex) { ReleaseSRWLockExclusive(mutex); }
static void condition_init(sr_condition *condition) { InitializeConditionVariable(condition); }
static void condition_destroy(sr_condition *condition) { (void)condition; }
static void wait_for(sr_condition *condition, sr_mutex *mutex) { SleepConditionVariableSRW(condition, mutex, INFINITE, 0); }
static void wake_all(sr_condition *condition) { WakeAllConditionVariable(condition); }
#else
#include <pthread.h>

typedef pthread_mutex_t sr_mutex;
typedef pthread_cond_t sr_condition;

static void mutex_init(sr_mutex *mutex) { pthread_mutex_init(mutex, NULL); }
static void mutex_destroy(sr_mutex *mutex) { pthread_mutex_destroy(mutex); }
static void lock(sr_mutex *mutex) { pthread_mutex_lock(mutex); }
static void unlock(sr_mutex *mutex) { pthread_mutex_unlock(mutex); }
static void condition_init(sr_condition *condition) { pthread_cond_init(condition, NULL); }
static void condition_destroy(sr_condition *condition) { pthread_cond_destroy(condition); }
static void wait_for(sr_condition *condition, sr_mutex *mutex) { pthread_cond_wait(condition, mutex); }
static void wake_all(sr_condition *condition) { pthread_cond_broadcast(condition); }
#endif

/* ---- Values and arenas ---- */

sr_string sr_string_of(const char *text) {
  sr_string s;
  s.data = text;
  s.length = strlen(text);
  return s;
}

sr_bytes sr_path_of(const char *path) {
  sr_bytes b;
  b.data = (const uint8_t *)path;
  b.length = strlen(path);
  return b;
}

struct sr_arena_chunk {
  struct sr_arena_chunk *next;
  size_t used;
  size_t capacity;
  max_align_t data[];
};

/* Small results share a chunk of this size; larger ones get their own. */
#define CHUNK_SIZE 4096u

void sr_arena_init(sr_arena *arena) { arena->first = NULL; }

void sr_arena_free(sr_arena *arena) {
  struct sr_arena_chunk *chunk = arena->first;
  while (chunk != NULL) {
    struct sr_arena_chunk *next = chunk->next;
    free(chunk);
    chunk = next;
  }
  arena->first = NULL;
}

void *sr_arena_alloc(sr_arena *arena, size_t size) {
  const size_t alignment = sizeof(max_align_t);
  if (size > SIZE_MAX / 2) return NULL;
  size = (size + alignment - 1) / alignment * alignment;
  struct sr_arena_chunk *chunk = arena->first;
  if (chunk == NULL || chunk->capacity - chunk->used < size) {
    const size_t capacity = size > CHUNK_SIZE ? size : CHUNK_SIZE;
    chunk = calloc(1, sizeof(*chunk) + capacity);
    if (chunk == NULL) return NULL;
    chunk->capacity = capacity;
    if (size > CHUNK_SIZE && arena->first != NULL) {
      /* The first chunk stays first: it still has room for small things. */
      chunk->next = arena->first->next;
      arena->first->next = chunk;
    } else {
      chunk->next = arena->first;
      arena->first = chunk;
    }
  }
  void *room = (uint8_t *)chunk->data + chunk->used;
  chunk->used += size;
  return room;
}

/* ---- Errors ---- */

/* What is answered where there is no memory even for an error. */
static sr_error out_of_memory = {0, SR_ERROR_NO_MEMORY, "the system has no more memory", NULL, 0};

static sr_error *new_error(uint32_t domain, uint32_t variant, const uint8_t *message, size_t message_length,
                           const uint8_t *fields, size_t fields_length) {
  sr_error *error = malloc(sizeof(*error) + message_length + 1 + fields_length);
  if (error == NULL) return &out_of_memory;
  uint8_t *text = (uint8_t *)(error + 1);
  memcpy(text, message, message_length);
  text[message_length] = 0;
  if (fields_length > 0) memcpy(text + message_length + 1, fields, fields_length);
  error->domain = domain;
  error->variant = variant;
  error->message = (const char *)text;
  error->fields = text + message_length + 1;
  error->fields_length = fields_length;
  return error;
}

static sr_error *runtime_error(uint32_t variant, const char *message) {
  return new_error(0, variant, (const uint8_t *)message, strlen(message), NULL, 0);
}

/* The error of a function of sr.h. */
static sr_error *status_error(int32_t status) {
  switch (status) {
    case SR_E_HANDLE:
      return runtime_error(SR_ERROR_CLOSED, "the buffer or object is closed, or was never given out");
    case SR_E_BUSY:
      return runtime_error(SR_ERROR_BUSY, "a view is open on the buffer; close it first");
    case SR_E_NO_MEMORY:
      return runtime_error(SR_ERROR_NO_MEMORY, "the memory that callers may hold is used up; free buffers first");
    case SR_E_CLOSED:
      return runtime_error(SR_ERROR_CLOSED, "the client is being freed");
    case SR_E_FORKED:
      return runtime_error(SR_ERROR_CLOSED, "this process was forked from one that uses the library, and has none of the "
                                            "library's threads; exec a program, or use the library only after the fork");
    case SR_E_SYSTEM:
      return runtime_error(SR_ERROR_SYSTEM, "the operating system refused; it may be out of threads or descriptors");
    default:
      return runtime_error(SR_ERROR_MALFORMED, "an argument is null or out of range");
  }
}

void sr_error_free(sr_error *error) {
  if (error != &out_of_memory) free(error);
}

bool sr_error_is(const sr_error *error, uint32_t runtime_variant) {
  return error != NULL && error->domain == 0 && error->variant == runtime_variant;
}

sr_error *sr_error_new(uint32_t domain, uint32_t variant, const char *message, sr_writer *fields) {
  sr_error *error;
  if (fields->failure == SR_ERROR_MALFORMED) {
    error = runtime_error(SR_ERROR_MALFORMED, "a field of the error is not valid");
  } else if (fields->failure != 0) {
    error = &out_of_memory;
  } else {
    error = new_error(domain, variant, (const uint8_t *)message, strlen(message), fields->data + sizeof(sr_frame),
                      fields->length - sizeof(sr_frame));
  }
  sr_writer_free(fields);
  return error;
}

sr_error *sr_callback_error(const char *message) { return runtime_error(SR_ERROR_CALLBACK, message); }

/* The header's text as the library reads it. */
static char *join_lines(const char *const *schema, size_t lines, size_t *length) {
  *length = 0;
  for (size_t i = 0; i < lines; i++) *length += strlen(schema[i]) + 1;
  char *text = malloc(*length + 1);
  if (text == NULL) return NULL;
  char *at = text;
  for (size_t i = 0; i < lines; i++) {
    const size_t line = strlen(schema[i]);
    memcpy(at, schema[i], line);
    at += line;
    *at++ = '\n';
  }
  *at = 0;
  return text;
}

sr_error *sr_client_check(const uint8_t hash[16], const char *const *schema, size_t lines) {
  const sr_abi_info *library = sr_abi();
  if (library->version != SR_ABI_VERSION) {
    return runtime_error(SR_ERROR_OTHER_LIBRARY,
                         "the library has another ABI version than sr.h; use the headers that came with it");
  }
  if (memcmp(library->schema, hash, 16) == 0) return NULL;
  size_t length, capacity = 1024, needed = 0;
  char *text = join_lines(schema, lines, &length), *message = NULL;
  int32_t status = SR_E_TOO_SMALL;
  while (text != NULL && status == SR_E_TOO_SMALL) {
    char *larger = realloc(message, capacity);
    if (larger == NULL) break;
    message = larger;
    status = sr_check(text, length, message, capacity, &needed);
    if (status == SR_E_TOO_SMALL) capacity = needed > capacity ? needed : capacity * 2;
  }
  sr_error *error = NULL;
  if (status == SR_E_TOO_SMALL) {
    error = &out_of_memory;
  } else if (status != SR_OK) {
    error = new_error(0, SR_ERROR_OTHER_LIBRARY, (const uint8_t *)message, needed < capacity ? needed : capacity, NULL, 0);
  }
  free(message);
  free(text);
  return error;
}

/* ---- Completions ---- */

/* One frame of the library, as it came; payload and handles follow the header. */
struct sr_completion {
  struct sr_completion *next;
  uint64_t reserved; /* keeps the frame at a multiple of 16 */
  sr_frame frame;
};

/* Marks, in the handles that follow a payload, those of objects. */
#define OBJECT_HANDLE (UINT64_C(1) << 63)

static uint64_t load(const uint8_t *at, unsigned size) {
  uint64_t value = 0;
  for (unsigned i = 0; i < size; i++) value |= (uint64_t)at[i] << (8 * i);
  return value;
}

static const uint8_t *payload_of(const sr_frame *frame) { return (const uint8_t *)frame + sizeof(sr_frame); }

/* The payload's length, without the handles behind it. */
static size_t payload_length(const sr_frame *frame) {
  const size_t all = frame->length - sizeof(sr_frame), handles = 8u * frame->flags;
  return all >= handles ? all - handles : 0;
}

static void release_handles(sr_client *client, const sr_frame *frame);

static sr_error *frame_error(const sr_frame *frame, size_t length) {
  sr_arena arena;
  sr_reader r;
  sr_arena_init(&arena);
  sr_reader_init(&r, payload_of(frame), length, &arena);
  sr_error *error;
  if (frame->kind == SR_PANIC) {
    const sr_string message = sr_get_string(&r);
    error = new_error(0, SR_ERROR_PANIC, (const uint8_t *)(message.data == NULL ? "" : message.data), message.length, NULL, 0);
  } else {
    const uint32_t domain = sr_get_u32(&r), variant = sr_get_u32(&r);
    const sr_string message = sr_get_string(&r);
    const sr_bytes fields = sr_get_bytes(&r);
    error = r.failure != 0 ? runtime_error(SR_ERROR_MALFORMED, "the library sent an error that cannot be read")
                           : new_error(domain, variant, (const uint8_t *)message.data, message.length, fields.data, fields.length);
  }
  sr_arena_free(&arena);
  return error;
}

/* ---- The client ---- */

/* A request's place. The generation tells requests apart that had the same place one after the other. */
struct slot {
  uint32_t generation;
  uint32_t next_free; /* where none uses it */
  bool used;
  bool lost;                       /* a completion could not be kept for want of memory */
  struct sr_completion *items;     /* of its stream, oldest first */
  struct sr_completion **last;     /* where the next item goes */
  struct sr_completion *emitted;   /* the newest */
  struct sr_completion *final;
  uint64_t window;
  uint64_t taken; /* bytes of items that were taken, and not yet given back as credit */
  int64_t credit; /* bytes of the caller's items that the library can take; one item may overdraw it */
  bool ended;     /* no more of the caller's items come */
};

/* A callback that the library holds. */
struct sr_callback {
  struct sr_callback *next; /* of those of one request that is being made */
  uint64_t handle;
  sr_dispatch dispatch;
  void (*release)(void *context);
  void *context;
  uint32_t running; /* calls that a thread is in */
  bool released;    /* it ends with the last of them */
  max_align_t functions[];
};

/* A callback's place, like a request's. */
struct callback_slot {
  uint32_t generation;
  struct sr_callback *callback;
};

/* A call that a thread of the program is in. */
struct running {
  struct running *next;
  uint64_t id;
  bool cancelled; /* the library waits for no answer */
};

struct sr_client {
  sr_runtime *runtime;
  sr_mutex mutex; /* guards all below but the block, which belongs to the thread that polls */
  sr_condition arrived;
  bool polling;
  bool closed;
  struct slot *slots;
  uint32_t slot_count;
  uint32_t first_free; /* place in slots; slot_count: all are used */
  struct callback_slot *callbacks;
  uint32_t callback_count;
  struct sr_completion *called;       /* CALL and RELEASE frames, oldest first, until a thread takes them */
  struct sr_completion **last_called; /* where the next one goes */
  struct running *running;
  uint64_t stray;
  uint8_t *block;
  size_t block_size;
};

#define BLOCK_SIZE (64u * 1024u)

sr_error *sr_client_new(const sr_options *options, sr_client **out) {
  sr_options o;
  memset(&o, 0, sizeof(o));
  if (options != NULL) o = *options;
  o.size = sizeof(o);
  o.queues = 1;
  sr_client *client = calloc(1, sizeof(*client));
  if (client == NULL) return &out_of_memory;
  client->block = malloc(BLOCK_SIZE);
  client->block_size = BLOCK_SIZE;
  if (client->block == NULL) {
    free(client);
    return &out_of_memory;
  }
  const int32_t status = sr_runtime_new(&o, &client->runtime);
  if (status != SR_OK) {
    free(client->block);
    free(client);
    return status_error(status);
  }
  client->last_called = &client->called;
  mutex_init(&client->mutex);
  condition_init(&client->arrived);
  *out = client;
  return NULL;
}

static void free_completions(struct sr_completion *completion) {
  while (completion != NULL) {
    struct sr_completion *next = completion->next;
    free(completion);
    completion = next;
  }
}

/* The program may forget the callback. The mutex is not held. */
static void end_callback(struct sr_callback *callback) {
  if (callback->release != NULL) callback->release(callback->context);
  free(callback);
}

/* Whether the client came through a fork. A thread that stayed behind may have held its mutex, so this is asked before it
 * is locked. */
static bool forked(const sr_client *client) {
  sr_wake wake;
  return sr_queue_wake(client->runtime, 0, &wake) == SR_E_FORKED;
}

void sr_client_free(sr_client *client, uint64_t wait_ns) {
  if (client == NULL) return;
  /* What completions carry ends with the runtime. What a fork copied may have been in the middle of a change. */
  if (sr_runtime_free(client->runtime, wait_ns) == SR_E_FORKED) return;
  for (uint32_t i = 0; i < client->slot_count; i++) {
    free_completions(client->slots[i].items);
    free_completions(client->slots[i].emitted);
    free_completions(client->slots[i].final);
  }
  free_completions(client->called);
  for (uint32_t i = 0; i < client->callback_count; i++) {
    if (client->callbacks[i].callback != NULL) end_callback(client->callbacks[i].callback);
  }
  free(client->callbacks);
  condition_destroy(&client->arrived);
  mutex_destroy(&client->mutex);
  free(client->slots);
  free(client->block);
  free(client);
}

sr_runtime *sr_client_runtime(sr_client *client) { return client->runtime; }

sr_error *sr_client_wake(sr_client *client, sr_wake *out) {
  const int32_t status = sr_queue_wake(client->runtime, 0, out);
  return status == SR_OK ? NULL : status_error(status);
}

uint64_t sr_client_stray(sr_client *client) {
  lock(&client->mutex);
  const uint64_t stray = client->stray;
  unlock(&client->mutex);
  return stray;
}

static void release_handles(sr_client *client, const sr_frame *frame) {
  const uint8_t *at = payload_of(frame) + payload_length(frame);
  for (unsigned i = 0; i < frame->flags; i++) {
    const uint64_t handle = load(at + 8 * i, 8);
    if ((handle & OBJECT_HANDLE) != 0) {
      sr_object_close(client->runtime, handle & ~OBJECT_HANDLE);
    } else {
      sr_buffer_free(client->runtime, handle);
    }
  }
}

static void discard(sr_client *client, struct sr_completion *completion) {
  while (completion != NULL) {
    struct sr_completion *next = completion->next;
    release_handles(client, &completion->frame);
    free(completion);
    completion = next;
  }
}

/* The place of a request that is not over, or NULL. The pointer is good while the mutex is held. */
static struct slot *find(sr_client *client, uint64_t id) {
  const uint32_t place = (uint32_t)id;
  if (place >= client->slot_count) return NULL;
  struct slot *slot = &client->slots[place];
  return slot->used && slot->generation == (uint32_t)(id >> 32) ? slot : NULL;
}

/* Takes a free place; 0 where there is no memory. */
static uint64_t take_slot(sr_client *client, uint64_t window) {
  const uint32_t place = client->first_free;
  if (place == client->slot_count) {
    const uint32_t count = client->slot_count == 0 ? 16 : client->slot_count * 2;
    struct slot *slots = realloc(client->slots, count * sizeof(*slots));
    if (slots == NULL) return 0;
    memset(slots + client->slot_count, 0, (count - client->slot_count) * sizeof(*slots));
    for (uint32_t i = place; i < count; i++) slots[i].next_free = i + 1;
    client->slots = slots;
    client->slot_count = count;
    /* The array may have moved, and with it the places that `last` points to. */
    for (uint32_t i = 0; i < place; i++) {
      struct slot *slot = &slots[i];
      slot->last = &slot->items;
      while (*slot->last != NULL) slot->last = &(*slot->last)->next;
    }
  }
  struct slot *slot = &client->slots[place];
  client->first_free = slot->next_free;
  const uint32_t generation = slot->generation + 1;
  memset(slot, 0, sizeof(*slot));
  slot->generation = generation == 0 ? 1 : generation;
  slot->used = true;
  slot->last = &slot->items;
  slot->window = window;
  return (uint64_t)slot->generation << 32 | place;
}

/* Ends a request: what comes for it from now on is stray. */
static void free_slot(sr_client *client, struct slot *slot) {
  discard(client, slot->items);
  discard(client, slot->emitted);
  discard(client, slot->final);
  slot->items = slot->emitted = slot->final = NULL;
  slot->last = &slot->items;
  slot->used = false;
  slot->next_free = client->first_free;
  client->first_free = (uint32_t)(slot - client->slots);
}

/* A copy of a frame; NULL where there is no memory. */
static struct sr_completion *keep(const sr_frame *frame) {
  struct sr_completion *completion = malloc(sizeof(*completion) + (frame->length - sizeof(sr_frame)));
  if (completion == NULL) return NULL;
  completion->next = NULL;
  memcpy(&completion->frame, frame, frame->length);
  return completion;
}

static void stray(sr_client *client, const sr_frame *frame) {
  client->stray++;
  release_handles(client, frame);
}

static void route_answer(sr_client *client, const sr_frame *frame) {
  struct slot *slot = find(client, frame->request);
  /* After its last frame nothing belongs to a request, also where nobody has looked at that yet. */
  if (slot == NULL || slot->final != NULL) {
    stray(client, frame);
    return;
  }
  if (frame->kind == SR_CREDIT) {
    const uint64_t bytes = payload_length(frame) < 8 ? 0 : load(payload_of(frame), 8);
    const uint64_t room = (uint64_t)(INT64_MAX - (slot->credit > 0 ? slot->credit : 0));
    slot->credit += (int64_t)(bytes < room ? bytes : room);
    return;
  }
  struct sr_completion *completion = keep(frame);
  if (completion == NULL) {
    release_handles(client, frame);
    slot->lost = true;
    return;
  }
  switch (frame->kind) {
    case SR_ITEM:
      *slot->last = completion;
      slot->last = &completion->next;
      break;
    case SR_EMIT:
      discard(client, slot->emitted);
      slot->emitted = completion;
      break;
    default:
      slot->final = completion;
  }
}

/* The callback that the library may call by this handle, or NULL. */
static struct sr_callback *find_callback(sr_client *client, uint64_t handle) {
  const uint32_t place = (uint32_t)handle;
  if (place >= client->callback_count) return NULL;
  struct callback_slot *slot = &client->callbacks[place];
  return slot->generation == (uint32_t)(handle >> 32) ? slot->callback : NULL;
}

/* Takes back a call that no thread is in yet, or lets its answer be dropped. */
static void cancel_call(sr_client *client, const sr_frame *frame) {
  for (struct sr_completion **at = &client->called; *at != NULL; at = &(*at)->next) {
    struct sr_completion *call = *at;
    if (call->frame.kind != SR_CALL || call->frame.request != frame->request) continue;
    *at = call->next;
    if (*at == NULL) client->last_called = at;
    call->next = NULL;
    discard(client, call);
    return;
  }
  for (struct running *call = client->running; call != NULL; call = call->next) {
    if (call->id == frame->request) {
      call->cancelled = true;
      return;
    }
  }
  stray(client, frame);
}

static void refuse_call(sr_client *client, const sr_frame *frame);

static void route(sr_client *client, const sr_frame *frame) {
  struct sr_completion *completion;
  switch (frame->kind) {
    case SR_CANCEL:
      cancel_call(client, frame);
      break;
    case SR_CALL:
    case SR_RELEASE:
      completion = keep(frame);
      if (completion != NULL) {
        *client->last_called = completion;
        client->last_called = &completion->next;
      } else if (frame->kind == SR_CALL) {
        release_handles(client, frame);
        refuse_call(client, frame);
      } /* a callback whose release is lost ends with the client */
      break;
    default:
      route_answer(client, frame);
  }
}

/* Polls once, with the mutex held on entry and on return, and no other thread polling. */
static int32_t poll_once(sr_client *client, uint64_t wait_ns) {
  client->polling = true;
  unlock(&client->mutex);
  size_t used = 0, needed = 0;
  const int32_t count = sr_poll(client->runtime, 0, client->block, client->block_size, wait_ns, &used, &needed);
  lock(&client->mutex);
  if (count == SR_E_TOO_SMALL) {
    uint8_t *larger = realloc(client->block, needed);
    if (larger != NULL) {
      client->block = larger;
      client->block_size = needed;
    }
    client->polling = false;
    wake_all(&client->arrived);
    return larger == NULL ? SR_E_NO_MEMORY : 0;
  }
  const uint8_t *at = client->block;
  for (int32_t i = 0; i < count; i++) {
    const sr_frame *frame = (const sr_frame *)at;
    const size_t length = frame->length;
    route(client, frame);
    at += (length + 7) / 8 * 8;
  }
  if (count == SR_E_CLOSED) client->closed = true;
  client->polling = false;
  wake_all(&client->arrived);
  return count;
}

static void serve(sr_client *client);

/* How many callbacks one thread is in: each may wait for a request, and that wait enter another callback. */
static _Thread_local unsigned nested;
#define MAX_NESTED 16u

/* Lets completions come in: enters a callback that was called, or polls, or waits for the thread that does. */
static int32_t receive(sr_client *client, uint64_t wait_ns) {
  if (client->called != NULL && nested < MAX_NESTED) {
    serve(client);
    return 0;
  }
  if (!client->polling) return poll_once(client, wait_ns);
  wait_for(&client->arrived, &client->mutex);
  return 0;
}

sr_error *sr_client_drain(sr_client *client) {
  int32_t count = 1;
  if (forked(client)) return status_error(SR_E_FORKED);
  lock(&client->mutex);
  while (count > 0 && !client->polling) count = poll_once(client, 0);
  while (client->called != NULL && nested < MAX_NESTED) serve(client);
  unlock(&client->mutex);
  return count < 0 ? status_error(count) : NULL;
}

/* Submits one frame, and lets completions in while the library is full. */
static int32_t submit(sr_client *client, const sr_frame *frame) {
  const uint64_t full_ns = 1000000;
  for (;;) {
    size_t taken = 0;
    const int32_t count = sr_submit(client->runtime, (const uint8_t *)frame, frame->length, &taken);
    if (count != 0) return count < 0 ? count : SR_OK;
    lock(&client->mutex);
    const int32_t received = receive(client, full_ns);
    unlock(&client->mutex);
    if (received < 0) return received;
  }
}

static sr_error *submit_small(sr_client *client, uint64_t id, uint8_t kind, const uint8_t *payload, size_t length) {
  union {
    sr_frame frame;
    uint8_t bytes[sizeof(sr_frame) + 8];
  } block;
  memset(&block, 0, sizeof(block));
  block.frame.length = (uint32_t)(sizeof(sr_frame) + length);
  block.frame.kind = kind;
  block.frame.request = id;
  if (length > 0) memcpy(block.bytes + sizeof(sr_frame), payload, length);
  const int32_t status = submit(client, &block.frame);
  return status == SR_OK ? NULL : status_error(status);
}

static sr_error *give_credit(sr_client *client, uint64_t id, uint64_t bytes) {
  uint8_t payload[8];
  for (unsigned i = 0; i < 8; i++) payload[i] = (uint8_t)(bytes >> (8 * i));
  return submit_small(client, id, SR_CREDIT, payload, sizeof(payload));
}

/* Fills the header that the writer left room for. */
static sr_error *seal_frame(sr_writer *w, uint8_t kind, uint64_t object, uint32_t method) {
  if (w->failure == SR_ERROR_MALFORMED) {
    return runtime_error(SR_ERROR_MALFORMED, "an argument is not valid: a map has a key twice, a duration is negative, a moment has a billion nanoseconds, or a text is longer than 4 GiB");
  }
  if (w->failure != 0 || w->data == NULL) return &out_of_memory;
  if (w->length > UINT32_MAX) return runtime_error(SR_ERROR_MALFORMED, "the arguments are longer than 4 GiB");
  sr_frame *frame = (sr_frame *)(void *)w->data;
  memset(frame, 0, sizeof(*frame));
  frame->length = (uint32_t)w->length;
  frame->kind = kind;
  frame->object = object;
  frame->method = method;
  return NULL;
}

/* Takes callbacks back that the library never got. */
static void withdraw(sr_client *client, struct sr_callback *callback) {
  while (callback != NULL) {
    struct sr_callback *next = callback->next;
    lock(&client->mutex);
    client->callbacks[(uint32_t)callback->handle].callback = NULL;
    unlock(&client->mutex);
    end_callback(callback);
    callback = next;
  }
}

/* Gives the request a place, and sends it. */
static sr_error *send_call(sr_client *client, sr_writer *w, uint64_t window, sr_request *out) {
  lock(&client->mutex);
  const uint64_t id = take_slot(client, window);
  unlock(&client->mutex);
  if (id == 0) return &out_of_memory;
  sr_frame *frame = (sr_frame *)(void *)w->data;
  frame->request = id;
  const int32_t status = submit(client, frame);
  out->id = id;
  return status == SR_OK ? NULL : status_error(status);
}

sr_error *sr_client_start(sr_client *client, uint64_t object, uint32_t method, sr_writer *w, const sr_call *how,
                          uint64_t window, sr_request *out) {
  out->client = client;
  out->id = 0;
  if (forked(client)) {
    sr_writer_free(w);
    return status_error(SR_E_FORKED);
  }
  sr_error *error = seal_frame(w, SR_CALL, object, method);
  if (error == NULL) {
    if (how != NULL) {
      sr_frame *frame = (sr_frame *)(void *)w->data;
      if (window != 0 && how->window != 0) window = how->window;
      frame->remaining_ns = how->timeout_ns;
      memcpy(frame->trace, how->trace, sizeof(frame->trace));
    }
    error = send_call(client, w, window, out);
  }
  /* Once the frame is sent the library says when a callback is over, and another thread may have heard it already. */
  if (error != NULL) withdraw(client, w->callbacks);
  sr_writer_free(w);
  if (error == NULL && window != 0) error = give_credit(client, out->id, window);
  if (error != NULL) sr_request_drop(out);
  return error;
}

sr_error *sr_request_cancel(sr_request request) {
  if (request.id == 0) return NULL;
  return submit_small(request.client, request.id, SR_CANCEL, NULL, 0);
}

void sr_request_drop(sr_request *request) {
  if (request->id == 0) return;
  sr_client *client = request->client;
  if (forked(client)) {
    request->id = 0;
    return;
  }
  lock(&client->mutex);
  struct slot *slot = find(client, request->id);
  const bool over = slot == NULL || slot->final != NULL;
  if (slot != NULL) free_slot(client, slot);
  unlock(&client->mutex);
  if (!over) sr_error_free(sr_request_cancel(*request));
  request->id = 0;
}

bool sr_request_ready(sr_request request) {
  if (forked(request.client)) return true; /* finish tells why */
  lock(&request.client->mutex);
  const struct slot *slot = find(request.client, request.id);
  const bool ready = slot == NULL || slot->items != NULL || slot->final != NULL || slot->lost;
  unlock(&request.client->mutex);
  return ready;
}

bool sr_request_writable(sr_request request) {
  if (forked(request.client)) return true; /* push tells why */
  lock(&request.client->mutex);
  const struct slot *slot = find(request.client, request.id);
  const bool writable = slot == NULL || slot->credit > 0 || slot->final != NULL || slot->lost;
  unlock(&request.client->mutex);
  return writable;
}

/* Waits until the library can take an item of this many bytes, and takes them from its credit. *more is false where the
 * request is over. */
static sr_error *take_credit(sr_request *request, uint64_t bytes, bool *more) {
  sr_client *client = request->client;
  sr_error *error = NULL;
  *more = false;
  if (request->id == 0) return runtime_error(SR_ERROR_CLOSED, "the request has ended already");
  if (forked(client)) return status_error(SR_E_FORKED);
  lock(&client->mutex);
  while (error == NULL && !*more) {
    struct slot *slot = find(client, request->id);
    if (slot == NULL) {
      error = runtime_error(SR_ERROR_CLOSED, "the request has ended already");
    } else if (slot->ended) {
      error = runtime_error(SR_ERROR_MALFORMED, "an item comes after sr_request_end");
    } else if (slot->final != NULL || slot->lost) {
      break;
    } else if (slot->credit > 0) {
      slot->credit -= (int64_t)(bytes < INT64_MAX ? bytes : INT64_MAX);
      *more = true;
    } else {
      const int32_t status = client->closed ? SR_E_CLOSED : receive(client, UINT64_MAX);
      if (status < 0) error = status_error(status);
    }
  }
  unlock(&client->mutex);
  return error;
}

static sr_error *send_item(sr_request *request, sr_writer *w) {
  sr_frame *frame = (sr_frame *)(void *)w->data;
  frame->request = request->id;
  const int32_t status = submit(request->client, frame);
  return status == SR_OK ? NULL : status_error(status);
}

sr_error *sr_request_push(sr_request *request, sr_writer *w, bool *more) {
  *more = false;
  sr_error *error = seal_frame(w, SR_ITEM, 0, 0);
  if (error == NULL) error = take_credit(request, w->length - sizeof(sr_frame), more);
  if (error == NULL && *more) error = send_item(request, w);
  sr_writer_free(w);
  return error;
}

/* Puts a buffer's handle, and once more where the receiver of a frame that is dropped looks for it. */
static void put_buffer(sr_writer *w, uint64_t handle) {
  sr_put_u64(w, handle);
  sr_put_u64(w, handle);
}

sr_error *sr_request_push_buffer(sr_request *request, sr_buffer buffer, bool *more) {
  sr_view view;
  *more = false;
  const int32_t status = sr_buffer_view(request->client->runtime, buffer.handle, &view);
  if (status != SR_OK) return status_error(status);
  sr_buffer_unview(request->client->runtime, buffer.handle);
  sr_writer w;
  sr_writer_init(&w);
  put_buffer(&w, buffer.handle);
  sr_error *error = seal_frame(&w, SR_ITEM, 0, 0);
  if (error == NULL) error = take_credit(request, 8 + view.length, more);
  if (error == NULL && *more) {
    ((sr_frame *)(void *)w.data)->flags = 1;
    error = send_item(request, &w);
  } else {
    sr_buffer_free(request->client->runtime, buffer.handle);
  }
  sr_writer_free(&w);
  return error;
}

sr_error *sr_request_end(sr_request *request) {
  if (request->id == 0) return NULL;
  sr_client *client = request->client;
  if (forked(client)) return status_error(SR_E_FORKED);
  lock(&client->mutex);
  struct slot *slot = find(client, request->id);
  const bool over = slot == NULL || slot->ended || slot->final != NULL || slot->lost;
  if (slot != NULL) slot->ended = true;
  unlock(&client->mutex);
  return over ? NULL : submit_small(client, request->id, SR_END, NULL, 0);
}

static void begin_reply(sr_reply *reply, sr_client *client, struct sr_completion *completion, sr_arena *arena) {
  reply->client = client;
  reply->completion = completion;
  sr_reader_init(&reply->reader, payload_of(&completion->frame), payload_length(&completion->frame), arena);
}

sr_error *sr_reply_end(sr_reply *reply) {
  const uint32_t failure = reply->reader.failure;
  if (failure != 0) release_handles(reply->client, &reply->completion->frame);
  free(reply->completion);
  reply->completion = NULL;
  if (failure == SR_ERROR_NO_MEMORY) return &out_of_memory;
  return failure == 0 ? NULL : runtime_error(failure, "the library's answer is not what the IDL says");
}

/* What a request waits for. */
enum { FINISH, NEXT, EMITTED };

/* Waits, and takes the completion. *over says that it was the request's last. */
static sr_error *await(sr_request *request, int what, struct sr_completion **out, bool *over) {
  sr_client *client = request->client;
  *out = NULL;
  if (request->id == 0) return runtime_error(SR_ERROR_CLOSED, "the request has ended already");
  if (forked(client)) return status_error(SR_E_FORKED);
  sr_error *error = NULL;
  uint64_t credit = 0;
  lock(&client->mutex);
  for (;;) {
    struct slot *slot = find(client, request->id);
    if (slot == NULL) {
      error = runtime_error(SR_ERROR_CLOSED, "the request has ended already");
      break;
    }
    if (what == NEXT && slot->items != NULL) {
      *out = slot->items;
      slot->items = (*out)->next;
      if (slot->items == NULL) slot->last = &slot->items;
      (*out)->next = NULL;
      uint64_t cost = payload_length(&(*out)->frame);
      const uint8_t *handles = payload_of(&(*out)->frame) + cost;
      for (unsigned i = 0; i < (*out)->frame.flags; i++) {
        const uint64_t handle = load(handles + 8 * i, 8);
        sr_view view;
        if ((handle & OBJECT_HANDLE) == 0 && sr_buffer_view(client->runtime, handle, &view) == SR_OK) {
          cost += view.length;
          sr_buffer_unview(client->runtime, handle);
        }
      }
      slot->taken += cost;
      /* Credit goes back in lumps: a frame for every item would double the frames. */
      if (slot->final == NULL && slot->taken >= slot->window / 2) {
        credit = slot->taken;
        slot->taken = 0;
      }
      *over = false;
      break;
    }
    if (what == EMITTED && slot->emitted != NULL) {
      *out = slot->emitted;
      slot->emitted = NULL;
      *over = false;
      break;
    }
    if (slot->lost) {
      free_slot(client, slot);
      request->id = 0;
      error = &out_of_memory;
      break;
    }
    if (slot->final != NULL) {
      *over = true;
      if (what == EMITTED) break; /* finish takes it */
      *out = slot->final;
      slot->final = NULL;
      free_slot(client, slot);
      request->id = 0;
      break;
    }
    const int32_t status = client->closed ? SR_E_CLOSED : receive(client, UINT64_MAX);
    if (status < 0) {
      error = status_error(status);
      break;
    }
  }
  unlock(&client->mutex);
  if (credit > 0) sr_error_free(give_credit(client, request->id, credit)); /* a dying runtime says so to the next wait */
  return error;
}

/* Turns an ERROR or PANIC frame into an error, and frees it. */
static sr_error *take_error(sr_client *client, struct sr_completion *completion) {
  sr_error *error = frame_error(&completion->frame, payload_length(&completion->frame));
  discard(client, completion);
  return error;
}

sr_error *sr_request_finish(sr_request *request, sr_arena *arena, sr_reply *reply) {
  struct sr_completion *completion;
  bool over = false;
  sr_error *error = await(request, FINISH, &completion, &over);
  if (error != NULL) return error;
  if (completion->frame.kind == SR_ERROR || completion->frame.kind == SR_PANIC) return take_error(request->client, completion);
  begin_reply(reply, request->client, completion, arena);
  return NULL;
}

sr_error *sr_request_next(sr_request *request, sr_arena *arena, sr_reply *reply, bool *more) {
  struct sr_completion *completion;
  bool over = true;
  *more = false;
  sr_error *error = await(request, NEXT, &completion, &over);
  if (error != NULL) return error;
  if (!over) {
    *more = true;
    begin_reply(reply, request->client, completion, arena);
    return NULL;
  }
  if (completion->frame.kind == SR_ERROR || completion->frame.kind == SR_PANIC) return take_error(request->client, completion);
  discard(request->client, completion);
  return NULL;
}

sr_error *sr_request_emitted(sr_request *request, sr_arena *arena, sr_reply *reply, bool *more) {
  struct sr_completion *completion;
  bool over = true;
  *more = false;
  sr_error *error = await(request, EMITTED, &completion, &over);
  if (error != NULL || over) return error;
  *more = true;
  begin_reply(reply, request->client, completion, arena);
  return NULL;
}

sr_error *sr_client_immediate(sr_client *client, uint64_t object, uint32_t method, sr_writer *w, sr_arena *arena,
                              sr_reply *reply) {
  sr_error *error = seal_frame(w, SR_CALL, object, method);
  size_t capacity = 1024;
  while (error == NULL) {
    struct sr_completion *completion = malloc(sizeof(*completion) + capacity);
    if (completion == NULL) {
      error = &out_of_memory;
      break;
    }
    completion->next = NULL;
    size_t used = 0;
    const int32_t status = sr_call_immediate(client->runtime, w->data, w->length, (uint8_t *)&completion->frame,
                                             sizeof(sr_frame) + capacity, &used);
    if (status == SR_OK) {
      if (completion->frame.kind == SR_REPLY) {
        begin_reply(reply, client, completion, arena);
      } else {
        error = take_error(client, completion);
      }
      break;
    }
    free(completion);
    if (status != SR_E_TOO_SMALL) {
      error = status_error(status);
    } else if (used > sizeof(sr_frame) + capacity) {
      capacity = used;
    } else {
      capacity *= 2;
    }
  }
  sr_writer_free(w);
  return error;
}

/* ---- Callbacks ---- */

/* Room for one more callback; 0 where there is no memory. */
static bool take_callback_slot(sr_client *client, struct sr_callback *callback) {
  uint32_t place = 0;
  while (place < client->callback_count && client->callbacks[place].callback != NULL) place++;
  if (place == client->callback_count) {
    const uint32_t count = place == 0 ? 8 : place * 2;
    struct callback_slot *slots = realloc(client->callbacks, count * sizeof(*slots));
    if (slots == NULL) return false;
    memset(slots + place, 0, (count - place) * sizeof(*slots));
    client->callbacks = slots;
    client->callback_count = count;
  }
  struct callback_slot *slot = &client->callbacks[place];
  slot->generation = slot->generation == INT32_MAX ? 1 : slot->generation + 1; /* the top bit says `object` where handles are repeated */
  slot->callback = callback;
  callback->handle = (uint64_t)slot->generation << 32 | place;
  return true;
}

void sr_put_callback(sr_writer *w, sr_client *client, const void *functions, size_t size, sr_dispatch dispatch,
                     void (*release)(void *context), void *context) {
  struct sr_callback *callback = forked(client) ? NULL : calloc(1, sizeof(*callback) + size);
  bool there = callback != NULL;
  if (there) {
    callback->dispatch = dispatch;
    callback->release = release;
    callback->context = context;
    memcpy(callback->functions, functions, size);
    lock(&client->mutex);
    there = take_callback_slot(client, callback);
    unlock(&client->mutex);
  }
  if (!there) {
    w->failure = SR_ERROR_NO_MEMORY;
    free(callback);
    if (release != NULL) release(context);
    return;
  }
  callback->next = w->callbacks;
  w->callbacks = callback;
  sr_put_u64(w, callback->handle);
}

sr_error *sr_callback_begin(sr_callback_call *call, bool implemented) {
  if (!implemented) return runtime_error(SR_ERROR_UNKNOWN_METHOD, "the callback has no such method");
  if (call->arguments.failure == SR_ERROR_NO_MEMORY) return &out_of_memory;
  if (call->arguments.failure != 0) return runtime_error(SR_ERROR_MALFORMED, "the arguments are not what the IDL says");
  call->begun = true;
  return NULL;
}

sr_error *sr_callback_failed(sr_error *error, uint32_t domain) {
  if (error == NULL || error == &out_of_memory || (domain != 0 && error->domain == domain)) return error;
  sr_error *unnamed = sr_callback_error(error->message);
  sr_error_free(error);
  return unnamed;
}

void sr_callback_give(sr_callback_call *call, sr_buffer buffer) {
  put_buffer(&call->reply, buffer.handle);
  call->given = buffer.handle;
}

static void put_error(sr_writer *w, const sr_error *error) {
  const sr_bytes fields = {error->fields, error->fields_length};
  sr_put_u32(w, error->domain);
  sr_put_u32(w, error->variant);
  sr_put_string(w, sr_string_of(error->message));
  sr_put_bytes(w, fields);
}

/* Makes the frame that answers a call, of what its function gave. */
static sr_error *seal_answer(sr_callback_call *call, sr_error *error) {
  if (error == NULL && call->reply.failure == SR_ERROR_MALFORMED) {
    error = sr_callback_error("the callback's result is not valid");
  } else if (error == NULL && call->reply.failure != 0) {
    error = &out_of_memory;
  }
  if (error == NULL) {
    error = seal_frame(&call->reply, SR_REPLY, 0, 0);
    if (error != NULL) return error;
    ((sr_frame *)(void *)call->reply.data)->flags = call->given != 0;
    return NULL;
  }
  if (call->given != 0) sr_buffer_free(call->client->runtime, call->given);
  call->given = 0;
  sr_writer_free(&call->reply);
  sr_writer_init(&call->reply);
  put_error(&call->reply, error);
  sr_error_free(error);
  return seal_frame(&call->reply, SR_ERROR, 0, 0);
}

/* Answers a call for which there is no memory, if the library takes it. */
static void refuse_call(sr_client *client, const sr_frame *frame) {
  /* The payload: domain, variant, an empty message, no fields. */
  const uint8_t payload[16] = {0, 0, 0, 0, SR_ERROR_NO_MEMORY};
  union {
    sr_frame frame;
    uint8_t bytes[sizeof(sr_frame) + sizeof(payload)];
  } block;
  size_t taken;
  memset(&block, 0, sizeof(block));
  block.frame.length = sizeof(block.bytes);
  block.frame.kind = SR_ERROR;
  block.frame.queue = frame->queue;
  block.frame.request = frame->request;
  memcpy(block.bytes + sizeof(sr_frame), payload, sizeof(payload));
  sr_submit(client->runtime, block.bytes, sizeof(block.bytes), &taken);
}

/* Lets the callback's function answer a call. The mutex is not held. */
static void answer(sr_client *client, struct sr_callback *callback, struct sr_completion *completion, struct running *self) {
  const sr_frame *frame = &completion->frame;
  sr_arena arena;
  sr_callback_call call;
  memset(&call, 0, sizeof(call));
  call.client = client;
  call.method = frame->method;
  sr_arena_init(&arena);
  sr_reader_init(&call.arguments, payload_of(frame), payload_length(frame), &arena);
  sr_writer_init(&call.reply);
  nested++;
  sr_error *error = callback != NULL ? callback->dispatch(callback->functions, &call)
                                     : runtime_error(SR_ERROR_CLOSED, "the callback was released, or was never handed over");
  nested--;
  if (!call.begun) release_handles(client, frame);
  error = seal_answer(&call, error);
  sr_arena_free(&arena);

  lock(&client->mutex);
  const bool cancelled = self->cancelled;
  for (struct running **at = &client->running; *at != NULL; at = &(*at)->next) {
    if (*at == self) {
      *at = self->next;
      break;
    }
  }
  unlock(&client->mutex);
  if (cancelled) {
    if (call.given != 0) sr_buffer_free(client->runtime, call.given);
  } else if (error != NULL) {
    refuse_call(client, frame);
  } else {
    sr_frame *out = (sr_frame *)(void *)call.reply.data;
    out->queue = frame->queue;
    out->request = frame->request;
    submit(client, out); /* a dying runtime says so to the next wait */
  }
  sr_error_free(error);
  sr_writer_free(&call.reply);
}

/* Takes one thing that the library told callbacks. The mutex is held on entry and on return, and not meanwhile. */
static void serve(sr_client *client) {
  struct sr_completion *completion = client->called;
  client->called = completion->next;
  if (client->called == NULL) client->last_called = &client->called;
  struct sr_callback *callback = find_callback(client, completion->frame.object);
  struct running self = {client->running, completion->frame.request, false};
  if (completion->frame.kind == SR_CALL) {
    client->running = &self;
    if (callback != NULL) callback->running++;
    unlock(&client->mutex);
    answer(client, callback, completion, &self);
    lock(&client->mutex);
    if (callback != NULL) callback->running--;
  } else if (callback == NULL) {
    client->stray++;
  } else {
    client->callbacks[(uint32_t)callback->handle].callback = NULL;
    callback->released = true;
  }
  const bool over = callback != NULL && callback->released && callback->running == 0;
  unlock(&client->mutex);
  free(completion);
  if (over) end_callback(callback);
  lock(&client->mutex);
}

/* ---- Buffers ---- */

static sr_error *finish_buffer(sr_request *request, sr_buffer *out) {
  sr_reply reply;
  sr_error *error = sr_request_finish(request, NULL, &reply);
  if (error != NULL) return error;
  out->client = request->client;
  out->handle = sr_get_u64(&reply.reader);
  return sr_reply_end(&reply);
}

sr_error *sr_client_alloc(sr_client *client, uint64_t size, sr_buffer *out) {
  sr_writer w;
  sr_request request;
  sr_writer_init(&w);
  sr_put_u64(&w, size);
  sr_error *error = sr_client_start(client, 0, SR_METHOD_ALLOC, &w, NULL, 0, &request);
  return error != NULL ? error : finish_buffer(&request, out);
}

sr_error *sr_client_fill(sr_client *client, int32_t descriptor, uint64_t size, sr_buffer *out) {
  sr_writer w;
  sr_request request;
  sr_writer_init(&w);
  sr_put_i32(&w, descriptor);
  sr_put_u64(&w, size);
  sr_error *error = sr_client_start(client, 0, SR_METHOD_FILL, &w, NULL, 0, &request);
  return error != NULL ? error : finish_buffer(&request, out);
}

static sr_error *checked(int32_t status) { return status == SR_OK ? NULL : status_error(status); }

sr_error *sr_client_try_alloc(sr_client *client, uint64_t size, sr_buffer *out) {
  out->client = client;
  return checked(sr_buffer_try_alloc(client->runtime, size, &out->handle));
}

sr_error *sr_client_view(sr_buffer buffer, sr_view *out) {
  return checked(sr_buffer_view(buffer.client->runtime, buffer.handle, out));
}

sr_error *sr_client_unview(sr_buffer buffer) { return checked(sr_buffer_unview(buffer.client->runtime, buffer.handle)); }

sr_error *sr_client_shrink(sr_buffer buffer, uint64_t length) {
  return checked(sr_buffer_shrink(buffer.client->runtime, buffer.handle, length));
}

sr_error *sr_client_release(sr_buffer buffer) { return checked(sr_buffer_free(buffer.client->runtime, buffer.handle)); }

sr_error *sr_client_close_object(sr_client *client, uint64_t object) {
  return checked(sr_object_close(client->runtime, object));
}

/* ---- Encoding ---- */

/* Nanoseconds in a second: a moment has fewer. */
#define BILLION 1000000000u

void sr_writer_init(sr_writer *w) {
  w->capacity = 256;
  w->length = sizeof(sr_frame);
  w->failure = 0;
  w->callbacks = NULL;
  w->data = malloc(w->capacity);
  if (w->data == NULL) w->failure = SR_ERROR_NO_MEMORY;
}

void sr_writer_free(sr_writer *w) {
  free(w->data);
  w->data = NULL;
}

/* Room for so many bytes, or NULL. */
static uint8_t *extend(sr_writer *w, size_t length) {
  if (w->failure != 0) return NULL;
  if (length > w->capacity - w->length) {
    if (length > SIZE_MAX / 4 || w->capacity > SIZE_MAX / 4) {
      w->failure = SR_ERROR_NO_MEMORY;
      return NULL;
    }
    size_t capacity = w->capacity * 2;
    while (capacity - w->length < length) capacity *= 2;
    uint8_t *data = realloc(w->data, capacity);
    if (data == NULL) {
      w->failure = SR_ERROR_NO_MEMORY;
      return NULL;
    }
    w->data = data;
    w->capacity = capacity;
  }
  uint8_t *room = w->data + w->length;
  w->length += length;
  return room;
}

static void put(sr_writer *w, uint64_t value, unsigned size) {
  uint8_t *room = extend(w, size);
  if (room == NULL) return;
  for (unsigned i = 0; i < size; i++) room[i] = (uint8_t)(value >> (8 * i));
}

void sr_put_bool(sr_writer *w, bool value) { put(w, value ? 1 : 0, 1); }
void sr_put_u8(sr_writer *w, uint8_t value) { put(w, value, 1); }
void sr_put_u16(sr_writer *w, uint16_t value) { put(w, value, 2); }
void sr_put_u32(sr_writer *w, uint32_t value) { put(w, value, 4); }
void sr_put_u64(sr_writer *w, uint64_t value) { put(w, value, 8); }
void sr_put_i8(sr_writer *w, int8_t value) { put(w, (uint64_t)value, 1); }
void sr_put_i16(sr_writer *w, int16_t value) { put(w, (uint64_t)value, 2); }
void sr_put_i32(sr_writer *w, int32_t value) { put(w, (uint64_t)value, 4); }
void sr_put_i64(sr_writer *w, int64_t value) { put(w, (uint64_t)value, 8); }

void sr_put_f32(sr_writer *w, float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof(bits));
  put(w, bits, 4);
}

void sr_put_f64(sr_writer *w, double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof(bits));
  put(w, bits, 8);
}

void sr_put_timestamp(sr_writer *w, sr_timestamp value) {
  if (value.nanos >= BILLION) w->failure = SR_ERROR_MALFORMED;
  sr_put_i64(w, value.seconds);
  sr_put_u32(w, value.nanos);
}

void sr_put_duration(sr_writer *w, sr_duration value) {
  if (value < 0) w->failure = SR_ERROR_MALFORMED;
  sr_put_i64(w, value);
}

void sr_put_count(sr_writer *w, size_t count) {
  if (count > UINT32_MAX) {
    w->failure = SR_ERROR_MALFORMED;
    return;
  }
  put(w, count, 4);
}

void sr_put_raw(sr_writer *w, const uint8_t *data, size_t length) {
  uint8_t *room = extend(w, length);
  if (room != NULL && length > 0) memcpy(room, data, length);
}

void sr_put_string(sr_writer *w, sr_string value) {
  sr_put_count(w, value.length);
  sr_put_raw(w, (const uint8_t *)value.data, value.length);
}

void sr_put_bytes(sr_writer *w, sr_bytes value) {
  sr_put_count(w, value.length);
  sr_put_raw(w, value.data, value.length);
}

size_t sr_put_open(sr_writer *w) {
  put(w, 0, 4);
  return w->length;
}

void sr_put_close(sr_writer *w, size_t place) {
  if (w->failure != 0) return;
  const size_t length = w->length - place;
  if (length > UINT32_MAX) {
    w->failure = SR_ERROR_MALFORMED;
    return;
  }
  for (unsigned i = 0; i < 4; i++) w->data[place - 4 + i] = (uint8_t)(length >> (8 * i));
}

int sr_compare_strings(sr_string a, sr_string b) {
  const size_t shorter = a.length < b.length ? a.length : b.length;
  const int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);
  if (order != 0) return order;
  return (a.length > b.length) - (a.length < b.length);
}

/* Pointers to entries, in the order of their keys. *twice says whether a key comes twice. */
static const void **sort(const void *entries, size_t count, size_t size, sr_compare compare, bool *twice) {
  const void **sorted = calloc(count, sizeof(*sorted));
  if (sorted == NULL) return NULL;
  for (size_t i = 0; i < count; i++) sorted[i] = (const uint8_t *)entries + i * size;
  qsort(sorted, count, sizeof(*sorted), compare);
  *twice = false;
  for (size_t i = 1; i < count; i++) {
    if (compare(&sorted[i - 1], &sorted[i]) == 0) *twice = true;
  }
  return sorted;
}

const void **sr_put_sorting(sr_writer *w, const void *entries, size_t count, size_t size, sr_compare compare) {
  if (count == 0 || w->failure != 0) return NULL;
  bool twice = false;
  const void **sorted = sort(entries, count, size, compare, &twice);
  if (sorted == NULL) {
    w->failure = SR_ERROR_NO_MEMORY;
  } else if (twice) {
    w->failure = SR_ERROR_MALFORMED;
    free(sorted);
    sorted = NULL;
  }
  return sorted;
}

void sr_put_sorted(const void **sorted) { free(sorted); }

/* ---- Decoding ---- */

/* How deep types nest on the wire. */
#define MAX_DEPTH 64u

void sr_reader_init(sr_reader *r, const uint8_t *data, size_t length, sr_arena *arena) {
  r->at = data;
  r->end = data + length;
  r->arena = arena;
  r->depth = 0;
  r->failure = 0;
}

void sr_get_malformed(sr_reader *r) {
  if (r->failure == 0) r->failure = SR_ERROR_MALFORMED;
  r->at = r->end; /* nothing is read after the first mistake */
}

bool sr_get_ended(const sr_reader *r) { return r->at == r->end; }

/* The next bytes, or NULL. */
static const uint8_t *take(sr_reader *r, size_t length) {
  if (r->failure != 0 || (size_t)(r->end - r->at) < length) {
    sr_get_malformed(r);
    return NULL;
  }
  const uint8_t *at = r->at;
  r->at += length;
  return at;
}

static uint64_t get(sr_reader *r, unsigned size) {
  const uint8_t *at = take(r, size);
  return at == NULL ? 0 : load(at, size);
}

bool sr_get_bool(sr_reader *r) {
  const uint64_t value = get(r, 1);
  if (value > 1) sr_get_malformed(r);
  return value == 1;
}

uint8_t sr_get_u8(sr_reader *r) { return (uint8_t)get(r, 1); }
uint16_t sr_get_u16(sr_reader *r) { return (uint16_t)get(r, 2); }
uint32_t sr_get_u32(sr_reader *r) { return (uint32_t)get(r, 4); }
uint64_t sr_get_u64(sr_reader *r) { return get(r, 8); }
int8_t sr_get_i8(sr_reader *r) { return (int8_t)(uint8_t)get(r, 1); }
int16_t sr_get_i16(sr_reader *r) { return (int16_t)(uint16_t)get(r, 2); }
int32_t sr_get_i32(sr_reader *r) { return (int32_t)(uint32_t)get(r, 4); }
int64_t sr_get_i64(sr_reader *r) { return (int64_t)get(r, 8); }

float sr_get_f32(sr_reader *r) {
  const uint32_t bits = sr_get_u32(r);
  float value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}

double sr_get_f64(sr_reader *r) {
  const uint64_t bits = sr_get_u64(r);
  double value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}

sr_timestamp sr_get_timestamp(sr_reader *r) {
  sr_timestamp out;
  out.seconds = sr_get_i64(r);
  out.nanos = sr_get_u32(r);
  if (out.nanos >= BILLION) sr_get_malformed(r);
  return out;
}

sr_duration sr_get_duration(sr_reader *r) {
  const int64_t value = sr_get_i64(r);
  if (value < 0) sr_get_malformed(r);
  return value;
}

static bool is_utf8(const uint8_t *at, size_t length) {
  size_t i = 0;
  while (i < length) {
    const uint8_t first = at[i];
    if (first < 0x80) {
      i++;
      continue;
    }
    size_t more;
    uint8_t low = 0x80, high = 0xbf; /* of the second byte: no overlong forms, no surrogates, nothing above U+10FFFF */
    if (first >= 0xc2 && first <= 0xdf) {
      more = 1;
    } else if (first >= 0xe0 && first <= 0xef) {
      more = 2;
      if (first == 0xe0) low = 0xa0;
      if (first == 0xed) high = 0x9f;
    } else if (first >= 0xf0 && first <= 0xf4) {
      more = 3;
      if (first == 0xf0) low = 0x90;
      if (first == 0xf4) high = 0x8f;
    } else {
      return false;
    }
    if (length - i <= more || at[i + 1] < low || at[i + 1] > high) return false;
    for (size_t j = 2; j <= more; j++) {
      if ((at[i + j] & 0xc0) != 0x80) return false;
    }
    i += more + 1;
  }
  return true;
}

void *sr_get_room(sr_reader *r, size_t count, size_t size) {
  if (r->failure != 0 || count == 0) return NULL;
  void *room = NULL;
  if (count <= SIZE_MAX / 2 / size && r->arena != NULL) room = sr_arena_alloc(r->arena, count * size);
  if (room == NULL) {
    r->failure = SR_ERROR_NO_MEMORY;
    r->at = r->end;
  }
  return room;
}

/* A copy with a zero byte behind it. */
static const uint8_t *copy(sr_reader *r, const uint8_t *data, size_t length) {
  uint8_t *room = sr_get_room(r, length + 1, 1);
  if (room != NULL && length > 0) memcpy(room, data, length);
  return room;
}

sr_bytes sr_get_bytes(sr_reader *r) {
  sr_bytes out = {NULL, 0};
  const size_t length = sr_get_u32(r);
  const uint8_t *data = take(r, length);
  if (data == NULL) return out;
  out.data = copy(r, data, length);
  if (out.data != NULL) out.length = length;
  return out;
}

sr_string sr_get_string(sr_reader *r) {
  sr_string out = {NULL, 0};
  const sr_bytes bytes = sr_get_bytes(r);
  if (bytes.data == NULL) return out;
  if (!is_utf8(bytes.data, bytes.length)) {
    sr_get_malformed(r);
    return out;
  }
  out.data = (const char *)bytes.data;
  out.length = bytes.length;
  return out;
}

void sr_get_raw(sr_reader *r, uint8_t *out, size_t length) {
  const uint8_t *data = take(r, length);
  if (data != NULL) {
    memcpy(out, data, length);
  } else {
    memset(out, 0, length);
  }
}

size_t sr_get_count(sr_reader *r, size_t smallest) {
  const size_t count = sr_get_u32(r);
  if (count > (size_t)(r->end - r->at) / smallest) {
    sr_get_malformed(r);
    return 0;
  }
  return count;
}

const uint8_t *sr_get_open(sr_reader *r) {
  const uint8_t *outer = r->end;
  const size_t length = sr_get_u32(r);
  if (r->depth == MAX_DEPTH || length > (size_t)(r->end - r->at)) {
    sr_get_malformed(r);
  } else {
    r->end = r->at + length;
  }
  r->depth++;
  return outer;
}

void sr_get_close(sr_reader *r, const uint8_t *outer_end) {
  r->depth--;
  r->at = r->failure != 0 ? outer_end : r->end; /* what a newer writer appended is skipped */
  r->end = outer_end;
}

void sr_get_unique(sr_reader *r, const void *entries, size_t count, size_t size, sr_compare compare) {
  if (count < 2 || r->failure != 0) return;
  bool twice = false;
  const void **sorted = sort(entries, count, size, compare, &twice);
  if (sorted == NULL) {
    r->failure = SR_ERROR_NO_MEMORY;
    r->at = r->end;
  } else if (twice) {
    sr_get_malformed(r);
  }
  free(sorted);
}
