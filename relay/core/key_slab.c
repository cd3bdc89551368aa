#include "relay/core/key_slab.h"

#include <sodium.h>
#include <stdlib.h>

union key_slot {
    union key_slot *next; /* while it is free */
    struct session_keys keys;
};

/* Eight pages, less the canary that sodium_malloc puts before them. It needs another page for itself. */
enum { CHUNK_SLOTS = (8 * 4096 - 16) / sizeof(union key_slot) };

struct key_chunk {
    struct key_chunk *next;
    union key_slot *slots;
};

void key_slab_init(struct key_slab *slab)
{
    slab->chunks = NULL;
    slab->free = NULL;
}

void key_slab_clear(struct key_slab *slab)
{
    struct key_chunk *chunk = slab->chunks;
    while (chunk != NULL) {
        struct key_chunk *next = chunk->next;
        sodium_free(chunk->slots);
        free(chunk);
        chunk = next;
    }
    key_slab_init(slab);
}

static void grow(struct key_slab *slab)
{
    struct key_chunk *chunk = malloc(sizeof(*chunk));
    if (chunk == NULL)
        return;
    chunk->slots = sodium_malloc(CHUNK_SLOTS * sizeof(*chunk->slots));
    if (chunk->slots == NULL) {
        free(chunk);
        return;
    }
    chunk->next = slab->chunks;
    slab->chunks = chunk;
    for (size_t i = 0; i < CHUNK_SLOTS; i++)
        key_slab_give(slab, &chunk->slots[i].keys);
}

struct session_keys *key_slab_take(struct key_slab *slab)
{
    if (slab->free == NULL)
        grow(slab);
    union key_slot *slot = slab->free;
    if (slot == NULL)
        return NULL;
    slab->free = slot->next;
    slot->next = NULL;
    return &slot->keys;
}

void key_slab_give(struct key_slab *slab, struct session_keys *keys)
{
    union key_slot *slot = (union key_slot *)keys;
    if (slot == NULL)
        return;
    sodium_memzero(slot, sizeof(*slot));
    slot->next = slab->free;
    slab->free = slot;
}
