#include "tests/sim/keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/support.h"

enum { KEYS_MAX = 2048 };

struct kept {
    uint32_t id;
    uint8_t key[EPOCH_KEY_BYTES];
    bool unsure; /* the power failed while it was written or destroyed */
};

struct keys {
    struct key_place place; /* first: the engine's handle */
    struct plate *plate;
    const struct rng *rng;
    bool stay;
    size_t count;
    struct kept kept[KEYS_MAX];
};

static int load(struct key_place *place, key_found_fn *found, void *ctx)
{
    const struct keys *k = (const struct keys *)place;
    int err = plate_is_out(k->plate) ? EIO : 0;
    for (size_t i = 0; i < k->count && err == 0; i++)
        err = found(ctx, k->kept[i].id, k->kept[i].key);
    return err;
}

static int add(struct key_place *place, uint32_t id, const uint8_t key[EPOCH_KEY_BYTES])
{
    struct keys *k = (struct keys *)place;
    if (k->count == KEYS_MAX)
        abort();
    if (plate_is_full(k->plate))
        return ENOSPC;
    if (!plate_step(k->plate))
        return EIO;
    struct kept *kept = &k->kept[k->count++];
    kept->id = id;
    memcpy(kept->key, key, EPOCH_KEY_BYTES);
    kept->unsure = !plate_step(k->plate);
    return kept->unsure ? EIO : 0;
}

static void drop(struct keys *k, size_t i)
{
    k->kept[i] = k->kept[--k->count];
}

static int destroy(struct key_place *place, uint32_t id)
{
    struct keys *k = (struct keys *)place;
    bool out = plate_is_out(k->plate) || !plate_step(k->plate);
    for (size_t i = 0; i < k->count && !k->stay; i++) {
        if (k->kept[i].id != id)
            continue;
        if (out)
            k->kept[i].unsure = true;
        else
            drop(k, i);
        break;
    }
    return out ? EIO : 0;
}

static void close_place(struct key_place *place)
{
    (void)place; /* outlives the engine */
}

void keys_power_on(struct keys *k)
{
    for (size_t i = k->count; i-- > 0;) {
        bool gone = k->kept[i].unsure && rng_below(k->rng, 2) == 0;
        k->kept[i].unsure = false;
        if (gone)
            drop(k, i);
    }
}

struct keys *keys_open(struct plate *plate, const struct rng *rng)
{
    struct keys *k = calloc(1, sizeof(*k));
    if (k == NULL)
        abort();
    k->place = (struct key_place){load, add, destroy, close_place};
    k->plate = plate;
    k->rng = rng;
    return k;
}

void keys_close(struct keys *k)
{
    free(k);
}

struct key_place *keys_place(struct keys *k)
{
    return &k->place;
}

size_t keys_count(const struct keys *k)
{
    return k->count;
}

void keys_stay(struct keys *k, bool stay)
{
    k->stay = stay;
}

struct keys *keys_copy(const struct keys *k)
{
    struct keys *copy = keys_open(k->plate, k->rng);
    keys_put_back(copy, k);
    return copy;
}

void keys_put_back(struct keys *k, const struct keys *copy)
{
    k->count = copy->count;
    memcpy(k->kept, copy->kept, copy->count * sizeof(copy->kept[0]));
}
