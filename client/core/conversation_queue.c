/*
 * What a conversation asks of the relay about queues; docs/protocol.md sections 1, 6 and 8.
 *
 * The worker's queue: NONE, a voucher from the desk, ASKED, QUEUE_CREATE, LIVE. Hers: the knock creates it, LIVE; after the accept ROTATE,
 * QUEUE_UPDATE with two puts, ANNOUNCE until the worker's next step, SETTLE, QUEUE_UPDATE, LIVE. Whatever breaks in between is repeated: every
 * command is harmless the second time. A voucher that is refused is replaced; a queue that is refused is gone.
 */
#include <sodium.h>
#include <string.h>

#include "client/core/conversation.h"
#include "client/core/desk.h"
#include "client/core/locker.h"

void queue_secrets_new(struct queue_secrets *q, const struct rng *rng)
{
    rng_fill(rng, q->put.b, sizeof(q->put.b));
    rng_fill(rng, q->take.b, sizeof(q->take.b));
    rng_fill(rng, q->own.b, sizeof(q->own.b));
    rng_fill(rng, q->end.b, sizeof(q->end.b));
}

void conversation_queue_names(const struct conversation *v, struct queue_name_set *n, struct queue_names *names)
{
    const struct conversation_keys *k = v->keys;
    /* Until the worker knows the new end, the former one must work; section 6. */
    bool rotating = v->queue == QUEUE_ROTATE || v->queue == QUEUE_ANNOUNCE;

    secret_name(ROLE_PUT, k->queue.put.b, &n->put);
    secret_name(ROLE_PUT, k->old_put.b, &n->put2);
    secret_name(ROLE_TAKE, k->queue.take.b, &n->take);
    secret_name(ROLE_OWN, k->queue.own.b, &n->own);
    secret_name(ROLE_END, rotating ? k->old_end.b : k->queue.end.b, &n->end);
    *names = (struct queue_names){
        .put = n->put.b,
        .put2 = rotating ? n->put2.b : NULL,
        .take = {n->take.b},
        .takes = 1,
        .own = n->own.b,
        .end = n->end.b,
    };
}

static void set_queue(struct conversation *v, enum queue_stage stage)
{
    v->queue = stage;
    conversation_touch_stage(v);
}

/* --- create, rotate --- */

static void voucher_refused(struct conversation *v)
{
    sodium_memzero(&v->keys->voucher, sizeof(v->keys->voucher));
    v->voucher_known = false;
    desk_vouchers_spoilt(v->client->desk);
    if (++v->create_tries >= CONVERSATION_CREATE_TRIES)
        conversation_end(v);
    else
        set_queue(v, QUEUE_NONE);
}

static void queue_ok(struct conversation *v)
{
    switch (v->queue) {
    case QUEUE_ASKED:
        sodium_memzero(&v->keys->voucher, sizeof(v->keys->voucher));
        v->voucher_known = false;
        set_queue(v, QUEUE_LIVE);
        break;
    case QUEUE_ROTATE:
        set_queue(v, QUEUE_ANNOUNCE);
        break;
    case QUEUE_SETTLE:
        sodium_memzero(&v->keys->old_put, sizeof(v->keys->old_put));
        sodium_memzero(&v->keys->old_end, sizeof(v->keys->old_end));
        set_queue(v, QUEUE_LIVE);
        break;
    default:
        break;
    }
}

static void on_queue_reply(struct call *call, const struct command *reply, zg_err err)
{
    struct conversation *v = call->owner;

    if (err == ZG_OK)
        queue_ok(v);
    else if (err == ZG_ERR_BUSY || err == ZG_ERR_FULL)
        conversation_pause(v, reply->u.reply.retry_after);
    else if (err == ZG_ERR_REFUSED && v->queue == QUEUE_ASKED)
        voucher_refused(v);
    else if (err != ZG_ERR_NETWORK)
        conversation_end(v);
}

static void ask(struct conversation *v, struct call *call, struct command *command,
                void (*done)(struct call *, const struct command *, zg_err))
{
    call->done = done;
    call->owner = v;
    /* Without room or memory now, the next round asks again. */
    zg_err err = connection_call(v->connection, call, command);
    (void)err;
}

static void ask_create(struct conversation *v)
{
    struct command command = {.op = OP_QUEUE_CREATE};
    struct queue_name_set set;
    command.u.queue_create.voucher = v->keys->voucher.b;
    command.u.queue_create.kind = QUEUE_CONVERSATION;
    conversation_queue_names(v, &set, &command.u.queue_create.names);
    ask(v, &v->queue_call, &command, on_queue_reply);
}

