/*
 * The SQLite file of a vault: finding, making, checking and unlocking it. Internal to client/sqlite.
 *
 *     entry(key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID    value: Seal(vault key, "vault entry" | key, value)
 *     meta(id = 1, box BLOB)                                   the vault key, in a passphrase box
 *
 * The vault key is random, so a passphrase can be changed by writing another box. user_version is the schema's.
 * The journal is truncated at each commit and deleted content is overwritten, so that nothing of an entry that
 * was deleted stays in a file.
 */
#ifndef CLIENT_SQLITE_VAULT_FILE_H
#define CLIENT_SQLITE_VAULT_FILE_H

#include <sqlite3.h>

#include <zaguan/vault_sqlite.h>

#include "client/passphrase/box.h"

struct vault_file {
    sqlite3 *db;
    uint8_t *key; /* KEY_BYTES, in guarded memory */
};

struct vault_file_options {
    const char *path;
    enum zg_vault_sqlite_mode mode;
    struct span passphrase;
    struct box_cost cost; /* of a new vault */
    const char *vfs;      /* under SQLite; NULL: the system's. Tests put a failing or recording one here */
};

/* Errors as zg_vault_sqlite_open. The caller closes. */
ZG_MUST_CHECK zg_err vault_file_open(struct vault_file *out, const struct vault_file_options *options);
void vault_file_close(struct vault_file *f);

/* What a result of SQLite means here. */
zg_err vault_file_err(int rc);

/* zg_vault_sqlite_open with a cost of the caller's choice: tests have no half second for each vault. */
ZG_MUST_CHECK zg_err vault_sqlite_open_with(zg_vault **out, const struct vault_file_options *options);

#endif
