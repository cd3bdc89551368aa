/*
 * Version 1 kept envelopes and values as they came, the week of a queue's last use, and nothing of what
 * expired. Version 2 had an index of messages by epoch in place of `due`. Either becomes the current one in
 * one transaction: after a power cut the file is the old one or the new one. Keys that were made for a
 * transaction that did not happen are destroyed with the next start.
 */
#include "relay/store/sqlite_engine.h"

/* The indexes go first: their names are used again. Knocks that nobody answered were not told from others. */
static const char before_sql[] = "DROP INDEX message_handle;"
                                 "DROP INDEX message_due;"
                                 "DROP INDEX slot_due;"
                                 "DROP INDEX voucher_due;"
                                 "ALTER TABLE name RENAME TO name_1;"
                                 "ALTER TABLE queue RENAME TO queue_1;"
                                 "ALTER TABLE message RENAME TO message_1;"
                                 "ALTER TABLE slot RENAME TO slot_1;"
                                 "ALTER TABLE total RENAME TO total_1;";

/* A desk ends after 105 weeks, a conversation after 9; the one in which it was used last is not counted. */
static const char rows_sql[] =
    "INSERT INTO name SELECT name, role, id FROM name_1;"
    "INSERT INTO queue SELECT id, kind, week + CASE kind WHEN 1 THEN 106 ELSE 10 END,"
    " takes, names FROM queue_1;"
    "INSERT INTO slot SELECT id, ttl, version, NULL, hour, names, value FROM slot_1"
    " WHERE ttl = 7;"
    "UPDATE total SET (queues, slots, vouchers, messages) ="
    " (SELECT queues, slots, vouchers, messages FROM total_1);";

static const char after_sql[] = "DROP TABLE name_1;"
                                "DROP TABLE queue_1;"
                                "DROP TABLE message_1;"
                                "DROP TABLE slot_1;"
                                "DROP TABLE total_1;";

_Static_assert(QUEUE_DESK == 1 && WIRE_TTL_LASTING == 7, "rows_sql names them");

static int seal_message(struct sqlite_engine *e, sqlite3_stmt *from)
{
    struct stored_message m = {.queue = column_number(from, 0) >> STORE_SEQ_BITS,
                               .seq = (uint32_t)(column_number(from, 0) & STORE_SEQ_MAX),
                               .hour = (uint32_t)column_number(from, 1)};
    struct envelope envelope;
    enum outcome outcome;

    int rc = column_copy(from, 2, m.handle.b, sizeof(m.handle.b));
    if (rc == SQLITE_OK)
        rc = column_copy(from, 3, envelope.bytes, sizeof(envelope.bytes));
    m.envelope = &envelope;
    if (rc == SQLITE_OK)
        rc = db_message_add(e, &m, 0, &outcome);
    return rc == SQLITE_OK && outcome != OUTCOME_OK ? SQLITE_CORRUPT : rc;
}

static int seal_slot(struct sqlite_engine *e, sqlite3_stmt *from)
{
    const struct slot_row row = {.ttl = (uint8_t)column_number(from, 1),
                                 .version = column_number(from, 2),
                                 .hour = (uint32_t)column_number(from, 3)};
    const void *value = sqlite3_column_blob(from, 4);
    int size = sqlite3_column_bytes(from, 4);
    if (size > WIRE_SLOT_BYTES_MAX || (size > 0 && value == NULL))
        return SQLITE_CORRUPT;
    return db_slot_put(e, column_number(from, 0), &row, size == 0 ? (const uint8_t *)"" : value,
                       (uint32_t)size);
}

/* Every row of the query is handed on. */
static int each_row(struct sqlite_engine *e, const char *sql,
                    int (*seal)(struct sqlite_engine *, sqlite3_stmt *))
{
    sqlite3_stmt *s;
    bool row;
    int rc = sqlite3_prepare_v2(e->db, sql, -1, &s, NULL);
    if (rc != SQLITE_OK)
        return rc;
    while ((rc = statement_row(s, &row)) == SQLITE_OK && row)
        if ((rc = seal(e, s)) != SQLITE_OK)
            break;
    sqlite3_finalize(s);
    return rc;
}

static int rewrite_first(struct sqlite_engine *e)
{
    int rc = sqlite3_exec(e->db, before_sql, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = schema_create(e->db);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(e->db, rows_sql, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(e->db,
                          "INSERT INTO slot SELECT id, ttl, version, 0, hour, names, x'' FROM slot_1"
                          " WHERE ttl <> 7",
                          NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = statements_prepare(e);
    if (rc == SQLITE_OK)
        rc = each_row(e, "SELECT key, hour, handle, envelope FROM message_1 ORDER BY key", seal_message);
    if (rc == SQLITE_OK)
        rc = each_row(e, "SELECT id, ttl, version, hour, value FROM slot_1 WHERE ttl <> 7", seal_slot);
    return rc == SQLITE_OK ? sqlite3_exec(e->db, after_sql, NULL, NULL, NULL) : rc;
}

static int count_message(struct sqlite_engine *e, sqlite3_stmt *from)
{
    return db_due_count(e, (uint32_t)column_number(from, 0), column_number(from, 1), 1);
}

/* The old index has the rows in the order in which they are counted fastest. */
static int rewrite_second(struct sqlite_engine *e)
{
    int rc = schema_create_due(e->db);
    if (rc == SQLITE_OK)
        rc = statements_prepare(e);
    if (rc == SQLITE_OK)
        rc = each_row(e, "SELECT epoch, key FROM message ORDER BY epoch, key", count_message);
    return rc == SQLITE_OK ? sqlite3_exec(e->db, "DROP INDEX message_epoch", NULL, NULL, NULL) : rc;
}

int db_migrate(struct sqlite_engine *e, enum schema_state from)
{
    int rc = sqlite3_exec(e->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = from == SCHEMA_FIRST ? rewrite_first(e) : rewrite_second(e);
    if (rc == SQLITE_OK)
        rc = db_due_write(e);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(e->db, "COMMIT", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        db_epochs_committed(e);
    return rc;
}
