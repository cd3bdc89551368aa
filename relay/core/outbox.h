/*
 * What a session has to say, in order, before it is encoded. 16 bytes an item, in a ring that exists only
 * while it holds something. Envelopes are not copied: an item points to its message.
 */
#ifndef RELAY_CORE_OUTBOX_H
#define RELAY_CORE_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/bytes.h"
#include "proto/command.h"

struct message;

/* The value of a slot on its way to a reader. */
struct reading {
    uint64_t version;
    uint32_t size;
    uint32_t piece; /* to be said next */
    uint8_t *value; /* owned */
    uint64_t *held; /* where its bytes are counted; NULL: nowhere */
};

struct out_cookie {
    uint8_t cookie[WIRE_COOKIE_BYTES];
    uint8_t effort;
};

/* The reply to a STATUS. */
struct out_states {
    uint32_t count;
    uint8_t fates[WIRE_STATUS_HANDLES_MAX];
};

struct out {
    uint8_t op;     /* 0: taken back */
    uint8_t status; /* REPLY; ENDED: the reason */
    uint32_t seq;   /* DELIVER, WITHDRAW: message id */
    union {
        uint64_t retry_after;
        uint64_t subscription;
        struct message *message;   /* DELIVER; borrowed: it takes itself back when it goes */
        struct reading *reading;   /* SLOT_VALUE; owned */
        struct out_cookie *cookie; /* owned */
        struct out_states *states; /* owned */
    } u;
};

struct outbox {
    struct out *ring;
    uint32_t head;
    uint32_t count;
    uint32_t cap;    /* a power of two, or 0 */
    uint32_t passed; /* items that left: the number of the one at the head */
};

/* false: no memory; what out owns stays the caller's. *number is for outbox_take_back; may be NULL. */
bool outbox_push(struct outbox *o, const struct out *out, uint32_t *number);
/* The item at the head; NULL: none. Items that were taken back are skipped. */
struct out *outbox_head(struct outbox *o);
/* Frees what it owns. */
void outbox_pop(struct outbox *o);
/* The item is not said. No effect if it has left. */
void outbox_take_back(struct outbox *o, uint32_t number);
void outbox_clear(struct outbox *o);

void reading_free(struct reading *r);

/* The command that an item stands for; it borrows from the item and from *subscription, which it fills. */
void out_command(const struct out *out, uint8_t subscription[WIRE_SUBSCRIPTION_BYTES], struct command *c);

#endif
