/* QUEUE_CREATE, QUEUE_UPDATE, QUEUE_DELETE: docs/protocol.md section 1.1. */
#include "relay/core/inside.h"

/* The secret first; if it is not known any more, a repeat is recognised by the new names. */
enum update_stage { UPDATE_BY_SECRET, UPDATE_BY_NAMES };

static void act_queue_create(struct call *call, const struct command *c, const struct target *t)
{
    struct relay *r = call->relay;
    struct change *change;

    (void)t;
    if (c->u.queue_create.kind == QUEUE_CONVERSATION && c->u.queue_create.names.takes != 1) {
        call_reply(call, STATUS_REFUSED);
        return;
    }
    change = change_new(call->relay, call, WRITE_QUEUE);
    if (change == NULL) {
        call_reply(call, STATUS_BUSY);
        return;
    }
    stored_names_from(&change->names, &c->u.queue_create.names);
    change->write.u.queue.names = &change->names;
    change->write.u.queue.kind = c->u.queue_create.kind;
    change->write.u.queue.ends = relay_queue_ends(r, c->u.queue_create.kind, false);
    change->write.no_room = room_now(r) == ROOM_NONE;
    secret_name(ROLE_VOUCHER, c->u.queue_create.voucher, &change->write.u.queue.voucher);
    change_submit(r, change);
}

/* --- QUEUE_UPDATE --- */

static struct key key_update(const struct call *call, const struct command *c)
{
    struct key key = {.in_memory = false};
    if (call->stage == UPDATE_BY_SECRET) {
        secret_name(ROLE_OWN, c->u.queue_update.own, &key.name);
    } else {
        struct stored_names names;
        stored_names_from(&names, &c->u.queue_update.names);
        key.name = names.own;
    }
    return key;
}

static void renamed(struct relay *r, const struct change *change)
{
    touch_written(r, &change->write);
    exchange_renamed(r, change->write.u.queue.id, &change->names);
}

/* Whoever changes a queue got an answer. An accept that was delivered at once leaves no other trace that is
 * sure to last. */
static void update(struct call *call, const struct command *c, const struct found *found)
{
    struct change *change;

    if (found->kind == QUEUE_CONVERSATION && c->u.queue_update.names.takes != 1) {
        call_reply(call, STATUS_REFUSED);
        return;
    }
    change = change_new(call->relay, call, WRITE_QUEUE_NAMES);
    if (change == NULL) {
        call_reply(call, STATUS_BUSY);
        return;
    }
    stored_names_from(&change->names, &c->u.queue_update.names);
    change->write.u.queue.id = found->id;
    change->write.u.queue.names = &change->names;
    change->write.u.queue.ends = relay_queue_ends(call->relay, found->kind, false);
    touch_answered(call->relay, found->id);
    change->after = renamed;
    change_submit(call->relay, change);
}

static void act_queue_update(struct call *call, const struct command *c, const struct target *t)
{
    if (call->stage == UPDATE_BY_NAMES) {
        struct stored_names names;
        stored_names_from(&names, &c->u.queue_update.names);
        bool repeat = t->role == ROLE_OWN && stored_names_equal(&names, &t->found->names);
        call_reply(call, repeat ? STATUS_OK : STATUS_REFUSED);
    } else if (t->role == ROLE_OWN) {
        update(call, c, t->found);
    } else {
        call->stage = UPDATE_BY_NAMES;
        const struct key key = key_update(call, c);
        call_find(call, c, &key);
    }
}

/* --- QUEUE_DELETE --- */

static enum role delete_role(const struct command *c)
{
    return c->u.queue_delete.role == DELETE_OWN ? ROLE_OWN : ROLE_END;
}

static struct key key_delete(const struct call *call, const struct command *c)
{
    struct key key = {.in_memory = false};
    (void)call;
    secret_name(delete_role(c), c->u.queue_delete.secret, &key.name);
    return key;
}

static void deleted(struct relay *r, const struct change *change)
{
    exchange_deleted(r, change->write.u.queue.id);
}

static void act_queue_delete(struct call *call, const struct command *c, const struct target *t)
{
    struct change *change;

    if (t->role != delete_role(c)) {
        change_answer_when_forgotten(call, STATUS_REFUSED);
        return;
    }
    change = change_new(call->relay, call, WRITE_DROP_QUEUE);
    if (change == NULL) {
        call_reply(call, STATUS_BUSY);
        return;
    }
    change->write.u.queue.id = t->id;
    change->after = deleted;
    change_submit(call->relay, change);
}

static const struct dispatch_row rows[] = {
    {.op = OP_QUEUE_CREATE, .act = act_queue_create},
    {.op = OP_QUEUE_UPDATE, .key = key_update, .act = act_queue_update},
    {.op = OP_QUEUE_DELETE, .key = key_delete, .act = act_queue_delete},
};

struct dispatch_rows act_queue_rows(void)
{
    return (struct dispatch_rows){rows, sizeof(rows) / sizeof(rows[0])};
}
