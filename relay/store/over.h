/* When things are over, for both engines. Hours, days and weeks since 1970, UTC. */
#ifndef RELAY_STORE_OVER_H
#define RELAY_STORE_OVER_H

#include <stdbool.h>
#include <stdint.h>

#include "relay/core/store.h"

enum { HOURS_OF_DAY = 24, HOURS_OF_WEEK = 168 };

/* The first week that has not begun yet. A queue whose `ends` is less is over. */
static inline uint32_t over_week(uint32_t hour)
{
    return hour / HOURS_OF_WEEK + 1;
}

static inline bool over_queue(uint32_t ends, uint32_t hour)
{
    return ends < over_week(hour);
}

/* The day with whose beginning STATUS tells that a message of this hour expired. */
static inline uint32_t over_mark_day(uint32_t hour)
{
    return hour / HOURS_OF_DAY + 1;
}

/* The first day of which marks are still kept. */
static inline uint32_t over_first_mark_day(uint32_t hour)
{
    uint32_t today = hour / HOURS_OF_DAY;
    return today < STORE_MARK_DAYS ? 0 : today - STORE_MARK_DAYS + 1;
}

static inline bool over_mark_tells(uint32_t day, uint32_t hour)
{
    return day <= hour / HOURS_OF_DAY && day >= over_first_mark_day(hour);
}

#endif
