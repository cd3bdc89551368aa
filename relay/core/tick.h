/*
 * When senders are answered (docs/protocol.md section 3). Time is cut into ticks of `settle` milliseconds.
 * What came in during tick k is answered at the end of tick k + 1; a guard before that, and one turn of the loop
 * later, what was not acknowledged is written.
 *
 * Happy path: tick_now, tick_reserve for each SEND, KNOCK and CANCEL, tick_reply when it was looked up;
 * ticks_advance submits one commit, if anything needs writing, and answers at the end. The disk is slow, or a
 * name is still being looked up: the whole tick waits, and those behind it too, so that the time of a reply
 * says nothing about one message. The commit fails, or there is no room on the disk: every SEND of the tick
 * is answered busy, acknowledged or not.
 */
#ifndef RELAY_CORE_TICK_H
#define RELAY_CORE_TICK_H

#include "relay/core/list.h"
#include "relay/core/message.h"
#include "proto/command.h"

struct call;
struct session;
struct knock;
struct tick;

struct ticks {
    struct link list; /* the oldest first */
};

enum settle_kind { SETTLE_ANSWER, SETTLE_SEND, SETTLE_KNOCK, SETTLE_CANCEL };

/* One reply that leaves on the tick. */
struct settle {
    struct session *session; /* a reference; NULL: nobody waits for it */
    uint32_t seq;
    uint32_t retry_after;
    uint8_t kind;
    uint8_t status;
    union {
        struct {
            struct message *message; /* waits for it. NULL: it was acknowledged before */
            uint64_t queue;          /* whose quota it counts against */
        } send;
        struct knock *knock;  /* KNOCK; a reference */
        struct handle handle; /* CANCEL */
    } u;
};

void ticks_init(struct ticks *ts);
void ticks_clear(struct relay *r);

/* The tick in which we are; NULL: no memory. */
struct tick *tick_now(struct relay *r);
/*
 * Room for one more reply. Replies leave in the order in which the commands came, whatever had to be looked
 * up for them: else their order would tell whose queue is in memory, that is, whether somebody reads it.
 * false: no memory.
 */
bool tick_reserve(struct tick *t, uint32_t *place);
/* The reply to the call in its place: SETTLE_ANSWER with STATUS_OK, until the caller says otherwise. */
struct settle *tick_reply(const struct call *call);
/* It cannot be settled until a name was looked up. */
void tick_hold(struct tick *t);
void tick_release(struct tick *t);

/* Does what is due; when stopping, all that can be done. */
void ticks_advance(struct relay *r);
/* mono_ms; UINT64_MAX: nothing, or only the store's answer, is waited for. */
uint64_t ticks_deadline(const struct relay *r);

#endif
