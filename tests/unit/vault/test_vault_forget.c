/* What is left of an entry, for somebody who has the files and the passphrase. */
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
#include <unistd.h>

#include "proto/kdf.h"
#include "proto/labels.h"
#include "proto/seal.h"
#include "tests/unit/relay_store/fault_vfs.h"
#include "tests/unit/vault/vault_kit.h"

enum { BLOCKS_MAX = 1, LOOT_MAX = 8, BLOCK_BYTES = KEYS_IN_BLOCK * KEY_BYTES, BLOB_MAX = 256 };

/* A sealed entry as it lies in the file, and what it is called. */
struct blob {
    uint8_t key[ZG_VAULT_KEY_BYTES];
    uint8_t sealed[BLOB_MAX];
    size_t len;
    int64_t slot;
    uint8_t block[BLOCK_BYTES + SEAL_OVERHEAD]; /* the block of its slot at that time, sealed */
};

/* Everything that the attacker could open. */
struct loot {
    uint8_t roots[LOOT_MAX][BLOCKS_MAX * KEY_BYTES];
    size_t root_blocks[LOOT_MAX];
    size_t roots_count;
    uint8_t blocks[LOOT_MAX][BLOCK_BYTES];
    size_t blocks_count;
};

/* --- taking --- */

static void take_row(sqlite3 *db, const char *sql, uint8_t *out, size_t *len, size_t cap, int64_t *number)
{
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    *len = (size_t)sqlite3_column_bytes(s, 0);
    assert_in_range(*len, 1, cap);
    memcpy(out, sqlite3_column_blob(s, 0), *len);
    *number = sqlite3_column_int64(s, 1);
    sqlite3_finalize(s);
}

/* Of a vault that is closed. */
static void take_blob(const struct scratch *s, uint8_t name, struct blob *b)
{
    sqlite3 *db;
    char sql[128];
    size_t len;
    int64_t id;
    memset(b->key, name, sizeof(b->key));
    assert_int_equal(sqlite3_open(s->path, &db), SQLITE_OK);
    snprintf(sql, sizeof(sql), "SELECT value, slot FROM entries WHERE substr(key, 1, 1) = x'%02x'", name);
    take_row(db, sql, b->sealed, &b->len, sizeof(b->sealed), &b->slot);
    snprintf(sql, sizeof(sql), "SELECT box, id FROM block WHERE id = %d", (int)(b->slot / KEYS_IN_BLOCK));
    take_row(db, sql, b->block, &len, sizeof(b->block), &id);
    assert_int_equal(len, sizeof(b->block));
    sqlite3_close(db);
}

static void take_vault_key(const struct scratch *s, uint8_t key[KEY_BYTES])
{
    uint8_t box[VAULT_KEY_BOX_BYTES];
    size_t len;
    int64_t id;
    sqlite3 *db;
    assert_int_equal(sqlite3_open(s->path, &db), SQLITE_OK);
    take_row(db, "SELECT box, id FROM meta", box, &len, sizeof(box), &id);
    sqlite3_close(db);
    assert_int_equal(box_open(key, SPAN_LABEL(LABEL_VAULT_KEY),
                              (struct span){(const uint8_t *)passphrase, strlen(passphrase)}, box, len),
                     ZG_OK);
}

/* --- opening --- */

/* A seal begins with a random nonce; free space is zeros, and there is a lot of it. */
static bool may_be_a_seal(const uint8_t *at, size_t left)
{
    return left > SEAL_OVERHEAD && !sodium_is_zero(at, 8);
}

static void try_root(struct loot *l, const uint8_t key[KEY_BYTES], const uint8_t *at, size_t left)
{
    const struct span ad[] = {SPAN_LABEL(LABEL_VAULT_ROOT)};
    for (size_t n = 1; n <= BLOCKS_MAX && n * KEY_BYTES + SEAL_OVERHEAD <= left; n++) {
        if (seal_open(l->roots[l->roots_count], key, ad, 1, at, n * KEY_BYTES + SEAL_OVERHEAD) != ZG_OK)
            continue;
        l->root_blocks[l->roots_count++] = n;
        assert_in_range(l->roots_count, 1, LOOT_MAX - 1);
    }
}

