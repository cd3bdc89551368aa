/*
 * Happy path of a message: stamped and sent by fill of a sender; heard by the reader, whose fill acknowledges what came in this turn
 * in one record; the reply frees its number for the next message. A reply that is not ok ends the run, as does an end that is
 * lost.
 *
 * Envelopes are bytes of one pool of randomness, from a place that follows from pair and message, behind a stamp: the time, the pair,
 * the message. So each reader knows what must come, and that nothing is missing, twice, or out of order.
 */
#define _GNU_SOURCE
#include "tests/bench/load.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
    AT_ONCE = 32,        /* connections that are being opened */
    PORTS_OF_ONE = 20000, /* connections from one local address */
    TRIES_MAX = 1000,
    STAMP_BYTES = 16,
};

static const uint8_t *pool_at(const struct load *l, uint32_t pair, uint32_t message)
{
    return l->pool + ((size_t)pair * 7919 + (size_t)message * 64) % POOL_BYTES;
}

/* --- sender --- */

static bool may_send(const struct load *l)
{
    if (l->stage != STAGE_RUN)
        return false;
    return l->o.count == 0 || l->sent < l->o.count;
}

static bool send_one(struct end *e, struct record_writer *r)
{
    struct load *l = e->load;
    struct pair *p = e->pair;
    uint8_t envelope[WIRE_ENVELOPE_BYTES];
    struct writer w;
    uint16_t seq = p->free[p->free_count - 1];
    uint64_t now = uv_hrtime();

    memcpy(envelope, pool_at(l, p->queue.number, p->next_message), sizeof(envelope));
    writer_init(&w, envelope, STAMP_BYTES);
    writer_u64(&w, now);
    writer_u32(&w, p->queue.number);
    writer_u32(&w, p->next_message);
    if (!talk_send(&l->talk, r, &p->queue, seq, p->next_message, envelope))
        return false;
    p->free_count--;
    p->sent_at[seq] = now;
    p->next_message++;
    l->sent++;
    return true;
}

static void fill_sender(struct end *e, struct record_writer *r)
{
    while (e->pair->free_count > 0 && may_send(e->load)) {
        if (!send_one(e, r))
            return;
    }
}

static bool all_confirmed(const struct load *l)
{
    return l->confirmed == l->sent && !may_send(l);
}

/* What a run waits for in its stage; called when something was confirmed or delivered. */
static void progress(struct load *l)
{
    bool stored_only = l->o.kind == LOAD_AWAY || l->o.kind == LOAD_STORE;
    if ((l->stage == STAGE_RUN || l->stage == STAGE_SETTLE) && all_confirmed(l) &&
        (stored_only || l->delivered >= l->sent))
        load_next(l);
    else if (l->stage == STAGE_DRAIN && l->delivered >= l->sent)
        load_next(l);
}

static const char *failure_of(enum status s)
{
    switch (s) {
    case STATUS_FULL:
        return "the relay's quota is used up";
    case STATUS_BUSY:
        return "the relay is busy: it could not store";
    default:
        return "a SEND was refused";
    }
}

static bool heard_sender(struct end *e, const struct heard *h)
{
    struct load *l = e->load;
    struct pair *p = e->pair;
    if (h->kind != HEARD_REPLY || h->seq >= l->o.in_flight)
        return false;
    if (h->status != STATUS_OK) {
        load_fail(l, failure_of(h->status));
        return true;
    }
    l->confirmed++;
    if (l->measuring)
        latency_add(&l->confirm, uv_hrtime() - p->sent_at[h->seq]);
    p->free[p->free_count++] = (uint16_t)h->seq;
    if (may_send(l))
        cable_mark(&e->cable);
    progress(l);
    return true;
}

/* --- reader --- */

static void fill_reader(struct end *e, struct record_writer *r)
{
    struct load *l = e->load;
    struct pair *p = e->pair;
    if (e->wants_subscribe)
        e->wants_subscribe = !talk_subscribe(&l->talk, r, &p->queue, l->o.window);
    if (p->ack_count > 0) {
        /* One in a record: it stays a small one. */
        uint32_t n = talk_ack(&l->talk, r, &p->queue, p->acks, p->ack_count);
        p->ack_count -= n;
        l->acked += n;
        memmove(p->acks, p->acks + n, p->ack_count * sizeof(p->acks[0]));
    } else if (e->wants_ping) {
        e->wants_ping = !talk_ping(&l->talk, r);
    }
}

static void ready(struct load *l)
{
    l->ready++;
    if (l->ready == l->o.pairs)
        load_next(l);
    else
        pairs_connect(l);
}

static bool took(struct end *e, const struct heard *h)
{
    struct load *l = e->load;
    struct pair *p = e->pair;
    struct reader r;
    uint64_t now = uv_hrtime();

    if (p->ack_count == IN_FLIGHT_MAX)
        return false;
    reader_init(&r, h->envelope, STAMP_BYTES);
    uint64_t sent_at = reader_u64(&r);
    uint32_t pair = reader_u32(&r), message = reader_u32(&r);
    if (pair != p->queue.number || message != p->expected)
        l->misordered++;
    if (!l->yard->skim && memcmp(h->envelope + STAMP_BYTES, pool_at(l, pair, message) + STAMP_BYTES,
                                 WIRE_ENVELOPE_BYTES - STAMP_BYTES) != 0)
        l->damaged++;
    p->expected = message + 1;
    p->delivered++;
    p->acks[p->ack_count++] = h->id;
    cable_mark(&e->cable);
    l->delivered++;
    if (l->measuring)
        latency_add(&l->deliver, now - sent_at);
    progress(l);
    return true;
}

