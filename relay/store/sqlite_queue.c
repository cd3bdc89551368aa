/* Writes of queues. Each looks first and changes only when nothing can be refused any more. */
#include "relay/store/sqlite_engine.h"

/* A queue that is to be made. */
struct new_queue {
    uint64_t id;
    enum queue_kind kind;
    bool unanswered;
    uint32_t ends;
    const struct stored_names *names;
    struct named list[NAMES_OF_QUEUE_MAX];
    size_t count;
};

static int queue_add(struct sqlite_engine *e, const struct new_queue *q)
{
    sqlite3_stmt *s = statement_get(e, S_QUEUE_ADD);
    bind_number(s, 1, q->id);
    bind_number(s, 2, q->unanswered ? KIND_UNANSWERED : (uint64_t)q->kind);
    bind_number(s, 3, q->ends);
    bind_number(s, 4, q->names->takes);
    int rc = statement_run_names(s, 5, q->list, q->count);
    if (rc != SQLITE_OK)
        return rc;
    e->delta.queues++;
    return db_names_add(e, q->list, q->count, q->id);
}

/* OK: every name is new and the id is free. EXISTS, REFUSED, CONFLICT as store.h says. */
static int queue_check(struct sqlite_engine *e, const struct new_queue *q, enum outcome *outcome)
{
    enum standing standing;
    struct queue_row row;
    uint64_t id;

    *outcome = OUTCOME_REFUSED;
    if (!names_differ(q->list, q->count))
        return SQLITE_OK;
    int rc = db_names_stand(e, q->list, q->count, &standing, &id);
    if (rc != SQLITE_OK || standing == NAMES_TAKEN)
        return rc;
    rc = db_queue_find(e, standing == NAMES_OF_ONE ? id : q->id, &row);
    if (rc != SQLITE_OK)
        return rc;
    if (standing == NAMES_FREE)
        *outcome = row.found ? OUTCOME_CONFLICT : OUTCOME_OK;
    else if (row.found && row.kind == q->kind && names_of_queue_equal(&row.names, q->names))
        *outcome = OUTCOME_EXISTS;
    return SQLITE_OK;
}

int db_write_queue(struct sqlite_engine *e, struct store_write *w, uint32_t hour)
{
    struct new_queue q = {
        .id = w->u.queue.id, .kind = w->u.queue.kind, .ends = w->u.queue.ends, .names = w->u.queue.names};
    bool good;

    q.count = names_of_queue(q.names, q.list);
    int rc = queue_check(e, &q, &w->outcome);
    if (rc != SQLITE_OK || (w->outcome != OUTCOME_OK && w->outcome != OUTCOME_CONFLICT))
        return rc;
    rc = db_voucher_check(e, &w->u.queue.voucher, voucher_for_queue(q.kind), hour, &good);
    if (rc == SQLITE_OK && !good)
        w->outcome = OUTCOME_REFUSED;
    else if (rc == SQLITE_OK && w->no_room)
        w->outcome = OUTCOME_FULL;
    if (rc != SQLITE_OK || w->outcome != OUTCOME_OK)
        return rc;
    rc = db_voucher_spend(e, &w->u.queue.voucher);
    return rc == SQLITE_OK ? queue_add(e, &q) : rc;
}

/* What a knock needs beside its own queue: the desk is there, the slot's voucher is new, the message too. */
static int knock_check(struct sqlite_engine *e, const struct store_write *w, const struct new_queue *q,
                       uint32_t hour, enum outcome *outcome)
{
    const struct stored_message *m = &w->u.knock.message;
    struct owner owner;
    bool there;

    *outcome = OUTCOME_REFUSED;
    if (names_hold(q->list, q->count, &w->u.knock.slot_voucher))
        return SQLITE_OK;
    int rc = db_name_find(e, &w->u.knock.slot_voucher, &owner);
    if (rc != SQLITE_OK || owner.found)
        return rc;

    sqlite3_stmt *s = statement_get(e, S_QUEUE_IS);
    bind_number(s, 1, m->queue);
    rc = statement_exists(s, &there);
    if (rc != SQLITE_OK || !there)
        return rc;

    rc = db_handle_taken(e, &m->handle, hour, &there);
    if (rc != SQLITE_OK || there)
        return rc;

    s = statement_get(e, S_MESSAGE_IS);
    bind_number(s, 1, db_message_key(m->queue, m->seq));
    rc = statement_exists(s, &there);
    if (rc == SQLITE_OK)
        *outcome = there ? OUTCOME_CONFLICT : OUTCOME_OK;
    return rc;
}

