/*
 * The load generator: pairs of connections, a sender and a reader each, over one queue.
 *
 * Stages, one after the other; which of them a run has depends on what is asked for:
 *
 *     live    make -> senders -> readers (connect, subscribe) -> run -> settle -> check
 *     away    make -> senders -> store -> readers (connect) -> drain -> check
 *     store   make -> senders -> store
 *     drain   readers (connect) -> drain -> check
 *     idle    make -> readers (connect, subscribe) -> hold
 *     make    make
 *
 * check: each reader pings behind its last ACK; the answer says that the relay has seen them all.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <netinet/in.h>
#include <uv.h>

#include "tests/bench/cable.h"
#include "tests/bench/measure.h"
#include "tests/bench/talk.h"

enum load_kind { LOAD_LIVE, LOAD_AWAY, LOAD_STORE, LOAD_DRAIN, LOAD_IDLE, LOAD_MAKE };

enum stage { STAGE_MAKE, STAGE_SENDERS, STAGE_READERS, STAGE_RUN, STAGE_SETTLE, STAGE_DRAIN, STAGE_CHECK, STAGE_HOLD, STAGE_DONE };

enum { IN_FLIGHT_MAX = 256, POOL_BYTES = 1024 * 1024 };

struct load_options {
    enum load_kind kind;
    struct sockaddr_in to;
    uint8_t relay_pk[NOISE_KEY_BYTES];
    enum cable_mode mode;
    bool skim;
    bool made;              /* the queues of this seed are there */
    uint8_t voucher[WIRE_SECRET_BYTES];
    bool has_voucher;
    uint64_t seed;          /* of all secrets and envelopes; known to whoever knows the number */
    uint32_t pairs, in_flight, window;
    uint64_t count;         /* messages in all; 0: until the seconds are over */
    double warmup_s, seconds, hold_s;
    uint32_t limit_s;       /* the whole run ends after it, unfinished */
    int watch;              /* process id of the server, 0: none */
    const char *ledger;     /* what was confirmed of each queue; NULL: none */
};

struct load;
struct pair;

/* One end of a pair. */
struct end {
    struct cable cable; /* first: a cable is its end */
    struct load *load;
    struct pair *pair;
    bool is_sender;
    bool wants_subscribe, wants_ping;
};

struct pair {
    struct queue_rights queue;
    struct end *sender, *reader;
    uint32_t next_message; /* to be sent */
    uint32_t expected;     /* to be delivered next */
    uint32_t delivered;
    uint32_t free_count;
    uint32_t ack_count;
    uint16_t *free;        /* numbers of commands that may be used */
    uint64_t *sent_at;     /* by number of the command */
    uint32_t acks[IN_FLIGHT_MAX];
};

struct load {
    struct load_options o;
    uv_loop_t loop;
    uv_timer_t timer;
    uv_timer_t limit;
    struct yard *yard;
    struct talk talk;
    enum stage stage;
    const char *failure; /* static; NULL: none */
    struct pair *pairs;
    uint8_t *pool;

    uint32_t opened, ready; /* connections of this stage: begun, done */
    uint64_t sent, confirmed, delivered, acked;
    uint64_t misordered, damaged; /* must stay 0 */
    uint64_t before_connect, before_connect_in, hello_bytes, welcome_bytes;
    bool measuring, out_of_time;
    struct latency deliver, confirm;
    struct mark at_rest;    /* queues are made, nobody is connected */
    struct mark idle_ready; /* all are connected */
    struct mark first, last;             /* of what is measured: live, or storing */
    struct mark drain_first, drain_last;
    uint64_t drained_before; /* a second ago */
};

/* --- load.c --- */

void load_fail(struct load *l, const char *why);
/* The stage is done: on to the next. */
void load_next(struct load *l);
void load_mark_now(const struct load *l, struct mark *m);

/* --- load_make.c: desk, vouchers and queues at a relay, over one connection --- */

void make_start(struct load *l);
/* Secrets of pair i, from the seed. */
void rights_of(const struct load *l, uint32_t i, struct queue_rights *out);

/* --- load_pairs.c --- */

zg_err pairs_new(struct load *l);
void pairs_free(struct load *l);
/* Connects the ends of this stage, a few at a time; load_next when all are ready. */
void pairs_connect(struct load *l);
void pairs_subscribe(struct load *l);
void pairs_send(struct load *l);
void pairs_ping(struct load *l);
void pairs_close(struct load *l);

/* --- load_report.c --- */

/* name=value lines on stdout. Returns whether nothing was lost, damaged or out of order. */
bool report(const struct load *l);

#endif
