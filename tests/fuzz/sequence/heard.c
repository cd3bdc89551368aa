/* What the relay answers, held against what was asked and what it answered before. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/sequence/world.h"

static uint32_t hours_of(uint8_t ttl)
{
    static const uint32_t hours[] = {1, 6, 24, 3 * 24, 7 * 24, 14 * 24, 30 * 24};
    return hours[ttl] + 1;
}

/* --- what was asked --- */

static struct asked *find_asked(struct person *p, uint32_t seq)
{
    for (size_t i = 0; i < p->asked_count; i++)
        if (p->asked[i].seq == seq)
            return &p->asked[i];
    return NULL;
}

/* It is answered. Those that are answered on the tick come in the order in which they were asked. */
static struct asked take_asked(struct person *p, uint32_t seq)
{
    struct asked *a = find_asked(p, seq);
    must(a != NULL);
    const struct asked taken = *a;
    for (struct asked *before = p->asked; before < a; before++)
        must(!(taken.on_tick && before->on_tick));
    p->asked_count--;
    memmove(a, a + 1, (size_t)(p->asked + p->asked_count - a) * sizeof(*a));
    return taken;
}

/* No answer to it can come any more that was not given by now. */
static void note_settles(struct world *w, const struct asked *a)
{
    struct note *n = a->note;
    const uint32_t over = world_hour(w) + hours_of(a->ttl);
    n->under_way--;
    n->settled = ++w->serial;
    n->over = over > n->over ? over : n->over;
}

void hear_no_more(struct world *w, struct person *p)
{
    for (size_t i = 0; i < p->asked_count; i++)
        if (p->asked[i].op == OP_SEND || p->asked[i].op == OP_KNOCK)
            note_settles(w, &p->asked[i]);
    p->asked_count = 0;
    p->wire_len = 0;
    p->gathering = false;
    p->late = false;
    memset(p->subs, 0, sizeof(p->subs));
}

/* --- replies --- */

/* To a KNOCK the answer is ok, too, if all its names are those of a queue. */
static void note_accepted(struct world *w, const struct asked *a)
{
    struct note *n = a->note;
    const uint32_t until = a->hour + hours_of(a->ttl);
    const bool taken = a->promises && (a->op == OP_SEND || w->things[a->thing].made == a->serial);

    n->until = n->until == 0 || until < n->until ? until : n->until;
    n->owed = n->owed || (taken && n->clean && !n->released);
}

/* What was answered ok since the quota of the day began, and what was not. */
static void count_send(struct world *w, const struct asked *a, enum status status)
{
    struct thing *t = &w->things[a->thing];
    const bool today = a->hour / 24 == t->day && world_hour(w) / 24 == t->day;

    if (a->op != OP_SEND || a->thing < DESKS || t->muddled || !today)
        return;
    t->accepted += status == STATUS_OK;
    must(t->accepted <= SENDS_A_DAY);
    must(status != STATUS_FULL || t->given > SENDS_A_DAY);
}

/* Neither sent again since the command that ended it was given, nor on its way then. */
static void note_ends(struct note *n, uint64_t serial)
{
    if (n->under_way == 0 && n->given < serial && n->settled <= serial)
        n->dead = true;
}

static void queue_deleted(struct world *w, const struct asked *a)
{
    for (size_t i = 0; i < w->note_count; i++)
        if (w->notes[i].thing == a->thing)
            note_ends(&w->notes[i], a->serial);
    w->things[a->thing].gone = a->promises && w->things[a->thing].made < a->serial;
}

/* Who has it was told, unless he takes nothing, or it may be back in the queue because a claim was over. */
static void nobody_has(struct world *w, const struct note *n)
{
    for (size_t i = 0; i < PEOPLE; i++)
        for (size_t k = 0; k < SUBS_MAX && !w->people[i].late; k++) {
            const struct sub *sub = &w->people[i].subs[k];
            for (uint32_t h = 0; sub->live && !sub->claimed && h < sub->held; h++)
                must(sub->hand[h].note != n);
        }
}

