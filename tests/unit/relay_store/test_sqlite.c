/* What the SQLite engine promises beyond its outcomes: the file, its locks, its failures, its size. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relay/store/sqlite.h"
#include "relay/store/sqlite_engine.h"
#include "tests/support/support.h"
#include "tests/unit/relay_store/fault_vfs.h"
#include "tests/unit/relay_store/harness.h"

static int make_place(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return -1;
    place_make(p);
    fault_vfs_register();
    fault_vfs_arm(FAULT_NONE, 0, 0);
    *state = p;
    return 0;
}

static int remove_place(void **state)
{
    place_remove(*state);
    free(*state);
    return 0;
}

static int64_t number_of(const char *path, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int64_t v = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return v;
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static zg_err open_err(const struct place *p, char why[128])
{
    const struct sqlite_options options = {.path = p->db, .exclusive = true};
    struct engine *e = (struct engine *)p; /* must stay untouched */
    zg_err err = sqlite_engine_open(&e, &options, why, 128);
    assert_ptr_equal(e, p);
    return err;
}

static unsigned mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return (unsigned)st.st_mode & 0777;
}

static void files_are_for_their_owner_only(void **state)
{
    struct place *p = *state;
    char wal[128];
    mode_t before = umask(0);
    struct engine *e = place_open(p, NULL);
    make_queue(e, QUEUE_DESK, 1, 1);
    snprintf(wal, sizeof(wal), "%s-wal", p->db);
    assert_int_equal(mode_of(p->db), 0600);
    assert_int_equal(mode_of(wal), 0600);
    e->close(e);
    umask(before);
}

static void a_second_engine_is_told_that_the_file_is_in_use(void **state)
{
    struct place *p = *state;
    char why[128] = "";
    struct engine *e = place_open(p, NULL);
    make_queue(e, QUEUE_DESK, 1, 1);
    assert_int_equal(open_err(p, why), ZG_ERR_LOCKED);
    assert_string_equal(why, "the database is in use by another program");
    /* and the first one goes on */
    make_queue(e, QUEUE_DESK, 2, 11);
    e->close(e);
    e = place_open(p, NULL);
    assert_int_equal(count_all(e).queues, 2);
    e->close(e);
}

static void a_newer_version_is_left_alone(void **state)
{
    struct place *p = *state;
    char why[128] = "";
    struct engine *e = place_open(p, NULL);
    e->close(e);
    run_sql(p->db, "PRAGMA user_version = 4");
    assert_int_equal(open_err(p, why), ZG_ERR_VERSION);
    assert_non_null(strstr(why, "newer version"));
    assert_int_equal(number_of(p->db, "PRAGMA user_version"), 4);
}

static void a_foreign_database_is_left_alone(void **state)
{
    struct place *p = *state;
    char why[128] = "";
    run_sql(p->db, "CREATE TABLE someone (x)");
    assert_int_equal(open_err(p, why), ZG_ERR_STORAGE);
    assert_non_null(strstr(why, "not a database of the relay"));
    assert_int_equal(number_of(p->db, "SELECT count(*) FROM sqlite_schema"), 1);
}

/* They are counted at the start: what is damaged there must not keep messages from being served. */
static void a_damaged_index_of_slots_keeps_nobody_from_starting(void **state)
{
    struct place *p = *state;
    struct found found;
    struct engine *e = place_open(p, NULL);
    struct store_write w = {.kind = WRITE_SLOT,
                            .u.slot = {.id = 9,
                                       .ttl = WIRE_TTL_7D,
                                       .hour = 500,
                                       .voucher = name_number(50),
                                       .names = {name_number(41), name_number(42), name_number(43)}}};
    make_queue(e, QUEUE_CONVERSATION, 7, 1);
    assert_int_equal(put_message(e, 7, 0, 1, 100, 'm'), OUTCOME_OK);
    give_voucher(e, VOUCHER_SLOT, 50, 1000);
    assert_int_equal(write_one(e, &w, 0), ZG_OK);
    assert_int_equal(w.outcome, OUTCOME_OK);
    assert_int_equal(count_all(e).passing, 1);
    e->close(e);

    off_t page = (off_t)number_of(p->db, "SELECT rootpage FROM sqlite_schema WHERE name = 'slot_epoch'");
    static const uint8_t junk[4096] = {0x5a};
    int fd = open(p->db, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, junk, sizeof(junk), (page - 1) * (off_t)sizeof(junk)), sizeof(junk));
    close(fd);
    e = place_open(p, NULL);
    assert_int_equal(count_all(e).passing, 0);
    assert_int_equal(find_name(e, 1, 0, &found), ZG_OK);
    assert_true(found.found);
    assert_int_equal(found.stored, 1);
    e->close(e);
}

