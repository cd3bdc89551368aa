/*
 * What keeps the relay from writing, for people. It begins with a job that failed and ends with the next one
 * of its kind that succeeds. Nobody may want to write for hours, so while it lasts the relay tries by itself:
 * with a voucher that nobody has and whose time is over.
 */
#ifndef RELAY_CORE_TROUBLE_H
#define RELAY_CORE_TROUBLE_H

#include <stdbool.h>

#include "relay/core/store.h"

struct relay;

struct trouble {
    struct store_job job; /* of the trial */
    struct store_write write;
    struct name name;
    uint64_t at;  /* mono_ms of the next trial */
    uint8_t kind; /* of the job that failed; meaningful if the stats say that there is trouble */
    bool under_way;
};

/* Of every job that is done. */
void trouble_note(struct relay *r, const struct store_job *job);
void trouble_advance(struct relay *r);
/* mono_ms; UINT64_MAX: never. */
uint64_t trouble_deadline(const struct relay *r);

#endif
