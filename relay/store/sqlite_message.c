/* Writes of messages and vouchers. */
#include "relay/store/sqlite_engine.h"

static int queue_exists(struct sqlite_engine *e, uint64_t id, bool *found)
{
    sqlite3_stmt *s = statement_get(e, S_QUEUE_IS);
    bind_number(s, 1, id);
    return statement_exists(s, found);
}

static int handle_find(struct sqlite_engine *e, const struct handle *handle, bool *found, uint64_t *key)
{
    sqlite3_stmt *s = statement_get(e, S_MESSAGE_BY_HANDLE);
    bind_bytes(s, 1, handle->b, sizeof(handle->b));
    int rc = statement_row(s, found);
    if (rc == SQLITE_OK && *found)
        *key = column_number(s, 0);
    sqlite3_reset(s);
    return rc;
}

int db_message_add(struct sqlite_engine *e, const struct stored_message *m, enum outcome *outcome)
{
    sqlite3_stmt *s = statement_get(e, S_MESSAGE_ADD);
    bind_number(s, 1, db_message_key(m->queue, m->seq));
    bind_number(s, 2, m->hour);
    bind_bytes(s, 3, m->handle.b, sizeof(m->handle.b));
    bind_bytes(s, 4, m->envelope->bytes, sizeof(m->envelope->bytes));
    int rc = statement_run(s);
    if (rc != SQLITE_OK)
        return rc;
    if (sqlite3_changes(e->db) == 1) {
        e->delta.messages++;
        *outcome = OUTCOME_OK;
        return SQLITE_OK;
    }

    bool known;
    uint64_t key;
    rc = handle_find(e, &m->handle, &known, &key);
    if (rc == SQLITE_OK)
        *outcome = known ? OUTCOME_EXISTS : OUTCOME_CONFLICT;
    return rc;
}

int db_write_message(struct sqlite_engine *e, struct store_write *w, uint32_t hour)
{
    bool found;
    (void)hour;
    int rc = queue_exists(e, w->u.message.queue, &found);
    if (rc != SQLITE_OK)
        return rc;
    if (!found) {
        w->outcome = OUTCOME_NOT_FOUND;
        return SQLITE_OK;
    }
    return db_message_add(e, &w->u.message, &w->outcome);
}

static int drop_key(struct sqlite_engine *e, uint64_t key)
{
    sqlite3_stmt *s = statement_get(e, S_MESSAGE_DROP);
    bind_number(s, 1, key);
    int rc = statement_run(s);
    if (rc == SQLITE_OK)
        e->delta.messages -= sqlite3_changes(e->db);
    return rc;
}

int db_write_drop_message(struct sqlite_engine *e, struct store_write *w, uint32_t hour)
{
    (void)hour;
    w->outcome = OUTCOME_OK;
    return drop_key(e, db_message_key(w->u.message.queue, w->u.message.seq));
}

int db_write_drop_handle(struct sqlite_engine *e, struct store_write *w, uint32_t hour)
{
    bool found;
    uint64_t key = 0;
    (void)hour;
    int rc = handle_find(e, &w->u.message.handle, &found, &key);
    if (rc != SQLITE_OK)
        return rc;
    w->outcome = found ? OUTCOME_OK : OUTCOME_NOT_FOUND;
    if (!found)
        return SQLITE_OK;
    w->u.message.queue = key >> STORE_SEQ_BITS;
    w->u.message.seq = (uint32_t)(key & STORE_SEQ_MAX);
    return drop_key(e, key);
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
