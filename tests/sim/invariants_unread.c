/*
 * "Expired unread", as its sender is told: docs/protocol.md section 4.
 *
 * Never of a message that was read, as far as the relay could know it, nor before its time. And it is said at last,
 * of messages that the relay kept for a day and more, if both sides had a quiet hour in the days in which the relay knows.
 */
#include "tests/sim/invariants.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND };

#define HOUR_MS (UINT64_C(60) * MINUTE)
#define DAY_MS (24 * HOUR_MS)

void invariant_told_unread(struct people *p, struct talk *t, uint32_t number)
{
    struct said *s = &t->from_worker.said[number - 1];
    /* A copy of former times has it again, and its reader may never come again to say so. */
    if (s->certain && !p->restored)
        people_broken_promise(p, "a message that was read is said to have expired unread", t, number);
    if (people_relay_ms(p) < s->relay_until && !t->loose)
        people_broken_promise(p, "a message is said to have expired before its time", t, number);
    s->unread = true;
}

static bool quiet(const struct people *p, const struct peer *who, uint64_t ms)
{
    return who->ready && p->world.relay != NULL && who->calm_ms + ms < p->world.now.mono_ms;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static bool store_works(const struct people *p)
{
    return p->world.relay != NULL && !p->world.disk_trouble && !plate_is_full(disk_plate(p->world.disk));
}

/*
 * Nobody was cut off between that it arrived and that the relay was told, and the relay could write it down. Whoever erases acknowledges
 * nothing any more; and what a clock that was ahead took from the relay cannot be acknowledged.
 */
static void learn(struct people *p, const struct talk *t, struct said *s)
{
    if (t->her_erase != ERASE_NOT || people_relay_ms(p) >= s->relay_until)
        return;
    uint64_t calm = later(s->got_ms, later(t->she->calm_ms, p->world.store_calm_ms));
    if (s->got && !s->certain && t->she->ready && store_works(p) && p->world.now.mono_ms > calm + 30 * MINUTE)
        s->certain = true;
}

/*
 * From a day after its end on, for a week. What counts from sending may have come too late for a reader with a limit of
 * her own, and was taken unseen then.
 */
static bool to_be_told(struct people *p, const struct said *s)
{
    uint64_t relay = people_relay_ms(p), from = s->relay_until + DAY_MS + 8 * HOUR_MS;
    bool lies_there = s->smooth && s->sent_until == UINT64_MAX && !s->got && s->class_ms >= DAY_MS;
    return lies_there && !s->unread && relay > from && relay < from + 4 * DAY_MS;
}

void invariants_unread(struct people *p)
{
    bool now = !p->relay_clock_touched && p->skew_max_ms == 0 && !p->restored && quiet(p, p->worker, 2 * HOUR_MS);
    for (uint32_t i = 0; i < p->talk_count; i++) {
        struct talk *t = p->talks[i];
        for (uint32_t k = 0; k < t->from_worker.count; k++) {
            learn(p, t, &t->from_worker.said[k]);
            if (now && !t->over && to_be_told(p, &t->from_worker.said[k]))
                people_broken_promise(p, "nobody said that a message expired unread", t, k + 1);
        }
    }
}
