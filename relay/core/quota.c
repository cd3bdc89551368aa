#include "relay/core/quota.h"

#include <stddef.h>
#include <stdlib.h>

#include "relay/core/list.h"

struct count {
    struct map_node node;
    uint64_t key;
    uint32_t used;
};

enum { HOURS_A_DAY = 24 };

zg_err quota_init(struct quota *q, const struct rng *rng, uint32_t room)
{
    q->day = 0;
    q->room = room;
    return map_init(&q->counts, rng);
}

static void forget(struct quota *q)
{
    for (size_t i = 0; q->counts.buckets != NULL && i <= q->counts.mask; i++) {
        for (struct map_node *node = q->counts.buckets[i], *next; node != NULL; node = next) {
            next = node->next;
            free(LIST_ITEM(node, struct count, node));
        }
        q->counts.buckets[i] = NULL;
    }
    q->counts.count = 0;
}

void quota_clear(struct quota *q)
{
    forget(q);
    map_clear(&q->counts);
}

static struct count *find(const struct quota *q, uint64_t key, uint64_t hash)
{
    for (struct map_node *n = map_first(&q->counts, hash); n != NULL; n = map_next(n)) {
        struct count *c = LIST_ITEM(n, struct count, node);
        if (c->key == key)
            return c;
    }
    return NULL;
}

static uint64_t key_of(enum quota_kind kind, uint64_t id)
{
    return id << 2 | (uint64_t)kind;
}

zg_err quota_take(struct quota *q, enum quota_kind kind, uint64_t id, uint32_t n, uint32_t limit,
                  uint32_t hour)
{
    uint64_t key = key_of(kind, id);
    uint64_t hash = map_hash(&q->counts, &key, sizeof(key));

    if (hour / HOURS_A_DAY != q->day) {
        forget(q);
        q->day = hour / HOURS_A_DAY;
    }
    struct count *c = find(q, key, hash);
    if (c == NULL) {
        if (q->counts.count >= q->room)
            return ZG_ERR_BUSY;
        c = calloc(1, sizeof(*c));
        if (c == NULL)
            return ZG_ERR_BUSY;
        c->key = key;
        map_insert(&q->counts, &c->node, hash);
    }
    if (n > limit || c->used > limit - n)
        return ZG_ERR_FULL;
    c->used += n;
    return ZG_OK;
}

void quota_give_back(struct quota *q, enum quota_kind kind, uint64_t id, uint32_t n)
{
    uint64_t key = key_of(kind, id);
    struct count *c = find(q, key, map_hash(&q->counts, &key, sizeof(key)));
    if (c != NULL) /* else a new day has begun */
        c->used -= n < c->used ? n : c->used;
}
