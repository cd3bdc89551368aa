/*
 * A message is a stamp (time, pair, number) and bytes of one pool of randomness, from a place that follows from pair and number. So a
 * reader knows what must come, and that nothing is missing, twice, changed or out of order.
 */
#define _GNU_SOURCE
#include "tests/bench/peers/peers.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PORTS_OF_ONE = 20000 }; /* connections from one local address */

struct stamp {
    uint64_t sent_at;
    uint32_t pair, message;
};

uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void peers_fail(struct peers *p, const char *why)
{
    if (p->failure == NULL)
        p->failure = why;
}

static const uint8_t *pool_at(const struct peers *p, uint32_t pair, uint32_t message)
{
    return p->pool + ((size_t)pair * 7919 + (size_t)message * 64) % POOL_BYTES;
}

/* --- sender --- */

static bool may_send(const struct peers *p)
{
    return p->sending && (p->o.count == 0 || p->sent < p->o.count);
}

void pairs_send(struct end *e)
{
    struct peers *p = e->all;
    struct pair *pair = e->pair;
    uint8_t b[SIZE_MAX_BYTES];

    while (may_send(p) && pair->sent_at[pair->next_message % p->o.in_flight] == 0) {
        uint32_t slot = pair->next_message % p->o.in_flight;
        struct stamp s = {now_ns(), pair->number, pair->next_message};
        memcpy(b, pool_at(p, s.pair, s.message), p->o.size);
        memcpy(b, &s, sizeof(s));
        pair->sent_at[slot] = s.sent_at;
        pair->next_message++;
        p->sent++;
        p->o.backend->send(e, slot, b, p->o.size);
    }
}

bool pairs_confirmed(struct end *e, uint32_t slot)
{
    struct peers *p = e->all;
    struct pair *pair = e->pair;

    /* All three brokers confirm in the order of sending; the ledger relies on it. */
    if (slot != pair->confirmed % p->o.in_flight || pair->sent_at[slot] == 0)
        return false;
    if (p->measuring)
        latency_add(&p->confirm, now_ns() - pair->sent_at[slot]);
    pair->sent_at[slot] = 0;
    pair->confirmed++;
    p->confirmed++;
    pairs_send(e);
    return true;
}

bool pairs_confirmed_next(struct end *e)
{
    return pairs_confirmed(e, e->pair->confirmed % e->all->o.in_flight);
}

/* --- reader --- */

void pairs_delivered(struct end *e, const uint8_t *b, size_t len)
{
    struct peers *p = e->all;
    struct pair *pair = e->pair;
    struct stamp s = {0, UINT32_MAX, UINT32_MAX};
    uint64_t now = now_ns();

    if (len == p->o.size)
        memcpy(&s, b, sizeof(s));
    if (s.pair != pair->number || s.message != pair->expected)
        p->misordered++;
    if (len != p->o.size ||
        memcmp(b + sizeof(s), pool_at(p, s.pair, s.message) + sizeof(s), p->o.size - sizeof(s)) != 0)
        p->damaged++;
    pair->expected = s.message + 1;
    pair->delivered++;
    p->delivered++;
    p->last_delivery_ns = now;
    if (p->measuring)
        latency_add(&p->deliver, now - s.sent_at);
}

void pairs_acked(struct end *e, uint64_t count)
{
    e->all->acked += count;
}

/* --- both --- */

void pairs_ready(struct end *e)
{
    e->all->ready++;
}

static bool open_end(struct peers *p, struct end *e, uint32_t i)
{
    in_addr_t from = p->o.pairs > PORTS_OF_ONE ? htonl(INADDR_LOOPBACK + i / PORTS_OF_ONE) : 0;
    if (!link_open(&e->link, &p->links, &p->o.to, from))
        return false;
    e->open = true;
    p->o.backend->greet(e);
    return true;
}

/* The server is let speak now and then, so that its queue of connections stays short. */
bool pairs_open(struct peers *p, bool senders)
{
    p->ready = 0;
    for (uint32_t i = 0; i < p->o.pairs; i++) {
        if (!open_end(p, senders ? &p->pairs[i].sender : &p->pairs[i].reader, i))
            return false;
        if (i % 32 == 31)
            links_turn(&p->links, 0);
    }
    return true;
}

void pairs_close(struct peers *p, bool senders)
{
    for (uint32_t i = 0; i < p->o.pairs; i++) {
        struct end *e = senders ? &p->pairs[i].sender : &p->pairs[i].reader;
        if (e->open)
            link_close(&e->link);
        e->open = false;
    }
}

static bool pair_init(struct peers *p, uint32_t i)
{
    struct pair *pair = &p->pairs[i];
    pair->number = i;
    pair->sender = (struct end){.all = p, .pair = pair, .is_sender = true};
    pair->reader = (struct end){.all = p, .pair = pair};
    pair->sent_at = calloc(p->o.in_flight, sizeof(*pair->sent_at));
    return pair->sent_at != NULL;
}

bool pairs_new(struct peers *p)
{
    const uint8_t seed[randombytes_SEEDBYTES] = {1};
    p->pairs = calloc(p->o.pairs, sizeof(*p->pairs));
    p->pool = malloc(POOL_BYTES + SIZE_MAX_BYTES);
    if (p->pairs == NULL || p->pool == NULL)
        return false;
    randombytes_buf_deterministic(p->pool, POOL_BYTES + SIZE_MAX_BYTES, seed);
    for (uint32_t i = 0; i < p->o.pairs; i++) {
        if (!pair_init(p, i))
            return false;
    }
    return true;
}

void pairs_free(struct peers *p)
{
    for (uint32_t i = 0; p->pairs != NULL && i < p->o.pairs; i++)
        free(p->pairs[i].sent_at);
    free(p->pairs);
    free(p->pool);
}
