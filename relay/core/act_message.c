/* PING, SEND, CANCEL, SUBSCRIBE, UNSUBSCRIBE, CLAIM, ACK: docs/protocol.md sections 1.1 and 3. */
#include <string.h>

#include "relay/core/inside.h"

enum { FULL_DESK_RETRY_S = 600, FULL_SUBSCRIPTIONS_RETRY_S = 60 };

static void act_ping(struct call *call, const struct command *c, const struct target *t)
{
    (void)c;
    (void)t;
    call_reply(call, STATUS_OK);
}

/* --- SEND --- */

static enum status check_send(const struct relay *r, const struct command *c)
{
    return c->u.send.ttl > r->ttl_ceiling ? STATUS_TOO_LARGE : STATUS_OK;
}

static enum role send_role(const struct command *c)
{
    return c->u.send.role == SEND_PUT ? ROLE_PUT : ROLE_TAKE;
}

static struct key key_send(const struct call *call, const struct command *c)
{
    struct key key = {.in_memory = true};
    (void)call;
    secret_name(send_role(c), c->u.send.secret, &key.name);
    return key;
}

/* A conversation queue counts what was sent, never what lies there: that would tell about the reader. */
static bool within_quota(const struct call *call, const struct queue *q)
{
    struct relay *r = call->relay;

    if (q->desk != NULL) {
        bool room = q->desk->stored + q->desk->pending < r->limits.waiting_of_desk;
        if (!room)
            call_reply_later(call, STATUS_FULL, FULL_DESK_RETRY_S);
        return room;
    }
    zg_err err = quota_take(&r->quota, QUOTA_SENDS, q->id, 1, r->limits.sends_of_queue_a_day, r->hours.now);
    if (err == ZG_ERR_FULL)
        call_reply_later(call, STATUS_FULL, relay_rest_of_day(r));
    else if (err != ZG_OK)
        call_reply(call, STATUS_BUSY);
    return err == ZG_OK;
}

static struct message *message_from(struct relay *r, struct queue *q, const struct command *c,
                                    const struct handle *handle)
{
    struct stored_message row = {.queue = q->id, .handle = *handle};
    struct message *m;

    if (r->stats.bytes_in_flight > 2 * r->limits.memory_bytes || q->next_seq >= STORE_SEQ_MAX)
        return NULL;
    row.envelope = envelope_new(c->u.send.envelope);
    if (row.envelope == NULL)
        return NULL;
    row.seq = q->next_seq;
    row.hour = relay_expiry_hour(r, c->u.send.ttl);
    row.marked = c->u.send.ttl >= WIRE_TTL_1D;
    m = message_new(r, &row);
    if (m == NULL)
        envelope_unref(row.envelope);
    else
        q->next_seq++;
    return m;
}

/* The reply waits for what becomes of m; NULL: that was decided before. */
static void settle_send(const struct call *call, const struct queue *q, struct message *m)
{
    struct settle *reply = tick_reply(call);
    reply->kind = SETTLE_SEND;
    reply->u.send.message = m;
    reply->u.send.queue = q->id;
    if (m != NULL)
        m->waits++;
}

/* No second effect, but it is not accepted either before the first one is. */
static void send_again(const struct call *call, const struct queue *q, struct message *m)
{
    bool undecided = m->state == MESSAGE_WAITING || m->state == MESSAGE_FLIGHT;
    m->failed = false;
    settle_send(call, q, undecided ? m : NULL);
}

static void act_send(struct call *call, const struct command *c, const struct target *t)
{
    struct relay *r = call->relay;
    struct handle handle;
    struct queue *q;

    if (t->role != send_role(c)) {
        call_reply(call, STATUS_REFUSED);
        return;
    }
    q = target_queue(r, t);
    if (q == NULL) {
        call_reply(call, STATUS_BUSY);
        return;
    }
    if ((q->desk != NULL) != (t->role == ROLE_TAKE)) {
        call_reply(call, STATUS_REFUSED);
        return;
    }
    if (t->queue == NULL)
        exchange_remember(r, &t->name, t->role, q);
    if (!within_quota(call, q))
        return;
    touch_used(r, q, true);
    handle_hash(c->u.send.handle, &handle);
    struct message *m = message_find(r, &handle);
    if (m != NULL) {
        send_again(call, q, m);
        return;
    }
    m = message_from(r, q, c, &handle);
    if (m == NULL) {
        call_reply(call, STATUS_BUSY);
        return;
    }
    settle_send(call, q, m);
    queue_add(r, q, m);
    queue_deliver(r, q);
}

