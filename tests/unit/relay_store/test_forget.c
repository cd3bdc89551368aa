/* What was deleted is in no file: the database, its free pages, its journal, the folder of keys. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relay/store/sqlite.h"
#include "tests/support/support.h"
#include "tests/unit/relay_store/fault_vfs.h"
#include "tests/unit/relay_store/harness.h"

/* Pieces of what a row holds: its handle, and 16 bytes from three places of what is sealed. */
enum {
    MESSAGES = 2400,
    ROWS_MAX = 2 * MESSAGES,
    PIECE = 16,
    PIECES_OF_ROW = 4,
    PIECES = MESSAGES * PIECES_OF_ROW,
    PIECES_MAX = ROWS_MAX * PIECES_OF_ROW
};

struct scene {
    struct place place;
    struct engine *engine;
    struct rng_seed seed;
    struct rng rng;
    uint8_t pieces[PIECES_MAX][PIECE];
    size_t count;
};

static int set_up(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return -1;
    fault_vfs_register();
    fault_vfs_arm(FAULT_NONE, 0, 0);
    place_make(&s->place);
    s->rng = rng_seeded(&s->seed, 11);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    if (s->engine != NULL)
        s->engine->close(s->engine);
    place_remove(&s->place);
    free(s);
    return 0;
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, PIECE);
}

/* How many of the pieces stand in a file. */
static size_t pieces_in_file(const struct scene *s, const char *path)
{
    static uint8_t seen[PIECES_MAX], begins[65536]; /* whether any piece does, with two bytes */
    int fd = open(path, O_RDONLY);
    struct stat st;
    size_t n = 0;
    if (fd < 0)
        return 0;
    assert_int_equal(fstat(fd, &st), 0);
    uint8_t *all = malloc((size_t)st.st_size + 1);
    assert_non_null(all);
    assert_int_equal(read(fd, all, (size_t)st.st_size), st.st_size);
    memset(seen, 0, sizeof(seen));
    memset(begins, 0, sizeof(begins));
    for (size_t i = 0; i < s->count; i++)
        begins[s->pieces[i][0] << 8 | s->pieces[i][1]] = 1;
    for (size_t i = 0; i + PIECE <= (size_t)st.st_size; i++) {
        if (!begins[all[i] << 8 | all[i + 1]])
            continue;
        const uint8_t *hit = bsearch(all + i, s->pieces, s->count, PIECE, compare);
        if (hit != NULL)
            seen[(hit - s->pieces[0]) / PIECE] = 1;
    }
    for (size_t i = 0; i < s->count; i++)
        n += seen[i];
    free(all);
    close(fd);
    return n;
}

static size_t pieces_left(const struct scene *s)
{
    char path[400];
    size_t n = 0;
    DIR *dir = opendir(s->place.dir);
    assert_non_null(dir);
    for (struct dirent *d; (d = readdir(dir)) != NULL;) {
        snprintf(path, sizeof(path), "%s/%s", s->place.dir, d->d_name);
        if (d->d_name[0] != '.')
            n += pieces_in_file(s, path);
    }
    closedir(dir);
    return n;
}

static void copy_file(const char *from, const char *to)
{
    char command[400];
    snprintf(command, sizeof(command), "cp %s %s", from, to);
    assert_int_equal(system(command), 0);
}

