/*
 * The bare server: the least that passes messages from senders to readers, to compare a relay with.
 *
 * Queues are numbers, in memory; nobody needs a right to anything. Without --crypt records travel in the clear. With --settle
 * SENDs are answered on a tick, as a relay answers them (docs/protocol.md section 3); without it at the end of the turn. With --store
 * messages for readers who are away are written to SQLite and answered when they are synced; the next batch is whatever came
 * meanwhile.
 *
 * Happy path: SEND -> queue -> the reader's fill -> ACK -> gone. What does not fit ends the program: it is a ruler, not a
 * server.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bare_store.h"
#include "tests/bench/cable.h"
#include "tests/bench/talk.h"

enum { QUEUES_MAX = 1 << 20, BACKLOG = 1024, LOAD_MAX = 64 };

/* Commands to be confirmed. */
struct tags {
    uint32_t *at;
    size_t count, cap;
};

struct peer {
    struct cable cable; /* first */
    struct bare *bare;
    struct peer *next_unsettled;
    struct bare_queue *ready; /* queues with something to deliver */
    struct tags now;          /* may be confirmed */
    struct tags tick, before; /* came in this tick, and in the one before */
    bool is_unsettled, is_gone;
    uint32_t borrowed; /* by batches */
};

struct bare_queue {
    uint32_t number;
    struct peer *reader;
    struct bare_queue *next_ready;
    bool is_ready, is_loading;
    uint32_t window, in_flight_count;
    struct bare_message *waiting, **waiting_end;
    struct bare_message *in_flight, **in_flight_end; /* delivered, not acknowledged; oldest first */
    uint32_t next_id;
    uint32_t stored_from, stored_to; /* on disk and not loaded: [from, to) */
};

/* Who waits for the batch. */
struct waiter {
    struct peer *peer;
    uint32_t tag;
};

struct work {
    struct bare_batch batch;
    struct waiter *waiters;
    size_t count, cap;
};

struct bare {
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_timer_t ticker;
    uv_signal_t stop[2];
    uv_prepare_t submitter;
    uv_work_t request;
    struct yard yard;
    struct bare_queue *queues[QUEUES_MAX];
    struct peer *unsettled;
    uint64_t settle_ms;
    struct bare_store *store;
    struct work gathering, running;
    bool is_working;
};

static void *need(void *p)
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
    return need(realloc(at, *cap * size));
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
        struct bare_queue *q = need(calloc(1, sizeof(*q)));
        q->number = number;
        q->waiting_end = &q->waiting;
        q->in_flight_end = &q->in_flight;
        b->queues[number] = q;
    }
    return b->queues[number];
}

/* --- confirming --- */

static void confirm(struct peer *p, uint32_t tag)
{
    tags_add(&p->now, tag);
    cable_mark(&p->cable);
}

