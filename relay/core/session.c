#include "relay/core/session.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

#include "relay/core/inside.h"

#define TO(state) (1u << (state))

static const unsigned moves[] = {
    [SESSION_HELLO] = TO(SESSION_OPEN) | TO(SESSION_CLOSED),
    [SESSION_OPEN] = TO(SESSION_CLOSED),
    [SESSION_CLOSED] = 0,
};

/* A record holds no more deliveries than this; more need not be in the outbox at once. */
enum { DELIVERIES_MAX = WIRE_RECORD_UNITS_MAX };

/* Under pressure, who reads nothing is not waited for. */
enum { CHOKED_SHORT_S = 5 };

/* What is kept for so few need not be looked at. */
enum { CHOKED_FEW_BYTES = 1 << 20 };

zg_err sessions_init(struct sessions *ss)
{
    key_slab_init(&ss->keys);
    list_init(&ss->dirty);
    list_init(&ss->dirty_strangers);
    list_init(&ss->hellos);
    list_init(&ss->stalled);
    list_init(&ss->stalled_strangers);
    list_init(&ss->choked);
    list_init(&ss->all_strangers);
    list_init(&ss->heavy);
    list_init(&ss->heavy_strangers);
    ss->input_bytes = ss->stranger_bytes = 0;
    ss->choked_bytes = 0;
    turns_init(ss);
    ss->scratch = malloc(WIRE_RECORD_HEADER_BYTES + WIRE_RECORD_CIPHER_MAX);
    return ss->scratch != NULL ? ZG_OK : ZG_ERR_MEMORY;
}

void sessions_clear(struct sessions *ss)
{
    if (ss->scratch != NULL)
        sodium_memzero(ss->scratch, WIRE_RECORD_HEADER_BYTES + WIRE_RECORD_CIPHER_MAX);
    free(ss->scratch);
    key_slab_clear(&ss->keys);
}

void session_move(struct session *s, enum session_state to)
{
    assert(moves[s->state] & TO(to));
    s->state = (uint8_t)to;
}

/* Connections that say nothing cost a stranger nothing, and would keep all others out. */
bool relay_make_room(struct relay *r, struct now now)
{
    const struct link *strangers = &r->sessions.all_strangers;

    relay_set_now(r, now);
    if (list_empty(strangers))
        return false;
    struct session *oldest = LIST_ITEM(strangers->next, struct session, stranger);
    if (now.mono_ms - oldest->opened_at < r->limits.stall_seconds * UINT64_C(1000))
        return false;
    session_end(oldest, true);
    return true;
}

struct session *session_open(struct relay *r, const struct carrier *carrier, struct now now)
{
    struct session *s;

    relay_set_now(r, now);
    if (r->draining || (r->stats.connections >= r->limits.connections && !relay_make_room(r, now)))
        return NULL;
    s = calloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    s->relay = r;
    s->carrier = *carrier;
    s->refs = 1;
    s->state = SESSION_HELLO;
    list_init(&s->subscriptions);
    list_init(&s->dirty);
    list_init(&s->ready);
    list_init(&s->stalled);
    list_init(&s->choked);
    list_init(&s->stranger);
    bucket_init(&s->commands);
    s->opened_at = s->stalled_at = r->now.mono_ms;
    list_append(&r->sessions.hellos, &s->stalled);
    list_append(&r->sessions.all_strangers, &s->stranger);
    r->stats.connections++;
    return s;
}

struct session *session_ref(struct session *s)
{
    s->refs++;
    return s;
}

void session_unref(struct session *s)
{
    if (s == NULL)
        return;
    assert(s->refs > 0);
    if (--s->refs > 0)
        return;
    assert(s->state == SESSION_CLOSED);
    sodium_memzero(s, sizeof(*s));
    free(s);
}

void session_doom(struct session *s)
{
    if (s->state == SESSION_CLOSED || s->doomed)
        return;
    s->doomed = true;
    session_is_dirty(s);
}

void session_end(struct session *s, bool tell)
{
    struct relay *r = s->relay;
    const struct carrier carrier = s->carrier;

    s->doomed = true;
    while (!list_empty(&s->subscriptions))
        exchange_unsubscribe(r, LIST_ITEM(s->subscriptions.next, struct subscription, place));
    session_move(s, SESSION_CLOSED);
    list_remove(&s->dirty);
    list_remove(&s->ready);
    list_remove(&s->stalled);
    session_unchoke(s);
    list_remove(&s->stranger);
    session_input_free(s);
    upload_free(s->upload);
    s->upload = NULL;
    outbox_clear(&s->outbox);
    key_slab_give(&r->sessions.keys, s->keys);
    s->keys = NULL;
    r->stats.connections--;
    session_unref(s);
    if (tell)
        carrier.close(carrier.ctx);
}

void session_close(struct session *s)
{
    session_end(s, false);
}

/* --- what it says --- */

static void discard(const struct out *out)
{
    if (out->op == OP_SLOT_VALUE)
        reading_free(out->u.reading);
    else if (out->op == OP_COOKIE)
        free(out->u.cookie);
    else if (out->op == OP_STATES)
        free(out->u.states);
}

