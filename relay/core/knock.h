/*
 * Knocks between their arrival and their commit, cookies that are spent, and how many solutions are looked at
 * (docs/protocol.md sections 1.1 and 9).
 */
#ifndef RELAY_CORE_KNOCK_H
#define RELAY_CORE_KNOCK_H

#include <stdbool.h>

#include "proto/command.h"
#include "relay/core/bucket.h"
#include "relay/core/list.h"
#include "relay/core/map.h"
#include "relay/core/message.h"

struct commit;
struct desk;
struct knock;

struct door {
    struct map knocks; /* by the new put name, until they are decided */
    struct map spent;  /* cookies */
    struct link spent_order;
    uint64_t looks_until_us; /* mono: until then they are promised to those who wait */
    struct bucket looks;     /* that were not used; full: those they were promised to did not come */
    uint32_t look_turn;      /* of the last one */
};

/*
 * Of one connection: when its solution will be looked at. Looks are few, so they are given out in the order
 * in which people asked, each connection one at a time, and not to those who ask most often. A wrong solution
 * costs the relay far more than the liar, and nobody sends one by mistake: no other of theirs is looked at.
 */
struct looks {
    uint64_t due_us; /* mono; 0: it has not asked; LOOKS_OVER: it lied */
};
#define LOOKS_OVER UINT64_MAX

ZG_MUST_CHECK zg_err door_init(struct door *d, const struct rng *rng);
void door_clear(struct relay *r);

/*
 * The desk's put name, and the effort that would be asked now. ZG_ERR_REFUSED: cookie or solution is wrong,
 * or much too little was asked; ZG_ERR_BUSY: after so many seconds. Spends the cookie.
 */
ZG_MUST_CHECK zg_err door_check(struct relay *r, const struct name *desk_put, const struct command *knock,
                                uint8_t asked, struct looks *looks, uint32_t *retry_after);
/* The knock with this cookie is stored: the cookie is good for nothing any more. */
void door_accepted(struct relay *r, const uint8_t cookie[WIRE_COOKIE_BYTES]);
void door_cookie(struct relay *r, const struct name *desk_put, uint8_t effort,
                 uint8_t out[WIRE_COOKIE_BYTES]);
void door_forget_cookies(struct relay *r);

/*
 * Whether this desk takes a knock now: it takes so many a minute, whatever work they cost, so that one that
 * is flooded leaves room and time to others. Counts it.
 */
bool door_takes(const struct relay *r, struct desk *d);
/* Seconds after which it makes sense to try again. */
uint32_t door_wait(const struct relay *r, const struct desk *d);
/* Nothing of it has to be remembered. */
bool door_rested(const struct relay *r, const struct desk *d);

/* A knock that is on its way with the same put name; NULL: none. */
struct knock *knock_find(const struct relay *r, const struct name *put);
bool knock_is_same(const struct knock *k, const struct stored_names *names);
/* m (HELD, for the desk) is taken. One reference. NULL: no memory; nothing is taken. */
struct knock *knock_new(struct relay *r, const struct command *c, const struct stored_names *names,
                        struct message *m);
struct knock *knock_ref(struct knock *k);
void knock_unref(struct relay *r, struct knock *k);

/* For the tick: */
bool knock_needs_write(const struct knock *k);
void knock_write(struct relay *r, struct knock *k, struct commit *c);
/* The commit is done. */
enum status knock_decide(struct relay *r, struct knock *k, bool failed);

#endif
