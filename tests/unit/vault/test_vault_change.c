/* Changes of a whole vault: another passphrase, from the schema before, the end. */
#define _GNU_SOURCE

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/relay_store/fault_vfs.h"
#include "tests/unit/vault/vault_kit.h"

static const char other[] = "another passphrase";

static void journal_of(const struct scratch *s, char out[128])
{
    snprintf(out, 128, "%s-journal", s->path);
}

static void put(const struct scratch *s, const unsigned char *data, size_t len)
{
    char journal[128];
    journal_of(s, journal);
    unlink(journal);
    file_write(s->path, data, len);
}

static struct vault_file_options options_of(const struct scratch *s, const char *words)
{
    return (struct vault_file_options){
        .path = s->path,
        .passphrase = {(const uint8_t *)words, strlen(words)},
        .cost = {.passes = 1, .memory_kib = 8},
    };
}

/* --- another passphrase --- */

enum { ENTRIES = 130 };

static void fill(const struct scratch *s)
{
    zg_vault *v = open_ok(s, ZG_VAULT_CREATE);
    for (int i = 0; i < ENTRIES; i++)
        assert_int_equal(store(v, (uint8_t)i, "x", 1), ZG_OK);
    v->close(v);
}

static zg_err change(const struct scratch *s, const char *from, const char *to, const char *vfs)
{
    struct vault_file_options o = options_of(s, from);
    o.vfs = vfs;
    return vault_sqlite_passphrase_with(&o, (struct span){(const uint8_t *)to, strlen(to)});
}

static zg_err count_with(const struct scratch *s, const char *words, int *count)
{
    struct content c;
    zg_vault *v = NULL;
    zg_err err = open_as(&v, s, ZG_VAULT_OPEN, words);
    if (err != ZG_OK)
        return err;
    load(v, &c);
    v->close(v);
    *count = c.count;
    return c.err;
}

static void passphrase_changes(void **state)
{
    const struct scratch *s = *state;
    int count = 0;
    uint8_t box[VAULT_KEY_BOX_BYTES];
    size_t len;
    fill(s);
    unsigned char *before = file_read(s->path, &len);
    /* The box of before: it begins with its version, 1 pass and 8 KiB. */
    static const uint8_t head[] = {1, 0, 0, 0, 1, 0, 0, 0, 8};
    const uint8_t *at = memmem(before, len, head, sizeof(head));
    assert_non_null(at);
    memcpy(box, at, sizeof(box));
    assert_true(scratch_contains(s, box, sizeof(box)));

    assert_int_equal(change(s, "wrong passphrase", other, NULL), ZG_ERR_PASSPHRASE);
    assert_int_equal(change(s, passphrase, "7 bytes", NULL), ZG_ERR_ARGUMENT);
    assert_int_equal(count_with(s, passphrase, &count), ZG_OK);
    assert_int_equal(change(s, passphrase, other, NULL), ZG_OK);
    assert_int_equal(count_with(s, passphrase, &count), ZG_ERR_PASSPHRASE);
    assert_int_equal(count_with(s, other, &count), ZG_OK);
    assert_int_equal(count, ENTRIES);
    assert_false(scratch_contains(s, box, sizeof(box)));
    assert_false(scratch_contains(s, box + sizeof(box) - 32, 32));

    /* The old box in the new file: the vault key is another. */
    sqlite3 *db;
    sqlite3_stmt *q;
    assert_int_equal(sqlite3_open(s->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "UPDATE meta SET box = ?1", -1, &q, NULL), SQLITE_OK);
    sqlite3_bind_blob(q, 1, box, sizeof(box), SQLITE_STATIC);
    assert_int_equal(sqlite3_step(q), SQLITE_DONE);
    sqlite3_finalize(q);
    sqlite3_close(db);
    assert_int_equal(count_with(s, passphrase, &count), ZG_ERR_MALFORMED);
    free(before);
}

