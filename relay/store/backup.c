/*
 * A new database from a backup. Rows are read into the store's own writes where that is possible, so that
 * nothing gets in that a running relay would have refused.
 */
#define _POSIX_C_SOURCE 200809L
#include "relay/store/backup.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/store/backup_form.h"
#include "relay/store/sqlite_engine.h"

enum { ROWS_AT_ONCE = 2000 };

struct backup {
    sqlite3 *db;
    enum backup_scope scope;
};

static void say(char *why, size_t why_cap, const char *sentence)
{
    if (why != NULL && why_cap > 0)
        snprintf(why, why_cap, "%s", sentence);
}

/* The first column of the first row; -1 if there is none or it cannot be read. */
static int64_t number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s;
    int64_t v = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
        return -1;
    if (sqlite3_step(s) == SQLITE_ROW)
        v = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return v;
}

/* Not through the function pragma_integrity_check: some versions of SQLite take its number for a table's
 * name. */
static bool sound(sqlite3 *db)
{
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &s, NULL) != SQLITE_OK)
        return false;
    const char *says = sqlite3_step(s) == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
    bool ok = says != NULL && strcmp(says, "ok") == 0;
    sqlite3_finalize(s);
    return ok;
}

/* NULL: it can be used. */
static const char *refusal(struct backup *b, zg_err *err)
{
    *err = ZG_ERR_STORAGE;
    if (number(b->db, "PRAGMA application_id") != BACKUP_APPLICATION_ID)
        return "this is not a backup of zaguan-relay, or it is damaged";
    if (number(b->db, "PRAGMA user_version") > BACKUP_VERSION) {
        *err = ZG_ERR_VERSION;
        return "the backup was written by a newer version of zaguan-relay";
    }
    if (!sound(b->db))
        return "the backup is damaged";
    if (number(b->db, "SELECT complete FROM about") != 1)
        return "the backup was not finished; make another one";
    int64_t scope = number(b->db, "SELECT scope FROM about");
    if (scope != BACKUP_STRUCTURE && scope != BACKUP_EVERYTHING)
        return "the backup is damaged";
    b->scope = (enum backup_scope)scope;
    *err = ZG_OK;
    return NULL;
}

