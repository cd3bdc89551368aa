/*
 * Whose turn it is. In each turn of the loop known sessions go first, each with so many commands; then one
 * handshake or a few; then strangers, a command or a few each until the turn's or the second's share is used
 * up. Of these, three in four are for those who have asked for little: to come back to a conversation, or to
 * knock, takes a few commands, and whoever floods has to pay handshakes for the same. Who must wait keeps its
 * input, is not read meanwhile (session_paused), and stands behind those that wait already. So a conversation
 * waits for a few handshakes and commands of strangers at most, however many they are, and each of them gets
 * on.
 */
#include "relay/core/inside.h"

enum {
    REST_MS = 100,
    BURST_OF = 4,  /* what was not used of the last quarter of a second may come at once */
    STRANGERS = 4, /* that share a turn */
    LITTLE = 16,   /* commands */
    INSISTING_OF = 4,
};

static struct rate shared_rate(uint32_t a_second)
{
    return (struct rate){a_second, (a_second + BURST_OF - 1) / BURST_OF};
}

static struct rate hello_rate(const struct relay *r)
{
    return shared_rate(r->limits.hellos_a_second);
}

static struct rate stranger_rate(const struct relay *r)
{
    return shared_rate(r->limits.strangers_a_second);
}

static struct rate command_rate(const struct relay *r)
{
    return (struct rate){r->limits.commands_a_second, 2 * r->limits.commands_a_second};
}

void turns_init(struct sessions *ss)
{
    list_init(&ss->ready);
    list_init(&ss->greeting);
    list_init(&ss->strangers);
    list_init(&ss->insisting);
    list_init(&ss->resting);
    ss->turn = 0;
    ss->hellos_carried = 0;
    ss->strangers_carried = 0;
    ss->strangers_total = 0;
    bucket_init(&ss->hello_bucket);
    bucket_init(&ss->stranger_bucket);
    ss->serving = false;
}

void turns_begin(struct sessions *ss)
{
    ss->turn++;
    ss->hellos_carried = 0;
    ss->strangers_carried = 0;
}

/* --- one session --- */

static bool hello_waits(const struct session *s)
{
    const struct relay *r = s->relay;
    const struct sessions *ss = &r->sessions;
    return ss->hellos_carried >= r->limits.hellos_a_turn || (!ss->serving && !list_empty(&ss->greeting)) ||
           !bucket_has(&ss->hello_bucket, hello_rate(r), r->now.mono_ms);
}

static bool insists(const struct session *s)
{
    return s->asked >= LITTLE;
}

/* Others of its kind wait already, or of a better one. */
static bool is_behind(const struct session *s)
{
    const struct sessions *ss = &s->relay->sessions;
    return !ss->serving && (!list_empty(&ss->strangers) || (insists(s) && !list_empty(&ss->insisting)));
}

static bool stranger_waits(const struct session *s)
{
    const struct relay *r = s->relay;
    const struct sessions *ss = &r->sessions;
    uint32_t share = (r->limits.strangers_a_turn + STRANGERS - 1) / STRANGERS;
    return (s->turn == ss->turn && s->carried >= share) ||
           ss->strangers_carried >= r->limits.strangers_a_turn || is_behind(s) ||
           !bucket_has(&ss->stranger_bucket, stranger_rate(r), r->now.mono_ms);
}

static bool waits_for_replies(const struct session *s)
{
    return s->unanswered >= s->relay->limits.unanswered_of_one;
}

bool session_must_wait(const struct session *s)
{
    const struct relay *r = s->relay;

    if (s->state == SESSION_HELLO)
        return hello_waits(s);
    if (waits_for_replies(s) || s->rests_until > r->now.mono_ms)
        return true;
    if (s->turn == r->sessions.turn && s->carried >= r->limits.commands_a_turn)
        return true;
    return !s->known && stranger_waits(s);
}

bool session_paused(const struct session *s)
{
    return s->relay->draining || waits_for_replies(s) || !list_empty(&s->ready);
}

void session_resumes(struct session *s)
{
    if (s->carrier.resume != NULL && !session_paused(s))
        s->carrier.resume(s->carrier.ctx);
}

static struct link *list_of(const struct session *s)
{
    struct sessions *ss = &s->relay->sessions;
    if (s->state == SESSION_HELLO)
        return &ss->greeting;
    if (s->rests_until > s->relay->now.mono_ms)
        return &ss->resting;
    if (s->known)
        return &ss->ready;
    return insists(s) ? &ss->insisting : &ss->strangers;
}

/* It has said its part: it is not its fault that it waits. */
static bool hello_is_whole(const struct session *s)
{
    return s->state == SESSION_HELLO && s->input->len >= WIRE_RECORD_HEADER_BYTES + WIRE_HELLO_BYTES;
}

