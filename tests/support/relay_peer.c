#include "tests/support/relay_peer.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/labels.h"
#include "proto/record.h"

static void fail(const char *what)
{
    fprintf(stderr, "relay_peer: %s\n", what);
    abort();
}

/* A test of failing allocations lets one of them fail; it is not this one that it is about. */
static void *again(void *p, size_t size)
{
    void *got = realloc(p, size);
    if (got == NULL)
        got = realloc(p, size);
    if (got == NULL)
        fail("out of memory");
    return got;
}

/* --- what the relay says --- */

static void hear(struct peer *p, struct span unit)
{
    struct heard *h = again(NULL, sizeof(*h) + unit.len);
    h->next = NULL;
    memcpy(h->bytes, unit.at, unit.len);
    if (command_decode(COMMAND_FROM_RELAY, h->bytes, unit.len, &h->c) != ZG_OK)
        fail("the relay said what is not in the protocol");
    *p->last = h;
    p->last = &h->next;
}

static void hear_welcome(struct peer *p, struct span body)
{
    uint8_t payload[NOISE_PAYLOAD_MAX];
    size_t len;
    if (noise_read_message2(&p->hs, body.at, body.len, payload, &len) != ZG_OK || len != sizeof(p->welcome))
        fail("a handshake that does not fit");
    memcpy(p->welcome, payload, len);
    noise_split(&p->hs, &p->out, &p->in);
    p->open = true;
}

static void hear_record(struct peer *p, struct span body)
{
    static uint8_t plain[WIRE_RECORD_PLAIN_MAX];
    struct span unit;
    struct reader r;
    enum framing framing;

    if (!record_length_ok(body.len) || noise_decrypt(&p->in, plain, body.at, body.len) != ZG_OK)
        fail("a record that does not open");
    p->records++;
    reader_init(&r, plain, body.len - WIRE_TAG_BYTES);
    while ((framing = record_next(&r, &unit)) == FRAMING_WHOLE)
        hear(p, unit);
    if (framing == FRAMING_BAD)
        fail("a record with damaged units");
}

static void understand(struct peer *p)
{
    struct span body;
    size_t used;

    while (framing_next(p->bytes, p->len, 1, WIRE_RECORD_CIPHER_MAX, &body, &used) == FRAMING_WHOLE) {
        if (p->open)
            hear_record(p, body);
        else
            hear_welcome(p, body);
        memmove(p->bytes, p->bytes + used, p->len - used);
        p->len -= used;
    }
}

static bool carrier_write(void *ctx, const uint8_t *buf, size_t len)
{
    struct peer *p = ctx;
    if (p->cap - p->len < len) {
        p->cap = 2 * (p->len + len);
        p->bytes = again(p->bytes, p->cap);
    }
    memcpy(p->bytes + p->len, buf, len);
    p->len += len;
    p->bytes_heard += len;
    if (!p->full)
        understand(p);
    return !p->full;
}

static void carrier_close(void *ctx)
{
    struct peer *p = ctx;
    p->session = NULL;
    p->closed = true;
}

static void carrier_resume(void *ctx)
{
    struct peer *p = ctx;
    p->held = session_paused(p->session);
}

bool peer_paused(const struct peer *p)
{
    bool paused = session_paused(p->session);
    if (p->held && !paused)
        fail("a session that goes on, and nobody was told");
    return paused;
}

/* --- connecting --- */

bool peer_connect(struct peer *p, struct relay *r, const struct rng *rng, struct now now)
{
    const struct carrier carrier = {carrier_write, carrier_close, p, carrier_resume};
    memset(p, 0, sizeof(*p));
    p->relay = r;
    p->rng = *rng;
    p->last = &p->first;
    p->session = session_open(r, &carrier, now);
    return p->session != NULL;
}

void peer_hello(struct peer *p, const uint8_t relay_pk[32], uint8_t *out)
{
    uint8_t prologue[64];
    struct writer w;

    writer_init(&w, prologue, sizeof(prologue));
    writer_lp(&w, LABEL_PROLOGUE, sizeof(LABEL_PROLOGUE) - 1);
    writer_u8(&w, WIRE_VERSION);
    writer_u8(&w, WIRE_SUITE);
    noise_initiator_init(&p->hs, NOISE_NKHFS, prologue, w.len, relay_pk);
    out[0] = WIRE_HELLO_BYTES >> 8;
    out[1] = WIRE_HELLO_BYTES & 0xff;
    if (noise_write_message1(&p->hs, NULL, 0, out + WIRE_RECORD_HEADER_BYTES, &p->rng) != ZG_OK)
        fail("no first message");
}

bool peer_open(struct peer *p, struct relay *r, const uint8_t relay_pk[32], const struct rng *rng,
               struct now now)
{
    uint8_t hello[WIRE_RECORD_HEADER_BYTES + WIRE_HELLO_BYTES];
    if (!peer_connect(p, r, rng, now))
        return false;
    peer_hello(p, relay_pk, hello);
    return peer_give(p, hello, sizeof(hello), now) && p->open;
}

void peer_hang_up(struct peer *p)
{
    if (p->session != NULL)
        session_close(p->session);
    p->session = NULL;
}

void peer_clear(struct peer *p)
{
    struct heard *h;
    peer_hang_up(p);
    while ((h = peer_take(p)) != NULL)
        free(h);
    free(p->bytes);
    sodium_memzero(p, sizeof(*p));
}

/* --- sending --- */

size_t peer_seal(struct peer *p, const uint8_t *plain, size_t len, uint8_t *out)
{
    size_t cipher = len + WIRE_TAG_BYTES;
    out[0] = (uint8_t)(cipher >> 8);
    out[1] = (uint8_t)cipher;
    noise_encrypt(&p->out, out + WIRE_RECORD_HEADER_BYTES, plain, len);
    return WIRE_RECORD_HEADER_BYTES + cipher;
}

size_t peer_record(struct peer *p, const struct command *commands, size_t count, uint8_t *out)
{
    static uint8_t plain[WIRE_RECORD_PLAIN_MAX];
    struct record_writer record;

    record_begin(&record, plain);
    for (size_t i = 0; i < count; i++) {
        struct writer unit = record_unit_begin(&record);
        if (command_encode(&commands[i], &unit) != ZG_OK || record_unit_end(&record, &unit) != ZG_OK)
            fail("commands that do not fit into a record");
    }
    return peer_seal(p, plain, record_finish(&record), out);
}

bool peer_give(struct peer *p, const uint8_t *data, size_t len, struct now now)
{
    /* A block of its own, so that reading beyond it is seen. */
    uint8_t *copy = again(NULL, len > 0 ? len : 1);
    memcpy(copy, data, len);
    bool alive = p->session != NULL && session_receive(p->session, copy, len, now);
    free(copy);
    if (alive)
        p->held = session_paused(p->session);
    return alive;
}

uint32_t peer_send(struct peer *p, struct command *c, struct now now)
{
    static uint8_t record[WIRE_RECORD_HEADER_BYTES + WIRE_RECORD_CIPHER_MAX];
    c->seq = ++p->seq;
    peer_give(p, record, peer_record(p, c, 1, record), now);
    return c->seq;
}

/* --- hearing --- */

struct heard *peer_take(struct peer *p)
{
    struct heard *h = p->first;
    if (h == NULL)
        return NULL;
    p->first = h->next;
    if (p->first == NULL)
        p->last = &p->first;
    return h;
}

void peer_drain(struct peer *p)
{
    p->full = false;
    understand(p);
    if (p->session != NULL)
        session_writable(p->session);
}
