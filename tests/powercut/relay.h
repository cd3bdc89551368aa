/* The relay's store under power cuts: parts of one test program. */
#ifndef TESTS_POWERCUT_RELAY_H
#define TESTS_POWERCUT_RELAY_H

#include "tests/powercut/cuts.h"
#include "tests/powercut/ledger.h"

#define RELAY_DB "relay.db"

struct ledger *relay_ledger(void);

/* The engine on a disk; makes an empty database if there is no file. NULL: it cannot be opened. */
struct engine *relay_open(struct disk *d, const char *vfs);
void relay_close(struct engine *e);

void relay_record(struct disk *d, enum plant plant, uint64_t seed);
const char *relay_check(struct disk *left, uint64_t step, const struct rng *rng, bool thorough);

/* Where epoch keys lie: files of the disk. The caller closes. */
struct key_place *relay_keys_new(struct disk *d);
void relay_keys_plant(enum plant plant);
/* Whether a key that was destroyed by this step stands in a file where keys lie, or in any. */
bool relay_keys_left(const struct folder *f, uint64_t step, bool everywhere);

#endif
