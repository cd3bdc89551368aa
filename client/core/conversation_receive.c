/*
 * Envelopes to text; docs/protocol.md sections 6 and 7.
 *
 * Happy path: an envelope is delivered; room for everything that may follow is made; the ratchet opens it; blocks and content are taken in; the
 * acknowledgement goes out when all of it is in the vault.
 * Failure: no memory: the connection is dropped, and the envelope comes again. What does not open is dropped and acknowledged.
 */
#include <sodium.h>
#include <string.h>

#include "client/core/conversation.h"
#include "client/core/frame.h"
#include "client/core/knocking.h"
#include "client/core/locker.h"

/* --- the accept, at her side --- */

struct accept {
    struct conversation *conversation;
    struct accept_context context;
};

/* A clock that was put right since may say that it is still to come. */
static uint64_t knocked_s(const struct conversation *v, uint64_t now_s)
{
    return v->knocking != NULL && v->knocking->knocked_s < now_s ? v->knocking->knocked_s : now_s;
}

static void accept_begin(struct accept *a, struct conversation *v)
{
    memset(a, 0, sizeof(*a));
    a->conversation = v;
    a->context.trust = &v->keys->trust;
    a->context.now_s = client_time_ms(v->client) / 1000;
    a->context.knocked_s = knocked_s(v, a->context.now_s);
    a->context.th1 = v->keys->th1;
    a->context.ek_p_sk = v->keys->ek_p_sk;
}

/* Section 6: she moves her queue to secrets that the desk does not know, before anything else is sent. */
static void rotate(struct conversation *v)
{
    struct conversation_keys *k = v->keys;
    k->old_put = k->queue.put;
    k->old_end = k->queue.end;
    rng_fill(&v->client->rng, k->queue.put.b, sizeof(k->queue.put.b));
    rng_fill(&v->client->rng, k->queue.end.b, sizeof(k->queue.end.b));
    v->queue = QUEUE_ROTATE;
}

static void take_accept(struct conversation *v, const struct accept_context *a)
{
    struct conversation_keys *k = v->keys;

    k->peer_put = a->put;
    k->peer_end = a->end;
    v->peer_known = true;
    memcpy(k->nonce_w, a->nonce, sizeof(k->nonce_w));
    memcpy(k->th2, a->th2, sizeof(k->th2));
    memcpy(v->alias, a->credential.alias, sizeof(v->alias));
    sodium_memzero(k->ek_p_sk, sizeof(k->ek_p_sk));
    safety_words(v->words, k->th2, k->nonce_p, k->nonce_w);
    v->safety = ZG_SAFETY_WORDS;
    v->answered = true;
    rotate(v);
    knocking_free(v->knocking);
    v->knocking = NULL;
    conversation_move(v, ZG_CONVERSATION_OPEN);
    conversation_touch_stage(v);
    client_event(v->client, ZG_EVENT_ACCEPTED, ZG_OK, v, NULL, 0);
    client_event(v->client, ZG_EVENT_SAFETY, ZG_OK, v, NULL, 0);
}

/* --- blocks --- */

/* Section 6.1, at the worker's side. */
static void take_nonce(struct conversation *v, const uint8_t nonce_p[NONCE_BYTES])
{
    struct conversation_keys *k = v->keys;
    if (v->side != SIDE_WORKER || v->safety != ZG_SAFETY_NONE)
        return;
    zg_err err = safety_check(k->commitment, nonce_p, k->ek_p_pk);
    if (err == ZG_OK) {
        memcpy(k->nonce_p, nonce_p, sizeof(k->nonce_p));
        safety_words(v->words, k->th2, k->nonce_p, k->nonce_w);
    }
    v->safety = err == ZG_OK ? ZG_SAFETY_WORDS : ZG_SAFETY_MISMATCH;
    conversation_touch(v);
    client_event(v->client, ZG_EVENT_SAFETY, err, v, NULL, 0);
}

/* Section 6: her queue has new secrets. The former end works until she knows that these were read. */
static void take_rotation(struct conversation *v, const uint8_t rotation[2 * WIRE_SECRET_BYTES])
{
    struct conversation_keys *k = v->keys;
    if (v->side != SIDE_WORKER || sodium_memcmp(k->peer_put.b, rotation, WIRE_SECRET_BYTES) == 0)
        return;
    k->peer_old_end = k->peer_end;
    memcpy(k->peer_put.b, rotation, WIRE_SECRET_BYTES);
    memcpy(k->peer_end.b, rotation + WIRE_SECRET_BYTES, WIRE_SECRET_BYTES);
    conversation_touch(v);
}

/* Hers: how far her locker was; the worker's: how far the worker has heard it was. */
static void take_version(struct conversation *v, uint64_t version)
{
    if (v->side == SIDE_PARTICIPANT)
        locker_echo(v->client->locker, version);
    else if (version > v->locker_seen)
        v->locker_seen = version;
}

