/*
 * A client's vault in the simulation: entries that outlive the client. Batches are stored later, each as a whole, when the
 * scheduler says so; a client that crashes loses those that were not, and may lose the word that the first one was.
 */
#ifndef TESTS_SIM_DRAWER_H
#define TESTS_SIM_DRAWER_H

#include <stdbool.h>
#include <stdint.h>

#include <zaguan/vault.h>

struct world;
struct drawer;

struct drawer *drawer_new(struct world *w);
void drawer_free(struct drawer *d);
/* For the next client: its close is a crash. */
zg_vault *drawer_vault(struct drawer *d);
/* When something is due; UINT64_MAX: nothing. */
uint64_t drawer_due(const struct drawer *d);
/* Does it; false: nothing was due. */
bool drawer_run(struct drawer *d);
/* While in trouble, one batch in two is not stored. */
void drawer_trouble(struct drawer *d, bool on);

#endif
