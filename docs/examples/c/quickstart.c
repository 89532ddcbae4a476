/* Backs a folder up, lists what the snapshot holds, and restores it beside the folder. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strongroom.h"

/* Ends the program where a call failed. */
static void succeed(sr_error *error) {
  if (error == NULL) return;
  fprintf(stderr, "quickstart: %s\n", error->message);
  sr_error_free(error);
  exit(1);
}

/* Opens the repository, and makes it where there is none. */
static strongroom_repository open_or_init(sr_client *client, const char *url) {
  strongroom_location at = strongroom_location_default();
  at.url = sr_string_of(url); /* a folder, or s3://bucket/prefix */
  at.credentials = strongroom_credentials_of(STRONGROOM_CREDENTIALS_PASSWORD);
  at.credentials.as.password.value = sr_string_of("correct horse battery staple");
  strongroom_repository repository;
  sr_error *error = strongroom_repository_open(client, &at, &repository);
  sr_arena arena;
  sr_arena_init(&arena);
  strongroom_repository_error why;
  if (strongroom_repository_error_from(error, &arena, &why) && why.kind == STRONGROOM_REPOSITORY_ERROR_NOT_FOUND) {
    sr_error_free(error);
    strongroom_init_options options = strongroom_init_options_default();
    error = strongroom_repository_init(client, &at, &options, &repository);
  }
  sr_arena_free(&arena);
  succeed(error);
  return repository;
}

int main(int count, char **arguments) {
  char folder[PATH_MAX], url[PATH_MAX + 16], target[PATH_MAX + 16];
  if (count != 2 || realpath(arguments[1], folder) == NULL) {
    fprintf(stderr, "usage: quickstart FOLDER\n");
    return 2;
  }
  snprintf(url, sizeof(url), "%s-backup", folder);
  snprintf(target, sizeof(target), "%s-restored", folder);

  sr_client *client;
  succeed(strongroom_client_new(NULL, &client));
  strongroom_repository repository = open_or_init(client, url);

  /* What answers point to lives in an arena, until that is freed. */
  sr_arena arena;
  sr_arena_init(&arena);
  const sr_bytes paths[] = {sr_path_of(folder)};
  strongroom_backup_options options = strongroom_backup_options_default();
  options.paths = (strongroom_list_path){paths, 1};
  strongroom_backup_report report;
  succeed(strongroom_repository_backup(repository, &options, &arena, &report));
  for (size_t i = 0; i < report.issues.count; i++) { /* what could not be read; the rest is saved */
    fprintf(stderr, "%s: %s\n", (const char *)report.issues.items[i].at.data, report.issues.items[i].message.data);
  }
  const strongroom_statistics *saved = &report.snapshot.statistics;
  printf("saved %llu files, %llu bytes; %llu of them new\n", (unsigned long long)saved->files,
         (unsigned long long)saved->bytes, (unsigned long long)saved->bytes_new);

  sr_request request;
  succeed(strongroom_repository_list_start(repository, report.snapshot.id, sr_path_of(""), true, NULL, &request));
  for (bool more = true;;) {
    sr_arena one;
    sr_arena_init(&one);
    strongroom_entry entry;
    succeed(strongroom_repository_list_next(&request, &one, &entry, &more));
    if (!more) break;
    if (entry.kind.kind == STRONGROOM_ENTRY_KIND_FILE) {
      const char *slash = strrchr((const char *)entry.at.data, '/');
      printf("%s %llu bytes\n", slash != NULL ? slash + 1 : (const char *)entry.at.data, (unsigned long long)entry.size);
    }
    sr_arena_free(&one);
  }

  strongroom_restore_options restore = strongroom_restore_options_default();
  restore.snapshot = report.snapshot.id;
  restore.target = sr_path_of(target);
  strongroom_restore_report back;
  succeed(strongroom_repository_restore(repository, &restore, &arena, &back));
  printf("restored %llu files\n", (unsigned long long)back.statistics.files);

  sr_arena_free(&arena);
  succeed(strongroom_repository_close(repository));
  sr_client_free(client, 0);
  return 0;
}
