#include "rows.h"

#include <stdio.h>
#include <string.h>

static bool is_text(const json *value) { return value != NULL && value->kind == JSON_STRING; }

static bool is_known(const json *language) {
  static const char *const languages[] = {"rust", "c", "go", "python"};
  for (size_t i = 0; is_text(language) && i < sizeof(languages) / sizeof(languages[0]); i++) {
    if (json_is(language, languages[i])) return true;
  }
  return false;
}

bool row_is_for_c(const json *row) {
  const json *languages = json_get(row, "languages");
  if (languages == NULL) return true;
  for (const json *language = languages->first; language != NULL; language = language->next) {
    if (json_is(language, "c")) return true;
  }
  return false;
}

static bool names(const json *gap, const json *row) { return json_is(json_get(gap, "row"), json_get(row, "name")->text.data); }

bool row_is_a_gap(const json *row, const json *gaps) {
  for (const json *gap = gaps->first; gap != NULL; gap = gap->next) {
    if (json_is(json_get(gap, "language"), "c") && names(gap, row)) return true;
  }
  return false;
}

static bool refuse(const char *why, const char *what) {
  fprintf(stderr, "%s: %s\n", why, what);
  return false;
}

static const json *find_row(const json *const *tables, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++) {
    for (const json *row = tables[i]->first; row != NULL; row = row->next) {
      if (json_is(json_get(row, "name"), name)) return row;
    }
  }
  return NULL;
}

bool rows_agree(const json *const *tables, size_t count, const json *gaps) {
  for (size_t i = 0; i < count; i++) {
    for (const json *row = tables[i]->first; row != NULL; row = row->next) {
      const json *name = json_get(row, "name"), *languages = json_get(row, "languages");
      if (!is_text(name)) return refuse("a row has no name", "");
      if (find_row(tables, count, name->text.data) != row) return refuse("two rows have the name", name->text.data);
      if (languages != NULL && languages->kind != JSON_ARRAY) return refuse("the languages are no list", name->text.data);
      for (const json *language = languages == NULL ? NULL : languages->first; language != NULL; language = language->next) {
        if (!is_known(language)) return refuse("the row is for a language without a runner", name->text.data);
      }
    }
  }
  for (const json *gap = gaps->first; gap != NULL; gap = gap->next) {
    const json *name = json_get(gap, "row"), *language = json_get(gap, "language");
    if (!is_text(name) || !is_text(json_get(gap, "why"))) return refuse("a gap has no row, or no reason", "");
    if (!is_known(language)) return refuse("the gap is of a language without a runner", name->text.data);
    const json *row = find_row(tables, count, name->text.data);
    if (row == NULL) return refuse("the gap names no row", name->text.data);
    if (json_is(language, "c") && !row_is_for_c(row)) return refuse("the gap is of a row that is not for C", name->text.data);
  }
  return true;
}

bool rows_refuse_what_is_not_there(void) {
  static const char *const good[] = {"[{\"name\": \"a\"}, {\"name\": \"b\", \"languages\": [\"go\"]}]",
                                     "[{\"row\": \"a\", \"language\": \"c\", \"why\": \"?\"}]"};
  static const char *const bad[][2] = {
      {"[{\"name\": \"a\", \"languages\": [\"cobol\"]}]", "[]"},
      {"[{\"name\": \"a\"}, {\"name\": \"a\"}]", "[]"},
      {"[{\"name\": \"a\"}]", "[{\"row\": \"b\", \"language\": \"go\", \"why\": \"?\"}]"},
      {"[{\"name\": \"a\"}]", "[{\"row\": \"a\", \"language\": \"cobol\", \"why\": \"?\"}]"},
      {"[{\"name\": \"a\"}]", "[{\"row\": \"a\", \"language\": \"go\"}]"},
      {"[{\"name\": \"a\", \"languages\": [\"go\"]}]", "[{\"row\": \"a\", \"language\": \"c\", \"why\": \"?\"}]"},
  };
  sr_arena arena;
  size_t at;
  sr_arena_init(&arena);
  const json *rows = json_parse(&arena, good[0], strlen(good[0]), &at), *gaps = json_parse(&arena, good[1], strlen(good[1]), &at);
  bool right = rows_agree(&rows, 1, gaps) && row_is_a_gap(rows->first, gaps) && !row_is_a_gap(rows->first->next, gaps) &&
               row_is_for_c(rows->first) && !row_is_for_c(rows->first->next);
  for (size_t i = 0; right && i < sizeof(bad) / sizeof(bad[0]); i++) {
    fprintf(stderr, "refused, as it has to be: ");
    rows = json_parse(&arena, bad[i][0], strlen(bad[i][0]), &at);
    gaps = json_parse(&arena, bad[i][1], strlen(bad[i][1]), &at);
    right = rows != NULL && gaps != NULL && !rows_agree(&rows, 1, gaps);
  }
  sr_arena_free(&arena);
  return right || refuse("the plan is wrong", "see above");
}
