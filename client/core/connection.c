#include "client/core/connection.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "proto/bytes.h"
#include "proto/kdf.h"
#include "proto/labels.h"
#include "proto/record.h"

enum { IN_MAX = WIRE_RECORD_HEADER_BYTES + WIRE_RECORD_CIPHER_MAX };

static const bool moves[4][4] = {
    [CONNECTION_IDLE] = {[CONNECTION_CONNECTING] = true},
    [CONNECTION_CONNECTING] = {[CONNECTION_HELLO] = true, [CONNECTION_IDLE] = true},
    [CONNECTION_HELLO] = {[CONNECTION_OPEN] = true, [CONNECTION_IDLE] = true},
    [CONNECTION_OPEN] = {[CONNECTION_IDLE] = true},
};

static void move(struct connection *c, enum connection_state to)
{
    assert(moves[c->state][to]);
    c->state = to;
}

struct relay_place card_place(const struct card *card)
{
    struct relay_place place = {.count = card->count};
    memcpy(place.address, card->address, sizeof(place.address));
    memcpy(place.pk, card->relay_pk, sizeof(place.pk));
    return place;
}

void connection_init(struct connection *c, const struct relay_place *place, const struct rng *rng,
                     uint32_t *links, const struct connection_hooks *hooks, uint64_t mono_ms)
{
    assert(place->count >= 1 && place->count <= CARD_ADDRESSES_MAX);
    memset(c, 0, sizeof(*c));
    c->place = *place;
    c->rng = rng;
    c->links = links;
    c->hooks = *hooks;
    c->network = true;
    c->now_ms = mono_ms;
    c->retry_ms = mono_ms;
    c->pause_ms = CONNECTION_PAUSE_MS;
    c->units_end = &c->units;
    c->awaited_end = &c->awaited;
}

static void release_link(struct connection *c)
{
    sodium_free(c->keys);
    c->keys = NULL;
    if (c->in != NULL)
        sodium_memzero(c->in, IN_MAX);
    if (c->out != NULL)
        sodium_memzero(c->out, IN_MAX);
    free(c->in);
    free(c->out);
    c->in = c->out = NULL;
    c->in_len = c->out_len = 0;
}

void connection_clear(struct connection *c)
{
    connection_abandon_quietly(c);
    release_link(c);
    sodium_memzero(c, sizeof(*c));
}

/* --- up --- */

/* A prologue binds version and suite; section 2.1. */
static void start_handshake(struct connection *c)
{
    uint8_t prologue[4 + sizeof(LABEL_PROLOGUE) - 1 + 2];
    struct writer w;
    writer_init(&w, prologue, sizeof(prologue));
    writer_lp(&w, LABEL_PROLOGUE, sizeof(LABEL_PROLOGUE) - 1);
    writer_u8(&w, WIRE_VERSION);
    writer_u8(&w, WIRE_SUITE);
    noise_initiator_init(&c->keys->handshake, NOISE_NKHFS, prologue, w.len, c->place.pk);
}

static zg_err start_link(struct connection *c)
{
    uint16_t port;
    zg_err err = address_split(c->place.address[c->address], c->host, &port);
    if (err != ZG_OK)
        return err;
    c->keys = sodium_malloc(sizeof(*c->keys));
    c->in = malloc(IN_MAX);
    c->out = malloc(IN_MAX);
    if (c->keys == NULL || c->in == NULL || c->out == NULL)
        return ZG_ERR_MEMORY;
    start_handshake(c);
    return ZG_OK;
}

static void connect_link(struct connection *c)
{
    move(c, CONNECTION_CONNECTING);
    c->link = ++*c->links;
    c->asked = false;
    c->answered = false;
    c->started_ms = c->now_ms;
    zg_err err = start_link(c);
    if (err != ZG_OK)
        connection_drop(c, err);
}

void connection_opened(struct connection *c, uint64_t mono_ms)
{
    c->now_ms = mono_ms;
    if (c->state != CONNECTION_CONNECTING)
        return;

    struct writer w;
    writer_init(&w, c->out, IN_MAX);
    writer_u16(&w, WIRE_HELLO_BYTES);
    uint8_t *hello = writer_reserve(&w, WIRE_HELLO_BYTES);
    zg_err err = noise_write_message1(&c->keys->handshake, NULL, 0, hello, c->rng);
    if (err != ZG_OK) {
        connection_drop(c, err);
        return;
    }
    c->out_len = w.len;
    move(c, CONNECTION_HELLO);
}

