/* What expired, oldest hour first, in slices, so that a million messages of one hour hold nobody up. */
#include "relay/store/sqlite_engine.h"

static int purge_messages(struct sqlite_engine *e, uint32_t hour, uint32_t limit, uint32_t *deleted)
{
    sqlite3_stmt *s = statement_get(e, S_DUE_MESSAGES);
    bind_number(s, 1, hour);
    bind_number(s, 2, limit);
    int rc = statement_run(s);
    if (rc == SQLITE_OK) {
        *deleted = (uint32_t)sqlite3_changes(e->db);
        e->delta.messages -= *deleted;
    }
    return rc;
}

static int purge_slots(struct sqlite_engine *e, uint32_t hour, uint32_t limit, uint32_t *deleted)
{
    for (*deleted = 0; *deleted < limit; (*deleted)++) {
        bool due, found;
        sqlite3_stmt *s = statement_get(e, S_DUE_SLOT);
        bind_number(s, 1, hour);
        int rc = statement_row(s, &due);
        if (rc != SQLITE_OK || !due)
            return rc;
        uint64_t id = column_number(s, 0);
        sqlite3_reset(s);
        rc = db_slot_drop(e, id, &found);
        if (rc != SQLITE_OK)
            return rc;
    }
    return SQLITE_OK;
}

/* Vouchers of hours before `end`. */
static int purge_vouchers(struct sqlite_engine *e, uint64_t end, uint32_t limit, uint32_t *deleted)
{
    for (*deleted = 0; *deleted < limit; (*deleted)++) {
        bool due;
        struct name name;
        sqlite3_stmt *s = statement_get(e, S_DUE_VOUCHER);
        bind_number(s, 1, end);
        int rc = statement_row(s, &due);
        if (rc != SQLITE_OK || !due)
            return rc;
        rc = column_copy(s, 0, name.b, sizeof(name.b));
        sqlite3_reset(s);
        if (rc == SQLITE_OK)
            rc = db_voucher_spend(e, &name);
        if (rc != SQLITE_OK)
            return rc;
    }
    return SQLITE_OK;
}

int db_purge(struct sqlite_engine *e, struct store_job *job)
{
    uint32_t hour = job->u.purge.hour, left = job->u.purge.limit;
    uint64_t end = ((uint64_t)hour + 1) << 3;
    uint32_t messages = 0, slots = 0, vouchers = 0;
    bool row;

    int rc = purge_messages(e, hour, left, &messages);
    left -= messages;
    if (rc == SQLITE_OK)
        rc = purge_slots(e, hour, left, &slots);
    left -= slots;
    if (rc == SQLITE_OK)
        rc = purge_vouchers(e, end, left, &vouchers);
    if (rc != SQLITE_OK)
        return rc;
    job->u.purge.messages = messages;
    job->u.purge.slots = slots;
    job->u.purge.vouchers = vouchers;
    job->u.purge.queues = 0;
    job->u.purge.marks = 0;

    sqlite3_stmt *s = statement_get(e, S_DUE_ANY);
    bind_number(s, 1, hour);
    bind_number(s, 2, end);
    rc = statement_row(s, &row);
    if (rc != SQLITE_OK)
        return rc;
    job->u.purge.more = row && column_number(s, 0) != 0;
    sqlite3_reset(s);
    return SQLITE_OK;
}