static void passphrase_of_a_vault_in_use_stays(void **state)
{
    const struct scratch *s = *state;
    fill(s);
    zg_vault *v = open_ok(s, ZG_VAULT_OPEN);
    assert_int_equal(change(s, passphrase, other, NULL), ZG_ERR_LOCKED);
    v->close(v);
    has_entries(s, ENTRIES);
}

/* Whatever fails: one of the two opens it, and everything is there. */
static void failing_change(const struct scratch *s, enum fault_kind kind, uint32_t times)
{
    size_t len;
    bool done = false;
    fill(s);
    unsigned char *whole = file_read(s->path, &len);
    fault_vfs_register();
    for (uint32_t n = 0; !done; n++) {
        int count = 0;
        put(s, whole, len);
        fault_vfs_arm(kind, n, times);
        zg_err err = change(s, passphrase, other, FAULT_VFS_NAME);
        done = fault_vfs_hits() == 0;
        fault_vfs_arm(FAULT_NONE, 0, 0);
        if (done)
            assert_int_equal(err, ZG_OK);
        zg_err with_new = count_with(s, other, &count);
        if (err == ZG_OK)
            assert_int_equal(with_new, ZG_OK);
        if (with_new == ZG_ERR_PASSPHRASE)
            assert_int_equal(count_with(s, passphrase, &count), ZG_OK);
        else
            assert_int_equal(with_new, ZG_OK);
        assert_int_equal(count, ENTRIES);
        assert_in_range(n, 0, 100);
    }
    free(whole);
    unlink(s->path);
}

static void change_of_passphrase_survives_failures(void **state)
{
    failing_change(*state, FAULT_IO, UINT32_MAX);
    failing_change(*state, FAULT_IO, 1);
    failing_change(*state, FAULT_FULL, UINT32_MAX);
    failing_change(*state, FAULT_FULL, 1);
}

/* --- from schema 1 --- */

enum { OLD_ENTRIES = 70 };

/* Written by the version before: entry i is 10 + i times the byte i; the third is empty, the fifth 5,000 long. */
static unsigned char *old_vault(const struct scratch *s, size_t *len)
{
    unsigned char *data = file_read(VAULTS "/schema_1.vault", len);
    put(s, data, *len);
    return data;
}

static size_t old_length(int i)
{
    return i == 3 ? 0 : i == 5 ? 5000 : 10 + (size_t)i;
}

static void has_old_entries(const struct scratch *s)
{
    struct content c;
    zg_vault *v = open_ok(s, ZG_VAULT_OPEN);
    load(v, &c);
    v->close(v);
    assert_int_equal(c.err, ZG_OK);
    assert_int_equal(c.count, OLD_ENTRIES);
    for (int i = 0; i < OLD_ENTRIES; i++) {
        assert_int_equal(c.len[i], old_length(i));
        assert_int_equal(c.first[i], old_length(i) > 0 ? i : 0);
    }
}

static int version_of(const struct scratch *s)
{
    size_t len;
    unsigned char *data = file_read(s->path, &len);
    int version = data[63]; /* the last byte of user_version */
    free(data);
    return version;
}

