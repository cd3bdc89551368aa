#include "relay/core/expiry.h"

#include "relay/core/inside.h"

/* Of five turns of the disk, at least four are for others. */
enum { PURGE_AGAIN_MS = 5000, PAUSE_FACTOR = 4, PAUSE_MIN_MS = 5, PAUSE_MAX_MS = 10000 };

void expiry_init(struct expiry *e)
{
    *e = (struct expiry){.at = 0}; /* what became due while the relay did not run */
}

/* --- memory --- */

static void drop_bucket(struct relay *r, struct link *bucket)
{
    for (struct link *l = bucket->next, *next; l != bucket; l = next) {
        struct message *m = LIST_ITEM(l, struct message, due);
        next = l->next;
        if (m->hour > r->hours.now)
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
    uint32_t hours = r->hours.now - from;
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

    relay_done(r, job);
    e->under_way = false;
    if (job->result != ZG_OK) {
        e->at = r->now.mono_ms + PURGE_AGAIN_MS;
        return;
    }
    r->stats.expired += job->u.purge.messages;
    e->keys_hour = job->u.purge.hour;
    forget_deleted(r);
    for (uint32_t i = 0; i < job->u.purge.queues; i++)
        exchange_deleted(r, job->u.purge.ended[i]);
    e->pause = job->u.purge.more || job->u.purge.limit == 0 || job->u.purge.hour < r->hours.now;
    e->at = e->pause ? 0 : UINT64_MAX;
}

/* A slice is over, the next one waits in proportion to the time it took, so that the disk has time for
 * others. */
static void pause(struct relay *r)
{
    struct expiry *e = &r->expiry;
    uint64_t ms = (r->now.mono_ms - e->since) * PAUSE_FACTOR;

    if (!e->pause)
        return;
    if (ms < PAUSE_MIN_MS)
        ms = PAUSE_MIN_MS;
    if (ms > PAUSE_MAX_MS)
        ms = PAUSE_MAX_MS;
    e->pause = false;
    e->at = r->now.mono_ms + ms;
}

static void purge(struct relay *r)
{
    struct expiry *e = &r->expiry;
    uint32_t limit = r->limits.purge_rows;

    pause(r);
    if (e->under_way || r->draining || r->now.mono_ms < e->at)
        return;
    /* What was acknowledged must leave no mark; but the keys of the hour that has begun go at once. */
    if (messages_owe_rows(r)) {
        e->at = r->now.mono_ms + r->settle_ms;
        if (e->keys_hour == r->hours.now)
            return;
        limit = 0;
    }
    e->under_way = true;
    e->since = r->now.mono_ms;
    e->job = (struct store_job){.kind = JOB_PURGE, .done = purged, .ctx = r};
    e->job.u.purge.hour = r->hours.now;
    /* By a clock that was not set nothing can be said to be too late. */
    e->job.u.purge.latest = r->hours.now < HOUR_FIRST ? 0 : relay_expiry_hour(r, WIRE_TTL_30D);
    e->job.u.purge.limit = limit;
    relay_submit(r, &e->job);
}

void expiry_advance(struct relay *r)
{
    uint32_t before = r->hours.now;

    if (hour_advance(&r->hours, r->now)) {
        drop_messages(r, before);
        touch_hour(r);
        exchange_sweep(r, true);
        r->expiry.at = r->now.mono_ms;
    }
    drop_leases(r);
    purge(r);
}

uint64_t expiry_deadline(const struct relay *r)
{
    const struct expiry *e = &r->expiry;
    const struct link *leases = &r->messages.leases;
    uint64_t at = r->now.mono_ms + hour_left(&r->hours, r->now);

    if (!list_empty(leases)) {
        uint64_t until = LIST_ITEM(leases->next, struct message, lease)->until;
        at = until < at ? until : at;
    }
    if (!e->under_way && !r->draining && e->at < at)
        at = e->at;
    return at;
}
