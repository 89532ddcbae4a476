/* C that has a method more, with a library of the first version. */
#include "evolution.h"
#include "expect.h"

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
