/* The Strongroom boundary as Python objects.
 *
 * This extension opens a Strongroom library by its path, takes the table of functions that sr_table gives, and wraps
 * it in three types: Library, Runtime and Buffer. It knows frames (it cuts the block that sr_poll fills into tuples)
 * and nothing of what is in them: encoding, requests, streams and errors are Python, beside this file.
 *
 * It uses the limited API of CPython 3.11, so that one binary serves every later release (docs/adr/0001).
 *
 * Three invariants hold everywhere below:
 *
 *  1. The library is never called in a child process that was forked after the library was opened: its threads do not
 *     exist there and its locks may be held for ever. `forks` counts, and every entry compares. A child that opens the
 *     library itself gets another image of it.
 *  2. The runtime is never freed while a thread polls it or a view of one of its buffers is open. Both counts are
 *     changed with the GIL held.
 *  3. The log sink touches no Python object, so that the library's thread may call it at any moment, also while the
 *     interpreter ends.
 */
#define _GNU_SOURCE
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "_system.h"
#include "sr.h"

#define MAX_QUEUES 64
#define POLL_BLOCK (256 * 1024)
#define LOG_LINES 1024

/* How often this process has been forked from one that had loaded the extension. */
static volatile unsigned forks;

static void count_fork(void) { forks++; }

static const char forked_text[] =
    "this process was forked after the library was opened, and the library's threads stayed behind; open a client of "
    "your own in this process, or start it with spawn or forkserver";

typedef struct {
  PyObject *error;
  PyObject *failure;
  PyObject *closed;
  PyObject *forked;
  PyTypeObject *runtime_type;
  PyTypeObject *buffer_type;
  PyTypeObject *calls_type;
  PyObject *set_result;
  PyObject *getter;
} State;

typedef struct {
  uint32_t level;
  char *target;
  size_t target_length;
  char *message;
  size_t message_length;
} LogLine;

/* Lines between the library's log thread and the Python thread that reads them. When it is full, new lines are
 * counted and dropped: logging never holds the library up. */
typedef struct {
  Lock lock;
  Condition filled;
  LogLine lines[LOG_LINES];
  size_t first;
  size_t count;
  uint64_t lost;
  bool open;
} LogRing;

typedef struct {
  PyObject_HEAD
  const sr_functions *table;
  LogRing *log;
  unsigned forks;
} Library;

typedef struct {
  PyObject_HEAD
  Library *library;
  sr_runtime *runtime; /* NULL: freed */
  unsigned forks;
  uint32_t queues;
  Py_ssize_t pollers;
  Py_ssize_t views;
  struct {
    uint8_t *bytes;
    size_t capacity;
    bool busy;
  } blocks[MAX_QUEUES];
} Runtime;

typedef struct {
  PyObject_HEAD
  Runtime *owner;  /* NULL: closed or moved */
  uint64_t handle; /* 0: closed or moved */
  uint8_t *data;   /* valid while exports > 0 */
  size_t length;
  Py_ssize_t exports;
} Buffer;

static State *state_of(PyObject *self) { return PyType_GetModuleState(Py_TYPE(self)); }

static uint64_t as_u64(PyObject *number) { return PyLong_AsUnsignedLongLong(number); }

static const char *status_text(int32_t status) {
  switch (status) {
    case SR_E_INVALID: return "an argument is malformed or out of range";
    case SR_E_HANDLE: return "the handle is closed, or was never given out";
    case SR_E_BUSY: return "a view is open on the buffer";
    case SR_E_NO_MEMORY: return "the memory that callers may hold in buffers is used up; close buffers, or wait with alloc";
    case SR_E_TOO_SMALL: return "the block is too small for one frame";
    case SR_E_CLOSED: return "the runtime is shut down";
    case SR_E_SYSTEM: return "the operating system refused threads, descriptors or memory";
    case SR_E_FORKED: return forked_text;
    default: return "the library answered an unknown status";
  }
}

static PyObject *raise_status(State *state, int32_t status) {
  if (status == SR_E_BUSY) {
    PyErr_SetString(PyExc_BufferError, status_text(status));
    return NULL;
  }
  if (status == SR_E_HANDLE) {
    PyErr_SetString(state->closed, status_text(status));
    return NULL;
  }
  PyObject *arguments = Py_BuildValue("(is)", (int)status, status_text(status));
  if (arguments != NULL) {
    PyErr_SetObject(state->failure, arguments);
    Py_DECREF(arguments);
  }
  return NULL;
}

/* The runtime's pointer, or NULL with an exception set. */
static sr_runtime *usable(Runtime *self) {
  State *state = state_of((PyObject *)self);
  if (self->forks != forks) {
    PyErr_SetString(state->forked, forked_text);
    return NULL;
  }
  if (self->runtime == NULL) {
    raise_status(state, SR_E_CLOSED);
    return NULL;
  }
  return self->runtime;
}

/* ---- Buffer ---- */

static PyObject *buffer_adopt(Runtime *owner, uint64_t handle) {
  State *state = state_of((PyObject *)owner);
  sr_view view = {NULL, 0};
  int32_t status = owner->library->table->buffer_view(owner->runtime, handle, &view);
  if (status != SR_OK) {
    return raise_status(state, status);
  }
  owner->library->table->buffer_unview(owner->runtime, handle);
  allocfunc alloc = (allocfunc)PyType_GetSlot(state->buffer_type, Py_tp_alloc);
  Buffer *self = (Buffer *)alloc(state->buffer_type, 0);
  if (self == NULL) {
    owner->library->table->buffer_free(owner->runtime, handle);
    return NULL;
  }
  Py_INCREF((PyObject *)owner);
  self->owner = owner;
  self->handle = handle;
  self->length = view.length;
  return (PyObject *)self;
}

static sr_runtime *buffer_usable(Buffer *self) {
  if (self->handle == 0) {
    PyErr_SetString(state_of((PyObject *)self)->closed, "the buffer is closed, or was moved into the library");
    return NULL;
  }
  return usable(self->owner);
}

static int buffer_unshared(Buffer *self) {
  if (self->exports > 0) {
    PyErr_Format(PyExc_BufferError,
                 "%zd view(s) of this buffer are open; release them before it is closed, shrunk or moved",
                 self->exports);
    return -1;
  }
  return 0;
}

static int buffer_get(PyObject *object, Py_buffer *view, int flags) {
  static uint8_t nothing;
  Buffer *self = (Buffer *)object;
  view->obj = NULL;
  sr_runtime *runtime = buffer_usable(self);
  if (runtime == NULL) {
    return -1;
  }
  if (self->exports == 0) {
    sr_view out = {NULL, 0};
    int32_t status = self->owner->library->table->buffer_view(runtime, self->handle, &out);
    if (status != SR_OK) {
      raise_status(state_of(object), status);
      return -1;
    }
    self->data = out.length == 0 ? &nothing : out.data;
    self->length = out.length;
  }
  if (PyBuffer_FillInfo(view, object, self->data, (Py_ssize_t)self->length, 0, flags) < 0) {
    if (self->exports == 0) {
      self->owner->library->table->buffer_unview(runtime, self->handle);
    }
    return -1;
  }
  self->exports++;
  self->owner->views++;
  return 0;
}

static void buffer_release(PyObject *object, Py_buffer *view) {
  (void)view;
  Buffer *self = (Buffer *)object; /* It has its owner: a buffer with a view is neither closed nor moved. */
  self->exports--;
  self->owner->views--;
  if (self->exports == 0) {
    self->data = NULL;
    if (self->owner->runtime != NULL && self->owner->forks == forks) {
      self->owner->library->table->buffer_unview(self->owner->runtime, self->handle);
    }
  }
}

