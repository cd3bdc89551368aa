/* Invariants at each event of a client. */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/invariants.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, UNDER_WAY_MS = 5 * SECOND };

#define MONTH_S (30 * 86400)

static uint64_t limit_ms(const struct peer *who, uint32_t lifetime_s)
{
    uint32_t most = who->lifetime_max_s != 0 ? who->lifetime_max_s : MONTH_S;
    return (uint64_t)(lifetime_s < most ? lifetime_s : most) * SECOND;
}

static bool clocks_right(const struct people *p)
{
    return p->skew_max_ms == 0 && !p->relay_clock_touched;
}

/* --- reading --- */

static void reader_until(struct people *p, struct said *s, const struct peer *who)
{
    uint64_t now = p->world.now.mono_ms;
    if (s->from == ZG_AFTER_READ) {
        s->reader_until = now + limit_ms(who, MONTH_S);
        return;
    }
    uint64_t from = clocks_right(p) && s->at_ms + 4 * MINUTE < now ? s->at_ms + 4 * MINUTE : now;
    s->reader_until = from + limit_ms(who, s->lifetime_s);
}

void invariant_read(struct people *p, struct peer *who, const zg_id *conversation, const zg_message *m)
{
    struct talk *t;
    struct line *l;
    uint32_t number;
    struct said *s = people_find(p, m->text, &t, &l, &number);
    if (s == NULL)
        return; /* said elsewhere */
    if (zg_client_read(who->client, conversation, &m->id, peer_now(who)) != ZG_OK)
        people_fail(p, "a message cannot be read", t, number);
    s->read_ms = p->world.now.mono_ms;
    uint64_t until = s->read_ms + limit_ms(who, s->lifetime_s);
    if (s->from == ZG_AFTER_READ && until < s->reader_until)
        s->reader_until = until;
}

/* --- hearing --- */

static bool as_it_was_said(const struct line *l, const struct talk *t, uint32_t number, const zg_message *m)
{
    static char expected[TEXT_MAX];
    size_t len = people_compose(expected, sizeof(expected), l->who, t->number, number, m->text_len);
    return len == m->text_len && memcmp(expected, m->text, len) == 0;
}

/*
 * Section 6: for a month a worker knows a knock again that was erased. With both clocks in 2099 that month is over; then an old copy of the store, or
 * an enemy, may bring it back.
 */
static bool knock_forgotten(const struct people *p, const struct talk *t, const struct line *l, uint32_t number)
{
    bool may_be_back = p->restored || p->world.mean;
    return l->who == 'h' && number == 1 && t->his_erase != ERASE_NOT && may_be_back && p->skew_max_ms > 31 * UINT64_C(86400) * SECOND;
}

static void check_heard(struct people *p, const struct talk *t, const struct line *l, const struct said *s,
                        uint32_t number)
{
    uint64_t now = p->world.now.mono_ms;
    if (s->unsaid)
        people_fail(p, "a message came that its sender does not keep", t, number);
    if (t->erased_ms != 0 && now > t->erased_ms + UNDER_WAY_MS && !t->loose)
        people_broken_promise(p, "a message came after its conversation was erased", t, number);
    if (s->got && !s->again && !knock_forgotten(p, t, l, number))
        people_fail(p, "a message twice", t, number);
    else if (number <= l->heard && !p->troubled && !world_little_room(&p->world))
        people_fail(p, "a message out of order", t, number);
    if (s->from == ZG_AFTER_SENT && clocks_right(p) && now > s->sent_until + 4 * MINUTE)
        people_fail(p, "a message came after its time", t, number);
}