static void damage_is_said_in_words(void **state)
{
    struct place *p = *state;
    char why[128] = "";
    FILE *f = fopen(p->db, "w");
    assert_non_null(f);
    for (int i = 0; i < 4096; i++)
        fputs("not a database ", f);
    fclose(f);
    assert_int_equal(open_err(p, why), ZG_ERR_STORAGE);
    assert_non_null(strstr(why, "damaged"));

    struct place none = {.db = "/tmp/zaguan-no-such-folder/relay.db"};
    assert_int_equal(open_err(&none, why), ZG_ERR_STORAGE);
    assert_non_null(strstr(why, "check that the folder exists"));
}

static void the_file_has_the_promised_form(void **state)
{
    struct place *p = *state;
    struct engine *e = place_open(p, NULL);
    e->close(e);
    assert_int_equal(number_of(p->db, "PRAGMA page_size"), 4096);
    assert_int_equal(number_of(p->db, "PRAGMA user_version"), 3);
    assert_int_equal(number_of(p->db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
}

/* What a killed relay leaves: the file and its journal as they were at that moment. */
static void what_was_committed_survives_a_process_that_dies(void **state)
{
    struct place *p = *state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct engine *e = place_open(p, NULL);
        make_queue(e, QUEUE_CONVERSATION, 5, 1);
        for (uint32_t i = 0; i < 10; i++)
            put_message(e, 5, i, i, 1000, (uint8_t)i);
        _exit(0); /* without closing */
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);

    struct found found;
    struct engine *e = place_open(p, NULL);
    assert_int_equal(find_name(e, 1, 0, &found), ZG_OK);
    assert_true(found.found);
    assert_int_equal(found.id, 5);
    assert_int_equal(found.stored, 1);
    assert_int_equal(found.first_seq, 0);
    assert_int_equal(found.next_seq, 10);
    e->close(e);
}

static void a_commit_costs_one_sync(void **state)
{
    struct place *p = *state;
    struct engine *e = place_open(p, FAULT_VFS_NAME);
    make_queue(e, QUEUE_CONVERSATION, 5, 1);
    uint64_t before = fault_vfs_syncs();
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(put_message(e, 5, i, i, 1000, 1), OUTCOME_OK);
    assert_int_equal(fault_vfs_syncs() - before, 20);
    before = fault_vfs_syncs();
    struct found found;
    assert_int_equal(find_name(e, 1, 0, &found), ZG_OK);
    assert_int_equal(count_all(e).messages, 20);
    assert_int_equal(fault_vfs_syncs() - before, 0);
    e->close(e);
}

static void a_large_commit_has_room_in_memory_and_gives_it_back(void **state)
{
    enum { MESSAGES = 1000 };
    const int64_t small = 3 << 20;
    static const uint8_t bytes[WIRE_ENVELOPE_BYTES];
    static struct store_write w[MESSAGES];
    struct place *p = *state;
    struct envelope *envelope = envelope_new(bytes);
    struct store_job job = {.kind = JOB_COMMIT, .u.commit = {w, MESSAGES, 0}};
    assert_non_null(envelope);
    struct engine *e = place_open(p, NULL);
    make_queue(e, QUEUE_CONVERSATION, 5, 1);
    assert_true(sqlite3_memory_used() < small);
    for (uint32_t i = 0; i < MESSAGES; i++) {
        w[i] = (struct store_write){.kind = WRITE_MESSAGE};
        w[i].u.message = (struct stored_message){5, i, 1000, false, handle_number(i), envelope};
    }
    e->execute(e, &job);
    assert_int_equal(job.result, ZG_OK);
    assert_true(sqlite3_memory_used() > small);
    assert_int_equal(put_message(e, 5, MESSAGES, MESSAGES, 1000, 1), OUTCOME_OK);
    assert_true(sqlite3_memory_used() < small);
    e->close(e);
    envelope_unref(envelope);
}

static void a_full_disk_is_survived(void **state)
{
    struct place *p = *state;
    struct name vouchers[1] = {name_number(7)};
    struct store_write w = {.kind = WRITE_VOUCHERS, .u.vouchers = {VOUCHER_SLOT, 1000, 1, vouchers}};
    struct found found;

    struct engine *e = place_open(p, FAULT_VFS_NAME);
    make_queue(e, QUEUE_CONVERSATION, 5, 1);
    fault_vfs_arm(FAULT_FULL, 0, UINT32_MAX);
    for (int i = 0; i < 5; i++)
        assert_int_equal(write_one(e, &w, 0), ZG_ERR_STORAGE);
    /* reading goes on */
    assert_int_equal(find_name(e, 1, 0, &found), ZG_OK);
    assert_true(found.found);
    assert_int_equal(find_name(e, 7, 0, &found), ZG_OK);
    assert_false(found.found);
    assert_int_equal(count_all(e).vouchers, 0);

    fault_vfs_arm(FAULT_NONE, 0, 0);
    assert_int_equal(write_one(e, &w, 0), ZG_OK);
    assert_int_equal(find_name(e, 7, 0, &found), ZG_OK);
    assert_true(found.found);
    e->close(e);
}

/* Every write and every sync of one commit fails in turn: all of it, or nothing. The messages are there to
 * make it more than one write. */
static void a_commit_is_whole_or_nothing(void **state)
{
    enum { MESSAGES = 20 };
    static const uint8_t bytes[WIRE_ENVELOPE_BYTES];
    struct place *p = *state;
    struct stored_names names = names_from(100);
    struct name vouchers[3] = {name_number(7), name_number(8), name_number(9)};
    uint32_t failures = 0;

    struct engine *e = place_open(p, FAULT_VFS_NAME);
    struct envelope *envelope = envelope_new(bytes);
    assert_non_null(envelope);
    for (uint32_t after = 0;; after++) {
        struct store_write w[2 + MESSAGES] = {
            {.kind = WRITE_VOUCHERS, .u.vouchers = {VOUCHER_DESK, 1000, 3, vouchers}},
            {.kind = WRITE_QUEUE, .u.queue = {42, QUEUE_DESK, 1, false, vouchers[0], &names}},
        };
        for (uint32_t i = 0; i < MESSAGES; i++) {
            w[2 + i].kind = WRITE_MESSAGE;
            w[2 + i].u.message = (struct stored_message){42, i, 1000, false, handle_number(i), envelope};
        }
        struct store_job job = {.kind = JOB_COMMIT, .u.commit = {w, 2 + MESSAGES, 0}};
        fault_vfs_arm(FAULT_IO, after, 1);
        e->execute(e, &job);
        if (fault_vfs_hits() == 0)
            break;
        fault_vfs_arm(FAULT_NONE, 0, 0);
        assert_int_equal(job.result, ZG_ERR_STORAGE);
        struct counts c = count_all(e);
        assert_int_equal(c.queues, 0);
        assert_int_equal(c.vouchers, 0);
        assert_int_equal(c.messages, 0);
        failures++;
    }
    assert_true(failures >= 3);
    struct counts c = count_all(e);
    assert_int_equal(c.queues, 1);
    assert_int_equal(c.vouchers, 2);
    assert_int_equal(c.messages, MESSAGES);
    e->close(e);
    envelope_unref(envelope);
}

/* SQLite sees nothing wrong here, so that the engine itself has to undo the first write. */
static void a_row_that_makes_no_sense_fails_the_whole_job(void **state)
{
    struct place *p = *state;
    struct name vouchers[1] = {name_number(7)};
    struct found found;

    struct engine *e = place_open(p, NULL);
    make_queue(e, QUEUE_CONVERSATION, 5, 1);
    e->close(e);
    run_sql(p->db, "UPDATE queue SET names = x'00'");

    e = place_open(p, NULL);
    struct store_write w[] = {
        {.kind = WRITE_VOUCHERS, .u.vouchers = {VOUCHER_SLOT, 1000, 1, vouchers}},
        {.kind = WRITE_DROP_QUEUE, .u.queue = {.id = 5}},
    };
    struct store_job job = {.kind = JOB_COMMIT, .u.commit = {w, 2, 0}};
    e->execute(e, &job);
    assert_int_equal(job.result, ZG_ERR_STORAGE);
    assert_int_equal(find_name(e, 1, 0, &found), ZG_ERR_STORAGE);
    assert_int_equal(find_name(e, 7, 0, &found), ZG_OK);
    assert_false(found.found);
    give_voucher(e, VOUCHER_SLOT, 8, 1000);
    assert_int_equal(count_all(e).vouchers, 1);
    e->close(e);
}

static void a_queue_costs_at_most_300_bytes(void **state)
{
    enum { QUEUES = 100000, BATCH = 500 };
    struct place *p = *state;
    struct rng_seed seed;
    struct rng rng = rng_seeded(&seed, 7);
    static struct store_write w[2 * BATCH];
    static struct stored_names names[BATCH];
    static struct name vouchers[BATCH];

    struct engine *e = place_open(p, NULL);
    uint64_t empty = count_all(e).file_bytes;
    for (size_t done = 0; done < QUEUES; done += BATCH) {
        for (size_t i = 0; i < BATCH; i++) {
            uint64_t id;
            rng_fill(&rng, &id, sizeof(id));
            rng_fill(&rng, &vouchers[i], sizeof(vouchers[i]));
            memset(&names[i], 0, sizeof(names[i]));
            rng_fill(&rng, &names[i].put, 3 * sizeof(struct name));
            rng_fill(&rng, &names[i].end, sizeof(struct name));
            rng_fill(&rng, &names[i].take[0], sizeof(struct name));
            names[i].takes = 1;
            w[2 * i] = (struct store_write){.kind = WRITE_VOUCHERS};
            w[2 * i].u.vouchers.kind = VOUCHER_CONVERSATION;
            w[2 * i].u.vouchers.hour = 1000;
            w[2 * i].u.vouchers.count = 1;
            w[2 * i].u.vouchers.names = &vouchers[i];
            w[2 * i + 1] = (struct store_write){.kind = WRITE_QUEUE};
            w[2 * i + 1].u.queue.id = 1 + id % ((UINT64_C(1) << STORE_ID_BITS) - 1);
            w[2 * i + 1].u.queue.kind = QUEUE_CONVERSATION;
            w[2 * i + 1].u.queue.ends = 2900;
            w[2 * i + 1].u.queue.voucher = vouchers[i];
            w[2 * i + 1].u.queue.names = &names[i];
        }
        struct store_job job = {.kind = JOB_COMMIT, .u.commit = {w, 2 * BATCH, 0}};
        e->execute(e, &job);
        assert_int_equal(job.result, ZG_OK);
    }
    struct counts c = count_all(e);
    assert_true(c.queues > QUEUES - 10);
    assert_int_equal(c.queues + c.vouchers, QUEUES);
    uint64_t each = (c.file_bytes - empty) / QUEUES;
    printf("%u bytes a queue\n", (unsigned)each);
    assert_true(each <= 300);
    e->close(e);
}

/* What a purge that finds nothing says is in use. */
static uint64_t used(struct engine *e)
{
    struct store_job job = {.kind = JOB_PURGE, .u.purge = {.hour = 1, .limit = 0}};
    e->execute(e, &job);
    assert_int_equal(job.result, ZG_OK);
    return job.used;
}

/* All that is there, and not what was: the file itself does not shrink. */
static void what_is_in_use_is_said_with_every_change(void **state)
{
    enum { MESSAGES = 1000, PAGE = 4096 };
    struct place *p = *state;
    struct engine *e = place_open(p, NULL);
    make_queue(e, QUEUE_CONVERSATION, 5, 1);
    uint64_t empty = used(e);
    assert_int_equal(empty, count_all(e).file_bytes);
    for (uint32_t i = 0; i < MESSAGES; i++)
        assert_int_equal(put_message(e, 5, i, i, 1000, 1), OUTCOME_OK);
    uint64_t full = used(e), each = (full - empty) / MESSAGES;
    assert_int_equal(full, count_all(e).file_bytes);
    assert_in_range(each, WIRE_ENVELOPE_BYTES, WIRE_ENVELOPE_BYTES + 1000);
    e->close(e);

    /* Nothing is counted, so nothing is forgotten. */
    e = place_open(p, NULL);
    assert_int_equal(used(e), full);
    struct store_write w = {.kind = WRITE_DROP_QUEUE, .u.queue = {.id = 5}};
    struct store_job job = {.kind = JOB_COMMIT, .u.commit = {&w, 1, 0}};
    e->execute(e, &job);
    assert_int_equal(job.result, ZG_OK);
    assert_true(job.used <= empty + 8 * PAGE); /* a tree may keep a page or two */
    assert_int_equal(used(e), job.used);
    assert_int_equal(count_all(e).file_bytes, full);
    e->close(e);
}

static void only_the_messages_of_a_desk_are_counted(void **state)
{
    struct place *p = *state;
    struct engine *e = place_open(p, NULL);
    struct found found;
    make_queue(e, QUEUE_DESK, 5, 1);
    make_queue(e, QUEUE_CONVERSATION, 6, 11);
    for (uint32_t i = 0; i < 3; i++) {
        put_message(e, 5, i, i, 100 + i, 1);
        put_message(e, 6, i, 10 + i, 100 + i, 1);
    }
    assert_int_equal(find_name(e, 1, 100, &found), ZG_OK);
    assert_int_equal(found.stored, 2);
    assert_int_equal(find_name(e, 11, 100, &found), ZG_OK);
    assert_int_equal(found.stored, 1);
    assert_int_equal(found.first_seq, 1);
    assert_int_equal(found.next_seq, 3);
    assert_int_equal(find_name(e, 11, 102, &found), ZG_OK);
    assert_int_equal(found.stored, 0);
    assert_int_equal(found.next_seq, 3);
    e->close(e);
}

static void expired_things_count_as_not_there_before_they_are_purged(void **state)
{
    struct place *p = *state;
    struct engine *e = place_open(p, NULL);
    struct found found;
    make_queue(e, QUEUE_CONVERSATION, 5, 1);
    put_message(e, 5, 0, 1, 100, 1);
    put_message(e, 5, 1, 2, 200, 1);
    put_message(e, 5, 2, 3, 100, 1);

    assert_int_equal(find_name(e, 1, 99, &found), ZG_OK);
    assert_int_equal(found.stored, 1);
    assert_int_equal(found.first_seq, 0);
    assert_int_equal(find_name(e, 1, 100, &found), ZG_OK);
    assert_int_equal(found.stored, 1);
    assert_int_equal(found.first_seq, 1);
    /* A sequence that is still on disk is not given out again. */
    assert_int_equal(found.next_seq, 3);

    /* A voucher whose hour has begun makes nothing. */
    give_voucher(e, VOUCHER_CONVERSATION, 50, 100);
    struct stored_names names = names_from(60);
    struct store_write w = {.kind = WRITE_QUEUE,
                            .u.queue = {9, QUEUE_CONVERSATION, 1, false, name_number(50), &names}};
    assert_int_equal(write_one(e, &w, 100), ZG_OK);
    assert_int_equal(w.outcome, OUTCOME_REFUSED);
    assert_int_equal(write_one(e, &w, 99), ZG_OK);
    assert_int_equal(w.outcome, OUTCOME_OK);
    e->close(e);
}

static int cached_bytes(const struct engine *e)
{
    int now, most;
    assert_int_equal(
        sqlite3_db_status(((const struct sqlite_engine *)e)->db, SQLITE_DBSTATUS_CACHE_USED, &now, &most, 0),
        SQLITE_OK);
    return now;
}

static void a_rest_lets_go_of_pages_and_nothing_else(void **state)
{
    enum { QUEUES = 400, FEW = 16 * 1024 };
    struct place *p = *state;
    struct engine *e = place_open(p, NULL);
    struct found found;
    for (uint32_t i = 0; i < QUEUES; i++)
        make_queue(e, QUEUE_CONVERSATION, 1 + i, 10 * i);
    assert_true(cached_bytes(e) > 4 * FEW);

    e->rest(e);
    assert_true(cached_bytes(e) < FEW);
    for (uint32_t i = 0; i < QUEUES; i++) {
        assert_int_equal(find_name(e, 10 * i, 100, &found), ZG_OK);
        assert_int_equal(found.id, 1 + i);
    }
    assert_true(cached_bytes(e) > FEW);
    e->rest(e);
    assert_true(cached_bytes(e) < FEW);
    assert_int_equal(put_message(e, 1, 1, 1, 200, 1), OUTCOME_OK);
    e->close(e);
}

#define PLACE_TEST(f) cmocka_unit_test_setup_teardown(f, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(files_are_for_their_owner_only),
        PLACE_TEST(a_second_engine_is_told_that_the_file_is_in_use),
        PLACE_TEST(a_newer_version_is_left_alone),
        PLACE_TEST(a_foreign_database_is_left_alone),
        PLACE_TEST(a_damaged_index_of_slots_keeps_nobody_from_starting),
        PLACE_TEST(damage_is_said_in_words),
        PLACE_TEST(the_file_has_the_promised_form),
        PLACE_TEST(what_was_committed_survives_a_process_that_dies),
        PLACE_TEST(a_commit_costs_one_sync),
        PLACE_TEST(a_large_commit_has_room_in_memory_and_gives_it_back),
        PLACE_TEST(a_full_disk_is_survived),
        PLACE_TEST(a_commit_is_whole_or_nothing),
        PLACE_TEST(a_row_that_makes_no_sense_fails_the_whole_job),
        PLACE_TEST(a_queue_costs_at_most_300_bytes),
        PLACE_TEST(what_is_in_use_is_said_with_every_change),
        PLACE_TEST(only_the_messages_of_a_desk_are_counted),
        PLACE_TEST(expired_things_count_as_not_there_before_they_are_purged),
        PLACE_TEST(a_rest_lets_go_of_pages_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
