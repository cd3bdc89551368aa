/* Jobs that only read. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "relay/store/sqlite_engine.h"

/* Binds the queue's keys; hour as well if the statement asks for it. */
static sqlite3_stmt *statement_of_queue(struct sqlite_engine *e, enum statement which, uint64_t id,
                                        uint32_t hour)
{
    sqlite3_stmt *s = statement_get(e, which);
    bind_number(s, 1, db_message_key(id, 0));
    bind_number(s, 2, db_message_key(id, STORE_SEQ_MAX));
    if (which != S_MESSAGES_LAST)
        bind_number(s, 3, hour);
    return s;
}

/* The first column of the only row, if there is one. */
static int read_one(sqlite3_stmt *s, bool *row, uint64_t *out)
{
    int rc = statement_row(s, row);
    if (rc != SQLITE_OK || !*row)
        return rc;
    *out = column_number(s, 0);
    sqlite3_reset(s);
    return SQLITE_OK;
}

static int find_messages(struct sqlite_engine *e, uint32_t hour, struct found *out)
{
    uint64_t first = 0, last = 0, count = 1;
    bool any, live = false;

    int rc = read_one(statement_of_queue(e, S_MESSAGES_LAST, out->id, hour), &any, &last);
    if (rc == SQLITE_OK && any)
        rc = read_one(statement_of_queue(e, S_MESSAGES_FIRST, out->id, hour), &live, &first);
    if (rc == SQLITE_OK && live && out->kind == QUEUE_DESK)
        rc = read_one(statement_of_queue(e, S_MESSAGES_COUNT, out->id, hour), &live, &count);
    if (rc != SQLITE_OK)
        return rc;
    if (any)
        out->next_seq = (uint32_t)(last & STORE_SEQ_MAX) + 1;
    if (live) {
        out->stored = (uint32_t)count;
        out->first_seq = (uint32_t)(first & STORE_SEQ_MAX);
    }
    return SQLITE_OK;
}

static int find_queue(struct sqlite_engine *e, uint64_t id, uint32_t hour, struct found *out)
{
    struct queue_row row;

    int rc = db_queue_find(e, id, &row);
    if (rc != SQLITE_OK)
        return rc;
    if (!row.found) /* a name without what it names */
        return SQLITE_CORRUPT;
    out->kind = row.kind;
    out->ends = row.ends;
    out->unanswered = row.unanswered;
    out->found = !over_queue(row.ends, hour);
    out->names = row.names;
    return find_messages(e, hour, out);
}

static int find_slot(struct sqlite_engine *e, uint64_t id, uint32_t hour, struct found *out)
{
    struct slot_row row;
    int rc = db_slot_find(e, id, &row);
    if (rc != SQLITE_OK)
        return rc;
    if (!row.found)
        return SQLITE_CORRUPT;
    out->found = row.hour > hour && (row.epoch == 0 || db_epoch_lives(e, row.epoch, hour));
    out->ttl = row.ttl;
    out->version = row.version;
    return SQLITE_OK;
}

int db_job_find(struct sqlite_engine *e, struct store_job *job)
{
    struct found out = {0};
    struct owner owner;

    int rc = db_name_find(e, &job->u.find.name, &owner);
    if (rc != SQLITE_OK)
        return rc;
    if (owner.found) {
        out.found = true;
        out.role = owner.role;
        out.id = owner.id;
        if (owner.role == ROLE_VOUCHER) {
            out.id = 0;
            out.voucher_kind = db_voucher_id_kind(owner.id);
            out.found = db_voucher_id_hour(owner.id) > job->u.find.hour;
        } else if (role_of_slot(owner.role)) {
            rc = find_slot(e, owner.id, job->u.find.hour, &out);
        } else {
            rc = find_queue(e, owner.id, job->u.find.hour, &out);
        }
    }
    if (rc != SQLITE_OK)
        return rc;
    if (out.found)
        job->u.find.found = out;
    else
        job->u.find.found = (struct found){0};
    return SQLITE_OK;
}

