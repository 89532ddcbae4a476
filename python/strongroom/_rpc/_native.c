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

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

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
  pthread_mutex_t lock;
  pthread_cond_t filled;
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

static const char *status_text(int32_t status) {
  switch (status) {
    case SR_E_INVALID: return "an argument is malformed or out of range";
    case SR_E_HANDLE: return "the handle is closed, or was never given out";
    case SR_E_BUSY: return "a view is open on the buffer";
    case SR_E_NO_MEMORY: return "the memory that callers may hold in buffers is used up; close buffers, or wait with alloc";
    case SR_E_TOO_SMALL: return "the block is too small for one frame";
    case SR_E_CLOSED: return "the runtime is shut down";
    case SR_E_SYSTEM: return "the operating system refused threads, descriptors or memory";
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

/* The frames of a block as (request, kind, payload, handles, object, method); handles is None where it carries none. */
static PyObject *cut_frames(State *state, const uint8_t *block, size_t used) {
  PyObject *list = PyList_New(0);
  size_t at = 0;
  while (list != NULL && at < used) {
    sr_frame header;
    if (used - at < sizeof header) {
      goto torn;
    }
    memcpy(&header, block + at, sizeof header);
    size_t carried = (size_t)header.flags * 8;
    if (header.length < sizeof header + carried || header.length > used - at) {
      goto torn;
    }
    const char *payload = (const char *)block + at + sizeof header;
    size_t length = header.length - sizeof header - carried;
    PyObject *handles = Py_None;
    if (header.flags == 0) {
      Py_INCREF(handles);
    } else {
      handles = PyTuple_New(header.flags);
      for (int i = 0; handles != NULL && i < header.flags; i++) {
        uint64_t handle;
        memcpy(&handle, payload + length + (size_t)i * 8, 8);
        PyObject *number = PyLong_FromUnsignedLongLong(handle);
        if (number == NULL || PyTuple_SetItem(handles, i, number) < 0) {
          Py_CLEAR(handles);
        }
      }
    }
    /* No format with '#': what headers of 3.13 and later make of it, older releases refuse, also in the limited API. */
    PyObject *copy = PyBytes_FromStringAndSize(payload, (Py_ssize_t)length);
    PyObject *frame = NULL;
    if (handles != NULL && copy != NULL) {
      frame = Py_BuildValue("(KiOOKI)", (unsigned long long)header.request, (int)header.kind, copy, handles,
                            (unsigned long long)header.object, (unsigned int)header.method);
    }
    Py_XDECREF(copy);
    Py_XDECREF(handles);
    if (frame == NULL || PyList_Append(list, frame) < 0) {
      Py_XDECREF(frame);
      Py_DECREF(list);
      return NULL;
    }
    Py_DECREF(frame);
    at += ((size_t)header.length + 7) & ~(size_t)7;
  }
  return list;
torn:
  Py_DECREF(list);
  PyErr_SetString(state->failure, "the library answered a torn frame");
  return NULL;
}

static PyObject *runtime_poll(PyObject *object, PyObject *arguments) {
  Runtime *self = (Runtime *)object;
  State *state = state_of(object);
  unsigned int queue;
  unsigned long long wait;
  if (!PyArg_ParseTuple(arguments, "IK", &queue, &wait)) {
    return NULL;
  }
  sr_runtime *runtime = usable(self);
  if (runtime == NULL) {
    return NULL;
  }
  if (queue >= self->queues || self->blocks[queue].busy) {
    PyErr_SetString(state->failure, "the queue does not exist, or another thread is polling it");
    return NULL;
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
      return PyErr_NoMemory();
    }
    size_t used = 0, needed = 0;
    /* Most polls find frames: look first with the GIL held, and let others run only where there is a wait. */
    int32_t frames = table->poll(runtime, queue, block, capacity, 0, &used, &needed);
    if (frames == 0 && wait != 0) {
      self->blocks[queue].busy = true;
      self->pollers++;
      Py_BEGIN_ALLOW_THREADS
      frames = table->poll(runtime, queue, block, capacity, wait, &used, &needed);
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
      return raise_status(state, frames);
    }
    return cut_frames(state, block, used);
  }
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

static PyObject *runtime_call_immediate(PyObject *object, PyObject *argument) {
  Runtime *self = (Runtime *)object;
  State *state = state_of(object);
  sr_runtime *runtime = usable(self);
  Py_buffer view;
  if (runtime == NULL || PyObject_GetBuffer(argument, &view, PyBUF_SIMPLE) < 0) {
    return NULL;
  }
  uint64_t small[512];
  uint8_t *block = (uint8_t *)small;
  size_t capacity = sizeof small;
  void *grown = NULL, *copy;
  const uint8_t *frame = aligned(&view, &copy);
  PyObject *answer = NULL;
  while (frame != NULL) {
    size_t used = 0;
    int32_t status =
        self->library->table->call_immediate(runtime, frame, (size_t)view.len, block, capacity, &used);
    if (status == SR_E_TOO_SMALL && capacity < ((size_t)1 << 30)) {
      capacity = used > capacity ? used : capacity * 4;
      free(grown);
      block = grown = malloc(capacity);
      if (block != NULL) {
        continue;
      }
      PyErr_NoMemory();
    } else if (status < 0) {
      raise_status(state, status);
    } else {
      PyObject *frames = cut_frames(state, block, used);
      if (frames != NULL && PyList_Size(frames) == 1) {
        answer = PyList_GetItem(frames, 0);
        Py_XINCREF(answer);
      } else if (frames != NULL) {
        PyErr_SetString(state->failure, "the library did not answer one frame");
      }
      Py_XDECREF(frames);
    }
    break;
  }
  free(grown);
  free(copy);
  PyBuffer_Release(&view);
  return answer;
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
  sr_wake wake = {0, -1};
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

static PyMethodDef runtime_methods[] = {
    {"submit", runtime_submit, METH_O, "Submits a block of frames; answers the bytes of those that were taken."},
    {"poll", runtime_poll, METH_VARARGS, "The completion frames of a queue, as (request, kind, payload, handles, object, method)."},
    {"call_immediate", runtime_call_immediate, METH_O, "Runs an immediate method; answers its one frame."},
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

/* Opens another image of the file than the one that this process has inherited, whose locks may have been held when it was forked. The
 * loader tells images apart by device and inode, and by name: so this is a copy, in memory, under the process's own name for it. */
static void *open_anew(const char *path) {
  void *opened = NULL;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  int copy = memfd_create("strongroom", MFD_CLOEXEC);
  struct stat status;
  if (file >= 0 && copy >= 0 && fstat(file, &status) == 0) {
    while (status.st_size > 0) {
      ssize_t count = sendfile(copy, file, NULL, (size_t)status.st_size);
      if (count <= 0) {
        break;
      }
      status.st_size -= count;
    }
    char name[64];
    snprintf(name, sizeof name, "/proc/%ld/fd/%d", (long)getpid(), copy);
    opened = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  }
  if (file >= 0) {
    close(file);
  }
  if (copy >= 0) {
    close(copy); /* The mapping stays. */
  }
  return opened;
}

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
  /* Never closed again: threads of the library run its code until the process ends. */
  void *opened = forks == 0 ? dlopen(PyBytes_AsString(path), RTLD_NOW | RTLD_LOCAL) : open_anew(PyBytes_AsString(path));
  Py_DECREF(path);
  if (opened == NULL) {
    const char *why = dlerror();
    PyErr_Format(state->error, "the library cannot be opened: %s", why != NULL ? why : "it cannot be read, or not be copied into memory");
    return NULL;
  }
  const sr_functions *(*give)(void);
  *(void **)&give = dlsym(opened, "sr_table");
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
  pthread_mutex_init(&log->lock, NULL);
  pthread_cond_init(&log->filled, NULL);
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
  pthread_mutex_lock(&log->lock);
  if (line.target == NULL || line.message == NULL || log->count == LOG_LINES) {
    log->lost++;
    free(line.target);
    free(line.message);
  } else {
    memcpy(line.target, target, target_length);
    memcpy(line.message, message, message_length);
    log->lines[(log->first + log->count++) % LOG_LINES] = line;
  }
  pthread_cond_signal(&log->filled);
  pthread_mutex_unlock(&log->lock);
}

static PyObject *library_log_open(PyObject *object, PyObject *argument) {
  Library *self = (Library *)object;
  unsigned long level = PyLong_AsUnsignedLong(argument);
  if (PyErr_Occurred() || library_usable(self) < 0) {
    return NULL;
  }
  int32_t status;
  Py_BEGIN_ALLOW_THREADS
  pthread_mutex_lock(&self->log->lock);
  self->log->open = true;
  pthread_mutex_unlock(&self->log->lock);
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
  pthread_mutex_lock(&self->log->lock);
  self->log->open = false;
  pthread_cond_broadcast(&self->log->filled);
  pthread_mutex_unlock(&self->log->lock);
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
  pthread_mutex_lock(&log->lock);
  while (log->open && log->count == 0 && log->lost == 0) {
    pthread_cond_wait(&log->filled, &log->lock);
  }
  for (count = 0; count < log->count; count++) {
    lines[count] = log->lines[(log->first + count) % LOG_LINES];
  }
  log->first = log->count = 0;
  lost = log->lost;
  log->lost = 0;
  open = log->open;
  pthread_mutex_unlock(&log->lock);
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
    if (pthread_atfork(NULL, NULL, count_fork) != 0) {
      PyErr_SetString(PyExc_OSError, "pthread_atfork failed");
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
  PyTypeObject *library = add_type(module, &library_spec);
  if (state->buffer_type == NULL || state->runtime_type == NULL || library == NULL) {
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
