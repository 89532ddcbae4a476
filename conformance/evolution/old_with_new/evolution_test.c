/* C of the first version, with a library that has grown since. */
#include "evolution.h"
#include "expect.h"

static void values_make_the_round_trip(evolution_keeper keeper, sr_arena *arena) {
  evolution_item item = evolution_item_default(), back;
  sr_string seen;
  item.name = sr_string_of("apple");
  item.size = 3;
  CALL(evolution_keeper_item(keeper, &item, arena, &back));
  CHECK(same(back.name, "apple") && back.size == 3);
  /* The library has its defaults for what this side does not know. */
  CALL(evolution_keeper_describe_item(keeper, &item, arena, &seen));
  CHECK(same(seen, "Item { name: \"apple\", size: 3, color: \"grey\", "
                   "shape: Circle { radius: 1.0, filled: true }, weight: None }"));
}

static void a_new_variant_is_an_error_of_its_call(evolution_keeper keeper) {
  evolution_shape shape;
  sr_request request;
  bool more;
  int count = 0;
  FAILS(evolution_keeper_pick(keeper, 2, &shape), SR_ERROR_MALFORMED);
  CALL(evolution_keeper_shapes_start(keeper, NULL, &request));
  sr_error *error;
  while ((error = evolution_keeper_shapes_next(&request, &shape, &more)) == NULL && more) count++;
  FAILS(error, SR_ERROR_MALFORMED);
  CHECK(count == 2);
  CALL(evolution_keeper_pick(keeper, 1, &shape));
  CHECK(shape.kind == EVOLUTION_SHAPE_CIRCLE && shape.as.circle.radius == 0.5);
}

static void a_new_error_has_its_message(evolution_keeper keeper, sr_arena *arena) {
  evolution_keeper_error why;
  sr_error *error = evolution_keeper_fail(keeper, 0);
  CHECK(evolution_keeper_error_from(error, arena, &why) && same(why.as.refused.reason, "as you asked"));
  sr_error_free(error);
  error = evolution_keeper_fail(keeper, 1);
  CHECK(error != NULL && !evolution_keeper_error_from(error, arena, &why));
  CHECK(strcmp(error->message, "there is room for 64 bytes only") == 0);
  sr_error_free(error);
}

int main(void) {
  sr_client *client;
  sr_arena arena;
  evolution_keeper keeper;
  CALL(evolution_client_new(NULL, &client));
  sr_arena_init(&arena);
  CALL(evolution_keeper_open(client, &keeper));
  values_make_the_round_trip(keeper, &arena);
  a_new_variant_is_an_error_of_its_call(keeper);
  a_new_error_has_its_message(keeper, &arena);
  CALL(evolution_keeper_close(keeper));
  sr_arena_free(&arena);
  sr_client_free(client, 0);
  return 0;
}
