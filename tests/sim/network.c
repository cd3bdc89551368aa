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
    pipe_clear(&l->up);
    pipe_clear(&l->down);
    free(l);
}

void link_leave(struct link *l)
{
    if (l->session == NULL || rng_below(&l->peer->world->rng, 2) == 0) {
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

static void opened(struct link *l)
{
    struct peer *p = l->peer;
    struct world *w = p->world;
    uint32_t id = l->id;
    l->opens_ms = 0;
    struct carrier carrier = {relay_writes, relay_closes, l};
    if (w->relay != NULL)
        l->session = session_open(w->relay, &carrier, world_relay_now(w));
    if (l->session == NULL) {
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
    if (l->left && (l->up.first == NULL || l->session == NULL))
        return 0;
    if (l->up.first != NULL && l->session != NULL && !session_paused(l->session))
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
    if (link_due(l) > w->now.mono_ms)
        return false;
    if (!l->open) {
        opened(l);
        return true;
    }
    if (l->left && (l->up.first == NULL || l->session == NULL)) {
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
    if (l->session != NULL && !session_paused(l->session) && (c = arrived(w, &l->up)) != NULL) {
        (void)session_receive(l->session, c->bytes, c->len, world_relay_now(w));
        free(c);
        relay_flush(w->relay);
        return true;
    }
    return false;
}
