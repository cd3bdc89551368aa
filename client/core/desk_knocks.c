/*
 * Knocks that come in, and the first answer; docs/protocol.md section 6.
 *
 * Happy path: a knock is delivered, opened, and shown as a conversation that WAITS, in memory only: the relay keeps it. A person answers:
 * claim, own secrets, accept, stored; the conversation makes its queue and sends; when the relay has an accept, the knock is
 * acknowledged. A crash at any point leaves either the knock at the relay or the conversation in the vault.
 * Failure: a knock that nobody can open is acknowledged and dropped; one that comes again finds its conversation by the first bytes of TH1.
 */
#include <sodium.h>
#include <string.h>

#include "client/core/desk.h"

_Static_assert((int)KNOCK_ID_BYTES == (int)ZG_ID_BYTES, "a knock's id names its conversation");

static void acknowledge(struct desk *d, uint32_t delivery)
{
    if (subscription_reserve(&d->subscription))
        subscription_ack(&d->subscription, delivery, journal_stamp(&d->client->journal), NULL);
}

static bool is_here(const struct desk *d, const struct conversation *v)
{
    return subscription_on(&d->subscription) && v->knock_serial == d->subscription.serial;
}

/* --- dismissed --- */

static bool is_dismissed(const struct desk *d, const zg_id *id)
{
    for (uint32_t i = 0; i < d->dismissed_count; i++)
        if (memcmp(d->dismissed[i].id.b, id->b, ZG_ID_BYTES) == 0)
            return true;
    return false;
}

static void remove_dismissed(struct desk *d, uint32_t i)
{
    d->dismissed_count--;
    memmove(&d->dismissed[i], &d->dismissed[i + 1], (d->dismissed_count - i) * sizeof(d->dismissed[0]));
}

void desk_remember(struct desk *d, const zg_id *knock)
{
    if (d == NULL || d->gone || is_dismissed(d, knock))
        return;
    uint64_t now_ms = client_time_ms(d->client);
    for (uint32_t i = d->dismissed_count; i-- > 0;)
        if (d->dismissed[i].until_ms <= now_ms)
            remove_dismissed(d, i);
    if (d->dismissed_count == DESK_DISMISSED_MAX)
        remove_dismissed(d, 0);
    /* To the day: who reads this one day need not learn the hour. */
    uint64_t days = (now_ms / 1000 + DESK_DISMISSED_S) / DAY_S + 1;
    d->dismissed[d->dismissed_count++] = (struct dismissed){*knock, days * DAY_S * 1000};
    desk_touch(d);
}

void desk_dismiss(struct desk *d, struct conversation *v)
{
    if (d == NULL)
        return;
    desk_remember(d, &v->id);
    if (is_here(d, v))
        acknowledge(d, v->knock_delivery);
}

/* --- a knock that comes in --- */

static void fill_message(struct message *m, const struct content *content, const struct connection *link,
                         uint64_t now_ms)
{
    bool text = content->kind == CONTENT_TEXT && content_utf8_ok(content->body.at, content->body.len);
    m->kind = text ? CONTENT_TEXT : 0; /* a knock of another kind is of a newer version */
    m->len = text ? content->body.len : 0;
    if (text && m->len > 0)
        memcpy(m->text, content->body.at, m->len);
    m->state = ZG_MESSAGE_RECEIVED;
    m->from = content->from == LIFETIME_FROM_READ ? ZG_AFTER_READ : ZG_AFTER_SENT;
    m->lifetime_s = lifetime_at_relay(link, content->lifetime_s);
    m->sent_ms = m->from == ZG_AFTER_SENT ? message_start_ms(content->sent_minute, now_ms)
                                          : (uint64_t)content->sent_minute * 60000;
}

static zg_err add_text(struct conversation *v, const struct knock_opened *k)
{
    struct zg_client *c = v->client;
    uint64_t now_ms = client_time_ms(c);
    struct content content;
    struct message *m;

    if (content_read(&content, (struct span){k->content, k->content_len}) != ZG_OK || content.parts != 1)
        return ZG_ERR_MALFORMED;
    /* Section 6: no relay keeps a knock so long. This one was held back, or comes again. */
    if ((uint64_t)content.sent_minute * 60 + DESK_KEYS_KEPT_S < now_ms / 1000)
        return ZG_ERR_EXPIRED;
    zg_err err = conversation_reserve(v);
    if (err == ZG_OK)
        err = message_make(&m, c, content.body.len, false);
    if (err != ZG_OK)
        return err;
    m->limit_ms = now_ms + c->lifetime_max_ms;
    m->order = ++c->order;
    fill_message(m, &content, v->connection, now_ms);
    conversation_add(v, m);
    message_schedule(c, m); /* if it is over already, it goes unseen with the next round */
    return ZG_OK;
}