static zg_err read_welcome(struct connection *c, const uint8_t *body, size_t len)
{
    uint8_t payload[NOISE_PAYLOAD_MAX];
    size_t payload_len;
    struct reader r;
    struct welcome welcome;

    zg_err err = noise_read_message2(&c->keys->handshake, body, len, payload, &payload_len);
    if (err != ZG_OK)
        return err;
    reader_init(&r, payload, payload_len);
    if (reader_u8(&r) != WIRE_VERSION)
        return ZG_ERR_VERSION;
    welcome.utc_minute = reader_u32(&r);
    welcome.ttl_ceiling = reader_u8(&r);
    welcome.settle_ms = reader_u16(&r);
    welcome.window_max = reader_u16(&r);
    if (r.bad || welcome.ttl_ceiling > WIRE_TTL_30D || welcome.window_max == 0)
        return ZG_ERR_MALFORMED;
    c->welcome = welcome;
    noise_split(&c->keys->handshake, &c->keys->send, &c->keys->receive);
    return ZG_OK;
}

static zg_err on_welcome(struct connection *c, const uint8_t *body, size_t len)
{
    zg_err err = read_welcome(c, body, len);
    if (err != ZG_OK)
        return err;
    move(c, CONNECTION_OPEN);
    c->heard_ms = c->now_ms;
    c->hooks.opened(c->hooks.ctx, c);
    return ZG_OK;
}

/* --- down --- */

/* Section 2.2: a random time below a bound that doubles. The other address of a card is tried at once. */
static void choose_pause(struct connection *c, bool was_open)
{
    uint64_t random;

    if (!was_open) {
        c->tried++;
        c->address = (uint8_t)((c->address + 1) % c->place.count);
        if (c->tried % c->place.count != 0) {
            c->retry_ms = c->now_ms;
            return;
        }
    }
    rng_fill(c->rng, &random, sizeof(random));
    c->retry_ms = c->now_ms + random % c->pause_ms;
    c->pause_ms = 2 * c->pause_ms < CONNECTION_PAUSE_MAX_MS ? 2 * c->pause_ms : CONNECTION_PAUSE_MAX_MS;
}

void connection_drop(struct connection *c, zg_err why)
{
    bool was_open = c->state == CONNECTION_OPEN;
    if (c->state == CONNECTION_IDLE)
        return;

    if (c->asked)
        c->to_close = c->link;
    c->link = 0;
    c->again_ms = 0;
    move(c, CONNECTION_IDLE);
    release_link(c);
    choose_pause(c, was_open);
    connection_abandon(c);
    c->hooks.closed(c->hooks.ctx, c, why);
}

void connection_closed(struct connection *c, uint64_t mono_ms)
{
    c->now_ms = mono_ms;
    c->asked = false; /* there is nothing left to close */
    connection_drop(c, ZG_ERR_NETWORK);
}

void connection_want(struct connection *c, bool wanted)
{
    c->wanted = wanted;
}

void connection_network(struct connection *c, bool available, uint64_t mono_ms)
{
    c->now_ms = mono_ms;
    if (available && !c->network) {
        c->pause_ms = CONNECTION_PAUSE_MS;
        c->retry_ms = mono_ms;
    }
    c->network = available;
    if (!available)
        connection_drop(c, ZG_ERR_NETWORK);
}

/* --- bytes --- */

/* Takes what belongs to the message at hand; lengths are checked before anything is waited for. */
static enum framing gather(struct connection *c, const uint8_t **data, size_t *len, struct span *body)
{
    bool hello = c->state == CONNECTION_HELLO;
    size_t min = hello ? WIRE_WELCOME_BYTES : WIRE_RECORD_CONTROL_BYTES + WIRE_TAG_BYTES;
    size_t max = hello ? WIRE_WELCOME_BYTES : WIRE_RECORD_CIPHER_MAX;
    size_t used;

    for (;;) {
        enum framing framing = framing_next(c->in, c->in_len, min, max, body, &used);
        if (framing != FRAMING_PARTIAL || *len == 0)
            return framing;
        size_t want = WIRE_RECORD_HEADER_BYTES;
        if (c->in_len >= WIRE_RECORD_HEADER_BYTES)
            want += (size_t)c->in[0] << 8 | c->in[1];
        size_t take = want - c->in_len < *len ? want - c->in_len : *len;
        memcpy(c->in + c->in_len, *data, take);
        c->in_len += take;
        *data += take;
        *len -= take;
    }
}

/* What was authentic, and only that, shows that the relay is there; section 2.2. */
static void heard_from_relay(struct connection *c)
{
    c->heard_ms = c->now_ms;
    if (c->answered)
        return;
    c->answered = true;
    c->pause_ms = CONNECTION_PAUSE_MS;
    c->tried = 0;
}

