#include "relay/core/map.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

enum { BUCKETS_AT_FIRST = 64 };

_Static_assert(crypto_shorthash_KEYBYTES == 16 && crypto_shorthash_BYTES == 8, "SipHash-2-4");

zg_err map_init(struct map *m, const struct rng *rng)
{
    m->count = 0;
    m->mask = BUCKETS_AT_FIRST - 1;
    m->buckets = calloc(BUCKETS_AT_FIRST, sizeof(*m->buckets));
    rng_fill(rng, m->key, sizeof(m->key));
    return m->buckets != NULL ? ZG_OK : ZG_ERR_MEMORY;
}

void map_clear(struct map *m)
{
    free(m->buckets);
    sodium_memzero(m, sizeof(*m));
}

uint64_t map_hash(const struct map *m, const void *key, size_t len)
{
    uint64_t hash;
    crypto_shorthash((unsigned char *)&hash, key, len, m->key);
    return hash;
}

static struct map_node *with_hash(struct map_node *node, uint64_t hash)
{
    while (node != NULL && node->hash != hash)
        node = node->next;
    return node;
}

struct map_node *map_first(const struct map *m, uint64_t hash)
{
    return with_hash(m->buckets[hash & m->mask], hash);
}

struct map_node *map_next(const struct map_node *node)
{
    return with_hash(node->next, node->hash);
}

static void put(struct map *m, struct map_node *node)
{
    struct map_node **bucket = &m->buckets[node->hash & m->mask];
    node->next = *bucket;
    *bucket = node;
}

static void grow(struct map *m)
{
    size_t old = m->mask + 1;
    struct map_node **from = m->buckets;
    struct map_node **buckets = calloc(2 * old, sizeof(struct map_node *));

    if (buckets == NULL)
        return;
    m->buckets = buckets;
    m->mask = 2 * old - 1;
    for (size_t i = 0; i < old; i++) {
        for (struct map_node *node = from[i], *next; node != NULL; node = next) {
            next = node->next;
            put(m, node);
        }
    }
    free(from);
}

void map_insert(struct map *m, struct map_node *node, uint64_t hash)
{
    if (m->count > m->mask)
        grow(m);
    node->hash = hash;
    put(m, node);
    m->count++;
}

void map_remove(struct map *m, struct map_node *node)
{
    struct map_node **at = &m->buckets[node->hash & m->mask];
    while (*at != node) {
        assert(*at != NULL);
        at = &(*at)->next;
    }
    *at = node->next;
    node->next = NULL;
    m->count--;
}
