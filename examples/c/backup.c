/* backup REPOSITORY FOLDER TARGET: backs a folder up, and restores what was saved into another one. */
#include <stdio.h>
#include <stdlib.h>

#include "strongroom.h"

/* Ends the program where a call failed. */
static void succeed(sr_error *error) {
  if (error == NULL) return;
  fprintf(stderr, "backup: %s\n", error->message);
  sr_error_free(error);
  exit(1);
}

int main(int count, char **arguments) {
  const char *password = getenv("STRONGROOM_PASSWORD");
  if (count != 4 || password == NULL) {
    fprintf(stderr, "usage: STRONGROOM_PASSWORD=... %s REPOSITORY FOLDER TARGET\n", arguments[0]);
    return 2;
  }
  sr_client *client;
  succeed(strongroom_client_new(NULL, &client));

  strongroom_location at = strongroom_location_default();
  at.url = sr_string_of(arguments[1]);
  at.credentials = strongroom_credentials_of(STRONGROOM_CREDENTIALS_PASSWORD);
  at.credentials.as.password.value = sr_string_of(password);
  strongroom_init_options init = strongroom_init_options_default();
  strongroom_repository repository;
  succeed(strongroom_repository_init(client, &at, &init, &repository));

  /* What results point to lives in an arena, until that is freed. */
  sr_arena arena;
  sr_arena_init(&arena);
  const sr_bytes paths[] = {sr_path_of(arguments[2])};
  strongroom_backup_options backup = strongroom_backup_options_default();
  backup.paths = (strongroom_list_path){paths, 1};
  strongroom_backup_report saved;
  succeed(strongroom_repository_backup(repository, &backup, &arena, &saved));
  printf("saved %llu files, %llu bytes\n", (unsigned long long)saved.snapshot.statistics.files,
         (unsigned long long)saved.snapshot.statistics.bytes);

  strongroom_restore_options restore = strongroom_restore_options_default();
  restore.snapshot = saved.snapshot.id;
  restore.target = sr_path_of(arguments[3]);
  strongroom_restore_report restored;
  succeed(strongroom_repository_restore(repository, &restore, &arena, &restored));
  printf("restored %llu files\n", (unsigned long long)restored.statistics.files);
  size_t issues = saved.issues.count + restored.issues.count;
  sr_arena_free(&arena);

  succeed(strongroom_repository_close(repository));
  sr_client_free(client, 0);
  return issues > 0;
}
