/*
 * The load generator for other brokers. The same work as bench_load's: pairs of a sender and a reader with a queue each, K messages
 * unconfirmed for each sender; every message is confirmed to the sender, delivered, acknowledged, and deleted by the broker.
 *
 * Each protocol is spoken here, in the few commands that this needs, and not by a client library: so one thread, one way to wait and
 * one way to measure serve all of them, and none is slower because its library is.
 *
 *     peers    options, stages, report
 *     pairs    messages: what is sent, confirmed, delivered; which must come next
 *     link     bytes
 *     redis, mqtt, nats    a struct backend each
 */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include "tests/bench/measure.h"
#include "tests/bench/peers/link.h"

enum { IN_FLIGHT_MAX = 256, WINDOW = 32, POOL_BYTES = 1024 * 1024, SIZE_MAX_BYTES = 64 * 1024, PLACE_BYTES = 48 };

struct peers;
struct pair;
struct end;

/* What differs between brokers. Each answer ends in one of the functions of pairs below. */
struct backend {
    const char *name;
    /* Keeps messages only for readers who were there once. */
    bool knows_readers;
    /* The first words of a connection; then pairs_ready. */
    void (*greet)(struct end *e);
    /* A reader takes messages from now on; then pairs_ready. */
    void (*subscribe)(struct end *e);
    void (*send)(struct end *e, uint32_t slot, const uint8_t *b, size_t len);
    /* A question behind the last acknowledgement, answered by pairs_acked; NULL if each acknowledgement is answered. */
    void (*ask)(struct end *e);
    long (*heard)(struct end *e, const uint8_t *b, size_t len);
};

extern const struct backend redis_backend, mqtt_backend, nats_backend;

struct end {
    struct link link; /* first: a link is its end */
    struct peers *all;
    struct pair *pair;
    bool is_sender, open;
    char place[PLACE_BYTES]; /* the backend's: where a reader is in its queue */
};

struct pair {
    struct end sender, reader;
    uint32_t number;
    uint32_t next_message; /* to be sent */
    uint32_t confirmed;    /* so many, in the order in which they were sent */
    uint32_t expected;     /* to be delivered next */
    uint32_t delivered;
    uint64_t *sent_at;     /* by slot: number of the message modulo what may be in flight; 0: free */
};

enum kind { KIND_LIVE, KIND_AWAY, KIND_STORE, KIND_DRAIN, KIND_IDLE };

struct options {
    const struct backend *backend;
    enum kind kind;
    struct sockaddr_in to;
    uint32_t pairs, in_flight, size;
    uint64_t count; /* messages in all; 0: until the seconds are over */
    double seconds, warmup_s, hold_s, limit_s, quiet_s;
    int watch;          /* process id of the server, 0: none */
    const char *ledger; /* what was confirmed of each queue */
};

struct peers {
    struct options o;
    struct links links;
    struct pair *pairs;
    uint8_t *pool;
    uint64_t end_ns; /* of the whole run */
    bool sending, measuring, asking;
    const char *failure; /* static; NULL: none */
    uint32_t ready;
    uint64_t sent, confirmed, delivered, acked, last_delivery_ns;
    uint64_t misordered, damaged; /* must stay 0 */
    struct latency deliver, confirm;
    struct mark at_rest, held; /* of idle connections */
    struct mark first, last, drain_first, drain_last;
};

/* --- pairs.c: the happy path --- */

bool pairs_new(struct peers *p);
void pairs_free(struct peers *p);
bool pairs_open(struct peers *p, bool senders);
void pairs_close(struct peers *p, bool senders);
/* As many as may be in flight. */
void pairs_send(struct end *e);
uint64_t now_ns(void);

/* --- pairs.c: for backends --- */

void peers_fail(struct peers *p, const char *why);
void pairs_ready(struct end *e);
/* The message in this slot; or the oldest one. */
bool pairs_confirmed(struct end *e, uint32_t slot);
bool pairs_confirmed_next(struct end *e);
void pairs_delivered(struct end *e, const uint8_t *b, size_t len);
void pairs_acked(struct end *e, uint64_t count);

#endif
