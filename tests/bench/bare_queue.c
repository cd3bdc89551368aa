/* What peers say, and what they are told: SEND -> queue -> the reader's fill -> ACK -> gone. */
#define _GNU_SOURCE
#include "tests/bench/bare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/talk.h"

enum { LOAD_MAX = 64 };

void *bare_need(void *p)
{
    if (p == NULL) {
        fputs("bench_bare: no memory\n", stderr);
        exit(1);
    }
    return p;
}

/* Room for one more element. */
static void *grown(void *at, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return at;
    *cap = *cap == 0 ? 16 : *cap * 2;
    return bare_need(realloc(at, *cap * size));
}

static void tags_add(struct tags *t, uint32_t tag)
{
    t->at = grown(t->at, t->count, &t->cap, sizeof(*t->at));
    t->at[t->count++] = tag;
}

static struct bare_queue *queue_of(struct bare *b, uint32_t number)
{
    if (number >= QUEUES_MAX)
        return NULL;
    if (b->queues[number] == NULL) {
        struct bare_queue *q = bare_need(calloc(1, sizeof(*q)));
        q->number = number;
        q->waiting_end = &q->waiting;
        q->in_flight_end = &q->in_flight;
        b->queues[number] = q;
    }
    return b->queues[number];
}

/* --- confirming --- */

void peer_confirm(struct peer *p, uint32_t tag)
{
    tags_add(&p->now, tag);
    cable_mark(&p->cable);
}

static void settle_later(struct bare *b, struct peer *p, uint32_t tag)
{
    if (b->settle_ms == 0) {
        peer_confirm(p, tag);
        return;
    }
    tags_add(&p->tick, tag);
    if (!p->is_unsettled) {
        p->is_unsettled = true;
        p->next_unsettled = b->unsettled;
        b->unsettled = p;
    }
}

/* What came in the tick before is confirmed; what came in this one is next. Returns whether there is some. */
static bool settle(struct peer *p)
{
    struct tags spare = p->before;
    for (size_t i = 0; i < spare.count; i++)
        peer_confirm(p, spare.at[i]);
    p->before = p->tick;
    spare.count = 0;
    p->tick = spare;
    return p->before.count > 0;
}

void bare_tick(struct bare *b)
{
    struct peer *list = b->unsettled;
    b->unsettled = NULL;
    while (list != NULL) {
        struct peer *p = list;
        list = p->next_unsettled;
        p->is_unsettled = settle(p);
        if (p->is_unsettled) {
            p->next_unsettled = b->unsettled;
            b->unsettled = p;
        }
    }
}

/* --- delivering --- */

void queue_ready(struct bare_queue *q)
{
    struct peer *p = q->reader;
    if (p == NULL || q->waiting == NULL || q->in_flight_count >= q->window)
        return;
    if (!q->is_ready) {
        q->is_ready = true;
        q->next_ready = p->ready;
        p->ready = q;
    }
    cable_mark(&p->cable);
}

void queue_append(struct bare_queue *q, struct bare_message *m)
{
    m->next = NULL;
    *q->waiting_end = m;
    q->waiting_end = &m->next;
}

static bool deliver_one(struct bare_queue *q, struct record_writer *r)
{
    struct bare_message *m = q->waiting;
    if (!record_fits(r, BARE_DELIVER_BYTES))
        return false;
    struct writer unit = record_unit_begin(r);
    writer_u8(&unit, BARE_DELIVER);
    writer_u32(&unit, m->queue);
    writer_u32(&unit, m->id);
    writer_put(&unit, m->envelope, sizeof(m->envelope));
    if (record_unit_end(r, &unit) != ZG_OK)
        return false;
    q->waiting = m->next;
    if (q->waiting == NULL)
        q->waiting_end = &q->waiting;
    m->next = NULL;
    *q->in_flight_end = m;
    q->in_flight_end = &m->next;
    q->in_flight_count++;
    return true;
}

