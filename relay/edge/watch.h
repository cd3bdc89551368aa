/*
 * What an operator is told while the relay runs: that it cannot write, and that it can again; that room on
 * the disk runs short, and that it does not any more; that it does not believe its clock, and that it does
 * again; that something is damaged. Each once. Keeps the hour that the relay goes by in a file, for the next
 * start.
 */
#ifndef RELAY_EDGE_WATCH_H
#define RELAY_EDGE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "relay/core/relay.h"

struct watch {
    uint64_t trouble;   /* as it was said */
    uint64_t silent_to; /* mono_ms: trouble that comes and goes is not said sooner again */
    uint64_t failed;    /* jobs, when it was said */
    uint64_t room;      /* as it was said */
    uint64_t room_to;   /* mono_ms: that there is more again is not said sooner */
    uint64_t doubted;
    bool damaged;
    uint64_t hour; /* in the file; 0: not written yet */
};

/* Once in a turn of the loop. */
void watch_turn(struct watch *w, const struct relay_stats *stats, uint64_t mono_ms);

/* For people: "the disk is full". */
const char *trouble_words(uint64_t trouble);

/* The hour since 1970 by which the relay of the current folder went last; 0: it is not known. */
uint32_t watch_known_hour(void);

#endif
