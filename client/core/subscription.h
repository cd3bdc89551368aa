/*
 * Reading one queue: SUBSCRIBE, what is delivered, and the acknowledgements, which go out only when what was received is safe in the
 * vault (docs/protocol.md section 3).
 */
#ifndef CLIENT_SUBSCRIPTION_H
#define CLIENT_SUBSCRIPTION_H

#include "client/core/connection.h"
#include "client/core/journal.h"
#include "client/core/receipts.h"
#include "proto/secret.h"

struct pending_ack {
    uint64_t stamp;
    uint32_t id;
    struct receipt receipt;
};

struct subscription {
    struct call call;
    struct listener listener;
    uint32_t serial; /* which subscription this is: one more each time */
    bool displaced; /* section 1.1: does not come back by itself */
    uint32_t unanswered;      /* SUBSCRIBE of connections that broke; the relay may still come to them, */
    uint64_t unanswered_until; /* mono: until then */
    uint64_t retry_ms;         /* mono: the relay was busy */
    struct pending_ack *acks;
    size_t ack_count;
    size_t ack_cap;
    struct receipts *receipts; /* of what was acknowledged; may be NULL */
    /* owner's: */
    void (*deliver)(void *owner, uint32_t id, const uint8_t *envelope);
    void (*withdraw)(void *owner, uint32_t id);
    void (*ended)(void *owner); /* the queue is gone: ENDED 2, or refused */
    void (*displaced_by)(void *owner);
    void *owner;
};

/* Asks, unless it is on, asked already, displaced, or there is no room. */
void subscription_work(struct subscription *s, struct connection *c, const struct secret *take, uint32_t window,
                       const struct journal *journal);
bool subscription_on(const struct subscription *s);
/* mono_ms at which to work again; UINT64_MAX: no need. */
uint64_t subscription_deadline(const struct subscription *s, uint64_t mono_ms);
/* Room to acknowledge one more delivery; false: no memory. */
bool subscription_reserve(struct subscription *s);
/* Acknowledges when stamp is settled. Room was reserved. receipt may be NULL if nobody keeps receipts. */
void subscription_ack(struct subscription *s, uint32_t id, uint64_t stamp, const struct receipt *receipt);
/* Nobody reads any more; what is pending is forgotten. */
void subscription_stop(struct subscription *s);
void subscription_clear(struct subscription *s);

#endif