/* From here on the buffer is somebody else's, or nobody's. */
static void buffer_forget(Buffer *self) {
  PyObject *owner = (PyObject *)self->owner;
  self->handle = 0;
  self->owner = NULL;
  Py_XDECREF(owner);
}

/* Whether there is still a library that the memory can be given back to. */
static bool buffer_alive(Buffer *self) {
  return self->handle != 0 && self->owner->runtime != NULL && self->owner->forks == forks;
}

/* Gives the memory back; also where the library has gone, because nothing is left to give it to. */
static void buffer_drop(Buffer *self) {
  if (buffer_alive(self)) {
    self->owner->library->table->buffer_free(self->owner->runtime, self->handle);
  }
  buffer_forget(self);
}

static PyObject *buffer_close(PyObject *object, PyObject *ignored) {
  (void)ignored;
  Buffer *self = (Buffer *)object;
  if (buffer_unshared(self) < 0) {
    return NULL;
  }
  buffer_drop(self);
  Py_RETURN_NONE;
}

static PyObject *buffer_exit(PyObject *object, PyObject *ignored) { return buffer_close(object, ignored); }

static PyObject *buffer_enter(PyObject *object, PyObject *ignored) {
  (void)ignored;
  if (buffer_usable((Buffer *)object) == NULL) {
    return NULL;
  }
  Py_INCREF(object);
  return object;
}

static PyObject *buffer_view_method(PyObject *object, PyObject *ignored) {
  (void)ignored;
  return PyMemoryView_FromObject(object);
}

static PyObject *buffer_shrink(PyObject *object, PyObject *argument) {
  Buffer *self = (Buffer *)object;
  uint64_t length = PyLong_AsUnsignedLongLong(argument);
  if (PyErr_Occurred()) {
    return NULL;
  }
  sr_runtime *runtime = buffer_usable(self);
  if (runtime == NULL || buffer_unshared(self) < 0) {
    return NULL;
  }
  int32_t status = self->owner->library->table->buffer_shrink(runtime, self->handle, length);
  if (status != SR_OK) {
    return raise_status(state_of(object), status);
  }
  self->length = (size_t)length;
  Py_RETURN_NONE;
}

static PyObject *buffer_handle(PyObject *object, PyObject *ignored) {
  (void)ignored;
  Buffer *self = (Buffer *)object;
  if (buffer_usable(self) == NULL || buffer_unshared(self) < 0) {
    return NULL;
  }
  return PyLong_FromUnsignedLongLong(self->handle);
}

static PyObject *buffer_detach(PyObject *object, PyObject *ignored) {
  PyObject *handle = buffer_handle(object, ignored);
  if (handle != NULL) {
    buffer_forget((Buffer *)object);
  }
  return handle;
}

static PyObject *buffer_closed(PyObject *object, void *ignored) {
  (void)ignored;
  return PyBool_FromLong(((Buffer *)object)->handle == 0);
}

static PyObject *buffer_repr(PyObject *object) {
  Buffer *self = (Buffer *)object;
  return PyUnicode_FromFormat("<strongroom.Buffer of %zu bytes%s>", self->length, self->handle == 0 ? ", closed" : "");
}

static Py_ssize_t buffer_length(PyObject *object) { return (Py_ssize_t)((Buffer *)object)->length; }

/* Runs before the memory of the object itself goes, and perhaps again, where what shows the warning has kept the object: then it is a closed
 * buffer. No view is open: each holds a reference to this object. */
static void buffer_finalize(PyObject *object) {
  Buffer *self = (Buffer *)object;
  if (self->owner == NULL) {
    return;
  }
  if (buffer_alive(self)) {
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    /* With tracemalloc it shows where the buffer came from, which is why the object itself is the source. */
    if (PyErr_ResourceWarning(object, 1, "unclosed %R", object) < 0) {
      PyErr_WriteUnraisable(object);
    }
    PyErr_Restore(type, value, trace);
  }
  if (self->exports == 0) {
    buffer_drop(self);
  }
}

