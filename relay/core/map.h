/*
 * A hash map whose nodes stand inside of what it holds. Keyed with SipHash, because strangers choose names;
 * what is random already needs none.
 * Only map_init can fail: a map that cannot grow gets longer chains.
 */
#ifndef RELAY_CORE_MAP_H
#define RELAY_CORE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include <zaguan/err.h>

#include "proto/rng.h"

struct map_node {
    struct map_node *next;
    uint64_t hash;
};

struct map {
    struct map_node **buckets;
    size_t mask;
    size_t count;
    uint8_t key[16];
};

/* ZG_ERR_MEMORY leaves *m empty; map_clear is allowed then. */
ZG_MUST_CHECK zg_err map_init(struct map *m, const struct rng *rng);
/* The nodes are their owners'. */
void map_clear(struct map *m);

uint64_t map_hash(const struct map *m, const void *key, size_t len);
/* The nodes with this hash, one after the other; NULL: no more. The caller compares the keys. */
struct map_node *map_first(const struct map *m, uint64_t hash);
struct map_node *map_next(const struct map_node *node);

void map_insert(struct map *m, struct map_node *node, uint64_t hash);
/* node is in m. */
void map_remove(struct map *m, struct map_node *node);

#endif