static void heard(struct people *p, struct peer *who, const zg_event *e)
{
    zg_message m;
    struct talk *t;
    struct line *l;
    uint32_t number;
    if (zg_client_message(who->client, &e->conversation, &e->message, &m) != ZG_OK) {
        people_fail(p, "a message that was announced is not there", NULL, 0);
        return;
    }
    struct said *s = people_find(p, m.text, &t, &l, &number);
    if (s == NULL || (l->who == 'h') != (who == p->worker) || (who != p->worker && t->she != who)) {
        people_fail(p, "a message that nobody said", NULL, 0);
        return;
    }
    if (!as_it_was_said(l, t, number, &m))
        people_fail(p, "a changed message", t, number);
    check_heard(p, t, l, s, number);
    world_trace(&p->world, "%s hears %c %u %u", who->name, l->who, t->number, number);
    s->got = true;
    s->got_ms = p->world.now.mono_ms;
    s->again = false;
    l->heard = number > l->heard ? number : l->heard;
    l->arrived++;
    reader_until(p, s, who);
    s->unread_until = s->reader_until;
    if (e->kind == ZG_EVENT_KNOCK) {
        t->his = e->conversation;
        t->known = true;
        t->his_erase = ERASE_NOT;
    }
    if (rng_below(&p->world.rng, 3) != 0)
        invariant_read(p, who, &e->conversation, &m);
}

/* --- what became of an own message --- */

static struct said *own(struct talk *t, const struct people *p, const struct peer *who, const zg_id *message,
                        uint32_t *number)
{
    struct line *l = who == p->worker ? &t->from_worker : &t->from_her;
    for (uint32_t n = l->count; n > 0; n--)
        if (memcmp(&l->said[n - 1].id, message, sizeof(*message)) == 0) {
            *number = n;
            return &l->said[n - 1];
        }
    return NULL;
}

static void keep(struct people *p, const struct peer *who, struct said *s)
{
    uint64_t until = people_relay_ms(p) + s->class_ms;
    s->accepted_ms = p->world.now.mono_ms;
    if (until < s->relay_until)
        s->relay_until = until;
    s->smooth = who->calm_ms + MINUTE < s->at_ms && s->accepted_ms < s->at_ms + 2 * SECOND;
    /* The word of a relay whose store was put back since. */
    if (p->restored && s->at_ms < p->restored_ms && s->accepted_ms < p->restored_ms + UNDER_WAY_MS && !s->got)
        s->excused = true;
}

static void told_unread(struct people *p, struct peer *who, const zg_event *e)
{
    uint32_t number;
    struct talk *t = people_talk_by_id(p, who, &e->conversation);
    if (t != NULL && own(t, p, who, &e->message, &number) != NULL)
        invariant_told_unread(p, t, number);
}

static void accepted(struct people *p, struct peer *who, const zg_event *e)
{
    uint32_t number;
    struct talk *t = people_talk_by_id(p, who, &e->conversation);
    struct said *s = t == NULL                            ? NULL
                     : e->kind == ZG_EVENT_KNOCK_SENT && t->from_her.count > 0 ? &t->from_her.said[0]
                                                          : own(t, p, who, &e->message, &number);
    if (s == NULL)
        people_fail(p, "the relay keeps a message that nobody said", t, 0);
    else if (s->accepted_ms == 0)
        keep(p, who, s);
}

static void not_sent(struct people *p, struct peer *who, const zg_event *e)
{
    uint32_t number = 0;
    struct talk *t = people_talk_by_id(p, who, &e->conversation);
    if (e->err == ZG_ERR_BUSY || e->err == ZG_ERR_FULL || t == NULL || t->over || t->loose)
        return;
    struct said *s = own(t, p, who, &e->message, &number);
    if (s != NULL)
        s->excused = true;
    people_broken_promise(p, "a message was not sent", t, number);
}

/* --- ends --- */

static void ended(struct people *p, struct peer *who, const zg_event *e)
{
    struct talk *t = people_talk_by_id(p, who, &e->conversation);
    if (t == NULL)
        return;
    if (!t->over && !t->loose && !people_knock_is_over(p, t))
        people_broken_promise(p, "a conversation ended that nobody ended", t, (uint32_t)e->kind);
    t->over = true;
}