static struct sub *find_sub(struct person *p, const uint8_t id[WIRE_SUBSCRIPTION_BYTES])
{
    for (size_t i = 0; i < SUBS_MAX; i++)
        if (p->subs[i].live && memcmp(p->subs[i].id, id, WIRE_SUBSCRIPTION_BYTES) == 0)
            return &p->subs[i];
    return NULL;
}

static void carried_out(struct world *w, struct person *p, const struct asked *a)
{
    struct sub *sub;

    switch (a->op) {
    case OP_SEND:
    case OP_KNOCK:
        note_accepted(w, a);
        break;
    case OP_CANCEL:
        note_ends(a->note, a->serial);
        if (a->note->dead)
            nobody_has(w, a->note);
        break;
    case OP_QUEUE_DELETE:
        queue_deleted(w, a);
        break;
    case OP_UNSUBSCRIBE:
        if ((sub = find_sub(p, a->subscription)) != NULL)
            sub->live = false;
        break;
    case OP_SLOT_DELETE:
        if (a->promises && w->slots[a->thing].made < a->serial) {
            w->slots[a->thing].dead = w->serial;
            w->slots[a->thing].version = 0;
        }
        break;
    case OP_SUBSCRIBE:
    case OP_CHALLENGE:
    case OP_SLOT_GET:
    case OP_STATUS:
        must(false); /* they have replies of their own */
        break;
    default:
        break;
    }
}

static void hear_reply(struct world *w, struct person *p, const struct command *c)
{
    const struct asked a = take_asked(p, c->seq);
    const enum status status = c->u.reply.status;

    must(status != STATUS_MALFORMED);
    must((c->u.reply.retry_after > 0) == (status == STATUS_BUSY || status == STATUS_FULL));
    must(status != STATUS_OK || !a.wrong);
    must(status != STATUS_CONFLICT || a.op == OP_SLOT_SET);
    if (a.op == OP_SEND || a.op == OP_KNOCK)
        note_settles(w, &a);
    count_send(w, &a, status);
    if (status == STATUS_OK)
        carried_out(w, p, &a);
}

static void hear_subscribed(struct person *p, const struct command *c)
{
    const struct asked a = take_asked(p, c->seq);
    struct sub *sub = p->subs;

    must(a.op == OP_SUBSCRIBE && !a.wrong);
    must(find_sub(p, c->u.subscribed.subscription) == NULL);
    while (sub < p->subs + SUBS_MAX && sub->live)
        sub++;
    must(sub < p->subs + SUBS_MAX);
    *sub = (struct sub){.live = true, .thing = a.thing};
    memcpy(sub->id, c->u.subscribed.subscription, sizeof(sub->id));
}

static void hear_cookie(struct world *w, struct person *p, const struct command *c)
{
    const struct asked a = take_asked(p, c->seq);
    must(a.op == OP_CHALLENGE && !a.wrong);
    memcpy(w->cookies[a.thing], c->u.cookie.cookie, sizeof(w->cookies[a.thing]));
}

/* The pieces of one value: one byte again and again, as it was written. */
static void hear_value(struct world *w, struct person *p, const struct command *c)
{
    const struct slot_piece *piece = &c->u.slot_value;
    struct asked *a = find_asked(p, c->seq);

    must(a != NULL && a->op == OP_SLOT_GET && !a->wrong && piece->piece == a->count);
    must(w->slots[a->thing].dead == 0 || a->serial <= w->slots[a->thing].dead);
    if (piece->piece == 0) {
        a->version = piece->version;
        a->size = piece->size;
        a->value = piece->data.len > 0 ? piece->data.at[0] : 0;
    }
    must(piece->version == a->version && piece->size == a->size);
    for (size_t i = 0; i < piece->data.len; i++)
        must(piece->data.at[i] == a->value);
    if (++a->count * WIRE_SLOT_PIECE_BYTES < a->size)
        return;
    w->slots[a->thing].version = a->version;
    (void)take_asked(p, c->seq);
}

