/*
 * Conversations beside a flood, on one relay. flood.c has the phases and the verdict, flood_talk.c the
 * conversations, flood_make.c their queues, flood_crowd.c many from one address, flood_strangers.c the
 * strangers and flood_honest.c people who knock and mean it, who are processes of their own, flood_cores.c
 * who runs where.
 */
#ifndef TESTS_FLOOD_H
#define TESTS_FLOOD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "tests/bench/cable.h"
#include "tests/bench/measure.h"
#include "tests/bench/talk.h"
#include "tests/integration/flood_side.h"
#include "tests/integration/relay_process.h"

enum { CONVERSATIONS_MAX = 64, MESSAGES_MAX = 2048, CROWD = 300 };

struct conversation;

/* One connection of a conversation. A new one for each try, so that a cable is never used twice. */
struct end {
    struct cable cable; /* first: a cable is its end */
    struct conversation *conversation;
    bool is_sender, ready, subscribes;
};

struct message_state {
    uint64_t due_ns;
    bool confirmed, again; /* again: to be said anew */
    uint16_t reader;       /* which reader's connection it came on last, counted from 1 */
};

struct conversation {
    struct talks *talks;
    struct queue_rights rights;
    struct sockaddr_in from;
    struct end *end[2];        /* reader, sender; NULL: not connected */
    uint64_t retry_ns[2];      /* when to try again */
    uint64_t bound_ms[2];      /* of the random time until then, docs/protocol.md section 3 */
    bool is_dropped;           /* now and then, and not measured */
    bool is_slow;              /* its reader stops reading */
    uint64_t dropped_ns;       /* and is not back yet; 0: it is */
    uint32_t back_from;        /* the first message that was due after that */
    uint16_t readers;          /* connections of its reader so far */
    uint64_t next_ns;          /* when the next message is due */
    uint32_t due, said, heard; /* messages, in their order */
    uint32_t ack_count;
    uint32_t acks[WIRE_WINDOW_MAX];
    struct message_state message[MESSAGES_MAX];
};

struct talks {
    uv_loop_t *loop;
    struct yard *yard;
    struct talk talk;
    struct sockaddr_in to;
    struct conversation *at;
    uint32_t count, ready;
    bool talking;
    bool loses;              /* planted: a message that is not said */
    bool stays_away;         /* planted: who is dropped does not come back */
    struct latency *latency; /* of what is measured now; NULL: nothing */
    uint32_t busy, tries, drops;
    uint64_t longest_away_ns;
};

/* --- flood_make.c: over one connection, before anything else --- */

/* A desk and `count` queues; rights are filled in. */
void flood_make(const struct relay_process *relay, struct talks *talks, uint32_t count);

/* --- flood_talk.c --- */

/* What is due now: connections, messages. Again and again from a timer. */
void talks_tick(struct talks *t, uint64_t now);
/* A conversation that may be dropped loses both connections. */
void talks_drop_one(struct talks *t, uint64_t now);
/* All said, confirmed and heard? Of slow readers, that it was confirmed. */
bool talks_done(const struct talks *t);
void talks_close(struct talks *t);
/* Both loops: what lies between them is a stranger's or somebody's own address. */
struct sockaddr_in address_of(uint32_t host, uint16_t port);

/* --- flood_crowd.c --- */

/* How many of CROWD connections from one address the relay leaves open. */
uint32_t flood_crowd(uint16_t port, uint32_t host);

/* --- flood_strangers.c --- */

int strangers_main(int argc, char **argv);

#endif
