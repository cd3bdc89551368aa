/*
 * What was used today, for each queue and slot that was used. Counts are in memory only: a restart begins at
 * zero. They do not stand in the queue, because a queue that nobody uses leaves memory, and a slot is never
 * there.
 */
#ifndef RELAY_CORE_QUOTA_H
#define RELAY_CORE_QUOTA_H

#include <stdint.h>

#include <zaguan/err.h>

#include "proto/rng.h"
#include "relay/core/map.h"

enum quota_kind { QUOTA_SENDS, QUOTA_DRAWS, QUOTA_WRITES /* of a slot */ };

struct quota {
    struct map counts;
    uint32_t day;
    uint32_t room; /* queues and slots counted at once */
};

ZG_MUST_CHECK zg_err quota_init(struct quota *q, const struct rng *rng, uint32_t room);
void quota_clear(struct quota *q);

/* Counts n more, or ZG_ERR_FULL; ZG_ERR_BUSY: it cannot be counted now. */
ZG_MUST_CHECK zg_err quota_take(struct quota *q, enum quota_kind kind, uint64_t id, uint32_t n,
                                uint32_t limit, uint32_t hour);
/* Of what was counted, n came to nothing because the relay could not store it: they count no more. */
void quota_give_back(struct quota *q, enum quota_kind kind, uint64_t id, uint32_t n);

#endif
