#define _GNU_SOURCE

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/vault/vault_kit.h"

/* --- tests --- */

static void entries_come_back_after_reopening(void **state)
{
    const struct scratch *s = *state;
    struct content c;
    uint8_t *big = calloc(1, ZG_VAULT_VALUE_MAX);
    assert_non_null(big);
    big[0] = 9;

    zg_vault *v = open_ok(s, ZG_VAULT_CREATE);
    assert_int_equal(store(v, 1, "one", 3), ZG_OK);
    assert_int_equal(store(v, 2, "two", 3), ZG_OK);
    assert_int_equal(store(v, 2, "zwei", 4), ZG_OK);
    assert_int_equal(store(v, 3, "", 0), ZG_OK);
    assert_int_equal(store(v, 4, big, ZG_VAULT_VALUE_MAX), ZG_OK);
    assert_int_equal(store(v, 1, NULL, 0), ZG_OK);
    assert_int_equal(store(v, 5, NULL, 0), ZG_OK); /* deleting what is not there */
    v->close(v);
    free(big);

    v = open_ok(s, ZG_VAULT_OPEN);
    load(v, &c);
    v->close(v);
    assert_int_equal(c.err, ZG_OK);
    assert_int_equal(c.count, 3);
    assert_int_equal(c.len[2], 4);
    assert_int_equal(c.first[2], 'z');
    assert_int_equal(c.len[3], 0);
    assert_int_equal(c.len[4], ZG_VAULT_VALUE_MAX);
    assert_int_equal(c.first[4], 9);
}

