#include "client/sqlite/vault_sql.h"

#include <string.h>

zg_err sql_err(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ZG_OK;
    case SQLITE_NOMEM:
        return ZG_ERR_MEMORY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ZG_ERR_LOCKED;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ZG_ERR_MALFORMED;
    default:
        return ZG_ERR_STORAGE;
    }
}

zg_err sql_run(sqlite3 *db, const char *sql)
{
    return sql_err(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

/* The statement's first row; the caller finalizes in any case. */
static zg_err first_row(sqlite3 *db, sqlite3_stmt **s, const char *sql)
{
    *s = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, s, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(*s);
    return rc == SQLITE_DONE ? ZG_ERR_MALFORMED : sql_err(rc);
}

zg_err sql_ask_int(sqlite3 *db, const char *sql, int *out)
{
    sqlite3_stmt *s;
    zg_err err = first_row(db, &s, sql);
    if (err == ZG_OK)
        *out = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    return err;
}

zg_err sql_ask_blob(sqlite3 *db, const char *sql, uint8_t *out, size_t len)
{
    sqlite3_stmt *s;
    zg_err err = first_row(db, &s, sql);
    if (err == ZG_OK) {
        const void *at = sqlite3_column_blob(s, 0);
        if (at != NULL && sqlite3_column_bytes(s, 0) == (int)len)
            memcpy(out, at, len);
        else
            err = ZG_ERR_MALFORMED;
    }
    sqlite3_finalize(s);
    return err;
}

zg_err sql_prepare(sqlite3 *db, sqlite3_stmt **out, const char *sql)
{
    return sql_err(sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL));
}

zg_err sql_step(sqlite3_stmt *s, int bound)
{
    int rc = bound == SQLITE_OK ? sqlite3_step(s) : bound;
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return sql_err(rc);
}

zg_err sql_run_blob(sqlite3 *db, const char *sql, const uint8_t *blob, size_t len)
{
    sqlite3_stmt *s;
    int rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
    if (rc != SQLITE_OK)
        return sql_err(rc);
    zg_err err = sql_step(s, sqlite3_bind_blob(s, 1, blob, (int)len, SQLITE_STATIC));
    sqlite3_finalize(s);
    return err;
}