static void take_knock(struct conversation *v, struct knock_opened *k)
{
    memcpy(v->id.b, k->th1, ZG_ID_BYTES);
    memcpy(v->keys->th1, k->th1, sizeof(v->keys->th1));
    v->keys->peer_put = k->put;
    v->keys->peer_end = k->end;
    v->peer_known = true;
    v->keys->trust = v->client->desk->trust;
    memcpy(v->keys->commitment, k->commitment, sizeof(v->keys->commitment));
    memcpy(v->keys->ek_p_pk, k->dh, sizeof(v->keys->ek_p_pk));
    v->knock = k;
}

/* Takes k if it succeeds. */
static zg_err new_conversation(struct desk *d, struct knock_opened *k, struct conversation **out)
{
    struct conversation *v;
    zg_err err = events_reserve(&d->client->events, 2);
    if (err == ZG_OK)
        err = conversation_new(&v, d->client, SIDE_WORKER, ZG_CONVERSATION_WAITING, &d->place);
    if (err != ZG_OK)
        return err;
    err = add_text(v, k);
    if (err != ZG_OK) {
        conversation_forget(v);
        return err;
    }
    take_knock(v, k);
    client_event(d->client, ZG_EVENT_KNOCK, ZG_OK, v, v->message_count > 0 ? &v->messages[0]->id : NULL, 0);
    *out = v;
    return ZG_OK;
}

static uint32_t count_waiting(const struct zg_client *c)
{
    uint32_t count = 0;
    for (size_t i = 0; i < c->conversation_count; i++)
        count += c->conversations[i]->state == ZG_CONVERSATION_WAITING;
    return count;
}

/*
 * ZG_OK: v waits for an answer or for its accept, and the relay keeps the knock. ZG_ERR_CONFLICT: it was dealt with. ZG_ERR_FULL:
 * there is no place for it now; the relay keeps it.
 */
static zg_err find_or_make(struct desk *d, struct knock_opened **k, struct conversation **v)
{
    zg_id id;
    memcpy(id.b, (*k)->th1, ZG_ID_BYTES);
    if (is_dismissed(d, &id))
        return ZG_ERR_CONFLICT;
    *v = conversation_find(d->client, &id);
    if (*v != NULL)
        return (*v)->answered ? ZG_ERR_CONFLICT : ZG_OK;
    if (count_waiting(d->client) >= DESK_WAITING_MAX)
        return ZG_ERR_FULL;
    zg_err err = new_conversation(d, *k, v);
    if (err == ZG_OK)
        *k = NULL;
    return err;
}

static zg_err open_knock(struct desk *d, uint32_t delivery, const uint8_t *envelope)
{
    const struct intake_epoch *keys = desk_epoch_find(d, knock_epoch(envelope));
    struct conversation *v;

    if (keys == NULL)
        return ZG_ERR_NOT_FOUND;
    struct knock_opened *k = sodium_malloc(sizeof(*k));
    if (k == NULL)
        return ZG_ERR_MEMORY;
    zg_err err = knock_open(k, envelope, &d->trust, keys);
    if (err == ZG_OK)
        err = find_or_make(d, &k, &v);
    if (err == ZG_OK) {
        v->knock_serial = d->subscription.serial;
        v->knock_delivery = delivery;
        if (v->state == ZG_CONVERSATION_WAITING)
            agenda_set(&d->client->agenda, &v->due, client_time_ms(d->client) + DESK_KEYS_KEPT_S * 1000);
    }
    sodium_free(k);
    return err;
}

static void on_deliver(void *owner, uint32_t delivery, const uint8_t *envelope)
{
    struct desk *d = owner;
    zg_err err = subscription_reserve(&d->subscription) ? open_knock(d, delivery, envelope) : ZG_ERR_MEMORY;

    if (err == ZG_ERR_MEMORY)
        connection_drop(d->connection, err);
    else if (err != ZG_OK && err != ZG_ERR_FULL)
        acknowledge(d, delivery);
}