/* --- CANCEL --- */

static void act_cancel(struct call *call, const struct command *c, const struct target *t)
{
    struct relay *r = call->relay;
    struct settle *reply = tick_reply(call);
    struct message *m;

    (void)t;
    reply->kind = SETTLE_CANCEL;
    handle_hash(c->u.cancel.handle, &reply->u.handle);
    m = message_find(r, &reply->u.handle);
    if (m != NULL && (m->state == MESSAGE_WAITING || m->state == MESSAGE_FLIGHT)) {
        struct queue *q = m->queue;
        queue_withdraw(r, m, true);
        queue_deliver(r, q);
    }
}

/* --- reading --- */

static struct key key_subscribe(const struct call *call, const struct command *c)
{
    struct key key = {.in_memory = false};
    (void)call;
    secret_name(ROLE_TAKE, c->u.subscribe.take, &key.name);
    return key;
}

static void act_subscribe(struct call *call, const struct command *c, const struct target *t)
{
    struct relay *r = call->relay;
    struct session *s = call->session;
    struct out out = {.op = OP_SUBSCRIBED, .seq = call->seq};
    struct subscription *sub;
    struct queue *q;

    if (t->role != ROLE_TAKE) {
        call_reply(call, STATUS_REFUSED);
        return;
    }
    if (s->subscription_count >= r->limits.subscriptions_of_one) {
        call_reply_later(call, STATUS_FULL, FULL_SUBSCRIPTIONS_RETRY_S);
        return;
    }
    q = target_queue(r, t);
    sub = q != NULL ? exchange_subscribe(r, s, q, &t->name, (uint16_t)c->u.subscribe.window) : NULL;
    if (sub == NULL) {
        call_reply(call, STATUS_BUSY);
        return;
    }
    touch_used(r, q, false);
    out.u.subscription = subscription_id(sub);
    session_push(s, &out, NULL);
    queue_deliver(r, q);
}

static void act_unsubscribe(struct call *call, const struct command *c, const struct target *t)
{
    struct subscription *sub =
        exchange_subscription(call->relay, call->session, c->u.unsubscribe.subscription);
    (void)t;
    if (sub != NULL)
        exchange_unsubscribe(call->relay, sub);
    call_reply(call, STATUS_OK);
}

/* Ids rise along the list. */
static struct message *in_flight(const struct queue *q, uint32_t id)
{
    for (struct link *l = q->flight.next; l != &q->flight; l = l->next) {
        struct message *m = LIST_ITEM(l, struct message, place);
        if (m->id >= id)
            return m->id == id ? m : NULL;
    }
    return NULL;
}

static void act_claim(struct call *call, const struct command *c, const struct target *t)
{
    struct relay *r = call->relay;
    struct subscription *sub = exchange_subscription(r, call->session, c->u.claim.subscription);
    struct message *m = sub != NULL && sub->queue->desk != NULL ? in_flight(sub->queue, c->u.claim.id) : NULL;

    (void)t;
    if (m != NULL) {
        m->until = r->now.mono_ms + WIRE_CLAIM_SECONDS * UINT64_C(1000);
        list_remove(&m->lease);
        list_append(&r->messages.leases, &m->lease);
    }
    call_reply(call, STATUS_OK);
}

static void act_ack(struct call *call, const struct command *c, const struct target *t)
{
    struct relay *r = call->relay;
    struct subscription *sub = exchange_subscription(r, call->session, c->u.ack.subscription);

    (void)t;
    if (sub == NULL)
        return;
    for (uint32_t i = 0; i < c->u.ack.count; i++) {
        struct message *m = in_flight(sub->queue, c->u.ack.ids[i]);
        if (m != NULL)
            queue_acked(r, m);
    }
    queue_deliver(r, sub->queue);
}

static const struct dispatch_row rows[] = {
    {.op = OP_SEND, .on_tick = true, .check = check_send, .key = key_send, .act = act_send},
    {.op = OP_ACK, .unasked = true, .act = act_ack},
    {.op = OP_PING, .act = act_ping},
    {.op = OP_CANCEL, .on_tick = true, .act = act_cancel},
    {.op = OP_SUBSCRIBE, .key = key_subscribe, .act = act_subscribe},
    {.op = OP_UNSUBSCRIBE, .act = act_unsubscribe},
    {.op = OP_CLAIM, .act = act_claim},
};

struct dispatch_rows act_message_rows(void)
{
    return (struct dispatch_rows){rows, sizeof(rows) / sizeof(rows[0])};
}
