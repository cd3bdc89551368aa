/*
 * The keys of a worker's vault: the box that a passphrase opens, and the tree of keys under it. The database
 * sees sealed bytes only, which are public here.
 */
#include <sodium.h>
#include <sqlite3.h>
#include <string.h>

#include "client/passphrase/box.h"
#include "client/sqlite/vault_keys.h"
#include "proto/kdf.h"
#include "tests/ctime/ctime.h"

enum { ENTRIES = KEYS_IN_BLOCK + 2 }; /* two blocks */

static sqlite3 *open_database(void)
{
    sqlite3 *db = NULL;
    must_hold(sqlite3_open(":memory:", &db) == SQLITE_OK, "a database");
    must_hold(sqlite3_exec(db, KEYS_SQL_BLOCK ";" KEYS_SQL_ROOT, NULL, NULL, NULL) == SQLITE_OK,
              "its tables");
    return db;
}

static void write_keys(sqlite3 *db, const uint8_t *vault_key, uint8_t kept[ENTRIES][KEY_BYTES])
{
    struct vault_keys *k = NULL;
    must_hold(vault_keys_new(&k, db) == ZG_OK, "keys");
    for (int64_t i = 0; i < ENTRIES; i++) {
        int64_t slot = -1;
        must_hold(vault_keys_renew(k, &slot) == ZG_OK && slot == i, "a slot");
    }
    /* What is undone, renewed, dropped, and taken again. */
    size_t mark = vault_keys_mark(k);
    int64_t slot = 3;
    must_hold(vault_keys_renew(k, &slot) == ZG_OK, "another key");
    vault_keys_undo(k, mark);
    must_hold(vault_keys_write(k, vault_key) == ZG_OK, "written");
    vault_keys_committed(k);
    must_hold(vault_keys_drop(k, 1) == ZG_OK && vault_keys_renew(k, &slot) == ZG_OK, "dropped, renewed");
    slot = -1;
    must_hold(vault_keys_renew(k, &slot) == ZG_OK && slot == 1, "a slot again");
    must_hold(vault_keys_write(k, vault_key) == ZG_OK, "written again");
    vault_keys_committed(k);
    for (int64_t i = 0; i < ENTRIES; i++) {
        must_be_hidden(vault_keys_at(k, i), KEY_BYTES, "an entry's key");
        memcpy(kept[i], vault_keys_at(k, i), KEY_BYTES);
    }
    vault_keys_free(k);
}

static void read_keys(sqlite3 *db, const uint8_t *vault_key, uint8_t kept[ENTRIES][KEY_BYTES])
{
    struct vault_keys *k = NULL;
    must_hold(vault_keys_new(&k, db) == ZG_OK, "keys");
    must_hold(vault_keys_load(k, vault_key) == ZG_OK, "loaded");
    for (int64_t i = 0; i < ENTRIES; i++) {
        must_hold(vault_keys_claim(k, i) == ZG_OK, "claimed");
        must_be_hidden(vault_keys_at(k, i), KEY_BYTES, "a key that was loaded");
        must_be_same(vault_keys_at(k, i), kept[i], KEY_BYTES, "a key that was kept");
    }
    vault_keys_free(k);
}

static void box(const struct rng *rng, uint8_t vault_key[KEY_BYTES])
{
    uint8_t passphrase[24], other[24], out[KEY_BYTES + BOX_OVERHEAD], opened[KEY_BYTES];
    const struct span label = SPAN_LABEL("vault key");
    const struct box_cost cost = {.passes = 1, .memory_kib = 8};

    rng_fill(rng, passphrase, sizeof(passphrase));
    rng_fill(rng, other, sizeof(other));
    must_hold(box_make(out, label, SPAN_OF(passphrase), cost, vault_key, KEY_BYTES, rng) == ZG_OK, "a box");
    publish(out, sizeof(out));
    must_hold(box_open(opened, label, SPAN_OF(passphrase), out, sizeof(out)) == ZG_OK, "opened");
    must_be_hidden(opened, sizeof(opened), "the vault key");
    must_be_same(opened, vault_key, KEY_BYTES, "the vault key");
    must_hold(box_open(opened, label, SPAN_OF(other), out, sizeof(out)) == ZG_ERR_PASSPHRASE,
              "another passphrase");
}

static void subject(void)
{
    static uint8_t kept[ENTRIES][KEY_BYTES];
    const struct rng rng = rng_system();
    uint8_t vault_key[KEY_BYTES], other[KEY_BYTES];
    sqlite3 *db = open_database();
    struct vault_keys *k = NULL;

    rng_fill(&rng, vault_key, sizeof(vault_key));
    rng_fill(&rng, other, sizeof(other));
    write_keys(db, vault_key, kept);
    read_keys(db, vault_key, kept);
    must_hold(vault_keys_new(&k, db) == ZG_OK, "keys");
    must_hold(vault_keys_load(k, other) == ZG_ERR_MALFORMED, "another vault key");
    vault_keys_free(k);
    sqlite3_close(db);
    box(&rng, vault_key);
}

int main(int argc, char **argv)
{
    return ctime_run(argc, argv, subject);
}
