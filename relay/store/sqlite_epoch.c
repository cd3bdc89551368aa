/* Epochs as the engine uses them: rows that name them, keys that the ring holds. */
#include <errno.h>

#include "proto/labels.h"
#include "relay/store/sqlite_engine.h"

int db_key_err(int err)
{
    switch (err) {
    case 0:
        return SQLITE_OK;
    case ENOMEM:
        return SQLITE_NOMEM;
    case ENOSPC:
    case EDQUOT:
        return SQLITE_FULL;
    case EROFS:
    case EACCES:
    case EPERM:
        return SQLITE_READONLY;
    default:
        return SQLITE_IOERR;
    }
}

int db_epochs_load(struct sqlite_engine *e)
{
    sqlite3_stmt *s = statement_get(e, S_EPOCHS);
    bool row;
    int rc;
    while ((rc = statement_row(s, &row)) == SQLITE_OK && row)
        (void)key_ring_settle(&e->ring, (uint32_t)column_number(s, 0), (uint32_t)column_number(s, 1));
    if (rc == SQLITE_OK)
        key_ring_sweep(&e->ring);
    return rc;
}

bool db_epoch_lives(const struct sqlite_engine *e, uint32_t id, uint32_t hour)
{
    const struct epoch *epoch = key_ring_find(&e->ring, id);
    return epoch != NULL && epoch->hour > hour;
}

static void live(sqlite3_context *context, int count, sqlite3_value **values)
{
    const struct sqlite_engine *e = sqlite3_user_data(context);
    (void)count;
    uint32_t id = (uint32_t)sqlite3_value_int64(values[0]);
    uint32_t hour = (uint32_t)sqlite3_value_int64(values[1]);
    sqlite3_result_int(context, db_epoch_lives(e, id, hour));
}

int db_epoch_function(struct sqlite_engine *e)
{
    return sqlite3_create_function(e->db, "live", 2, SQLITE_UTF8 | SQLITE_DIRECTONLY, e, live, NULL, NULL);
}

int db_epoch_use(struct sqlite_engine *e, uint32_t hour, const struct epoch **out)
{
    int rc = db_key_err(key_ring_of_hour(&e->ring, hour, &e->rng, out));
    if (rc != SQLITE_OK || (*out)->stored)
        return rc;
    sqlite3_stmt *s = statement_get(e, S_EPOCH_ADD);
    bind_number(s, 1, (*out)->id);
    bind_number(s, 2, hour);
    rc = statement_run(s);
    if (rc == SQLITE_OK && sqlite3_changes(e->db) == 1 && e->fresh_count < FRESH_MAX)
        e->fresh[e->fresh_count++] = (*out)->id;
    return rc;
}

void db_epochs_committed(struct sqlite_engine *e)
{
    while (e->fresh_count > 0)
        key_ring_mark_stored(&e->ring, e->fresh[--e->fresh_count]);
}

struct at_rest_row db_message_row(uint64_t key)
{
    return (struct at_rest_row){LABEL_STORED_MESSAGE, key, 0};
}

struct at_rest_row db_slot_row(uint64_t id, uint64_t version)
{
    return (struct at_rest_row){LABEL_STORED_SLOT, id, version};
}
