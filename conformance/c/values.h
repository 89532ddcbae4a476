/* Makes typed values of those in the table of cases: 64-bit integers are decimal strings, floats the hexadecimal digits of
 * their bits, bytes and paths hexadecimal, absent is null, maps are pairs, enums objects with their variant. */
#ifndef CONFORMANCE_VALUES_H
#define CONFORMANCE_VALUES_H

#include "conformance.h"
#include "json.h"

conformance_scalars scalars_of(sr_arena *arena, const json *value);
conformance_containers containers_of(sr_arena *arena, const json *value);
conformance_defaults defaults_of(sr_arena *arena, const json *value);
conformance_moments moments_of(sr_arena *arena, const json *value);

#endif
