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

/* Up to `left` messages of one epoch, which leave their marks. Of a key that was lost the day is today's. */
static int purge_epoch(struct sqlite_engine *e, struct slice *slice, uint64_t epoch, uint32_t due,
                       uint32_t *deleted)
{
    uint32_t day = over_mark_day(due < slice->hour ? due : slice->hour);
    if (day >= over_first_mark_day(slice->hour)) {
        sqlite3_stmt *s = statement_get(e, S_MARKS_ADD);
        bind_number(s, 1, epoch);
        bind_number(s, 2, slice->left);
        bind_number(s, 3, day);
        int rc = statement_run(s);
        if (rc != SQLITE_OK)
            return rc;
        e->delta.marks += sqlite3_changes(e->db);
    }
    sqlite3_stmt *s = statement_get(e, S_DUE_MESSAGES);
    bind_number(s, 1, epoch);
    bind_number(s, 2, slice->left);
    int rc = statement_run(s);
    if (rc != SQLITE_OK)
        return rc;
    uint32_t n = (uint32_t)sqlite3_changes(e->db);
    e->delta.messages -= n;
    *deleted += n;
    slice->left -= n;
    return SQLITE_OK;
}

static int purge_messages(struct sqlite_engine *e, struct slice *slice, uint32_t *deleted)
{
    sqlite3_stmt *s = statement_get(e, S_DUE_EPOCHS);
    bool due = true;
    int rc = SQLITE_OK;

    *deleted = 0;
    bind_number(s, 1, slice->hour);
    while (slice->left > 0 && (rc = statement_row(s, &due)) == SQLITE_OK && due) {
        rc = purge_epoch(e, slice, column_number(s, 0), (uint32_t)column_number(s, 1), deleted);
        if (rc != SQLITE_OK)
            break;
    }
    sqlite3_reset(s);
    return rc;
}

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

/* Up to `left` of what lies in a queue that has ended. */
static int empty_queue(struct sqlite_engine *e, struct slice *slice, uint64_t id)
{
    sqlite3_stmt *s = statement_get(e, S_MESSAGES_DROP_SOME);
    bind_number(s, 1, db_message_key(id, 0));
    bind_number(s, 2, db_message_key(id, STORE_SEQ_MAX));
    bind_number(s, 3, slice->left);
    int rc = statement_run(s);
    if (rc != SQLITE_OK)
        return rc;
    uint32_t n = (uint32_t)sqlite3_changes(e->db);
    e->delta.messages -= n;
    slice->left -= n;
    return SQLITE_OK;
}

static int end_queues(struct sqlite_engine *e, struct slice *slice, struct store_job *job)
{
    job->u.purge.queues = 0;
    while (slice->left > 0 && job->u.purge.queues < STORE_ENDED_MAX) {
        bool due, found;
        sqlite3_stmt *s = statement_get(e, S_DUE_QUEUE);
        bind_number(s, 1, over_week(slice->hour));
        int rc = statement_row(s, &due);
        if (rc != SQLITE_OK || !due)
            return rc;
        uint64_t id = column_number(s, 0);
        sqlite3_reset(s);
        rc = empty_queue(e, slice, id);
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
    sqlite3_stmt *s = statement_get(e, S_DUE_EPOCHS_DROP);
    bool row;

    bind_number(s, 1, slice->hour);
    int rc = statement_run(s);
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
        rc = purge_messages(e, &slice, &job->u.purge.messages);
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
