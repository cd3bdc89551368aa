#include "tests/bench/bare_store.h"

#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/seal.h"

enum { SEALED_BYTES = WIRE_ENVELOPE_BYTES + SEAL_OVERHEAD };

struct bare_store {
    sqlite3 *db;
    sqlite3_stmt *insert, *drop, *load;
    bool seal;
    uint8_t key[KEY_BYTES];
};

static const char settings[] =
    "PRAGMA page_size = 16384; PRAGMA secure_delete = ON; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
    "PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -2048; PRAGMA journal_size_limit = 25165824;"
    "CREATE TABLE message (key INTEGER PRIMARY KEY, envelope BLOB NOT NULL);";

uint64_t bare_key(uint32_t queue, uint32_t id)
{
    return (uint64_t)queue << 32 | id;
}

static bool prepare(struct bare_store *s)
{
    return sqlite3_exec(s->db, settings, NULL, NULL, NULL) == SQLITE_OK &&
           sqlite3_prepare_v2(s->db, "INSERT INTO message VALUES (?1, ?2)", -1, &s->insert, NULL) == SQLITE_OK &&
           sqlite3_prepare_v2(s->db, "DELETE FROM message WHERE key = ?1", -1, &s->drop, NULL) == SQLITE_OK &&
           sqlite3_prepare_v2(s->db, "SELECT key, envelope FROM message WHERE key BETWEEN ?1 AND ?2 ORDER BY key LIMIT ?3", -1,
                              &s->load, NULL) == SQLITE_OK;
}

struct bare_store *bare_store_open(const char *path, bool seal)
{
    struct bare_store *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    s->seal = seal;
    randombytes_buf(s->key, sizeof(s->key));
    if (sqlite3_open(path, &s->db) == SQLITE_OK && prepare(s))
        return s;
    bare_store_close(s);
    return NULL;
}

void bare_store_close(struct bare_store *s)
{
    if (s == NULL)
        return;
    sqlite3_finalize(s->insert);
    sqlite3_finalize(s->drop);
    sqlite3_finalize(s->load);
    sqlite3_close(s->db);
    free(s);
}

static bool run(sqlite3_stmt *s)
{
    bool done = sqlite3_step(s) == SQLITE_DONE;
    sqlite3_reset(s);
    return done;
}

static bool insert_one(struct bare_store *s, const struct bare_message *m)
{
    uint8_t sealed[SEALED_BYTES];
    const uint8_t *bytes = m->envelope;
    uint64_t key = bare_key(m->queue, m->id);
    struct span ad = {(const uint8_t *)&key, sizeof(key)};
    struct rng rng = rng_system();
    if (s->seal) {
        seal(sealed, s->key, &ad, 1, m->envelope, sizeof(m->envelope), &rng);
        bytes = sealed;
    }
    sqlite3_bind_int64(s->insert, 1, (sqlite3_int64)key);
    sqlite3_bind_blob(s->insert, 2, bytes, s->seal ? SEALED_BYTES : WIRE_ENVELOPE_BYTES, SQLITE_STATIC);
    return run(s->insert);
}

static bool drop_one(struct bare_store *s, uint64_t key)
{
    sqlite3_bind_int64(s->drop, 1, (sqlite3_int64)key);
    return run(s->drop);
}

static struct bare_message *read_row(struct bare_store *s)
{
    uint64_t key = (uint64_t)sqlite3_column_int64(s->load, 0);
    const uint8_t *bytes = sqlite3_column_blob(s->load, 1);
    size_t len = (size_t)sqlite3_column_bytes(s->load, 1);
    struct span ad = {(const uint8_t *)&key, sizeof(key)};
    struct bare_message *m = malloc(sizeof(*m));
    if (m == NULL)
        return NULL;
    *m = (struct bare_message){.queue = (uint32_t)(key >> 32), .id = (uint32_t)key, .stored = true};
    if (!s->seal && len == WIRE_ENVELOPE_BYTES) {
        memcpy(m->envelope, bytes, len);
        return m;
    }
    if (s->seal && len == SEALED_BYTES && seal_open(m->envelope, s->key, &ad, 1, bytes, len) == ZG_OK)
        return m;
    free(m);
    return NULL;
}

static bool load_some(struct bare_store *s, struct bare_load *l)
{
    struct bare_message **end = &l->found;
    bool good = true;
    sqlite3_bind_int64(s->load, 1, (sqlite3_int64)bare_key(l->queue, l->from));
    sqlite3_bind_int64(s->load, 2, (sqlite3_int64)bare_key(l->queue, UINT32_MAX));
    sqlite3_bind_int64(s->load, 3, l->limit);
    while (good && sqlite3_step(s->load) == SQLITE_ROW) {
        struct bare_message *m = read_row(s);
        good = m != NULL;
        if (good) {
            *end = m;
            end = &m->next;
        }
    }
    sqlite3_reset(s->load);
    return good;
}

static bool write_all(struct bare_store *s, const struct bare_batch *b)
{
    if (b->inserts == NULL && b->delete_count == 0)
        return true;
    bool good = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK;
    for (const struct bare_message *m = b->inserts; good && m != NULL; m = m->next)
        good = insert_one(s, m);
    for (size_t i = 0; good && i < b->delete_count; i++)
        good = drop_one(s, b->deletes[i]);
    return good && sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
}

void bare_store_carry_out(struct bare_store *s, struct bare_batch *b)
{
    b->failed = !write_all(s, b);
    for (struct bare_load *l = b->loads; l != NULL && !b->failed; l = l->next)
        b->failed = !load_some(s, l);
}
