/* The C examples of the reference. `idlc docs` cuts them out; here they run, on one repository. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "strongroom.h"

/* Ends the program where a call failed. */
static void succeed(sr_error *error) {
  if (error == NULL) return;
  fprintf(stderr, "%s\n", error->message);
  sr_error_free(error);
  exit(1);
}

static strongroom_repository init(sr_client *client, const char *url) {
  // snippet Repository.init
  strongroom_location at = strongroom_location_default();
  at.url = sr_string_of(url); /* a folder, or s3://bucket/prefix */
  at.credentials = strongroom_credentials_of(STRONGROOM_CREDENTIALS_PASSWORD);
  at.credentials.as.password.value = sr_string_of("correct horse battery staple");
  strongroom_init_options options = strongroom_init_options_default();
  strongroom_repository repository;
  sr_error *error = strongroom_repository_init(client, &at, &options, &repository);
  // end
  succeed(error);
  return repository;
}

static sr_error *open(sr_client *client, const char *url, strongroom_repository *out) {
  // snippet Repository.open
  strongroom_location at = strongroom_location_default();
  at.url = sr_string_of(url);
  at.credentials = strongroom_credentials_of(STRONGROOM_CREDENTIALS_PASSWORD);
  at.credentials.as.password.value = sr_string_of("correct horse battery staple");
  sr_error *error = strongroom_repository_open(client, &at, out);
  sr_arena arena;
  sr_arena_init(&arena);
  strongroom_repository_error why;
  if (strongroom_repository_error_from(error, &arena, &why) && why.kind == STRONGROOM_REPOSITORY_ERROR_NOT_FOUND) {
    printf("nothing has been backed up to %s yet\n", why.as.not_found.url.data);
  }
  sr_arena_free(&arena);
  // end
  return error;
}

static strongroom_snapshot_id backup(strongroom_repository repository, const char *folder) {
  // snippet Repository.backup
  const sr_bytes paths[] = {sr_path_of(folder)};
  const sr_string tags[] = {sr_string_of("documents")};
  strongroom_backup_options options = strongroom_backup_options_default();
  options.paths = (strongroom_list_path){paths, 1};
  options.tags = (strongroom_list_string){tags, 1};
  sr_arena arena;
  sr_arena_init(&arena);
  strongroom_backup_report report;
  succeed(strongroom_repository_backup(repository, &options, &arena, &report));
  for (size_t i = 0; i < report.issues.count; i++) { /* what could not be read; the rest is saved */
    const strongroom_file_issue *issue = &report.issues.items[i];
    fprintf(stderr, "%s: %s\n", (const char *)issue->at.data, issue->message.data);
  }
  strongroom_snapshot_id snapshot = report.snapshot.id;
  sr_arena_free(&arena); /* and with it all that the report points to */
  // end
  return snapshot;
}

static size_t snapshots(strongroom_repository repository) {
  size_t count = 0;
  // snippet Repository.snapshots
  strongroom_snapshot_filter filter = strongroom_snapshot_filter_default();
  sr_request request;
  succeed(strongroom_repository_snapshots_start(repository, &filter, NULL, &request));
  for (bool more = true;; count++) {
    sr_arena arena;
    sr_arena_init(&arena);
    strongroom_snapshot snapshot;
    succeed(strongroom_repository_snapshots_next(&request, &arena, &snapshot, &more));
    if (!more) break;
    printf("%s %llu files\n", snapshot.host.data, (unsigned long long)snapshot.statistics.files);
    sr_arena_free(&arena);
  }
  // end
  return count;
}

static size_t read_file(strongroom_repository repository, strongroom_snapshot_id snapshot, const char *name, FILE *file) {
  size_t length = 0;
  // snippet Repository.read
  sr_request request;
  succeed(strongroom_repository_read_start(repository, snapshot, sr_path_of(name), NULL, &request));
  for (;;) {
    sr_buffer block;
    bool more;
    succeed(strongroom_repository_read_next(&request, &block, &more));
    if (!more) break;
    sr_view view; /* the library's memory, without a copy */
    succeed(sr_client_view(block, &view));
    length += fwrite(view.data, 1, view.length, file);
    succeed(sr_client_unview(block));
    succeed(sr_client_release(block));
  }
  // end
  return length;
}

static size_t list(strongroom_repository repository, strongroom_snapshot_id snapshot) {
  size_t files = 0;
  // snippet Repository.list
  sr_request request;
  succeed(strongroom_repository_list_start(repository, snapshot, sr_path_of(""), true, NULL, &request));
  for (bool more = true;;) {
    sr_arena arena;
    sr_arena_init(&arena);
    strongroom_entry entry;
    succeed(strongroom_repository_list_next(&request, &arena, &entry, &more));
    if (!more) break;
    if (entry.kind.kind == STRONGROOM_ENTRY_KIND_FILE) {
      printf("%8llu %.*s\n", (unsigned long long)entry.size, (int)entry.at.length, (const char *)entry.at.data);
      files++;
    }
    sr_arena_free(&arena);
  }
  // end
  return files;
}

static bool check(strongroom_repository repository) {
  // snippet Repository.check
  strongroom_check_options options = strongroom_check_options_default();
  options.read_data = true; /* and not only what the index says */
  sr_arena arena;
  sr_arena_init(&arena);
  strongroom_check_report report;
  succeed(strongroom_repository_check(repository, &options, &arena, &report));
  for (size_t i = 0; i < report.damage.count; i++) {
    fprintf(stderr, "%s: %s\n", report.damage.items[i].object.data, report.damage.items[i].why.data);
  }
  bool sound = report.damage.count == 0;
  sr_arena_free(&arena);
  // end
  return sound;
}

