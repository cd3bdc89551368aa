#include <stdlib.h>

#include "relay/store/memory_engine.h"

/* How many of the names are stored; *owner is the row of the first that is. */
static size_t names_stored(struct memory_engine *e, const struct named *list, size_t count,
                           struct name_row **owner)
{
    size_t n = 0;
    *owner = NULL;
    for (size_t i = 0; i < count; i++) {
        struct name_row *row = mem_name_row_find(e, &list[i].name);
        if (row == NULL)
            continue;
        n++;
        if (*owner == NULL)
            *owner = row;
    }
    return n;
}

/* Whether the handle is stored. What is over does not count, and makes room. */
static bool handle_taken(struct memory_engine *e, const struct handle *handle, uint32_t hour)
{
    struct message_row *row = mem_handle_row_find(e, handle);
    if (row == NULL)
        return false;
    if (mem_lives(e, row->hour, hour))
        return true;
    mem_drop_message_row(e, row);
    return false;
}

static enum outcome add_message(struct memory_engine *e, const struct stored_message *m, uint32_t hour,
                                uint8_t **spare)
{
    if (handle_taken(e, &m->handle, hour))
        return OUTCOME_EXISTS;
    if (mem_message_row_find(e, m->queue, m->seq) != NULL)
        return OUTCOME_CONFLICT;
    const struct message_row row = {m->queue, m->seq, m->hour, m->marked, m->handle, *spare};
    *spare = NULL;
    table_add(&e->messages, &row);
    return OUTCOME_OK;
}

static struct name_row *voucher_find(struct memory_engine *e, const struct name *name, enum voucher_kind kind,
                                     uint32_t hour)
{
    struct name_row *row = mem_name_row_find(e, name);
    if (row == NULL || row->named.role != ROLE_VOUCHER || row->kind != kind || row->hour <= hour)
        return NULL;
    return row;
}

static void add_voucher(struct memory_engine *e, const struct name *name, enum voucher_kind kind,
                        uint32_t hour)
{
    const struct name_row row = {.named = {ROLE_VOUCHER, *name}, .kind = kind, .hour = hour};
    if (mem_name_row_find(e, name) == NULL)
        table_add(&e->names, &row);
}

static enum outcome check_queue(struct memory_engine *e, const struct queue_row *q, const struct named *list,
                                size_t count)
{
    struct name_row *owner;
    if (!names_differ(list, count))
        return OUTCOME_REFUSED;
    size_t stored = names_stored(e, list, count, &owner);
    if (stored == 0)
        return OUTCOME_OK;
    if (owner->named.role == ROLE_VOUCHER || role_of_slot(owner->named.role))
        return OUTCOME_REFUSED;
    const struct queue_row *row = mem_queue_row_find(e, owner->id);
    bool same = row->kind == q->kind && names_of_queue_equal(&row->names, &q->names);
    return same ? OUTCOME_EXISTS : OUTCOME_REFUSED;
}

static enum outcome make_queue(struct memory_engine *e, const struct store_write *w, uint32_t hour)
{
    const struct queue_row q = {
        .id = w->u.queue.id, .kind = w->u.queue.kind, .ends = w->u.queue.ends, .names = *w->u.queue.names};
    struct named list[NAMES_OF_QUEUE_MAX];
    size_t count = names_of_queue(&q.names, list);

    enum outcome outcome = check_queue(e, &q, list, count);
    if (outcome != OUTCOME_OK)
        return outcome;
    struct name_row *voucher = voucher_find(e, &w->u.queue.voucher, voucher_for_queue(q.kind), hour);
    if (voucher == NULL)
        return OUTCOME_REFUSED;
    if (w->no_room)
        return OUTCOME_FULL;
    if (mem_queue_row_find(e, q.id) != NULL)
        return OUTCOME_CONFLICT;
    table_drop(&e->names, voucher);
    mem_add_names(e, list, count, q.id);
    table_add(&e->queues, &q);
    return OUTCOME_OK;
}

