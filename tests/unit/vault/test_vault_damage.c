/* Files that were damaged, cut, or put together from several states: never a crash, never a word that was not stored. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/support.h"
#include "tests/unit/vault/vault_kit.h"

enum { ENTRIES = 250, PAGE_BYTES = 4096, LENGTH = 90 };

static void fill(const struct scratch *s)
{
    uint8_t text[LENGTH];
    zg_vault *v = open_ok(s, ZG_VAULT_CREATE);
    for (int i = 0; i < ENTRIES; i++) {
        memset(text, i, sizeof(text));
        assert_int_equal(store(v, (uint8_t)i, text, sizeof(text)), ZG_OK);
    }
    v->close(v);
}

/* Opens and loads; whether it said that all is well. Then all is well. */
static bool opens(const struct scratch *s)
{
    struct content c = {.err = ZG_OK};
    zg_vault *v = NULL;
    zg_err err = open_as(&v, s, ZG_VAULT_OPEN, passphrase);
    if (err == ZG_OK) {
        load(v, &c);
        v->close(v);
        err = c.err;
    }
    assert_int_not_equal(err, ZG_ERR_PASSPHRASE);
    assert_int_not_equal(err, ZG_ERR_MEMORY);
    if (err != ZG_OK)
        return false;
    assert_int_equal(c.count, ENTRIES);
    for (int i = 0; i < ENTRIES; i++) {
        assert_int_equal(c.len[i], LENGTH);
        assert_int_equal(c.first[i], i);
    }
    return true;
}

/* A journal of a former try must not repair or damage the next. */
static void put(const struct scratch *s, const unsigned char *data, size_t len)
{
    char journal[128];
    snprintf(journal, sizeof(journal), "%s-journal", s->path);
    remove(journal);
    file_write(s->path, data, len);
}

static void bytes_that_changed_are_noticed(void **state)
{
    const struct scratch *s = *state;
    struct rng_seed seed;
    const struct rng rng = rng_seeded(&seed, 1);
    size_t len;
    int noticed = 0;
    fill(s);
    unsigned char *whole = file_read(s->path, &len);
    for (int i = 0; i < 600; i++) {
        size_t at = rng_below(&rng, (uint32_t)len);
        uint8_t mask = (uint8_t)(1 + rng_below(&rng, 255));
        whole[at] ^= mask;
        put(s, whole, len);
        noticed += !opens(s);
        whole[at] ^= mask;
    }
    assert_in_range(noticed, 300, 600); /* the rest hit free space */
    put(s, whole, len);
    assert_true(opens(s));
    free(whole);
}

static void pages_that_changed_are_noticed(void **state)
{
    const struct scratch *s = *state;
    size_t len;
    unsigned char page[PAGE_BYTES];
    fill(s);
    unsigned char *whole = file_read(s->path, &len);
    for (size_t at = 0; at + PAGE_BYTES <= len; at += PAGE_BYTES) {
        size_t other = at == 0 ? PAGE_BYTES : at - PAGE_BYTES;
        memcpy(page, whole + at, PAGE_BYTES);
        memset(whole + at, 0, PAGE_BYTES);
        put(s, whole, len);
        assert_false(opens(s));
        memcpy(whole + at, whole + other, PAGE_BYTES); /* one page stands twice */
        put(s, whole, len);
        assert_false(opens(s));
        randombytes_buf(whole + at, PAGE_BYTES);
        put(s, whole, len);
        assert_false(opens(s));
        memcpy(whole + at, page, PAGE_BYTES);
    }
    free(whole);
}

static void cut_files_are_noticed(void **state)
{
    const struct scratch *s = *state;
    size_t len;
    fill(s);
    unsigned char *whole = file_read(s->path, &len);
    for (size_t cut = 0; cut < len; cut += 293) {
        put(s, whole, cut);
        assert_false(opens(s));
    }
    free(whole);
}

static void change_with_sqlite(const struct scratch *s, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(s->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* A database that SQLite likes and that is none of ours. */
static void rows_that_changed_are_noticed(void **state)
{
    static const char *const changes[] = {
        "DELETE FROM root",
        "DELETE FROM block WHERE id = 1",
        "DELETE FROM block WHERE id = 2",
        "DELETE FROM meta",
        "UPDATE root SET box = x''",
        "UPDATE root SET box = zeroblob(length(box))",
        "UPDATE root SET box = substr(box, 1, length(box) - 32)",
        "UPDATE root SET box = 5",
        "UPDATE block SET box = (SELECT box FROM block WHERE id = 0)",
        "UPDATE block SET id = id + 1 WHERE id = 2",
        "INSERT INTO block VALUES(3, zeroblob(3912))",
        "INSERT INTO block VALUES(-1, zeroblob(3912))",
        "UPDATE entries SET slot = 1",
        "UPDATE entries SET slot = -1 WHERE slot = 1",
        "UPDATE entries SET slot = 1000000 WHERE slot = 1",
        "UPDATE entries SET slot = 9223372036854775807 WHERE slot = 1",
        "UPDATE entries SET slot = 'x' WHERE slot = 1",
        "UPDATE entries SET slot = 300 WHERE slot = 1", /* a free one: its key is not the entry's */
        "UPDATE entries SET value = x'00' WHERE slot = 1",
        "UPDATE entries SET key = x'00' WHERE slot = 1",
        "UPDATE meta SET box = zeroblob(32)",
    };
    const struct scratch *s = *state;
    size_t len;
    fill(s);
    unsigned char *whole = file_read(s->path, &len);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        put(s, whole, len);
        change_with_sqlite(s, changes[i]);
        if (opens(s))
            fail_msg("not noticed: %s", changes[i]);
    }
    free(whole);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(bytes_that_changed_are_noticed),
        TEST(pages_that_changed_are_noticed),
        TEST(cut_files_are_noticed),
        TEST(rows_that_changed_are_noticed),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
