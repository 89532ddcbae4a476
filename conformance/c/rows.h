/* The rows of the table: which of them the runner in C runs, and which of those are known to fail. */
#ifndef CONFORMANCE_ROWS_H
#define CONFORMANCE_ROWS_H

#include "json.h"

/* Whether the tables name nothing that is not there: no language without a runner, no name twice, no gap without a row. Says what. */
bool rows_agree(const json *const *tables, size_t count, const json *gaps);
bool row_is_for_c(const json *row);
bool row_is_a_gap(const json *row, const json *gaps);
/* Tries rows_agree with tables that do not. */
bool rows_refuse_what_is_not_there(void);

#endif