bool session_push(struct session *s, const struct out *out, uint32_t *number)
{
    if (s->state != SESSION_OPEN || s->doomed || !outbox_push(&s->outbox, out, number)) {
        discard(out);
        session_doom(s);
        return false;
    }
    s->deliveries = (uint16_t)(s->deliveries + (out->op == OP_DELIVER));
    session_is_dirty(s);
    return true;
}

void session_take_back(struct session *s, uint32_t number)
{
    outbox_take_back(&s->outbox, number);
    s->deliveries--;
}

void session_reply(struct session *s, uint32_t seq, enum status status, uint32_t retry_after)
{
    const struct out out = {
        .op = OP_REPLY, .status = (uint8_t)status, .seq = seq, .u.retry_after = retry_after};
    s->relay->stats.refused += status == STATUS_REFUSED;
    session_push(s, &out, NULL);
}

bool session_has_room(const struct session *s)
{
    return !s->doomed && list_empty(&s->choked) && s->deliveries < DELIVERIES_MAX;
}

void session_starves(struct subscription *sub)
{
    sub->starving = true;
    list_remove(&sub->place);
    list_prepend(&sub->session->subscriptions, &sub->place);
}

void session_subscribed(struct session *s, struct subscription *sub)
{
    list_append(&s->subscriptions, &sub->place);
    s->subscription_count++;
}

void session_unsubscribed(struct subscription *sub)
{
    list_remove(&sub->place);
    sub->session->subscription_count--;
}

/* --- time --- */

void session_stalls(struct session *s)
{
    struct sessions *ss = &s->relay->sessions;
    /* It is not its fault if it must wait for its replies. */
    bool half = s->upload != NULL || (s->input != NULL && !session_must_wait(s) && list_empty(&s->ready));

    if (s->state != SESSION_OPEN)
        return;
    if (!half) {
        list_remove(&s->stalled);
    } else if (list_empty(&s->stalled)) {
        s->stalled_at = s->relay->now.mono_ms;
        list_append(s->known ? &ss->stalled : &ss->stalled_strangers, &s->stalled);
    }
}

static struct session *first_stalled(const struct link *list)
{
    return list_empty(list) ? NULL : LIST_ITEM(list->next, struct session, stalled);
}

static struct session *first_choked(const struct sessions *ss)
{
    return list_empty(&ss->choked) ? NULL : LIST_ITEM(ss->choked.next, struct session, choked);
}

static uint64_t choked_until(const struct relay *r, const struct session *s)
{
    uint64_t seconds = r->limits.stall_seconds, kept = r->sessions.choked_bytes;
    if (kept > r->limits.memory_bytes + CHOKED_FEW_BYTES)
        return 0;
    if (r->stats.bytes_in_flight + kept > r->limits.memory_bytes && seconds > CHOKED_SHORT_S)
        seconds = CHOKED_SHORT_S;
    return s->choked_at + seconds * 1000;
}

static uint64_t hello_until(const struct session *s)
{
    return s->stalled_at + WIRE_HANDSHAKE_SECONDS * UINT64_C(1000);
}

static uint64_t stalled_until(const struct relay *r, const struct session *s)
{
    const struct sessions *ss = &r->sessions;
    /* Above the limit, those that began first are cut off: they had the most time. */
    if (s->known ? ss->input_bytes > r->limits.input_bytes : ss->stranger_bytes > r->limits.input_bytes / 2)
        return 0;
    return s->stalled_at + r->limits.stall_seconds * UINT64_C(1000);
}

void sessions_advance(struct relay *r)
{
    struct sessions *ss = &r->sessions;
    uint64_t now = r->now.mono_ms;
    struct session *s;

    while ((s = first_stalled(&ss->hellos)) != NULL && hello_until(s) <= now)
        session_end(s, true);
    while ((s = session_too_heavy(r)) != NULL)
        session_end(s, true);
    while ((s = first_stalled(&ss->stalled_strangers)) != NULL && stalled_until(r, s) <= now)
        session_end(s, true);
    while ((s = first_stalled(&ss->stalled)) != NULL && stalled_until(r, s) <= now)
        session_end(s, true);
    while ((s = first_choked(ss)) != NULL && choked_until(r, s) <= now)
        session_end(s, true);

    if (!r->draining)
        turns_serve(r);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t sessions_deadline(const struct relay *r)
{
    const struct sessions *ss = &r->sessions;
    const struct session *s;
    uint64_t at = r->draining ? UINT64_MAX : turns_deadline(r);

    if (session_too_heavy(r) != NULL || !sessions_quiet(r))
        return 0;
    if ((s = first_stalled(&ss->hellos)) != NULL)
        at = earlier(at, hello_until(s));
    if ((s = first_stalled(&ss->stalled_strangers)) != NULL)
        at = earlier(at, stalled_until(r, s));
    if ((s = first_stalled(&ss->stalled)) != NULL)
        at = earlier(at, stalled_until(r, s));
    if ((s = first_choked(ss)) != NULL)
        at = earlier(at, choked_until(r, s));
    return at;
}
