/*
 * What is due when an hour begins, and leases (docs/protocol.md sections 1, 1.1 and 4).
 *
 * Happy path: an hour begins; messages of it leave memory, readers that have them get WITHDRAW; the store
 * destroys their keys and deletes rows slice by slice until there are no more, with a pause behind each.
 * Queues whose time is over go the same way. Failure: a slice that fails is tried again a little later. Rows
 * whose hour has begun are not delivered meanwhile.
 */
#ifndef RELAY_CORE_EXPIRY_H
#define RELAY_CORE_EXPIRY_H

#include <stdbool.h>

#include "relay/core/store.h"

struct relay;

struct expiry {
    struct store_job job; /* one at a time */
    uint64_t at;    /* mono_ms of the next slice; UINT64_MAX: nothing is left to be deleted in this hour */
    uint64_t since; /* mono_ms when the last one was submitted */
    uint32_t keys_hour; /* whose keys are destroyed, and those before it */
    bool pause;         /* the pause behind a slice is to be measured */
    bool under_way;
};

void expiry_init(struct expiry *e);
void expiry_advance(struct relay *r);
/* mono_ms; UINT64_MAX is not possible: an hour will begin. */
uint64_t expiry_deadline(const struct relay *r);

#endif
