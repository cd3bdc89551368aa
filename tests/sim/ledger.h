/*
 * What the store wrote and deleted, kept beside it: names of queues, handles of messages, envelopes as they came. Of
 * what was deleted nothing may be in a file any more when the journal was emptied; of an envelope in the clear never
 * anything.
 */
#ifndef TESTS_SIM_LEDGER_H
#define TESTS_SIM_LEDGER_H

#include "relay/core/store.h"
#include "tests/sim/plate.h"

struct ledger;

struct ledger *ledger_new(void);
void ledger_free(struct ledger *l);
/* A job was carried out. */
void ledger_job(struct ledger *l, const struct store_job *job, uint64_t mono_ms);
/* The power failed in a job: what it wrote may be there, and leave its mark, all the same. */
void ledger_cut(struct ledger *l, const struct store_job *job);
/* Another state of the files took the place of the present one: what is there is not known. */
void ledger_forget(struct ledger *l);
/* Something that was deleted before this time and is there; NULL: nothing. Static storage: what it is. */
const char *ledger_leftover(const struct ledger *l, const struct plate *plate, uint64_t mono_ms);

#endif