/* She took it back, or nobody answered in time. */
static void on_withdraw(void *owner, uint32_t delivery)
{
    struct desk *d = owner;
    for (size_t i = 0; i < d->client->conversation_count; i++) {
        struct conversation *v = d->client->conversations[i];
        if (v->state != ZG_CONVERSATION_WAITING || v->gone || !is_here(d, v) || v->knock_delivery != delivery)
            continue;
        client_event(d->client, ZG_EVENT_ENDED, ZG_OK, v, NULL, 0);
        conversation_vanish(v);
        return;
    }
}

static void on_ended(void *owner)
{
    struct desk *d = owner;
    d->failed = ZG_ERR_REFUSED;
    client_event(d->client, ZG_EVENT_DESK_FAILED, d->failed, NULL, NULL, 0);
}

static void on_displaced(void *owner)
{
    struct desk *d = owner;
    client_event(d->client, ZG_EVENT_DISPLACED, ZG_OK, NULL, NULL, 0);
}

void desk_listen(struct desk *d)
{
    struct subscription *s = &d->subscription;
    s->deliver = on_deliver;
    s->withdraw = on_withdraw;
    s->ended = on_ended;
    s->displaced_by = on_displaced;
    s->owner = d;
}

/* --- the first answer --- */

static void take_accept(struct conversation *v, struct accept_output *out, const struct queue_secrets *queue)
{
    struct conversation_keys *k = v->keys;
    k->queue = *queue;
    memcpy(k->th2, out->th2, sizeof(k->th2));
    memcpy(k->nonce_w, out->nonce, sizeof(k->nonce_w));
    memcpy(k->block, out->block, out->block_len);
    v->block_len = (uint32_t)out->block_len;
    v->ratchet = out->ratchet;
    out->ratchet = NULL;
}

zg_err desk_accept(struct desk *d, struct conversation *v)
{
    struct accept_output out;
    struct queue_secrets queue;

    zg_err err = validity_check(&d->credential_validity, client_time_ms(d->client) / 1000);
    if (err != ZG_OK)
        return err;
    err = conversation_keep(v);
    if (err != ZG_OK)
        return err;
    memset(&out, 0, sizeof(out));
    queue_secrets_new(&queue, &d->client->rng);
    struct accept_input in = {v->knock, {d->credential, d->credential_len}, d->keys->dh_sk, queue.put, queue.end};
    err = accept_make(&out, &in, &d->client->rng);
    if (err == ZG_OK)
        take_accept(v, &out, &queue);
    else
        desk_undo_accept(v);
    accept_output_clear(&out);
    sodium_memzero(&in, sizeof(in));
    sodium_memzero(&queue, sizeof(queue));
    return err;
}

void desk_undo_accept(struct conversation *v)
{
    struct zg_client *c = v->client;
    ratchet_free(v->ratchet);
    v->ratchet = NULL;
    entry_drop(&c->journal, v->entry);
    v->entry = NULL;
    for (size_t i = 0; i < v->message_count; i++) {
        entry_drop(&c->journal, v->messages[i]->entry);
        v->messages[i]->entry = NULL;
    }
}

void desk_accepted(struct conversation *v)
{
    knock_opened_clear(v->knock);
    sodium_free(v->knock);
    v->knock = NULL;
    agenda_remove(&v->client->agenda, &v->due);
    conversation_move(v, ZG_CONVERSATION_OPEN);
    conversation_touch_stage(v);
}

static void on_claimed(struct call *call, const struct command *reply, zg_err err)
{
    (void)call;
    (void)reply;
    (void)err; /* one worker: nobody else can have it */
}

static void claim(struct desk *d, struct conversation *v)
{
    struct command command = {.op = OP_CLAIM};
    command.u.claim.subscription = d->subscription.listener.id;
    command.u.claim.id = v->knock_delivery;
    v->claim_call.done = on_claimed;
    v->claim_call.owner = v;
    if (connection_call(d->connection, &v->claim_call, &command) == ZG_OK)
        v->claim_serial = d->subscription.serial;
}

void desk_knocks_work(struct desk *d)
{
    for (size_t i = 0; i < d->client->conversation_count; i++) {
        struct conversation *v = d->client->conversations[i];
        if (v->side != SIDE_WORKER || v->state != ZG_CONVERSATION_OPEN || v->knock_serial == 0 || !is_here(d, v))
            continue;
        if (v->answered) {
            acknowledge(d, v->knock_delivery);
            v->knock_serial = 0;
        } else if (v->claim_serial != d->subscription.serial && !call_waits(&v->claim_call)) {
            claim(d, v);
        }
    }
}
