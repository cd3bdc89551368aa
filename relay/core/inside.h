/* The relay from inside: its parts, and what they share. Only for relay/core. */
#ifndef RELAY_CORE_INSIDE_H
#define RELAY_CORE_INSIDE_H

#include "relay/core/change.h"
#include "relay/core/commit.h"
#include "relay/core/dispatch.h"
#include "relay/core/exchange.h"
#include "relay/core/expiry.h"
#include "relay/core/forget.h"
#include "relay/core/hour.h"
#include "relay/core/knock.h"
#include "relay/core/message.h"
#include "relay/core/quota.h"
#include "relay/core/relay.h"
#include "relay/core/room.h"
#include "relay/core/session.h"
#include "relay/core/tick.h"
#include "relay/core/touch.h"
#include "relay/core/trouble.h"
#include "relay/core/upload.h"

/* In guarded memory. */
struct relay_secrets {
    uint8_t relay_sk[32];
    uint8_t cookie_key[32];
};

struct relay {
    struct limits limits;
    uint32_t settle_ms;
    uint64_t turns; /* of the loop: relay_flush is called once in each */
    uint8_t ttl_ceiling;
    uint8_t relay_pk[32];
    struct relay_secrets *secrets;
    struct store *store;
    struct rng rng;

    struct now now;
    struct now started;
    struct hour hours;
    uint32_t jobs;          /* that the store has */
    uint64_t waiting_bytes; /* of lookups, changes and values: strangers can ask for them */
    bool draining;
    struct relay_stats stats;

    struct room_marks room;
    struct messages messages;
    struct exchange exchange;
    struct ticks ticks;
    struct changes changes;
    struct map lookups; /* names that the store looks up */
    struct door door;
    struct quota quota;
    struct expiry expiry;
    struct forget forget;
    struct trouble trouble;
    struct sessions sessions;
};

void relay_set_now(struct relay *r, struct now now);
void relay_submit(struct relay *r, struct store_job *job);
/* First thing in the callback of each job. */
void relay_done(struct relay *r, const struct store_job *job);
/* For a queue or slot: STORE_ID_BITS, never 0. */
uint64_t relay_random_id(struct relay *r);
/* The hour with which something of this lifetime class, made now, is gone. */
uint32_t relay_expiry_hour(const struct relay *r, uint8_t ttl);
uint32_t relay_voucher_hour(const struct relay *r);
/* Seconds until quotas begin anew. */
uint32_t relay_rest_of_day(const struct relay *r);
/* The week since 1970 with whose beginning a queue that is used now is gone if it is not used again (section
 * 4). */
uint32_t relay_queue_ends(const struct relay *r, enum queue_kind kind, bool unanswered);
/* UTC when the relay started, and monotonic since then: a cookie must not live again because a clock was set
 * back. */
uint32_t relay_cookie_seconds(const struct relay *r);

#endif