void session_make_ready(struct session *s)
{
    if (s->input != NULL && hello_is_whole(s))
        list_remove(&s->stalled);
    if (s->input != NULL && list_empty(&s->ready) && !waits_for_replies(s))
        list_append(list_of(s), &s->ready);
}

void session_known(struct session *s)
{
    if (s->known || s->state != SESSION_OPEN)
        return;
    s->known = true;
    list_remove(&s->stranger);
    session_input_known(s);
    if (!list_empty(&s->dirty)) {
        list_remove(&s->dirty);
        session_is_dirty(s);
    }
    if (!list_empty(&s->stalled)) {
        list_remove(&s->stalled);
        list_append(&s->relay->sessions.stalled, &s->stalled);
        s->stalled_at = s->relay->now.mono_ms;
    }
    if (!list_empty(&s->ready)) {
        list_remove(&s->ready);
        session_make_ready(s);
    }
}

void session_carries(struct session *s, bool hello)
{
    struct relay *r = s->relay;
    struct sessions *ss = &r->sessions;

    if (hello) {
        ss->hellos_carried++;
        (void)bucket_take(&ss->hello_bucket, hello_rate(r), r->now.mono_ms);
        return;
    }
    if (s->turn != ss->turn) {
        s->turn = ss->turn;
        s->carried = 0;
    }
    s->carried++;
    if (!s->known) {
        ss->strangers_carried++;
        ss->strangers_total++;
        if (!insists(s))
            s->asked++;
        (void)bucket_take(&ss->stranger_bucket, stranger_rate(r), r->now.mono_ms);
    }
    (void)bucket_take(&s->commands, command_rate(r), r->now.mono_ms);
    if (!bucket_has(&s->commands, command_rate(r), r->now.mono_ms))
        s->rests_until = r->now.mono_ms + REST_MS;
}

/* --- all of them --- */

/* Each once, as long as more can go on; those that must wait again come behind the last one. */
static void serve(struct relay *r, struct link *list, bool (*more)(const struct relay *r))
{
    struct link *last = list->prev;
    bool is_last = list_empty(list);

    r->sessions.serving = true;
    while (!is_last && !list_empty(list) && more(r)) {
        struct session *s = LIST_ITEM(list->next, struct session, ready);
        is_last = &s->ready == last;
        list_remove(&s->ready);
        if (session_carry_on(s))
            session_resumes(s);
        else
            session_end(s, true);
    }
    r->sessions.serving = false;
}

static bool always(const struct relay *r)
{
    (void)r;
    return true;
}

static bool more_hellos(const struct relay *r)
{
    const struct sessions *ss = &r->sessions;
    return ss->hellos_carried < r->limits.hellos_a_turn &&
           bucket_has(&ss->hello_bucket, hello_rate(r), r->now.mono_ms);
}

static bool more_strangers(const struct relay *r)
{
    const struct sessions *ss = &r->sessions;
    return ss->strangers_carried < r->limits.strangers_a_turn &&
           bucket_has(&ss->stranger_bucket, stranger_rate(r), r->now.mono_ms);
}

static bool insisting_are_due(const struct sessions *ss)
{
    return ss->strangers_total % INSISTING_OF == 0 && !list_empty(&ss->insisting);
}

static bool more_who_ask_little(const struct relay *r)
{
    return more_strangers(r) && !insisting_are_due(&r->sessions);
}

static bool more_insisting(const struct relay *r)
{
    const struct sessions *ss = &r->sessions;
    return more_strangers(r) && (list_empty(&ss->strangers) || insisting_are_due(ss));
}

static const struct session *first_resting(const struct sessions *ss)
{
    return list_empty(&ss->resting) ? NULL : LIST_ITEM(ss->resting.next, struct session, ready);
}

static bool rested(const struct relay *r)
{
    return first_resting(&r->sessions)->rests_until <= r->now.mono_ms;
}

void turns_serve(struct relay *r)
{
    struct sessions *ss = &r->sessions;
    serve(r, &ss->ready, always);
    serve(r, &ss->resting, rested);
    serve(r, &ss->greeting, more_hellos);
    serve(r, &ss->strangers, more_who_ask_little);
    serve(r, &ss->insisting, more_insisting);
    serve(r, &ss->strangers, more_strangers);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t turns_deadline(const struct relay *r)
{
    const struct sessions *ss = &r->sessions;
    uint64_t at = UINT64_MAX;

    if (!list_empty(&ss->ready))
        return 0;
    if (!list_empty(&ss->resting))
        at = first_resting(ss)->rests_until;
    if (!list_empty(&ss->greeting))
        at = earlier(at, bucket_when(&ss->hello_bucket, hello_rate(r), r->now.mono_ms));
    if (!list_empty(&ss->strangers) || !list_empty(&ss->insisting))
        at = earlier(at, bucket_when(&ss->stranger_bucket, stranger_rate(r), r->now.mono_ms));
    return at > r->now.mono_ms ? at : 0;
}