static void restore(strongroom_repository repository, strongroom_snapshot_id snapshot, const char *folder) {
  // snippet Repository.restore
  strongroom_restore_options options = strongroom_restore_options_default();
  options.snapshot = snapshot;
  options.target = sr_path_of(folder);
  sr_arena arena;
  sr_arena_init(&arena);
  strongroom_restore_report report;
  succeed(strongroom_repository_restore(repository, &options, &arena, &report));
  printf("%llu files are back\n", (unsigned long long)report.statistics.files);
  sr_arena_free(&arena);
  // end
}

static strongroom_snapshot_id ingest(sr_client *client, strongroom_repository repository) {
  // snippet Repository.ingest
  strongroom_ingest_options options = strongroom_ingest_options_default();
  strongroom_ingest ingest;
  succeed(strongroom_repository_ingest(repository, &options, &ingest));
  // end

  // snippet Ingest.add
  strongroom_new_file file = strongroom_new_file_default();
  file.at = sr_path_of("dump.sql");
  uint64_t number;
  succeed(strongroom_ingest_add(ingest, &file, &number));
  // end

  // snippet Ingest.write
  static const char text[] = "create table shop();";
  sr_buffer buffer; /* the library's memory; this waits while callers hold too much */
  succeed(sr_client_alloc(client, sizeof(text) - 1, &buffer));
  sr_view view;
  succeed(sr_client_view(buffer, &view));
  memcpy(view.data, text, view.length);
  succeed(sr_client_unview(buffer));
  succeed(strongroom_ingest_write(ingest, number, buffer)); /* the buffer has moved */
  // end

  // snippet Ingest.commit
  sr_arena arena;
  sr_arena_init(&arena);
  strongroom_backup_report report;
  succeed(strongroom_ingest_commit(ingest, &arena, &report));
  strongroom_snapshot_id snapshot = report.snapshot.id;
  sr_arena_free(&arena);
  succeed(strongroom_ingest_close(ingest));
  // end
  return snapshot;
}

static void measure(sr_client *client, const char *url, strongroom_repository repository, const char *folder) {
  // snippet Machine.open
  strongroom_machine machine;
  succeed(strongroom_machine_open(client, &machine));
  // end

  // snippet Machine.roofline
  sr_arena arena;
  sr_arena_init(&arena);
  strongroom_roofline roofline;
  succeed(strongroom_machine_roofline(machine, sr_string_of(url), &arena, &roofline));
  for (size_t i = 0; i < roofline.stages.count; i++) {
    const strongroom_stage_speed *speed = &roofline.stages.items[i];
    printf("%s %.1f GB/s\n", speed->stage.data, speed->all_cores / 1e9);
  }
  // end
  const sr_bytes paths[] = {sr_path_of(folder)};
  strongroom_backup_options options = strongroom_backup_options_default();
  options.paths = (strongroom_list_path){paths, 1};

  // snippet Machine.explain
  strongroom_backup_report report;
  succeed(strongroom_repository_backup(repository, &options, &arena, &report));
  strongroom_explanation told;
  succeed(strongroom_machine_explain(machine, &report.snapshot.statistics, report.busy, &options.compression, &roofline, &arena,
                                     &told));
  printf("limited by %s: %s\n", told.limited_by.data, told.advice.data);
  sr_arena_free(&arena); /* and with it the report, the roofline and what was told */
  // end
  succeed(strongroom_machine_close(machine));
}

/* What the test expects of the examples. */
static void expect(bool holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "not so: %s\n", what);
  exit(1);
}

int main(void) {
  char folder[512], source[600], letter[700], url[600], target[600];
  const char *temporary = getenv("TEST_TMPDIR");
  snprintf(folder, sizeof(folder), "%s/snippets-XXXXXX", temporary != NULL ? temporary : "/tmp");
  expect(mkdtemp(folder) != NULL, "there is a folder to work in");
  snprintf(source, sizeof(source), "%s/documents", folder);
  snprintf(letter, sizeof(letter), "%s/letter.txt", source);
  snprintf(url, sizeof(url), "%s/repository", folder);
  snprintf(target, sizeof(target), "%s/restored", folder);
  expect(mkdir(source, 0700) == 0, "the folder of the documents is made");
  FILE *file = fopen(letter, "w");
  expect(file != NULL && fputs("Dear reader", file) >= 0 && fclose(file) == 0, "the letter is written");

  sr_client *client;
  succeed(strongroom_client_new(NULL, &client));
  strongroom_repository repository;
  sr_error *error = open(client, url, &repository);
  expect(error != NULL, "a repository that is not there cannot be opened");
  sr_error_free(error);
  succeed(strongroom_repository_close(init(client, url)));
  succeed(open(client, url, &repository));
  strongroom_snapshot_id snapshot = backup(repository, source);
  expect(snapshots(repository) == 1, "there is one snapshot");
  FILE *copy = tmpfile();
  expect(copy != NULL && read_file(repository, snapshot, "letter.txt", copy) == strlen("Dear reader"), "the letter is read");
  expect(list(repository, snapshot) == 1, "there is one file");
  expect(check(repository), "the repository is sound");
  restore(repository, snapshot, target);
  measure(client, url, repository, source);
  snapshot = ingest(client, repository);
  expect(read_file(repository, snapshot, "dump.sql", copy) == strlen("create table shop();"), "the dump is read");
  fclose(copy);
  succeed(strongroom_repository_close(repository));
  sr_client_free(client, UINT64_C(1000000000));
  return 0;
}
