#include "relay/core/tick.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

#include "relay/core/inside.h"

enum tick_state { TICK_OPEN, TICK_WRITING, TICK_WRITTEN };

struct tick {
    struct link place;
    uint64_t number;
    uint64_t ripe_at; /* the turn from which on it may be written; 0: its time has not come */
    struct settle *replies;
    size_t count, cap;
    uint32_t held; /* lookups that are not back */
    uint8_t state;
    bool late; /* its end passed before it was written */
    bool failed;
    bool no_room; /* for its messages, when it was to be written */
};

#define TO(state) (1u << (state))

static const unsigned moves[] = {
    [TICK_OPEN] = TO(TICK_WRITING) | TO(TICK_WRITTEN),
    [TICK_WRITING] = TO(TICK_OPEN) | TO(TICK_WRITTEN), /* open again: a random id was taken */
    [TICK_WRITTEN] = 0,
};

enum {
    REPLIES_AT_FIRST = 16,
    NO_ROOM_RETRY_S = 60,
    TOGETHER_MAX = 1000, /* writes of several ticks in one commit; lookups wait for it */
};

static void move(struct tick *t, enum tick_state to)
{
    assert(moves[t->state] & TO(to));
    t->state = (uint8_t)to;
}

void ticks_init(struct ticks *ts)
{
    list_init(&ts->list);
}

static struct tick *oldest(const struct relay *r)
{
    const struct ticks *ts = &r->ticks;
    return list_empty(&ts->list) ? NULL : LIST_ITEM(ts->list.next, struct tick, place);
}

static void tick_free(struct tick *t)
{
    list_remove(&t->place);
    if (t->replies != NULL)
        sodium_memzero(t->replies, t->cap * sizeof(*t->replies));
    free(t->replies);
    free(t);
}

/* The end of tick k + 1. */
static uint64_t end_of(const struct relay *r, const struct tick *t)
{
    return (t->number + 2) * r->settle_ms;
}

/* The fixed guard before it: two fifths of a tick. */
static uint64_t commit_at(const struct relay *r, const struct tick *t)
{
    return end_of(r, t) - r->settle_ms * 2 / 5;
}

static bool due(const struct relay *r, uint64_t at)
{
    return r->draining || r->now.mono_ms >= at;
}

uint32_t relay_settle_for(uint32_t sync_ms)
{
    return sync_ms <= UINT32_MAX / 5 ? (sync_ms * 5 + 1) / 2 : UINT32_MAX;
}

struct tick *tick_now(struct relay *r)
{
    struct ticks *ts = &r->ticks;
    uint64_t number = r->now.mono_ms / r->settle_ms;

    if (!list_empty(&ts->list)) {
        struct tick *last = LIST_ITEM(ts->list.prev, struct tick, place);
        if (last->number == number && last->state == TICK_OPEN)
            return last;
    }
    struct tick *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return NULL;
    t->number = number;
    list_append(&ts->list, &t->place);
    return t;
}

bool tick_reserve(struct tick *t, uint32_t *place)
{
    if (t->count == t->cap) {
        size_t cap = t->cap > 0 ? 2 * t->cap : REPLIES_AT_FIRST;
        struct settle *more = realloc(t->replies, cap * sizeof(*more));
        if (more == NULL)
            return false;
        t->replies = more;
        t->cap = cap;
    }
    t->replies[t->count] = (struct settle){0};
    *place = (uint32_t)t->count++;
    return true;
}

struct settle *tick_reply(const struct call *call)
{
    struct settle *reply = &call->tick->replies[call->place];

    assert(call->tick->state == TICK_OPEN && reply->session == NULL);
    reply->session = session_ref(call->session);
    reply->seq = call->seq;
    return reply;
}

void tick_hold(struct tick *t)
{
    t->held++;
}

void tick_release(struct tick *t)
{
    assert(t->held > 0);
    t->held--;
}

/* --- writing --- */

static bool message_needs_row(const struct message *m)
{
    return m != NULL && (m->state == MESSAGE_WAITING || m->state == MESSAGE_FLIGHT) && !m->written &&
           !m->submitted;
}

static bool needs_write(const struct tick *t, const struct settle *reply)
{
    switch (reply->kind) {
    case SETTLE_SEND:
        return !t->no_room && message_needs_row(reply->u.send.message);
    case SETTLE_KNOCK:
        return knock_needs_write(reply->u.knock);
    case SETTLE_CANCEL:
        /* Also if nothing is known of the handle: the time of the answer must not tell whether it is stored.
         */
        return reply->status == STATUS_OK;
    default:
        return false;
    }
}

/* Nothing of the ticks that are being written is promised. */
static void fail_written(struct relay *r)
{
    for (struct link *l = r->ticks.list.next; l != &r->ticks.list; l = l->next) {
        struct tick *t = LIST_ITEM(l, struct tick, place);
        t->failed = t->failed || t->state == TICK_WRITING;
    }
}

