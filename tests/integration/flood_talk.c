/*
 * Happy path of a message: due -> said by the sender, with its time inside -> heard by the reader,
 * acknowledged in the same turn -> confirmed. Failure: a connection that is lost is tried again as clients
 * do, after a random time whose bound doubles; what was not confirmed is said again; what comes again on a
 * new connection of the reader was not known to be acknowledged.
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/flood.h"

enum { READER, SENDER };
enum {
    PERIOD_MS = 200, /* from message to message of one conversation */
    SLOW_PERIOD_MS = 25,
    BOUND_FIRST_MS = 1000,
    BOUND_LAST_MS = 300000,
    WINDOW = 64,
    STAMP_BYTES = 12,
    LOST = 10,
    SEQ_FIRST = 2048, /* of SENDs; below are those of talk.c */
};
#define MS_NS UINT64_C(1000000)

struct sockaddr_in address_of(uint32_t host, uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    a.sin_addr.s_addr = htonl(host);
    return a;
}

/* --- sender --- */

static bool say_one(struct end *e, struct record_writer *r, uint32_t number)
{
    struct conversation *c = e->conversation;
    uint8_t envelope[WIRE_ENVELOPE_BYTES] = {0};
    struct writer w;
    writer_init(&w, envelope, STAMP_BYTES);
    writer_u32(&w, c->rights.number);
    writer_u32(&w, number);
    return talk_send(&c->talks->talk, r, &c->rights, SEQ_FIRST + number, number, envelope);
}

static void fill_sender(struct end *e, struct record_writer *r)
{
    struct conversation *c = e->conversation;
    for (uint32_t i = 0; i < c->said; i++) {
        if (!c->message[i].again)
            continue;
        if (!say_one(e, r, i))
            return;
        c->message[i].again = false;
    }
    if (c->talks->loses && c->said == LOST && c->said < c->due)
        c->said++;
    while (c->said < c->due && say_one(e, r, c->said))
        c->said++;
}

static void heard_sender(struct end *e, const struct heard *h)
{
    struct conversation *c = e->conversation;
    uint32_t number = h->seq - SEQ_FIRST;
    if (h->kind != HEARD_REPLY || number >= c->said)
        fault("a sender was told something that was not expected");
    if (h->status == STATUS_OK) {
        c->message[number].confirmed = true;
    } else if (h->status == STATUS_BUSY) {
        c->talks->busy++;
        c->message[number].again = true; /* with what is due next */
    } else {
        fault("a message was refused: status %d", (int)h->status);
    }
}

/* --- reader --- */

static void fill_reader(struct end *e, struct record_writer *r)
{
    struct conversation *c = e->conversation;
    if (e->subscribes)
        e->subscribes =
            !talk_subscribe(&c->talks->talk, r, &c->rights, c->is_slow ? WIRE_WINDOW_MAX : WINDOW);
    if (c->ack_count == 0)
        return;
    uint32_t n = talk_ack(&c->talks->talk, r, &c->rights, c->acks, c->ack_count);
    c->ack_count -= n;
    memmove(c->acks, c->acks + n, c->ack_count * sizeof(c->acks[0]));
}

/* The connection works again in full: what was due after the drop came. */
static void is_back(struct conversation *c, uint64_t now)
{
    uint64_t away = now - c->dropped_ns;
    if (away > c->talks->longest_away_ns)
        c->talks->longest_away_ns = away;
    c->dropped_ns = 0;
}

static void took(struct conversation *c, uint32_t number, uint64_t now)
{
    struct message_state *m = &c->message[number];
    if (m->reader == c->readers)
        fault("conversation %u: message %u came twice", c->rights.number, number);
    if (number > c->heard)
        fault("conversation %u: message %u came, and %u did not", c->rights.number, number, c->heard);
    m->reader = c->readers;
    if (number < c->heard)
        return;
    c->heard++;
    if (c->dropped_ns != 0 && number >= c->back_from)
        is_back(c, now);
    if (c->talks->latency != NULL && !c->is_dropped && !c->is_slow)
        latency_add(c->talks->latency, now - m->due_ns);
}

static void delivered(struct end *e, const struct heard *h)
{
    struct conversation *c = e->conversation;
    struct reader r;
    reader_init(&r, h->envelope, STAMP_BYTES);
    uint32_t conversation = reader_u32(&r), number = reader_u32(&r);
    if (conversation != c->rights.number || number >= c->said || c->ack_count == WIRE_WINDOW_MAX)
        fault("conversation %u: something came that nobody said", c->rights.number);
    took(c, number, uv_hrtime());
    c->acks[c->ack_count++] = h->id;
    cable_mark(&e->cable);
}

static void become_ready(struct end *e)
{
    struct conversation *c = e->conversation;
    e->ready = true;
    c->bound_ms[e->is_sender] = BOUND_FIRST_MS;
    c->talks->ready++;
    cable_mark(&e->cable);
}

/* What is on its way to it must not find room in the system's buffers. */
static void stop_reading(struct end *e)
{
    int size = 4096;
    uv_recv_buffer_size((uv_handle_t *)&e->cable.tcp, &size);
    uv_read_stop((uv_stream_t *)&e->cable.tcp);
}

