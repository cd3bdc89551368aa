/*
 * When messages are over. An index of messages by time would be a page of its own, at a random place, for
 * every message that is stored, and one more when it goes. So there is a row for each epoch and region of
 * queues, with the number of its messages, and the purge looks for them in the region: a few pages that lie
 * together.
 */
#include "relay/store/sqlite_engine.h"

/* Rows of other epochs that one slice of the purge may pass over. */
enum { PASSED_OVER_MAX = 128 };

static sqlite3_stmt *statement_of_region(struct sqlite_engine *e, enum statement which, uint32_t epoch,
                                         uint32_t region)
{
    sqlite3_stmt *s = statement_get(e, which);
    bind_number(s, 1, epoch);
    bind_number(s, 2, region);
    return s;
}

int db_due_write(struct sqlite_engine *e)
{
    const struct due_note n = e->due_note;
    e->due_note.epoch = 0;
    if (n.epoch == 0 || n.messages == 0)
        return SQLITE_OK;
    sqlite3_stmt *s = statement_of_region(e, S_DUE_ADD, n.epoch, n.region);
    sqlite3_bind_int64(s, 3, n.messages);
    int rc = statement_run(s);
    if (rc != SQLITE_OK || n.messages > 0)
        return rc;
    return statement_run(statement_of_region(e, S_DUE_DROP_EMPTY, n.epoch, n.region));
}

int db_due_count(struct sqlite_engine *e, uint32_t epoch, uint64_t key, int change)
{
    struct due_note *n = &e->due_note;
    uint32_t region = (uint32_t)(key >> REGION_SHIFT);
    if (n->epoch != epoch || n->region != region) {
        int rc = db_due_write(e);
        if (rc != SQLITE_OK)
            return rc;
        *n = (struct due_note){epoch, region, 0};
    }
    n->messages += change;
    return SQLITE_OK;
}

/* One slice under way, in one epoch. */
struct search {
    uint32_t epoch;
    uint32_t mark_day; /* 0: its messages leave no marks any more */
    uint32_t left, passed_over;
    uint32_t deleted;
};

static int leave_mark(struct sqlite_engine *e, uint32_t day, sqlite3_stmt *message)
{
    struct handle handle;
    int rc = column_copy(message, 3, handle.b, sizeof(handle.b));
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_stmt *s = statement_get(e, S_MARK_ADD);
    bind_number(s, 1, day);
    bind_bytes(s, 2, handle.b, sizeof(handle.b));
    rc = statement_run(s);
    if (rc == SQLITE_OK)
        e->delta.marks += sqlite3_changes(e->db);
    return rc;
}

/* The region was looked through to its end and should have held more. Nothing is added to an epoch that is
 * over, so the number is wrong. */
static int end_walk(struct sqlite_engine *e)
{
    const struct due_walk w = e->due_walk;
    e->due_walk.epoch = 0;
    return statement_run(statement_of_region(e, S_DUE_DROP, w.epoch, w.region));
}

/* `messages` of the region, or as many as the slice may. */
static int purge_region(struct sqlite_engine *e, struct search *search, uint32_t region, uint64_t messages)
{
    struct due_walk *w = &e->due_walk;

    if (w->epoch != search->epoch || w->region != region)
        *w = (struct due_walk){search->epoch, region, (uint64_t)region << REGION_SHIFT};
    while (messages > 0 && search->left > 0 && search->passed_over < PASSED_OVER_MAX) {
        bool row;
        sqlite3_stmt *s = statement_get(e, S_MESSAGE_NEXT);
        bind_number(s, 1, w->next);
        bind_number(s, 2, (((uint64_t)region + 1) << REGION_SHIFT) - 1);
        int rc = statement_row(s, &row);
        if (rc != SQLITE_OK || !row)
            return rc == SQLITE_OK ? end_walk(e) : rc;
        uint64_t key = column_number(s, 0);
        bool over = column_number(s, 1) == search->epoch;
        if (over && search->mark_day != 0 && column_number(s, 2) != 0)
            rc = leave_mark(e, search->mark_day, s);
        sqlite3_reset(s);
        if (over && rc == SQLITE_OK)
            rc = db_message_drop(e, key, search->epoch);
        if (rc != SQLITE_OK)
            return rc;
        w->next = key + 1;
        search->passed_over += !over;
        search->deleted += over;
        search->left -= over;
        messages -= over;
    }
    return SQLITE_OK;
}

static int purge_epoch(struct sqlite_engine *e, struct search *search)
{
    while (search->left > 0 && search->passed_over < PASSED_OVER_MAX) {
        bool row;
        int rc = db_due_write(e);
        if (rc != SQLITE_OK)
            return rc;
        sqlite3_stmt *s = statement_get(e, S_DUE_REGION);
        bind_number(s, 1, search->epoch);
        rc = statement_row(s, &row);
        if (rc != SQLITE_OK || !row)
            return rc;
        uint32_t region = (uint32_t)column_number(s, 0);
        uint64_t messages = column_number(s, 1);
        sqlite3_reset(s);
        rc = purge_region(e, search, region, messages);
        if (rc != SQLITE_OK)
            return rc;
    }
    return SQLITE_OK;
}

int db_due_purge(struct sqlite_engine *e, uint32_t hour, uint32_t *left, uint32_t *deleted)
{
    struct search search = {.left = *left};
    sqlite3_stmt *s = statement_get(e, S_DUE_EPOCHS);
    bool due = true;
    int rc = SQLITE_OK;

    bind_number(s, 1, hour);
    while (search.left > 0 && search.passed_over < PASSED_OVER_MAX &&
           (rc = statement_row(s, &due)) == SQLITE_OK && due) {
        /* Of a key that was lost the day is today's. */
        uint32_t end = (uint32_t)column_number(s, 1);
        uint32_t day = over_mark_day(end < hour ? end : hour);
        search.epoch = (uint32_t)column_number(s, 0);
        search.mark_day = day >= over_first_mark_day(hour) ? day : 0;
        rc = purge_epoch(e, &search);
        if (rc != SQLITE_OK)
            break;
    }
    sqlite3_reset(s);
    *deleted = search.deleted;
    *left = search.left;
    return rc;
}
