/* CHALLENGE, KNOCK, VOUCHER_DRAW: docs/protocol.md sections 1.1 and 9. */
#include <stdlib.h>
#include <string.h>

#include "relay/core/inside.h"

enum { FULL_DESK_RETRY_S = 600, FULL_DRAWS_RETRY_S = 3600, NO_ROOM_RETRY_S = 600, MINUTE_MS = 60 * 1000 };

/* Section 9: whether all names are there already comes before everything else. */
enum knock_stage { KNOCK_NAMES, KNOCK_DESK };

/* The desk behind a name of this role; NULL: there is none, and the call was answered. */
static struct queue *desk(struct call *call, const struct target *t, enum role role)
{
    struct queue *q = NULL;

    if (t->role == role && (q = target_queue(call->relay, t)) == NULL) {
        call_reply(call, STATUS_BUSY);
        return NULL;
    }
    if (q == NULL || q->desk == NULL) {
        call_reply(call, STATUS_REFUSED);
        return NULL;
    }
    if (t->queue == NULL)
        exchange_remember(call->relay, &t->name, role, q);
    return q;
}

static uint32_t waiting(const struct queue *q)
{
    return q->desk->stored + q->desk->pending;
}

/* Knocks in the last minute, near enough: the fuller of this minute and the one before. */
static uint32_t knocks_lately(const struct relay *r, struct desk *d)
{
    uint64_t minute = r->now.mono_ms / MINUTE_MS;
    if (minute != d->minute) {
        d->knocks_before = minute == d->minute + 1 ? d->knocks : 0;
        d->knocks = 0;
        d->minute = minute;
    }
    return d->knocks > d->knocks_before ? d->knocks : d->knocks_before;
}

static uint8_t effort(const struct relay *r, const struct queue *q)
{
    return limits_effort(&r->limits, waiting(q), knocks_lately(r, q->desk));
}

/* --- CHALLENGE --- */

static struct key key_challenge(const struct call *call, const struct command *c)
{
    /* Not from memory, although it is answered at once: who may put into a conversation could tell by the
     * time of the refusal whether its queue is in memory. */
    struct key key = {.in_memory = false};
    (void)call;
    secret_name(ROLE_PUT, c->u.challenge.put, &key.name);
    return key;
}

static void act_challenge(struct call *call, const struct command *c, const struct target *t)
{
    struct relay *r = call->relay;
    struct queue *q = desk(call, t, ROLE_PUT);
    struct out out = {.op = OP_COOKIE, .seq = call->seq};

    (void)c;
    if (q == NULL)
        return;
    out.u.cookie = malloc(sizeof(*out.u.cookie));
    if (out.u.cookie == NULL) {
        call_reply(call, STATUS_BUSY);
        return;
    }
    out.u.cookie->effort = effort(r, q);
    door_cookie(r, &t->name, out.u.cookie->effort, out.u.cookie->cookie);
    session_push(call->session, &out, NULL);
}

/* --- KNOCK --- */

static enum status check_knock(const struct relay *r, const struct command *c)
{
    return c->u.knock.ttl > r->ttl_ceiling ? STATUS_TOO_LARGE : STATUS_OK;
}

static struct key key_knock(const struct call *call, const struct command *c)
{
    struct key key = {.in_memory = call->stage == KNOCK_DESK};
    if (call->stage == KNOCK_DESK)
        secret_name(ROLE_PUT, c->u.knock.put, &key.name);
    else
        memcpy(key.name.b, c->u.knock.names.put, sizeof(key.name.b));
    return key;
}

/* Answered by what becomes of k; takes a reference to it. */
static void settle_knock(const struct call *call, struct knock *k)
{
    struct settle *reply = tick_reply(call);
    reply->kind = SETTLE_KNOCK;
    reply->u.knock = k;
}

/* Whether the new names are in use: true if the call was answered. */
static bool names_known(struct call *call, const struct stored_names *names, const struct target *t)
{
    struct knock *k = knock_find(call->relay, &names->put);

    if (t->role == 0 && k == NULL)
        return false;
    if (k != NULL && knock_is_same(k, names))
        settle_knock(call, knock_ref(k));
    else if (t->role == ROLE_PUT && t->found->kind == QUEUE_CONVERSATION &&
             stored_names_equal(names, &t->found->names))
        call_reply(call, STATUS_OK);
    else
        call_reply(call, STATUS_REFUSED);
    return true;
}

/* The message for the desk, HELD; NULL: no memory. */
static struct message *knock_message(struct relay *r, struct queue *q, const struct command *c,
                                     const struct handle *handle)
{
    struct stored_message row = {.queue = q->id, .seq = q->next_seq, .handle = *handle};
    struct message *m;

    if (r->stats.bytes_in_flight > 2 * r->limits.memory_bytes || q->next_seq >= STORE_SEQ_MAX)
        return NULL;
    row.hour = relay_expiry_hour(r, c->u.knock.ttl);
    row.marked = c->u.knock.ttl >= WIRE_TTL_1D;
    row.envelope = envelope_new(c->u.knock.envelope);
    if (row.envelope == NULL)
        return NULL;
    m = message_new(r, &row);
    if (m == NULL)
        envelope_unref(row.envelope);
    else
        q->next_seq++;
    return m;
}

