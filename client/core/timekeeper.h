/*
 * What time it is, when neither the own clock nor the relay's is to be believed alone; docs/protocol.md section 4.
 *
 * A clock that is set back revives nothing; a relay that claims a far future erases nothing.
 */
#ifndef CLIENT_TIMEKEEPER_H
#define CLIENT_TIMEKEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include <zaguan/client.h>

struct timekeeper {
    zg_now now;       /* when it was last asked */
    uint64_t held_ms; /* the high-water mark, and the time that went by since; 0: the two clocks never agreed */
    uint64_t start_ms; /* the own clock at the start, and the time that went by since */
    bool relay_known;
    uint64_t own_ms;   /* the own clock when the relay said its minute last, and the time that went by since */
    uint64_t relay_ms; /* the relay's clock, its latest possible value, and the time that went by since */
    uint64_t then_ms;  /* what timekeeper_ms was at that moment, and the time that went by since */
};

/* mark_ms: what timekeeper_mark gave before the last restart; 0: none. */
void timekeeper_init(struct timekeeper *t, uint64_t mark_ms, zg_now now);
/* Goes on to now. Returns the time to count lifetimes and validity by, in ms since 1970. */
uint64_t timekeeper_advance(struct timekeeper *t, zg_now now);
/* The same, as of the last timekeeper_advance. */
uint64_t timekeeper_ms(const struct timekeeper *t);
/*
 * The relay says which minute it is. true: much later than it should be, and so is the own clock: the monotonic one stood still for
 * a while. If only the relay's is later, it was put right.
 */
bool timekeeper_relay(struct timekeeper *t, uint32_t utc_minute);
/* Whether both clocks are known and differ by no more than a day. */
bool timekeeper_agrees(const struct timekeeper *t);
/* What to write into messages as the minute they were sent in: never too early while the clocks agree. */
uint32_t timekeeper_sent_minute(const struct timekeeper *t);
/* To be kept over a restart. */
uint64_t timekeeper_mark(const struct timekeeper *t);

#endif
