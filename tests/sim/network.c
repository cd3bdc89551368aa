#include <stdlib.h>
#include <string.h>

#include "tests/sim/world.h"

static uint64_t delay(struct world *w)
{
    /* Mostly quick, sometimes slow. */
    return rng_below(&w->rng, 10) == 0 ? 50 + rng_below(&w->rng, 800) : 1 + rng_below(&w->rng, 40);
}

static void pipe_clear(struct pipe *p)
{
    while (p->first != NULL) {
        struct chunk *c = p->first;
        p->first = c->next;
        free(c);
    }
    p->last = &p->first;
    p->bytes = 0;
}

static void pipe_put(struct world *w, struct pipe *p, const uint8_t *data, size_t len)
{
    /* A network delivers in pieces of its own choice, never out of order. */
    while (len > 0) {
        size_t n = 1 + rng_below(&w->rng, (uint32_t)(len > 6000 ? 6000 : len));
        if (rng_below(&w->rng, 2) == 0)
            n = len;
        struct chunk *c = malloc(sizeof(*c) + n);
        if (c == NULL)
            abort();
        c->next = NULL;
        c->len = n;
        memcpy(c->bytes, data, n);
        uint64_t at = w->now.mono_ms + delay(w);
        if (at < p->last_ms)
            at = p->last_ms;
        c->at_ms = p->last_ms = at;
        *p->last = c;
        p->last = &c->next;
        p->bytes += n;
        data += n;
        len -= n;
    }
}

struct link *link_find(struct peer *p, uint32_t id)
{
    struct link *l = p->links;
    while (l != NULL && (l->id != id || l->left))
        l = l->next;
    return l;
}

void link_connect(struct peer *p, uint32_t id)
{
    struct link *l = calloc(1, sizeof(*l));
    if (l == NULL)
        abort();
    l->peer = p;
    l->id = id;
    l->up.last = &l->up.first;
    l->down.last = &l->down.first;
    l->opens_ms = p->world->now.mono_ms + delay(p->world);
    l->slow = rng_below(&p->world->rng, 4) == 0;
    l->next = p->links;
    p->links = l;
}

void link_send(struct peer *p, uint32_t id, const uint8_t *data, size_t len)
{
    struct link *l = link_find(p, id);
    if (l != NULL && l->open)
        pipe_put(p->world, &l->up, data, len);
}

static bool relay_there(const struct link *l)
{
    return l->session != NULL || l->mean != NULL;
}

void link_relay_gone(struct link *l)
{
    if (!relay_there(l))
        return;
    if (l->session != NULL)
        session_close(l->session);
    mean_close(l->mean);
    l->session = NULL;
    l->mean = NULL;
    l->relay_closed = true;
}

void link_drop(struct link *l)
{
    if (l == NULL)
        return;
    struct link **at = &l->peer->links;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    if (l->session != NULL)
        session_close(l->session);
    mean_close(l->mean);
    pipe_clear(&l->up);
    pipe_clear(&l->down);
    free(l);
}

void link_leave(struct link *l)
{
    if (!relay_there(l) || rng_below(&l->peer->world->rng, 2) == 0) {
        link_drop(l);
        return;
    }
    l->left = true;
    pipe_clear(&l->down);
    if (l->choked) {
        l->choked = false;
        session_writable(l->session);
        relay_flush(l->peer->world->relay);
    }
}

/* --- the relay's side of a link --- */

static bool relay_listens(const struct link *l)
{
    return l->session != NULL ? !l->held : l->mean != NULL && !mean_paused(l->mean);
}

static void relay_reads(struct link *l, const struct chunk *c)
{
    struct now now = world_relay_now(l->peer->world);
    if (l->mean != NULL)
        mean_receive(l->mean, c->bytes, c->len, now);
    else if (session_receive(l->session, c->bytes, c->len, now))
        l->held = session_paused(l->session);
}

/* Takes what an enemy has for the client; its relay may have closed. */
static bool take_from_mean(struct link *l)
{
    const uint8_t *out;
    if (l->mean == NULL || l->left || !mean_waits(l->mean))
        return false;
    size_t len = mean_take(l->mean, &out);
    bool over = mean_over(l->mean);
    if (len > 0)
        pipe_put(l->peer->world, &l->down, out, len);
    if (over)
        link_relay_gone(l);
    return true;
}

