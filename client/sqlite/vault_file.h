/*
 * The SQLite file of a vault: finding, making, checking and unlocking it. Internal to client/sqlite.
 *
 *     meta(id = 1, box BLOB)                                   the vault key, in a passphrase box
 *     root, block                                              the keys of the entries: vault_keys.h
 *     entries                                                  vault_rows.h
 *
 * The vault key is random; it is made anew with each new passphrase. user_version is the schema's: 2. Deleted
 * content is overwritten (secure_delete), and so is the journal, after each commit: it stays as it is, in
 * zeros (vault_file_commit). docs/protocol.md, appendix.
 */
#ifndef CLIENT_SQLITE_VAULT_FILE_H
#define CLIENT_SQLITE_VAULT_FILE_H

#include <sqlite3.h>
#include <stdbool.h>

#include <zaguan/vault_sqlite.h>

#include "client/passphrase/box.h"
#include "client/sqlite/vault_keys.h"
#include "client/sqlite/vault_rows.h"

enum { VAULT_KEY_BOX_BYTES = KEY_BYTES + BOX_OVERHEAD };

struct scrub_vfs;

struct vault_file {
    sqlite3 *db;
    struct scrub_vfs *scrub; /* under db */
    uint8_t *key; /* KEY_BYTES, in guarded memory */
    struct vault_keys *keys;
    struct vault_rows *rows;
    bool clean; /* the journal is in zeros */
    bool
        broken; /* what is in memory may not be what is in the file: it is opened again before the next use */
    char *path;
    const char *vfs;
};

struct vault_file_options {
    const char *path;
    enum zg_vault_sqlite_mode mode;
    struct span passphrase;
    struct box_cost cost; /* of a new vault, or of a new box */
    const char *vfs; /* under SQLite, static; NULL: the system's. Tests put a failing or recording one here */
};

/* Errors as zg_vault_sqlite_open. A vault of schema 1 is made one of schema 2. The caller closes. */
ZG_MUST_CHECK zg_err vault_file_open(struct vault_file *out, const struct vault_file_options *options);
void vault_file_close(struct vault_file *f);

/*
 * Begins and ends a transaction. Commit writes the keys that changed, commits, and overwrites the journal;
 * ZG_ERR_STORAGE of its last step means that everything was stored and former content may still be in the
 * journal: it is overwritten by the next commit. A rollback undoes the keys' changes too.
 */
ZG_MUST_CHECK zg_err vault_file_begin(struct vault_file *f);
ZG_MUST_CHECK zg_err vault_file_commit(struct vault_file *f);
void vault_file_rollback(struct vault_file *f);

/* Inside a transaction: another key, in another box. The file's key is the new one afterwards, whatever
 * comes. */
ZG_MUST_CHECK zg_err vault_file_rekey(struct vault_file *f, struct span passphrase, struct box_cost cost);

/* A file of schema 1, unlocked, whose keys and rows are still missing: has them afterwards, in schema 2, or
 * is untouched. */
ZG_MUST_CHECK zg_err vault_file_migrate(struct vault_file *f, const struct vault_file_options *options);
/* Prepares keys and rows; the tables are there. */
ZG_MUST_CHECK zg_err vault_file_prepare(struct vault_file *f);
/* The tables of schema 2 but meta, and the version, inside a transaction. */
ZG_MUST_CHECK zg_err vault_file_make_tables(sqlite3 *db);

/* Of a file: what was made or removed beside it survives a power cut only after this. ZG_ERR_MEMORY, ZG_ERR_STORAGE. */
ZG_MUST_CHECK zg_err vault_folder_sync(const char *path);

/* zg_vault_sqlite_open with a cost of the caller's choice: tests have no half second for each vault. */
ZG_MUST_CHECK zg_err vault_sqlite_open_with(zg_vault **out, const struct vault_file_options *options);
/* zg_vault_sqlite_passphrase, the same way. options->passphrase is the old one. */
ZG_MUST_CHECK zg_err vault_sqlite_passphrase_with(const struct vault_file_options *options,
                                                  struct span passphrase);

#endif
