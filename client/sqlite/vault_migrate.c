/*
 * From schema 1 to schema 2, in one transaction: a cut leaves the one or the other.
 *
 * In schema 1 every entry was sealed under the vault key itself. So the vault gets a new one, and whatever
 * copies of old pages survive on the medium can no longer be opened with the passphrase.
 */
#include <sodium.h>
#include <string.h>

#include "client/sqlite/vault_file.h"
#include "client/sqlite/vault_sql.h"
#include "proto/kdf.h"
#include "proto/labels.h"

struct migration {
    struct vault_file *file;
    sqlite3_stmt *old;
    uint8_t *key;   /* KEY_BYTES: of schema 1 */
    uint8_t *plain; /* ZG_VAULT_VALUE_MAX */
};

static zg_err move_row(struct migration *m)
{
    const uint8_t *key = sqlite3_column_blob(m->old, 0);
    const uint8_t *value = sqlite3_column_blob(m->old, 1);
    size_t key_len = (size_t)sqlite3_column_bytes(m->old, 0);
    size_t len = (size_t)sqlite3_column_bytes(m->old, 1);
    if (key == NULL || value == NULL || key_len != ZG_VAULT_KEY_BYTES || len < SEAL_OVERHEAD ||
        len > ZG_VAULT_VALUE_MAX + SEAL_OVERHEAD)
        return ZG_ERR_MALFORMED;
    const struct span ad[] = {SPAN_LABEL(LABEL_VAULT_ENTRY), {key, key_len}};
    if (seal_open(m->plain, m->key, ad, 2, value, len) != ZG_OK)
        return ZG_ERR_MALFORMED;
    zg_err err = vault_rows_put(m->file->rows, key, m->plain, len - SEAL_OVERHEAD);
    sodium_memzero(m->plain, len - SEAL_OVERHEAD);
    return err;
}

static zg_err move_rows(struct migration *m)
{
    int rc = sqlite3_prepare_v2(m->file->db, "SELECT key, value FROM entry", -1, &m->old, NULL);
    zg_err err = sql_err(rc);
    while (err == ZG_OK && (rc = sqlite3_step(m->old)) != SQLITE_DONE)
        err = rc == SQLITE_ROW ? move_row(m) : sql_err(rc);
    sqlite3_finalize(m->old);
    return err;
}

static zg_err migrate(struct migration *m, const struct vault_file_options *options)
{
    struct vault_file *f = m->file;
    memcpy(m->key, f->key, KEY_BYTES);
    zg_err err = vault_file_make_tables(f->db);
    if (err == ZG_OK)
        err = vault_file_prepare(f);
    if (err == ZG_OK)
        err = vault_file_rekey(f, options->passphrase, options->cost);
    if (err == ZG_OK)
        err = move_rows(m);
    return err == ZG_OK ? sql_run(f->db, "DROP TABLE entry") : err;
}

zg_err vault_file_migrate(struct vault_file *f, const struct vault_file_options *options)
{
    struct migration m = {
        .file = f, .key = sodium_malloc(KEY_BYTES), .plain = sodium_malloc(ZG_VAULT_VALUE_MAX)};
    zg_err err = m.key != NULL && m.plain != NULL ? vault_file_begin(f) : ZG_ERR_MEMORY;
    if (err == ZG_OK)
        err = migrate(&m, options);
    if (err == ZG_OK)
        err = vault_file_commit(f); /* else closing rolls back */
    sodium_free(m.key);
    sodium_free(m.plain);
    return err;
}
