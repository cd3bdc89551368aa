/*
 * Happy path: FETCH, SLOT_GET until the bundle is whole, check it; LOOKED, if she only looks, until she knocks; make the knock and write it down; ASK, CHALLENGE; SOLVE, in slices; SEND,
 * KNOCK; WAIT: her queue exists, the conversation reads it.
 * Failure: a connection that breaks: the stage is done again. A cookie that got too old: ASK again. A bundle that does not check, a desk that is
 * not there, a quota, words whose time is over: ZG_EVENT_KNOCK_FAILED, and the conversation is gone.
 */
#include "client/core/knocking.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static const bool moves[7][7] = {
    [KNOCKING_FETCH] = {[KNOCKING_ASK] = true, [KNOCKING_LOOKED] = true},
    [KNOCKING_LOOKED] = {[KNOCKING_FETCH] = true},
    [KNOCKING_ASK] = {[KNOCKING_SOLVE] = true, [KNOCKING_SEND] = true},
    [KNOCKING_SOLVE] = {[KNOCKING_SEND] = true, [KNOCKING_ASK] = true},
    [KNOCKING_SEND] = {[KNOCKING_WAIT] = true, [KNOCKING_ASK] = true},
};

void knocking_move(struct knocking *k, enum knocking_stage to)
{
    assert(moves[k->stage][to]);
    k->stage = to;
}

zg_err knocking_new(struct conversation *v, const struct card *card)
{
    struct knocking *k = sodium_malloc(sizeof(*k));
    if (k == NULL)
        return ZG_ERR_MEMORY;
    memset(k, 0, sizeof(*k));
    k->conversation = v;
    k->stage = KNOCKING_FETCH;
    if (card != NULL)
        k->card = *card;
    v->knocking = k;
    return ZG_OK;
}

void knocking_free(struct knocking *k)
{
    if (k == NULL)
        return;
    call_forget(&k->call);
    slot_drop(&k->sealed);
    sodium_free(k);
}

struct message *knocking_message(const struct knocking *k)
{
    return conversation_message(k->conversation, &k->message);
}

/* The conversation goes with it, and k too. */
void knocking_fail(struct knocking *k, zg_err err)
{
    struct conversation *v = k->conversation;
    client_event(v->client, ZG_EVENT_KNOCK_FAILED, err, v, NULL, 0);
    conversation_vanish(v);
}

void knocking_ask(struct knocking *k, struct command *command,
                void (*done)(struct call *, const struct command *, zg_err))
{
    k->call.done = done;
    k->call.owner = k;
    /* Without room or memory now, the next round asks again. */
    zg_err err = connection_call(k->conversation->connection, &k->call, command);
    (void)err;
}

/* What every stage does with a reply that is not its own: true if that was all. */
bool knocking_common_reply(struct knocking *k, const struct command *reply, zg_err err)
{
    switch (err) {
    case ZG_OK:
        return false;
    case ZG_ERR_NETWORK:
        return true;
    case ZG_ERR_BUSY:
        conversation_pause(k->conversation, reply->u.reply.retry_after);
        return true;
    default:
        knocking_fail(k, err);
        return true;
    }
}

/* --- ASK, SOLVE --- */

static void on_cookie(struct call *call, const struct command *reply, zg_err err)
{
    struct knocking *k = call->owner;
    struct conversation *v = k->conversation;
    struct queue_name_set set;
    struct queue_names names;

    if (knocking_common_reply(k, reply, err))
        return;
    memcpy(k->cookie, reply->u.cookie.cookie, sizeof(k->cookie));
    k->effort = reply->u.cookie.effort;
    k->solution = 0;
    conversation_queue_names(v, &set, &names);
    puzzle_hash(k->hash, &names, k->envelope);
    knocking_move(k, KNOCKING_SOLVE);
    if (k->effort > 0)
        client_event(v->client, ZG_EVENT_PUZZLE, ZG_OK, v, NULL, k->effort);
}

static void challenge(struct knocking *k)
{
    struct command command = {.op = OP_CHALLENGE};
    command.u.challenge.put = k->desk_put.b;
    knocking_ask(k, &command, on_cookie);
}

static void solve(struct knocking *k)
{
    struct conversation *v = k->conversation;
    if (k->effort > 0 && !v->client->slice)
        return;
    v->client->slice = false;
    zg_err err = puzzle_solve(k->cookie, k->hash, k->effort, &k->solution, KNOCKING_TRIES_OF_SLICE);
    if (err == ZG_ERR_MEMORY)
        conversation_pause(v, 1);
    if (err != ZG_OK)
        return;
    knocking_move(k, KNOCKING_SEND);
    v->queue = QUEUE_ASKED;
    conversation_touch_stage(v);
}

/* --- SEND --- */

/* Nobody is to read her words any more. */
static bool too_late(const struct knocking *k)
{
    return k->conversation->state == ZG_CONVERSATION_KNOCKING && k->stage != KNOCKING_WAIT && knocking_message(k) == NULL;
}

/* Section 9: a relay that has the knock says ok before it looks at anything but names; one that has not refuses what is empty. */
static void find_out(struct knocking *k)
{
    if (k->stage == KNOCKING_SEND && sodium_is_zero(k->cookie, sizeof(k->cookie)))
        return;
    if (k->stage != KNOCKING_SEND)
        knocking_move(k, KNOCKING_SEND);
    sodium_memzero(k->cookie, sizeof(k->cookie));
    sodium_memzero(k->envelope, sizeof(k->envelope));
    conversation_touch_stage(k->conversation);
}

