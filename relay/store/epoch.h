/*
 * Keys of epochs: the random keys under which envelopes and values that do not last are sealed at rest, one
 * for each hour in which something expires (docs/protocol.md section 4).
 *
 * Happy path: key_ring_open reads the keys of a place; the engine tells the ring which of them its rows use;
 * key_ring_of_hour finds or makes the key of an hour; key_ring_begin destroys those of hours that have begun.
 * Failure: functions return 0 or an errno. A key that cannot be destroyed is out of the ring all the same,
 * and tried again with the next call.
 */
#ifndef RELAY_STORE_EPOCH_H
#define RELAY_STORE_EPOCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/rng.h"

enum { EPOCH_KEY_BYTES = 32, EPOCH_ID_MAX = INT32_MAX /* 31 bits, never 0 */ };

/* Told of each key of a place; returns 0 or an errno, which ends the loading. */
typedef int key_found_fn(void *ctx, uint32_t id, const uint8_t key[EPOCH_KEY_BYTES]);

/* Where keys lie. One thread at a time; all functions return 0 or an errno. */
struct key_place {
    /* What is damaged counts as gone and is destroyed. An error: a key could not be read that may be whole.
     */
    int (*load)(struct key_place *p, key_found_fn *found, void *ctx);
    /* Durable when it returns 0. No such id is there. */
    int (*add)(struct key_place *p, uint32_t id, const uint8_t key[EPOCH_KEY_BYTES]);
    /* When it returns 0 the key is overwritten and gone, durably. Also if it was not there. */
    int (*destroy)(struct key_place *p, uint32_t id);
    /* Frees p; the keys stay. */
    void (*close)(struct key_place *p);
};

/*
 * A file "epoch-<id in hex>" (0600) for each key, in a folder that is there. For volatile keys the folder is
 * on a file system in memory. NULL: no memory.
 */
struct key_place *epoch_files_new(const char *folder);

/* In memory, for tests and the simulation: outlives the engine. NULL: no memory. */
struct key_place *epoch_memory_new(void);
/* The next n calls of add and destroy fail with this errno. */
void epoch_memory_fail(struct key_place *p, int err, uint32_t n);
size_t epoch_memory_count(const struct key_place *p);

struct epoch {
    uint32_t id;
    uint32_t hour;
    bool stored; /* has a row, as far as was committed */
    bool begun;  /* its key is wiped and waits to be destroyed at its place */
    uint8_t key[EPOCH_KEY_BYTES];
};

struct key_ring {
    struct key_place *place; /* borrowed */
    struct epoch *epochs;    /* by id; in locked memory */
    size_t count, cap;
};

int key_ring_open(struct key_ring *ring, struct key_place *place);
/* A row says that this key is of this hour. False: there is no such key. */
bool key_ring_settle(struct key_ring *ring, uint32_t id, uint32_t hour);
/* After the last row: keys of none are destroyed. */
void key_ring_sweep(struct key_ring *ring);
void key_ring_close(struct key_ring *ring);

/* NULL: gone. */
const struct epoch *key_ring_find(const struct key_ring *ring, uint32_t id);
/* The hour's key, made and durable if there was none. *out is valid until the next call that changes the
 * ring. */
int key_ring_of_hour(struct key_ring *ring, uint32_t hour, const struct rng *rng, const struct epoch **out);
/* A key from elsewhere (of a backup), made durable. */
int key_ring_adopt(struct key_ring *ring, uint32_t id, uint32_t hour, const uint8_t key[EPOCH_KEY_BYTES]);
void key_ring_mark_stored(struct key_ring *ring, uint32_t id);
/* Keys of later hours are of this one from now on. */
void key_ring_shorten(struct key_ring *ring, uint32_t latest);
/* Destroys the keys of this hour and of all before. */
int key_ring_begin(struct key_ring *ring, uint32_t hour);

#endif