static void load_more(struct bare *b, struct bare_queue *q)
{
    if (q->is_loading || q->stored_from == q->stored_to || q->waiting != NULL)
        return;
    struct bare_load *l = bare_need(calloc(1, sizeof(*l)));
    l->queue = q->number;
    l->from = q->stored_from;
    l->limit = LOAD_MAX;
    l->next = b->gathering.batch.loads;
    b->gathering.batch.loads = l;
    q->is_loading = true;
}

void bare_fill(struct cable *c, struct record_writer *r)
{
    struct peer *p = (struct peer *)c;
    while (p->now.count > 0 && record_fits(r, 5)) {
        struct writer unit = record_unit_begin(r);
        writer_u8(&unit, BARE_CONFIRM);
        writer_u32(&unit, p->now.at[--p->now.count]);
        if (record_unit_end(r, &unit) != ZG_OK)
            return;
    }
    while (p->ready != NULL) {
        struct bare_queue *q = p->ready;
        while (q->waiting != NULL && q->in_flight_count < q->window) {
            if (!deliver_one(q, r))
                return;
        }
        p->ready = q->next_ready;
        q->is_ready = false;
        load_more(p->bare, q);
    }
}

/* --- what peers say --- */

static void take_send(struct bare *b, struct peer *p, struct bare_queue *q, uint32_t tag, const uint8_t *envelope)
{
    struct bare_message *m = bare_need(malloc(sizeof(*m)));
    m->queue = q->number;
    m->id = q->next_id++;
    m->next = NULL;
    memcpy(m->envelope, envelope, sizeof(m->envelope));
    m->stored = b->store != NULL && (q->reader == NULL || q->stored_from != q->stored_to);
    if (!m->stored) {
        queue_append(q, m);
        queue_ready(q);
        settle_later(b, p, tag);
        return;
    }
    struct work *w = &b->gathering;
    if (q->stored_from == q->stored_to)
        q->stored_from = m->id;
    q->stored_to = m->id + 1;
    *w->batch.inserts_end = m;
    w->batch.inserts_end = &m->next;
    w->waiters = grown(w->waiters, w->count, &w->cap, sizeof(*w->waiters));
    w->waiters[w->count++] = (struct waiter){p, tag};
    p->borrowed++;
}

static void take_ack(struct bare *b, struct bare_queue *q, uint32_t id)
{
    struct bare_message **at = &q->in_flight;
    while (*at != NULL && (*at)->id != id)
        at = &(*at)->next;
    struct bare_message *m = *at;
    if (m == NULL)
        return;
    *at = m->next;
    if (*at == NULL)
        q->in_flight_end = at;
    q->in_flight_count--;
    if (m->stored) {
        struct bare_batch *batch = &b->gathering.batch;
        batch->deletes = grown(batch->deletes, batch->delete_count, &batch->delete_cap, sizeof(*batch->deletes));
        batch->deletes[batch->delete_count++] = bare_key(m->queue, m->id);
    }
    free(m);
    queue_ready(q);
}

static void take_subscribe(struct bare *b, struct peer *p, struct bare_queue *q, uint32_t window)
{
    q->reader = p;
    q->window = window;
    peer_confirm(p, 0);
    load_more(b, q);
    queue_ready(q);
}

bool bare_heard(struct cable *c, struct span unit)
{
    struct peer *p = (struct peer *)c;
    struct bare *b = p->bare;
    struct reader r;
    reader_init(&r, unit.at, unit.len);
    uint8_t kind = reader_u8(&r);
    if (kind == BARE_PING) {
        peer_confirm(p, 0);
        return reader_done(&r);
    }
    struct bare_queue *q = queue_of(b, reader_u32(&r));
    if (q == NULL)
        return false;
    if (kind == BARE_SEND) {
        uint32_t tag = reader_u32(&r);
        const uint8_t *envelope = reader_take(&r, WIRE_ENVELOPE_BYTES);
        if (envelope != NULL)
            take_send(b, p, q, tag, envelope);
    } else if (kind == BARE_SUBSCRIBE) {
        uint32_t window = reader_u16(&r);
        take_subscribe(b, p, q, window);
    } else if (kind == BARE_ACK) {
        while (r.left > 0 && !r.bad)
            take_ack(b, q, reader_u32(&r));
    } else {
        return false;
    }
    return reader_done(&r);
}