static void kept(struct knocking *k)
{
    struct conversation *v = k->conversation;
    struct message *m = knocking_message(k);

    knocking_move(k, KNOCKING_WAIT);
    v->queue = QUEUE_LIVE;
    sodium_memzero(k->envelope, sizeof(k->envelope));
    if (m != NULL) {
        m->state = ZG_MESSAGE_SENT;
        entry_touch(&v->client->journal, m->entry);
    }
    conversation_touch_stage(v);
    client_event(v->client, ZG_EVENT_KNOCK_SENT, ZG_OK, v, m == NULL ? NULL : &m->id, m == NULL ? 0 : m->lifetime_s);
}

static void on_kept(struct call *call, const struct command *reply, zg_err err)
{
    struct knocking *k = call->owner;

    if (err == ZG_ERR_REFUSED && too_late(k)) {
        knocking_fail(k, ZG_ERR_EXPIRED);
        return;
    }
    if (err == ZG_ERR_REFUSED && ++k->refusals < KNOCKING_REFUSALS_MAX) {
        knocking_move(k, KNOCKING_ASK);
        return;
    }
    /* Stored later, or asked of a relay that starts again: should its cookie be too old then, that is no refusal of her. */
    if (err == ZG_ERR_BUSY || err == ZG_ERR_NETWORK)
        k->refusals = 0;
    if (!knocking_common_reply(k, reply, err))
        kept(k);
}

static void send(struct knocking *k)
{
    struct conversation *v = k->conversation;
    struct command command = {.op = OP_KNOCK};
    struct queue_name_set set;
    struct name slot_voucher;
    uint8_t ceiling = v->connection->welcome.ttl_ceiling;

    secret_name(ROLE_VOUCHER, v->keys->voucher.b, &slot_voucher);
    conversation_queue_names(v, &set, &command.u.knock.names);
    command.u.knock.put = k->desk_put.b;
    command.u.knock.cookie = k->cookie;
    command.u.knock.solution = k->solution;
    command.u.knock.slot_voucher = slot_voucher.b;
    command.u.knock.ttl = k->ttl < ceiling ? k->ttl : ceiling;
    command.u.knock.handle = v->keys->knock_handle.b;
    command.u.knock.envelope = k->envelope;
    knocking_ask(k, &command, on_kept);
}

void knocking_work(struct knocking *k)
{
    struct conversation *v = k->conversation;

    bool alive = v->state == ZG_CONVERSATION_LOOKING || v->state == ZG_CONVERSATION_KNOCKING;
    if (!alive || call_waits(&k->call) || v->client->now.mono_ms < v->retry_ms)
        return;
    if (too_late(k) && v->queue == QUEUE_NONE) {
        knocking_fail(k, ZG_ERR_EXPIRED);
        return;
    }
    if (too_late(k))
        find_out(k);
    if (k->stage == KNOCKING_SOLVE)
        solve(k);
    if (!connection_room(v->connection) || !journal_settled(&v->client->journal, v->stamp))
        return;
    switch (k->stage) {
    case KNOCKING_FETCH:
        knocking_fetch(k);
        break;
    case KNOCKING_ASK:
        challenge(k);
        break;
    case KNOCKING_SEND:
        send(k);
        break;
    case KNOCKING_SOLVE:
    case KNOCKING_WAIT:
    case KNOCKING_LOOKED:
        break;
    }
}

uint64_t knocking_deadline(const struct knocking *k)
{
    const struct conversation *v = k->conversation;
    if (k->stage == KNOCKING_LOOKED && knocking_wants_relay(k))
        return k->looked_ms + KNOCKING_FRESH_MS;
    if (k->stage != KNOCKING_SOLVE)
        return UINT64_MAX;
    return v->retry_ms > v->client->now.mono_ms ? v->retry_ms : v->client->now.mono_ms;
}

/* --- vault --- */

void knocking_save(const struct knocking *k, struct writer *w)
{
    /* A cookie does not outlive the program: whoever was solving or sending asks again. */
    enum knocking_stage stage = k->stage == KNOCKING_SOLVE || k->stage == KNOCKING_SEND ? KNOCKING_ASK : k->stage;
    writer_u8(w, (uint8_t)stage);
    writer_put(w, k->card.card_key, sizeof(k->card.card_key));
    writer_put(w, k->card.organisation, sizeof(k->card.organisation));
    writer_u32(w, k->epoch);
    writer_put(w, k->desk_put.b, sizeof(k->desk_put.b));
    writer_u8(w, k->ttl);
    writer_put(w, k->message.b, sizeof(k->message.b));
    writer_put(w, k->envelope, sizeof(k->envelope));
    writer_u64(w, k->knocked_s);
}

zg_err knocking_load(struct conversation *v, uint8_t version, struct reader *r)
{
    zg_err err = knocking_new(v, NULL);
    if (err != ZG_OK)
        return err;
    struct knocking *k = v->knocking;
    k->stage = (enum knocking_stage)reader_u8(r);
    reader_copy(r, k->card.card_key, sizeof(k->card.card_key));
    reader_copy(r, k->card.organisation, sizeof(k->card.organisation));
    k->epoch = reader_u32(r);
    reader_copy(r, k->desk_put.b, sizeof(k->desk_put.b));
    if (version < 3) { /* it stands with the other secrets now */
        reader_copy(r, v->keys->voucher.b, sizeof(v->keys->voucher.b));
        v->voucher_known = true;
    }
    k->ttl = reader_u8(r);
    reader_copy(r, k->message.b, sizeof(k->message.b));
    reader_copy(r, k->envelope, sizeof(k->envelope));
    k->knocked_s = version >= 3 ? reader_u64(r) : v->last_ms / 1000;
    bool stage_ok = k->stage == KNOCKING_FETCH || k->stage == KNOCKING_ASK || k->stage == KNOCKING_WAIT;
    return r->bad || !stage_ok || k->ttl > WIRE_TTL_30D ? ZG_ERR_MALFORMED : ZG_OK;
}
