/* A file of version 1 or 2 is opened: everything is there, and lies as version 3 keeps it. */
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

#include "relay/store/names.h"
#include "relay/store/sqlite.h"
#include "tests/unit/relay_store/fault_vfs.h"
#include "tests/unit/relay_store/harness.h"

/* To the letter what version 1 made. */
static const char version_1_sql[] =
    "PRAGMA page_size = 4096;"
    "PRAGMA secure_delete = ON;"
    "PRAGMA journal_mode = WAL;"
    "BEGIN IMMEDIATE;"
    "CREATE TABLE name (name BLOB PRIMARY KEY, role INTEGER NOT NULL, id INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX voucher_due ON name (id) WHERE role = 8;"
    "CREATE TABLE queue (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, week INTEGER NOT NULL,"
    " takes INTEGER NOT NULL, names BLOB NOT NULL);"
    "CREATE TABLE message (key INTEGER PRIMARY KEY, hour INTEGER NOT NULL, handle BLOB NOT NULL,"
    " envelope BLOB NOT NULL);"
    "CREATE UNIQUE INDEX message_handle ON message (handle);"
    "CREATE INDEX message_due ON message (hour);"
    "CREATE TABLE slot (id INTEGER PRIMARY KEY, ttl INTEGER NOT NULL, version INTEGER NOT NULL,"
    " hour INTEGER NOT NULL, names BLOB NOT NULL, value BLOB NOT NULL);"
    "CREATE INDEX slot_due ON slot (hour);"
    "CREATE TABLE total (queues INTEGER NOT NULL, slots INTEGER NOT NULL, vouchers INTEGER NOT NULL,"
    " messages INTEGER NOT NULL);"
    "INSERT INTO total VALUES (0, 0, 0, 0);"
    "PRAGMA user_version = 1;"
    "PRAGMA application_id = 1514235733;"
    "COMMIT;";

/*
 * A desk with a second put, a conversation, a voucher of each kind, an empty slot, one with a value, a
 * lasting one, four messages. n() are the names of these numbers in a row, as name_number makes them; h()
 * is a handle.
 */
static const char rows_sql[] =
    "BEGIN;"
    "INSERT INTO queue VALUES (7, 1, 2800, 2, n(1, 2, 3, 4, 5, 6));"
    "INSERT INTO name VALUES (n(1), 1, 7), (n(2), 3, 7), (n(3), 4, 7), (n(4), 2, 7), (n(5), 2, 7), (n(6), 1, "
    "7);"
    "INSERT INTO queue VALUES (68719476735, 2, 2801, 1, n(11, 12, 13, 14));"
    "INSERT INTO name VALUES (n(11), 1, 68719476735), (n(12), 3, 68719476735), (n(13), 4, 68719476735),"
    " (n(14), 2, 68719476735);"
    "INSERT INTO name VALUES (n(21), 8, 1000 * 8 + 1), (n(22), 8, 1000 * 8 + 2), (n(23), 8, 1000 * 8 + 3),"
    " (n(24), 8, 1000 * 8 + 4);"
    "INSERT INTO slot VALUES (31, 4, 0, 500, n(31, 32, 33), x'');"
    "INSERT INTO slot VALUES (41, 4, 9, 600, n(41, 42, 43), f('v', 5000));"
    "INSERT INTO slot VALUES (51, 7, 2, 9000, n(51, 52, 53), f('l', 300));"
    "INSERT INTO name VALUES (n(31), 5, 31), (n(32), 6, 31), (n(33), 7, 31), (n(41), 5, 41), (n(42), 6, 41),"
    " (n(43), 7, 41), (n(51), 5, 51), (n(52), 6, 51), (n(53), 7, 51);"
    "INSERT INTO message VALUES ((7 << 27) | 3, 480, h(61), f('a', 4096));"
    "INSERT INTO message VALUES ((7 << 27) | 4, 490, h(62), f('b', 4096));"
    "INSERT INTO message VALUES ((68719476735 << 27) | 0, 480, h(63), f('c', 4096));"
    "INSERT INTO message VALUES ((68719476735 << 27) | 134217727, 700, h(64), f('d', 4096));"
    "UPDATE total SET queues = 2, slots = 3, vouchers = 4, messages = 4;"
    "COMMIT;";

static void sql_names(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct name names[NAMES_MAX];
    assert_true(count <= NAMES_MAX);
    for (int i = 0; i < count; i++)
        names[i] = name_number((uint32_t)sqlite3_value_int(values[i]));
    sqlite3_result_blob(context, names, count * (int)sizeof(names[0]), SQLITE_TRANSIENT);
}

