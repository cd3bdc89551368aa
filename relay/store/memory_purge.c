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

static struct queue_row *over_queue_row(struct memory_engine *e, uint32_t hour)
{
    struct queue_row *best = NULL;
    for (size_t i = 0; i < e->queues.count; i++) {
        struct queue_row *q = table_at(&e->queues, i);
        if (over_queue(q->ends, hour) &&
            (best == NULL || q->ends < best->ends || (q->ends == best->ends && q->id < best->id)))
            best = q;
    }
    return best;
}

static struct mark_row *over_mark(struct memory_engine *e, uint32_t hour)
{
    struct mark_row *best = NULL;
    for (size_t i = 0; i < e->marks.count; i++) {
        struct mark_row *m = table_at(&e->marks, i);
        if (m->day < over_first_mark_day(hour) &&
            (best == NULL || m->day < best->day ||
             (m->day == best->day && memcmp(m->handle.b, best->handle.b, sizeof(m->handle.b)) < 0)))
            best = m;
    }
    return best;
}

static bool mark_is(const struct memory_engine *e, const struct mark_row *mark)
{
    for (size_t i = 0; i < e->marks.count; i++) {
        const struct mark_row *m = table_at(&e->marks, i);
        if (m->day == mark->day && memcmp(&m->handle, &mark->handle, sizeof(m->handle)) == 0)
            return true;
    }
    return false;
}

/* Room was reserved. */
static void leave_mark(struct memory_engine *e, const struct message_row *m, uint32_t hour)
{
    const struct mark_row mark = {over_mark_day(m->hour), m->handle};
    if (m->marked && mark.day >= over_first_mark_day(hour) && !mark_is(e, &mark))
        table_add(&e->marks, &mark);
}

static struct message_row *first_of_queue(struct memory_engine *e, uint64_t queue)
{
    struct message_row *best = NULL;
    for (size_t i = 0; i < e->messages.count; i++) {
        struct message_row *m = table_at(&e->messages, i);
        if (m->queue == queue && (best == NULL || m->seq < best->seq))
            best = m;
    }
    return best;
}

/* Oldest end first, each behind its messages. Returns how many rows it may still delete. */
static uint32_t end_queues(struct memory_engine *e, struct store_job *job, uint32_t left)
{
    struct queue_row *q;
    while (left > 0 && job->u.purge.queues < STORE_ENDED_MAX &&
           (q = over_queue_row(e, job->u.purge.hour)) != NULL) {
        struct message_row *m;
        for (; left > 0 && (m = first_of_queue(e, q->id)) != NULL; left--)
            mem_drop_message_row(e, m);
        if (left == 0)
            break;
        job->u.purge.ended[job->u.purge.queues++] = q->id;
        mem_drop_queue_row(e, q);
        left--;
    }
    return left;
}

static void shorten(struct memory_engine *e, uint32_t latest)
{
    /* A later hour has begun once; what was not over then is not over now. */
    if (latest <= e->begun)
        latest = e->begun + 1;
    for (size_t i = 0; i < e->messages.count; i++) {
        struct message_row *m = table_at(&e->messages, i);
        m->hour = m->hour > latest ? latest : m->hour;
    }
    for (size_t i = 0; i < e->slots.count; i++) {
        struct slot_row *s = table_at(&e->slots, i);
        if (s->ttl != WIRE_TTL_LASTING)
            s->hour = s->hour > latest ? latest : s->hour;
    }
}

zg_err mem_purge(struct memory_engine *e, struct store_job *job)
{
    uint32_t hour = job->u.purge.hour, left = job->u.purge.limit;
    uint32_t messages = 0, slots = 0, vouchers = 0, marks = 0;
    struct message_row *m;
    struct slot_row *s;
    struct name_row *v;
    struct mark_row *k;

    if (!table_reserve(&e->marks, e->messages.count))
        return ZG_ERR_MEMORY;
    if (hour > e->begun)
        e->begun = hour;
    if (job->u.purge.latest != 0)
        shorten(e, job->u.purge.latest);
    for (; (m = due_message(e, hour)) != NULL && left > 0; messages++, left--) {
        leave_mark(e, m, hour);
        mem_drop_message_row(e, m);
    }
    for (; (s = due_slot(e, hour)) != NULL && left > 0; slots++, left--)
        mem_drop_slot_row(e, s);
    for (; (v = due_voucher(e, hour)) != NULL && left > 0; vouchers++, left--)
        table_drop(&e->names, v);
    job->u.purge.queues = 0;
    left = end_queues(e, job, left);
    for (; (k = over_mark(e, hour)) != NULL && left > 0; marks++, left--)
        table_drop(&e->marks, k);
    job->u.purge.messages = messages;
    job->u.purge.slots = slots;
    job->u.purge.vouchers = vouchers;
    job->u.purge.marks = marks;
    job->u.purge.more = m != NULL || s != NULL || v != NULL || over_queue_row(e, hour) != NULL || k != NULL;
    return ZG_OK;
}

/* What was purged, or will be, as a message that expired without having been read. */
static bool expired_unread(struct memory_engine *e, const struct handle *handle, uint32_t hour)
{
    const struct message_row *row = mem_handle_row_find(e, handle);
    if (row != NULL && row->marked && over_mark_tells(over_mark_day(row->hour), hour))
        return true;
    for (size_t i = 0; i < e->marks.count; i++) {
        const struct mark_row *m = table_at(&e->marks, i);
        if (memcmp(&m->handle, handle, sizeof(*handle)) == 0 && over_mark_tells(m->day, hour))
            return true;
    }
    return false;
}

zg_err mem_status(struct memory_engine *e, struct store_job *job)
{
    for (uint32_t i = 0; i < job->u.status.count; i++) {
        bool expired = expired_unread(e, &job->u.status.handles[i], job->u.status.hour);
        job->u.status.fates[i] = expired ? FATE_EXPIRED : FATE_UNKNOWN;
    }
    return ZG_OK;
}
