/* Queues in memory, their names that are in use, and who subscribes. */
#ifndef RELAY_CORE_EXCHANGE_H
#define RELAY_CORE_EXCHANGE_H

#include "proto/command.h"
#include "relay/core/queue.h"

/* A name by which somebody sent or knocked lately. */
struct name_entry {
    struct map_node by_name;
    struct name name;
    struct queue *queue;
    struct name_entry *next; /* of the same queue */
    uint8_t role;
};

struct exchange {
    struct map queues, names, subscriptions;
    struct link idle;  /* queues that nobody uses, the oldest first */
    struct link retry; /* queues whose load failed */
    uint64_t retry_at;
    uint64_t loading; /* bytes of envelopes that loads under way may bring */
    uint32_t idle_count;
};

ZG_MUST_CHECK zg_err exchange_init(struct exchange *x, const struct rng *rng);
void exchange_clear(struct relay *r);

/* A name in memory; NULL: ask the store. */
struct name_entry *exchange_name(const struct relay *r, const struct name *name);
/* Remembers the name; no harm if there is no memory. */
void exchange_remember(struct relay *r, const struct name *name, enum role role, struct queue *q);

/* A queue in memory; NULL: it is not. */
struct queue *exchange_queue(const struct relay *r, uint64_t id);
/* The same, or made from what the store found. NULL: no memory. Brings a desk's count up to date. */
struct queue *exchange_load(struct relay *r, const struct found *found);
/* If nobody uses the queue any more it may leave memory, but not before exchange_sweep. */
void exchange_rest(struct relay *r, struct queue *q);
/* Lets go of idle queues above the limit; `desks`: of desks too. */
void exchange_sweep(struct relay *r, bool desks);

/* The newest reader displaces the one before (section 1.1, SUBSCRIBE). NULL: no memory. Deliver afterwards.
 */
struct subscription *exchange_subscribe(struct relay *r, struct session *s, struct queue *q,
                                        const struct name *take, uint16_t window);
/* This session's subscription; NULL: there is no such. */
struct subscription *exchange_subscription(const struct relay *r, const struct session *s,
                                           const uint8_t id[WIRE_SUBSCRIPTION_BYTES]);
/* Without a word to the reader. */
void exchange_unsubscribe(struct relay *r, struct subscription *sub);

/* The store has new names for the queue: whoever is not named any more is cut off. */
void exchange_renamed(struct relay *r, uint64_t id, const struct stored_names *names);
/* The store has deleted the queue, or its time is over. */
void exchange_deleted(struct relay *r, uint64_t id);

#endif