static void knock_failed(struct people *p, struct peer *who, const zg_event *e)
{
    struct talk *t = people_talk_by_id(p, who, &e->conversation);
    if (t == NULL || t->over)
        return;
    /* Before it could be sent its own time was over; or a clock says so of card and bundle; or the bundle is one of former times. */
    bool expired = e->err == ZG_ERR_EXPIRED &&
                   (!clocks_right(p) || p->restored || p->world.now.mono_ms + SECOND >= t->from_her.said[0].sender_until);
    bool no_room = e->err == ZG_ERR_FULL && world_little_room(&p->world);
    if (!expired && !no_room && !t->loose)
        people_broken_promise(p, "a knock failed", t, (uint32_t)e->err);
    t->over = true;
}

static void erased(struct people *p, struct peer *who, const zg_event *e)
{
    struct talk *t = people_talk_by_id(p, who, &e->conversation);
    if (t == NULL)
        return;
    *(who == p->worker ? &t->his_erase : &t->her_erase) = ERASE_DONE;
    if (t->erased_ms == 0)
        t->erased_ms = p->world.now.mono_ms;
}

/* --- after a crash --- */

enum { NOT_THERE, THERE, THERE_UNREAD };

static uint8_t *listed(const struct peer *who, const zg_id *id, const struct line *l)
{
    unsigned which, n;
    char c;
    zg_message m;
    uint8_t *there = calloc(l->count + 1u, 1);
    if (there == NULL)
        abort();
    for (size_t i = 0; zg_client_message_at(who->client, id, i, &m); i++)
        if (sscanf(m.text, "%c %u %u ", &c, &which, &n) == 3 && c == l->who && n <= l->count)
            there[n] = m.state == ZG_MESSAGE_RECEIVED ? THERE_UNREAD : THERE;
    return there;
}

/* What its vault did not have yet, it never said. */
static void take_back_said(struct people *p, const struct peer *who, const zg_id *id, struct line *l)
{
    uint8_t *there = listed(who, id, l);
    for (uint32_t n = 1; n <= l->count; n++) {
        struct said *s = &l->said[n - 1];
        if (there[n] == NOT_THERE && s->accepted_ms == 0 && p->world.now.mono_ms < s->sender_until)
            *(clocks_right(p) ? &s->unsaid : &s->excused) = true;
    }
    free(there);
}

/* What its vault did not have yet, it never heard: it was not acknowledged and comes again. */
static void take_back_heard(struct people *p, const struct peer *who, const zg_id *id, struct line *l)
{
    uint8_t *there = listed(who, id, l);
    l->heard = 0;
    for (uint32_t n = 1; n <= l->count; n++) {
        struct said *s = &l->said[n - 1];
        if (there[n] != NOT_THERE)
            l->heard = n;
        if (there[n] == THERE_UNREAD)
            s->reader_until = s->unread_until; /* nobody remembers that it was read */
        if (there[n] != NOT_THERE)
            continue;
        if (s->got && clocks_right(p) && p->world.now.mono_ms < s->reader_until)
            s->got = false;
        else
            s->again = s->got; /* its time was over, or it was never kept: nobody can tell */
    }
    free(there);
}

static void take_back(struct people *p, struct peer *who, struct talk *t)
{
    bool worker = who == p->worker;
    enum erase *erase = worker ? &t->his_erase : &t->her_erase;
    zg_conversation c;
    const zg_id *id = worker ? &t->his : &t->hers;
    bool there = zg_client_conversation(who->client, id, &c) == ZG_OK;
    if (*erase == ERASE_DONE || (worker && !t->known))
        return;
    if (there && *erase == ERASE_ASKED && c.state != ZG_CONVERSATION_ERASING)
        *erase = ERASE_NOT;
    if (!there && *erase == ERASE_ASKED) {
        *erase = ERASE_DONE; /* only the word was lost, or all of it: a knock that nobody answered was in memory only */
        if (worker && t->open_ms == 0)
            t->from_her.said[0].again = t->from_her.said[0].got;
    }
    if (*erase != ERASE_NOT)
        return;
    take_back_said(p, who, id, worker ? &t->from_worker : &t->from_her);
    take_back_heard(p, who, id, worker ? &t->from_her : &t->from_worker);
    if (there)
        return;
    /* A knock that nobody answered is in memory only and comes again; one that was not kept was never made. */
    bool began = worker ? t->open_ms != 0 : t->from_her.said[0].accepted_ms != 0;
    if (began && !t->over && !t->loose)
        people_fail(p, "a conversation is gone after a crash", t, 0);
    if (worker)
        t->known = false;
    else
        t->over = true;
}

