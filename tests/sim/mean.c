#include "tests/sim/mean.h"

#include <stdlib.h>
#include <string.h>

#include "proto/record.h"
#include "tests/support/fake_relay.h"
#include "tests/support/relay_peer.h"

enum { ENVELOPES = 64, VALUES = 64, MINUTE_OFFSETS = 5 };

struct value {
    uint8_t read[WIRE_SECRET_BYTES];
    uint64_t version;
    uint32_t size, piece;
    uint32_t len;
    uint8_t bytes[WIRE_SLOT_PIECE_BYTES];
};

struct mean_loot {
    uint8_t envelopes[ENVELOPES][WIRE_ENVELOPE_BYTES];
    size_t envelope_count;
    struct value values[VALUES]; /* pieces, as they were answered */
    size_t value_count;
};

/* A command that is held back until another has passed. */
struct held {
    struct command c;
    uint8_t bytes[WIRE_COMMAND_BYTES_MAX];
    bool is;
};

struct mean {
    struct mean_options options;
    struct fake_relay face; /* to the client */
    struct peer behind;     /* to the relay */
    struct held up, down;
};

struct mean_loot *mean_loot_new(void)
{
    struct mean_loot *l = calloc(1, sizeof(*l));
    if (l == NULL)
        abort();
    return l;
}

void mean_loot_free(struct mean_loot *l)
{
    free(l);
}

static uint32_t chance(const struct mean *m, uint32_t bound)
{
    return rng_below(m->options.rng, bound);
}

/* Often where words pass, seldom elsewhere: connections that break all the time would hide the rest. */
static bool misbehaves(const struct mean *m, enum op op)
{
    bool words = op == OP_SEND || op == OP_KNOCK || op == OP_DELIVER || op == OP_SLOT_VALUE || op == OP_SLOT_SET;
    return !m->options.gentle && chance(m, words ? 8 : op == OP_PING || op == OP_REPLY ? 80 : 20) == 0;
}

static void tell(const struct mean *m, const char *what, enum op op)
{
    m->options.trace(m->options.ctx, what, op_name(op));
}

/* --- what it keeps --- */

static void keep_envelope(struct mean *m, const uint8_t *envelope)
{
    struct mean_loot *l = m->options.loot;
    memcpy(l->envelopes[l->envelope_count++ % ENVELOPES], envelope, WIRE_ENVELOPE_BYTES);
}

static const uint8_t *some_envelope(const struct mean *m)
{
    const struct mean_loot *l = m->options.loot;
    size_t n = l->envelope_count < ENVELOPES ? l->envelope_count : ENVELOPES;
    return n == 0 ? NULL : l->envelopes[chance(m, (uint32_t)n)];
}

static void keep_value(struct mean *m, const struct slot_piece *p)
{
    struct mean_loot *l = m->options.loot;
    struct value *v = &l->values[l->value_count++ % VALUES];
    *v = (struct value){.version = p->version, .size = p->size, .piece = p->piece, .len = (uint32_t)p->data.len};
    memcpy(v->bytes, p->data.at, p->data.len);
}

/* A piece that fits the place of this one, of whatever slot and time. */
static bool former_value(const struct mean *m, struct slot_piece *p)
{
    const struct mean_loot *l = m->options.loot;
    size_t n = l->value_count < VALUES ? l->value_count : VALUES;
    for (size_t tries = 0; n > 0 && tries < 8; tries++) {
        const struct value *v = &l->values[chance(m, (uint32_t)n)];
        if (v->size != p->size || v->piece != p->piece)
            continue;
        p->data = (struct span){v->bytes, v->len};
        if (chance(m, 2) == 0)
            p->version = v->version;
        return true;
    }
    return false;
}

/* --- from the client --- */

static void give(struct mean *m, const struct command *c, struct now now)
{
    static uint8_t record[WIRE_RECORD_HEADER_BYTES + WIRE_RECORD_CIPHER_MAX];
    peer_give(&m->behind, record, peer_record(&m->behind, c, 1, record), now);
}

static const uint8_t **envelope_of(struct command *c)
{
    return c->op == OP_SEND      ? &c->u.send.envelope
           : c->op == OP_KNOCK   ? &c->u.knock.envelope
           : c->op == OP_DELIVER ? &c->u.deliver.envelope
                                 : NULL;
}