/* The row of a message was written, or turned out to be there, or its queue is gone. */
static void message_written(struct relay *r, void *owner, const struct store_write *w, zg_err result)
{
    struct message *m = owner;
    struct queue *q = m->queue; /* NULL: acknowledged, cancelled, expired or deleted meanwhile */

    m->submitted = false;
    if (result == ZG_OK && w->outcome == OUTCOME_OK) {
        m->written = true;
        r->stats.written++;
    }
    /* A sequence is given out once; it should not be taken. */
    if (result == ZG_OK && w->outcome == OUTCOME_CONFLICT)
        fail_written(r);
    if (q == NULL) {
        message_drop_envelope(r, m);
        if (m->written)
            message_drop_row(r, m);
        message_settle(r, m);
    } else if (m->written) {
        queue_written(r, m);
    }
}

static void handle_dropped(struct relay *r, void *owner, const struct store_write *w, zg_err result)
{
    struct message *m = message_find(r, &w->u.message.handle);
    (void)owner;
    /* It may have been read from the disk after the CANCEL came. What has no row was sent after the CANCEL.
     */
    if (result == ZG_OK && m != NULL && m->written &&
        (m->state == MESSAGE_WAITING || m->state == MESSAGE_FLIGHT)) {
        struct queue *q = m->queue;
        queue_withdraw(r, m, true);
        queue_deliver(r, q);
    }
}

static void add_write(struct relay *r, struct commit *c, struct settle *reply)
{
    struct message *m;
    struct store_write *w;

    switch (reply->kind) {
    case SETTLE_SEND:
        m = reply->u.send.message;
        w = commit_add(c, WRITE_MESSAGE, message_written, m);
        w->u.message = message_row(m);
        m->submitted = true;
        break;
    case SETTLE_KNOCK:
        knock_write(r, reply->u.knock, c);
        break;
    default:
        w = commit_add(c, WRITE_DROP_HANDLE, handle_dropped, NULL);
        w->u.message.handle = reply->u.handle;
        break;
    }
}

/* A message that could not be written, and whose sender is told so. */
static void give_up(struct relay *r, struct message *m)
{
    if (m->written || m->waits > 1)
        return;
    if (m->state == MESSAGE_WAITING) {
        struct queue *q = m->queue;
        queue_withdraw(r, m, false);
        exchange_rest(r, q);
    } else if (m->state == MESSAGE_FLIGHT) {
        m->failed = true;
    }
}

static void decide_send(struct relay *r, struct tick *t, struct settle *reply)
{
    struct message *m = reply->u.send.message;
    bool refused_by_store = message_needs_row(m); /* it was tried: it exists already, or its queue is gone */

    reply->u.send.message = NULL;
    r->stats.no_room += t->no_room;
    if (t->failed || t->no_room) {
        reply->status = STATUS_BUSY;
        quota_give_back(&r->quota, QUOTA_SENDS, reply->u.send.queue, 1);
    }
    if (m == NULL)
        return;
    if (t->failed || t->no_room || refused_by_store)
        give_up(r, m);
    message_unwait(r, m);
}

/* What became of each is known; only its time has not come. */
static void decide(struct relay *r, struct tick *t)
{
    for (size_t i = 0; i < t->count; i++) {
        struct settle *reply = &t->replies[i];
        if (reply->kind == SETTLE_SEND)
            decide_send(r, t, reply);
        else if (reply->kind == SETTLE_KNOCK)
            reply->status = (uint8_t)knock_decide(r, reply->u.knock, t->failed);
        else if (reply->kind == SETTLE_CANCEL && t->failed)
            reply->status = STATUS_BUSY;
        if (reply->status == STATUS_BUSY && reply->retry_after == 0)
            reply->retry_after = t->no_room ? NO_ROOM_RETRY_S : BUSY_RETRY_S;
    }
    move(t, TICK_WRITTEN);
}

static bool knocks_undecided(const struct tick *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->replies[i].kind == SETTLE_KNOCK && knock_needs_write(t->replies[i].u.knock))
            return true;
    return false;
}

static void committed(struct relay *r, zg_err result)
{
    if (result != ZG_OK)
        fail_written(r);
    for (struct link *l = r->ticks.list.next; l != &r->ticks.list; l = l->next) {
        struct tick *t = LIST_ITEM(l, struct tick, place);
        if (t->state != TICK_WRITING)
            continue;
        if (!t->failed && knocks_undecided(t))
            move(t, TICK_OPEN);
        else
            decide(r, t);
    }
}

/* What it needs to have written, with the room that there is now. */
static size_t writes_of(const struct relay *r, struct tick *t)
{
    size_t writes = 0;
    t->no_room = room_now(r) == ROOM_NONE;
    for (size_t i = 0; i < t->count; i++)
        writes += needs_write(t, &t->replies[i]);
    return writes;
}