static void settle_later(struct bare *b, struct peer *p, uint32_t tag)
{
    if (b->settle_ms == 0) {
        confirm(p, tag);
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
        confirm(p, spare.at[i]);
    p->before = p->tick;
    spare.count = 0;
    p->tick = spare;
    return p->before.count > 0;
}

static void on_tick(uv_timer_t *t)
{
    struct bare *b = t->data;
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

static void mark_ready(struct bare_queue *q)
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

static void append(struct bare_queue *q, struct bare_message *m)
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
    struct bare_load *l = need(calloc(1, sizeof(*l)));
    l->queue = q->number;
    l->from = q->stored_from;
    l->limit = LOAD_MAX;
    l->next = b->gathering.batch.loads;
    b->gathering.batch.loads = l;
    q->is_loading = true;
}

static void fill(struct cable *c, struct record_writer *r)
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
    struct bare_message *m = need(malloc(sizeof(*m)));
    m->queue = q->number;
    m->id = q->next_id++;
    m->next = NULL;
    memcpy(m->envelope, envelope, sizeof(m->envelope));
    m->stored = b->store != NULL && (q->reader == NULL || q->stored_from != q->stored_to);
    if (!m->stored) {
        append(q, m);
        mark_ready(q);
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
    mark_ready(q);
}

static void take_subscribe(struct bare *b, struct peer *p, struct bare_queue *q, uint32_t window)
{
    q->reader = p;
    q->window = window;
    confirm(p, 0);
    load_more(b, q);
    mark_ready(q);
}

static bool heard(struct cable *c, struct span unit)
{
    struct peer *p = (struct peer *)c;
    struct bare *b = p->bare;
    struct reader r;
    reader_init(&r, unit.at, unit.len);
    uint8_t kind = reader_u8(&r);
    if (kind == BARE_PING) {
        confirm(p, 0);
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

/* --- the store --- */

static void work_clear(struct work *w)
{
    *w = (struct work){0};
    w->batch.inserts_end = &w->batch.inserts;
}

static void loaded(struct bare *b, struct bare_load *l)
{
    struct bare_queue *q = b->queues[l->queue];
    q->is_loading = false;
    while (l->found != NULL) {
        struct bare_message *m = l->found;
        l->found = m->next;
        q->stored_from = m->id + 1;
        append(q, m);
    }
    mark_ready(q);
    free(l);
}

static void peer_release(struct peer *p)
{
    if (!p->is_gone || p->borrowed > 0)
        return;
    free(p->now.at);
    free(p->tick.at);
    free(p->before.at);
    free(p);
}

static void carry_out(uv_work_t *r)
{
    struct bare *b = r->data;
    bare_store_carry_out(b->store, &b->running.batch);
}

static void carried_out(uv_work_t *r, int status)
{
    struct bare *b = r->data;
    struct work *w = &b->running;
    if (status != 0 || w->batch.failed) {
        fputs("bench_bare: the store failed\n", stderr);
        exit(1);
    }
    b->is_working = false;
    for (size_t i = 0; i < w->count; i++) {
        struct peer *p = w->waiters[i].peer;
        p->borrowed--;
        if (!p->is_gone)
            confirm(p, w->waiters[i].tag);
        peer_release(p);
    }
    while (w->batch.inserts != NULL) {
        struct bare_message *m = w->batch.inserts;
        w->batch.inserts = m->next;
        free(m);
    }
    while (w->batch.loads != NULL) {
        struct bare_load *l = w->batch.loads;
        w->batch.loads = l->next;
        loaded(b, l);
    }
    free(w->waiters);
    free(w->batch.deletes);
}

/* Once in each turn: what was gathered is the next batch if none is under way. */
static void on_submit(uv_prepare_t *h)
{
    struct bare *b = h->data;
    struct work *w = &b->gathering;
    bool empty = w->batch.inserts == NULL && w->batch.delete_count == 0 && w->batch.loads == NULL;
    if (empty || b->is_working)
        return;
    b->running = *w;
    work_clear(w);
    b->is_working = true;
    b->request.data = b;
    uv_queue_work(&b->loop, &b->request, carry_out, carried_out);
}

/* --- life --- */

static void leave(struct peer *p)
{
    struct bare *b = p->bare;
    struct peer **at = &b->unsettled;
    while (*at != NULL && *at != p)
        at = &(*at)->next_unsettled;
    if (*at == p)
        *at = p->next_unsettled;
    for (size_t i = 0; i < QUEUES_MAX; i++) {
        if (b->queues[i] == NULL)
            break; /* numbers are used from 0 on */
        if (b->queues[i]->reader == p) {
            b->queues[i]->reader = NULL;
            b->queues[i]->is_ready = false;
        }
    }
    p->is_gone = true;
    peer_release(p);
}

static void on_lost(struct cable *c, const char *why)
{
    (void)why;
    leave((struct peer *)c);
}

static void on_closed(struct cable *c)
{
    leave((struct peer *)c);
}

static const struct cable_events events = {.heard = heard, .fill = fill, .lost = on_lost, .closed = on_closed};

static void on_connection(uv_stream_t *listener, int status)
{
    struct bare *b = listener->data;
    struct peer *p = need(calloc(1, sizeof(*p)));
    p->bare = b;
    if (status != 0 || cable_accept(&p->cable, &b->yard, &events, listener) != 0)
        free(p);
}

static void on_signal(uv_signal_t *s, int number)
{
    struct bare *b = s->data;
    (void)number;
    bare_store_close(b->is_working ? NULL : b->store);
    exit(0);
}

struct bare_options {
    enum cable_mode mode;
    uint64_t settle_ms;
    const char *store;
    bool seal;
    int port;
};

static bool listen_on(struct bare *b, int port)
{
    struct sockaddr_in at;
    int len = sizeof(at);
    uv_ip4_addr("127.0.0.1", port, &at);
    uv_tcp_init(&b->loop, &b->listener);
    b->listener.data = b;
    if (uv_tcp_bind(&b->listener, (const struct sockaddr *)&at, 0) != 0 ||
        uv_listen((uv_stream_t *)&b->listener, BACKLOG, on_connection) != 0 ||
        uv_tcp_getsockname(&b->listener, (struct sockaddr *)&at, &len) != 0)
        return false;
    printf("127.0.0.1:%d\n", ntohs(at.sin_port));
    fflush(stdout);
    return true;
}

static int serve(struct bare *b, const struct bare_options *o)
{
    uv_loop_init(&b->loop);
    work_clear(&b->gathering);
    b->settle_ms = o->settle_ms;
    if (o->store != NULL) {
        b->store = bare_store_open(o->store, o->seal);
        if (b->store == NULL) {
            fputs("bench_bare: the file cannot be made; is it there already?\n", stderr);
            return 1;
        }
    }
    yard_init(&b->yard, &b->loop, o->mode);
    uv_prepare_init(&b->loop, &b->submitter);
    b->submitter.data = b;
    uv_prepare_start(&b->submitter, on_submit);
    uv_timer_init(&b->loop, &b->ticker);
    b->ticker.data = b;
    if (b->settle_ms > 0)
        uv_timer_start(&b->ticker, on_tick, b->settle_ms, b->settle_ms);
    for (int i = 0; i < 2; i++) {
        uv_signal_init(&b->loop, &b->stop[i]);
        b->stop[i].data = b;
        uv_signal_start(&b->stop[i], on_signal, i == 0 ? SIGTERM : SIGINT);
    }
    if (!listen_on(b, o->port)) {
        fputs("bench_bare: cannot listen\n", stderr);
        return 1;
    }
    return uv_run(&b->loop, UV_RUN_DEFAULT);
}

static const char usage[] =
    "bench_bare: the bare server; prints the address it listens on\n"
    "\n"
    "  --crypt         encrypted records\n"
    "  --settle MS     answer SENDs on a tick (0: at once)\n"
    "  --store FILE    SQLite for messages whose reader is away\n"
    "  --seal          sealed in the file\n"
    "  --port N        (0: any)\n";

int main(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"crypt", 0, NULL, 'c'}, {"settle", 1, NULL, 's'}, {"store", 1, NULL, 'f'},
        {"seal", 0, NULL, 'e'},  {"port", 1, NULL, 'p'},   {NULL, 0, NULL, 0},
    };
    static struct bare bare;
    struct bare_options o = {.mode = CABLE_PLAIN};
    int id;
    while ((id = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        switch (id) {
        case 'c': o.mode = CABLE_CRYPT; break;
        case 's': o.settle_ms = strtoull(optarg, NULL, 10); break;
        case 'f': o.store = optarg; break;
        case 'e': o.seal = true; break;
        case 'p': o.port = atoi(optarg); break;
        default: fputs(usage, stderr); return 2;
        }
    }
    signal(SIGPIPE, SIG_IGN);
    if (sodium_init() < 0)
        return 1;
    return serve(&bare, &o);
}