static enum outcome make_knock(struct memory_engine *e, const struct store_write *w, uint32_t hour,
                               uint8_t **spare)
{
    const struct queue_row q = {.id = w->u.knock.id,
                                .kind = QUEUE_CONVERSATION,
                                .ends = w->u.knock.ends,
                                .unanswered = true,
                                .names = *w->u.knock.names};
    const struct stored_message *m = &w->u.knock.message;
    struct named list[NAMES_OF_QUEUE_MAX];
    size_t count = names_of_queue(&q.names, list);

    enum outcome outcome = check_queue(e, &q, list, count);
    if (outcome != OUTCOME_OK)
        return outcome;
    if (names_hold(list, count, &w->u.knock.slot_voucher) ||
        mem_name_row_find(e, &w->u.knock.slot_voucher) != NULL)
        return OUTCOME_REFUSED;
    if (mem_queue_row_find(e, m->queue) == NULL || handle_taken(e, &m->handle, hour))
        return OUTCOME_REFUSED;
    if (mem_queue_row_find(e, q.id) != NULL || mem_message_row_find(e, m->queue, m->seq) != NULL)
        return OUTCOME_CONFLICT;
    mem_add_names(e, list, count, q.id);
    table_add(&e->queues, &q);
    add_voucher(e, &w->u.knock.slot_voucher, VOUCHER_SLOT, w->u.knock.voucher_hour);
    return add_message(e, m, hour, spare);
}

static enum outcome rename_queue(struct memory_engine *e, const struct store_write *w)
{
    struct named list[NAMES_OF_QUEUE_MAX], old[NAMES_OF_QUEUE_MAX];
    size_t count = names_of_queue(w->u.queue.names, list);
    struct queue_row *q = mem_queue_row_find(e, w->u.queue.id);

    if (q == NULL)
        return OUTCOME_NOT_FOUND;
    size_t old_count = names_of_queue(&q->names, old);
    bool usable = names_differ(list, count);
    for (size_t i = 0; i < count; i++)
        if (mem_name_row_find(e, &list[i].name) != NULL && !names_hold(old, old_count, &list[i].name))
            usable = false;
    if (!usable)
        return OUTCOME_REFUSED;
    mem_drop_names(e, old, old_count);
    mem_add_names(e, list, count, q->id);
    q->names = *w->u.queue.names;
    q->ends = w->u.queue.ends > q->ends ? w->u.queue.ends : q->ends;
    q->unanswered = false;
    return OUTCOME_OK;
}

static enum outcome drop_queue(struct memory_engine *e, uint64_t id)
{
    struct queue_row *q = mem_queue_row_find(e, id);
    if (q == NULL)
        return OUTCOME_NOT_FOUND;
    for (size_t i = e->messages.count; i-- > 0;) {
        struct message_row *m = table_at(&e->messages, i);
        if (m->queue == id)
            mem_drop_message_row(e, m);
    }
    mem_drop_queue_row(e, q);
    return OUTCOME_OK;
}

static enum outcome make_slot(struct memory_engine *e, const struct store_write *w, uint32_t hour)
{
    const struct slot_row slot = {
        .id = w->u.slot.id, .hour = w->u.slot.hour, .names = w->u.slot.names, .ttl = w->u.slot.ttl};
    struct named list[NAMES_OF_SLOT], have[NAMES_OF_SLOT];
    struct name_row *owner;

    names_of_slot(&slot.names, list);
    if (!names_differ(list, NAMES_OF_SLOT))
        return OUTCOME_REFUSED;
    if (names_stored(e, list, NAMES_OF_SLOT, &owner) > 0) {
        if (!role_of_slot(owner->named.role))
            return OUTCOME_REFUSED;
        const struct slot_row *row = mem_slot_row_find(e, owner->id);
        names_of_slot(&row->names, have);
        bool same = row->ttl == slot.ttl;
        for (size_t i = 0; i < NAMES_OF_SLOT; i++)
            same = same && name_equal(&have[i].name, &list[i].name);
        return same ? OUTCOME_EXISTS : OUTCOME_REFUSED;
    }
    struct name_row *voucher = voucher_find(e, &w->u.slot.voucher, voucher_for_slot(slot.ttl), hour);
    if (voucher == NULL)
        return OUTCOME_REFUSED;
    if (w->no_room ||
        (slot.ttl != WIRE_TTL_LASTING && w->u.slot.most != 0 && mem_passing(e) >= w->u.slot.most))
        return OUTCOME_FULL;
    if (mem_slot_row_find(e, slot.id) != NULL)
        return OUTCOME_CONFLICT;
    table_drop(&e->names, voucher);
    mem_add_names(e, list, NAMES_OF_SLOT, slot.id);
    table_add(&e->slots, &slot);
    return OUTCOME_OK;
}