static bool relay_writes(void *ctx, const uint8_t *buf, size_t len)
{
    struct link *l = ctx;
    if (l->left)
        return true;
    pipe_put(l->peer->world, &l->down, buf, len);
    l->choked = l->slow;
    return !l->choked;
}

static void relay_closes(void *ctx)
{
    struct link *l = ctx;
    l->session = NULL;
    l->relay_closed = true;
}

static void relay_resumes(void *ctx)
{
    struct link *l = ctx;
    l->held = false;
}

static void misdeed(void *ctx, const char *what, const char *command)
{
    const struct link *l = ctx;
    world_trace(l->peer->world, "the relay, to %s: %s %s", l->peer->name, what, command);
}

static void open_at_relay(struct link *l)
{
    struct world *w = l->peer->world;
    const struct carrier carrier = {relay_writes, relay_closes, l, relay_resumes};
    const struct mean_options mean = {.relay = w->relay,
                                      .relay_sk = w->relay_sk,
                                      .relay_pk = w->relay_pk,
                                      .rng = &w->rng,
                                      .loot = w->loot,
                                      .gentle = w->gentle,
                                      .trace = misdeed,
                                      .ctx = l};
    if (w->mean)
        l->mean = mean_open(&mean, world_relay_now(w));
    else
        l->session = session_open(w->relay, &carrier, world_relay_now(w));
}

static void opened(struct link *l)
{
    struct peer *p = l->peer;
    struct world *w = p->world;
    uint32_t id = l->id;
    l->opens_ms = 0;
    if (w->relay != NULL)
        open_at_relay(l);
    if (!relay_there(l)) {
        link_drop(l);
        zg_client_link_closed(p->client, id, peer_now(p));
    } else {
        l->open = true;
        zg_client_link_opened(p->client, id, peer_now(p));
    }
    peer_turn(p);
}

/* The first chunk that has arrived, taken off; NULL: none. */
static struct chunk *arrived(struct world *w, struct pipe *p)
{
    struct chunk *c = p->first;
    if (c == NULL || c->at_ms > w->now.mono_ms)
        return NULL;
    p->first = c->next;
    if (p->first == NULL)
        p->last = &p->first;
    p->bytes -= c->len;
    return c;
}

uint64_t link_due(const struct link *l)
{
    uint64_t due = UINT64_MAX;
    if (!l->open)
        return l->opens_ms;
    if (l->left && (l->up.first == NULL || !relay_there(l)))
        return 0;
    if (l->mean != NULL && !l->left && mean_waits(l->mean))
        return 0;
    if (l->up.first != NULL && relay_listens(l))
        due = l->up.first->at_ms;
    if (l->down.first != NULL && l->down.first->at_ms < due)
        due = l->down.first->at_ms;
    if (l->relay_closed && l->down.first == NULL)
        due = 0;
    return due;
}

bool link_run(struct link *l)
{
    struct peer *p = l->peer;
    struct world *w = p->world;
    if (take_from_mean(l))
        return true;
    if (link_due(l) > w->now.mono_ms)
        return false;
    if (!l->open) {
        opened(l);
        return true;
    }
    if (l->left && (l->up.first == NULL || !relay_there(l))) {
        link_drop(l);
        return true;
    }
    uint32_t id = l->id;
    struct chunk *c = arrived(w, &l->down);
    if (c != NULL) {
        if (l->choked && l->down.bytes == 0 && l->session != NULL) {
            l->choked = false;
            session_writable(l->session);
            relay_flush(w->relay);
        }
        zg_client_link_received(p->client, id, c->bytes, c->len, peer_now(p));
        free(c);
        peer_turn(p);
        return true;
    }
    if (l->relay_closed) {
        link_drop(l);
        zg_client_link_closed(p->client, id, peer_now(p));
        peer_turn(p);
        return true;
    }
    if (relay_listens(l) && (c = arrived(w, &l->up)) != NULL) {
        relay_reads(l, c);
        free(c);
        relay_flush(w->relay);
        return true;
    }
    return false;
}
