/* What the extension asks of the system, where systems differ: locks, other images of a library, and when the process is forked. */
#ifndef STRONGROOM_SYSTEM_H
#define STRONGROOM_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
typedef SRWLOCK Lock;
typedef CONDITION_VARIABLE Condition;

static void lock_init(Lock *lock) { InitializeSRWLock(lock); }
static void lock(Lock *lock) { AcquireSRWLockExclusive(lock); }
static void unlock(Lock *lock) { ReleaseSRWLockExclusive(lock); }
static void condition_init(Condition *condition) { InitializeConditionVariable(condition); }
static void condition_wait(Condition *condition, Lock *lock) { SleepConditionVariableSRW(condition, lock, INFINITE, 0); }
static void condition_wake_one(Condition *condition) { WakeConditionVariable(condition); }
static void condition_wake_all(Condition *condition) { WakeAllConditionVariable(condition); }

/* There is no fork here. */
static bool count_forks_by(void (*count)(void)) {
  (void)count;
  return true;
}

/* The library at a path, which is never closed again: its threads run its code until the process ends. NULL with an OSError set. */
static void *image_open(PyObject *path, bool anew) {
  (void)anew;
  PyObject *text = PyUnicode_DecodeFSDefault(PyBytes_AsString(path));
  wchar_t *wide = text == NULL ? NULL : PyUnicode_AsWideCharString(text, NULL);
  Py_XDECREF(text);
  if (wide == NULL) {
    return NULL;
  }
  /* What it needs itself is looked for beside it. */
  HMODULE image = LoadLibraryExW(wide, NULL, LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_DEFAULT_DIRS);
  PyMem_Free(wide);
  if (image == NULL) {
    PyErr_SetFromWindowsErr(0);
  }
  return (void *)image;
}

static void *image_find(void *image, const char *name) { return (void *)GetProcAddress((HMODULE)image, name); }

#else
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
typedef pthread_mutex_t Lock;
typedef pthread_cond_t Condition;

static void lock_init(Lock *lock) { pthread_mutex_init(lock, NULL); }
static void lock(Lock *lock) { pthread_mutex_lock(lock); }
static void unlock(Lock *lock) { pthread_mutex_unlock(lock); }
static void condition_init(Condition *condition) { pthread_cond_init(condition, NULL); }
static void condition_wait(Condition *condition, Lock *lock) { pthread_cond_wait(condition, lock); }
static void condition_wake_one(Condition *condition) { pthread_cond_signal(condition); }
static void condition_wake_all(Condition *condition) { pthread_cond_broadcast(condition); }

static bool count_forks_by(void (*count)(void)) { return pthread_atfork(NULL, NULL, count) == 0; }

#ifdef __linux__
#include <sys/sendfile.h>

/* A copy of the file in memory, under the process's own name for it; -1 where there is none. */
static int image_copy(const char *path, char *name, size_t size) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  int copy = memfd_create("strongroom", MFD_CLOEXEC);
  struct stat status;
  bool whole = file >= 0 && copy >= 0 && fstat(file, &status) == 0;
  while (whole && status.st_size > 0) {
    ssize_t count = sendfile(copy, file, NULL, (size_t)status.st_size);
    whole = count > 0;
    status.st_size -= count;
  }
  if (file >= 0) {
    close(file);
  }
  if (!whole && copy >= 0) {
    close(copy);
    copy = -1;
  }
  snprintf(name, size, "/proc/%ld/fd/%d", (long)getpid(), copy);
  return copy;
}

static void image_copied(const char *name) { (void)name; }
#else

/* A copy of the file in the folder of temporary files; -1 where there is none. */
static int image_copy(const char *path, char *name, size_t size) {
  const char *folder = getenv("TMPDIR");
  snprintf(name, size, "%s/strongroom.XXXXXX", folder != NULL && folder[0] != 0 ? folder : "/tmp");
  int file = open(path, O_RDONLY | O_CLOEXEC);
  int copy = mkstemp(name);
  bool whole = file >= 0 && copy >= 0;
  char block[1 << 16];
  ssize_t count = 0;
  while (whole && (count = read(file, block, sizeof block)) > 0) {
    whole = write(copy, block, (size_t)count) == count;
  }
  whole = whole && count == 0;
  if (file >= 0) {
    close(file);
  }
  if (!whole && copy >= 0) {
    close(copy);
    unlink(name);
    copy = -1;
  }
  return copy;
}

static void image_copied(const char *name) { unlink(name); }
#endif

/* The library at a path, which is never closed again: its threads run its code until the process ends. NULL with an OSError set.
 *
 * `anew` asks for another image of the file than the one that this process has inherited, whose locks may have been held when it was
 * forked. The loader tells images apart by device and inode, and by name: so that one is of a copy. */
static void *image_open(PyObject *path, bool anew) {
  void *image = NULL;
  if (!anew) {
    image = dlopen(PyBytes_AsString(path), RTLD_NOW | RTLD_LOCAL);
  } else {
    char name[4096];
    int copy = image_copy(PyBytes_AsString(path), name, sizeof name);
    if (copy < 0) {
      PyErr_SetString(PyExc_OSError, "it cannot be read, or not be copied");
      return NULL;
    }
    image = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    /* The mapping stays. */
    close(copy);
    image_copied(name);
  }
  if (image == NULL) {
    const char *why = dlerror();
    PyErr_SetString(PyExc_OSError, why != NULL ? why : "the system does not say why");
  }
  return image;
}

static void *image_find(void *image, const char *name) { return dlsym(image, name); }
#endif
#endif