static void take_step(struct conversation *v, const struct ratchet_info *info)
{
    if (v->queue != QUEUE_ANNOUNCE || !info->new_step || !info->answers_newest || info->accept)
        return;
    v->queue = QUEUE_SETTLE;
    conversation_touch_stage(v);
}

/* Takes part. Blocks stand only in what authenticated, so a frame that is malformed is the other side's fault. */
static void take_frame(struct conversation *v, const uint8_t plain[RATCHET_FRAME_BYTES],
                       const struct ratchet_info *info, struct part *part)
{
    struct zg_client *c = v->client;
    struct frame frame;

    take_step(v, info);
    if (frame_read(&frame, plain) != ZG_OK) {
        part_free(c, part);
        return;
    }
    if (frame.nonce != NULL)
        take_nonce(v, frame.nonce);
    if (frame.rotation != NULL)
        take_rotation(v, frame.rotation);
    take_version(v, frame.version);
    uint64_t position = (uint64_t)info->step << 32 | info->n;
    if (frame.content.len == 0 || part_fill(part, frame.content, position, client_time_ms(c)) != ZG_OK)
        part_free(c, part);
    else
        parts_add(v, part);
}

/* --- deliveries --- */

static zg_err prepare(struct conversation *v, struct part **part)
{
    enum { EVENTS_OF_ONE = 4 };
    zg_err err = events_reserve(&v->client->events, EVENTS_OF_ONE);
    return err == ZG_OK ? part_new(part, v->client) : err;
}

/* An accept that does not check is said once; anything else that does not open is nobody's business. */
static void say_refusal(struct conversation *v, zg_err err)
{
    if (v->state != ZG_CONVERSATION_KNOCKING || v->refusal_said == err)
        return;
    if (err != ZG_ERR_FORGED && err != ZG_ERR_FOREIGN && err != ZG_ERR_EXPIRED)
        return;
    v->refusal_said = err;
    client_event(v->client, ZG_EVENT_SAFETY, err, v, NULL, 0);
}

static zg_err open_envelope(struct conversation *v, const uint8_t *envelope, struct part *part)
{
    zg_err err;
    uint8_t plain[RATCHET_FRAME_BYTES];
    struct ratchet_info info;
    struct accept accept;

    accept_begin(&accept, v);
    err = ratchet_decrypt(v->ratchet, envelope, client_time_ms(v->client) / 1000, accept_check, &accept.context,
                          plain, &info);
    if (err == ZG_OK) {
        if (v->state == ZG_CONVERSATION_KNOCKING)
            take_accept(v, &accept.context);
        take_frame(v, plain, &info, part);
        conversation_touch(v);
    } else {
        part_free(v->client, part);
        say_refusal(v, err);
        /* Section 8.1: what cannot be read here may be for the device that has the locker now. It is acknowledged by whoever writes there. */
        if (locker_is_open(v->client->locker))
            conversation_touch(v);
    }
    sodium_memzero(plain, sizeof(plain));
    sodium_memzero(&accept, sizeof(accept));
    return err;
}

static void on_deliver(void *owner, uint32_t id, const uint8_t *envelope)
{
    struct conversation *v = owner;
    struct part *part;

    if (v->ratchet == NULL || v->gone)
        return;
    zg_err err = subscription_reserve(&v->subscription) ? prepare(v, &part) : ZG_ERR_MEMORY;
    if (err == ZG_OK)
        err = open_envelope(v, envelope, part);
    if (err == ZG_ERR_MEMORY) {
        connection_drop(v->connection, err);
        return;
    }
    struct receipt receipt;
    receipt_of(&receipt, envelope);
    if (receipts_know(&v->receipts, &receipt))
        client_relay_went_back(v->client, v->connection);
    subscription_ack(&v->subscription, id, journal_stamp(&v->client->journal), &receipt);
}

static void on_withdraw(void *owner, uint32_t id)
{
    (void)owner;
    (void)id; /* what was shown stays until its time is over */
}

static void on_ended(void *owner)
{
    conversation_end(owner);
}

static void on_displaced(void *owner)
{
    struct conversation *v = owner;
    if (locker_is_open(v->client->locker))
        locker_check(v->client->locker);
    else
        client_event(v->client, ZG_EVENT_DISPLACED, ZG_OK, v, NULL, 0);
}

void conversation_listen(struct conversation *v)
{
    struct subscription *s = &v->subscription;
    s->deliver = on_deliver;
    s->withdraw = on_withdraw;
    s->ended = on_ended;
    s->displaced_by = on_displaced;
    s->owner = v;
    s->receipts = &v->receipts;
}
