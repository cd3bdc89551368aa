/*
 * A queue in memory: what waits, what is in flight, who reads.
 *
 * Happy path: queue_add, queue_deliver hands the message to the reader's session, an ACK ends it.
 * No reader, or his window is full: when it is written, queue_written leaves it to the disk. disk_from and
 * disk_end say where rows may lie that are not in memory; queue_deliver loads them before anything that comes
 * behind them. The reader goes: queue_part puts back what he had not acknowledged, written messages to the
 * disk. A load fails: tried again a little later.
 */
#ifndef RELAY_CORE_QUEUE_H
#define RELAY_CORE_QUEUE_H

#include "relay/core/bucket.h"
#include "relay/core/message.h"
#include "relay/core/store.h"

struct session;
struct name_entry;

/* One reader of a queue. */
struct subscription {
    struct link place;     /* in its session's list; those that wait for room in the outbox stand first */
    struct map_node by_id; /* the id is random: it is its own hash, and stands only there */
    struct session *session;
    struct queue *queue;
    struct name take;
    uint32_t next_id;
    uint16_t window;
    bool starving;
};

static inline uint64_t subscription_id(const struct subscription *sub)
{
    return sub->by_id.hash;
}

/* What only a desk needs. */
struct desk {
    uint32_t stored; /* on disk, as counted in hour `counted` and since then */
    uint32_t counted;
    uint32_t pending;               /* knocks and messages that are not written yet */
    uint32_t knocks, knocks_before; /* in this minute, and in the one before it */
    uint64_t minute;
    struct bucket turns; /* for knocks, see door_takes */
};

struct queue {
    struct map_node by_id;
    uint64_t id;
    struct link waiting;         /* by seq */
    struct link flight;          /* by message id */
    struct link idle;            /* among the idle; or, with a reader, among those that wait to load again */
    struct subscription *reader; /* NULL: none. A desk has one in this version. */
    struct name_entry *names;    /* that stand for it in memory */
    struct desk *desk;           /* NULL: a conversation queue */
    struct load *load;           /* in flight; NULL: none */
    uint32_t in_flight;
    uint32_t next_seq;
    uint32_t disk_from, disk_end; /* rows not in memory lie in [from, end) only; equal: there are none */
    uint64_t touch_at;            /* mono_ms: no sooner */
    uint32_t ends;                /* the week with which it is gone unless it is used, as the store has it */
    bool unanswered;              /* so does this: nobody has sent to it yet */
    bool answered;                /* somebody has */
    bool is_idle;
    bool deleted; /* freed when its load is back */
};

/* Takes a message that is HELD. */
void queue_add(struct relay *r, struct queue *q, struct message *m);
/* Hands out what can be handed out. */
void queue_deliver(struct relay *r, struct queue *q);
/* A row on disk is it now: if it still waits it is left to the disk. */
void queue_written(struct relay *r, struct message *m);
/* The message was encoded for its reader. */
void queue_sent(struct relay *r, struct message *m);
/* Out of its queue: acknowledged. */
void queue_acked(struct relay *r, struct message *m);
/* Out of its queue, whoever has it: cancelled, expired or deleted. A reader that has it gets WITHDRAW. */
void queue_withdraw(struct relay *r, struct message *m, bool drop_row);
/* In flight to waiting, or to the disk; it will be delivered again. */
void queue_return(struct relay *r, struct message *m);
/* The reader is gone. */
void queue_part(struct relay *r, struct queue *q);
/* Delivers again what waits for a load that failed. */
void queues_retry(struct relay *r);

#endif
