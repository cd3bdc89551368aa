/* Writes of messages and vouchers. */
#include <sodium.h>

#include "relay/store/sqlite_engine.h"

static int queue_exists(struct sqlite_engine *e, uint64_t id, bool *found)
{
    sqlite3_stmt *s = statement_get(e, S_QUEUE_IS);
    bind_number(s, 1, id);
    return statement_exists(s, found);
}

static int handle_find(struct sqlite_engine *e, const struct handle *handle, bool *found, uint64_t *key,
                       uint32_t *epoch)
{
    sqlite3_stmt *s = statement_get(e, S_MESSAGE_BY_HANDLE);
    bind_bytes(s, 1, handle->b, sizeof(handle->b));
    int rc = statement_row(s, found);
    if (rc == SQLITE_OK && *found)
        *key = column_number(s, 0), *epoch = (uint32_t)column_number(s, 1);
    sqlite3_reset(s);
    return rc;
}

int db_message_drop(struct sqlite_engine *e, uint64_t key, uint32_t epoch)
{
    sqlite3_stmt *s = statement_get(e, S_MESSAGE_DROP);
    bind_number(s, 1, key);
    int rc = statement_run(s);
    if (rc != SQLITE_OK)
        return rc;
    e->delta.messages--;
    return db_due_count(e, epoch, key, -1);
}

int db_messages_drop(struct sqlite_engine *e, uint64_t queue, uint32_t most, uint32_t *dropped)
{
    for (*dropped = 0; *dropped < most; (*dropped)++) {
        bool found;
        sqlite3_stmt *s = statement_get(e, S_MESSAGE_NEXT);
        bind_number(s, 1, db_message_key(queue, 0));
        bind_number(s, 2, db_message_key(queue, STORE_SEQ_MAX));
        int rc = statement_row(s, &found);
        if (rc != SQLITE_OK || !found)
            return rc;
        uint64_t key = column_number(s, 0);
        uint32_t epoch = (uint32_t)column_number(s, 1);
        sqlite3_reset(s);
        rc = db_message_drop(e, key, epoch);
        if (rc != SQLITE_OK)
            return rc;
    }
    return SQLITE_OK;
}

int db_handle_taken(struct sqlite_engine *e, const struct handle *handle, uint32_t hour, bool *taken)
{
    uint64_t key = 0;
    uint32_t epoch = 0;
    int rc = handle_find(e, handle, taken, &key, &epoch);
    if (rc != SQLITE_OK || !*taken || db_epoch_lives(e, epoch, hour))
        return rc;
    *taken = false;
    return db_message_drop(e, key, epoch);
}

/* *added: false if the key or the handle is there. */
static int insert(struct sqlite_engine *e, const struct stored_message *m, bool *added)
{
    uint64_t key = db_message_key(m->queue, m->seq);
    const struct at_rest_row row = db_message_row(key);
    const struct epoch *epoch;

    int rc = db_epoch_use(e, m->hour, &epoch);
    if (rc != SQLITE_OK)
        return rc;
    uint32_t epoch_id = epoch->id;
    at_rest_seal(e->sealed, epoch, &row, m->envelope->bytes, WIRE_ENVELOPE_BYTES, &e->rng);
    sqlite3_stmt *s = statement_get(e, S_MESSAGE_ADD);
    bind_number(s, 1, key);
    bind_number(s, 2, epoch_id);
    bind_number(s, 3, m->marked);
    bind_bytes(s, 4, m->handle.b, sizeof(m->handle.b));
    bind_bytes(s, 5, e->sealed, WIRE_ENVELOPE_BYTES + AT_REST_OVERHEAD);
    rc = statement_run(s);
    sodium_memzero(e->sealed, WIRE_ENVELOPE_BYTES + AT_REST_OVERHEAD);
    *added = rc == SQLITE_OK && sqlite3_changes(e->db) == 1;
    e->delta.messages += *added;
    return *added ? db_due_count(e, epoch_id, key, 1) : rc;
}

