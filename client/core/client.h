/*
 * What the parts of a client share: time, randomness, journal, events, connections, and the lists.
 *
 * Every public function that changes something ends in client_work, which lets each part do what has become possible: ask the relay,
 * acknowledge, submit to the vault. Parts keep what they want as state, and client_work compares it with what is; so a broken connection, a
 * vault that failed and a restart need no code of their own. Nothing is freed but in client_work and zg_client_free, so a callback may
 * rely on everything being there after it returns.
 */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include <zaguan/client.h>

#include "client/core/agenda.h"
#include "client/core/connection.h"
#include "client/core/events.h"
#include "client/core/journal.h"
#include "client/core/timekeeper.h"
#include "client/core/unread.h"
#include "proto/rng.h"

struct conversation;
struct desk;
struct locker;

/* First bytes of the keys of the vault's entries. The values are part of what is stored. */
enum entry_tag {
    ENTRY_META = 1,
    ENTRY_DESK = 2,
    ENTRY_CONVERSATION = 3,
    ENTRY_MESSAGE = 4,
    ENTRY_PART = 5,
    ENTRY_PARCEL = 6,
    ENTRY_WATCH = 7,
};

enum client_state { CLIENT_LOADING, CLIENT_READY, CLIENT_FAILED };

struct zg_client {
    enum client_state state;
    struct rng rng;
    zg_now now; /* of the last call */
    uint64_t start_ms; /* the time when this run began, as the timekeeper saw it */
    struct timekeeper time;
    struct journal journal;
    struct events events;
    struct agenda agenda; /* messages, parts, ended conversations; in the timekeeper's ms */
    uint64_t lifetime_max_ms;
    uint64_t order; /* of the newest message or parcel */
    bool in_memory; /* the vault is the core's own */
    bool returning; /* what is being loaded comes from a locker */
    bool working;
    bool slice; /* in zg_client_advance: a puzzle may take a moment of it */
    bool network;
    zg_err storage_told; /* the failure that was told last */
    uint64_t deadline; /* mono_ms */

    struct entry *meta;
    uint64_t meta_mark_ms; /* as last written */
    uint64_t meta_time_ms; /* the same of the time itself, which is ahead of the mark while no relay was reached */

    struct connection *connections;
    uint32_t links;

    struct conversation **conversations; /* the latest first */
    size_t conversation_count;
    size_t conversation_cap;
    struct desk *desk;
    struct locker *locker; /* NULL: none. Stands before the vault then */
    struct unread unread;

    struct loading *loading;
    zg_err load_result;
};

/* Does what has become possible; at the end of every call. */
void client_work(struct zg_client *c);
/* Takes the time of a call. */
void client_now(struct zg_client *c, zg_now now);
/*
 * The timekeeper has learnt something. It should be expected_ms now; agreed: whether the clocks did before; first: a relay said what time it is, for the
 * first time in this run. What was counted by a clock that was wrong is put right with it, so that lifetimes neither end early nor run on;
 * docs/protocol.md section 4.2.
 */
void client_time_learnt(struct zg_client *c, uint64_t expected_ms, bool agreed, bool first);
/* Times above above_ms move by by_ms, back to latest_ms at most: what was counted by yet another clock would lie ahead of it. */
struct shift {
    uint64_t above_ms, latest_ms;
    int64_t by_ms;
};
/* Whether *at_ms was moved; 0 is no time. */
bool time_shift(uint64_t *at_ms, const struct shift *s);
/* ms since 1970, as the timekeeper sees it. */
uint64_t client_time_ms(const struct zg_client *c);
void client_event(struct zg_client *c, zg_event_kind kind, zg_err err, const struct conversation *conversation,
                  const zg_id *message, uint32_t value);
/* A sign that the relay is an older copy of itself: it is said, once for all of an incident, and what it may have lost is done again. */
void client_relay_went_back(struct zg_client *c, struct connection *link);
/* The connection to a relay, made if there is none; NULL: no memory. It lives while something refers to it. */
struct connection *client_connection(struct zg_client *c, const struct relay_place *place);
void client_id(struct zg_client *c, zg_id *out);
/* Looks, with which nothing has begun. Not from inside a callback. */
void client_forget_looks(struct zg_client *c);
/* What a person asked for; options may be NULL. ZG_ERR_ARGUMENT. */
ZG_MUST_CHECK zg_err client_send_options(const zg_send_options *options, uint32_t *lifetime_s, zg_lifetime_from *from);

/* --- client_links.c --- */

void client_links_work(struct zg_client *c);
void client_links_free(struct zg_client *c);

/* --- client_load.c --- */

/* The vault's content into the client; ends in CLIENT_READY or CLIENT_FAILED. ZG_ERR_MEMORY. */
ZG_MUST_CHECK zg_err client_load(struct zg_client *c);
/* What a locker brought takes the place of what is here. Its errors, and those of loading. */
ZG_MUST_CHECK zg_err client_load_locker(struct zg_client *c);
/* Frees what a load that did not come to its end left behind. */
void client_load_drop(struct zg_client *c);
/* Entry of the client itself: what it needs beside its parts. */
extern const struct entry_kind meta_entry_kind;
void relay_place_save(const struct relay_place *p, struct writer *w);
ZG_MUST_CHECK zg_err relay_place_load(struct relay_place *p, struct reader *r);

#endif
