/* The database of the current folder with the keys that its configuration names. */
#ifndef RELAY_EDGE_STORAGE_H
#define RELAY_EDGE_STORAGE_H

#include "relay/core/store.h"
#include "relay/edge/config.h"
#include "relay/store/epoch.h"
#include "relay/store/sqlite.h"

struct storage {
    struct key_place *keys;
    struct sqlite_options options;
    bool keys_volatile;
};

enum { STORAGE_WHY_MAX = 600 };

/* Prepares the keys' folder. false: why says what is wrong. */
bool storage_prepare(struct storage *s, const struct config *config, char *why, size_t why_cap);
/* Opens the database of a prepared storage; the engine is closed before storage_close. */
bool storage_engine(const struct storage *s, struct engine **out, char *why, size_t why_cap);
void storage_close(struct storage *s);

/* For commands while no relay runs: takes the folder's lock, opens. false: stderr says why. */
bool storage_open_alone(struct storage *s, struct engine **out);

#endif