static zg_err on_message(struct connection *c, const struct span *body)
{
    c->in_len = 0;
    if (c->state == CONNECTION_HELLO)
        return on_welcome(c, body->at, body->len);
    size_t len;
    zg_err err = connection_decrypt(c, body, &len);
    if (err != ZG_OK)
        return err;
    heard_from_relay(c);
    return connection_take_record(c, len);
}

void connection_received(struct connection *c, const uint8_t *data, size_t len, uint64_t mono_ms)
{
    uint32_t link = c->link;
    struct span body;

    c->now_ms = mono_ms;
    while (c->link == link && (c->state == CONNECTION_HELLO || c->state == CONNECTION_OPEN)) {
        enum framing framing = gather(c, &data, &len, &body);
        if (framing == FRAMING_PARTIAL)
            return;
        zg_err err = framing == FRAMING_BAD ? ZG_ERR_MALFORMED : on_message(c, &body);
        if (err != ZG_OK && c->link == link)
            connection_drop(c, err);
    }
}

bool connection_io(struct connection *c, zg_io *out)
{
    memset(out, 0, sizeof(*out));
    if (c->to_close != 0) {
        out->kind = ZG_IO_CLOSE;
        out->link = c->to_close;
        c->to_close = 0;
        return true;
    }
    if (c->state == CONNECTION_CONNECTING && !c->asked) {
        out->kind = ZG_IO_CONNECT;
        out->link = c->link;
        out->host = c->host;
        c->asked = true;
        return address_split(c->place.address[c->address], c->host, &out->port) == ZG_OK;
    }
    if (c->out_len == 0 && (c->state != CONNECTION_OPEN || !connection_seal(c)))
        return false;
    out->kind = ZG_IO_SEND;
    out->link = c->link;
    out->data = c->out;
    out->len = c->out_len;
    c->out_len = 0;
    return true;
}

/* --- time --- */

static void on_pong(struct call *call, const struct command *reply, zg_err err)
{
    (void)call;
    (void)reply;
    (void)err; /* that it came is enough: heard_ms */
}

/* Until when something must come, or be asked for. */
static uint64_t patience(const struct connection *c)
{
    if (c->awaited != NULL)
        return (c->heard_ms > c->waiting_ms ? c->heard_ms : c->waiting_ms) + CONNECTION_ANSWER_MS;
    return c->listeners != NULL ? c->heard_ms + CONNECTION_SILENCE_MS : UINT64_MAX;
}

static bool idle_and_unwanted(const struct connection *c)
{
    return !c->wanted && c->units == NULL && c->out_len == 0 && c->awaited == NULL;
}

static void advance_open(struct connection *c)
{
    struct command ping = {.op = OP_PING};

    if (idle_and_unwanted(c)) {
        connection_drop(c, ZG_OK);
        return;
    }
    if (c->now_ms >= c->again_ms)
        c->again_ms = 0;
    if (c->now_ms < patience(c))
        return;
    if (c->awaited != NULL) {
        connection_drop(c, ZG_ERR_NETWORK);
        return;
    }
    c->ping.done = on_pong;
    zg_err err = connection_call(c, &c->ping, &ping);
    if (err != ZG_OK)
        connection_drop(c, err);
}

void connection_advance(struct connection *c, uint64_t mono_ms)
{
    c->now_ms = mono_ms;
    switch (c->state) {
    case CONNECTION_IDLE:
        if (c->wanted && c->network && mono_ms >= c->retry_ms)
            connect_link(c);
        break;
    case CONNECTION_CONNECTING:
    case CONNECTION_HELLO:
        if (!c->wanted)
            connection_drop(c, ZG_OK);
        else if (mono_ms - c->started_ms >= CONNECTION_SETUP_MS)
            connection_drop(c, ZG_ERR_NETWORK);
        break;
    case CONNECTION_OPEN:
        advance_open(c);
        break;
    }
}

uint64_t connection_deadline(const struct connection *c)
{
    switch (c->state) {
    case CONNECTION_IDLE:
        return c->wanted && c->network ? c->retry_ms : UINT64_MAX;
    case CONNECTION_CONNECTING:
    case CONNECTION_HELLO:
        return c->started_ms + CONNECTION_SETUP_MS;
    case CONNECTION_OPEN:
        return c->again_ms != 0 && c->again_ms < patience(c) ? c->again_ms : patience(c);
    }
    return UINT64_MAX;
}
