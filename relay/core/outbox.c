#include "relay/core/outbox.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "relay/core/exchange.h"

enum { ITEMS_AT_FIRST = 16 };

static struct out *at(const struct outbox *o, uint32_t i)
{
    return &o->ring[(o->head + i) & (o->cap - 1)];
}

static bool grow(struct outbox *o)
{
    uint32_t cap = o->cap > 0 ? 2 * o->cap : ITEMS_AT_FIRST;
    struct out *ring = malloc(cap * sizeof(*ring));

    if (ring == NULL)
        return false;
    for (uint32_t i = 0; i < o->count; i++)
        ring[i] = *at(o, i);
    free(o->ring);
    o->ring = ring;
    o->head = 0;
    o->cap = cap;
    return true;
}

bool outbox_push(struct outbox *o, const struct out *out, uint32_t *number)
{
    if (o->count == o->cap && !grow(o))
        return false;
    if (number != NULL)
        *number = o->passed + o->count;
    *at(o, o->count++) = *out;
    return true;
}

static void pass(struct outbox *o)
{
    o->head = (o->head + 1) & (o->cap - 1);
    o->passed++;
    if (--o->count > 0)
        return;
    free(o->ring);
    o->ring = NULL;
    o->cap = 0;
    o->head = 0;
}

struct out *outbox_head(struct outbox *o)
{
    while (o->count > 0 && at(o, 0)->op == 0)
        pass(o);
    return o->count > 0 ? at(o, 0) : NULL;
}

void outbox_pop(struct outbox *o)
{
    struct out *head = at(o, 0);
    if (head->op == OP_SLOT_VALUE)
        reading_free(head->u.reading);
    else if (head->op == OP_COOKIE)
        free(head->u.cookie);
    else if (head->op == OP_STATES)
        free(head->u.states);
    pass(o);
}

void outbox_take_back(struct outbox *o, uint32_t number)
{
    if (number - o->passed < o->count)
        at(o, number - o->passed)->op = 0;
}

void outbox_clear(struct outbox *o)
{
    while (o->count > 0)
        outbox_pop(o);
}

void reading_free(struct reading *r)
{
    if (r == NULL)
        return;
    if (r->held != NULL)
        *r->held -= r->size;
    if (r->value != NULL)
        sodium_memzero(r->value, r->size);
    free(r->value);
    free(r);
}

static struct slot_piece piece_of(const struct reading *r)
{
    uint32_t from = r->piece * WIRE_SLOT_PIECE_BYTES;
    uint32_t len = r->size - from;
    struct slot_piece p = {.version = r->version, .size = r->size, .piece = r->piece};

    p.data.at = r->value != NULL ? r->value + from : NULL;
    p.data.len = len < WIRE_SLOT_PIECE_BYTES ? len : WIRE_SLOT_PIECE_BYTES;
    return p;
}

void out_command(const struct out *out, uint8_t subscription[WIRE_SUBSCRIPTION_BYTES], struct command *c)
{
    uint64_t id =
        out->op == OP_DELIVER ? subscription_id(out->u.message->queue->reader) : out->u.subscription;

    memcpy(subscription, &id, WIRE_SUBSCRIPTION_BYTES);
    c->op = (enum op)out->op;
    c->seq = out->seq;
    switch (out->op) {
    case OP_REPLY:
        c->u.reply.status = (enum status)out->status;
        c->u.reply.retry_after = (uint32_t)out->u.retry_after;
        break;
    case OP_SUBSCRIBED:
        c->u.subscribed.subscription = subscription;
        break;
    case OP_COOKIE:
        c->u.cookie.cookie = out->u.cookie->cookie;
        c->u.cookie.effort = out->u.cookie->effort;
        break;
    case OP_STATES:
        c->u.states.count = out->u.states->count;
        memcpy(c->u.states.fates, out->u.states->fates, out->u.states->count);
        break;
    case OP_SLOT_VALUE:
        c->u.slot_value = piece_of(out->u.reading);
        break;
    case OP_DELIVER:
        c->u.deliver.subscription = subscription;
        c->u.deliver.id = out->seq;
        c->u.deliver.envelope = out->u.message->envelope->bytes;
        break;
    case OP_WITHDRAW:
        c->u.withdraw.subscription = subscription;
        c->u.withdraw.id = out->seq;
        break;
    default:
        assert(out->op == OP_ENDED);
        c->u.ended.subscription = subscription;
        c->u.ended.reason = (enum ended_reason)out->status;
        break;
    }
}
