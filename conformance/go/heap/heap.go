// Package heap measures the memory that a library has of the C allocator, from whom Rust takes it too.
package heap

/*
#include <malloc.h>

// mallinfo2 is of a later glibc than these programs are made for. What mallinfo counts fits below 4 GiB here.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static unsigned sr_test_in_use(void) {
  malloc_trim(0);
  struct mallinfo all = mallinfo();
  return (unsigned)all.uordblks + (unsigned)all.hblkhd;
}

static void sr_test_give_back(void) {
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_TRIM_THRESHOLD, 128 << 10);
}
*/
import "C"

// GiveBack has the allocator give freed memory back to the system, so that what a process has resident says what it uses.
// Else each thread may come to keep as much as it ever had. Call it before there are threads of the library.
func GiveBack() { C.sr_test_give_back() }

// InUse gives back to the system what the allocator keeps for later, and answers how many bytes are allocated.
func InUse() int { return int(C.sr_test_in_use()) }