int db_write_knock(struct sqlite_engine *e, struct store_write *w, uint32_t hour)
{
    struct new_queue q = {.id = w->u.knock.id,
                          .kind = QUEUE_CONVERSATION,
                          .unanswered = true,
                          .ends = w->u.knock.ends,
                          .names = w->u.knock.names};
    enum outcome rest;

    q.count = names_of_queue(q.names, q.list);
    int rc = queue_check(e, &q, &w->outcome);
    if (rc != SQLITE_OK || (w->outcome != OUTCOME_OK && w->outcome != OUTCOME_CONFLICT))
        return rc;
    rc = knock_check(e, w, &q, hour, &rest);
    if (rc == SQLITE_OK && rest != OUTCOME_OK)
        w->outcome = rest;
    if (rc != SQLITE_OK || w->outcome != OUTCOME_OK)
        return rc;

    const struct named voucher = {ROLE_VOUCHER, w->u.knock.slot_voucher};
    rc = queue_add(e, &q);
    if (rc == SQLITE_OK)
        rc = db_names_add(e, &voucher, 1, db_voucher_id(VOUCHER_SLOT, w->u.knock.voucher_hour));
    if (rc == SQLITE_OK)
        e->delta.vouchers++;
    return rc == SQLITE_OK ? db_message_add(e, &w->u.knock.message, hour, &w->outcome) : rc;
}

/* Whether a name is free, or is one of this very queue. */
static int name_usable(struct sqlite_engine *e, const struct name *name, uint64_t id, bool *usable)
{
    struct owner owner;
    int rc = db_name_find(e, name, &owner);
    if (rc == SQLITE_OK)
        *usable = !owner.found || (owner.role != ROLE_VOUCHER && !role_of_slot(owner.role) && owner.id == id);
    return rc;
}

int db_write_queue_names(struct sqlite_engine *e, struct store_write *w, uint32_t hour)
{
    struct named old[NAMES_OF_QUEUE_MAX], list[NAMES_OF_QUEUE_MAX];
    size_t count = names_of_queue(w->u.queue.names, list);
    struct queue_row row;
    bool usable = names_differ(list, count);

    (void)hour;
    int rc = db_queue_find(e, w->u.queue.id, &row);
    if (rc == SQLITE_OK && !row.found) {
        w->outcome = OUTCOME_NOT_FOUND;
        return SQLITE_OK;
    }
    for (size_t i = 0; i < count && usable && rc == SQLITE_OK; i++)
        rc = name_usable(e, &list[i].name, w->u.queue.id, &usable);
    if (rc != SQLITE_OK)
        return rc;
    w->outcome = usable ? OUTCOME_OK : OUTCOME_REFUSED;
    if (!usable)
        return SQLITE_OK;

    rc = db_names_drop(e, old, names_of_queue(&row.names, old));
    if (rc == SQLITE_OK)
        rc = db_names_add(e, list, count, w->u.queue.id);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_stmt *s = statement_get(e, S_QUEUE_NAMES);
    bind_number(s, 1, w->u.queue.id);
    bind_number(s, 2, w->u.queue.names->takes);
    bind_number(s, 4, w->u.queue.ends);
    bind_number(s, 5, QUEUE_CONVERSATION);
    return statement_run_names(s, 3, list, count);
}

int db_queue_drop(struct sqlite_engine *e, uint64_t id, bool *found)
{
    struct named list[NAMES_OF_QUEUE_MAX];
    struct queue_row row;

    int rc = db_queue_find(e, id, &row);
    *found = rc == SQLITE_OK && row.found;
    if (!*found)
        return rc;
    rc = db_names_drop(e, list, names_of_queue(&row.names, list));
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_stmt *s = statement_get(e, S_QUEUE_DROP);
    bind_number(s, 1, id);
    e->delta.queues--;
    return statement_run(s);
}

int db_write_drop_queue(struct sqlite_engine *e, struct store_write *w, uint32_t hour)
{
    uint32_t dropped;
    bool found;

    (void)hour;
    int rc = db_queue_drop(e, w->u.queue.id, &found);
    if (rc != SQLITE_OK)
        return rc;
    w->outcome = found ? OUTCOME_OK : OUTCOME_NOT_FOUND;
    if (!found)
        return SQLITE_OK;
    return db_messages_drop(e, w->u.queue.id, UINT32_MAX, &dropped);
}

int db_write_touch(struct sqlite_engine *e, struct store_write *w, uint32_t hour)
{
    sqlite3_stmt *s = statement_get(e, S_QUEUE_TOUCH);
    (void)hour;
    bind_number(s, 1, w->u.queue.id);
    bind_number(s, 2, w->u.queue.ends);
    bind_number(s, 3, w->u.queue.unanswered ? KIND_UNANSWERED : QUEUE_CONVERSATION);
    int rc = statement_run(s);
    if (rc == SQLITE_OK)
        w->outcome = sqlite3_changes(e->db) == 1 ? OUTCOME_OK : OUTCOME_NOT_FOUND;
    return rc;
}
