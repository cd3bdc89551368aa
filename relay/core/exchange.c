#include "relay/core/exchange.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "relay/core/inside.h"

zg_err exchange_init(struct exchange *x, const struct rng *rng)
{
    list_init(&x->idle);
    list_init(&x->retry);
    x->retry_at = 0;
    x->loading = 0;
    x->idle_count = 0;
    zg_err err = map_init(&x->queues, rng);
    if (err == ZG_OK)
        err = map_init(&x->names, rng);
    if (err == ZG_OK)
        err = map_init(&x->subscriptions, rng);
    return err;
}

/* --- names --- */

struct name_entry *exchange_name(const struct relay *r, const struct name *name)
{
    const struct map *map = &r->exchange.names;
    for (struct map_node *n = map_first(map, map_hash(map, name, sizeof(*name))); n != NULL;
         n = map_next(n)) {
        struct name_entry *e = LIST_ITEM(n, struct name_entry, by_name);
        if (memcmp(&e->name, name, sizeof(*name)) == 0)
            return e;
    }
    return NULL;
}

void exchange_remember(struct relay *r, const struct name *name, enum role role, struct queue *q)
{
    struct map *map = &r->exchange.names;
    if (exchange_name(r, name) != NULL)
        return;
    struct name_entry *e = malloc(sizeof(*e));
    if (e == NULL)
        return;
    e->name = *name;
    e->role = (uint8_t)role;
    e->queue = q;
    e->next = q->names;
    q->names = e;
    map_insert(map, &e->by_name, map_hash(map, name, sizeof(*name)));
}

static void forget_names(struct relay *r, struct queue *q)
{
    while (q->names != NULL) {
        struct name_entry *e = q->names;
        q->names = e->next;
        map_remove(&r->exchange.names, &e->by_name);
        sodium_memzero(e, sizeof(*e));
        free(e);
    }
}

/* --- queues --- */

struct queue *exchange_queue(const struct relay *r, uint64_t id)
{
    const struct map *map = &r->exchange.queues;
    for (struct map_node *n = map_first(map, map_hash(map, &id, sizeof(id))); n != NULL; n = map_next(n)) {
        struct queue *q = LIST_ITEM(n, struct queue, by_id);
        if (q->id == id)
            return q;
    }
    return NULL;
}

static struct queue *queue_new(const struct found *found)
{
    struct queue *q = calloc(1, sizeof(*q));
    if (q == NULL)
        return NULL;
    if (found->kind == QUEUE_DESK) {
        q->desk = calloc(1, sizeof(*q->desk));
        if (q->desk == NULL) {
            free(q);
            return NULL;
        }
        bucket_init(&q->desk->turns);
    }
    q->id = found->id;
    q->ends = found->ends;
    q->unanswered = found->unanswered;
    q->next_seq = found->next_seq;
    q->disk_from = found->first_seq;
    q->disk_end = found->stored > 0 ? found->next_seq : found->first_seq;
    list_init(&q->waiting);
    list_init(&q->flight);
    list_init(&q->idle);
    return q;
}

struct queue *exchange_load(struct relay *r, const struct found *found)
{
    struct map *map = &r->exchange.queues;
    struct queue *q = exchange_queue(r, found->id);

    if (q == NULL) {
        q = queue_new(found);
        if (q == NULL)
            return NULL;
        map_insert(map, &q->by_id, map_hash(map, &q->id, sizeof(q->id)));
        r->stats.queues_loaded++;
        exchange_rest(r, q);
    }
    if (q->desk != NULL) {
        q->desk->stored = found->stored;
        q->desk->counted = r->hours.now;
    }
    return q;
}

static bool in_use(const struct queue *q)
{
    return q->reader != NULL || q->load != NULL || !list_empty(&q->waiting) || !list_empty(&q->flight) ||
           (q->desk != NULL && q->desk->pending > 0);
}

static void wake(struct relay *r, struct queue *q)
{
    if (!q->is_idle)
        return;
    q->is_idle = false;
    list_remove(&q->idle);
    r->exchange.idle_count--;
}

void exchange_rest(struct relay *r, struct queue *q)
{
    if (q->deleted || in_use(q)) {
        wake(r, q);
    } else if (!q->is_idle) {
        q->is_idle = true;
        list_append(&r->exchange.idle, &q->idle);
        r->exchange.idle_count++;
    }
}

static void unload(struct relay *r, struct queue *q)
{
    wake(r, q);
    forget_names(r, q);
    map_remove(&r->exchange.queues, &q->by_id);
    r->stats.queues_loaded--;
    list_remove(&q->idle);
    free(q->desk);
    q->desk = NULL;
    q->deleted = true;
    if (q->load == NULL)
        free(q);
}

