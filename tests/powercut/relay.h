/* The relay's store under power cuts: parts of one test program. */
#ifndef TESTS_POWERCUT_RELAY_H
#define TESTS_POWERCUT_RELAY_H

#include "tests/powercut/cuts.h"
#include "tests/powercut/ledger.h"

#define RELAY_DB "relay.db"

struct ledger *relay_ledger(void);

/* The engine on a disk; makes an empty database if there is no file. NULL: it cannot be opened. */
struct engine *relay_open(struct disk *d, const char *vfs);

void relay_record(struct disk *d, enum plant plant, uint64_t seed);
const char *relay_check(struct disk *left, uint64_t step, const struct rng *rng, bool thorough);

/* Where epoch keys lie: files of the disk. */
void relay_keys_plant(enum plant plant);
void relay_keys_restart(struct disk *d);

#endif
