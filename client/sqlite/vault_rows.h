/*
 * The entries of a vault as rows. Internal to client/sqlite.
 *
 *     entries(key BLOB PRIMARY KEY, slot INTEGER, value BLOB) WITHOUT ROWID
 *                                             value: Seal(key in the slot, "vault entry" | key, value)
 */
#ifndef CLIENT_SQLITE_VAULT_ROWS_H
#define CLIENT_SQLITE_VAULT_ROWS_H

#include <sqlite3.h>

#include <zaguan/vault.h>

#include "client/sqlite/vault_keys.h"

#define ROWS_SQL \
    "CREATE TABLE entries(key BLOB PRIMARY KEY, slot INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID"

struct vault_rows;

/* db and keys are borrowed until vault_rows_free; the table is there. ZG_ERR_MEMORY, ZG_ERR_STORAGE. */
ZG_MUST_CHECK zg_err vault_rows_new(struct vault_rows **out, sqlite3 *db, struct vault_keys *keys);
/* NULL-safe. */
void vault_rows_free(struct vault_rows *r);

/* Claims the slots of all entries. ZG_ERR_MALFORMED. */
ZG_MUST_CHECK zg_err vault_rows_claim(struct vault_rows *r);
/* Every entry. ZG_ERR_MALFORMED: one of them cannot be opened; or the error of visit. */
ZG_MUST_CHECK zg_err vault_rows_each(struct vault_rows *r, zg_vault_visit visit, void *ctx);

/* Inside a transaction. The former version's key is dropped. ZG_ERR_TOO_LARGE. */
ZG_MUST_CHECK zg_err vault_rows_put(struct vault_rows *r, const uint8_t key[ZG_VAULT_KEY_BYTES],
                                    const uint8_t *value, size_t len);
/* Nothing to delete is no error. */
ZG_MUST_CHECK zg_err vault_rows_delete(struct vault_rows *r, const uint8_t key[ZG_VAULT_KEY_BYTES]);

#endif