static void hear_states(struct world *w, struct person *p, const struct command *c)
{
    const struct asked a = take_asked(p, c->seq);

    must(a.op == OP_STATUS && c->u.states.count == a.count);
    for (uint32_t i = 0; i < a.count; i++) {
        must(c->u.states.fates[i] == FATE_UNKNOWN || c->u.states.fates[i] == FATE_EXPIRED);
        /* It had its time, and what must be kept has not expired. */
        must(c->u.states.fates[i] == FATE_UNKNOWN || (a.note->given > 0 && world_hour(w) >= a.note->until));
    }
}

/* --- what comes by itself --- */

static struct note *note_of(struct world *w, const uint8_t *envelope)
{
    const size_t number = envelope[0] | (size_t)envelope[1] << 8;
    must(number < w->note_count);
    for (size_t i = 2; i < WIRE_ENVELOPE_BYTES; i++)
        must(envelope[i] == ((number * 7 + 1) & 0xff));
    return &w->notes[number];
}

static void hear_delivery(struct world *w, struct person *p, const struct command *c)
{
    struct sub *sub = find_sub(p, c->u.deliver.subscription);
    struct note *n = note_of(w, c->u.deliver.envelope);

    must(sub != NULL);
    must(c->u.deliver.id > sub->last && n->thing == sub->thing);
    sub->last = c->u.deliver.id;
    if (!p->late) {
        must(!n->dead);
        must(n->under_way > 0 || world_hour(w) < n->over);
    }
    n->seen = true;
    if (sub->held == HELD_MAX)
        memmove(sub->hand, sub->hand + 1, --sub->held * sizeof(sub->hand[0]));
    sub->hand[sub->held].id = sub->last;
    sub->hand[sub->held++].note = n;
}

static void hear_withdraw(struct person *p, const struct command *c)
{
    struct sub *sub = find_sub(p, c->u.withdraw.subscription);
    must(sub != NULL && c->u.withdraw.id >= 1 && c->u.withdraw.id <= sub->last);
    for (uint32_t i = 0; i < sub->held; i++)
        if (sub->hand[i].id == c->u.withdraw.id) {
            sub->held--;
            memmove(&sub->hand[i], &sub->hand[i + 1], (sub->held - i) * sizeof(sub->hand[0]));
            return;
        }
}

static void hear_ended(struct person *p, const struct command *c)
{
    struct sub *sub = find_sub(p, c->u.ended.subscription);
    must(sub != NULL);
    sub->live = false;
}

static void hear(struct world *w, struct person *p, const struct command *c)
{
    world_trace("%zu hears %s, seq %u", (size_t)(p - w->people), op_name(c->op), c->seq);
    switch (c->op) {
    case OP_REPLY:
        hear_reply(w, p, c);
        break;
    case OP_SUBSCRIBED:
        hear_subscribed(p, c);
        break;
    case OP_COOKIE:
        hear_cookie(w, p, c);
        break;
    case OP_SLOT_VALUE:
        hear_value(w, p, c);
        break;
    case OP_STATES:
        hear_states(w, p, c);
        break;
    case OP_DELIVER:
        hear_delivery(w, p, c);
        break;
    case OP_WITHDRAW:
        hear_withdraw(p, c);
        break;
    default:
        must(c->op == OP_ENDED);
        hear_ended(p, c);
        break;
    }
}

void hear_all(struct world *w, struct person *p)
{
    struct heard *h;

    while (p->peer.relay != NULL && (h = peer_take(&p->peer)) != NULL) {
        hear(w, p, &h->c);
        free(h);
    }
    p->late = p->peer.full;
    if (p->peer.closed)
        person_leave(w, p);
}