static void accept_knock(struct call *call, const struct command *c, struct queue *q,
                         const struct stored_names *names)
{
    struct relay *r = call->relay;
    struct handle handle;
    struct message *m;
    struct knock *k;

    handle_hash(c->u.knock.handle, &handle);
    if (message_find(r, &handle) != NULL) {
        call_reply(call, STATUS_REFUSED);
        return;
    }
    m = knock_message(r, q, c, &handle);
    k = m != NULL ? knock_new(r, c, names, m) : NULL;
    if (k == NULL) {
        if (m != NULL)
            message_end(r, m, MESSAGE_GONE, false);
        call_reply(call, STATUS_BUSY);
        return;
    }
    q->desk->knocks++;
    touch_used(r, q, true);
    exchange_rest(r, q);
    settle_knock(call, k);
}

static void turn_away(struct call *call, enum status status, uint32_t retry_after, uint64_t *count)
{
    ++*count;
    call_reply_later(call, status, retry_after);
}

static void knock_at(struct call *call, const struct command *c, const struct target *t,
                     const struct stored_names *names)
{
    struct relay *r = call->relay;
    struct queue *q = desk(call, t, ROLE_PUT);
    uint32_t retry_after;
    zg_err err;

    if (q == NULL)
        return;
    err = door_check(r, &t->name, c, effort(r, q), &call->session->looks, &retry_after);
    if (err == ZG_ERR_REFUSED)
        call_reply(call, STATUS_REFUSED);
    else if (err != ZG_OK)
        call_reply_later(call, STATUS_BUSY, retry_after);
    else if (waiting(q) >= r->limits.waiting_of_desk)
        call_reply_later(call, STATUS_FULL, FULL_DESK_RETRY_S);
    else if (room_now(r) != ROOM_ENOUGH)
        turn_away(call, STATUS_FULL, NO_ROOM_RETRY_S, &r->stats.no_room);
    else if (!door_takes(r, q->desk))
        turn_away(call, STATUS_BUSY, door_wait(r, q->desk), &r->stats.knocks_held_off);
    else
        accept_knock(call, c, q, names);
}

static void act_knock(struct call *call, const struct command *c, const struct target *t)
{
    struct stored_names names;

    stored_names_from(&names, &c->u.knock.names);
    if (call->stage == KNOCK_NAMES) {
        if (names_known(call, &names, t))
            return;
        call->stage = KNOCK_DESK;
        const struct key key = key_knock(call, c);
        call_find(call, c, &key);
        return;
    }
    /* The same knock may have come on another connection while the desk was looked up. */
    const struct target unknown = {.role = (enum role)0};
    if (!names_known(call, &names, &unknown))
        knock_at(call, c, t, &names);
}

/* --- VOUCHER_DRAW --- */

static struct key key_draw(const struct call *call, const struct command *c)
{
    struct key key = {.in_memory = true};
    (void)call;
    secret_name(ROLE_TAKE, c->u.voucher_draw.take, &key.name);
    return key;
}

static void draw(struct call *call, const struct command *c, uint64_t desk)
{
    struct relay *r = call->relay;
    struct change *change = change_new(call->relay, call, WRITE_VOUCHERS);

    if (change == NULL) {
        quota_give_back(&r->quota, QUOTA_DRAWS, desk, c->u.voucher_draw.count);
        call_reply(call, STATUS_BUSY);
        return;
    }
    change->counted.kind = QUOTA_DRAWS;
    change->counted.id = desk;
    change->counted.n = c->u.voucher_draw.count;
    for (uint32_t i = 0; i < c->u.voucher_draw.count; i++)
        memcpy(change->vouchers[i].b, c->u.voucher_draw.names[i], sizeof(change->vouchers[i].b));
    change->write.u.vouchers.kind = c->u.voucher_draw.kind;
    change->write.u.vouchers.hour = relay_voucher_hour(r);
    change->write.u.vouchers.count = (uint8_t)c->u.voucher_draw.count;
    change->write.u.vouchers.names = change->vouchers;
    change_submit(r, change);
}

static void act_draw(struct call *call, const struct command *c, const struct target *t)
{
    struct relay *r = call->relay;
    struct queue *q = desk(call, t, ROLE_TAKE);
    zg_err err;

    if (q == NULL)
        return;
    err = quota_take(&r->quota, QUOTA_DRAWS, q->id, c->u.voucher_draw.count, r->limits.draws_of_desk_a_day,
                     r->hours.now);
    if (err == ZG_ERR_FULL)
        call_reply_later(call, STATUS_FULL, FULL_DRAWS_RETRY_S);
    else if (err != ZG_OK)
        call_reply(call, STATUS_BUSY);
    else
        draw(call, c, q->id);
}

static const struct dispatch_row rows[] = {
    {.op = OP_CHALLENGE, .key = key_challenge, .act = act_challenge},
    {.op = OP_KNOCK, .on_tick = true, .check = check_knock, .key = key_knock, .act = act_knock},
    {.op = OP_VOUCHER_DRAW, .key = key_draw, .act = act_draw},
};

struct dispatch_rows act_desk_rows(void)
{
    return (struct dispatch_rows){rows, sizeof(rows) / sizeof(rows[0])};
}