zg_err backup_open(struct backup **out, const char *path, char *why, size_t why_cap)
{
    const char *reason = "out of memory";
    zg_err err = ZG_ERR_MEMORY;
    struct backup *b = calloc(1, sizeof(*b));

    if (b != NULL) {
        int rc = sqlite3_open_v2(path, &b->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
        if (rc == SQLITE_OK) {
            sqlite3_db_config(b->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
            sqlite3_exec(b->db, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;", NULL, NULL,
                         NULL);
            reason = refusal(b, &err);
        } else if (rc != SQLITE_NOMEM) {
            err = ZG_ERR_STORAGE;
            reason = "the backup cannot be opened; check its name and permissions";
        }
    }
    if (err == ZG_OK) {
        *out = b;
        return ZG_OK;
    }
    backup_close(b);
    say(why, why_cap, reason);
    return err;
}

void backup_close(struct backup *b)
{
    if (b == NULL)
        return;
    sqlite3_close(b->db);
    free(b);
}

enum backup_scope backup_scope(const struct backup *b)
{
    return b->scope;
}

zg_err backup_blob(struct backup *b, const char *name, uint8_t **out, size_t *len)
{
    sqlite3_stmt *s;
    zg_err err = ZG_ERR_STORAGE;

    if (sqlite3_prepare_v2(b->db, "SELECT data FROM blob WHERE name = ?1", -1, &s, NULL) != SQLITE_OK)
        return ZG_ERR_STORAGE;
    sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
    int rc = sqlite3_step(s);
    const void *data = rc == SQLITE_ROW ? sqlite3_column_blob(s, 0) : NULL;
    size_t n = rc == SQLITE_ROW ? (size_t)sqlite3_column_bytes(s, 0) : 0;
    if (rc == SQLITE_DONE)
        err = ZG_ERR_NOT_FOUND;
    else if (rc == SQLITE_ROW && n <= BACKUP_BLOB_MAX && (n == 0 || data != NULL)) {
        *out = malloc(n + 1);
        err = *out == NULL ? ZG_ERR_MEMORY : ZG_OK;
    }
    if (err == ZG_OK) {
        if (n > 0)
            memcpy(*out, data, n);
        *len = n;
    }
    sqlite3_finalize(s);
    return err;
}

/* --- rows --- */

/* Puts one row of the backup into the new database; each table has its own. */
typedef int put_row(struct sqlite_engine *e, sqlite3_stmt *row);

/* The names column; any length of whole names that the kind allows. */
static int put_names(struct sqlite_engine *e, sqlite3_stmt *row, int column, const enum role *roles,
                     size_t count, uint64_t id)
{
    struct named list[NAMES_MAX];
    const uint8_t *at = sqlite3_column_blob(row, column);
    assert(count <= NAMES_MAX);
    if (at == NULL || (size_t)sqlite3_column_bytes(row, column) != count * WIRE_NAME_BYTES)
        return SQLITE_CORRUPT;
    for (size_t i = 0; i < count; i++) {
        list[i].role = roles[i];
        memcpy(list[i].name.b, at + i * WIRE_NAME_BYTES, WIRE_NAME_BYTES);
    }
    return db_names_add(e, list, count, id);
}

static int put_queue(struct sqlite_engine *e, sqlite3_stmt *row)
{
    enum role roles[NAMES_OF_QUEUE_MAX] = {ROLE_PUT, ROLE_OWN, ROLE_END};
    uint64_t takes = column_number(row, 3);
    size_t count = (size_t)sqlite3_column_bytes(row, 4) / WIRE_NAME_BYTES;
    sqlite3_stmt *s = statement_get(e, S_QUEUE_ADD);

    if (takes == 0 || takes > WIRE_TAKES_MAX || count < 3 + takes || count > 4 + takes)
        return SQLITE_CORRUPT;
    for (size_t i = 3; i < count; i++)
        roles[i] = i < 3 + takes ? ROLE_TAKE : ROLE_PUT;
    for (int i = 0; i < 5; i++)
        sqlite3_bind_value(s, i + 1, sqlite3_column_value(row, i));
    int rc = statement_run(s);
    e->delta.queues++;
    return rc == SQLITE_OK ? put_names(e, row, 4, roles, count, column_number(row, 0)) : rc;
}

static int put_voucher(struct sqlite_engine *e, sqlite3_stmt *row)
{
    const enum role role = ROLE_VOUCHER;
    e->delta.vouchers++;
    return put_names(e, row, 1, &role, 1, column_number(row, 0));
}

/* Its hour began while the backup was made: the row would be purged by nobody. */
static bool key_gone(const struct sqlite_engine *e, sqlite3_stmt *row, int column)
{
    return sqlite3_column_type(row, column) != SQLITE_NULL &&
           key_ring_find(&e->ring, (uint32_t)column_number(row, column)) == NULL;
}

static int put_slot(struct sqlite_engine *e, sqlite3_stmt *row)
{
    static const enum role roles[NAMES_OF_SLOT] = {ROLE_READ, ROLE_WRITE, ROLE_SLOT_OWN};
    if (key_gone(e, row, 3))
        return SQLITE_OK;
    sqlite3_stmt *s = statement_get(e, S_SLOT_COPY);
    for (int i = 0; i < 7; i++)
        sqlite3_bind_value(s, i + 1, sqlite3_column_value(row, i));
    int rc = statement_run(s);
    e->delta.slots++;
    e->delta.passing += sqlite3_column_type(row, 3) != SQLITE_NULL;
    return rc == SQLITE_OK ? put_names(e, row, 5, roles, NAMES_OF_SLOT, column_number(row, 0)) : rc;
}

/* Of a queue that was made after its part of the backup there is only the message: it is left out. */
static int put_message(struct sqlite_engine *e, sqlite3_stmt *row)
{
    bool there;
    if (key_gone(e, row, 1))
        return SQLITE_OK;
    sqlite3_stmt *s = statement_get(e, S_QUEUE_IS);
    bind_number(s, 1, column_number(row, 0) >> STORE_SEQ_BITS);
    int rc = statement_exists(s, &there);
    if (rc != SQLITE_OK || !there)
        return rc;
    s = statement_get(e, S_MESSAGE_ADD);
    for (int i = 0; i < 5; i++)
        sqlite3_bind_value(s, i + 1, sqlite3_column_value(row, i));
    rc = statement_run(s);
    if (rc != SQLITE_OK || sqlite3_changes(e->db) == 0)
        return rc;
    e->delta.messages++;
    return db_due_count(e, (uint32_t)column_number(row, 1), column_number(row, 0), 1);
}

static int put_epoch(struct sqlite_engine *e, sqlite3_stmt *row)
{
    uint8_t key[EPOCH_KEY_BYTES];
    uint64_t id = column_number(row, 0), hour = column_number(row, 1);
    if (id == 0 || id > EPOCH_ID_MAX || hour > UINT32_MAX)
        return SQLITE_CORRUPT;
    int rc = column_copy(row, 2, key, sizeof(key));
    if (rc == SQLITE_OK)
        rc = db_key_err(key_ring_adopt(&e->ring, (uint32_t)id, (uint32_t)hour, key));
    sodium_memzero(key, sizeof(key));
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_stmt *s = statement_get(e, S_EPOCH_ADD);
    bind_number(s, 1, id);
    bind_number(s, 2, hour);
    return statement_run(s);
}

struct source {
    sqlite3_stmt *rows;
    put_row *put;
    bool more;
};

/* One transaction's worth. */
static int put_some(struct sqlite_engine *e, struct store_job *job)
{
    struct source *source = job->ctx;
    int rc = SQLITE_OK;
    for (int i = 0; i < ROWS_AT_ONCE && rc == SQLITE_OK && source->more; i++) {
        rc = statement_row(source->rows, &source->more);
        if (rc == SQLITE_OK && source->more)
            rc = source->put(e, source->rows);
    }
    return rc;
}

static int put_table(struct sqlite_engine *e, sqlite3 *from, const char *sql, put_row *put)
{
    struct source source = {.put = put, .more = true};
    struct store_job job = {.ctx = &source};
    int rc = sqlite3_prepare_v2(from, sql, -1, &source.rows, NULL);
    while (rc == SQLITE_OK && source.more)
        rc = db_transact(e, &job, put_some);
    sqlite3_finalize(source.rows);
    return rc;
}

static int put_all(struct sqlite_engine *e, struct backup *b)
{
    static const struct {
        const char *sql;
        put_row *put;
    } tables[] = {
        {"SELECT id, hour, key FROM epoch ORDER BY id", put_epoch},
        {"SELECT id, kind, ends, takes, names FROM queue ORDER BY id", put_queue},
        {"SELECT id, name FROM voucher ORDER BY name", put_voucher},
        {"SELECT id, ttl, version, epoch, hour, names, value FROM slot ORDER BY id", put_slot},
        {"SELECT key, epoch, marked, handle, sealed FROM message ORDER BY key", put_message},
    };
    int rc = SQLITE_OK;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && rc == SQLITE_OK; i++)
        rc = put_table(e, b->db, tables[i].sql, tables[i].put);
    return rc;
}

/* The database and what SQLite keeps beside it. */
static void unlink_database(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    size_t cap = strlen(path) + sizeof("-journal");
    char *name = malloc(cap);
    for (size_t i = 0; name != NULL && i < sizeof(ends) / sizeof(ends[0]); i++) {
        snprintf(name, cap, "%s%s", path, ends[i]);
        unlink(name);
    }
    free(name);
}

static const char *restore_sentence(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return "the disk is full";
    case SQLITE_NOMEM:
        return "out of memory";
    case SQLITE_CORRUPT:
    case SQLITE_CONSTRAINT:
        return "the backup is damaged";
    default:
        return "the database could not be written; check space and permissions";
    }
}