static void file_is_for_its_owner_only(void **state)
{
    const struct scratch *s = *state;
    struct stat st;
    mode_t before = umask(0);
    zg_vault *v = open_ok(s, ZG_VAULT_CREATE);
    umask(before);
    assert_int_equal(stat(s->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    v->close(v);
}

static void wrong_passphrase_is_said_and_changes_nothing(void **state)
{
    const struct scratch *s = *state;
    zg_vault *v = open_ok(s, ZG_VAULT_CREATE);
    assert_int_equal(store(v, 1, "one", 3), ZG_OK);
    v->close(v);

    v = NULL;
    assert_int_equal(open_as(&v, s, ZG_VAULT_OPEN, "correct horse batterz"), ZG_ERR_PASSPHRASE);
    assert_int_equal(open_as(&v, s, ZG_VAULT_OPEN, ""), ZG_ERR_PASSPHRASE);
    assert_null(v);
    has_entries(s, 1);
}

static void creating_needs_a_free_name_and_eight_bytes(void **state)
{
    const struct scratch *s = *state;
    zg_vault *v = NULL;
    assert_int_equal(open_as(&v, s, ZG_VAULT_OPEN, passphrase), ZG_ERR_NOT_FOUND);
    assert_int_equal(open_as(&v, s, ZG_VAULT_CREATE, "7 bytes"), ZG_ERR_ARGUMENT);
    assert_int_equal(scratch_files(s), 0);

    v = open_ok(s, ZG_VAULT_CREATE);
    assert_int_equal(store(v, 1, "one", 3), ZG_OK);
    v->close(v);
    assert_int_equal(open_as(&v, s, ZG_VAULT_CREATE, passphrase), ZG_ERR_CONFLICT);
    has_entries(s, 1);
}

static void creation_that_was_cut_off_can_be_repeated(void **state)
{
    const struct scratch *s = *state;
    zg_vault *v = NULL;
    file_write(s->path, "", 0);
    assert_int_equal(open_as(&v, s, ZG_VAULT_OPEN, passphrase), ZG_ERR_NOT_FOUND);
    v = open_ok(s, ZG_VAULT_CREATE);
    v->close(v);
    has_entries(s, 0);
}

static void second_use_at_once_is_refused(void **state)
{
    const struct scratch *s = *state;
    zg_vault *second = NULL;
    zg_vault *v = open_ok(s, ZG_VAULT_CREATE);
    assert_int_equal(open_as(&second, s, ZG_VAULT_OPEN, passphrase), ZG_ERR_LOCKED);
    v->close(v);
    second = open_ok(s, ZG_VAULT_OPEN);
    second->close(second);
}

static void files_that_are_no_vaults_are_refused(void **state)
{
    const struct scratch *s = *state;
    zg_vault *v = NULL;
    static const char text[] = "This is a letter, long enough that a database could begin like this, and yet none.";
    file_write(s->path, text, sizeof(text));
    assert_int_equal(open_as(&v, s, ZG_VAULT_OPEN, passphrase), ZG_ERR_MALFORMED);

    sqlite3 *db;
    unlink(s->path);
    assert_int_equal(sqlite3_open(s->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE entry(a); PRAGMA user_version=1", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(open_as(&v, s, ZG_VAULT_OPEN, passphrase), ZG_ERR_MALFORMED);
}

static void change_with_sqlite(const struct scratch *s, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(s->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void newer_versions_and_foreign_tables_are_refused(void **state)
{
    const struct scratch *s = *state;
    zg_vault *v = open_ok(s, ZG_VAULT_CREATE);
    v->close(v);
    change_with_sqlite(s, "PRAGMA user_version=3");
    assert_int_equal(open_as(&v, s, ZG_VAULT_OPEN, passphrase), ZG_ERR_VERSION);
    change_with_sqlite(s, "PRAGMA user_version=2; CREATE TRIGGER t AFTER INSERT ON entries BEGIN "
                          "DELETE FROM entries; END");
    assert_int_equal(open_as(&v, s, ZG_VAULT_OPEN, passphrase), ZG_ERR_MALFORMED);
    change_with_sqlite(s, "DROP TRIGGER t");
    has_entries(s, 0);
}

static void entries_cannot_change_places(void **state)
{
    const struct scratch *s = *state;
    struct content c;
    zg_vault *v = open_ok(s, ZG_VAULT_CREATE);
    assert_int_equal(store(v, 1, "one", 3), ZG_OK);
    assert_int_equal(store(v, 2, "two", 3), ZG_OK);
    v->close(v);
    change_with_sqlite(s, "UPDATE entries SET value = (SELECT value FROM entries ORDER BY key LIMIT 1)");
    v = open_ok(s, ZG_VAULT_OPEN);
    load(v, &c);
    v->close(v);
    assert_int_equal(c.err, ZG_ERR_MALFORMED);
}

/* Opens, loads; whether what is there is what was stored. */
static zg_err look(const struct scratch *s, bool *intact)
{
    struct content c;
    zg_vault *v = NULL;
    zg_err err = open_as(&v, s, ZG_VAULT_OPEN, passphrase);
    if (err != ZG_OK)
        return err;
    load(v, &c);
    v->close(v);
    *intact = c.count == 2 && c.len[1] == 3 && c.first[1] == 'o' && c.len[2] == 300 && c.first[2] == 't';
    return c.err;
}

static void damage_is_noticed_and_not_called_a_wrong_passphrase(void **state)
{
    const struct scratch *s = *state;
    char text[300];
    memset(text, 't', sizeof(text));
    zg_vault *v = open_ok(s, ZG_VAULT_CREATE);
    assert_int_equal(store(v, 1, "one", 3), ZG_OK);
    assert_int_equal(store(v, 2, text, sizeof(text)), ZG_OK);
    v->close(v);

    size_t len;
    int noticed = 0;
    unsigned char *whole = file_read(s->path, &len);
    for (size_t i = 0; i < len; i += 7) {
        bool intact = false;
        whole[i] ^= 0x40;
        file_write(s->path, whole, len);
        zg_err err = look(s, &intact);
        whole[i] ^= 0x40;
        assert_int_not_equal(err, ZG_ERR_PASSPHRASE);
        if (err == ZG_OK) /* a byte that means nothing */
            assert_true(intact);
        else
            noticed++;
    }
    assert_in_range(noticed, 50, len);
    for (size_t cut = 0; cut < len; cut += 509) {
        bool intact = false;
        file_write(s->path, whole, cut);
        assert_int_not_equal(look(s, &intact), ZG_OK);
    }
    file_write(s->path, whole, len);
    bool intact = false;
    assert_int_equal(look(s, &intact), ZG_OK);
    assert_true(intact);
    free(whole);
}

static void batch_is_stored_whole_or_not_at_all(void **state)
{
    const struct scratch *s = *state;
    static uint8_t too_large[ZG_VAULT_VALUE_MAX + 1];
    struct content c;
    struct job good = {0};
    struct job bad = {0};
    struct job after = {0};
    zg_vault *v = open_ok(s, ZG_VAULT_CREATE);

    job_add(&good, 1, "one", 3);
    job_add(&bad, 2, "two", 3);
    job_add(&bad, 1, NULL, 0);
    job_add(&bad, 3, too_large, sizeof(too_large));
    job_add(&after, 4, "four", 4);
    jobs_finished = 0;
    v->submit(v, &good.batch);
    v->submit(v, &bad.batch);
    v->submit(v, &after.batch);
    v->pump(v);
    assert_int_equal(good.err, ZG_OK);
    assert_int_equal(bad.err, ZG_ERR_TOO_LARGE);
    assert_int_equal(after.err, ZG_OK);
    assert_int_equal(good.order, 0);
    assert_int_equal(bad.order, 1);
    assert_int_equal(after.order, 2);
    v->close(v);
    v = open_ok(s, ZG_VAULT_OPEN);
    load(v, &c);
    v->close(v);
    assert_int_equal(c.count, 2);
    assert_int_equal(c.len[1], 3);
    assert_int_equal(c.len[4], 4);
}

enum { MANY = 200 };

static void many_batches_are_done_in_order(void **state)
{
    const struct scratch *s = *state;
    static struct job jobs[MANY];
    memset(jobs, 0, sizeof(jobs));
    zg_vault *v = open_ok(s, ZG_VAULT_CREATE);
    jobs_finished = 0;
    for (int i = 0; i < MANY; i++) {
        job_add(&jobs[i], (uint8_t)i, "x", 1);
        v->submit(v, &jobs[i].batch);
    }
    v->pump(v);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(jobs[i].done, 1);
        assert_int_equal(jobs[i].err, ZG_OK);
        assert_int_equal(jobs[i].order, i);
    }
    v->close(v);
    has_entries(s, MANY);
}

static void what_waits_is_stored_when_the_vault_closes(void **state)
{
    const struct scratch *s = *state;
    struct job j = {0};
    zg_vault *v = open_ok(s, ZG_VAULT_CREATE);
    job_add(&j, 1, "one", 3);
    v->submit(v, &j.batch);
    v->close(v);
    assert_int_equal(j.done, 1);
    assert_int_equal(j.err, ZG_OK);
    has_entries(s, 1);
}

struct chain {
    struct job job; /* first */
    struct job next;
    zg_vault *v;
};

static void submit_next(zg_vault_batch *b, zg_err err)
{
    struct chain *c = (struct chain *)b;
    job_done(b, err);
    c->v->submit(c->v, &c->next.batch);
    c->v->pump(c->v); /* as a client might: must not begin a transaction inside one */
}

static void done_may_submit_more(void **state)
{
    const struct scratch *s = *state;
    struct chain c = {.v = open_ok(s, ZG_VAULT_CREATE)};
    job_add(&c.job, 1, "one", 3);
    job_add(&c.next, 2, "two", 3);
    c.job.batch.done = submit_next;
    c.v->submit(c.v, &c.job.batch);
    c.v->pump(c.v);
    assert_int_equal(c.next.done, 1);
    assert_int_equal(c.next.err, ZG_OK);
    c.v->close(c.v);
    has_entries(s, 2);
}

static void limit_file_size(rlim_t bytes)
{
    struct rlimit l;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
    l.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static void full_disk_fails_whole_batches_and_recovers(void **state)
{
    const struct scratch *s = *state;
    static uint8_t big[100 * 1024];
    struct job small = {0};
    struct job two = {0};
    struct stat st;
    zg_vault *v = open_ok(s, ZG_VAULT_CREATE);
    assert_int_equal(store(v, 1, "one", 3), ZG_OK);
    assert_int_equal(stat(s->path, &st), 0);

    signal(SIGXFSZ, SIG_IGN);
    limit_file_size((rlim_t)st.st_size + 8192);
    job_add(&small, 2, "two", 3);
    job_add(&two, 3, "three", 5);
    job_add(&two, 4, big, sizeof(big));
    v->submit(v, &small.batch);
    v->submit(v, &two.batch);
    v->pump(v);
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(two.err, ZG_ERR_STORAGE);
    assert_int_equal(small.err, ZG_ERR_STORAGE);
    assert_int_equal(small.done, 1);

    assert_int_equal(store(v, 4, big, sizeof(big)), ZG_OK);
    v->close(v);
    has_entries(s, 2);
}

static void nothing_readable_stands_on_disk(void **state)
{
    const struct scratch *s = *state;
    static const char words[] = "habitacion 214, el viernes a las ocho";
    char planted[128];
    snprintf(planted, sizeof(planted), "%s/planted", s->folder);
    file_write(planted, words, sizeof(words));
    assert_true(scratch_contains(s, words, 20)); /* the scan finds what is there */
    unlink(planted);

    zg_vault *v = open_ok(s, ZG_VAULT_CREATE);
    assert_int_equal(store(v, 1, words, sizeof(words)), ZG_OK);
    assert_false(scratch_contains(s, words, 20));
    v->close(v);
    assert_false(scratch_contains(s, words, 20));
    assert_false(scratch_contains(s, passphrase, 10));
}

/* The bytes of an entry as they are at rest. */
static size_t at_rest(const struct scratch *s, uint8_t out[200])
{
    sqlite3 *db;
    sqlite3_stmt *q;
    assert_int_equal(sqlite3_open(s->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT value FROM entries", -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    size_t len = (size_t)sqlite3_column_bytes(q, 0);
    assert_in_range(len, 40, 200);
    memcpy(out, sqlite3_column_blob(q, 0), len);
    sqlite3_finalize(q);
    sqlite3_close(db);
    return len;
}

static void deleted_entries_leave_no_ciphertext(void **state)
{
    const struct scratch *s = *state;
    uint8_t rest[200];
    zg_vault *v = open_ok(s, ZG_VAULT_CREATE);
    assert_int_equal(store(v, 1, "forget me", 9), ZG_OK);
    v->close(v);
    size_t len = at_rest(s, rest);
    assert_true(scratch_contains(s, rest, len));

    v = open_ok(s, ZG_VAULT_OPEN);
    assert_int_equal(store(v, 1, NULL, 0), ZG_OK);
    assert_false(scratch_contains(s, rest, len)); /* while it is open: the journal too */
    v->close(v);
    assert_false(scratch_contains(s, rest, len));
    assert_false(scratch_contains(s, rest + 24, 16));
}

static zg_err refuse(void *ctx, const uint8_t key[ZG_VAULT_KEY_BYTES], const uint8_t *value, size_t len)
{
    (void)ctx;
    (void)key;
    (void)value;
    (void)len;
    return ZG_ERR_MEMORY;
}

static void visit_can_stop_the_loading(void **state)
{
    const struct scratch *s = *state;
    struct content c = {0};
    zg_vault *v = open_ok(s, ZG_VAULT_CREATE);
    assert_int_equal(store(v, 1, "one", 3), ZG_OK);
    v->load(v, refuse, &c, content_loaded);
    v->pump(v);
    assert_int_equal(c.err, ZG_ERR_MEMORY);
    v->close(v);
}

static void public_way_in_costs_what_it_says(void **state)
{
    const struct scratch *s = *state;
    zg_vault *v = NULL;
    assert_int_equal(zg_vault_sqlite_open(&v, s->path, ZG_VAULT_CREATE, passphrase, strlen(passphrase)), ZG_OK);
    v->close(v);
    v = NULL;
    assert_int_equal(zg_vault_sqlite_open(&v, s->path, ZG_VAULT_OPEN, "something else", 14), ZG_ERR_PASSPHRASE);
    assert_int_equal(zg_vault_sqlite_open(&v, s->path, ZG_VAULT_OPEN, passphrase, strlen(passphrase)), ZG_OK);
    v->close(v);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(entries_come_back_after_reopening),
        TEST(file_is_for_its_owner_only),
        TEST(wrong_passphrase_is_said_and_changes_nothing),
        TEST(creating_needs_a_free_name_and_eight_bytes),
        TEST(creation_that_was_cut_off_can_be_repeated),
        TEST(second_use_at_once_is_refused),
        TEST(files_that_are_no_vaults_are_refused),
        TEST(newer_versions_and_foreign_tables_are_refused),
        TEST(entries_cannot_change_places),
        TEST(damage_is_noticed_and_not_called_a_wrong_passphrase),
        TEST(batch_is_stored_whole_or_not_at_all),
        TEST(many_batches_are_done_in_order),
        TEST(what_waits_is_stored_when_the_vault_closes),
        TEST(done_may_submit_more),
        TEST(full_disk_fails_whole_batches_and_recovers),
        TEST(nothing_readable_stands_on_disk),
        TEST(deleted_entries_leave_no_ciphertext),
        TEST(visit_can_stop_the_loading),
        TEST(public_way_in_costs_what_it_says),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