/* *damaged: the row is not what was written for it; m is not set. */
static int load_row(struct sqlite_engine *e, sqlite3_stmt *s, struct stored_message *m, bool *damaged)
{
    uint64_t key = column_number(s, 0);
    const struct at_rest_row row = db_message_row(key);
    const struct epoch *epoch = key_ring_find(&e->ring, (uint32_t)column_number(s, 1));
    const uint8_t *sealed = sqlite3_column_blob(s, 4);
    uint8_t bytes[WIRE_ENVELOPE_BYTES];

    *damaged = epoch == NULL || sealed == NULL ||
               sqlite3_column_bytes(s, 4) != sizeof(bytes) + AT_REST_OVERHEAD ||
               column_copy(s, 3, m->handle.b, sizeof(m->handle.b)) != SQLITE_OK ||
               !at_rest_open(bytes, epoch, &row, sealed, sizeof(bytes) + AT_REST_OVERHEAD);
    if (*damaged)
        return SQLITE_OK;
    m->queue = key >> STORE_SEQ_BITS;
    m->seq = (uint32_t)(key & STORE_SEQ_MAX);
    m->hour = epoch->hour;
    m->marked = column_number(s, 2) != 0;
    m->envelope = envelope_new(bytes);
    sodium_memzero(bytes, sizeof(bytes));
    return m->envelope == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

int db_job_load(struct sqlite_engine *e, struct store_job *job)
{
    uint32_t limit = job->u.load.limit < STORE_LOAD_MAX ? job->u.load.limit : STORE_LOAD_MAX;
    uint32_t count = 0;
    bool row = true, damaged;
    int rc = SQLITE_OK;

    job->u.load.damaged = 0;
    sqlite3_stmt *s = statement_get(e, S_MESSAGES_LOAD);
    bind_number(s, 1, db_message_key(job->u.load.queue, job->u.load.from_seq));
    bind_number(s, 2, db_message_key(job->u.load.queue, STORE_SEQ_MAX));
    bind_number(s, 3, job->u.load.hour);
    while (count < limit && rc == SQLITE_OK) {
        rc = statement_row(s, &row);
        if (rc != SQLITE_OK || !row)
            break;
        rc = load_row(e, s, &job->u.load.messages[count], &damaged);
        if (rc == SQLITE_OK && damaged)
            job->u.load.damaged++;
        else if (rc == SQLITE_OK)
            count++;
    }
    sqlite3_reset(s);
    for (; rc != SQLITE_OK && count > 0; count--)
        envelope_unref(job->u.load.messages[count - 1].envelope);
    job->u.load.count = count;
    return rc;
}

/* The value of a row of SLOT_VALUE, malloc'd; NULL if it is empty. SQLITE_CORRUPT: it does not open. */
static int slot_value(struct sqlite_engine *e, sqlite3_stmt *s, uint64_t id, uint8_t **out, uint32_t *size)
{
    const struct at_rest_row row = db_slot_row(id, column_number(s, 0));
    const struct epoch *epoch = key_ring_find(&e->ring, (uint32_t)column_number(s, 1));
    const uint8_t *data = sqlite3_column_blob(s, 2);
    size_t len = (size_t)sqlite3_column_bytes(s, 2);
    size_t over = epoch == NULL || len == 0 ? 0 : AT_REST_OVERHEAD;

    *out = NULL;
    *size = 0;
    if (len < over || len - over > WIRE_SLOT_BYTES_MAX || (len > 0 && data == NULL))
        return SQLITE_CORRUPT;
    if (len == 0)
        return SQLITE_OK;
    uint8_t *value = malloc(len);
    if (value == NULL)
        return SQLITE_NOMEM;
    if (over == 0)
        memcpy(value, data, len);
    else if (!at_rest_open(value, epoch, &row, data, len)) {
        free(value);
        return SQLITE_CORRUPT;
    }
    if (len == over) {
        free(value);
        value = NULL;
    }
    *out = value;
    *size = (uint32_t)(len - over);
    return SQLITE_OK;
}

int db_job_slot(struct sqlite_engine *e, struct store_job *job)
{
    bool found;

    sqlite3_stmt *s = statement_get(e, S_SLOT_VALUE);
    bind_number(s, 1, job->u.slot.id);
    int rc = statement_row(s, &found);
    if (rc != SQLITE_OK)
        return rc;
    /* Without its key it is gone, though the row still stands. */
    if (found && sqlite3_column_type(s, 1) != SQLITE_NULL)
        found = db_epoch_lives(e, (uint32_t)column_number(s, 1), 0);
    job->u.slot.damaged = false;
    job->u.slot.version = 0;
    job->u.slot.value = NULL;
    job->u.slot.size = 0;
    if (found) {
        job->u.slot.version = column_number(s, 0);
        rc = slot_value(e, s, job->u.slot.id, &job->u.slot.value, &job->u.slot.size);
        job->u.slot.damaged = rc == SQLITE_CORRUPT;
    }
    job->u.slot.found = found && !job->u.slot.damaged;
    if (job->u.slot.damaged)
        rc = SQLITE_OK;
    sqlite3_reset(s);
    return rc;
}

static int mark_tells(struct sqlite_engine *e, const struct handle *handle, uint32_t hour, bool *tells)
{
    int rc = SQLITE_OK;
    *tells = false;
    for (uint32_t day = over_first_mark_day(hour); !*tells && rc == SQLITE_OK && day <= hour / HOURS_OF_DAY;
         day++) {
        sqlite3_stmt *s = statement_get(e, S_MARK_IS);
        bind_number(s, 1, day);
        bind_bytes(s, 2, handle->b, sizeof(handle->b));
        rc = statement_exists(s, tells);
    }
    return rc;
}

/* A message that is over and whose mark will be left with the purge. */
static int row_tells(struct sqlite_engine *e, const struct handle *handle, uint32_t hour, bool *tells)
{
    sqlite3_stmt *s = statement_get(e, S_MESSAGE_BY_HANDLE);
    bind_bytes(s, 1, handle->b, sizeof(handle->b));
    int rc = statement_row(s, tells);
    if (rc != SQLITE_OK || !*tells)
        return rc;
    bool marked = column_number(s, 2) != 0;
    uint32_t epoch = (uint32_t)column_number(s, 1);
    sqlite3_reset(s);

    s = statement_get(e, S_EPOCH_HOUR);
    bind_number(s, 1, epoch);
    rc = statement_row(s, tells);
    if (rc != SQLITE_OK || !*tells)
        return rc;
    *tells = marked && over_mark_tells(over_mark_day((uint32_t)column_number(s, 0)), hour);
    sqlite3_reset(s);
    return SQLITE_OK;
}

int db_job_status(struct sqlite_engine *e, struct store_job *job)
{
    for (uint32_t i = 0; i < job->u.status.count; i++) {
        const struct handle *handle = &job->u.status.handles[i];
        bool tells;
        int rc = mark_tells(e, handle, job->u.status.hour, &tells);
        if (rc == SQLITE_OK && !tells)
            rc = row_tells(e, handle, job->u.status.hour, &tells);
        if (rc != SQLITE_OK)
            return rc;
        job->u.status.fates[i] = tells ? FATE_EXPIRED : FATE_UNKNOWN;
    }
    return SQLITE_OK;
}

int db_job_counts(struct sqlite_engine *e, struct store_job *job)
{
    struct counts c = {0};
    bool row;

    sqlite3_stmt *s = statement_get(e, S_TOTALS);
    int rc = statement_row(s, &row);
    if (rc != SQLITE_OK || !row)
        return rc == SQLITE_OK ? SQLITE_CORRUPT : rc;
    c.queues = column_number(s, 0);
    c.slots = column_number(s, 1);
    c.vouchers = column_number(s, 2);
    c.messages = column_number(s, 3);
    c.marks = column_number(s, 4);
    sqlite3_reset(s);

    s = statement_get(e, S_PAGES);
    rc = statement_row(s, &row);
    if (rc != SQLITE_OK || !row)
        return rc == SQLITE_OK ? SQLITE_CORRUPT : rc;
    c.file_bytes = column_number(s, 0);
    sqlite3_reset(s);
    c.passing = e->passing > 0 ? (uint64_t)e->passing : 0; /* less: they could not be counted at the start */
    job->u.counts = c;
    return SQLITE_OK;
}
