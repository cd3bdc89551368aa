#include <assert.h>
#include <string.h>

#include "relay/store/sqlite_engine.h"

static const char *const statement_sql[STATEMENT_COUNT] = {
#define STATEMENT_SQL(name, sql) [S_##name] = sql,
    STATEMENTS(STATEMENT_SQL)
#undef STATEMENT_SQL
};

int statements_prepare(struct sqlite_engine *e)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        int rc = sqlite3_prepare_v3(e->db, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &e->statement[i],
                                    NULL);
        if (rc != SQLITE_OK)
            return rc;
    }
    return SQLITE_OK;
}

void statements_finalize(struct sqlite_engine *e)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        sqlite3_finalize(e->statement[i]);
        e->statement[i] = NULL;
    }
}

sqlite3_stmt *statement_get(struct sqlite_engine *e, enum statement which)
{
    sqlite3_stmt *s = e->statement[which];
    sqlite3_reset(s);
    return s;
}

void bind_number(sqlite3_stmt *s, int place, uint64_t v)
{
    assert(v <= INT64_MAX);
    int rc = sqlite3_bind_int64(s, place, (sqlite3_int64)v);
    assert(rc == SQLITE_OK);
    (void)rc;
}

void bind_bytes(sqlite3_stmt *s, int place, const void *data, size_t len)
{
    /* A NULL pointer would bind NULL rather than an empty value. */
    int rc = sqlite3_bind_blob64(s, place, len == 0 ? "" : data, len, SQLITE_STATIC);
    assert(rc == SQLITE_OK);
    (void)rc;
}

void bind_name(sqlite3_stmt *s, int place, const struct name *name)
{
    bind_bytes(s, place, name->b, sizeof(name->b));
}

int statement_run(sqlite3_stmt *s)
{
    int rc = sqlite3_step(s);
    while (rc == SQLITE_ROW)
        rc = sqlite3_step(s);
    sqlite3_reset(s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int statement_row(sqlite3_stmt *s, bool *row)
{
    int rc = sqlite3_step(s);
    *row = rc == SQLITE_ROW;
    if (rc == SQLITE_ROW)
        return SQLITE_OK;
    sqlite3_reset(s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int statement_exists(sqlite3_stmt *s, bool *there)
{
    int rc = statement_row(s, there);
    sqlite3_reset(s);
    return rc;
}

uint64_t column_number(sqlite3_stmt *s, int column)
{
    return (uint64_t)sqlite3_column_int64(s, column);
}

int column_copy(sqlite3_stmt *s, int column, void *out, size_t len)
{
    const void *data = sqlite3_column_blob(s, column);
    if (data == NULL || (size_t)sqlite3_column_bytes(s, column) != len)
        return SQLITE_CORRUPT;
    memcpy(out, data, len);
    return SQLITE_OK;
}

uint64_t db_message_key(uint64_t queue, uint32_t seq)
{
    assert(queue > 0 && queue >> STORE_ID_BITS == 0 && seq <= STORE_SEQ_MAX);
    return queue << STORE_SEQ_BITS | seq;
}

uint64_t db_voucher_id(enum voucher_kind kind, uint32_t hour)
{
    return (uint64_t)hour << 3 | (uint64_t)kind;
}

enum voucher_kind db_voucher_id_kind(uint64_t id)
{
    return (enum voucher_kind)(id & 7);
}

uint32_t db_voucher_id_hour(uint64_t id)
{
    return (uint32_t)(id >> 3);
}
