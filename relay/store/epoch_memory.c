#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relay/store/epoch.h"

struct memory_key {
    uint32_t id;
    uint8_t key[EPOCH_KEY_BYTES];
};

struct epoch_memory {
    struct key_place place; /* first: the caller's handle */
    struct memory_key *keys;
    size_t count, cap;
    int fail_with;
    uint32_t fail;
};

static int load(struct key_place *place, key_found_fn *found, void *ctx)
{
    const struct epoch_memory *m = (const struct epoch_memory *)place;
    int err = 0;
    for (size_t i = 0; i < m->count && err == 0; i++)
        err = found(ctx, m->keys[i].id, m->keys[i].key);
    return err;
}

static bool fails(struct epoch_memory *m)
{
    if (m->fail == 0)
        return false;
    m->fail--;
    return true;
}

static int add(struct key_place *place, uint32_t id, const uint8_t key[EPOCH_KEY_BYTES])
{
    struct epoch_memory *m = (struct epoch_memory *)place;
    if (fails(m))
        return m->fail_with;
    if (m->count == m->cap) {
        size_t cap = (m->cap + 8) * 2;
        struct memory_key *keys = realloc(m->keys, cap * sizeof(*keys));
        if (keys == NULL)
            return ENOMEM;
        m->keys = keys;
        m->cap = cap;
    }
    m->keys[m->count].id = id;
    memcpy(m->keys[m->count++].key, key, EPOCH_KEY_BYTES);
    return 0;
}

static int destroy(struct key_place *place, uint32_t id)
{
    struct epoch_memory *m = (struct epoch_memory *)place;
    if (fails(m))
        return m->fail_with;
    for (size_t i = 0; i < m->count; i++)
        if (m->keys[i].id == id) {
            m->keys[i] = m->keys[--m->count];
            return 0;
        }
    return 0;
}

static void close_place(struct key_place *place)
{
    struct epoch_memory *m = (struct epoch_memory *)place;
    free(m->keys);
    free(m);
}

struct key_place *epoch_memory_new(void)
{
    struct epoch_memory *m = calloc(1, sizeof(*m));
    if (m == NULL)
        return NULL;
    m->place = (struct key_place){load, add, destroy, close_place};
    return &m->place;
}

void epoch_memory_fail(struct key_place *place, int err, uint32_t n)
{
    struct epoch_memory *m = (struct epoch_memory *)place;
    m->fail_with = err;
    m->fail = n;
}

size_t epoch_memory_count(const struct key_place *place)
{
    return ((const struct epoch_memory *)place)->count;
}
