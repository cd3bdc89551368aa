#include <string.h>

#include "relay/store/memory_engine.h"

/* Oldest hour first, then as the SQLite engine orders them. */
static struct message_row *due_message(struct memory_engine *e, uint32_t hour)
{
    struct message_row *best = NULL;
    for (size_t i = 0; i < e->messages.count; i++) {
        struct message_row *m = table_at(&e->messages, i);
        if (m->hour > hour)
            continue;
        if (best == NULL || m->hour < best->hour ||
            (m->hour == best->hour &&
             (m->queue < best->queue || (m->queue == best->queue && m->seq < best->seq))))
            best = m;
    }
    return best;
}

static struct slot_row *due_slot(struct memory_engine *e, uint32_t hour)
{
    struct slot_row *best = NULL;
    for (size_t i = 0; i < e->slots.count; i++) {
        struct slot_row *s = table_at(&e->slots, i);
        if (s->hour <= hour &&
            (best == NULL || s->hour < best->hour || (s->hour == best->hour && s->id < best->id)))
            best = s;
    }
    return best;
}

static int compare_vouchers(const struct name_row *a, const struct name_row *b)
{
    if (a->hour != b->hour)
        return a->hour < b->hour ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return memcmp(a->named.name.b, b->named.name.b, sizeof(a->named.name.b));
}

static struct name_row *due_voucher(struct memory_engine *e, uint32_t hour)
{
    struct name_row *best = NULL;
    for (size_t i = 0; i < e->names.count; i++) {
        struct name_row *v = table_at(&e->names, i);
        if (v->named.role == ROLE_VOUCHER && v->hour <= hour &&
            (best == NULL || compare_vouchers(v, best) < 0))
            best = v;
    }
    return best;
}

zg_err mem_purge(struct memory_engine *e, struct store_job *job)
{
    uint32_t hour = job->u.purge.hour, left = job->u.purge.limit;
    uint32_t messages = 0, slots = 0, vouchers = 0;
    struct message_row *m;
    struct slot_row *s;
    struct name_row *v;

    while ((m = due_message(e, hour)) != NULL && left > 0) {
        mem_drop_message_row(e, m);
        messages++, left--;
    }
    while ((s = due_slot(e, hour)) != NULL && left > 0) {
        mem_drop_slot_row(e, s);
        slots++, left--;
    }
    while ((v = due_voucher(e, hour)) != NULL && left > 0) {
        table_drop(&e->names, v);
        vouchers++, left--;
    }
    job->u.purge.messages = messages;
    job->u.purge.slots = slots;
    job->u.purge.vouchers = vouchers;
    job->u.purge.more = m != NULL || s != NULL || v != NULL;
    return ZG_OK;
}
