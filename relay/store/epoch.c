#include "relay/store/epoch.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

enum { FIRST_CAP = 64 };

/* Where an id stands or would stand. */
static size_t place_of(const struct key_ring *ring, uint32_t id)
{
    size_t low = 0, high = ring->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (ring->epochs[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct epoch *entry_of(const struct key_ring *ring, uint32_t id)
{
    size_t i = place_of(ring, id);
    return i < ring->count && ring->epochs[i].id == id ? &ring->epochs[i] : NULL;
}

static bool reserve(struct key_ring *ring)
{
    if (ring->count < ring->cap)
        return true;
    size_t cap = ring->cap == 0 ? FIRST_CAP : ring->cap * 2;
    struct epoch *epochs = sodium_allocarray(cap, sizeof(*epochs));
    if (epochs == NULL)
        return false;
    if (ring->count > 0)
        memcpy(epochs, ring->epochs, ring->count * sizeof(*epochs));
    sodium_free(ring->epochs); /* wipes */
    ring->epochs = epochs;
    ring->cap = cap;
    return true;
}

/* Room was reserved. */
static struct epoch *insert(struct key_ring *ring, uint32_t id, uint32_t hour, const uint8_t *key)
{
    size_t i = place_of(ring, id);
    struct epoch *e = &ring->epochs[i];
    assert(ring->count < ring->cap && (i == ring->count || e->id != id));
    memmove(e + 1, e, (ring->count - i) * sizeof(*e));
    ring->count++;
    e->id = id;
    e->hour = hour;
    e->stored = false;
    e->begun = false;
    memcpy(e->key, key, EPOCH_KEY_BYTES);
    return e;
}

static void drop(struct key_ring *ring, struct epoch *e)
{
    size_t i = (size_t)(e - ring->epochs);
    ring->count--;
    memmove(e, e + 1, (ring->count - i) * sizeof(*e));
    sodium_memzero(&ring->epochs[ring->count], sizeof(*e));
}

static int on_found(void *ctx, uint32_t id, const uint8_t key[EPOCH_KEY_BYTES])
{
    struct key_ring *ring = ctx;
    if (!reserve(ring))
        return ENOMEM;
    if (entry_of(ring, id) == NULL)
        insert(ring, id, 0, key);
    return 0;
}

int key_ring_open(struct key_ring *ring, struct key_place *place)
{
    *ring = (struct key_ring){.place = place};
    if (sodium_init() < 0) /* locked memory needs it, whoever the caller is */
        return ENOSYS;
    return place->load(place, on_found, ring);
}

bool key_ring_settle(struct key_ring *ring, uint32_t id, uint32_t hour)
{
    struct epoch *e = entry_of(ring, id);
    if (e == NULL)
        return false;
    e->hour = hour;
    e->stored = true;
    return true;
}

static int destroy_begun(struct key_ring *ring)
{
    int first = 0;
    for (size_t i = ring->count; i-- > 0;) {
        struct epoch *e = &ring->epochs[i];
        if (!e->begun)
            continue;
        int err = ring->place->destroy(ring->place, e->id);
        if (err == 0)
            drop(ring, e);
        else if (first == 0)
            first = err;
    }
    return first;
}

static void wipe(struct epoch *e)
{
    sodium_memzero(e->key, sizeof(e->key));
    e->begun = true;
}

void key_ring_sweep(struct key_ring *ring)
{
    for (size_t i = 0; i < ring->count; i++)
        if (!ring->epochs[i].stored)
            wipe(&ring->epochs[i]);
    (void)destroy_begun(ring);
}

void key_ring_close(struct key_ring *ring)
{
    sodium_free(ring->epochs); /* NULL-safe; wipes */
    *ring = (struct key_ring){0};
}

const struct epoch *key_ring_find(const struct key_ring *ring, uint32_t id)
{
    const struct epoch *e = entry_of(ring, id);
    return e == NULL || e->begun ? NULL : e;
}

int key_ring_adopt(struct key_ring *ring, uint32_t id, uint32_t hour, const uint8_t key[EPOCH_KEY_BYTES])
{
    if (!reserve(ring))
        return ENOMEM;
    if (entry_of(ring, id) != NULL)
        return EEXIST;
    int err = ring->place->add(ring->place, id, key);
    if (err == 0)
        insert(ring, id, hour, key);
    return err;
}

static int make(struct key_ring *ring, uint32_t hour, const struct rng *rng, uint32_t *id)
{
    uint8_t key[EPOCH_KEY_BYTES];
    do {
        rng_fill(rng, id, sizeof(*id));
        *id &= EPOCH_ID_MAX;
    } while (*id == 0 || entry_of(ring, *id) != NULL);
    rng_fill(rng, key, sizeof(key));
    int err = key_ring_adopt(ring, *id, hour, key);
    sodium_memzero(key, sizeof(key));
    return err;
}

int key_ring_of_hour(struct key_ring *ring, uint32_t hour, const struct rng *rng, const struct epoch **out)
{
    uint32_t id;
    for (size_t i = 0; i < ring->count; i++) {
        *out = &ring->epochs[i];
        if ((*out)->hour == hour && !(*out)->begun)
            return 0;
    }
    int err = make(ring, hour, rng, &id);
    *out = err == 0 ? entry_of(ring, id) : NULL;
    return err;
}

void key_ring_mark_stored(struct key_ring *ring, uint32_t id)
{
    struct epoch *e = entry_of(ring, id);
    assert(e != NULL);
    e->stored = true;
}

void key_ring_shorten(struct key_ring *ring, uint32_t latest)
{
    for (size_t i = 0; i < ring->count; i++)
        if (ring->epochs[i].hour > latest)
            ring->epochs[i].hour = latest;
}

int key_ring_begin(struct key_ring *ring, uint32_t hour)
{
    for (size_t i = 0; i < ring->count; i++)
        if (ring->epochs[i].hour <= hour)
            wipe(&ring->epochs[i]);
    return destroy_begun(ring);
}