static void vault_of_schema_1_becomes_one_of_schema_2(void **state)
{
    const struct scratch *s = *state;
    size_t len;
    zg_vault *v = NULL;
    unsigned char *old = old_vault(s, &len);
    assert_int_equal(open_as(&v, s, ZG_VAULT_OPEN, "wrong passphrase"), ZG_ERR_PASSPHRASE);
    assert_int_equal(version_of(s), 1);
    has_old_entries(s);
    assert_int_equal(version_of(s), 2);
    has_old_entries(s);

    /* Nothing of what was sealed under the old key is left; each 48 bytes of the old pages that are not zeros or SQLite's. */
    sqlite3 *db;
    sqlite3_stmt *q;
    char before[128];
    snprintf(before, sizeof(before), "%s.before", s->path);
    file_write(before, old, len);
    assert_int_equal(sqlite3_open(before, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT value FROM entry UNION ALL SELECT box FROM meta", -1, &q, NULL), SQLITE_OK);
    int rows = 0;
    uint8_t values[OLD_ENTRIES + 1][48];
    while (sqlite3_step(q) == SQLITE_ROW)
        memcpy(values[rows++], sqlite3_column_blob(q, 0), 48);
    sqlite3_finalize(q);
    sqlite3_close(db);
    assert_int_equal(rows, OLD_ENTRIES + 1);
    for (int i = 0; i < rows; i++)
        assert_true(scratch_contains(s, values[i], 48));
    unlink(before);
    for (int i = 0; i < rows; i++)
        assert_false(scratch_contains(s, values[i], 48));
    free(old);
}

static void migration_survives_failures(void **state)
{
    const struct scratch *s = *state;
    fault_vfs_register();
    for (uint32_t times = 1; times != 0; times = times == 1 ? UINT32_MAX : 0) {
        bool done = false;
        for (uint32_t n = 0; !done; n++) {
            size_t len;
            zg_vault *v = NULL;
            free(old_vault(s, &len));
            struct vault_file_options o = options_of(s, passphrase);
            o.vfs = FAULT_VFS_NAME;
            fault_vfs_arm(FAULT_IO, n, times);
            zg_err err = vault_sqlite_open_with(&v, &o);
            done = fault_vfs_hits() == 0;
            fault_vfs_arm(FAULT_NONE, 0, 0);
            if (err == ZG_OK)
                v->close(v);
            has_old_entries(s);
            assert_in_range(n, 0, 200);
        }
    }
}

static void damaged_vault_of_schema_1_is_left_as_it_is(void **state)
{
    const struct scratch *s = *state;
    size_t len;
    zg_vault *v = NULL;
    unsigned char *old = old_vault(s, &len);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(s->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "UPDATE entry SET value = zeroblob(100) WHERE key = (SELECT max(key) FROM entry)", NULL,
                                  NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    free(old);
    old = file_read(s->path, &len);
    assert_int_equal(open_as(&v, s, ZG_VAULT_OPEN, passphrase), ZG_ERR_MALFORMED);
    size_t now;
    unsigned char *after = file_read(s->path, &now);
    assert_int_equal(now, len);
    assert_memory_equal(after, old, len);
    free(after);
    free(old);
}

/* --- the end --- */

static void wipe_leaves_no_file(void **state)
{
    const struct scratch *s = *state;
    fill(s);
    assert_int_equal(zg_vault_sqlite_wipe(s->path), ZG_OK);
    assert_int_equal(scratch_files(s), 0);
    assert_int_equal(zg_vault_sqlite_wipe(s->path), ZG_ERR_NOT_FOUND);
}

/* A journal that cannot be overwritten: the wipe ends before the vault is cut, so one can look at it. */
static void wipe_overwrites_before_it_removes(void **state)
{
    const struct scratch *s = *state;
    char journal[128];
    size_t len;
    size_t now;
    journal_of(s, journal);
    fill(s);
    unlink(journal);
    unsigned char *before = file_read(s->path, &len);
    assert_int_equal(mkdir(journal, 0700), 0);
    assert_int_equal(zg_vault_sqlite_wipe(s->path), ZG_ERR_STORAGE);
    rmdir(journal);
    unsigned char *after = file_read(s->path, &now);
    assert_int_equal(now, len);
    size_t same = 0;
    for (size_t i = 100; i < len; i++)
        same += after[i] == before[i];
    assert_in_range(same, 0, len / 100); /* by chance one in 256 */
    free(before);
    free(after);
    assert_int_equal(zg_vault_sqlite_wipe(s->path), ZG_OK); /* the second try */
    assert_int_equal(scratch_files(s), 0);
}

static void wipe_overwrites_the_journal(void **state)
{
    const struct scratch *s = *state;
    char journal[128];
    char link_name[128];
    size_t len;
    static const char words[] = "former pages, and in them the former root";
    journal_of(s, journal);
    snprintf(link_name, sizeof(link_name), "%s/link", s->folder);
    fill(s);
    file_write(journal, words, sizeof(words));
    assert_int_equal(link(journal, link_name), 0);
    assert_int_equal(zg_vault_sqlite_wipe(s->path), ZG_OK);
    assert_int_not_equal(access(journal, F_OK), 0);
    unsigned char *rest = file_read(link_name, &len);
    assert_int_equal(len, 0);
    free(rest);
    assert_false(scratch_contains(s, words, 10));
}

static void wipe_touches_nothing_else(void **state)
{
    const struct scratch *s = *state;
    char target[128];
    size_t len;
    static char text[5000];
    memset(text, 'a', sizeof(text));
    file_write(s->path, text, sizeof(text));
    assert_int_equal(zg_vault_sqlite_wipe(s->path), ZG_ERR_MALFORMED);
    unsigned char *after = file_read(s->path, &len);
    assert_int_equal(len, sizeof(text));
    assert_memory_equal(after, text, sizeof(text));
    free(after);
    assert_int_equal(zg_vault_sqlite_wipe(s->folder), ZG_ERR_MALFORMED);

    unlink(s->path);
    fill(s);
    snprintf(target, sizeof(target), "%s/vault", s->folder);
    assert_int_equal(rename(s->path, target), 0);
    assert_int_equal(symlink(target, s->path), 0);
    assert_int_equal(zg_vault_sqlite_wipe(s->path), ZG_ERR_MALFORMED);
    assert_int_equal(access(target, F_OK), 0);
}

static void wipe_waits_for_no_other_program(void **state)
{
    const struct scratch *s = *state;
    int ready[2];
    int end[2];
    char c;
    fill(s);
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(end), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        zg_vault *v = NULL;
        close(end[1]);
        bool opened = open_as(&v, s, ZG_VAULT_OPEN, passphrase) == ZG_OK;
        _exit(write(ready[1], "", 1) == 1 && read(end[0], &c, 1) == 0 && opened ? 0 : 1);
    }
    close(end[0]);
    assert_int_equal(read(ready[0], &c, 1), 1);
    assert_int_equal(zg_vault_sqlite_wipe(s->path), ZG_ERR_LOCKED);
    close(end[1]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(ready[0]);
    close(ready[1]);
    has_entries(s, ENTRIES);
    assert_int_equal(zg_vault_sqlite_wipe(s->path), ZG_OK);
}

/* The box that a wipe must meet first. */
static void box_stands_at_the_beginning(void **state)
{
    const struct scratch *s = *state;
    static const uint8_t head[] = {1, 0, 0, 0, 1, 0, 0, 0, 8};
    for (int i = 0; i < 2; i++) {
        size_t len;
        if (i == 0) {
            free(old_vault(s, &len));
            has_old_entries(s);
        } else {
            unlink(s->path);
            fill(s);
        }
        unsigned char *data = file_read(s->path, &len);
        const unsigned char *at = memmem(data, len, head, sizeof(head));
        assert_non_null(at);
        assert_in_range(at - data, 0, 3 * 4096);
        free(data);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(passphrase_changes),
        TEST(passphrase_of_a_vault_in_use_stays),
        TEST(change_of_passphrase_survives_failures),
        TEST(vault_of_schema_1_becomes_one_of_schema_2),
        TEST(migration_survives_failures),
        TEST(damaged_vault_of_schema_1_is_left_as_it_is),
        TEST(wipe_leaves_no_file),
        TEST(wipe_overwrites_before_it_removes),
        TEST(wipe_overwrites_the_journal),
        TEST(wipe_touches_nothing_else),
        TEST(wipe_waits_for_no_other_program),
        TEST(box_stands_at_the_beginning),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
