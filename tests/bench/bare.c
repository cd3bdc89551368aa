/*
 * The bare server: the least that passes messages from senders to readers, to compare a relay with.
 *
 * Queues are numbers, in memory; nobody needs a right to anything. Without --crypt records travel in the clear. With --settle
 * SENDs are answered on a tick, as a relay answers them (docs/protocol.md section 3); without it at the end of the turn. With --store
 * messages for readers who are away are written to SQLite and answered when they are synced; the next batch is whatever came
 * meanwhile.
 *
 * bare_queue.c has what a message goes through, this file the store's batches and the life of peers. What does not fit ends the
 * program: it is a ruler, not a server.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/bare.h"

enum { BACKLOG = 1024 };

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
        queue_append(q, m);
    }
    queue_ready(q);
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
            peer_confirm(p, w->waiters[i].tag);
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

static void on_tick(uv_timer_t *t)
{
    bare_tick(t->data);
}

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

static const struct cable_events events = {.heard = bare_heard, .fill = bare_fill, .lost = on_lost, .closed = on_closed};

static void on_connection(uv_stream_t *listener, int status)
{
    struct bare *b = listener->data;
    struct peer *p = bare_need(calloc(1, sizeof(*p)));
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
