/*
 * Forgetting on time (docs/protocol.md section 4): what a commit deleted may lie in the journal until the
 * store was told to empty it.
 *
 * Happy path: forget_deleted says that something was deleted; at the latest FORGET_WITHIN_MS later a
 * JOB_FORGET has emptied the journal. Whoever is to be told waits in forget_answer, and hears it at the next
 * full second at which the journal was emptied: always then, whatever was deleted before, so that the time of
 * the answer does not tell what others did. Failure: it is tried again a second later, and the answers wait;
 * when the relay stops it is tried once, and they are busy.
 */
#ifndef RELAY_CORE_FORGET_H
#define RELAY_CORE_FORGET_H

#include <stdbool.h>

#include "relay/core/list.h"
#include "relay/core/store.h"

struct relay;
struct change;

enum { FORGET_WITHIN_MS = 5000 };

struct forget {
    struct store_job job; /* one at a time */
    struct link asked;    /* changes; answered after the next job */
    struct link covered;  /* by the job that is under way */
    uint64_t at;          /* mono_ms of the next job; UINT64_MAX: nothing is to be forgotten */
    bool hurry;           /* somebody asked since forget_advance */
    bool under_way;
};

void forget_init(struct forget *f);
void forget_clear(struct relay *r);
/* A commit or a purge that is done deleted something. */
void forget_deleted(struct relay *r);
/* Takes a change that is decided; it is answered when nothing is left of what was deleted before. */
void forget_answer(struct relay *r, struct change *change);
void forget_advance(struct relay *r);
/* mono_ms; UINT64_MAX: never. */
uint64_t forget_deadline(const struct relay *r);
/* Nobody waits for it. */
bool forget_quiet(const struct relay *r);

#endif
