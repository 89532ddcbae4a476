/* C whose types have grown, with a library of the first version. */
#include "evolution.h"
#include "expect.h"

static void new_fields_come_back_as_defaults(evolution_keeper keeper, sr_arena *arena) {
  const uint32_t weight = 100;
  evolution_item item = evolution_item_default(), back;
  sr_string seen;
  item.name = sr_string_of("apple");
  item.size = 3;
  item.color = sr_string_of("red");
  item.weight = &weight;
  /* What the library does not know it drops. */
  CALL(evolution_keeper_describe_item(keeper, &item, arena, &seen));
  CHECK(same(seen, "Item { name: \"apple\", size: 3 }"));
  CALL(evolution_keeper_item(keeper, &item, arena, &back));
  CHECK(same(back.name, "apple") && back.size == 3);
  CHECK(same(back.color, "grey") && back.weight == NULL);
  CHECK(back.shape.kind == EVOLUTION_SHAPE_CIRCLE && back.shape.as.circle.radius == 1 && back.shape.as.circle.filled);
}

static void a_new_variant_is_refused(evolution_keeper keeper) {
  const evolution_shape square = evolution_shape_of(EVOLUTION_SHAPE_SQUARE);
  const evolution_shape point = evolution_shape_of(EVOLUTION_SHAPE_POINT);
  evolution_shape back;
  FAILS(evolution_keeper_shape(keeper, &square, &back), SR_ERROR_MALFORMED);
  CALL(evolution_keeper_shape(keeper, &point, &back));
  CHECK(back.kind == EVOLUTION_SHAPE_POINT);
}

static void new_fields_of_errors_are_defaults(evolution_keeper keeper, sr_arena *arena) {
  evolution_keeper_error why;
  sr_error *error = evolution_keeper_fail(keeper, 1);
  CHECK(evolution_keeper_error_from(error, arena, &why));
  CHECK(same(why.as.refused.reason, "as you asked") && why.as.refused.code == 7);
  sr_error_free(error);
}

int main(void) {
  sr_client *client;
  sr_arena arena;
  evolution_keeper keeper;
  CALL(evolution_client_new(NULL, &client));
  sr_arena_init(&arena);
  CALL(evolution_keeper_open(client, &keeper));
  new_fields_come_back_as_defaults(keeper, &arena);
  a_new_variant_is_refused(keeper);
  new_fields_of_errors_are_defaults(keeper, &arena);
  CALL(evolution_keeper_close(keeper));
  sr_arena_free(&arena);
  sr_client_free(client, 0);
  return 0;
}
