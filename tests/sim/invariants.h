/*
 * What must hold, at every event and after every step:
 *
 *     none lost       what was accepted arrives, unless it expired, was erased, or a copy of former times was put back
 *     none twice, none out of order, none changed, none that nobody said
 *     none shown after its time, none gone before it
 *     "expired unread" never said before it is true, and said at last when it is
 *     nothing revived after an erase, or sent although its sender does not keep it
 *     in the relay's files nothing of what was deleted, a few seconds after it
 */
#ifndef TESTS_SIM_INVARIANTS_H
#define TESTS_SIM_INVARIANTS_H

#include "tests/sim/people.h"

void invariants_worker_event(void *ctx, struct peer *who, const zg_event *e);
void invariants_her_event(void *ctx, struct peer *who, const zg_event *e);
/* A person reads it. */
void invariant_read(struct people *p, struct peer *who, const zg_id *conversation, const zg_message *m);

/* invariants_unread.c: one was told that an own message expired unread; and who should have been told by now. */
void invariant_told_unread(struct people *p, struct talk *t, uint32_t number);
void invariants_unread(struct people *p);

/* Before a client's program ends or starts: what a crash may take back is asked for when it is ready again. */
void invariants_away(struct people *p, struct peer *who, uint64_t ms);
/* Before a clock is set wrong: whoever was off since, and did not hear the relay's time yet, may never be able to tell for how long. */
void invariants_clock_wrong(struct people *p);
/* The relay starts again that ended at ended_ms. */
void invariants_stood_still(struct people *p, uint64_t ended_ms);
/* A copy of the store that was made at copy_ms takes the place of the store. */
void invariants_put_back(struct people *p, uint64_t copy_ms);

/* After each step. */
void invariants_check(struct people *p);
/* After the faults: nothing that was promised may be missing. */
void invariants_all_arrived(struct people *p);
/* After everybody erased everything. */
void invariants_nothing_left(struct people *p);

#endif