static void heard_reader(struct end *e, const struct heard *h)
{
    struct conversation *c = e->conversation;
    if (h->kind == HEARD_DELIVER) {
        delivered(e, h);
    } else if (h->kind == HEARD_SUBSCRIBED) {
        memcpy(c->rights.subscription, h->subscription, WIRE_SUBSCRIPTION_BYTES);
        become_ready(e);
        if (c->is_slow)
            stop_reading(e);
    } else if (h->kind == HEARD_REPLY && !e->ready && h->status == STATUS_BUSY) {
        c->talks->busy++;
        cable_close(&e->cable);
    } else {
        fault("a reader was told something that was not expected");
    }
}

/* --- both --- */

static void on_open(struct cable *cable)
{
    struct end *e = (struct end *)cable;
    if (e->is_sender) {
        become_ready(e);
        return;
    }
    e->subscribes = true;
    e->conversation->readers++;
    e->conversation->ack_count = 0;
    cable_mark(cable);
}

static bool on_heard(struct cable *cable, struct span unit)
{
    struct end *e = (struct end *)cable;
    struct heard h;
    if (!talk_read(&e->conversation->talks->talk, unit, &h))
        return false;
    if (e->is_sender)
        heard_sender(e, &h);
    else
        heard_reader(e, &h);
    return true;
}

static void on_fill(struct cable *cable, struct record_writer *r)
{
    struct end *e = (struct end *)cable;
    if (e->is_sender)
        fill_sender(e, r);
    else
        fill_reader(e, r);
}

static void forget(struct end *e)
{
    struct conversation *c = e->conversation;
    uint64_t *bound = &c->bound_ms[e->is_sender];
    c->end[e->is_sender] = NULL;
    c->talks->ready -= e->ready;
    c->retry_ns[e->is_sender] = uv_hrtime() + randombytes_uniform((uint32_t)*bound) * MS_NS;
    *bound = *bound * 2 < BOUND_LAST_MS ? *bound * 2 : BOUND_LAST_MS;
    for (uint32_t i = 0; e->is_sender && i < c->said; i++)
        c->message[i].again = !c->message[i].confirmed;
    free(e);
}

static void on_lost(struct cable *cable, const char *why)
{
    struct end *e = (struct end *)cable;
    struct conversation *c = e->conversation;
    if (e->ready && !c->is_slow && c->dropped_ns == 0)
        fault("conversation %u lost a connection: %s", c->rights.number, why);
    forget(e);
}

static void on_closed(struct cable *cable)
{
    forget((struct end *)cable);
}

static const struct cable_events events = {
    .open = on_open, .heard = on_heard, .fill = on_fill, .lost = on_lost, .closed = on_closed};

static void connect_end(struct conversation *c, int which)
{
    struct talks *t = c->talks;
    struct end *e = calloc(1, sizeof(*e));
    if (e == NULL)
        fault("no memory");
    e->conversation = c;
    e->is_sender = which == SENDER;
    c->end[which] = e;
    t->tries++;
    if (c->bound_ms[which] == 0)
        c->bound_ms[which] = BOUND_FIRST_MS;
    if (cable_connect(&e->cable, t->yard, &events, (const struct sockaddr *)&t->to,
                      (const struct sockaddr *)&c->from) != 0)
        fault("no more connections");
}

static void conversation_tick(struct conversation *c, uint64_t now)
{
    uint64_t period = (c->is_slow ? SLOW_PERIOD_MS : PERIOD_MS) * MS_NS;
    for (int which = READER; which <= SENDER; which++)
        if (c->end[which] == NULL && c->retry_ns[which] <= now &&
            (c->dropped_ns == 0 || !c->talks->stays_away))
            connect_end(c, which);
    if (!c->talks->talking)
        return;
    if (c->next_ns == 0) /* they do not speak all at once */
        c->next_ns = now + period * c->rights.number / c->talks->count;
    if (c->next_ns <= now && c->due < MESSAGES_MAX) {
        c->next_ns += period;
        c->message[c->due++].due_ns = now;
    }
}

void talks_tick(struct talks *t, uint64_t now)
{
    for (uint32_t i = 0; i < t->count; i++) {
        struct conversation *c = &t->at[i];
        conversation_tick(c, now);
        if (c->end[SENDER] != NULL)
            cable_mark(&c->end[SENDER]->cable);
    }
}

void talks_drop_one(struct talks *t, uint64_t now)
{
    for (uint32_t i = 0; i < t->count; i++) {
        struct conversation *c = &t->at[(t->drops + i) % t->count];
        if (!c->is_dropped || c->dropped_ns != 0 || c->end[READER] == NULL || c->end[SENDER] == NULL)
            continue;
        c->dropped_ns = now;
        c->back_from = c->due;
        cable_close(&c->end[READER]->cable);
        cable_close(&c->end[SENDER]->cable);
        t->drops += i + 1;
        return;
    }
}

bool talks_done(const struct talks *t)
{
    for (uint32_t i = 0; i < t->count; i++) {
        const struct conversation *c = &t->at[i];
        for (uint32_t k = 0; k < c->due; k++)
            if (!c->message[k].confirmed)
                return false;
        if (!c->is_slow && c->heard < c->due)
            return false;
    }
    return true;
}

void talks_close(struct talks *t)
{
    for (uint32_t i = 0; i < t->count; i++)
        for (int which = READER; which <= SENDER; which++)
            if (t->at[i].end[which] != NULL)
                cable_close(&t->at[i].end[which]->cable);
}
