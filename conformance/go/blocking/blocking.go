// Package blocking makes calls into C the plain way, each of which holds an operating system thread: the contrast to
// the runtime in the tests.
package blocking

/*
#include <time.h>

static void sr_test_sleep(long milliseconds) {
  struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  while (nanosleep(&left, &left) != 0) {
  }
}
*/
import "C"

// Sleep blocks in C.
func Sleep(milliseconds int) { C.sr_test_sleep(C.long(milliseconds)) }
