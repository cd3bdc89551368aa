/* The little SQL that the parts of a vault share. Internal to client/sqlite. */
#ifndef CLIENT_SQLITE_VAULT_SQL_H
#define CLIENT_SQLITE_VAULT_SQL_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include <zaguan/err.h>

/* What a result of SQLite means here. */
zg_err sql_err(int rc);

/* Runs statements that answer nothing. */
ZG_MUST_CHECK zg_err sql_run(sqlite3 *db, const char *sql);
/* The first column of the first row. ZG_ERR_MALFORMED: there is no row. */
ZG_MUST_CHECK zg_err sql_ask_int(sqlite3 *db, const char *sql, int *out);
/* The same for a blob of exactly len bytes; ZG_ERR_MALFORMED if it is none. */
ZG_MUST_CHECK zg_err sql_ask_blob(sqlite3 *db, const char *sql, uint8_t *out, size_t len);
/* Runs a statement with one parameter, a blob. */
ZG_MUST_CHECK zg_err sql_run_blob(sqlite3 *db, const char *sql, const uint8_t *blob, size_t len);

/* A statement that is used again and again. */
ZG_MUST_CHECK zg_err sql_prepare(sqlite3 *db, sqlite3_stmt **out, const char *sql);
/* Runs it once, if bound, what binding its parameters came to, is SQLITE_OK; leaves it without parameters. */
ZG_MUST_CHECK zg_err sql_step(sqlite3_stmt *s, int bound);

#endif
