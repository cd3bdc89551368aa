#include "relay/core/queue.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

#include "relay/core/inside.h"

enum { LOAD_AGAIN_MS = 1000 };

struct load {
    struct store_job job;
    struct relay *relay;
    struct queue *queue;
    uint32_t end;   /* disk_end when it was submitted */
    uint32_t stale; /* the lowest seq that was left to the disk since then */
};

static struct message *first(const struct link *list)
{
    return list_empty(list) ? NULL : LIST_ITEM(list->next, struct message, place);
}

/* By seq; nearly always at the end. */
static void insert(struct queue *q, struct message *m)
{
    struct link *at = &q->waiting;
    while (at->prev != &q->waiting && LIST_ITEM(at->prev, struct message, place)->seq > m->seq)
        at = at->prev;
    list_insert_before(at, &m->place);
}

void queue_add(struct relay *r, struct queue *q, struct message *m)
{
    message_move(r, m, MESSAGE_WAITING);
    m->queue = q;
    insert(q, m);
}

/*
 * A row of the queue has the handle of a message in memory. Mostly it is that message. But a message that is
 * sent again while the first copy lies on disk is in memory too, until the store says that it has it: then it
 * takes the row's place, and the row's time, which may be another one than that of the second copy.
 */
static void adopt(struct relay *r, struct queue *q, struct message *m, const struct stored_message *row)
{
    if (m->queue_id != q->id || m->written || m->state == MESSAGE_GONE || m->state == MESSAGE_HELD)
        return;
    m->seq = row->seq;
    m->written = true;
    message_lasts(r, m, row);
    if (m->state == MESSAGE_WAITING) {
        list_remove(&m->place);
        insert(q, m);
    } else if (m->state == MESSAGE_ACKED) {
        message_drop_row(r, m);
    } else if (!m->unsent) {
        message_drop_envelope(r, m);
    }
}

/* --- loading --- */

static bool on_disk(const struct queue *q)
{
    return q->disk_from < q->disk_end;
}

static void try_later(struct relay *r, struct queue *q)
{
    struct exchange *x = &r->exchange;
    if (list_empty(&x->retry))
        x->retry_at = r->now.mono_ms + LOAD_AGAIN_MS;
    if (list_empty(&q->idle))
        list_append(&x->retry, &q->idle);
}

void queues_retry(struct relay *r)
{
    struct exchange *x = &r->exchange;
    struct link due;

    if (list_empty(&x->retry) || r->now.mono_ms < x->retry_at)
        return;
    /* Those that fail again come into a list of their own. */
    list_init(&due);
    while (!list_empty(&x->retry)) {
        struct link *l = x->retry.next;
        list_remove(l);
        list_append(&due, l);
    }
    while (!list_empty(&due)) {
        struct queue *q = LIST_ITEM(due.next, struct queue, idle);
        list_remove(&q->idle);
        queue_deliver(r, q);
    }
}

/* A row that was read; its envelope is taken. false: no memory. */
static bool take_row(struct relay *r, struct queue *q, const struct stored_message *row)
{
    struct message *m = message_find(r, &row->handle);

    if (m != NULL)
        adopt(r, q, m, row);
    /* An hour may have begun while it was read. */
    if (m != NULL || row->hour <= r->hours.now) {
        envelope_unref(row->envelope);
        return true;
    }
    m = message_new(r, row);
    if (m == NULL)
        return false;
    m->written = true;
    queue_add(r, q, m);
    return true;
}

static void take_rows(struct relay *r, struct queue *q, const struct load *load)
{
    const struct store_job *job = &load->job;
    uint32_t count = job->u.load.count;
    uint32_t i = 0;

    while (i < count && take_row(r, q, &job->u.load.messages[i]))
        i++;
    if (i < count) {
        q->disk_from = job->u.load.messages[i].seq;
        try_later(r, q);
    } else {
        q->disk_from = count < job->u.load.limit ? load->end : job->u.load.messages[count - 1].seq + 1;
    }
    if (load->stale < q->disk_from)
        q->disk_from = load->stale;
    for (; i < count; i++)
        envelope_unref(job->u.load.messages[i].envelope);
}

static uint64_t load_bytes(const struct store_job *job)
{
    return (uint64_t)job->u.load.limit * sizeof(struct envelope);
}

static void drop_rows(const struct store_job *job)
{
    for (uint32_t i = 0; i < job->u.load.count; i++)
        envelope_unref(job->u.load.messages[i].envelope);
}

static void loaded(struct store_job *job)
{
    struct load *load = job->ctx;
    struct relay *r = load->relay;
    struct queue *q = load->queue;

    relay_done(r, job);
    r->exchange.loading -= load_bytes(job);
    q->load = NULL;
    if (q->deleted) {
        if (job->result == ZG_OK)
            drop_rows(job);
        free(q);
    } else if (job->result != ZG_OK) {
        if (q->reader != NULL)
            try_later(r, q);
        exchange_rest(r, q);
    } else if (q->reader == NULL) {
        drop_rows(job);
        exchange_rest(r, q);
    } else {
        take_rows(r, q, load);
        queue_deliver(r, q);
    }
    sodium_memzero(load, sizeof(*load)); /* it has hashes of handles */
    free(load);
}

/* A window is read ahead, so that a reader who acknowledges one by one does not cause a job each time. */
static uint32_t load_limit(const struct relay *r, const struct queue *q)
{
    uint64_t held = r->stats.bytes_in_flight + r->exchange.loading;
    uint32_t limit = q->reader->window;
    if (held > r->limits.memory_bytes)
        return 1;
    if (held > r->limits.memory_bytes / 2)
        limit -= q->in_flight;
    return limit < STORE_LOAD_MAX ? limit : STORE_LOAD_MAX;
}