static bool heard_reader(struct end *e, const struct heard *h)
{
    struct load *l = e->load;
    if (h->kind == HEARD_DELIVER)
        return took(e, h);
    if (h->kind == HEARD_SUBSCRIBED)
        memcpy(e->pair->queue.subscription, h->subscription, WIRE_SUBSCRIPTION_BYTES);
    else if (h->kind != HEARD_REPLY)
        load_fail(l, "a reader was told something that was not expected");
    else if (h->status != STATUS_OK)
        load_fail(l, "a reader was refused");
    if (l->stage == STAGE_READERS || l->stage == STAGE_CHECK)
        ready(l);
    return true;
}

/* --- both --- */

static void on_open(struct cable *c)
{
    struct end *e = (struct end *)c;
    struct load *l = e->load;
    bool waits = !e->is_sender && l->o.kind != LOAD_AWAY && l->o.kind != LOAD_DRAIN;
    if (waits) {
        e->wants_subscribe = true;
        cable_mark(c);
        return;
    }
    ready(l);
}

static bool on_heard(struct cable *c, struct span unit)
{
    struct end *e = (struct end *)c;
    struct heard h;
    if (!talk_read(&e->load->talk, unit, &h))
        return false;
    return e->is_sender ? heard_sender(e, &h) : heard_reader(e, &h);
}

static void on_fill(struct cable *c, struct record_writer *r)
{
    struct end *e = (struct end *)c;
    if (e->is_sender)
        fill_sender(e, r);
    else
        fill_reader(e, r);
}

static void forget(struct end *e)
{
    if (e->is_sender)
        e->pair->sender = NULL;
    else
        e->pair->reader = NULL;
    free(e);
}

static void on_lost(struct cable *c, const char *why)
{
    struct end *e = (struct end *)c;
    load_fail(e->load, why);
    forget(e);
}

static void on_closed(struct cable *c)
{
    forget((struct end *)c);
}

static const struct cable_events events = {
    .open = on_open, .heard = on_heard, .fill = on_fill, .lost = on_lost, .closed = on_closed};

/* One address has no more ports than that, so the next one is used: 127.0.0.2, ... */
static struct sockaddr_in address_from(uint32_t i)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + i / PORTS_OF_ONE);
    return from;
}

static bool connect_one(struct load *l, uint32_t i)
{
    struct pair *p = &l->pairs[i];
    struct end *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return false;
    e->load = l;
    e->pair = p;
    e->is_sender = l->stage == STAGE_SENDERS;
    if (e->is_sender)
        p->sender = e;
    else
        p->reader = e;
    struct sockaddr_in from = address_from(i);
    const struct sockaddr *local = l->o.pairs > PORTS_OF_ONE ? (const struct sockaddr *)&from : NULL;
    if (cable_connect(&e->cable, l->yard, &events, (const struct sockaddr *)&l->o.to, local) == 0)
        return true;
    forget(e);
    return false;
}

void pairs_connect(struct load *l)
{
    while (l->opened < l->o.pairs && l->opened - l->ready < AT_ONCE) {
        if (!connect_one(l, l->opened)) {
            load_fail(l, "no more connections");
            return;
        }
        l->opened++;
    }
}

void pairs_subscribe(struct load *l)
{
    for (uint32_t i = 0; i < l->o.pairs; i++) {
        l->pairs[i].reader->wants_subscribe = true;
        cable_mark(&l->pairs[i].reader->cable);
    }
}

void pairs_send(struct load *l)
{
    for (uint32_t i = 0; i < l->o.pairs; i++)
        cable_mark(&l->pairs[i].sender->cable);
}

void pairs_ping(struct load *l)
{
    for (uint32_t i = 0; i < l->o.pairs; i++) {
        l->pairs[i].reader->wants_ping = true;
        cable_mark(&l->pairs[i].reader->cable);
    }
}

void pairs_close(struct load *l)
{
    for (uint32_t i = 0; i < l->o.pairs; i++) {
        struct pair *p = &l->pairs[i];
        if (p->sender != NULL)
            cable_close(&p->sender->cable);
        if (p->reader != NULL)
            cable_close(&p->reader->cable);
    }
}

static zg_err pair_init(struct pair *p, const struct load *l, uint32_t i)
{
    rights_of(l, i, &p->queue);
    p->free = calloc(l->o.in_flight, sizeof(*p->free));
    p->sent_at = calloc(l->o.in_flight, sizeof(*p->sent_at));
    if (p->free == NULL || p->sent_at == NULL)
        return ZG_ERR_MEMORY;
    for (uint32_t k = 0; k < l->o.in_flight; k++)
        p->free[p->free_count++] = (uint16_t)k;
    return ZG_OK;
}

zg_err pairs_new(struct load *l)
{
    uint8_t seed[randombytes_SEEDBYTES] = {0};
    l->pairs = calloc(l->o.pairs, sizeof(*l->pairs));
    l->pool = malloc(POOL_BYTES + WIRE_ENVELOPE_BYTES);
    if (l->pairs == NULL || l->pool == NULL)
        return ZG_ERR_MEMORY;
    memcpy(seed, &l->o.seed, sizeof(l->o.seed));
    randombytes_buf_deterministic(l->pool, POOL_BYTES + WIRE_ENVELOPE_BYTES, seed);
    for (uint32_t i = 0; i < l->o.pairs; i++) {
        if (pair_init(&l->pairs[i], l, i) != ZG_OK)
            return ZG_ERR_MEMORY;
    }
    return ZG_OK;
}

void pairs_free(struct load *l)
{
    for (uint32_t i = 0; l->pairs != NULL && i < l->o.pairs; i++) {
        free(l->pairs[i].free);
        free(l->pairs[i].sent_at);
    }
    free(l->pairs);
    free(l->pool);
}
