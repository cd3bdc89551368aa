/* The engine of store.h on one SQLite file. */
#ifndef RELAY_STORE_SQLITE_H
#define RELAY_STORE_SQLITE_H

#include "relay/core/store.h"

struct key_place;

struct sqlite_options {
    const char *path; /* "DIR/relay.db" */
    const char *vfs;  /* NULL: the default; the simulation names its own */
    bool exclusive;   /* locking_mode=EXCLUSIVE: needs no shared memory */
    /* Where epoch keys lie; the opener's, who closes it after the engine. NULL: in files beside the database,
     * which the engine sees to by itself. */
    struct key_place *keys;
};

/*
 * Opens or creates; mode 0600, WAL, synchronous=FULL, secure_delete=ON, trusted_schema=OFF,
 * temp_store=MEMORY, mmap off, pages of 4 KiB. ZG_ERR_VERSION: the file is of a newer version; ZG_ERR_LOCKED;
 * ZG_ERR_STORAGE. *why gets a sentence (static or in a buffer of the caller's) for a person; may be NULL.
 */
ZG_MUST_CHECK zg_err sqlite_engine_open(struct engine **out, const struct sqlite_options *options, char *why,
                                        size_t why_cap);

#endif