static void sql_handle(sqlite3_context *context, int count, sqlite3_value **values)
{
    const struct handle handle = handle_number((uint32_t)sqlite3_value_int(values[0]));
    (void)count;
    sqlite3_result_blob(context, handle.b, sizeof(handle.b), SQLITE_TRANSIENT);
}

/* n bytes of one kind. */
static void sql_fill(sqlite3_context *context, int count, sqlite3_value **values)
{
    int n = sqlite3_value_int(values[1]);
    uint8_t *bytes = sqlite3_malloc(n);
    (void)count;
    assert_non_null(bytes);
    memset(bytes, *sqlite3_value_text(values[0]), (size_t)n);
    sqlite3_result_blob(context, bytes, n, sqlite3_free);
}

static void make_version_1(const char *path)
{
    sqlite3 *db;
    char *why = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_create_function(db, "n", -1, SQLITE_UTF8, NULL, sql_names, NULL, NULL);
    sqlite3_create_function(db, "h", 1, SQLITE_UTF8, NULL, sql_handle, NULL, NULL);
    sqlite3_create_function(db, "f", 2, SQLITE_UTF8, NULL, sql_fill, NULL, NULL);
    assert_int_equal(sqlite3_exec(db, version_1_sql, NULL, NULL, NULL), SQLITE_OK);
    if (sqlite3_exec(db, rows_sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s", why);
    sqlite3_close(db);
    assert_int_equal(chmod(path, 0600), 0);
}

/* What version 2 had otherwise, to the letter, made of what version 1 becomes. */
static const char version_2_sql[] = "BEGIN IMMEDIATE;"
                                    "DROP TABLE due;"
                                    "CREATE INDEX message_epoch ON message (epoch);"
                                    "PRAGMA user_version = 2;"
                                    "COMMIT;";

static void make_version_2(const struct place *p)
{
    sqlite3 *db;
    char *why = NULL;
    make_version_1(p->db);
    struct engine *e = place_open(p, NULL);
    e->close(e);
    assert_int_equal(sqlite3_open(p->db, &db), SQLITE_OK);
    if (sqlite3_exec(db, version_2_sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s", why);
    sqlite3_close(db);
}

/* The test's. */
static int old_version;

static void make_old(const struct place *p)
{
    if (old_version == 1)
        make_version_1(p->db);
    else
        make_version_2(p);
}

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return -1;
    place_make(p);
    fault_vfs_register();
    fault_vfs_arm(FAULT_NONE, 0, 0);
    make_old(p);
    *state = p;
    return 0;
}

static int set_up_1(void **state)
{
    old_version = 1;
    return set_up(state);
}

static int set_up_2(void **state)
{
    old_version = 2;
    return set_up(state);
}

static int tear_down(void **state)
{
    place_remove(*state);
    free(*state);
    return 0;
}

static void check_queues(struct engine *e)
{
    struct found found;
    for (uint32_t n = 1; n <= 6; n++) {
        assert_int_equal(find_name(e, n, 0, &found), ZG_OK);
        assert_true(found.found);
        assert_int_equal(found.id, 7);
        assert_int_equal(found.kind, QUEUE_DESK);
        assert_int_equal(found.ends, 2800 + 105 + 1);
        assert_int_equal(found.names.takes, 2);
        assert_true(found.names.has_put2);
        assert_int_equal(found.stored, 2);
        assert_int_equal(found.first_seq, 3);
    }
    for (uint32_t n = 11; n <= 14; n++) {
        assert_int_equal(find_name(e, n, 0, &found), ZG_OK);
        assert_true(found.found);
        assert_int_equal(found.kind, QUEUE_CONVERSATION);
        assert_false(found.unanswered);
        assert_int_equal(found.ends, 2801 + 9 + 1);
        assert_int_equal(found.stored, 1);
        assert_int_equal(found.next_seq, STORE_SEQ_MAX + 1);
    }
    for (uint32_t n = 21; n <= 24; n++) {
        assert_int_equal(find_name(e, n, 999, &found), ZG_OK);
        assert_true(found.found && found.role == ROLE_VOUCHER);
        assert_int_equal(found.voucher_kind, n - 20);
        assert_int_equal(find_name(e, n, 1000, &found), ZG_OK);
        assert_false(found.found);
    }
}

static void check_slot(struct engine *e, uint64_t id, uint64_t version, uint32_t size, uint8_t byte)
{
    struct store_job job = {.kind = JOB_SLOT, .u.slot = {.id = id}};
    struct found found;
    e->execute(e, &job);
    assert_int_equal(job.result, ZG_OK);
    assert_true(job.u.slot.found);
    assert_int_equal(job.u.slot.version, version);
    assert_int_equal(job.u.slot.size, size);
    for (uint32_t i = 0; i < size; i++)
        assert_int_equal(job.u.slot.value[i], byte);
    free(job.u.slot.value);
    assert_int_equal(find_name(e, (uint32_t)id, 0, &found), ZG_OK);
    assert_true(found.found);
    assert_int_equal(found.ttl, id == 51 ? WIRE_TTL_LASTING : WIRE_TTL_7D);
}

static void check_message(struct engine *e, uint64_t queue, uint32_t seq, uint32_t hour, uint8_t byte)
{
    static struct store_job job;
    job = (struct store_job){.kind = JOB_LOAD};
    job.u.load.queue = queue;
    job.u.load.from_seq = seq;
    job.u.load.limit = 1;
    e->execute(e, &job);
    assert_int_equal(job.result, ZG_OK);
    assert_int_equal(job.u.load.count, 1);
    const struct stored_message *m = &job.u.load.messages[0];
    const struct handle handle = handle_number(61 + byte - 'a');
    assert_int_equal(m->seq, seq);
    assert_int_equal(m->hour, hour);
    assert_false(m->marked);
    assert_memory_equal(&m->handle, &handle, sizeof(handle));
    assert_int_equal(m->envelope->bytes[0], byte);
    assert_int_equal(m->envelope->bytes[WIRE_ENVELOPE_BYTES - 1], byte);
    envelope_unref(m->envelope);
}

static void check_all(struct engine *e)
{
    struct counts c = count_all(e);
    assert_int_equal(c.queues, 2);
    assert_int_equal(c.slots, 3);
    assert_int_equal(c.passing, 2);
    assert_int_equal(c.vouchers, 4);
    assert_int_equal(c.messages, 4);
    assert_int_equal(c.marks, 0);
    check_queues(e);
    check_slot(e, 31, 0, 0, 0);
    check_slot(e, 41, 9, 5000, 'v');
    check_slot(e, 51, 2, 300, 'l');
    check_message(e, 7, 3, 480, 'a');
    check_message(e, 7, 4, 490, 'b');
    check_message(e, 68719476735, 0, 480, 'c');
    check_message(e, 68719476735, STORE_SEQ_MAX, 700, 'd');
}

/* Whether a run of 64 equal bytes stands in a file. */
static bool holds_run(const char *path, uint8_t byte)
{
    uint8_t run[64];
    struct stat st;
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return false;
    assert_int_equal(fstat(fd, &st), 0);
    uint8_t *all = malloc((size_t)st.st_size + 1);
    assert_non_null(all);
    assert_int_equal(read(fd, all, (size_t)st.st_size), st.st_size);
    memset(run, byte, sizeof(run));
    bool found = memmem(all, (size_t)st.st_size, run, sizeof(run)) != NULL;
    free(all);
    close(fd);
    return found;
}

static void everything_is_there(void **state)
{
    struct place *p = *state;
    struct engine *e = place_open(p, NULL);
    check_all(e);
    e->close(e);
    e = place_open(p, NULL); /* and the second time */
    check_all(e);
    e->close(e);
}

static void what_was_open_is_sealed_and_nothing_else_is_left(void **state)
{
    struct place *p = *state;
    char wal[128];
    snprintf(wal, sizeof(wal), "%s-wal", p->db);
    for (uint8_t byte = 'a'; byte <= 'd'; byte++)
        assert_true(holds_run(p->db, byte));
    assert_true(holds_run(p->db, 'v'));
    struct engine *e = place_open(p, NULL);
    for (uint8_t byte = 'a'; byte <= 'd'; byte++)
        assert_false(holds_run(p->db, byte) || holds_run(wal, byte));
    assert_false(holds_run(p->db, 'v') || holds_run(wal, 'v'));
    e->close(e);
}

static void it_expires_as_before(void **state)
{
    struct place *p = *state;
    struct engine *e = place_open(p, NULL);
    struct store_job job = {.kind = JOB_PURGE, .u.purge = {.hour = 500, .limit = 100}};
    e->execute(e, &job);
    assert_int_equal(job.result, ZG_OK);
    assert_int_equal(job.u.purge.messages, 3);
    assert_int_equal(job.u.purge.slots, 1);
    assert_false(job.u.purge.more);
    check_message(e, 68719476735, STORE_SEQ_MAX, 700, 'd');
    e->close(e);
}

/* A process that dies at each write and each sync leaves the old file or the new one. */
static void a_crash_leaves_the_old_file_or_the_new_one(void **state)
{
    struct place *p = *state;
    uint32_t died = 0;
    for (uint32_t after = 0;; after++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            fault_vfs_arm(FAULT_DEATH, after, 1);
            struct engine *e = place_open(p, FAULT_VFS_NAME);
            _exit(e == NULL);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        struct engine *e = place_open(p, NULL);
        check_all(e);
        e->close(e);
        if (WEXITSTATUS(status) == 0)
            break;
        assert_int_equal(WEXITSTATUS(status), FAULT_DEATH_STATUS);
        died++;
        place_remove(p);
        place_make(p);
        make_old(p);
    }
    assert_true(died > (old_version == 1 ? 10 : 5));
}

/* The same with a disk that fails from there on: the next start tries again. */
static void a_failing_disk_changes_nothing(void **state)
{
    struct place *p = *state;
    uint32_t failed = 0;
    for (uint32_t after = 0;; after++) {
        const struct sqlite_options options = {.path = p->db, .vfs = FAULT_VFS_NAME, .exclusive = true};
        struct engine *e = NULL;
        char why[128] = "";
        fault_vfs_arm(after % 2 == 0 ? FAULT_IO : FAULT_FULL, after / 2, UINT32_MAX);
        zg_err err = sqlite_engine_open(&e, &options, why, sizeof(why));
        fault_vfs_arm(FAULT_NONE, 0, 0);
        if (err == ZG_OK) {
            check_all(e);
            e->close(e);
            if (after % 2 == 0)
                break;
            continue;
        }
        assert_int_equal(err, ZG_ERR_STORAGE);
        assert_true(strlen(why) > 0);
        failed++;
        e = place_open(p, NULL);
        check_all(e);
        e->close(e);
        place_remove(p);
        place_make(p);
        make_old(p);
    }
    assert_true(failed > (old_version == 1 ? 10 : 5));
}

/* Tables and indexes are those of a new file, to the letter. */
static void it_has_the_form_of_a_new_file(void **state)
{
    static const char attach_sql[] = "ATTACH ?1 AS new";
    static const char sql[] =
        "SELECT count(*), (SELECT user_version FROM pragma_user_version)"
        " FROM main.sqlite_schema AS a FULL JOIN new.sqlite_schema AS b USING (type, name, sql)"
        " WHERE a.name IS NULL OR b.name IS NULL";
    struct place *p = *state, other;
    sqlite3 *db;
    sqlite3_stmt *s;
    struct engine *e = place_open(p, NULL);
    e->close(e);
    place_make(&other);
    e = place_open(&other, NULL);
    e->close(e);
    assert_int_equal(sqlite3_open(p->db, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, attach_sql, -1, &s, NULL), SQLITE_OK);
    sqlite3_bind_text(s, 1, other.db, -1, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(s), SQLITE_DONE);
    sqlite3_finalize(s);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(s, 0), 0);
    assert_int_equal(sqlite3_column_int(s, 1), 3);
    sqlite3_finalize(s);
    sqlite3_close(db);
    place_remove(&other);
}

#define MIGRATE_TEST(f, from) \
    { \
#f " (version " #from ")", f, set_up_##from, tear_down, NULL \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        MIGRATE_TEST(everything_is_there, 1),
        MIGRATE_TEST(everything_is_there, 2),
        MIGRATE_TEST(it_has_the_form_of_a_new_file, 1),
        MIGRATE_TEST(it_has_the_form_of_a_new_file, 2),
        MIGRATE_TEST(what_was_open_is_sealed_and_nothing_else_is_left, 1),
        MIGRATE_TEST(it_expires_as_before, 1),
        MIGRATE_TEST(it_expires_as_before, 2),
        MIGRATE_TEST(a_crash_leaves_the_old_file_or_the_new_one, 1),
        MIGRATE_TEST(a_crash_leaves_the_old_file_or_the_new_one, 2),
        MIGRATE_TEST(a_failing_disk_changes_nothing, 1),
        MIGRATE_TEST(a_failing_disk_changes_nothing, 2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