/* What the rows hold now, read from a copy of the files. */
static size_t read_pieces(const struct scene *s, uint8_t out[PIECES_MAX][PIECE])
{
    size_t n = 0;
    char to[128], from_wal[160], to_wal[160];
    sqlite3 *db;
    sqlite3_stmt *q;
    snprintf(to, sizeof(to), "%s-copy", s->place.db);
    snprintf(from_wal, sizeof(from_wal), "%s-wal", s->place.db);
    snprintf(to_wal, sizeof(to_wal), "%s-wal", to);
    copy_file(s->place.db, to);
    copy_file(from_wal, to_wal);
    assert_int_equal(sqlite3_open(to, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT handle, sealed FROM message", -1, &q, NULL), SQLITE_OK);
    while (sqlite3_step(q) == SQLITE_ROW) {
        const uint8_t *sealed = sqlite3_column_blob(q, 1);
        assert_true(n + PIECES_OF_ROW <= PIECES_MAX);
        memcpy(out[n++], sqlite3_column_blob(q, 0), PIECE);
        memcpy(out[n++], sealed, PIECE);
        memcpy(out[n++], sealed + 200, PIECE);
        memcpy(out[n++], sealed + 4000, PIECE);
    }
    sqlite3_finalize(q);
    sqlite3_close(db);
    unlink(to);
    unlink(to_wal);
    qsort(out, n, PIECE, compare);
    return n;
}

/* From now on only what was deleted is looked for. */
static void look_for_the_deleted(struct scene *s)
{
    static uint8_t now[PIECES_MAX][PIECE];
    size_t n = read_pieces(s, now), kept = 0;
    for (size_t i = 0; i < s->count; i++)
        if (bsearch(s->pieces[i], now, n, PIECE, compare) == NULL)
            memcpy(s->pieces[kept++], s->pieces[i], PIECE);
    s->count = kept;
}

static void put(struct scene *s, uint64_t queue, uint32_t seq, uint32_t hour)
{
    uint8_t bytes[WIRE_ENVELOPE_BYTES];
    struct store_write w = {.kind = WRITE_MESSAGE, .u.message = {.queue = queue, .seq = seq, .hour = hour}};
    rng_fill(&s->rng, bytes, sizeof(bytes));
    rng_fill(&s->rng, &w.u.message.handle, sizeof(w.u.message.handle));
    w.u.message.envelope = envelope_new(bytes);
    assert_non_null(w.u.message.envelope);
    assert_int_equal(write_one(s->engine, &w, 0), ZG_OK);
    assert_int_equal(w.outcome, OUTCOME_OK);
    envelope_unref(w.u.message.envelope);
}

/* Messages in 30 queues, in an order that has nothing to do with their rows. */
static void fill(struct scene *s)
{
    s->engine = place_open(&s->place, NULL);
    for (uint32_t i = 0; i < 30; i++)
        make_queue(s->engine, QUEUE_CONVERSATION, 1 + i * 7919 % 1000, 1000 + 10 * i);
    for (uint32_t i = 0; i < MESSAGES; i++)
        put(s, 1 + i % 30 * 7919 % 1000, i / 30, 100 + i % 7);
    s->count = read_pieces(s, s->pieces);
    assert_int_equal(s->count, PIECES);
    /* The scan finds what it looks for. */
    assert_int_equal(pieces_left(s) >= PIECES, 1);
}

static void forget(struct scene *s)
{
    struct store_job job = {.kind = JOB_FORGET};
    s->engine->execute(s->engine, &job);
    assert_int_equal(job.result, ZG_OK);
}

static void purge(struct scene *s, uint32_t hour, uint32_t limit)
{
    struct store_job job = {.kind = JOB_PURGE, .u.purge = {.hour = hour, .limit = limit}};
    do {
        s->engine->execute(s->engine, &job);
        assert_int_equal(job.result, ZG_OK);
    } while (job.u.purge.more);
}

static off_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : 0;
}

static void what_expired_is_in_no_file(void **state)
{
    struct scene *s = *state;
    char wal[128];
    snprintf(wal, sizeof(wal), "%s-wal", s->place.db);
    fill(s);
    purge(s, 200, 17);
    assert_int_equal(count_all(s->engine).messages, 0);
    forget(s);
    assert_int_equal(size_of(wal), 0);
    assert_int_equal(pieces_left(s), 0);
}

static void what_was_acknowledged_is_in_no_file(void **state)
{
    struct scene *s = *state;
    fill(s);
    for (uint32_t i = 0; i < MESSAGES; i++) {
        uint32_t k = i * 331 % MESSAGES;
        struct store_write w = {.kind = WRITE_DROP_MESSAGE,
                                .u.message = {.queue = 1 + k % 30 * 7919 % 1000, .seq = k / 30}};
        assert_int_equal(write_one(s->engine, &w, 0), ZG_OK);
    }
    assert_int_equal(count_all(s->engine).messages, 0);
    forget(s);
    assert_int_equal(pieces_left(s), 0);
}

/* Pages that stay in use are the hard part: rows were moved within them and between them. */
static void what_lay_between_others_is_in_no_file(void **state)
{
    struct scene *s = *state;
    fill(s);
    purge(s, 103, 17);
    for (uint32_t i = 0; i < MESSAGES; i++) {
        uint32_t k = i * 331 % MESSAGES;
        struct store_write w = {.kind = WRITE_DROP_MESSAGE,
                                .u.message = {.queue = 1 + k % 30 * 7919 % 1000, .seq = k / 30}};
        if (k % 5 < 2)
            assert_int_equal(write_one(s->engine, &w, 0), ZG_OK);
        if (k % 3 == 0)
            put(s, 1 + k % 30 * 7919 % 1000, MESSAGES + i, 300);
    }
    assert_true(count_all(s->engine).messages > MESSAGES / 4);
    forget(s);
    look_for_the_deleted(s);
    assert_true(s->count > PIECES / 2);
    assert_int_equal(pieces_left(s), 0);
}

static void what_was_erased_is_in_no_file(void **state)
{
    struct scene *s = *state;
    fill(s);
    for (uint32_t i = 0; i < 30; i++) {
        struct store_write w = {.kind = WRITE_DROP_QUEUE, .u.queue = {.id = 1 + i * 7919 % 1000}};
        assert_int_equal(write_one(s->engine, &w, 0), ZG_OK);
        assert_int_equal(w.outcome, OUTCOME_OK);
    }
    forget(s);
    assert_int_equal(pieces_left(s), 0);
}

/* A killed relay leaves its journal; the next one empties it even if nothing happens any more. */
static void the_journal_of_a_dead_process_is_emptied(void **state)
{
    struct scene *s = *state;
    char wal[128];
    snprintf(wal, sizeof(wal), "%s-wal", s->place.db);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct engine *e = place_open(&s->place, NULL);
        make_queue(e, QUEUE_CONVERSATION, 5, 1);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(size_of(wal) > 0);
    s->engine = place_open(&s->place, NULL);
    forget(s);
    assert_int_equal(size_of(wal), 0);
}

/* Whatever fails on the way: the job says so, nothing that was kept is lost, and the next one does it. */
static void a_journal_that_cannot_be_emptied_is_tried_again(void **state)
{
    struct scene *s = *state;
    struct store_job job = {.kind = JOB_FORGET};
    char wal[128];
    uint32_t failures = 0;
    snprintf(wal, sizeof(wal), "%s-wal", s->place.db);
    s->engine = place_open(&s->place, FAULT_VFS_NAME);
    make_queue(s->engine, QUEUE_CONVERSATION, 5, 1);
    for (uint32_t after = 0;; after++) {
        put(s, 5, after, 100);
        fault_vfs_arm(FAULT_IO, after, 1);
        s->engine->execute(s->engine, &job);
        bool failed = fault_vfs_hits() > 0;
        fault_vfs_arm(FAULT_NONE, 0, 0);
        assert_int_equal(job.result, failed ? ZG_ERR_STORAGE : ZG_OK);
        assert_int_equal(job.trouble, failed ? TROUBLE_IO : TROUBLE_NONE);
        if (!failed)
            break;
        failures++;
        forget(s);
        assert_int_equal(size_of(wal), 0);
        assert_false(fault_vfs_truncation_unsynced());
        assert_int_equal(count_all(s->engine).messages, after + 1);
    }
    /* The database's pages, its sync, the truncation and its sync. */
    assert_true(failures >= 4);
}

/* A slice of a purge is whole or nothing; the keys stay destroyed. */
static void a_purge_that_fails_is_tried_again(void **state)
{
    struct scene *s = *state;
    uint32_t failures = 0;
    s->engine = place_open(&s->place, FAULT_VFS_NAME);
    make_queue(s->engine, QUEUE_CONVERSATION, 5, 1);
    for (uint32_t i = 0; i < 40; i++)
        put(s, 5, i, 100);
    for (uint32_t after = 0;; after++) {
        struct store_job job = {.kind = JOB_PURGE, .u.purge = {.hour = 100, .limit = 40}};
        fault_vfs_arm(FAULT_IO, after, 1);
        s->engine->execute(s->engine, &job);
        bool failed = fault_vfs_hits() > 0;
        fault_vfs_arm(FAULT_NONE, 0, 0);
        assert_int_equal(job.result, failed ? ZG_ERR_STORAGE : ZG_OK);
        assert_int_equal(count_all(s->engine).messages, failed ? 40 : 0);
        if (!failed)
            break;
        failures++;
    }
    assert_true(failures >= 3);
}

#define FORGET_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FORGET_TEST(what_expired_is_in_no_file),
        FORGET_TEST(what_was_acknowledged_is_in_no_file),
        FORGET_TEST(what_lay_between_others_is_in_no_file),
        FORGET_TEST(what_was_erased_is_in_no_file),
        FORGET_TEST(a_journal_that_cannot_be_emptied_is_tried_again),
        FORGET_TEST(a_purge_that_fails_is_tried_again),
        FORGET_TEST(the_journal_of_a_dead_process_is_emptied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