static PyMethodDef buffer_methods[] = {
    {"view", buffer_view_method, METH_NOARGS, "A writable memoryview of the bytes; a lease until it is released."},
    {"shrink", buffer_shrink, METH_O, "Cuts the buffer to this many bytes."},
    {"close", buffer_close, METH_NOARGS, "Gives the memory back to the library. A second call does nothing."},
    {"_handle", buffer_handle, METH_NOARGS, "The handle, where no view is open."},
    {"_detach", buffer_detach, METH_NOARGS, "The handle; from now on it belongs to whoever asked."},
    {"__enter__", buffer_enter, METH_NOARGS, NULL},
    {"__exit__", buffer_exit, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef buffer_properties[] = {
    {"closed", buffer_closed, NULL, "Whether it was closed, or moved into the library.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot buffer_slots[] = {
    {Py_tp_doc, "A block of memory that the library owns.\n\nIt supports the buffer protocol; each open view is a lease, "
                "and a buffer with an open view can be neither closed, nor shrunk, nor moved (BufferError)."},
    {Py_tp_finalize, buffer_finalize},
    {Py_tp_repr, buffer_repr},
    {Py_tp_methods, buffer_methods},
    {Py_tp_getset, buffer_properties},
    {Py_sq_length, buffer_length},
    {Py_bf_getbuffer, buffer_get},
    {Py_bf_releasebuffer, buffer_release},
    {0, NULL}};

static PyType_Spec buffer_spec = {
    .name = "strongroom.Buffer",
    .basicsize = sizeof(Buffer),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = buffer_slots};

/* ---- Runtime ---- */

/* One frame in a block. */
typedef struct {
  sr_frame header;
  const uint8_t *payload;
  size_t length; /* Of the payload, without the handles after it. */
} Frame;

/* Reads the frame at *at and moves on to the next one; false, with an exception, where it is torn. */
static bool next_frame(State *state, const uint8_t *block, size_t used, size_t *at, Frame *frame) {
  size_t left = used - *at;
  if (left >= sizeof frame->header) {
    memcpy(&frame->header, block + *at, sizeof frame->header);
    size_t carried = (size_t)frame->header.flags * 8;
    if (frame->header.length >= sizeof frame->header + carried && frame->header.length <= left) {
      frame->payload = block + *at + sizeof frame->header;
      frame->length = frame->header.length - sizeof frame->header - carried;
      *at += ((size_t)frame->header.length + 7) & ~(size_t)7;
      return true;
    }
  }
  PyErr_SetString(state->failure, "the library answered a torn frame");
  return false;
}

static uint64_t carried_handle(const Frame *frame, int number) {
  uint64_t handle;
  memcpy(&handle, frame->payload + frame->length + (size_t)number * 8, 8);
  return handle;
}

static PyObject *payload_bytes(const Frame *frame) {
  return PyBytes_FromStringAndSize((const char *)frame->payload, (Py_ssize_t)frame->length);
}

/* A frame as (request, kind, payload, handles, object, method); handles is None where it carries none. */
static PyObject *frame_tuple(const Frame *frame) {
  PyObject *handles = Py_None;
  if (frame->header.flags == 0) {
    Py_INCREF(handles);
  } else {
    handles = PyTuple_New(frame->header.flags);
    for (int i = 0; handles != NULL && i < frame->header.flags; i++) {
      PyObject *number = PyLong_FromUnsignedLongLong(carried_handle(frame, i));
      if (number == NULL || PyTuple_SetItem(handles, i, number) < 0) {
        Py_CLEAR(handles);
      }
    }
  }
  /* No format with '#': what headers of 3.13 and later make of it, older releases refuse, also in the limited API. */
  PyObject *copy = payload_bytes(frame);
  PyObject *tuple = NULL;
  if (handles != NULL && copy != NULL) {
    tuple = Py_BuildValue("(KiOOKI)", (unsigned long long)frame->header.request, (int)frame->header.kind, copy, handles,
                          (unsigned long long)frame->header.object, (unsigned int)frame->header.method);
  }
  Py_XDECREF(copy);
  Py_XDECREF(handles);
  return tuple;
}

static PyObject *cut_frames(State *state, const uint8_t *block, size_t used) {
  PyObject *list = PyList_New(0);
  size_t at = 0;
  Frame frame;
  while (list != NULL && at < used) {
    PyObject *tuple = next_frame(state, block, used, &at, &frame) ? frame_tuple(&frame) : NULL;
    if (tuple == NULL || PyList_Append(list, tuple) < 0) {
      Py_CLEAR(list);
    }
    Py_XDECREF(tuple);
  }
  return list;
}

/* Polls into the queue's block; false with an exception. The block is valid until the next poll of the queue. */
static bool poll_block(Runtime *self, uint32_t queue, uint64_t wait, size_t *used) {
  State *state = state_of((PyObject *)self);
  sr_runtime *runtime = usable(self);
  if (runtime == NULL) {
    return false;
  }
  if (queue >= self->queues || self->blocks[queue].busy) {
    PyErr_SetString(state->failure, "the queue does not exist, or another thread is polling it");
    return false;
  }
  const sr_functions *table = self->library->table;
  if (self->blocks[queue].bytes == NULL) {
    self->blocks[queue].bytes = malloc(POLL_BLOCK);
    self->blocks[queue].capacity = POLL_BLOCK;
  }
  for (;;) {
    uint8_t *block = self->blocks[queue].bytes;
    size_t capacity = self->blocks[queue].capacity;
    if (block == NULL) {
      self->blocks[queue].capacity = 0;
      PyErr_NoMemory();
      return false;
    }
    size_t needed = 0;
    *used = 0;
    /* Most polls find frames: look first with the GIL held, and let others run only where there is a wait. */
    int32_t frames = table->poll(runtime, queue, block, capacity, 0, used, &needed);
    if (frames == 0 && wait != 0) {
      self->blocks[queue].busy = true;
      self->pollers++;
      Py_BEGIN_ALLOW_THREADS
      frames = table->poll(runtime, queue, block, capacity, wait, used, &needed);
      Py_END_ALLOW_THREADS
      self->pollers--;
      self->blocks[queue].busy = false;
    }
    if (frames == SR_E_TOO_SMALL && needed > capacity) {
      free(block);
      self->blocks[queue].bytes = malloc(needed);
      self->blocks[queue].capacity = needed;
      continue;
    }
    if (frames < 0) {
      raise_status(state, frames);
      return false;
    }
    return true;
  }
}

static PyObject *runtime_poll(PyObject *object, PyObject *arguments) {
  Runtime *self = (Runtime *)object;
  unsigned int queue;
  unsigned long long wait;
  size_t used;
  if (!PyArg_ParseTuple(arguments, "IK", &queue, &wait) || !poll_block(self, queue, wait, &used)) {
    return NULL;
  }
  return cut_frames(state_of(object), self->blocks[queue].bytes, used);
}

/* A pointer to the same bytes at a multiple of 8; *copy is to be freed. */
static const uint8_t *aligned(const Py_buffer *view, void **copy) {
  *copy = NULL;
  if (((uintptr_t)view->buf & 7) == 0) {
    return view->buf;
  }
  *copy = malloc(view->len > 0 ? (size_t)view->len : 1);
  if (*copy != NULL) {
    memcpy(*copy, view->buf, (size_t)view->len);
  } else {
    PyErr_NoMemory();
  }
  return *copy;
}

static PyObject *runtime_submit(PyObject *object, PyObject *argument) {
  Runtime *self = (Runtime *)object;
  sr_runtime *runtime = usable(self);
  Py_buffer view;
  if (runtime == NULL || PyObject_GetBuffer(argument, &view, PyBUF_SIMPLE) < 0) {
    return NULL;
  }
  void *copy;
  const uint8_t *block = aligned(&view, &copy);
  PyObject *answer = NULL;
  if (block != NULL) {
    size_t taken = 0;
    int32_t frames = self->library->table->submit(runtime, block, (size_t)view.len, &taken);
    answer = frames < 0 ? raise_status(state_of(object), frames) : PyLong_FromSize_t(taken);
  }
  free(copy);
  PyBuffer_Release(&view);
  return answer;
}

/* Runs an immediate method; its one answer, in `small` or in *grown, which is to be freed. False with an exception. */
static bool answer_immediately(Runtime *self, const uint8_t *call, size_t length, uint64_t *small, size_t capacity, void **grown,
                               Frame *answer) {
  State *state = state_of((PyObject *)self);
  sr_runtime *runtime = usable(self);
  uint8_t *block = (uint8_t *)small;
  *grown = NULL;
  while (runtime != NULL) {
    size_t used = 0, at = 0;
    int32_t status = self->library->table->call_immediate(runtime, call, length, block, capacity, &used);
    if (status == SR_E_TOO_SMALL && capacity < ((size_t)1 << 30)) {
      capacity = used > capacity ? used : capacity * 4;
      free(*grown);
      block = *grown = malloc(capacity);
      if (block == NULL) {
        PyErr_NoMemory();
        return false;
      }
      continue;
    }
    if (status < 0) {
      raise_status(state, status);
      return false;
    }
    if (!next_frame(state, block, used, &at, answer)) {
      return false;
    }
    if (at < used) {
      PyErr_SetString(state->failure, "the library did not answer one frame");
      return false;
    }
    return true;
  }
  return false;
}

static PyObject *runtime_call_immediate(PyObject *object, PyObject *argument) {
  Py_buffer view;
  if (PyObject_GetBuffer(argument, &view, PyBUF_SIMPLE) < 0) {
    return NULL;
  }
  uint64_t small[512];
  void *grown = NULL, *copy;
  Frame answer;
  const uint8_t *frame = aligned(&view, &copy);
  PyObject *tuple = NULL;
  if (frame != NULL &&
      answer_immediately((Runtime *)object, frame, (size_t)view.len, small, sizeof small, &grown, &answer)) {
    tuple = frame_tuple(&answer);
  }
  free(grown);
  free(copy);
  PyBuffer_Release(&view);
  return tuple;
}

/* The value of a plain reply whose type is one letter of `struct`; NULL without an exception where it is not that. */
static PyObject *scalar_value(const Frame *answer, char code) {
  union {
    uint8_t B;
    uint16_t H;
    uint32_t I;
    uint64_t Q;
    int8_t b;
    int16_t h;
    int32_t i;
    int64_t q;
    double d;
  } value = {0};
  static const struct {
    char code;
    size_t size;
  } sizes[] = {{'B', 1}, {'H', 2}, {'I', 4}, {'Q', 8}, {'b', 1}, {'h', 2}, {'i', 4}, {'q', 8}, {'d', 8}};
  size_t size = 0;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    if (sizes[i].code == code) {
      size = sizes[i].size;
    }
  }
  if (size == 0 || answer->length < size || answer->header.kind != SR_REPLY || answer->header.flags != 0) {
    return NULL;
  }
  memcpy(&value, answer->payload, size);
  switch (code) {
    case 'B': return PyLong_FromUnsignedLong(value.B);
    case 'H': return PyLong_FromUnsignedLong(value.H);
    case 'I': return PyLong_FromUnsignedLong(value.I);
    case 'Q': return PyLong_FromUnsignedLongLong(value.Q);
    case 'b': return PyLong_FromLong(value.b);
    case 'h': return PyLong_FromLong(value.h);
    case 'i': return PyLong_FromLong(value.i);
    case 'q': return PyLong_FromLongLong(value.q);
    default: return PyFloat_FromDouble(value.d);
  }
}

/* The function that `getter` below makes: (method, object, arguments). `self` is (runtime, slowly). */
static PyObject *get_immediately(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
  Runtime *runtime = (Runtime *)PyTuple_GetItem(self, 0);
  State *state = state_of((PyObject *)runtime);
  PyObject *getter = count == 3 ? PyObject_GetAttr(arguments[0], state->getter) : NULL;
  if (getter == NULL) {
    if (!PyErr_Occurred()) {
      PyErr_SetString(PyExc_TypeError, "call_immediate takes a method, an object and its arguments");
    }
    return NULL;
  }
  uint64_t known = getter == Py_None ? 0 : as_u64(getter);
  Py_DECREF(getter);
  if (known != 0) {
    uint64_t small[512];
    void *grown;
    Frame answer;
    sr_frame call;
    memset(&call, 0, sizeof call);
    call.length = sizeof call;
    call.kind = SR_CALL;
    call.request = 1;
    call.object = as_u64(arguments[1]);
    call.method = (uint32_t)known;
    if (PyErr_Occurred()) {
      return NULL;
    }
    PyObject *value = NULL;
    if (answer_immediately(runtime, (const uint8_t *)&call, sizeof call, small, sizeof small, &grown, &answer)) {
      value = scalar_value(&answer, (char)(known >> 32));
    } else {
      PyErr_Clear();
    }
    free(grown);
    if (value != NULL || PyErr_Occurred()) {
      return value;
    }
  }
  /* With arguments, with a result of another type, or with an error, which comes again: the method only reads. */
  return PyObject_CallFunctionObjArgs(PyTuple_GetItem(self, 1), arguments[0], arguments[1], arguments[2], NULL);
}

static PyMethodDef get_immediately_definition = {"call_immediate", (PyCFunction)(void (*)(void))get_immediately,
                                                 METH_FASTCALL,
                                                 "Runs a method that only reads; there is no request and no waiting."};

static PyObject *runtime_getter(PyObject *object, PyObject *slowly) {
  PyObject *self = PyTuple_Pack(2, object, slowly);
  PyObject *made = self == NULL ? NULL : PyCFunction_New(&get_immediately_definition, self);
  Py_XDECREF(self);
  return made;
}

static PyObject *runtime_wake(PyObject *object, PyObject *argument) {
  Runtime *self = (Runtime *)object;
  unsigned long queue = PyLong_AsUnsignedLong(argument);
  if (PyErr_Occurred()) {
    return NULL;
  }
  sr_runtime *runtime = usable(self);
  if (runtime == NULL) {
    return NULL;
  }
  sr_wake wake = {0, -1, NULL};
  int32_t status = self->library->table->queue_wake(runtime, (uint32_t)queue, &wake);
  if (status != SR_OK) {
    return raise_status(state_of(object), status);
  }
  return PyLong_FromLong(wake.handle);
}

static PyObject *runtime_object_close(PyObject *object, PyObject *argument) {
  Runtime *self = (Runtime *)object;
  uint64_t handle = PyLong_AsUnsignedLongLong(argument);
  if (PyErr_Occurred()) {
    return NULL;
  }
  sr_runtime *runtime = usable(self);
  if (runtime == NULL) {
    return NULL;
  }
  int32_t status = self->library->table->object_close(runtime, handle);
  return status == SR_OK ? Py_BuildValue("") : raise_status(state_of(object), status);
}

static PyObject *runtime_buffer_free(PyObject *object, PyObject *argument) {
  Runtime *self = (Runtime *)object;
  uint64_t handle = PyLong_AsUnsignedLongLong(argument);
  if (PyErr_Occurred()) {
    return NULL;
  }
  sr_runtime *runtime = usable(self);
  if (runtime == NULL) {
    return NULL;
  }
  int32_t status = self->library->table->buffer_free(runtime, handle);
  return status == SR_OK ? Py_BuildValue("") : raise_status(state_of(object), status);
}

static PyObject *runtime_adopt(PyObject *object, PyObject *argument) {
  uint64_t handle = PyLong_AsUnsignedLongLong(argument);
  if (PyErr_Occurred() || usable((Runtime *)object) == NULL) {
    return NULL;
  }
  return buffer_adopt((Runtime *)object, handle);
}

static PyObject *runtime_try_alloc(PyObject *object, PyObject *argument) {
  Runtime *self = (Runtime *)object;
  uint64_t size = PyLong_AsUnsignedLongLong(argument);
  if (PyErr_Occurred()) {
    return NULL;
  }
  sr_runtime *runtime = usable(self);
  if (runtime == NULL) {
    return NULL;
  }
  uint64_t handle = 0;
  int32_t status = self->library->table->buffer_try_alloc(runtime, size, &handle);
  return status == SR_OK ? buffer_adopt(self, handle) : raise_status(state_of(object), status);
}

static PyObject *runtime_statistics(PyObject *object, PyObject *ignored) {
  (void)ignored;
  Runtime *self = (Runtime *)object;
  sr_runtime *runtime = usable(self);
  if (runtime == NULL) {
    return NULL;
  }
  sr_statistics s;
  memset(&s, 0, sizeof s);
  int32_t status = self->library->table->runtime_statistics(runtime, &s);
  if (status != SR_OK) {
    return raise_status(state_of(object), status);
  }
  return Py_BuildValue("(KKKKKKK)", (unsigned long long)s.requests, (unsigned long long)s.in_flight,
                       (unsigned long long)s.buffers, (unsigned long long)s.buffer_bytes,
                       (unsigned long long)s.objects, (unsigned long long)s.stray, (unsigned long long)s.threads);
}

static PyObject *runtime_views(PyObject *object, PyObject *ignored) {
  (void)ignored;
  return PyLong_FromSsize_t(((Runtime *)object)->views);
}

static PyObject *runtime_free(PyObject *object, PyObject *argument) {
  Runtime *self = (Runtime *)object;
  unsigned long long wait = PyLong_AsUnsignedLongLong(argument);
  if (PyErr_Occurred()) {
    return NULL;
  }
  sr_runtime *runtime = usable(self);
  if (runtime == NULL) {
    return NULL;
  }
  if (self->views > 0) {
    PyErr_Format(PyExc_BufferError, "%zd view(s) of the runtime's buffers are open; release them first", self->views);
    return NULL;
  }
  if (self->pollers > 0) {
    PyErr_SetString(state_of(object)->failure, "a thread is polling the runtime");
    return NULL;
  }
  self->runtime = NULL; /* From here on nobody can enter. */
  int32_t status;
  Py_BEGIN_ALLOW_THREADS
  status = self->library->table->runtime_free(runtime, wait);
  Py_END_ALLOW_THREADS
  return status == SR_OK ? Py_BuildValue("") : raise_status(state_of(object), status);
}

static void runtime_dealloc(PyObject *object) {
  Runtime *self = (Runtime *)object;
  PyTypeObject *type = Py_TYPE(object);
  if (self->runtime != NULL && self->forks == forks) {
    sr_runtime *runtime = self->runtime;
    self->runtime = NULL;
    const sr_functions *table = self->library->table;
    Py_BEGIN_ALLOW_THREADS
    table->runtime_free(runtime, 0);
    Py_END_ALLOW_THREADS
  }
  for (size_t i = 0; i < MAX_QUEUES; i++) {
    free(self->blocks[i].bytes);
  }
  Py_XDECREF((PyObject *)self->library);
  ((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
  Py_DECREF(type);
}

/* ---- Calls ---- */

/* The calls in flight of an event loop that wait for one answer and nothing else, which most do: from the frame of the call to the result of
 * the future that waits, without a step of the interpreter. Their ids are slots of a table of its own, with the top bit of the slot's number set; the
 * slots of Python's table (frames.py) have it not. */
#define OWN_SLOT 0x80000000u

enum { SLOT_FREE, SLOT_WAITING, SLOT_ARRIVED, SLOT_ABANDONED };

typedef struct {
  uint32_t generation;
  uint32_t next; /* While it is free: the next free one. */
  int state;
  PyObject *waiter; /* The future; where the answer found it cancelled, the answer. */
} Slot;

typedef struct {
  PyObject_HEAD
  Runtime *runtime;
  uint32_t queue;
  PyObject *outgoing; /* The bytearray that the loop sends once a turn. */
  Slot *slots;
  uint32_t capacity;
  uint32_t free;
  Py_ssize_t count;
} Calls;

/* The slot of an id, where it is in use and of this generation. */
static Slot *calls_find(Calls *self, uint64_t id) {
  uint32_t number = (uint32_t)id & ~OWN_SLOT;
  if (((uint32_t)id & OWN_SLOT) == 0 || number >= self->capacity) {
    return NULL;
  }
  Slot *slot = &self->slots[number];
  return slot->state != SLOT_FREE && slot->generation == (uint32_t)(id >> 32) ? slot : NULL;
}

/* What the slot held is the caller's from here on; the slot's next user has another generation. */
static PyObject *calls_end(Calls *self, Slot *slot) {
  PyObject *waiter = slot->waiter;
  slot->waiter = NULL;
  slot->state = SLOT_FREE;
  slot->generation = slot->generation == UINT32_MAX ? 1 : slot->generation + 1;
  slot->next = self->free;
  self->free = (uint32_t)(slot - self->slots);
  self->count--;
  return waiter;
}

static bool calls_grow(Calls *self) {
  uint32_t capacity = self->capacity == 0 ? 64 : self->capacity * 2;
  Slot *slots = capacity >= OWN_SLOT ? NULL : realloc(self->slots, capacity * sizeof *slots);
  if (slots == NULL) {
    PyErr_NoMemory();
    return false;
  }
  for (uint32_t i = self->capacity; i < capacity; i++) {
    slots[i] = (Slot){1, i + 1, SLOT_FREE, NULL};
  }
  self->free = self->capacity;
  self->slots = slots;
  self->capacity = capacity;
  return true;
}

/* call(waiter, object, method, remaining_ns, payload, trace=None): puts the frame behind what is to be sent. */
static PyObject *calls_call(PyObject *object, PyObject *const *arguments, Py_ssize_t count) {
  Calls *self = (Calls *)object;
  if (count != 5 && count != 6) {
    PyErr_SetString(PyExc_TypeError, "call takes five or six arguments");
    return NULL;
  }
  sr_frame header;
  memset(&header, 0, sizeof header);
  header.queue = (uint16_t)self->queue;
  header.kind = SR_CALL;
  header.object = as_u64(arguments[1]);
  header.method = (uint32_t)PyLong_AsUnsignedLong(arguments[2]);
  header.remaining_ns = as_u64(arguments[3]);
  if (count == 6 && arguments[5] != Py_None) {
    char *trace;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(arguments[5], &trace, &size) < 0) {
      return NULL;
    }
    if (size != (Py_ssize_t)sizeof header.trace) {
      PyErr_SetString(PyExc_ValueError, "a trace has 24 bytes");
      return NULL;
    }
    memcpy(header.trace, trace, sizeof header.trace);
  }
  if (PyErr_Occurred() || (self->free == self->capacity && !calls_grow(self))) {
    return NULL;
  }
  Py_buffer payload;
  if (PyObject_GetBuffer(arguments[4], &payload, PyBUF_SIMPLE) < 0) {
    return NULL;
  }
  size_t length = sizeof header + (size_t)payload.len, padded = (length + 7) & ~(size_t)7;
  Py_ssize_t at = PyByteArray_Size(self->outgoing);
  if (length > UINT32_MAX) {
    PyErr_SetString(PyExc_ValueError, "the arguments take more than 4 GiB");
  } else if (PyByteArray_Resize(self->outgoing, at + (Py_ssize_t)padded) == 0) {
    Slot *slot = &self->slots[self->free];
    uint32_t number = self->free;
    self->free = slot->next;
    self->count++;
    slot->state = SLOT_WAITING;
    Py_INCREF(arguments[0]);
    slot->waiter = arguments[0];
    header.length = (uint32_t)length;
    header.request = (uint64_t)slot->generation << 32 | OWN_SLOT | number;
    uint8_t *out = (uint8_t *)PyByteArray_AsString(self->outgoing) + at;
    memcpy(out, &header, sizeof header);
    memcpy(out + sizeof header, payload.buf, (size_t)payload.len);
    memset(out + length, 0, padded - length);
  }
  PyBuffer_Release(&payload);
  return PyErr_Occurred() ? NULL : PyLong_FromUnsignedLongLong(header.request);
}

/* Gives back what a frame carries to nobody. Another thread may have freed the runtime while the loop's code ran, and all that was its. */
static void free_carried(Runtime *runtime, const Frame *frame) {
  const uint64_t object_bit = (uint64_t)1 << 63;
  for (int i = 0; i < frame->header.flags && runtime->runtime != NULL; i++) {
    uint64_t handle = carried_handle(frame, i);
    if (handle & object_bit) {
      runtime->library->table->object_close(runtime->runtime, handle & ~object_bit);
    } else {
      runtime->library->table->buffer_free(runtime->runtime, handle);
    }
  }
}

/* Gives a waiter its answer. Setting a future's result runs code of the loop, which may come back here: no slot is held meanwhile. */
static void calls_answer(Calls *self, State *state, uint64_t id, PyObject *answer) {
  Slot *slot = calls_find(self, id);
  PyObject *waiter = slot->waiter;
  Py_INCREF(waiter);
  PyObject *done = PyObject_CallMethodObjArgs(waiter, state->set_result, answer, NULL);
  slot = calls_find(self, id);
  if (done != NULL) {
    Py_DECREF(done);
    if (slot != NULL) {
      Py_XDECREF(calls_end(self, slot));
    }
  } else if (slot != NULL) {
    /* The future was cancelled, and its coroutine has not run yet: then it asks. */
    if (PyErr_ExceptionMatches(PyExc_Exception)) {
      PyErr_Clear();
    }
    Py_INCREF(answer);
    slot->state = SLOT_ARRIVED;
    slot->waiter = answer;
    Py_DECREF(waiter);
  }
  Py_DECREF(waiter);
}

/* Polls once. Waiters get their answers: the payload of a plain reply, and otherwise the frame. Answers the other frames; None where there was
 * nothing. */
static PyObject *calls_drain(PyObject *object, PyObject *ignored) {
  (void)ignored;
  Calls *self = (Calls *)object;
  Runtime *runtime = self->runtime;
  State *state = state_of(object);
  size_t used, at = 0;
  if (!poll_block(runtime, self->queue, 0, &used)) {
    return NULL;
  }
  if (used == 0) {
    Py_RETURN_NONE;
  }
  PyObject *others = PyList_New(0);
  /* An interrupt in between, raised in the loop's code, must not cost the answers behind it. */
  PyObject *type = NULL, *value = NULL, *trace = NULL;
  Frame frame;
  runtime->blocks[self->queue].busy = true;
  while (others != NULL && at < used) {
    if (!next_frame(state, runtime->blocks[self->queue].bytes, used, &at, &frame)) {
      Py_CLEAR(others);
      break;
    }
    Slot *slot = calls_find(self, frame.header.request);
    int kind = frame.header.kind;
    bool last = kind == SR_REPLY || kind == SR_ERROR || kind == SR_PANIC || kind == SR_END;
    if (slot == NULL || slot->state == SLOT_ARRIVED) {
      PyObject *tuple = frame_tuple(&frame);
      if (tuple == NULL || PyList_Append(others, tuple) < 0) {
        Py_CLEAR(others);
      }
      Py_XDECREF(tuple);
      continue;
    }
    if (!last || slot->state == SLOT_ABANDONED) {
      free_carried(runtime, &frame);
      if (last) {
        calls_end(self, slot);
      }
      continue;
    }
    PyObject *answer = kind == SR_REPLY && frame.header.flags == 0 ? payload_bytes(&frame) : frame_tuple(&frame);
    if (answer == NULL) {
      Py_CLEAR(others);
      break;
    }
    calls_answer(self, state, frame.header.request, answer);
    Py_DECREF(answer);
    if (PyErr_Occurred()) {
      Py_XDECREF(type);
      Py_XDECREF(value);
      Py_XDECREF(trace);
      PyErr_Fetch(&type, &value, &trace);
    }
  }
  runtime->blocks[self->queue].busy = false;
  if (type != NULL) {
    Py_CLEAR(others);
    PyErr_Restore(type, value, trace);
  }
  return others;
}

/* Another future for a call whose first one was cancelled; or its answer, where that has come. */
static PyObject *calls_replace(PyObject *object, PyObject *const *arguments, Py_ssize_t count) {
  Calls *self = (Calls *)object;
  uint64_t id = count == 2 ? as_u64(arguments[0]) : 0;
  Slot *slot = PyErr_Occurred() ? NULL : calls_find(self, id);
  if (slot == NULL) {
    if (!PyErr_Occurred()) {
      PyErr_SetString(PyExc_LookupError, "there is no such call");
    }
    return NULL;
  }
  if (slot->state == SLOT_ARRIVED) {
    return calls_end(self, slot);
  }
  PyObject *before = slot->waiter;
  Py_INCREF(arguments[1]);
  slot->waiter = arguments[1];
  Py_DECREF(before);
  Py_RETURN_NONE;
}

/* Nobody waits any more. Answers what has come already. */
static PyObject *calls_abandon(PyObject *object, PyObject *argument) {
  Calls *self = (Calls *)object;
  uint64_t id = as_u64(argument);
  if (PyErr_Occurred()) {
    return NULL;
  }
  Slot *slot = calls_find(self, id);
  if (slot != NULL && slot->state == SLOT_ARRIVED) {
    return calls_end(self, slot);
  }
  if (slot != NULL && slot->state == SLOT_WAITING) {
    PyObject *waiter = slot->waiter;
    slot->waiter = NULL;
    slot->state = SLOT_ABANDONED;
    Py_DECREF(waiter);
  }
  Py_RETURN_NONE;
}

static PyObject *calls_ids(PyObject *object, PyObject *ignored) {
  (void)ignored;
  Calls *self = (Calls *)object;
  PyObject *list = PyList_New(0);
  for (uint32_t i = 0; list != NULL && i < self->capacity; i++) {
    if (self->slots[i].state != SLOT_FREE) {
      PyObject *id = PyLong_FromUnsignedLongLong((uint64_t)self->slots[i].generation << 32 | OWN_SLOT | i);
      if (id == NULL || PyList_Append(list, id) < 0) {
        Py_CLEAR(list);
      }
      Py_XDECREF(id);
    }
  }
  return list;
}

/* Gives every waiter this answer: no other comes. */
static PyObject *calls_fail(PyObject *object, PyObject *answer) {
  Calls *self = (Calls *)object;
  State *state = state_of(object);
  for (uint32_t i = 0; i < self->capacity; i++) {
    Slot *slot = &self->slots[i];
    if (slot->state == SLOT_WAITING) {
      calls_answer(self, state, (uint64_t)slot->generation << 32 | OWN_SLOT | i, answer);
      if (PyErr_Occurred()) {
        return NULL;
      }
    } else if (slot->state == SLOT_ABANDONED) {
      calls_end(self, slot);
    }
  }
  Py_RETURN_NONE;
}

static PyObject *calls_count(PyObject *object, PyObject *ignored) {
  (void)ignored;
  return PyLong_FromSsize_t(((Calls *)object)->count);
}

static int calls_traverse(PyObject *object, visitproc visit, void *arg) {
  Calls *self = (Calls *)object;
  Py_VISIT(Py_TYPE(object));
  for (uint32_t i = 0; i < self->capacity; i++) {
    Py_VISIT(self->slots[i].waiter);
  }
  return 0;
}

static int calls_clear(PyObject *object) {
  Calls *self = (Calls *)object;
  for (uint32_t i = 0; i < self->capacity; i++) {
    Py_CLEAR(self->slots[i].waiter);
    self->slots[i].state = SLOT_FREE;
  }
  self->capacity = self->free = 0;
  self->count = 0;
  return 0;
}

static void calls_dealloc(PyObject *object) {
  Calls *self = (Calls *)object;
  PyTypeObject *type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  calls_clear(object);
  free(self->slots);
  Py_XDECREF(self->outgoing);
  Py_XDECREF((PyObject *)self->runtime);
  ((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
  Py_DECREF(type);
}

static PyMethodDef calls_methods[] = {
    {"call", (PyCFunction)(void (*)(void))calls_call, METH_FASTCALL,
     "Puts the frame of a call (waiter, object, method, remaining_ns, payload) behind what is to be sent; its id."},
    {"drain", calls_drain, METH_NOARGS, "Polls once and answers the waiters; the other frames, or None where there were none."},
    {"replace", (PyCFunction)(void (*)(void))calls_replace, METH_FASTCALL,
     "Another waiter for a call (id, waiter); its answer, where that has come."},
    {"abandon", calls_abandon, METH_O, "Nobody waits for this call any more; its answer, where that has come."},
    {"ids", calls_ids, METH_NOARGS, "The ids of the calls in flight."},
    {"fail", calls_fail, METH_O, "Gives every waiter this answer."},
    {"count", calls_count, METH_NOARGS, "How many are in flight."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot calls_slots[] = {{Py_tp_doc, "The calls in flight of an event loop that wait for one answer."},
                                    {Py_tp_dealloc, calls_dealloc},
                                    {Py_tp_traverse, calls_traverse},
                                    {Py_tp_clear, calls_clear},
                                    {Py_tp_methods, calls_methods},
                                    {0, NULL}};

static PyType_Spec calls_spec = {
    .name = "strongroom._rpc._native.Calls",
    .basicsize = sizeof(Calls),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = calls_slots};

static PyObject *runtime_calls(PyObject *object, PyObject *arguments) {
  State *state = state_of(object);
  unsigned int queue;
  PyObject *outgoing;
  if (!PyArg_ParseTuple(arguments, "IO", &queue, &outgoing)) {
    return NULL;
  }
  if (!PyByteArray_Check(outgoing) || queue >= ((Runtime *)object)->queues) {
    return raise_status(state, SR_E_INVALID);
  }
  Calls *self = (Calls *)((allocfunc)PyType_GetSlot(state->calls_type, Py_tp_alloc))(state->calls_type, 0);
  if (self != NULL) {
    Py_INCREF(object);
    Py_INCREF(outgoing);
    self->runtime = (Runtime *)object;
    self->queue = queue;
    self->outgoing = outgoing;
  }
  return (PyObject *)self;
}

static PyMethodDef runtime_methods[] = {
    {"calls", runtime_calls, METH_VARARGS, "The calls in flight of a queue, whose frames go behind a bytearray: (queue, outgoing)."},
    {"submit", runtime_submit, METH_O, "Submits a block of frames; answers the bytes of those that were taken."},
    {"poll", runtime_poll, METH_VARARGS, "The completion frames of a queue, as (request, kind, payload, handles, object, method)."},
    {"call_immediate", runtime_call_immediate, METH_O, "Runs an immediate method; answers its one frame."},
    {"getter", runtime_getter, METH_O, "What runs an immediate method (method, object, arguments), or calls `slowly` with the same."},
    {"wake", runtime_wake, METH_O, "The descriptor that is readable when the queue may have frames."},
    {"object_close", runtime_object_close, METH_O, "Closes an object's handle."},
    {"buffer_free", runtime_buffer_free, METH_O, "Frees a buffer that is named by its handle."},
    {"adopt", runtime_adopt, METH_O, "The Buffer of a handle that now belongs to the caller."},
    {"try_alloc", runtime_try_alloc, METH_O, "A new Buffer, or Failure where that would have to wait."},
    {"statistics", runtime_statistics, METH_NOARGS, "The seven numbers of sr_statistics."},
    {"views", runtime_views, METH_NOARGS, "How many views of its buffers are open."},
    {"free", runtime_free, METH_O, "Waits so many nanoseconds for what is in flight, and frees everything."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot runtime_slots[] = {{Py_tp_doc, "One sr_runtime."},
                                      {Py_tp_dealloc, runtime_dealloc},
                                      {Py_tp_methods, runtime_methods},
                                      {0, NULL}};

static PyType_Spec runtime_spec = {
    .name = "strongroom._rpc._native.Runtime",
    .basicsize = sizeof(Runtime),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = runtime_slots};

/* ---- Library ---- */

static PyObject *library_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
  PyObject *path;
  State *state = PyType_GetModuleState(type);
  if (keywords != NULL && PyDict_Size(keywords) > 0) {
    PyErr_SetString(PyExc_TypeError, "Library takes one path");
    return NULL;
  }
  if (!PyArg_ParseTuple(arguments, "O&", PyUnicode_FSConverter, &path)) {
    return NULL;
  }
  void *image = image_open(path, forks != 0);
  Py_DECREF(path);
  if (image == NULL) {
    return NULL;
  }
  const sr_functions *(*give)(void);
  *(void **)&give = image_find(image, "sr_table");
  const sr_functions *table = give == NULL ? NULL : give();
  if (table == NULL || table->version != SR_ABI_VERSION || table->size < sizeof(sr_functions)) {
    PyErr_Format(state->error, "the library speaks another version of the boundary: %u, and this package speaks %u",
                 table == NULL ? 0u : (unsigned)table->version, (unsigned)SR_ABI_VERSION);
    return NULL;
  }
  LogRing *log = calloc(1, sizeof *log);
  if (log == NULL) {
    return PyErr_NoMemory();
  }
  lock_init(&log->lock);
  condition_init(&log->filled);
  Library *self = (Library *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
  if (self == NULL) {
    free(log);
    return NULL;
  }
  self->table = table;
  self->log = log;
  self->forks = forks;
  return (PyObject *)self;
}

static int library_usable(Library *self) {
  if (self->forks != forks) {
    PyErr_SetString(state_of((PyObject *)self)->forked, forked_text);
    return -1;
  }
  return 0;
}

static PyObject *library_abi(PyObject *object, PyObject *ignored) {
  (void)ignored;
  const sr_abi_info *abi = ((Library *)object)->table->abi();
  PyObject *schema = PyBytes_FromStringAndSize((const char *)abi->schema, sizeof abi->schema);
  PyObject *answer = schema == NULL ? NULL : Py_BuildValue("(IO)", (unsigned int)abi->version, schema);
  Py_XDECREF(schema);
  return answer;
}

/* None where the library understands a binding of this schema, and what it misses otherwise. */
static PyObject *library_check(PyObject *object, PyObject *argument) {
  Library *self = (Library *)object;
  Py_ssize_t length;
  const char *text = PyUnicode_AsUTF8AndSize(argument, &length);
  if (text == NULL) {
    return NULL;
  }
  char small[4096];
  char *message = small;
  size_t capacity = sizeof small, needed = 0;
  int32_t status = self->table->check(text, (size_t)length, message, capacity, &needed);
  if (status != SR_OK && needed > capacity) {
    capacity = needed;
    message = malloc(capacity);
    if (message == NULL) {
      return PyErr_NoMemory();
    }
    status = self->table->check(text, (size_t)length, message, capacity, &needed);
  }
  PyObject *answer;
  if (status == SR_OK) {
    answer = Py_BuildValue("");
  } else if (needed == 0 || needed > capacity) {
    answer = raise_status(state_of(object), status);
  } else {
    answer = PyUnicode_DecodeUTF8(message, (Py_ssize_t)needed, "replace");
  }
  if (message != small) {
    free(message);
  }
  return answer;
}

static PyObject *library_runtime(PyObject *object, PyObject *arguments) {
  Library *self = (Library *)object;
  State *state = state_of(object);
  unsigned int queues, workers;
  unsigned long long memory;
  if (!PyArg_ParseTuple(arguments, "IIK", &queues, &workers, &memory) || library_usable(self) < 0) {
    return NULL;
  }
  if (queues < 1 || queues > MAX_QUEUES) {
    return raise_status(state, SR_E_INVALID);
  }
  sr_options options = {sizeof options, queues, workers, 0, memory};
  sr_runtime *runtime = NULL;
  int32_t status = self->table->runtime_new(&options, &runtime);
  if (status != SR_OK) {
    return raise_status(state, status);
  }
  Runtime *made = (Runtime *)((allocfunc)PyType_GetSlot(state->runtime_type, Py_tp_alloc))(state->runtime_type, 0);
  if (made == NULL) {
    self->table->runtime_free(runtime, 0);
    return NULL;
  }
  Py_INCREF(object);
  made->library = self;
  made->runtime = runtime;
  made->queues = queues;
  made->forks = forks;
  return (PyObject *)made;
}

static void log_sink(void *context, uint32_t level, const char *target, size_t target_length, const char *message,
                     size_t message_length) {
  LogRing *log = context;
  LogLine line = {level, malloc(target_length + 1), target_length, malloc(message_length + 1), message_length};
  lock(&log->lock);
  if (line.target == NULL || line.message == NULL || log->count == LOG_LINES) {
    log->lost++;
    free(line.target);
    free(line.message);
  } else {
    memcpy(line.target, target, target_length);
    memcpy(line.message, message, message_length);
    log->lines[(log->first + log->count++) % LOG_LINES] = line;
  }
  condition_wake_one(&log->filled);
  unlock(&log->lock);
}

static PyObject *library_log_open(PyObject *object, PyObject *argument) {
  Library *self = (Library *)object;
  unsigned long level = PyLong_AsUnsignedLong(argument);
  if (PyErr_Occurred() || library_usable(self) < 0) {
    return NULL;
  }
  int32_t status;
  Py_BEGIN_ALLOW_THREADS
  lock(&self->log->lock);
  self->log->open = true;
  unlock(&self->log->lock);
  status = self->table->log_set((uint32_t)level, log_sink, self->log);
  Py_END_ALLOW_THREADS
  return status == SR_OK ? Py_BuildValue("") : raise_status(state_of(object), status);
}

static PyObject *library_log_close(PyObject *object, PyObject *ignored) {
  (void)ignored;
  Library *self = (Library *)object;
  if (library_usable(self) < 0) {
    return NULL;
  }
  Py_BEGIN_ALLOW_THREADS
  self->table->log_set(0, NULL, NULL);
  lock(&self->log->lock);
  self->log->open = false;
  condition_wake_all(&self->log->filled);
  unlock(&self->log->lock);
  Py_END_ALLOW_THREADS
  Py_RETURN_NONE;
}

/* Blocks without the GIL until there are lines; (lines, lost), or None when the log is closed and read out. */
static PyObject *library_log_read(PyObject *object, PyObject *ignored) {
  (void)ignored;
  Library *self = (Library *)object;
  LogRing *log = self->log;
  if (library_usable(self) < 0) {
    return NULL;
  }
  LogLine *lines = malloc(sizeof(LogLine) * LOG_LINES);
  if (lines == NULL) {
    return PyErr_NoMemory();
  }
  size_t count;
  uint64_t lost;
  bool open;
  Py_BEGIN_ALLOW_THREADS
  lock(&log->lock);
  while (log->open && log->count == 0 && log->lost == 0) {
    condition_wait(&log->filled, &log->lock);
  }
  for (count = 0; count < log->count; count++) {
    lines[count] = log->lines[(log->first + count) % LOG_LINES];
  }
  log->first = log->count = 0;
  lost = log->lost;
  log->lost = 0;
  open = log->open;
  unlock(&log->lock);
  Py_END_ALLOW_THREADS
  PyObject *answer = NULL;
  if (!open && count == 0 && lost == 0) {
    answer = Py_BuildValue("");
  } else {
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < count; i++) {
      PyObject *target = PyUnicode_DecodeUTF8(lines[i].target, (Py_ssize_t)lines[i].target_length, "replace");
      PyObject *message = PyUnicode_DecodeUTF8(lines[i].message, (Py_ssize_t)lines[i].message_length, "replace");
      PyObject *line = target != NULL && message != NULL
                           ? Py_BuildValue("(IOO)", (unsigned int)lines[i].level, target, message)
                           : NULL;
      if (line == NULL || PyList_Append(list, line) < 0) {
        Py_CLEAR(list);
      }
      Py_XDECREF(target);
      Py_XDECREF(message);
      Py_XDECREF(line);
    }
    answer = list == NULL ? NULL : Py_BuildValue("(NK)", list, (unsigned long long)lost);
  }
  for (size_t i = 0; i < count; i++) {
    free(lines[i].target);
    free(lines[i].message);
  }
  free(lines);
  return answer;
}

static void library_dealloc(PyObject *object) {
  /* The ring stays: the library may be inside the sink. There is one Library for each path in a process. */
  PyTypeObject *type = Py_TYPE(object);
  ((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
  Py_DECREF(type);
}

static PyMethodDef library_methods[] = {
    {"abi", library_abi, METH_NOARGS, "(version, schema hash)."},
    {"check", library_check, METH_O, "None, or why the library does not understand a binding with this schema text."},
    {"runtime", library_runtime, METH_VARARGS, "A new Runtime of (queues, workers, buffer memory)."},
    {"log_open", library_log_open, METH_O, "Collects log lines up to a level, 1 error to 5 trace."},
    {"log_read", library_log_read, METH_NOARGS, "Waits for lines: ([(level, target, message)], lost), or None."},
    {"log_close", library_log_close, METH_NOARGS, "Stops collecting."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot library_slots[] = {{Py_tp_doc, "A Strongroom library, opened by its path."},
                                      {Py_tp_new, library_new},
                                      {Py_tp_dealloc, library_dealloc},
                                      {Py_tp_methods, library_methods},
                                      {0, NULL}};

static PyType_Spec library_spec = {.name = "strongroom._rpc._native.Library",
                                   .basicsize = sizeof(Library),
                                   .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
                                   .slots = library_slots};

/* ---- Module ---- */

static PyTypeObject *add_type(PyObject *module, PyType_Spec *spec) {
  PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
  if (type != NULL && PyModule_AddType(module, type) < 0) {
    Py_CLEAR(type);
  }
  return type;
}

static PyObject *add_exception(PyObject *module, const char *name, const char *attribute, const char *doc,
                               PyObject *base) {
  PyObject *made = PyErr_NewExceptionWithDoc(name, doc, base, NULL);
  if (made != NULL && PyModule_AddObjectRef(module, attribute, made) < 0) {
    Py_CLEAR(made);
  }
  return made;
}

static int module_exec(PyObject *module) {
  static bool counts_forks;
  State *state = PyModule_GetState(module);
  if (!counts_forks) {
    counts_forks = true;
    if (!count_forks_by(count_fork)) {
      PyErr_SetString(PyExc_OSError, "the system does not tell when this process is forked");
      return -1;
    }
  }
  state->error = add_exception(module, "strongroom.Error", "Error", "The base of everything that this package raises.",
                               NULL);
  if (state->error == NULL) {
    return -1;
  }
  state->failure = add_exception(module, "strongroom.Failure", "Failure",
                                 "A function of the boundary refused: (status, text).", state->error);
  state->closed = add_exception(module, "strongroom.HandleClosed", "HandleClosed",
                                "The object or buffer is closed, or was moved away.", state->error);
  state->forked = add_exception(module, "strongroom.ForkError", "ForkError",
                                "The library was used in a child of the process that opened it.", state->error);
  if (state->failure == NULL || state->closed == NULL || state->forked == NULL) {
    return -1;
  }
  state->buffer_type = add_type(module, &buffer_spec);
  state->runtime_type = add_type(module, &runtime_spec);
  state->calls_type = add_type(module, &calls_spec);
  state->set_result = PyUnicode_InternFromString("set_result");
  state->getter = PyUnicode_InternFromString("getter");
  PyTypeObject *library = add_type(module, &library_spec);
  if (state->buffer_type == NULL || state->runtime_type == NULL || state->calls_type == NULL ||
      state->set_result == NULL || state->getter == NULL || library == NULL) {
    return -1;
  }
  Py_DECREF(library);
  if (PyModule_AddStringConstant(module, "FORKED", forked_text) < 0) {
    return -1;
  }
  return PyModule_AddIntConstant(module, "ABI_VERSION", SR_ABI_VERSION);
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, module_exec}, {0, NULL}};

static struct PyModuleDef module_definition = {PyModuleDef_HEAD_INIT,
                                               .m_name = "_native",
                                               .m_doc = "The Strongroom boundary as Python objects.",
                                               .m_size = sizeof(State),
                                               .m_slots = module_slots};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&module_definition); }
