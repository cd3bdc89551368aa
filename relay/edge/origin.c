#define _GNU_SOURCE
#include "relay/edge/origin.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "relay/core/bucket.h"
#include "relay/core/list.h"
#include "relay/core/map.h"
#include "relay/edge/log.h"

enum {
    BURST_SECONDS = 10, /* what was not used of so many may come at once */
    QUIET_MAX = 65536,  /* remembered without a connection; then the oldest are forgotten */
    V6_COUNTED_BYTES = 8,
};

/* Known by its hash only. Two addresses with the same one share what they may, which hardly happens. */
struct origin {
    struct map_node node;
    struct link quiet; /* in the list of those without a connection */
    struct bucket connects;
    uint32_t connections;
};

struct origins {
    struct map map;
    struct link quiet; /* the longest first */
    size_t quiet_count;
    uint32_t most;
    struct rate rate;
    const struct shared_addresses *shared;
    bool warned;
};

zg_err origins_new(struct origins **out, const struct limits *limits, const struct shared_addresses *shared,
                   const struct rng *rng)
{
    struct origins *o = calloc(1, sizeof(*o));
    if (o == NULL)
        return ZG_ERR_MEMORY;
    if (map_init(&o->map, rng) != ZG_OK) {
        free(o);
        return ZG_ERR_MEMORY;
    }
    list_init(&o->quiet);
    o->most = limits->connections_of_address;
    o->rate = (struct rate){limits->connects_of_address_a_second,
                            BURST_SECONDS * limits->connects_of_address_a_second};
    o->shared = shared;
    *out = o;
    return ZG_OK;
}

static void forget(struct origins *o, struct origin *origin)
{
    list_remove(&origin->quiet);
    o->quiet_count--;
    map_remove(&o->map, &origin->node);
    free(origin);
}

void origins_forget(struct origins *o, uint64_t now_ms)
{
    while (!list_empty(&o->quiet)) {
        struct origin *first = LIST_ITEM(o->quiet.next, struct origin, quiet);
        if (o->quiet_count <= QUIET_MAX && !bucket_full(&first->connects, o->rate, now_ms))
            return;
        forget(o, first);
    }
}

void origins_free(struct origins *o)
{
    if (o == NULL)
        return;
    while (!list_empty(&o->quiet))
        forget(o, LIST_ITEM(o->quiet.next, struct origin, quiet));
    assert(o->map.count == 0);
    map_clear(&o->map);
    free(o);
}

size_t origins_count(const struct origins *o)
{
    return o->map.count;
}

static bool find(struct origins *o, const struct sockaddr *from, struct origin **out)
{
    const struct sockaddr_in *v4 = (const void *)from;
    const struct sockaddr_in6 *v6 = (const void *)from;
    bool is_v6 = from->sa_family == AF_INET6;
    uint64_t hash = is_v6 ? map_hash(&o->map, &v6->sin6_addr, V6_COUNTED_BYTES)
                          : map_hash(&o->map, &v4->sin_addr, sizeof(v4->sin_addr));
    struct map_node *node = map_first(&o->map, hash);

    if (node != NULL) {
        *out = LIST_ITEM(node, struct origin, node);
        return true;
    }
    struct origin *origin = calloc(1, sizeof(*origin));
    if (origin == NULL)
        return false;
    list_init(&origin->quiet);
    bucket_init(&origin->connects);
    map_insert(&o->map, &origin->node, hash);
    list_append(&o->quiet, &origin->quiet);
    o->quiet_count++;
    *out = origin;
    return true;
}

/* Once: it may be a proxy that nobody listed, and then people are kept out. */
static void warn(struct origins *o)
{
    if (o->warned)
        return;
    o->warned = true;
    log_line(LOG_WARNING,
             "one address makes more connections than it may; if a proxy or Tor is there, list it "
             "under shared in relay.conf");
}

bool origin_enter(struct origins *o, const struct sockaddr *from, uint64_t now_ms, struct origin **out)
{
    struct origin *origin;

    *out = NULL;
    if (shared_has(o->shared, from))
        return true;
    if (!find(o, from, &origin))
        return false;
    if (origin->connections >= o->most || !bucket_take(&origin->connects, o->rate, now_ms)) {
        warn(o);
        return false;
    }
    if (origin->connections++ == 0) {
        list_remove(&origin->quiet);
        o->quiet_count--;
    }
    *out = origin;
    return true;
}

void origin_leave(struct origins *o, struct origin *origin)
{
    if (origin == NULL)
        return;
    assert(origin->connections > 0);
    if (--origin->connections > 0)
        return;
    list_append(&o->quiet, &origin->quiet);
    o->quiet_count++;
}
