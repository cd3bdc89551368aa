/* FETCH and LOOKED: from a card to a knock that is written down; docs/protocol.md sections 5.2 and 6. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/agreement.h"
#include "client/core/knocking.h"

static void keep_trust(struct knocking *k, const struct bundle *b)
{
    struct conversation *v = k->conversation;
    v->keys->trust = b->trust;
    k->epoch = b->keys.epoch;
    k->desk_put = b->keys.put;
    v->desk_epoch = b->keys.epoch;
}

/* Makes her queue's secrets and the knock. Nothing of the conversation is changed by a failure but random secrets. */
static zg_err make_knock(struct knocking *k, const struct bundle *b)
{
    zg_err err;
    struct conversation *v = k->conversation;
    struct message *m = knocking_message(k);
    uint8_t content[KNOCK_CONTENT_MAX];
    struct writer w;
    struct knock_input in = {.bundle = b, .now_s = client_time_ms(v->client) / 1000};
    struct knock_output out;

    memset(&out, 0, sizeof(out));
    queue_secrets_new(&v->keys->queue, &v->client->rng);
    rng_fill(&v->client->rng, v->keys->voucher.b, sizeof(v->keys->voucher.b));
    v->voucher_known = true;
    rng_fill(&v->client->rng, v->keys->knock_handle.b, sizeof(v->keys->knock_handle.b));
    writer_init(&w, content, sizeof(content));
    err = m == NULL ? ZG_ERR_EXPIRED : conversation_knock_content(v, m, &w);
    if (err != ZG_OK)
        goto out;
    in.put = v->keys->queue.put;
    in.end = v->keys->queue.end;
    in.content = (struct span){content, w.len};
    err = knock_make(&out, &in, &v->client->rng);
    if (err != ZG_OK)
        goto out;
    k->knocked_s = in.now_s;
    memcpy(k->envelope, out.envelope, sizeof(k->envelope));
    memcpy(v->keys->th1, out.th1, sizeof(v->keys->th1));
    memcpy(v->keys->ek_p_pk, out.ek_p_pk, sizeof(out.ek_p_pk));
    memcpy(v->keys->ek_p_sk, out.ek_p_sk, sizeof(out.ek_p_sk));
    memcpy(v->keys->nonce_p, out.nonce, sizeof(out.nonce));
    v->ratchet = out.ratchet;
    out.ratchet = NULL;
out:
    knock_output_clear(&out);
    sodium_memzero(&in, sizeof(in));
    sodium_memzero(content, sizeof(content));
    return err;
}

/* Section 5.2: of one desk never back to a smaller epoch. */
static bool went_back(const struct knocking *k, const struct bundle *b)
{
    const struct zg_client *c = k->conversation->client;
    for (size_t i = 0; i < c->conversation_count; i++) {
        const struct conversation *v = c->conversations[i];
        if (v->side == SIDE_PARTICIPANT && v->desk_epoch > b->keys.epoch &&
            memcmp(v->keys->trust.desk_id, b->trust.desk_id, DESK_ID_BYTES) == 0)
            return true;
    }
    return false;
}

static zg_err keep_notice(struct conversation *v, const struct bundle *b)
{
    if (v->notice == NULL)
        v->notice = malloc(sizeof(*v->notice));
    if (v->notice == NULL)
        return ZG_ERR_MEMORY;
    *v->notice = b->notice;
    return ZG_OK;
}

static zg_err open_bundle(struct knocking *k)
{
    struct conversation *v = k->conversation;
    struct secret read;
    uint8_t bundle_key[32];
    struct bundle *b = malloc(sizeof(*b));
    if (b == NULL)
        return ZG_ERR_MEMORY;

    card_secrets(&k->card, &read, bundle_key);
    zg_err err = bundle_open(b, k->sealed.value, k->sealed.len, bundle_key, k->card.organisation,
                             client_time_ms(v->client) / 1000);
    if (err == ZG_OK && went_back(k, b)) {
        client_relay_went_back(v->client, v->connection);
        err = ZG_ERR_EXPIRED;
    }
    if (err == ZG_OK)
        err = keep_notice(v, b);
    if (err == ZG_OK && v->state == ZG_CONVERSATION_KNOCKING)
        err = make_knock(k, b);
    if (err == ZG_OK)
        keep_trust(k, b);
    sodium_memzero(&read, sizeof(read));
    sodium_memzero(bundle_key, sizeof(bundle_key));
    sodium_memzero(b, sizeof(*b));
    free(b);
    return err;
}

static void looked(struct knocking *k)
{
    struct conversation *v = k->conversation;
    knocking_move(k, KNOCKING_LOOKED);
    k->looked_ms = v->client->now.mono_ms;
    client_event(v->client, ZG_EVENT_LOOKED, ZG_OK, v, NULL, 0);
}

void knocking_bundle(struct knocking *k)
{
    struct conversation *v = k->conversation;
    zg_err err = open_bundle(k);

    if (err == ZG_OK && v->state == ZG_CONVERSATION_LOOKING) {
        looked(k);
        return;
    }
    slot_drop(&k->sealed);
    if (err == ZG_ERR_MEMORY) {
        conversation_pause(v, 1);
        return;
    }
    if (err != ZG_OK) {
        knocking_fail(k, err);
        return;
    }
    struct message *m = knocking_message(k);
    m->sealed = true;
    entry_touch(&v->client->journal, m->entry);
    card_clear(&k->card);
    knocking_move(k, KNOCKING_ASK);
    conversation_touch_stage(v);
}

static void on_piece(struct call *call, const struct command *reply, zg_err err)
{
    struct knocking *k = call->owner;

    if (knocking_common_reply(k, reply, err))
        return;
    err = slot_take(&k->sealed, BUNDLE_SEALED_MAX, &reply->u.slot_value);
    if (err == ZG_ERR_MEMORY) {
        connection_drop(k->conversation->connection, err);
        return;
    }
    /* A slot that is empty: nobody published yet. */
    if (err == ZG_OK && k->sealed.last.size == 0)
        err = ZG_ERR_REFUSED;
    if (err != ZG_OK)
        knocking_fail(k, err);
    else if (!call_waits(call))
        knocking_bundle(k);
}

void knocking_fetch(struct knocking *k)
{
    struct command command = {.op = OP_SLOT_GET};
    struct secret read;
    uint8_t bundle_key[32];

    slot_drop(&k->sealed);
    card_secrets(&k->card, &read, bundle_key);
    command.u.slot_get.read = read.b;
    knocking_ask(k, &command, on_piece);
    sodium_memzero(&read, sizeof(read));
    sodium_memzero(bundle_key, sizeof(bundle_key));
}