static void start_load(struct relay *r, struct queue *q)
{
    if (q->load != NULL)
        return;
    struct load *load = malloc(sizeof(*load));
    if (load == NULL) {
        try_later(r, q);
        return;
    }
    load->relay = r;
    load->queue = q;
    load->end = q->disk_end;
    load->stale = UINT32_MAX;
    load->job.kind = JOB_LOAD;
    load->job.done = loaded;
    load->job.ctx = load;
    load->job.u.load.queue = q->id;
    load->job.u.load.from_seq = q->disk_from;
    load->job.u.load.hour = r->hours.now;
    load->job.u.load.limit = load_limit(r, q);
    load->job.u.load.count = 0;
    load->job.u.load.damaged = 0;
    q->load = load;
    r->exchange.loading += load_bytes(&load->job);
    relay_submit(r, &load->job);
}

/* It is left to the disk. */
static void spill(struct relay *r, struct queue *q, struct message *m)
{
    uint32_t seq = m->seq;

    assert(m->written && !m->submitted);
    message_end(r, m, MESSAGE_GONE, false);
    if (!on_disk(q)) {
        q->disk_from = seq;
        q->disk_end = seq + 1;
    } else {
        q->disk_from = seq < q->disk_from ? seq : q->disk_from;
        q->disk_end = seq >= q->disk_end ? seq + 1 : q->disk_end;
    }
    if (q->load != NULL && seq < q->load->stale)
        q->load->stale = seq;
}

void queue_written(struct relay *r, struct message *m)
{
    struct queue *q = m->queue;

    if (q->desk != NULL)
        q->desk->stored++;
    if (m->state == MESSAGE_WAITING) {
        spill(r, q, m);
        exchange_rest(r, q);
    } else if (!m->unsent) {
        message_drop_envelope(r, m);
    }
}

/* --- delivering --- */

static void hand_out(struct relay *r, struct queue *q, struct message *m)
{
    struct subscription *sub = q->reader;

    message_move(r, m, MESSAGE_FLIGHT);
    list_append(&q->flight, &m->place);
    q->in_flight++;
    m->id = sub->next_id++;
    m->failed = false;
    const struct out out = {.op = OP_DELIVER, .seq = m->id, .u.message = m};
    m->unsent = session_push(sub->session, &out, &m->out);
}

void queue_deliver(struct relay *r, struct queue *q)
{
    struct subscription *sub = q->reader;

    while (sub != NULL && q->in_flight < sub->window) {
        struct message *m = first(&q->waiting);
        bool load_first = on_disk(q) && (m == NULL || m->seq >= q->disk_from);
        if (m == NULL && !load_first)
            break;
        if (!session_has_room(sub->session)) {
            session_starves(sub);
            break;
        }
        if (load_first) {
            start_load(r, q);
            break;
        }
        hand_out(r, q, m);
    }
    exchange_rest(r, q);
}

void queue_sent(struct relay *r, struct message *m)
{
    m->unsent = false;
    r->stats.delivered++;
    if (m->written)
        message_drop_envelope(r, m);
}

/* Out of its queue's list; what its reader was not told yet is not said. true: he was told. */
static bool take_out(struct message *m)
{
    struct queue *q = m->queue;
    bool told = m->state == MESSAGE_FLIGHT && !m->unsent;

    if (m->state == MESSAGE_FLIGHT)
        q->in_flight--;
    if (m->unsent)
        session_take_back(q->reader->session, m->out);
    m->unsent = false;
    return told;
}

static void desk_has_one_less(struct queue *q, const struct message *m)
{
    if (q->desk != NULL && m->written && q->desk->stored > 0)
        q->desk->stored--;
}

void queue_acked(struct relay *r, struct message *m)
{
    struct queue *q = m->queue;
    r->stats.acknowledged++;
    desk_has_one_less(q, m);
    take_out(m);
    message_end(r, m, MESSAGE_ACKED, true);
}

void queue_withdraw(struct relay *r, struct message *m, bool drop_row)
{
    struct queue *q = m->queue;
    uint32_t id = m->id;

    desk_has_one_less(q, m);
    if (take_out(m)) {
        const struct out out = {.op = OP_WITHDRAW, .seq = id, .u.subscription = subscription_id(q->reader)};
        session_push(q->reader->session, &out, NULL);
    }
    message_end(r, m, MESSAGE_GONE, drop_row);
}

void queue_return(struct relay *r, struct message *m)
{
    struct queue *q = m->queue;
    take_out(m);
    if (m->written && !m->submitted) {
        spill(r, q, m);
    } else if (m->failed) {
        /* Its sender was told to send it again. */
        message_end(r, m, MESSAGE_GONE, false);
    } else {
        message_move(r, m, MESSAGE_WAITING);
        insert(q, m);
    }
}

void queue_part(struct relay *r, struct queue *q)
{
    struct message *m;
    while ((m = first(&q->flight)) != NULL)
        queue_return(r, m);
    for (struct link *l = q->waiting.next, *next; l != &q->waiting; l = next) {
        next = l->next;
        m = LIST_ITEM(l, struct message, place);
        if (m->written && !m->submitted)
            spill(r, q, m);
    }
    q->reader = NULL;
    list_remove(&q->idle); /* of those that wait to load again */
    exchange_rest(r, q);
}
