/* A backup, and a new database from it. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relay/store/backup.h"
#include "relay/store/epoch.h"
#include "relay/store/sqlite.h"
#include "tests/unit/relay_store/harness.h"

enum { QUEUES = 25, MESSAGES = 40, NAMES_OF = 10 };

struct scene {
    struct place place, other; /* of the relay, of the one that is restored */
    char path[128];
    struct engine *engine;
};

static int set_up(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return -1;
    place_make(&s->place);
    place_make(&s->other);
    snprintf(s->path, sizeof(s->path), "%s/backup", s->other.dir);
    s->engine = place_open(&s->place, NULL);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    if (s->engine != NULL)
        s->engine->close(s->engine);
    place_remove(&s->place);
    place_remove(&s->other);
    free(s);
    return 0;
}

static void make_slot(struct engine *e, uint64_t id, uint32_t names, uint8_t ttl, uint8_t fill)
{
    uint8_t value[100];
    memset(value, fill, sizeof(value));
    struct store_write w = {
        .kind = WRITE_SLOT,
        .u.slot = {.id = id,
                   .ttl = ttl,
                   .hour = 500,
                   .voucher = name_number(names + 5),
                   .names = {name_number(names), name_number(names + 1), name_number(names + 2)}}};
    give_voucher(e, ttl == WIRE_TTL_LASTING ? VOUCHER_LASTING_SLOT : VOUCHER_SLOT, names + 5, 1000);
    assert_int_equal(write_one(e, &w, 0), ZG_OK);
    assert_int_equal(w.outcome, OUTCOME_OK);
    w.kind = WRITE_SLOT_VALUE;
    w.u.slot.value = value;
    w.u.slot.size = sizeof(value);
    assert_int_equal(write_one(e, &w, 0), ZG_OK);
    assert_int_equal(w.outcome, OUTCOME_OK);
}

static void fill(struct engine *e)
{
    for (uint32_t i = 0; i < QUEUES; i++)
        make_queue(e, i == 0 ? QUEUE_DESK : QUEUE_CONVERSATION, 1 + i, i * NAMES_OF);
    for (uint32_t i = 0; i < 7; i++)
        give_voucher(e, VOUCHER_SLOT, 5000 + i, 800 + i / 3);
    for (uint32_t i = 0; i < MESSAGES; i++)
        assert_int_equal(put_message(e, 1 + i % QUEUES, i, i, 100 + i % 5, (uint8_t)i), OUTCOME_OK);
    make_slot(e, 3, 6000, WIRE_TTL_LASTING, 'l');
    make_slot(e, 4, 6010, WIRE_TTL_7D, 's');
}

static const struct backup_blob blobs[] = {{"relay.key", "secret key", 10}, {"relay.conf", "", 0}};

static struct store_job backup_job(const struct scene *s, enum backup_scope scope, uint32_t limit)
{
    struct store_job job = {.kind = JOB_BACKUP};
    job.u.backup.path = s->path;
    job.u.backup.scope = scope;
    job.u.backup.limit = limit;
    job.u.backup.blobs = blobs;
    job.u.backup.blob_count = 2;
    return job;
}

/* How many slices it took. */
static uint32_t back_up(struct scene *s, enum backup_scope scope, uint32_t limit)
{
    struct store_job job = backup_job(s, scope, limit);
    uint32_t slices = 0;
    do {
        s->engine->execute(s->engine, &job);
        assert_int_equal(job.result, ZG_OK);
        slices++;
    } while (job.u.backup.more);
    return slices;
}

static struct counts restore(struct scene *s)
{
    const struct sqlite_options to = {.path = s->other.db, .exclusive = true};
    struct counts counts;
    struct backup *b = NULL;
    char why[128] = "";
    if (backup_open(&b, s->path, why, sizeof(why)) != ZG_OK)
        fail_msg("%s", why);
    if (backup_restore(b, &to, &counts, why, sizeof(why)) != ZG_OK)
        fail_msg("%s", why);
    backup_close(b);
    return counts;
}

