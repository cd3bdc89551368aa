/*
 * The hour that the relay goes by: it never goes back, so a clock that is set back revives nothing; and it
 * does not follow a clock at once that jumped further than a clock does which was set right, because keys
 * that were destroyed too early are messages that were lost.
 *
 * Happy path: the hour is the clock's. Failure: when the clock is more than HOUR_STEP away from what it was
 * up to a day before plus the time that passed since then, it is doubted, and the hour goes on by monotonic
 * time. A clock that is ahead is believed after all when that lasted for HOUR_DOUBT; one that is ahead by
 * more than HOUR_NEVER is not, because desks and cards would end that nobody can bring back.
 */
#ifndef RELAY_CORE_HOUR_H
#define RELAY_CORE_HOUR_H

#include <stdbool.h>
#include <stdint.h>

#include "relay/core/relay.h"

/*
 * In hours. AWAY: a relay may have been off; more than that is the longest lifetime. FIRST: 2025; a relay
 * that goes by an earlier hour was started with a clock that was not set, and NEVER does not keep it there.
 */
enum { HOUR_STEP = 24, HOUR_AWAY = 31 * 24, HOUR_DOUBT = 24, HOUR_NEVER = 366 * 24, HOUR_FIRST = 482136 };

struct hour {
    struct now sure;       /* the clocks when they were believed last */
    struct now measure;    /* the same up to a day ago: by it steps are measured, so that small ones add up */
    uint64_t doubted_mono; /* since when; meaningful if doubted */
    uint64_t doubted_utc_s; /* by the time that is believed */
    uint64_t looked;        /* mono_ms at hour_advance */
    uint32_t now;           /* since 1970: the highest */
    bool doubted;
};

/* known: the hour that the relay went by when it ran last; 0: it is not known, the clock is believed. */
void hour_init(struct hour *h, struct now now, uint32_t known);
/* true: a new one has begun. */
bool hour_advance(struct hour *h, struct now now);
/* Milliseconds until the next one begins, or until the clock should be looked at again; 0: now. */
uint64_t hour_left(const struct hour *h, struct now now);
/* The time that is believed. */
uint64_t hour_utc_ms(const struct hour *h, struct now now);
/*
 * From which the end of what is stored now counts. As long as a clock that is ahead is doubted this is the
 * clock's: if it is believed in the end, what came on that day must not be over at once. If it is not, what
 * was stored so is cut to what a lifetime can be at most (JOB_PURGE, `latest`).
 */
uint32_t hour_of_storing(const struct hour *h, struct now now);

#endif