/* Asked again: a handle that was sent twice is written once. */
static void add_writes(struct relay *r, struct commit *c, struct tick *t)
{
    move(t, TICK_WRITING);
    for (size_t i = 0; i < t->count; i++)
        if (needs_write(t, &t->replies[i]))
            add_write(r, c, &t->replies[i]);
}

/*
 * Not in the turn in which its time comes: on a busy relay it may have brought the message and not delivered it yet, and acknowledgements
 * that are there are read in the next.
 */
static void ripen(struct relay *r)
{
    for (struct link *l = r->ticks.list.next; l != &r->ticks.list; l = l->next) {
        struct tick *t = LIST_ITEM(l, struct tick, place);
        if (t->ripe_at == 0 && due(r, commit_at(r, t)))
            t->ripe_at = r->turns + 1;
    }
}

static bool can_be_written(const struct relay *r, const struct tick *t)
{
    bool ripe = r->draining || (t->ripe_at != 0 && r->turns >= t->ripe_at);
    return t->state == TICK_OPEN && t->held == 0 && ripe;
}

/*
 * The oldest tick, and those behind it whose time has come meanwhile: where the disk is slower than the
 * ticks, one commit for several of them costs little more than one for each.
 */
static void write_ticks(struct relay *r)
{
    struct link *first = r->ticks.list.next, *end;
    size_t writes = writes_of(r, oldest(r));

    if (writes == 0) {
        decide(r, oldest(r));
        return;
    }
    for (end = first->next; end != &r->ticks.list; end = end->next) {
        struct tick *t = LIST_ITEM(end, struct tick, place);
        size_t more = can_be_written(r, t) ? writes_of(r, t) : TOGETHER_MAX;
        if (writes + more > TOGETHER_MAX)
            break;
        writes += more;
    }
    struct commit *c = commit_new(r, writes);
    for (struct link *l = first; l != end; l = l->next) {
        struct tick *t = LIST_ITEM(l, struct tick, place);
        t->failed = t->failed || c == NULL;
        if (c != NULL)
            add_writes(r, c, t);
        else
            decide(r, t);
    }
    if (c != NULL)
        commit_submit(c, committed);
}

/* --- answering --- */

static void answer(struct relay *r, struct tick *t)
{
    for (size_t i = 0; i < t->count; i++) {
        struct settle *reply = &t->replies[i];
        if (reply->kind == SETTLE_SEND || reply->kind == SETTLE_KNOCK)
            r->stats.accepted += reply->status == STATUS_OK;
        if (reply->kind == SETTLE_KNOCK)
            knock_unref(r, reply->u.knock);
        if (reply->session != NULL)
            session_reply(reply->session, reply->seq, (enum status)reply->status, reply->retry_after);
        session_unref(reply->session);
    }
    tick_free(t);
}

/* What was acknowledged and needs no tick of its own. */
static void drop_rows(struct relay *r)
{
    if (list_empty(&r->messages.rows) || !due(r, r->messages.rows_at))
        return;
    struct commit *c = commit_new(r, 0);
    if (c != NULL)
        commit_submit(c, NULL);
    else
        r->messages.rows_at = r->now.mono_ms + r->settle_ms;
}

void ticks_advance(struct relay *r)
{
    struct tick *t;

    ripen(r);
    while ((t = oldest(r)) != NULL) {
        if (can_be_written(r, t))
            write_ticks(r);
        if (!due(r, end_of(r, t)))
            break;
        if (t->state != TICK_WRITTEN) {
            r->stats.late_ticks += !t->late && !r->draining;
            t->late = true;
            break;
        }
        answer(r, t);
    }
    drop_rows(r);
}

uint64_t ticks_deadline(const struct relay *r)
{
    const struct tick *t = oldest(r);
    bool can_write = t != NULL && t->state == TICK_OPEN && t->held == 0;
    bool can_answer = t != NULL && t->state == TICK_WRITTEN;
    uint64_t at = r->messages.rows_at;

    if (r->draining)
        return can_write || can_answer || !list_empty(&r->messages.rows) ? 0 : UINT64_MAX;
    if (can_write && commit_at(r, t) < at)
        at = commit_at(r, t);
    else if (t != NULL && !can_write && (can_answer || !t->late) && end_of(r, t) < at)
        at = end_of(r, t);
    return at;
}

void ticks_clear(struct relay *r)
{
    struct tick *t;
    while ((t = oldest(r)) != NULL) {
        for (size_t i = 0; i < t->count; i++) {
            struct settle *reply = &t->replies[i];
            if (reply->kind == SETTLE_KNOCK)
                knock_unref(r, reply->u.knock);
            else if (reply->kind == SETTLE_SEND && reply->u.send.message != NULL)
                message_unwait(r, reply->u.send.message);
            session_unref(reply->session);
        }
        tick_free(t);
    }
}
