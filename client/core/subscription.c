#include "client/core/subscription.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LATE_MS UINT64_C(600000)

static struct subscription *of_listener(struct listener *l)
{
    return (struct subscription *)((char *)l - offsetof(struct subscription, listener));
}

/* Section 1.1: what a relay reads late of a connection that is gone is no other reader. Each is an excuse once, so that two programs do
 * not fight. */
static bool displaced_by_itself(struct subscription *s, uint64_t mono_ms)
{
    if (s->unanswered == 0 || mono_ms >= s->unanswered_until)
        return false;
    s->unanswered--;
    return true;
}

static void on_end(struct subscription *s, enum ended_reason reason)
{
    uint64_t mono_ms = s->listener.connection->now_ms;
    subscription_stop(s);
    if (reason != ENDED_DISPLACED) {
        s->ended(s->owner);
    } else if (!displaced_by_itself(s, mono_ms)) {
        s->displaced = true;
        s->displaced_by(s->owner);
    }
}

static void on_push(struct listener *l, const struct command *push)
{
    struct subscription *s = of_listener(l);
    switch (push->op) {
    case OP_DELIVER:
        s->deliver(s->owner, push->u.deliver.id, push->u.deliver.envelope);
        break;
    case OP_WITHDRAW:
        s->withdraw(s->owner, push->u.withdraw.id);
        break;
    default:
        on_end(s, push->u.ended.reason);
    }
}

/* Ids mean nothing on another subscription; what was not acknowledged will be delivered again. */
static void on_lost(struct listener *l)
{
    struct subscription *s = of_listener(l);
    s->ack_count = 0;
    if (s->receipts != NULL)
        receipts_lost(s->receipts);
}

static void begin(struct subscription *s, struct connection *c, const uint8_t id[WIRE_SUBSCRIPTION_BYTES])
{
    s->serial++;
    connection_listen(c, &s->listener, id);
}

static void not_answered(struct subscription *s, uint64_t mono_ms)
{
    s->unanswered = mono_ms < s->unanswered_until ? s->unanswered + 1 : 1;
    s->unanswered_until = mono_ms + LATE_MS;
}

static void on_subscribed(struct call *call, const struct command *reply, zg_err err)
{
    struct subscription *s = call->owner;
    if (err == ZG_ERR_REFUSED)
        s->ended(s->owner);
    else if (err == ZG_OK)
        begin(s, call->connection, reply->u.subscribed.subscription);
    else if (err == ZG_ERR_NETWORK)
        not_answered(s, call->connection->now_ms);
    else
        s->retry_ms = call->connection->now_ms + 1000 * (1 + (uint64_t)reply->u.reply.retry_after);
}

static void ask(struct subscription *s, struct connection *c, const struct secret *take, uint32_t window)
{
    struct command command = {.op = OP_SUBSCRIBE};
    command.u.subscribe.take = take->b;
    command.u.subscribe.window = window < c->welcome.window_max ? window : c->welcome.window_max;
    s->listener.pushed = on_push;
    s->listener.lost = on_lost;
    s->call.done = on_subscribed;
    s->call.owner = s;
    /* Without room or memory now, the next round asks again. */
    zg_err err = connection_call(c, &s->call, &command);
    (void)err;
}

/* Acknowledges up to WIRE_ACK_IDS_MAX of those that are settled; stamps never fall. */
static bool acknowledge_some(struct subscription *s, const struct journal *journal)
{
    struct command command = {.op = OP_ACK};
    uint32_t count = 0;

    while (count < s->ack_count && count < WIRE_ACK_IDS_MAX && journal_settled(journal, s->acks[count].stamp)) {
        command.u.ack.ids[count] = s->acks[count].id;
        count++;
    }
    if (count == 0)
        return false;
    command.u.ack.subscription = s->listener.id;
    command.u.ack.count = count;
    if (connection_tell(s->listener.connection, &command) != ZG_OK)
        return false;
    for (uint32_t i = 0; i < count && s->receipts != NULL; i++)
        receipts_told(s->receipts, &s->acks[i].receipt);
    s->ack_count -= count;
    memmove(s->acks, s->acks + count, s->ack_count * sizeof(*s->acks));
    return true;
}

void subscription_work(struct subscription *s, struct connection *c, const struct secret *take, uint32_t window,
                       const struct journal *journal)
{
    if (!subscription_on(s)) {
        if (!s->displaced && !call_waits(&s->call) && connection_room(c) && c->now_ms >= s->retry_ms)
            ask(s, c, take, window);
        return;
    }
    while (acknowledge_some(s, journal))
        ;
}

bool subscription_on(const struct subscription *s)
{
    return s->listener.connection != NULL;
}

uint64_t subscription_deadline(const struct subscription *s, uint64_t mono_ms)
{
    /* What could have been asked in this round already waits for something else: a connection, the vault, a person. */
    return subscription_on(s) || call_waits(&s->call) || s->retry_ms <= mono_ms ? UINT64_MAX : s->retry_ms;
}

bool subscription_reserve(struct subscription *s)
{
    if (s->ack_count < s->ack_cap)
        return true;
    size_t cap = s->ack_cap == 0 ? 16 : 2 * s->ack_cap;
    struct pending_ack *acks = realloc(s->acks, cap * sizeof(*acks));
    if (acks == NULL)
        return false;
    s->acks = acks;
    s->ack_cap = cap;
    return true;
}

void subscription_ack(struct subscription *s, uint32_t id, uint64_t stamp, const struct receipt *receipt)
{
    if (!subscription_on(s))
        return;
    assert(s->ack_count < s->ack_cap);
    struct pending_ack *ack = &s->acks[s->ack_count++];
    *ack = (struct pending_ack){.stamp = stamp, .id = id};
    if (receipt != NULL)
        ack->receipt = *receipt;
}

void subscription_stop(struct subscription *s)
{
    call_forget(&s->call);
    listener_remove(&s->listener);
    on_lost(&s->listener);
}

void subscription_clear(struct subscription *s)
{
    subscription_stop(s);
    free(s->acks);
    s->acks = NULL;
    s->ack_cap = 0;
}