static void compare_names(struct engine *e, uint32_t base, bool desk)
{
    for (uint32_t n = 0; n < 4; n++) {
        struct found found;
        assert_int_equal(find_name(e, base + n, 0, &found), ZG_OK);
        assert_true(found.found);
        assert_int_equal(found.kind, desk ? QUEUE_DESK : QUEUE_CONVERSATION);
        assert_int_equal(found.ends, 2900);
        assert_int_equal(found.id, 1 + base / NAMES_OF);
        assert_int_equal(found.names.takes, 1);
        const struct name take = name_number(base + 3);
        assert_memory_equal(&found.names.take[0], &take, sizeof(take));
    }
}

static void check_slot(struct engine *e, uint64_t id, uint8_t byte)
{
    struct store_job job = {.kind = JOB_SLOT, .u.slot = {.id = id}};
    e->execute(e, &job);
    assert_int_equal(job.result, ZG_OK);
    assert_int_equal(job.u.slot.found, byte != 0);
    if (byte != 0) {
        assert_int_equal(job.u.slot.version, 1);
        assert_int_equal(job.u.slot.size, 100);
        assert_int_equal(job.u.slot.value[99], byte);
    }
    free(job.u.slot.value);
}

static void structure_comes_back_without_messages(void **state)
{
    struct scene *s = *state;
    struct stat st;
    fill(s->engine);
    assert_true(back_up(s, BACKUP_STRUCTURE, 4) > 8);
    assert_int_equal(stat(s->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    struct counts c = restore(s);
    assert_int_equal(c.queues, QUEUES);
    assert_int_equal(c.vouchers, 7);
    assert_int_equal(c.slots, 1);
    assert_int_equal(c.passing, 0);
    assert_int_equal(c.messages, 0);

    struct engine *e = place_open(&s->other, NULL);
    for (uint32_t i = 0; i < QUEUES; i++)
        compare_names(e, i * NAMES_OF, i == 0);
    for (uint32_t i = 0; i < 7; i++) {
        struct found found;
        assert_int_equal(find_name(e, 5000 + i, 0, &found), ZG_OK);
        assert_true(found.found && found.role == ROLE_VOUCHER && found.voucher_kind == VOUCHER_SLOT);
        assert_int_equal(find_name(e, 5000 + i, 800 + i / 3, &found), ZG_OK);
        assert_false(found.found);
    }
    check_slot(e, 3, 'l');
    check_slot(e, 4, 0);
    /* It goes on: the same names cannot be given twice, and what is sent is kept. */
    assert_int_equal(put_message(e, 2, 0, 1, 100, 1), OUTCOME_OK);
    e->close(e);
}

static void everything_comes_back_with_messages(void **state)
{
    struct scene *s = *state;
    fill(s->engine);
    back_up(s, BACKUP_EVERYTHING, 7);
    struct counts c = restore(s);
    assert_int_equal(c.queues, QUEUES);
    assert_int_equal(c.slots, 2);
    assert_int_equal(c.passing, 1);
    assert_int_equal(c.messages, MESSAGES);

    struct engine *e = place_open(&s->other, NULL);
    uint32_t seen = 0;
    for (uint64_t queue = 1; queue <= QUEUES; queue++) {
        static struct store_job job;
        job = (struct store_job){.kind = JOB_LOAD};
        job.u.load.queue = queue;
        job.u.load.limit = STORE_LOAD_MAX;
        e->execute(e, &job);
        assert_int_equal(job.result, ZG_OK);
        for (uint32_t i = 0; i < job.u.load.count; i++, seen++) {
            const struct stored_message *m = &job.u.load.messages[i];
            assert_int_equal(m->hour, 100 + m->seq % 5);
            assert_int_equal(m->envelope->bytes[77], (uint8_t)m->seq);
            envelope_unref(m->envelope);
        }
    }
    assert_int_equal(seen, MESSAGES);
    check_slot(e, 3, 'l');
    check_slot(e, 4, 's');
    e->close(e);
}

static void blobs_travel_with_it(void **state)
{
    struct scene *s = *state;
    struct backup *b = NULL;
    uint8_t *data;
    size_t len;
    back_up(s, BACKUP_STRUCTURE, 100);
    assert_int_equal(backup_open(&b, s->path, NULL, 0), ZG_OK);
    assert_int_equal(backup_scope(b), BACKUP_STRUCTURE);
    assert_int_equal(backup_blob(b, "relay.key", &data, &len), ZG_OK);
    assert_int_equal(len, 10);
    assert_memory_equal(data, "secret key", 10);
    free(data);
    assert_int_equal(backup_blob(b, "relay.conf", &data, &len), ZG_OK);
    assert_int_equal(len, 0);
    free(data);
    assert_int_equal(backup_blob(b, "other", &data, &len), ZG_ERR_NOT_FOUND);
    backup_close(b);
}

/* Whatever happens between two slices, the backup can be restored. */
static void commits_between_slices_do_no_harm(void **state)
{
    struct scene *s = *state;
    uint32_t step = 0;
    fill(s->engine);
    struct store_job job = backup_job(s, BACKUP_EVERYTHING, 3);
    do {
        s->engine->execute(s->engine, &job);
        assert_int_equal(job.result, ZG_OK);
        make_queue(s->engine, QUEUE_CONVERSATION, 100 - step, 10000 + step * NAMES_OF);
        put_message(s->engine, 100 - step, 0, 1000 + step, 600 + step, 1);
        struct store_write drop = {.kind = WRITE_DROP_QUEUE, .u.queue = {.id = 1 + step}};
        assert_int_equal(write_one(s->engine, &drop, 0), ZG_OK);
        struct store_job purge = {.kind = JOB_PURGE, .u.purge = {.hour = 100 + step / 4, .limit = 2}};
        s->engine->execute(s->engine, &purge);
        assert_int_equal(purge.result, ZG_OK);
        step++;
    } while (job.u.backup.more);
    struct counts c = restore(s);
    assert_true(c.queues > 0);
    struct engine *e = place_open(&s->other, NULL);
    struct store_job purge = {.kind = JOB_PURGE, .u.purge = {.hour = 1500, .limit = 1000}};
    do
        e->execute(e, &purge);
    while (purge.result == ZG_OK && purge.u.purge.more);
    assert_int_equal(purge.result, ZG_OK);
    assert_int_equal(count_all(e).messages, 0);
    e->close(e);
}

static void assert_refused(const struct scene *s, zg_err err, const char *words)
{
    struct backup *b = NULL;
    char why[128] = "";
    assert_int_equal(backup_open(&b, s->path, why, sizeof(why)), err);
    if (strstr(why, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", why, words);
    assert_int_equal(access(s->other.db, F_OK), -1);
}

static void change(const char *path, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void an_unfinished_backup_leaves_no_file(void **state)
{
    struct scene *s = *state;
    fill(s->engine);
    struct store_job job = backup_job(s, BACKUP_STRUCTURE, 3);
    s->engine->execute(s->engine, &job);
    assert_int_equal(job.result, ZG_OK);
    assert_true(job.u.backup.more);
    assert_int_equal(access(s->path, F_OK), 0);
    assert_refused(s, ZG_ERR_STORAGE, "damaged"); /* the writer has it for itself */
    /* begun anew: the file of the first is gone, so that the second may have its name */
    assert_true(back_up(s, BACKUP_STRUCTURE, 3) > 1);
    unlink(s->path);

    job = backup_job(s, BACKUP_STRUCTURE, 3);
    s->engine->execute(s->engine, &job);
    s->engine->close(s->engine);
    s->engine = NULL;
    assert_int_equal(access(s->path, F_OK), -1);
}

static void a_file_that_is_there_is_left_alone(void **state)
{
    struct scene *s = *state;
    FILE *f = fopen(s->path, "w");
    assert_non_null(f);
    fputs("mine", f);
    fclose(f);
    struct store_job job = backup_job(s, BACKUP_STRUCTURE, 3);
    s->engine->execute(s->engine, &job);
    assert_int_equal(job.result, ZG_ERR_STORAGE);
    struct stat st;
    assert_int_equal(stat(s->path, &st), 0);
    assert_int_equal(st.st_size, 4);
}

/* A disk that is full at each place: no file is left, the relay goes on. */
static void a_full_disk_leaves_no_file(void **state)
{
    struct scene *s = *state;
    struct rlimit before, now;
    fill(s->engine);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t size = 0; size < 200000; size += 8192) {
        struct store_job job = backup_job(s, BACKUP_EVERYTHING, 10);
        now = (struct rlimit){size, before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
        do
            s->engine->execute(s->engine, &job);
        while (job.result == ZG_OK && job.u.backup.more);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(job.result, ZG_ERR_STORAGE);
        assert_true(job.trouble != TROUBLE_NONE);
        assert_int_equal(access(s->path, F_OK), -1);
    }
    back_up(s, BACKUP_EVERYTHING, 10);
    assert_int_equal(restore(s).messages, MESSAGES);
}

static void what_is_no_whole_backup_is_refused(void **state)
{
    struct scene *s = *state;
    fill(s->engine);
    assert_refused(s, ZG_ERR_STORAGE, "cannot be opened");
    change(s->path, "CREATE TABLE someone (x)");
    assert_refused(s, ZG_ERR_STORAGE, "not a backup");
    unlink(s->path);

    back_up(s, BACKUP_EVERYTHING, 100);
    change(s->path, "UPDATE about SET complete = 0");
    assert_refused(s, ZG_ERR_STORAGE, "not finished");
    change(s->path, "UPDATE about SET complete = 1; PRAGMA user_version = 9;");
    assert_refused(s, ZG_ERR_VERSION, "newer");
    change(s->path, "PRAGMA user_version = 1");
    assert_int_equal(truncate(s->path, 3 * 4096), 0);
    assert_refused(s, ZG_ERR_STORAGE, "damaged");
}

static void rows_that_make_no_sense_leave_no_database(void **state)
{
    static const char *const harm[] = {
        "UPDATE queue SET names = x'00' WHERE id = 9",
        "UPDATE queue SET takes = 200 WHERE id = 9",
        "UPDATE queue SET names = (SELECT names FROM queue WHERE id = 8) WHERE id = 9",
        "UPDATE epoch SET key = x'0011'",
        "UPDATE slot SET names = x''",
    };
    struct scene *s = *state;
    const struct sqlite_options to = {.path = s->other.db, .exclusive = true};
    fill(s->engine);
    for (size_t i = 0; i < sizeof(harm) / sizeof(harm[0]); i++) {
        struct backup *b = NULL;
        char why[128] = "";
        back_up(s, BACKUP_EVERYTHING, 100);
        change(s->path, harm[i]);
        assert_int_equal(backup_open(&b, s->path, NULL, 0), ZG_OK);
        assert_int_equal(backup_restore(b, &to, NULL, why, sizeof(why)), ZG_ERR_STORAGE);
        assert_string_equal(why, "the backup is damaged");
        assert_int_equal(access(s->other.db, F_OK), -1);
        backup_close(b);
        unlink(s->path);
    }
    assert_int_equal(rmdir(s->other.dir), 0); /* no key either */
    assert_int_equal(mkdir(s->other.dir, 0700), 0);
}

static void a_database_that_is_there_is_left_alone(void **state)
{
    struct scene *s = *state;
    const struct sqlite_options to = {.path = s->other.db, .exclusive = true};
    struct backup *b = NULL;
    char why[128] = "";
    back_up(s, BACKUP_STRUCTURE, 100);
    struct engine *e = place_open(&s->other, NULL);
    make_queue(e, QUEUE_DESK, 1, 1);
    e->close(e);
    assert_int_equal(backup_open(&b, s->path, NULL, 0), ZG_OK);
    assert_int_equal(backup_restore(b, &to, NULL, why, sizeof(why)), ZG_ERR_STATE);
    assert_non_null(strstr(why, "already"));
    backup_close(b);
    e = place_open(&s->other, NULL);
    assert_int_equal(count_all(e).queues, 1);
    e->close(e);
}

#define BACKUP_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BACKUP_TEST(structure_comes_back_without_messages),
        BACKUP_TEST(everything_comes_back_with_messages),
        BACKUP_TEST(blobs_travel_with_it),
        BACKUP_TEST(commits_between_slices_do_no_harm),
        BACKUP_TEST(an_unfinished_backup_leaves_no_file),
        BACKUP_TEST(a_file_that_is_there_is_left_alone),
        BACKUP_TEST(a_full_disk_leaves_no_file),
        BACKUP_TEST(what_is_no_whole_backup_is_refused),
        BACKUP_TEST(rows_that_make_no_sense_leave_no_database),
        BACKUP_TEST(a_database_that_is_there_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
