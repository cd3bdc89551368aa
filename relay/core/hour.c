#include "relay/core/hour.h"

#define HOUR_MS (UINT64_C(3600) * 1000)

enum { LOOK_AGAIN_MS = 5000 }; /* at a clock that is doubted: it may have been set right */

static bool further_than(uint64_t a, uint64_t b, uint64_t distance)
{
    return (a > b ? a - b : b - a) > distance;
}

static void doubt(struct hour *h, struct now now)
{
    if (h->doubted)
        return;
    h->doubted = true;
    h->doubted_mono = now.mono_ms;
    h->doubted_utc_s = hour_utc_ms(h, now) / 1000;
}

void hour_init(struct hour *h, struct now now, uint32_t known)
{
    *h = (struct hour){
        .sure = now, .measure = now, .looked = now.mono_ms, .now = (uint32_t)(now.utc_ms / HOUR_MS)};
    if (known == 0)
        return;
    bool good = !further_than(h->now, known, h->now > known ? HOUR_AWAY : HOUR_STEP);
    if (h->now < known || !good)
        h->now = known;
    if (good)
        return;
    h->sure.utc_ms = h->measure.utc_ms = known * HOUR_MS;
    doubt(h, now);
}

uint64_t hour_utc_ms(const struct hour *h, struct now now)
{
    return h->doubted ? h->sure.utc_ms + (now.mono_ms - h->sure.mono_ms) : now.utc_ms;
}

/* What the clock should say that was right then. */
static uint64_t since(struct now then, struct now now)
{
    return then.utc_ms + (now.mono_ms - then.mono_ms);
}

static uint64_t expected(const struct hour *h, struct now now)
{
    return since(h->sure, now);
}

static bool impossible(const struct hour *h, struct now now)
{
    return now.utc_ms < expected(h, now) ||
           (h->now >= HOUR_FIRST && further_than(now.utc_ms, expected(h, now), HOUR_NEVER * HOUR_MS));
}

/* Ahead for so long without a pause that it is the clock that is right. */
static bool convinced(struct hour *h, struct now now)
{
    if (impossible(h, now))
        h->doubted_mono = now.mono_ms;
    return h->doubted && now.mono_ms - h->doubted_mono >= HOUR_DOUBT * HOUR_MS;
}

bool hour_advance(struct hour *h, struct now now)
{
    uint32_t before = h->now;

    h->looked = now.mono_ms;
    bool near = !further_than(now.utc_ms, since(h->measure, now), HOUR_STEP * HOUR_MS);
    if (near || convinced(h, now)) {
        h->doubted = false;
        h->sure = now;
        if (!near || now.mono_ms - h->measure.mono_ms >= HOUR_STEP * HOUR_MS)
            h->measure = now;
    } else {
        doubt(h, now);
    }
    uint32_t hour = (uint32_t)(hour_utc_ms(h, now) / HOUR_MS);
    if (hour > h->now)
        h->now = hour;
    return h->now > before;
}

uint32_t hour_of_storing(const struct hour *h, struct now now)
{
    uint32_t clock = (uint32_t)(now.utc_ms / HOUR_MS);
    return h->doubted && !impossible(h, now) && clock > h->now ? clock : h->now;
}

uint64_t hour_left(const struct hour *h, struct now now)
{
    uint64_t next = ((uint64_t)h->now + 1) * HOUR_MS;
    uint64_t utc = hour_utc_ms(h, now);

    if (utc >= next || (h->doubted && now.mono_ms - h->looked >= LOOK_AGAIN_MS))
        return 0;
    if (h->doubted && next - utc > LOOK_AGAIN_MS)
        return h->looked + LOOK_AGAIN_MS - now.mono_ms;
    /* A clock that was set back may be far behind; then it is looked at again in an hour. */
    return next - utc < HOUR_MS ? next - utc : HOUR_MS;
}
