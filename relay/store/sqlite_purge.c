/*
 * What is over. The keys of hours that have begun were destroyed before this; here are the rows behind them,
 * oldest first, in slices, so that a million messages of one hour hold nobody up.
 */
#include "relay/store/sqlite_engine.h"

/* One slice under way. */
struct slice {
    uint32_t hour;
    uint32_t left; /* rows that it may still delete */
};

/* Slots that the statement names one after the other. */
static int purge_slots(struct sqlite_engine *e, struct slice *slice, enum statement which, uint32_t *deleted)
{
    for (; slice->left > 0; slice->left--, (*deleted)++) {
        bool due, found;
        sqlite3_stmt *s = statement_get(e, which);
        bind_number(s, 1, slice->hour);
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
static int purge_vouchers(struct sqlite_engine *e, struct slice *slice, uint64_t end, uint32_t *deleted)
{
    for (*deleted = 0; slice->left > 0; slice->left--, (*deleted)++) {
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

static int end_queues(struct sqlite_engine *e, struct slice *slice, struct store_job *job)
{
    job->u.purge.queues = 0;
    while (slice->left > 0 && job->u.purge.queues < STORE_ENDED_MAX) {
        uint32_t dropped;
        bool due, found;
        sqlite3_stmt *s = statement_get(e, S_DUE_QUEUE);
        bind_number(s, 1, over_week(slice->hour));
        int rc = statement_row(s, &due);
        if (rc != SQLITE_OK || !due)
            return rc;
        uint64_t id = column_number(s, 0);
        sqlite3_reset(s);
        rc = db_messages_drop(e, id, slice->left, &dropped);
        slice->left -= dropped;
        if (rc != SQLITE_OK || slice->left == 0)
            return rc;
        rc = db_queue_drop(e, id, &found);
        if (rc != SQLITE_OK)
            return rc;
        job->u.purge.ended[job->u.purge.queues++] = id;
        slice->left--;
    }
    return SQLITE_OK;
}

static int purge_marks(struct sqlite_engine *e, struct slice *slice, uint32_t *deleted)
{
    sqlite3_stmt *s = statement_get(e, S_DUE_MARKS);
    bind_number(s, 1, over_first_mark_day(slice->hour));
    bind_number(s, 2, slice->left);
    int rc = statement_run(s);
    *deleted = rc == SQLITE_OK ? (uint32_t)sqlite3_changes(e->db) : 0;
    e->delta.marks -= *deleted;
    slice->left -= *deleted;
    return rc;
}

/* Epochs that nothing lies in any more, then whether anything else is left. */
static int look_for_more(struct sqlite_engine *e, const struct slice *slice, uint64_t voucher_end, bool *more)
{
    bool row;
    int rc = db_due_write(e);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_stmt *s = statement_get(e, S_DUE_EPOCHS_DROP);
    bind_number(s, 1, slice->hour);
    rc = statement_run(s);
    if (rc != SQLITE_OK)
        return rc;
    s = statement_get(e, S_DUE_ANY);
    bind_number(s, 1, slice->hour);
    bind_number(s, 2, voucher_end);
    bind_number(s, 3, over_week(slice->hour));
    bind_number(s, 4, over_first_mark_day(slice->hour));
    rc = statement_row(s, &row);
    if (rc != SQLITE_OK)
        return rc;
    *more = row && column_number(s, 0) != 0;
    sqlite3_reset(s);
    return SQLITE_OK;
}

/* A clock that was ahead was not believed in the end. */
static int shorten(struct sqlite_engine *e, uint32_t latest)
{
    static const enum statement both[] = {S_SLOTS_SHORTEN, S_EPOCHS_SHORTEN};
    int rc = SQLITE_OK;
    for (size_t i = 0; i < 2 && rc == SQLITE_OK; i++) {
        sqlite3_stmt *s = statement_get(e, both[i]);
        bind_number(s, 1, latest);
        rc = statement_run(s);
    }
    if (rc == SQLITE_OK)
        key_ring_shorten(&e->ring, latest);
    return rc;
}

int db_purge(struct sqlite_engine *e, struct store_job *job)
{
    struct slice slice = {job->u.purge.hour, job->u.purge.limit};
    uint64_t voucher_end = ((uint64_t)slice.hour + 1) << 3;

    job->u.purge.slots = 0;
    int rc = job->u.purge.latest == 0 ? SQLITE_OK : shorten(e, job->u.purge.latest);
    if (rc == SQLITE_OK)
        rc = db_due_purge(e, slice.hour, &slice.left, &job->u.purge.messages);
    if (rc == SQLITE_OK)
        rc = purge_slots(e, &slice, S_DUE_SLOT, &job->u.purge.slots);
    if (rc == SQLITE_OK)
        rc = purge_slots(e, &slice, S_LOST_SLOT, &job->u.purge.slots);
    if (rc == SQLITE_OK)
        rc = purge_vouchers(e, &slice, voucher_end, &job->u.purge.vouchers);
    if (rc == SQLITE_OK)
        rc = end_queues(e, &slice, job);
    if (rc == SQLITE_OK)
        rc = purge_marks(e, &slice, &job->u.purge.marks);
    return rc == SQLITE_OK ? look_for_more(e, &slice, voucher_end, &job->u.purge.more) : rc;
}