int db_message_add(struct sqlite_engine *e, const struct stored_message *m, uint32_t hour,
                   enum outcome *outcome)
{
    bool added, taken = false;

    int rc = insert(e, m, &added);
    if (rc == SQLITE_OK && !added)
        rc = db_handle_taken(e, &m->handle, hour, &taken);
    if (rc == SQLITE_OK && !added && !taken)
        rc = insert(e, m, &added);
    if (rc == SQLITE_OK)
        *outcome = added ? OUTCOME_OK : taken ? OUTCOME_EXISTS : OUTCOME_CONFLICT;
    return rc;
}

int db_write_message(struct sqlite_engine *e, struct store_write *w, uint32_t hour)
{
    bool found;
    int rc = queue_exists(e, w->u.message.queue, &found);
    if (rc != SQLITE_OK)
        return rc;
    if (!found) {
        w->outcome = OUTCOME_NOT_FOUND;
        return SQLITE_OK;
    }
    return db_message_add(e, &w->u.message, hour, &w->outcome);
}

int db_write_drop_message(struct sqlite_engine *e, struct store_write *w, uint32_t hour)
{
    uint64_t key = db_message_key(w->u.message.queue, w->u.message.seq);
    bool found;
    (void)hour;
    w->outcome = OUTCOME_OK;
    sqlite3_stmt *s = statement_get(e, S_MESSAGE_EPOCH);
    bind_number(s, 1, key);
    int rc = statement_row(s, &found);
    if (rc != SQLITE_OK || !found)
        return rc;
    uint32_t epoch = (uint32_t)column_number(s, 0);
    sqlite3_reset(s);
    return db_message_drop(e, key, epoch);
}

int db_write_drop_handle(struct sqlite_engine *e, struct store_write *w, uint32_t hour)
{
    bool found;
    uint64_t key = 0;
    uint32_t epoch;
    (void)hour;
    int rc = handle_find(e, &w->u.message.handle, &found, &key, &epoch);
    if (rc != SQLITE_OK)
        return rc;
    w->outcome = found ? OUTCOME_OK : OUTCOME_NOT_FOUND;
    if (!found)
        return SQLITE_OK;
    w->u.message.queue = key >> STORE_SEQ_BITS;
    w->u.message.seq = (uint32_t)(key & STORE_SEQ_MAX);
    return db_message_drop(e, key, epoch);
}

int db_voucher_check(struct sqlite_engine *e, const struct name *name, enum voucher_kind kind, uint32_t hour,
                     bool *good)
{
    struct owner owner;
    int rc = db_name_find(e, name, &owner);
    if (rc == SQLITE_OK)
        *good = owner.found && owner.role == ROLE_VOUCHER && db_voucher_id_kind(owner.id) == kind &&
                db_voucher_id_hour(owner.id) > hour;
    return rc;
}

int db_voucher_spend(struct sqlite_engine *e, const struct name *name)
{
    const struct named one = {ROLE_VOUCHER, *name};
    e->delta.vouchers--;
    return db_names_drop(e, &one, 1);
}

int db_write_vouchers(struct sqlite_engine *e, struct store_write *w, uint32_t hour)
{
    (void)hour;
    w->outcome = OUTCOME_OK;
    for (size_t i = 0; i < w->u.vouchers.count; i++) {
        sqlite3_stmt *s = statement_get(e, S_NAME_OFFER);
        bind_name(s, 1, &w->u.vouchers.names[i]);
        bind_number(s, 2, ROLE_VOUCHER);
        bind_number(s, 3, db_voucher_id(w->u.vouchers.kind, w->u.vouchers.hour));
        int rc = statement_run(s);
        if (rc != SQLITE_OK)
            return rc;
        e->delta.vouchers += sqlite3_changes(e->db);
    }
    return SQLITE_OK;
}
