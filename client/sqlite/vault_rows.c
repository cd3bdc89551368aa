#include "client/sqlite/vault_rows.h"

#include <sodium.h>
#include <stdlib.h>

#include "client/sqlite/vault_sql.h"
#include "proto/kdf.h"
#include "proto/labels.h"
#include "proto/seal.h"

enum statement { FIND, PUT, DELETE, ALL, STATEMENTS };

static const char *const statement_sql[STATEMENTS] = {
    [FIND] = "SELECT slot FROM entries WHERE key = ?1",
    [PUT] = "INSERT INTO entries(key, slot, value) VALUES(?1, ?2, ?3) "
            "ON CONFLICT(key) DO UPDATE SET slot = ?2, value = ?3",
    [DELETE] = "DELETE FROM entries WHERE key = ?1",
    [ALL] = "SELECT key, slot, value FROM entries",
};

struct vault_rows {
    struct vault_keys *keys;
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
    uint8_t *plain;  /* ZG_VAULT_VALUE_MAX, in guarded memory */
    uint8_t *sealed; /* ZG_VAULT_VALUE_MAX + SEAL_OVERHEAD */
};

zg_err vault_rows_new(struct vault_rows **out, sqlite3 *db, struct vault_keys *keys)
{
    struct vault_rows *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return ZG_ERR_MEMORY;
    r->db = db;
    r->keys = keys;
    r->plain = sodium_malloc(ZG_VAULT_VALUE_MAX);
    r->sealed = malloc(ZG_VAULT_VALUE_MAX + SEAL_OVERHEAD);
    zg_err err = r->plain == NULL || r->sealed == NULL ? ZG_ERR_MEMORY : ZG_OK;
    for (int i = 0; i < STATEMENTS && err == ZG_OK; i++)
        err = sql_prepare(db, &r->statements[i], statement_sql[i]);
    if (err != ZG_OK) {
        vault_rows_free(r);
        return err;
    }
    *out = r;
    return ZG_OK;
}

void vault_rows_free(struct vault_rows *r)
{
    if (r == NULL)
        return;
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(r->statements[i]);
    sodium_free(r->plain); /* wipes */
    free(r->sealed);
    free(r);
}

/* --- reading --- */

zg_err vault_rows_claim(struct vault_rows *r)
{
    sqlite3_stmt *s;
    int rc = sqlite3_prepare_v2(r->db, "SELECT slot FROM entries", -1, &s, NULL);
    zg_err err = sql_err(rc);
    while (err == ZG_OK && (rc = sqlite3_step(s)) != SQLITE_DONE)
        err = rc == SQLITE_ROW ? vault_keys_claim(r->keys, sqlite3_column_int64(s, 0)) : sql_err(rc);
    sqlite3_finalize(s);
    return err;
}

static zg_err visit_row(struct vault_rows *r, sqlite3_stmt *s, zg_vault_visit visit, void *ctx)
{
    const uint8_t *key = sqlite3_column_blob(s, 0);
    const uint8_t *entry_key = vault_keys_at(r->keys, sqlite3_column_int64(s, 1));
    const uint8_t *value = sqlite3_column_blob(s, 2);
    size_t key_len = (size_t)sqlite3_column_bytes(s, 0);
    size_t len = (size_t)sqlite3_column_bytes(s, 2);
    if (key == NULL || value == NULL || entry_key == NULL || key_len != ZG_VAULT_KEY_BYTES ||
        len < SEAL_OVERHEAD || len > ZG_VAULT_VALUE_MAX + SEAL_OVERHEAD)
        return ZG_ERR_MALFORMED;

    /* The key is associated data: nobody who has the file can put one entry in the place of another. */
    const struct span ad[] = {SPAN_LABEL(LABEL_VAULT_ENTRY), {key, key_len}};
    if (seal_open(r->plain, entry_key, ad, 2, value, len) != ZG_OK)
        return ZG_ERR_MALFORMED;
    zg_err err = visit(ctx, key, r->plain, len - SEAL_OVERHEAD);
    sodium_memzero(r->plain, len - SEAL_OVERHEAD);
    return err;
}

zg_err vault_rows_each(struct vault_rows *r, zg_vault_visit visit, void *ctx)
{
    sqlite3_stmt *s = r->statements[ALL];
    zg_err err = ZG_OK;
    int rc;
    while (err == ZG_OK && (rc = sqlite3_step(s)) != SQLITE_DONE)
        err = rc == SQLITE_ROW ? visit_row(r, s, visit, ctx) : sql_err(rc);
    sqlite3_reset(s);
    return err;
}

/* --- writing --- */

/* The slot of an entry, -1 if there is none. */
static zg_err find(struct vault_rows *r, const uint8_t *key, int64_t *slot)
{
    sqlite3_stmt *s = r->statements[FIND];
    int rc = sqlite3_bind_blob(s, 1, key, ZG_VAULT_KEY_BYTES, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    *slot = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : -1;
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return sql_err(rc);
}

zg_err vault_rows_put(struct vault_rows *r, const uint8_t key[ZG_VAULT_KEY_BYTES], const uint8_t *value,
                      size_t len)
{
    int64_t slot;
    if (len > ZG_VAULT_VALUE_MAX)
        return ZG_ERR_TOO_LARGE;
    zg_err err = find(r, key, &slot);
    if (err == ZG_OK)
        err = vault_keys_renew(r->keys, &slot);
    if (err != ZG_OK)
        return err;
    const struct rng rng = rng_system();
    const struct span ad[] = {SPAN_LABEL(LABEL_VAULT_ENTRY), {key, ZG_VAULT_KEY_BYTES}};
    seal(r->sealed, vault_keys_at(r->keys, slot), ad, 2, value, len, &rng);

    sqlite3_stmt *s = r->statements[PUT];
    int rc = sqlite3_bind_blob(s, 1, key, ZG_VAULT_KEY_BYTES, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(s, 2, slot);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_blob(s, 3, r->sealed, (int)(len + SEAL_OVERHEAD), SQLITE_STATIC);
    return sql_step(s, rc);
}

zg_err vault_rows_delete(struct vault_rows *r, const uint8_t key[ZG_VAULT_KEY_BYTES])
{
    int64_t slot;
    sqlite3_stmt *s = r->statements[DELETE];
    zg_err err = find(r, key, &slot);
    if (err != ZG_OK || slot < 0)
        return err;
    err = vault_keys_drop(r->keys, slot);
    return err == ZG_OK ? sql_step(s, sqlite3_bind_blob(s, 1, key, ZG_VAULT_KEY_BYTES, SQLITE_STATIC)) : err;
}
