/*
 * The keys of all open connections, in locked memory with guard pages around each chunk and not around each
 * key: those would cost 12 KiB a connection.
 */
#ifndef RELAY_CORE_KEY_SLAB_H
#define RELAY_CORE_KEY_SLAB_H

#include "proto/noise.h"

struct session_keys {
    struct noise_cipher in, out;
};

struct key_chunk;

struct key_slab {
    struct key_chunk *chunks;
    union key_slot *free;
};

void key_slab_init(struct key_slab *slab);
/* All keys must have been given back. */
void key_slab_clear(struct key_slab *slab);

/* NULL: no memory. */
struct session_keys *key_slab_take(struct key_slab *slab);
/* Wipes; NULL-safe. */
void key_slab_give(struct key_slab *slab, struct session_keys *keys);

#endif