static void ready(struct people *p, struct peer *who)
{
    for (uint32_t i = 0; i < p->talk_count; i++)
        if (who == p->worker || p->talks[i]->she == who)
            take_back(p, who, p->talks[i]);
}

/* --- events --- */

/* What both sides have. */
static void common_event(struct people *p, struct peer *who, const zg_event *e)
{
    switch (e->kind) {
    case ZG_EVENT_READY:
        ready(p, who);
        break;
    case ZG_EVENT_CONNECTED:
        who->off_ms = 0;
        break;
    case ZG_EVENT_KNOCK:
    case ZG_EVENT_MESSAGE:
        heard(p, who, e);
        break;
    case ZG_EVENT_SENT:
    case ZG_EVENT_KNOCK_SENT:
        accepted(p, who, e);
        break;
    case ZG_EVENT_NOT_SENT:
        not_sent(p, who, e);
        break;
    case ZG_EVENT_ENDED:
        ended(p, who, e);
        break;
    case ZG_EVENT_ERASED:
        erased(p, who, e);
        break;
    case ZG_EVENT_EXPIRED_UNREAD:
        told_unread(p, who, e);
        break;
    case ZG_EVENT_RELAY_WENT_BACK:
        /* A disk that does not take deletions while messages pass through memory looks like one that went back. */
        if (!p->restored && !p->troubled)
            people_broken_promise(p, "it is said that the relay went back, and it did not", NULL, 0);
        break;
    case ZG_EVENT_STORAGE:
        p->troubled = true;
        break;
    case ZG_EVENT_DISPLACED:
        /* By a connection of her own that was late to end: a person presses "here". */
        zg_client_network(who->client, true, peer_now(who));
        break;
    case ZG_EVENT_FAILED:
        people_fail(p, "a vault cannot be loaded", NULL, (uint32_t)e->err);
        break;
    default:
        break;
    }
}

void invariants_worker_event(void *ctx, struct peer *who, const zg_event *e)
{
    struct people *p = ctx;
    if (e->kind == ZG_EVENT_DESK_FAILED)
        people_broken_promise(p, "the desk failed", NULL, (uint32_t)e->err);
    common_event(p, who, e);
    /* An accept that the relay has is in the vault. */
    struct talk *t = e->kind == ZG_EVENT_SENT ? people_talk_by_id(p, who, &e->conversation) : NULL;
    if (t != NULL && t->open_ms == 0)
        t->open_ms = p->world.now.mono_ms;
}

/* Certificates are valid from a day before they were made. With clocks that are further apart hers may be of tomorrow. */
static void not_believed(struct people *p, struct peer *who, const zg_event *e)
{
    struct talk *t = people_talk_by_id(p, who, &e->conversation);
    if (e->err != ZG_ERR_EXPIRED || clocks_right(p))
        people_broken_promise(p, "an answer was not believed", t, (uint32_t)e->err);
    else if (t != NULL)
        t->loose = true;
}

void invariants_her_event(void *ctx, struct peer *who, const zg_event *e)
{
    struct people *p = ctx;
    if (e->kind == ZG_EVENT_KNOCK_FAILED)
        knock_failed(p, who, e);
    else if (e->kind == ZG_EVENT_SAFETY && e->err != ZG_OK)
        not_believed(p, who, e);
    common_event(p, who, e);
}
