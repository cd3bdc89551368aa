/* Where epoch keys lie in the simulation: on the plate, so that the power fails between any two steps of theirs too. */
#ifndef TESTS_SIM_KEYS_H
#define TESTS_SIM_KEYS_H

#include "relay/store/epoch.h"
#include "tests/sim/plate.h"

struct keys;

struct keys *keys_open(struct plate *plate, const struct rng *rng);
void keys_close(struct keys *k); /* NULL-safe */
/* For an engine, which does not close it. */
struct key_place *keys_place(struct keys *k);
size_t keys_count(const struct keys *k);
/* After a cut: what was not durable is there or not. */
void keys_power_on(struct keys *k);
/* What is destroyed stays there: for plants. */
void keys_stay(struct keys *k, bool stay);
/* As they are now; to be closed. */
struct keys *keys_copy(const struct keys *k);
void keys_put_back(struct keys *k, const struct keys *copy);

#endif
