/*
 * A relay's core, its store, and three strangers who say anything in any order; beside it, what a client may
 * expect of all that (docs/protocol.md sections 1 to 4). Whatever breaks it ends the program.
 *
 * world.c: time, connections, bytes. said.c: what strangers ask. heard.c: what the relay answers. counts.c:
 * what the relay counts. end.c: everybody gets what is owed.
 */
#ifndef TESTS_FUZZ_SEQUENCE_WORLD_H
#define TESTS_FUZZ_SEQUENCE_WORLD_H

#include <stdio.h>
#include <stdlib.h>

#include "proto/record.h"
#include "relay/core/inside.h"
#include "tests/support/relay_peer.h"
#include "tests/support/support.h"
#include "tests/support/test_store.h"

enum {
    PEOPLE = 3,
    DESKS = 2, /* the first of the things */
    THINGS = 6,
    DRESSES = 2, /* sets of names that one thing may have, one after the other */
    SLOTS = 2,
    NOTES_MAX = 512,
    ASKED_MAX = 128,
    SUBS_MAX = 32,
    HELD_MAX = 64,
    SENDS_A_DAY = 12,
    SETTLE_MS = 250,
    SECOND_MS = 1000,
    HOUR_MS = 3600 * 1000,
    WIRE_MAX = 2 * (WIRE_RECORD_HEADER_BYTES + WIRE_RECORD_CIPHER_MAX),
};

/* A queue. All its dresses share the end name, so two of them never are two queues. */
struct thing {
    uint64_t deleted, made;        /* w->serial when a command that does so was given last; 0: never */
    uint32_t day, given, accepted; /* SENDs of this day */
    bool gone;                     /* deleted, and nothing may have made it anew */
    bool muddled;                  /* so that its quota is not known today */
};

struct a_slot {
    uint64_t made, dead; /* serial: CREATE given; DELETE answered, and nothing may have made it anew. 0: no */
    uint64_t version;    /* the last one seen */
};

/* A handle, and the envelope that goes with it. */
struct note {
    uint8_t thing;
    bool knock;
    bool clean;              /* nothing that ends its queue was under way when it was sent first */
    bool released;           /* somebody acknowledged, cancelled or erased it, so it may be gone */
    bool owed;               /* accepted */
    bool dead;               /* cancelled or erased, and answered so: it must not be delivered any more */
    bool seen;               /* delivered at the end */
    uint32_t under_way;      /* SENDs and KNOCKs without an answer */
    uint64_t given, settled; /* serial of the last one; of the last answer to one */
    uint32_t until, over;    /* hours: accepted at least so long; gone with the latter */
};

/* A command whose reply is outstanding. */
struct asked {
    uint32_t seq;
    enum op op;
    bool on_tick, wrong; /* wrong: of a secret that does not fit, so it cannot be answered ok */
    bool promises;       /* an ok means that its message was taken, or that the thing is not there any more */
    uint8_t thing;       /* or slot */
    uint8_t ttl, value;
    struct note *note;
    uint64_t serial, version;
    uint32_t hour;
    uint32_t count; /* handles, pieces */
    uint32_t size;
    uint8_t subscription[WIRE_SUBSCRIPTION_BYTES];
};

struct sub {
    bool live, claimed;
    uint8_t id[WIRE_SUBSCRIPTION_BYTES];
    uint8_t thing;
    uint32_t last; /* message id */
    uint32_t held; /* delivered and not acknowledged, the newest of them: */
    struct {
        uint32_t id;
        struct note *note;
    } hand[HELD_MAX];
};

struct person {
    struct peer peer;
    bool late; /* hears what was said a while ago */
    struct asked asked[ASKED_MAX];
    size_t asked_count;
    struct sub subs[SUBS_MAX];
    struct record_writer record;
    bool gathering; /* commands are in it */
    size_t wire_len;
    uint8_t *plain, *wire; /* WIRE_RECORD_PLAIN_MAX, WIRE_MAX */
};

struct world {
    struct engine *engine;
    struct test_store store;
    struct relay *relay;
    struct now now;
    struct rng_seed seed;
    struct rng rng;
    uint8_t sk[32], pk[32];
    bool hold;       /* jobs wait in the store */
    uint64_t serial; /* one more with each command, and each answer to a SEND */
    uint64_t quiet;  /* serial when nothing was under way anywhere */
    struct thing things[THINGS];
    struct a_slot slots[SLOTS];
    struct note notes[NOTES_MAX];
    size_t note_count;
    uint8_t cookies[DESKS][WIRE_COOKIE_BYTES];
    struct person people[PEOPLE];
};

/* Says what does not hold, and where. */
#define must(ok) \
    do \
        if (!(ok)) { \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #ok); \
            abort(); \
        } \
    while (0)

/* The bytes that decide; zeros behind their end. */
struct script {
    const uint8_t *at;
    size_t left;
};

static inline uint8_t next(struct script *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->at++;
}

/* --- world.c --- */

/* With ZG_FUZZ_TRACE in the environment: what happens, a line each. */
void world_trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

void world_open(struct world *w);
void world_close(struct world *w);
void world_turn(struct world *w); /* until there is nothing more to be done now */
void world_pass(struct world *w, uint64_t ms);
/* The relay's program ends, with what its store has to do done or not, and starts again. */
void world_restart(struct world *w, bool done);
uint32_t world_hour(const struct world *w);

/* hello: with a handshake, whose bytes wait; else keys are agreed already. */
void person_connect(struct world *w, struct person *p, bool hello);
void person_leave(struct world *w, struct person *p);
/* The record that gathers goes to the bytes that wait. */
void person_seal(struct person *p);
/* So many of the bytes that wait go to the relay. */
void person_give(struct world *w, struct person *p, size_t len);

/* --- said.c --- */

/* One command of this kind; false: it cannot be said now. */
bool say(struct world *w, struct person *p, enum op op, struct script *in);
/* SUBSCRIBE to a thing, ACK of everything that was delivered: what the end needs. */
void say_subscribe(struct world *w, struct person *p, uint8_t thing, uint8_t dress, uint32_t window);
void say_ack(struct world *w, struct person *p, struct sub *sub, uint32_t count);

/* --- heard.c --- */

void hear_all(struct world *w, struct person *p);
/* The connection is over: nothing of what was asked will be answered. */
void hear_no_more(struct world *w, struct person *p);

/* --- counts.c --- */

void counts_check(struct world *w);

/* --- end.c --- */

void end_check(struct world *w);

#endif
