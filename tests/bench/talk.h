/*
 * What the load generator says and hears: the commands of docs/protocol.md section 1.1 towards a relay, or a few fixed layouts towards
 * the bare server, which knows queues by number. The bare server uses the same layouts from the other side.
 */
#ifndef BENCH_TALK_H
#define BENCH_TALK_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/command.h"
#include "proto/record.h"

/* --- the bare layouts, big-endian: kind, then --- */

enum bare_kind {
    BARE_SEND = 1,      /* queue u32, tag u32, envelope */
    BARE_SUBSCRIBE = 2, /* queue u32, window u16; answered by a CONFIRM with tag 0 */
    BARE_ACK = 3,       /* queue u32, ids u32... */
    BARE_PING = 4,      /* answered by a CONFIRM with tag 0 */
    BARE_CONFIRM = 64,  /* tag u32 */
    BARE_DELIVER = 80,  /* queue u32, id u32, envelope */
};

enum {
    BARE_SEND_BYTES = 1 + 4 + 4 + WIRE_ENVELOPE_BYTES,
    BARE_DELIVER_BYTES = BARE_SEND_BYTES,
};

/* --- both --- */

struct talk {
    bool bare;
    uint8_t run[8]; /* random: handles of different runs differ */
};

/* What a pair of sender and reader knows of its queue. */
struct queue_rights {
    uint32_t number;
    struct secret put, take;
    uint8_t subscription[WIRE_SUBSCRIPTION_BYTES];
};

/* Each adds one unit, or returns false if it does not fit. */
bool talk_send(const struct talk *t, struct record_writer *r, const struct queue_rights *q, uint32_t seq,
               uint32_t message, const uint8_t envelope[WIRE_ENVELOPE_BYTES]);
bool talk_subscribe(const struct talk *t, struct record_writer *r, const struct queue_rights *q, uint32_t window);
bool talk_ping(const struct talk *t, struct record_writer *r);
/*
 * Acknowledges as many of ids as keep a record that holds nothing else small, returns how many; 0 if they do not fit.
 */
uint32_t talk_ack(const struct talk *t, struct record_writer *r, const struct queue_rights *q, const uint32_t *ids,
                  uint32_t count);
/* Towards a relay only. */
bool talk_command(struct record_writer *r, const struct command *c);

enum heard_kind { HEARD_REPLY, HEARD_SUBSCRIBED, HEARD_DELIVER, HEARD_OTHER };

struct heard {
    enum heard_kind kind;
    uint32_t seq; /* of a REPLY or SUBSCRIBED */
    enum status status;
    const uint8_t *subscription; /* SUBSCRIBED from a relay; else NULL */
    uint32_t id;
    const uint8_t *envelope; /* borrowed from the unit */
};

/* false: the unit makes no sense. */
bool talk_read(const struct talk *t, struct span unit, struct heard *out);

#endif