/* Another's envelope or a former one, or this one with a bit changed, in its place. changed: WIRE_ENVELOPE_BYTES. */
static bool swap_envelope(struct mean *m, struct command *c, uint8_t *changed)
{
    const uint8_t **envelope = envelope_of(c);
    const uint8_t *other = some_envelope(m);
    if (envelope == NULL)
        return false;
    if (other != NULL && chance(m, 2) == 0) {
        tell(m, "another envelope in", c->op);
        *envelope = other;
        return true;
    }
    tell(m, "a bit changed in", c->op);
    memcpy(changed, *envelope, WIRE_ENVELOPE_BYTES);
    changed[chance(m, WIRE_ENVELOPE_BYTES)] ^= (uint8_t)(1u << chance(m, 8));
    *envelope = changed;
    return true;
}

/* Says that it was done, or that it cannot be, and does nothing. */
static void answer_alone(struct mean *m, const struct command *c)
{
    static const enum status some[] = {STATUS_OK,   STATUS_OK,   STATUS_OK,       STATUS_REFUSED,
                                       STATUS_FULL, STATUS_BUSY, STATUS_CONFLICT, STATUS_TOO_LARGE};
    enum status status = some[chance(m, sizeof(some) / sizeof(some[0]))];
    tell(m, status == STATUS_OK ? "ok, and nothing done:" : "not done:", c->op);
    fake_relay_reply(&m->face, c->seq, status, status == STATUS_BUSY || status == STATUS_FULL ? 1 : 0);
}

static void hold(struct mean *m, struct held *h, enum command_side side, const struct command *c)
{
    struct writer w;
    writer_init(&w, h->bytes, sizeof(h->bytes));
    if (command_encode(c, &w) != ZG_OK || command_decode(side, h->bytes, w.len, &h->c) != ZG_OK)
        abort();
    tell(m, "later:", c->op);
    h->is = true;
}

/* A SEND twice, the second under a handle of its own, so that the relay stores both. */
static void send_twice(struct mean *m, struct command *c, struct now now)
{
    uint8_t handle[WIRE_HANDLE_BYTES];
    give(m, c, now);
    if (c->op != OP_SEND)
        return;
    struct command again = *c;
    tell(m, "twice:", c->op);
    rng_fill(m->options.rng, handle, sizeof(handle));
    again.seq ^= UINT32_C(1) << 31;
    again.u.send.handle = handle;
    give(m, &again, now);
}

static void misuse(struct mean *m, struct command *c, struct now now)
{
    uint8_t changed[WIRE_ENVELOPE_BYTES];
    switch (chance(m, 5)) {
    case 0:
        tell(m, "dropped:", c->op);
        return;
    case 1:
        if (c->op != OP_ACK) /* it has no answer */
            answer_alone(m, c);
        return;
    case 2:
        send_twice(m, c, now);
        return;
    case 3:
        (void)swap_envelope(m, c, changed);
        give(m, c, now);
        return;
    default:
        if (m->up.is)
            give(m, c, now);
        else
            hold(m, &m->up, COMMAND_FROM_CLIENT, c);
        return;
    }
}

static void from_client(struct mean *m, struct command *c, struct now now)
{
    const uint8_t **envelope = envelope_of(c);
    if (envelope != NULL)
        keep_envelope(m, *envelope);
    if (misbehaves(m, c->op)) {
        misuse(m, c, now);
        return;
    }
    give(m, c, now);
    if (!m->up.is)
        return;
    m->up.is = false;
    give(m, &m->up.c, now);
}

/* --- from the relay --- */

static void say(struct mean *m, const struct command *c)
{
    fake_relay_say(&m->face, c, 1);
}

/* A unit without its end. */
static void say_cut(struct mean *m, const struct command *c)
{
    static uint8_t plain[WIRE_RECORD_PLAIN_MAX];
    struct record_writer record;
    record_begin(&record, plain);
    struct writer unit = record_unit_begin(&record);
    if (command_encode(c, &unit) != ZG_OK)
        abort();
    unit.len -= 1 + chance(m, (uint32_t)unit.len - 1);
    if (record_unit_end(&record, &unit) != ZG_OK)
        abort();
    tell(m, "cut:", c->op);
    fake_relay_say_plain(&m->face, plain, record_finish(&record));
}

static void say_end(struct mean *m, const struct command *c)
{
    struct command end = {.op = OP_ENDED};
    end.u.ended.subscription = c->u.deliver.subscription;
    end.u.ended.reason = chance(m, 4) == 0 ? ENDED_NOT_SERVED : ENDED_DISPLACED;
    tell(m, "an end after", c->op);
    say(m, c);
    say(m, &end);
}