void exchange_sweep(struct relay *r, bool desks)
{
    struct exchange *x = &r->exchange;
    for (struct link *l = x->idle.next, *next; l != &x->idle && x->idle_count > r->limits.idle_queues;
         l = next) {
        struct queue *q = LIST_ITEM(l, struct queue, idle);
        next = l->next;
        /* A desk remembers how often it was knocked at; there are few of them. */
        if (q->desk == NULL || (desks && door_rested(r, q->desk)))
            unload(r, q);
    }
}

/* --- subscriptions --- */

static struct subscription *subscription_find(const struct relay *r, uint64_t id)
{
    struct map_node *node = map_first(&r->exchange.subscriptions, id);
    return node != NULL ? LIST_ITEM(node, struct subscription, by_id) : NULL;
}

/* Out of its queue and freed; the reader is told. */
static void cut_off(struct relay *r, struct subscription *sub, enum ended_reason reason)
{
    const struct out out = {
        .op = OP_ENDED, .status = (uint8_t)reason, .u.subscription = subscription_id(sub)};
    struct session *s = sub->session;
    exchange_unsubscribe(r, sub);
    session_push(s, &out, NULL);
}

struct subscription *exchange_subscribe(struct relay *r, struct session *s, struct queue *q,
                                        const struct name *take, uint16_t window)
{
    struct subscription *sub = calloc(1, sizeof(*sub));
    uint64_t id;

    if (sub == NULL)
        return NULL;
    if (q->reader != NULL)
        cut_off(r, q->reader, ENDED_DISPLACED);
    do
        rng_fill(&r->rng, &id, sizeof(id));
    while (subscription_find(r, id) != NULL);
    sub->session = s;
    sub->queue = q;
    sub->take = *take;
    sub->window = window;
    sub->next_id = 1;
    map_insert(&r->exchange.subscriptions, &sub->by_id, id);
    session_subscribed(s, sub);
    q->reader = sub;
    r->stats.subscriptions++;
    exchange_rest(r, q);
    return sub;
}

struct subscription *exchange_subscription(const struct relay *r, const struct session *s,
                                           const uint8_t id[WIRE_SUBSCRIPTION_BYTES])
{
    uint64_t number;
    memcpy(&number, id, sizeof(number));
    struct subscription *sub = subscription_find(r, number);
    return sub != NULL && sub->session == s ? sub : NULL;
}

void exchange_unsubscribe(struct relay *r, struct subscription *sub)
{
    struct queue *q = sub->queue;

    queue_part(r, q);
    session_unsubscribed(sub);
    map_remove(&r->exchange.subscriptions, &sub->by_id);
    r->stats.subscriptions--;
    sodium_memzero(sub, sizeof(*sub));
    free(sub);
}

/* --- what the store changed --- */

static bool takes(const struct stored_names *names, const struct name *take)
{
    for (size_t i = 0; i < names->takes; i++)
        if (memcmp(&names->take[i], take, sizeof(*take)) == 0)
            return true;
    return false;
}

void exchange_renamed(struct relay *r, uint64_t id, const struct stored_names *names)
{
    struct queue *q = exchange_queue(r, id);
    if (q == NULL)
        return;
    forget_names(r, q);
    if (q->reader != NULL && !takes(names, &q->reader->take))
        cut_off(r, q->reader, ENDED_NOT_SERVED);
}

static void withdraw_all(struct relay *r, struct link *list)
{
    while (!list_empty(list)) {
        struct message *m = LIST_ITEM(list->next, struct message, place);
        queue_withdraw(r, m, false);
    }
}

void exchange_deleted(struct relay *r, uint64_t id)
{
    struct queue *q = exchange_queue(r, id);
    if (q == NULL)
        return;
    if (q->reader != NULL)
        cut_off(r, q->reader, ENDED_NOT_SERVED);
    withdraw_all(r, &q->waiting);
    assert(list_empty(&q->flight));
    unload(r, q);
}

void exchange_clear(struct relay *r)
{
    struct exchange *x = &r->exchange;
    for (size_t i = 0; x->queues.buckets != NULL && i <= x->queues.mask; i++) {
        while (x->queues.buckets[i] != NULL) {
            struct queue *q = LIST_ITEM(x->queues.buckets[i], struct queue, by_id);
            assert(q->reader == NULL && q->load == NULL);
            unload(r, q);
        }
    }
    map_clear(&x->queues);
    map_clear(&x->names);
    map_clear(&x->subscriptions);
}