static void ask_update(struct conversation *v)
{
    struct command command = {.op = OP_QUEUE_UPDATE};
    struct queue_name_set set;
    command.u.queue_update.own = v->keys->queue.own.b;
    conversation_queue_names(v, &set, &command.u.queue_update.names);
    ask(v, &v->queue_call, &command, on_queue_reply);
}

void conversation_queue_work(struct conversation *v)
{
    if (v->queue == QUEUE_NONE && desk_take_voucher(v->client->desk, &v->keys->voucher)) {
        v->voucher_known = true;
        set_queue(v, QUEUE_ASKED);
    }
    if (call_waits(&v->queue_call) || !journal_settled(&v->client->journal, v->stamp) ||
        !connection_room(v->connection))
        return;
    if (v->queue == QUEUE_ASKED)
        ask_create(v);
    else if (v->queue == QUEUE_ROTATE || v->queue == QUEUE_SETTLE)
        ask_update(v);
}

/* --- delete --- */

static void on_cleanup_reply(struct call *call, const struct command *reply, zg_err err)
{
    static const struct secret none;
    struct conversation *v = call->owner;
    unsigned what = 1u << (call - v->cleanup_calls);

    if (err == ZG_ERR_NETWORK)
        return;
    /* Refused: it was gone already. Nothing else confirms that it is. */
    if (err != ZG_OK && err != ZG_ERR_REFUSED) {
        conversation_pause(v, reply->u.reply.retry_after);
        return;
    }
    /* A QUEUE_CREATE that nobody waits for any more may still be under way: only the second refusal says that it came to nothing. */
    if (what == CLEANUP_OWN && err == ZG_ERR_REFUSED && v->queue == QUEUE_ASKED) {
        v->queue = QUEUE_LIVE;
        conversation_touch(v);
        conversation_pause(v, 1);
        return;
    }
    v->cleanup &= ~what;
    if (what == CLEANUP_PEER && err == ZG_ERR_REFUSED &&
        sodium_memcmp(v->keys->peer_old_end.b, none.b, sizeof(none.b)) != 0)
        v->cleanup |= CLEANUP_PEER_OLD;
    if ((v->cleanup & CLEANUP_OWN) == 0)
        v->queue = QUEUE_GONE;
    conversation_touch_stage(v);
}

static void cleanup_command(const struct conversation *v, struct command *command, unsigned what)
{
    const struct conversation_keys *k = v->keys;
    const struct locker *l = v->client->locker;
    switch (what) {
    case CLEANUP_CANCEL:
        command->op = OP_CANCEL;
        command->u.cancel.handle = k->knock_handle.b;
        break;
    case CLEANUP_LOCKER:
        command->op = OP_SLOT_DELETE;
        command->u.slot_delete.own = l != NULL ? l->keys->own.b : k->locker_own.b;
        break;
    default:
        command->op = OP_QUEUE_DELETE;
        bool own = what == CLEANUP_OWN || what == CLEANUP_SURE;
        command->u.queue_delete.role = own ? DELETE_OWN : DELETE_END;
        command->u.queue_delete.secret = own                    ? k->queue.own.b
                                         : what == CLEANUP_PEER ? k->peer_end.b
                                                                : k->peer_old_end.b;
    }
}

/*
 * Section 4.1: CANCEL of a knock that waits first, and nothing else before it was answered. An open conversation's queues at once and together: whoever
 * erases may be gone in a moment, and an answer may take seconds. The locker last: until then whoever returns goes on with this.
 */
static bool has_its_turn(const struct conversation *v, unsigned what)
{
    if (what == CLEANUP_LOCKER)
        return v->cleanup == CLEANUP_LOCKER;
    if (what == CLEANUP_SURE)
        return (v->cleanup & (CLEANUP_CANCEL | CLEANUP_OWN)) == 0;
    return what == CLEANUP_CANCEL || v->peer_known || (v->cleanup & CLEANUP_CANCEL) == 0;
}

void conversation_cleanup_work(struct conversation *v)
{
    for (unsigned i = 0, what = 1; i < CLEANUP_KINDS; i++, what *= 2) {
        struct command command;
        if ((v->cleanup & what) == 0 || call_waits(&v->cleanup_calls[i]) || !has_its_turn(v, what) ||
            !journal_settled(&v->client->journal, v->stamp) || !connection_room(v->connection))
            continue;
        if (what == CLEANUP_LOCKER && v->client->locker != NULL)
            locker_going(v->client->locker);
        cleanup_command(v, &command, what);
        ask(v, &v->cleanup_calls[i], &command, on_cleanup_reply);
    }
}
