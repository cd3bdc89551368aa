/* Inside of the bare server: its queues, who sends to them and who reads. */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include <uv.h>

#include "tests/bench/bare_store.h"
#include "tests/bench/cable.h"

enum { QUEUES_MAX = 1 << 20 };

/* Commands to be confirmed. */
struct tags {
    uint32_t *at;
    size_t count, cap;
};

struct peer {
    struct cable cable; /* first */
    struct bare *bare;
    struct peer *next_unsettled;
    struct bare_queue *ready; /* queues with something to deliver */
    struct tags now;          /* may be confirmed */
    struct tags tick, before; /* came in this tick, and in the one before */
    bool is_unsettled, is_gone;
    uint32_t borrowed; /* by batches */
};

struct bare_queue {
    uint32_t number;
    struct peer *reader;
    struct bare_queue *next_ready;
    bool is_ready, is_loading;
    uint32_t window, in_flight_count;
    struct bare_message *waiting, **waiting_end;
    struct bare_message *in_flight, **in_flight_end; /* delivered, not acknowledged; oldest first */
    uint32_t next_id;
    uint32_t stored_from, stored_to; /* on disk and not loaded: [from, to) */
};

/* Who waits for the batch. */
struct waiter {
    struct peer *peer;
    uint32_t tag;
};

struct work {
    struct bare_batch batch;
    struct waiter *waiters;
    size_t count, cap;
};

struct bare {
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_timer_t ticker;
    uv_signal_t stop[2];
    uv_prepare_t submitter;
    uv_work_t request;
    struct yard yard;
    struct bare_queue *queues[QUEUES_MAX];
    struct peer *unsettled;
    uint64_t settle_ms;
    struct bare_store *store;
    struct work gathering, running;
    bool is_working;
};

/* --- bare_queue.c --- */

/* p, or the end of the program if it is NULL. */
void *bare_need(void *p);
/* A command is answered in this turn. */
void peer_confirm(struct peer *p, uint32_t tag);
/* The end of a tick. */
void bare_tick(struct bare *b);
/* The queue has something for its reader, perhaps. */
void queue_ready(struct bare_queue *q);
void queue_append(struct bare_queue *q, struct bare_message *m);
/* Of a peer's cable. */
void bare_fill(struct cable *c, struct record_writer *r);
bool bare_heard(struct cable *c, struct span unit);

#endif