static void try_block(struct loot *l, const uint8_t *at, size_t left)
{
    if (left < BLOCK_BYTES + SEAL_OVERHEAD)
        return;
    for (size_t r = 0; r < l->roots_count; r++) {
        for (uint8_t id = 0; id < l->root_blocks[r]; id++) {
            const uint8_t id_bytes[4] = {0, 0, 0, id};
            const struct span ad[] = {SPAN_LABEL(LABEL_VAULT_BLOCK), SPAN_OF(id_bytes)};
            if (seal_open(l->blocks[l->blocks_count], &l->roots[r][id * KEY_BYTES], ad, 2, at,
                          BLOCK_BYTES + SEAL_OVERHEAD) != ZG_OK)
                continue;
            l->blocks_count++;
            assert_in_range(l->blocks_count, 1, LOOT_MAX - 1);
            return;
        }
    }
}

static void append(uint8_t **all, size_t *len, const char *path)
{
    size_t more;
    if (access(path, F_OK) != 0)
        return;
    unsigned char *data = file_read(path, &more);
    *all = realloc(*all, *len + more + 1);
    assert_non_null(*all);
    memcpy(*all + *len, data, more);
    *len += more;
    free(data);
}

/* Every byte of vault and journal, and beside it the old sealed block: a copy of it may survive on the medium. */
static uint8_t *gather(const struct scratch *s, const struct blob *old, size_t *len)
{
    char journal[128];
    uint8_t *all = NULL;
    *len = 0;
    snprintf(journal, sizeof(journal), "%s-journal", s->path);
    append(&all, len, s->path);
    append(&all, len, journal);
    all = realloc(all, *len + sizeof(old->block));
    assert_non_null(all);
    memcpy(all + *len, old->block, sizeof(old->block));
    *len += sizeof(old->block);
    return all;
}

/* No key stands anywhere as it is. */
static void assert_sealed(const struct loot *l, const uint8_t *all, size_t len)
{
    for (size_t r = 0; r < l->roots_count; r++)
        for (size_t i = 0; i < l->root_blocks[r]; i++)
            assert_null(memmem(all, len, &l->roots[r][i * KEY_BYTES], KEY_BYTES));
    for (size_t b = 0; b < l->blocks_count; b++)
        for (size_t i = 0; i < KEYS_IN_BLOCK; i++)
            assert_null(memmem(all, len, &l->blocks[b][i * KEY_BYTES], KEY_BYTES));
}

/* Whether the entry can be read by who has the vault key, the files, and old copies of its row and its block. */
static bool attack(const struct scratch *s, const uint8_t key[KEY_BYTES], const struct blob *old, size_t *roots)
{
    static struct loot l;
    uint8_t plain[BLOB_MAX];
    bool opened = false;
    size_t len;
    uint8_t *all = gather(s, old, &len);
    const struct span ad[] = {SPAN_LABEL(LABEL_VAULT_ENTRY), {old->key, sizeof(old->key)}};
    memset(&l, 0, sizeof(l));
    for (size_t i = 0; i < len; i++)
        if (may_be_a_seal(all + i, len - i))
            try_root(&l, key, all + i, len - i);
    for (size_t i = 0; i < len; i++)
        if (may_be_a_seal(all + i, len - i))
            try_block(&l, all + i, len - i);
    assert_sealed(&l, all, len);
    for (size_t b = 0; b < l.blocks_count; b++)
        for (size_t i = 0; i < KEYS_IN_BLOCK; i++)
            opened = opened || seal_open(plain, &l.blocks[b][i * KEY_BYTES], ad, 2, old->sealed, old->len) == ZG_OK;
    free(all);
    *roots = l.roots_count;
    return opened;
}

/* --- tests --- */

/* Three entries; the second is known to the attacker. */
static void fill(const struct scratch *s, uint8_t key[KEY_BYTES], struct blob *b)
{
    zg_vault *v = open_ok(s, ZG_VAULT_CREATE);
    assert_int_equal(store(v, 1, "one", 3), ZG_OK);
    assert_int_equal(store(v, 2, "a secret", 8), ZG_OK);
    assert_int_equal(store(v, 3, "three", 5), ZG_OK);
    v->close(v);
    take_blob(s, 2, b);
    take_vault_key(s, key);
}

static void forgotten(const struct scratch *s, const void *value, size_t len, int entries)
{
    uint8_t key[KEY_BYTES];
    static struct blob b;
    size_t roots;
    fill(s, key, &b);
    assert_true(attack(s, key, &b, &roots)); /* the attack finds what is there */
    assert_int_equal(roots, 1);
    zg_vault *v = open_ok(s, ZG_VAULT_OPEN);
    assert_int_equal(store(v, 2, value, len), ZG_OK);
    assert_false(attack(s, key, &b, &roots)); /* while it is open too */
    assert_int_equal(roots, 1);
    assert_false(scratch_contains(s, b.sealed, b.len));
    v->close(v);
    assert_false(attack(s, key, &b, &roots));
    assert_int_equal(roots, 1);
    has_entries(s, entries);
}