static enum outcome set_slot(struct memory_engine *e, const struct store_write *w, uint8_t **spare)
{
    struct slot_row *slot = mem_slot_row_find(e, w->u.slot.id);
    if (slot == NULL)
        return OUTCOME_NOT_FOUND;
    if (slot->version != w->u.slot.expected)
        return OUTCOME_CONFLICT;
    if (w->no_room && slot->ttl == WIRE_TTL_LASTING && w->u.slot.size > slot->size)
        return OUTCOME_FULL;
    free(slot->value);
    slot->value = *spare;
    *spare = NULL;
    slot->size = w->u.slot.size;
    slot->hour = w->u.slot.hour;
    slot->version++;
    return OUTCOME_OK;
}

static enum outcome rename_slot(struct memory_engine *e, const struct store_write *w)
{
    struct named list[NAMES_OF_SLOT], old[NAMES_OF_SLOT];
    struct slot_row *slot = mem_slot_row_find(e, w->u.slot.id);
    if (slot == NULL)
        return OUTCOME_NOT_FOUND;
    names_of_slot(&w->u.slot.names, list);
    names_of_slot(&slot->names, old);
    bool usable = names_differ(list, NAMES_OF_SLOT);
    for (size_t i = 0; i < NAMES_OF_SLOT; i++)
        if (mem_name_row_find(e, &list[i].name) != NULL && !names_hold(old, NAMES_OF_SLOT, &list[i].name))
            usable = false;
    if (!usable)
        return OUTCOME_REFUSED;
    mem_drop_names(e, old, NAMES_OF_SLOT);
    mem_add_names(e, list, NAMES_OF_SLOT, slot->id);
    slot->names = w->u.slot.names;
    return OUTCOME_OK;
}

static enum outcome drop_handle(struct memory_engine *e, struct store_write *w)
{
    struct message_row *m = mem_handle_row_find(e, &w->u.message.handle);
    if (m == NULL)
        return OUTCOME_NOT_FOUND;
    w->u.message.queue = m->queue;
    w->u.message.seq = m->seq;
    mem_drop_message_row(e, m);
    return OUTCOME_OK;
}

static enum outcome drop_message(struct memory_engine *e, const struct store_write *w)
{
    struct message_row *m = mem_message_row_find(e, w->u.message.queue, w->u.message.seq);
    if (m != NULL)
        mem_drop_message_row(e, m);
    return OUTCOME_OK;
}

static enum outcome touch(struct memory_engine *e, const struct store_write *w)
{
    struct queue_row *q = mem_queue_row_find(e, w->u.queue.id);
    if (q == NULL)
        return OUTCOME_NOT_FOUND;
    q->ends = w->u.queue.ends;
    q->unanswered = w->u.queue.unanswered && q->kind == QUEUE_CONVERSATION;
    return OUTCOME_OK;
}

static enum outcome make_vouchers(struct memory_engine *e, const struct store_write *w)
{
    for (size_t i = 0; i < w->u.vouchers.count; i++)
        add_voucher(e, &w->u.vouchers.names[i], w->u.vouchers.kind, w->u.vouchers.hour);
    return OUTCOME_OK;
}

static enum outcome make_message(struct memory_engine *e, const struct store_write *w, uint32_t hour,
                                 uint8_t **spare)
{
    if (mem_queue_row_find(e, w->u.message.queue) == NULL)
        return OUTCOME_NOT_FOUND;
    return add_message(e, &w->u.message, hour, spare);
}

enum outcome mem_carry_out(struct memory_engine *e, struct store_write *w, uint32_t hour, uint8_t **spare)
{
    switch (w->kind) {
    case WRITE_MESSAGE:
        return make_message(e, w, hour, spare);
    case WRITE_DROP_MESSAGE:
        return drop_message(e, w);
    case WRITE_DROP_HANDLE:
        return drop_handle(e, w);
    case WRITE_QUEUE:
        return make_queue(e, w, hour);
    case WRITE_KNOCK:
        return make_knock(e, w, hour, spare);
    case WRITE_QUEUE_NAMES:
        return rename_queue(e, w);
    case WRITE_DROP_QUEUE:
        return drop_queue(e, w->u.queue.id);
    case WRITE_TOUCH:
        return touch(e, w);
    case WRITE_VOUCHERS:
        return make_vouchers(e, w);
    case WRITE_SLOT:
        return make_slot(e, w, hour);
    case WRITE_SLOT_VALUE:
        return set_slot(e, w, spare);
    case WRITE_SLOT_NAMES:
        return rename_slot(e, w);
    case WRITE_DROP_SLOT:
        break;
    }
    struct slot_row *slot = mem_slot_row_find(e, w->u.slot.id);
    if (slot == NULL)
        return OUTCOME_NOT_FOUND;
    mem_drop_slot_row(e, slot);
    return OUTCOME_OK;
}