/* As false as it can be and still be understood. */
static void lie(struct mean *m, struct command *c)
{
    uint8_t changed[WIRE_ENVELOPE_BYTES];
    switch (c->op) {
    case OP_REPLY:
        c->u.reply.status = (enum status)chance(m, STATUS_MALFORMED);
        tell(m, "another status in", c->op);
        break;
    case OP_STATES:
        memset(c->u.states.fates, FATE_EXPIRED, sizeof(c->u.states.fates));
        tell(m, "expired, in", c->op);
        break;
    case OP_SLOT_VALUE:
        if (former_value(m, &c->u.slot_value))
            tell(m, "another value in", c->op);
        break;
    default:
        (void)swap_envelope(m, c, changed);
        break;
    }
    say(m, c);
}

static void say_falsely(struct mean *m, struct command *c)
{
    switch (chance(m, 7)) {
    case 0:
        tell(m, "dropped:", c->op);
        return;
    case 1:
        if (c->op == OP_DELIVER)
            say_end(m, c);
        else
            say(m, c);
        return;
    case 2:
        tell(m, "twice:", c->op);
        say(m, c);
        if (c->op == OP_DELIVER && chance(m, 2) == 0)
            c->u.deliver.id += 1000000;
        say(m, c);
        return;
    case 3:
        if (chance(m, 4) == 0)
            say_cut(m, c);
        else
            say(m, c);
        return;
    case 4:
        if (m->down.is)
            say(m, c);
        else
            hold(m, &m->down, COMMAND_FROM_RELAY, c);
        return;
    default:
        lie(m, c);
        return;
    }
}

static void from_relay(struct mean *m, struct command *c)
{
    if (c->seq >> 31 != 0 && (c->op == OP_REPLY))
        return; /* to a SEND of its own */
    if (c->op == OP_SLOT_VALUE)
        keep_value(m, &c->u.slot_value);
    if (misbehaves(m, c->op)) {
        say_falsely(m, c);
        return;
    }
    say(m, c);
    if (!m->down.is)
        return;
    m->down.is = false;
    say(m, &m->down.c);
}

/* --- its two ends --- */

/* Version, minute, ceiling ...: the minute is wrong at times, by little or by much. */
static void lie_of_time(struct mean *m)
{
    static const int32_t offsets[MINUTE_OFFSETS] = {60, -60, 20 * 60, -20 * 60, 90 * 1440};
    uint8_t *at = m->face.welcome + 1;
    memcpy(m->face.welcome, m->behind.welcome, sizeof(m->face.welcome));
    if (m->options.gentle || chance(m, 4) != 0)
        return;
    uint32_t minute = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    minute += (uint32_t)offsets[chance(m, MINUTE_OFFSETS)];
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(minute >> (24 - 8 * i));
    m->options.trace(m->options.ctx, "another time in", "welcome");
}

struct mean *mean_open(const struct mean_options *options, struct now now)
{
    struct mean *m = calloc(1, sizeof(*m));
    if (m == NULL)
        abort();
    m->options = *options;
    if (!peer_open(&m->behind, options->relay, options->relay_pk, options->rng, now)) {
        peer_clear(&m->behind);
        free(m);
        return NULL;
    }
    fake_relay_init(&m->face, 1, 0);
    m->face.rng = *options->rng;
    memcpy(m->face.sk, options->relay_sk, sizeof(m->face.sk));
    memcpy(m->face.pk, options->relay_pk, sizeof(m->face.pk));
    lie_of_time(m);
    fake_relay_restart(&m->face);
    return m;
}

void mean_close(struct mean *m)
{
    if (m == NULL)
        return;
    peer_clear(&m->behind);
    fake_relay_clear(&m->face);
    free(m);
}

void mean_receive(struct mean *m, const uint8_t *data, size_t len, struct now now)
{
    struct command c;
    fake_relay_receive(&m->face, data, len);
    while (fake_relay_next(&m->face, &c))
        from_client(m, &c, now);
}

bool mean_waits(const struct mean *m)
{
    return m->behind.first != NULL || m->face.out_len > 0 || mean_over(m);
}

size_t mean_take(struct mean *m, const uint8_t **out)
{
    struct heard *h;
    while ((h = peer_take(&m->behind)) != NULL) {
        if (m->face.open)
            from_relay(m, &h->c);
        free(h);
    }
    size_t len = m->face.out_len;
    *out = m->face.out;
    m->face.out_len = 0;
    return len;
}

bool mean_paused(const struct mean *m)
{
    return m->behind.session != NULL && session_paused(m->behind.session);
}

bool mean_over(const struct mean *m)
{
    return m->behind.session == NULL;
}
