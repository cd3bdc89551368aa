#include "client/core/timekeeper.h"

enum { MINUTE_MS = 60000, SLEEP_MS = 10 * MINUTE_MS };

/* Section 4: clocks that differ by more are not believed. */
#define AGREE_MS (24 * UINT64_C(3600000))

void timekeeper_init(struct timekeeper *t, uint64_t mark_ms, zg_now now)
{
    t->now = now;
    t->held_ms = mark_ms;
    t->start_ms = now.utc_ms;
    t->own_ms = now.utc_ms;
    t->relay_known = false;
    t->relay_ms = 0;
    t->then_ms = 0;
}

bool timekeeper_agrees(const struct timekeeper *t)
{
    uint64_t own = t->now.utc_ms;
    uint64_t apart = own > t->relay_ms ? own - t->relay_ms : t->relay_ms - own;
    return t->relay_known && apart <= AGREE_MS;
}

/*
 * Section 4: the mark is the largest value seen of min(own clock, relay's clock). Also while they disagree, once they
 * have agreed: one of them may stand years ahead, but the smaller one does not, and days in which the program did not run
 * have to count. Of a relay that is not believed the earliest time is taken that it may mean.
 */
static void raise_mark(struct timekeeper *t)
{
    bool agree = timekeeper_agrees(t);
    uint64_t relay_ms = agree || t->relay_ms < MINUTE_MS ? t->relay_ms : t->relay_ms - (MINUTE_MS - 1);
    uint64_t smaller = t->now.utc_ms < relay_ms ? t->now.utc_ms : relay_ms;
    if (t->relay_known && (agree || t->held_ms != 0) && smaller > t->held_ms)
        t->held_ms = smaller;
}

uint64_t timekeeper_advance(struct timekeeper *t, zg_now now)
{
    uint64_t elapsed = now.mono_ms > t->now.mono_ms ? now.mono_ms - t->now.mono_ms : 0;
    uint64_t mono_ms = t->now.mono_ms + elapsed;

    t->now = (zg_now){mono_ms, now.utc_ms};
    t->start_ms += elapsed;
    t->own_ms += elapsed;
    if (t->held_ms != 0)
        t->held_ms += elapsed;
    if (t->relay_known) {
        t->relay_ms += elapsed;
        t->then_ms += elapsed;
    }
    raise_mark(t);
    return timekeeper_ms(t);
}

uint64_t timekeeper_ms(const struct timekeeper *t)
{
    /* Before a relay was reached there is only the own clock, and what the mark knows already. */
    if (!t->relay_known)
        return t->held_ms > t->now.utc_ms ? t->held_ms : t->now.utc_ms;
    return t->held_ms != 0 ? t->held_ms : t->start_ms;
}

/* How long the monotonic clock stood still, as both others have it; 0: it did not, as far as can be told. */
static uint64_t sleep_of(const struct timekeeper *t, uint64_t relay_ms)
{
    if (!t->relay_known || relay_ms <= t->relay_ms + SLEEP_MS || t->now.utc_ms <= t->own_ms + SLEEP_MS)
        return 0;
    uint64_t own = t->now.utc_ms - t->own_ms, relay = relay_ms - t->relay_ms;
    return own < relay ? own : relay;
}

bool timekeeper_relay(struct timekeeper *t, uint32_t utc_minute)
{
    uint64_t latest_ms = (uint64_t)utc_minute * MINUTE_MS + MINUTE_MS - 1;
    uint64_t slept = sleep_of(t, latest_ms);
    uint64_t *counted = t->held_ms != 0 ? &t->held_ms : &t->start_ms;
    if (slept > 0 && *counted < t->then_ms + slept)
        *counted = t->then_ms + slept;
    t->own_ms = t->now.utc_ms;
    t->relay_known = true;
    t->relay_ms = latest_ms;
    raise_mark(t);
    t->then_ms = timekeeper_ms(t);
    return slept > 0;
}

uint32_t timekeeper_sent_minute(const struct timekeeper *t)
{
    uint64_t minute = (timekeeper_agrees(t) ? t->relay_ms : timekeeper_ms(t)) / MINUTE_MS;
    return minute > UINT32_MAX ? UINT32_MAX : (uint32_t)minute;
}

uint64_t timekeeper_mark(const struct timekeeper *t)
{
    return t->held_ms;
}
