#include "relay/core/expiry.h"

#include "relay/core/inside.h"

enum { PURGE_AGAIN_MS = 5000, HOUR_MS = 3600 * 1000 };

void expiry_init(struct expiry *e)
{
    e->under_way = false;
    e->at = 0; /* what became due while the relay did not run */
}

/* --- memory --- */

static void drop_bucket(struct relay *r, struct link *bucket)
{
    for (struct link *l = bucket->next, *next; l != bucket; l = next) {
        struct message *m = LIST_ITEM(l, struct message, due);
        next = l->next;
        if (m->hour > r->hour)
            continue;
        struct queue *q = m->queue;
        /* Rows are counted when they are deleted. */
        r->stats.expired += !m->written && !m->submitted;
        queue_withdraw(r, m, false);
        queue_deliver(r, q);
    }
}

/* All hours since the last time, but each bucket once. */
static void drop_messages(struct relay *r, uint32_t from)
{
    uint32_t hours = r->hour - from;
    for (uint32_t i = 1; i <= hours && i <= MESSAGE_HOURS; i++)
        drop_bucket(r, &r->messages.hours[(from + i) % MESSAGE_HOURS]);
}

static void drop_leases(struct relay *r)
{
    struct link *leases = &r->messages.leases;
    while (!list_empty(leases)) {
        struct message *m = LIST_ITEM(leases->next, struct message, lease);
        struct queue *q = m->queue;
        if (m->until > r->now.mono_ms)
            return;
        queue_return(r, m);
        queue_deliver(r, q);
    }
}

/* --- disk --- */

static void purged(struct store_job *job)
{
    struct relay *r = job->ctx;
    struct expiry *e = &r->expiry;

    r->jobs--;
    e->under_way = false;
    if (job->result != ZG_OK) {
        e->at = r->now.mono_ms + PURGE_AGAIN_MS;
        return;
    }
    r->stats.expired += job->u.purge.messages;
    bool more = job->u.purge.more || job->u.purge.hour < r->hour;
    e->at = more ? r->now.mono_ms : UINT64_MAX;
}

static void purge(struct relay *r)
{
    struct expiry *e = &r->expiry;

    if (e->under_way || r->draining || r->now.mono_ms < e->at)
        return;
    e->under_way = true;
    e->job = (struct store_job){.kind = JOB_PURGE, .done = purged, .ctx = r};
    e->job.u.purge.hour = r->hour;
    e->job.u.purge.limit = r->limits.purge_rows;
    relay_submit(r, &e->job);
}

void expiry_advance(struct relay *r)
{
    uint32_t before = r->hour;
    uint32_t hour = (uint32_t)(r->now.utc_ms / HOUR_MS);

    if (hour > before) {
        r->hour = hour;
        drop_messages(r, before);
        exchange_sweep(r, true);
        r->expiry.at = r->now.mono_ms;
    }
    drop_leases(r);
    purge(r);
}

/* Milliseconds; 0 if it has begun since relay_advance was called last. */
static uint64_t until_next_hour(const struct relay *r)
{
    uint64_t next = ((uint64_t)r->hour + 1) * HOUR_MS;

    if (r->now.utc_ms >= next)
        return 0;
    /* A clock that was set back may be far behind; then it is looked at again in an hour. */
    return next - r->now.utc_ms < HOUR_MS ? next - r->now.utc_ms : HOUR_MS;
}

uint64_t expiry_deadline(const struct relay *r)
{
    const struct expiry *e = &r->expiry;
    const struct link *leases = &r->messages.leases;
    uint64_t at = r->now.mono_ms + until_next_hour(r);

    if (!list_empty(leases)) {
        uint64_t until = LIST_ITEM(leases->next, struct message, lease)->until;
        at = until < at ? until : at;
    }
    if (!e->under_way && !r->draining && e->at < at)
        at = e->at;
    return at;
}