zg_err backup_restore(struct backup *b, const struct sqlite_options *to, struct counts *counts, char *why,
                      size_t why_cap)
{
    struct engine *engine;
    if (access(to->path, F_OK) == 0) {
        say(why, why_cap, "there is a database already; nothing was changed");
        return ZG_ERR_STATE;
    }
    zg_err err = sqlite_engine_open(&engine, to, why, why_cap);
    if (err != ZG_OK)
        return err;
    struct sqlite_engine *e = (struct sqlite_engine *)engine;
    int rc = put_all(e, b);
    struct store_job forget = {.kind = JOB_FORGET}, count = {.kind = JOB_COUNTS};
    if (rc == SQLITE_OK) {
        engine->execute(engine, &forget);
        engine->execute(engine, &count);
        rc = forget.result == ZG_OK && count.result == ZG_OK ? SQLITE_OK : SQLITE_IOERR;
    }
    if (rc != SQLITE_OK)
        (void)key_ring_begin(&e->ring, UINT32_MAX);
    engine->close(engine);
    if (rc != SQLITE_OK) {
        unlink_database(to->path);
        say(why, why_cap, restore_sentence(rc));
        return (rc & 0xff) == SQLITE_NOMEM ? ZG_ERR_MEMORY : ZG_ERR_STORAGE;
    }
    if (counts != NULL)
        *counts = count.u.counts;
    return ZG_OK;
}