static void deleted_entry_cannot_be_read_with_the_passphrase(void **state)
{
    forgotten(*state, NULL, 0, 2);
}

static void overwritten_entry_cannot_be_read_with_the_passphrase(void **state)
{
    forgotten(*state, "another", 7, 3);
}

static zg_vault *open_failing(const struct scratch *s)
{
    zg_vault *v = NULL;
    assert_int_equal(vault_sqlite_open_with(&v, &(struct vault_file_options){
                                                    .path = s->path,
                                                    .passphrase = {(const uint8_t *)passphrase, strlen(passphrase)},
                                                    .cost = {.passes = 1, .memory_kib = 8},
                                                    .vfs = FAULT_VFS_NAME,
                                                }),
                     ZG_OK);
    return v;
}

static void reset(const struct scratch *s)
{
    char journal[128];
    snprintf(journal, sizeof(journal), "%s-journal", s->path);
    unlink(s->path);
    unlink(journal);
}

/*
 * The disk goes away at every moment of a deletion. Success means that it is gone. Failure may leave it for now; once the
 * vault was opened again without a failure it is either there, or gone for the attacker too.
 */
static void deletion_that_fails_is_not_called_done(void **state)
{
    const struct scratch *s = *state;
    static struct blob b;
    uint8_t key[KEY_BYTES];
    size_t roots;
    int failed_yet_readable = 0;
    int failed_with_two_roots = 0;
    bool done = false;
    fault_vfs_register();
    for (uint32_t n = 0; !done; n++) {
        reset(s);
        fill(s, key, &b);
        zg_vault *v = open_failing(s);
        fault_vfs_arm(FAULT_IO, n, UINT32_MAX);
        zg_err err = store(v, 2, NULL, 0);
        done = fault_vfs_hits() == 0;
        bool readable = attack(s, key, &b, &roots);
        if (err == ZG_OK)
            assert_false(readable);
        else
            failed_yet_readable += readable;
        failed_with_two_roots += roots == 2;
        v->close(v);
        fault_vfs_arm(FAULT_NONE, 0, 0);

        struct content c;
        v = open_ok(s, ZG_VAULT_OPEN);
        load(v, &c);
        assert_int_equal(c.err, ZG_OK);
        assert_int_equal(attack(s, key, &b, &roots), c.count == 3);
        assert_int_equal(roots, 1);
        v->close(v);
        assert_in_range(n, 0, 60);
    }
    assert_in_range(failed_yet_readable, 5, 60);
    assert_in_range(failed_with_two_roots, 2, 60); /* so the journal had the former root, and it went */
}

/* A disk that fails once, then works: the same program goes on. */
static void fail_in_between(const struct scratch *s, const void *value, size_t value_len)
{
    static struct blob b;
    uint8_t key[KEY_BYTES];
    size_t roots;
    bool done = false;
    fault_vfs_register();
    for (uint32_t n = 0; !done; n++) {
        struct content c;
        reset(s);
        fill(s, key, &b);
        zg_vault *v = open_failing(s);
        fault_vfs_arm(FAULT_IO, n, 1);
        zg_err err = store(v, 2, value, value_len);
        done = fault_vfs_hits() == 0;
        fault_vfs_arm(FAULT_NONE, 0, 0);
        if (err != ZG_OK)
            assert_int_equal(store(v, 2, value, value_len), ZG_OK);
        assert_int_equal(store(v, 4, "four", 4), ZG_OK);
        assert_false(attack(s, key, &b, &roots));
        assert_int_equal(roots, 1);
        v->close(v);
        v = open_ok(s, ZG_VAULT_OPEN);
        load(v, &c);
        v->close(v);
        assert_int_equal(c.err, ZG_OK);
        assert_int_equal(c.count, value == NULL ? 3 : 4);
        assert_int_equal(c.len[2], value_len);
        assert_int_equal(c.len[4], 4);
        assert_in_range(n, 0, 60);
    }
}

static void failure_in_between_loses_and_keeps_nothing_wrong(void **state)
{
    fail_in_between(*state, NULL, 0);
    unlink(((const struct scratch *)*state)->path);
    fail_in_between(*state, "another", 7);
}

