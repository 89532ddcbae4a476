/* C in which the type of a field is another one, with a library of the first version. */
#include "evolution.h"
#include "expect.h"

int main(void) {
  sr_client *client;
  sr_error *error = evolution_client_new(NULL, &client);
  CHECK(sr_error_is(error, SR_ERROR_OTHER_LIBRARY));
  CHECK(strstr(error->message, "record Item differs: field `size` is of type u64 in the library and string in the "
                               "binding") != NULL);
  CHECK(strstr(error->message, "Shape") == NULL);
  sr_error_free(error);
  return 0;
}
