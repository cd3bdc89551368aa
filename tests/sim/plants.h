/* Deliberate faults, to see that the invariants find them: each breaks what the product must not break. */
#ifndef TESTS_SIM_PLANTS_H
#define TESTS_SIM_PLANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zaguan/vault.h>

#include "relay/core/store.h"

struct world;

enum plant {
    PLANT_NOTHING,
    PLANT_LOSE,   /* messages that should be stored are not */
    PLANT_TEAR,   /* the relay's disk says that it synced, and did not */
    PLANT_TWICE,  /* the ratchet that a client keeps is an old one */
    PLANT_ORDER,  /* messages are read from the store in another order */
    PLANT_CHANGE, /* a letter of a text that a client keeps changes */
    PLANT_LATE,   /* a client is not called when its time has come */
    PLANT_REVIVE, /* what a client deletes stays in its vault */
    PLANT_LEAVE,  /* what the relay should not leave in its files stays there */
    PLANT_KEEP_KEYS, /* epoch keys that are destroyed stay there */
    PLANT_EARLY_STATUS, /* "expired unread" is said of everything */
    PLANT_NO_STATUS,    /* and of nothing */
};

/* false: there is none of this name. */
bool plant_by_name(const char *name, enum plant *out);

/* Around a job of the store: before may change it, after puts it back. false: the job is not to be carried out. */
bool plant_before_job(const struct world *w, struct store_job *job);
void plant_after_job(const struct world *w, struct store_job *job);
/* Whether the vault leaves an entry as it is; there: it has one of this key. */
bool plant_keeps_entry(const struct world *w, const zg_vault_write *write, bool there);
/* What the vault makes of it. */
void plant_entry(const struct world *w, const uint8_t *key, uint8_t *value, size_t len);
/* When a client is called again. */
uint64_t plant_deadline(const struct world *w, uint64_t mono_ms);

#endif