/* The program does not try again: what it was told stands. */
static void what_was_not_stored_harms_nothing_else(void **state)
{
    const struct scratch *s = *state;
    bool done = false;
    fault_vfs_register();
    for (uint32_t n = 0; !done; n++) {
        struct content c;
        reset(s);
        zg_vault *v = open_ok(s, ZG_VAULT_CREATE);
        assert_int_equal(store(v, 1, "one", 3), ZG_OK);
        v->close(v);
        v = open_failing(s);
        fault_vfs_arm(FAULT_IO, n, 3);
        zg_err err = store(v, 1, "more", 4);
        zg_err second = store(v, 2, "second", 6);
        done = fault_vfs_hits() == 0;
        fault_vfs_arm(FAULT_NONE, 0, 0);
        assert_int_equal(store(v, 3, "three", 5), ZG_OK);
        v->close(v);
        v = open_ok(s, ZG_VAULT_OPEN);
        load(v, &c);
        v->close(v);
        assert_int_equal(c.err, ZG_OK);
        assert_int_equal(c.len[3], 5);
        if (err == ZG_OK)
            assert_int_equal(c.len[1], 4);
        else
            assert_true(c.len[1] == 3 || c.len[1] == 4);
        if (second == ZG_OK)
            assert_int_equal(c.len[2], 6);
        assert_in_range(n, 0, 60);
    }
}

static int count_blocks(const struct scratch *s)
{
    sqlite3 *db;
    sqlite3_stmt *q;
    assert_int_equal(sqlite3_open(s->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM block", -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    int n = sqlite3_column_int(q, 0);
    sqlite3_finalize(q);
    sqlite3_close(db);
    return n;
}

static void slots_are_used_again_and_blocks_go(void **state)
{
    const struct scratch *s = *state;
    zg_vault *v = open_ok(s, ZG_VAULT_CREATE);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 250; i++)
            assert_int_equal(store(v, (uint8_t)i, "x", 1), ZG_OK);
        for (int i = 0; i < 250; i++)
            if (round == 1 || i % 2 == 0)
                assert_int_equal(store(v, (uint8_t)i, NULL, 0), ZG_OK);
        v->close(v);
        assert_in_range(count_blocks(s), round == 0 ? 3 : 0, round == 0 ? 3 : 1);
        has_entries(s, round == 0 ? 125 : 0);
        v = open_ok(s, ZG_VAULT_OPEN);
    }
    assert_int_equal(store(v, 7, "again", 5), ZG_OK);
    v->close(v);
    assert_int_equal(count_blocks(s), 1);
    has_entries(s, 1);
}

static void rolled_back_batches_leave_the_keys_right(void **state)
{
    const struct scratch *s = *state;
    static uint8_t too_large[ZG_VAULT_VALUE_MAX + 1];
    zg_vault *v = open_ok(s, ZG_VAULT_CREATE);
    for (int i = 0; i < 119; i++)
        assert_int_equal(store(v, (uint8_t)i, "x", 1), ZG_OK);
    for (int round = 0; round < 3; round++) {
        struct job bad = {0};
        struct job good = {0};
        job_add(&bad, 200, "new", 3); /* another block */
        job_add(&bad, 5, "changed", 7);
        job_add(&bad, 6, NULL, 0);
        job_add(&bad, 7, too_large, sizeof(too_large));
        job_add(&good, 6, "six", 3);
        v->submit(v, &bad.batch);
        v->submit(v, &good.batch);
        v->pump(v);
        assert_int_equal(bad.err, ZG_ERR_TOO_LARGE);
        assert_int_equal(good.err, ZG_OK);
    }
    v->close(v);
    struct content c;
    v = open_ok(s, ZG_VAULT_OPEN);
    load(v, &c);
    v->close(v);
    assert_int_equal(c.err, ZG_OK);
    assert_int_equal(c.count, 119);
    assert_int_equal(c.len[5], 1);
    assert_int_equal(c.len[6], 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(deleted_entry_cannot_be_read_with_the_passphrase),
        TEST(overwritten_entry_cannot_be_read_with_the_passphrase),
        TEST(deletion_that_fails_is_not_called_done),
        TEST(failure_in_between_loses_and_keeps_nothing_wrong),
        TEST(what_was_not_stored_harms_nothing_else),
        TEST(slots_are_used_again_and_blocks_go),
        TEST(rolled_back_batches_leave_the_keys_right),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
