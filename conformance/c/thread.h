/* Threads and a mutex, as the system has them. */
#ifndef CONFORMANCE_THREAD_H
#define CONFORMANCE_THREAD_H

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

typedef struct thread {
  HANDLE handle;
  void *(*run)(void *);
  void *argument;
} thread;

static inline DWORD WINAPI thread_main(void *argument) {
  thread *self = argument;
  self->run(self->argument);
  return 0;
}

/* The thread stays where it is until it is joined. */
static inline void thread_start(thread *self, void *(*run)(void *), void *argument) {
  self->run = run;
  self->argument = argument;
  self->handle = CreateThread(NULL, 0, thread_main, self, 0, NULL);
}

static inline void thread_join(thread *self) {
  WaitForSingleObject(self->handle, INFINITE);
  CloseHandle(self->handle);
}

typedef SRWLOCK mutex;
#define MUTEX_INITIALIZER SRWLOCK_INIT

static inline void mutex_lock(mutex *m) { AcquireSRWLockExclusive(m); }
static inline void mutex_unlock(mutex *m) { ReleaseSRWLockExclusive(m); }
#else
#include <pthread.h>

typedef pthread_t thread;

static inline void thread_start(thread *self, void *(*run)(void *), void *argument) { pthread_create(self, NULL, run, argument); }
static inline void thread_join(thread *self) { pthread_join(*self, NULL); }

typedef pthread_mutex_t mutex;
#define MUTEX_INITIALIZER PTHREAD_MUTEX_INITIALIZER

static inline void mutex_lock(mutex *m) { pthread_mutex_lock(m); }
static inline void mutex_unlock(mutex *m) { pthread_mutex_unlock(m); }
#endif

#endif
