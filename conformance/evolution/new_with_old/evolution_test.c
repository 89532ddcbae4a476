/* C that has a method more, with a library of the first version. */
#include <stdio.h>
#include <stdlib.h>

#include "evolution.h"

static void check(bool holds, const char *what, int line) {
  if (holds) return;
  fprintf(stderr, "line %d: not so: %s\n", line, what);
  exit(1);
}
#define CHECK(condition) check(condition, #condition, __LINE__)

int main(void) {
  sr_client *client;
  sr_error *error = evolution_client_new(NULL, &client);
  CHECK(sr_error_is(error, SR_ERROR_OTHER_LIBRARY));
  CHECK(strstr(error->message, "method Keeper.kept is missing in the library") != NULL);
  CHECK(strstr(error->message, "method Greeter.create is missing in the library") != NULL);
  CHECK(strstr(error->message, "method Greeter.greet is missing in the library") != NULL);
  CHECK(strstr(error->message, "differs") == NULL);
  sr_error_free(error);
  return 0;
}
