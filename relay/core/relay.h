/*
 * The relay's core: no sockets, no clock, no threads. Time, randomness, storage and a way to write are handed
 * in.
 *
 * One message: session_receive -> record -> command -> dispatch -> exchange -> reader's session, and into the
 * tick; at the tick's end relay_advance submits what was not acknowledged, and the replies leave when it is
 * done.
 */
#ifndef RELAY_CORE_RELAY_H
#define RELAY_CORE_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zaguan/err.h>

#include "proto/rng.h"
#include "relay/core/limits.h"
#include "relay/core/store.h"

/* Both clocks, in milliseconds. mono never goes back; utc may. */
struct now {
    uint64_t mono_ms;
    uint64_t utc_ms;
};

struct relay_options {
    struct limits limits;
    uint32_t settle_ms;  /* 10 to 5,000 */
    uint8_t ttl_ceiling; /* WIRE_TTL_1H to WIRE_TTL_30D */
    uint8_t relay_sk[32];
    uint8_t relay_pk[32];
    struct store *store; /* borrowed until relay_free */
    uint32_t known_hour; /* since 1970: relay_stats.hour when it ran last; 0: not known */
    struct rng rng;
};

/* See room.h. */
enum room { ROOM_ENOUGH, ROOM_LOW, ROOM_NONE };

struct relay_stats {
    uint64_t connections;     /* now */
    uint64_t subscriptions;   /* now */
    uint64_t queues_loaded;   /* in memory now */
    uint64_t bytes_in_flight; /* envelopes and slots' values in memory now */
    uint64_t accepted;        /* since start: messages and knocks */
    uint64_t delivered;
    uint64_t acknowledged;
    uint64_t written; /* messages that needed the disk */
    uint64_t expired;
    uint64_t refused;
    uint64_t late_ticks; /* ticks that waited for the disk */
    uint64_t failed_commits;
    uint64_t failed_jobs; /* of any kind */
    uint64_t damaged;     /* how often a message or value was left out that does not open */
    uint64_t started_utc_s;
    uint64_t forgotten; /* how often the journal was emptied */
    uint64_t trouble;   /* enum store_trouble: what keeps the relay from writing now */
    uint64_t trouble_since_utc_s;
    uint64_t hour;                /* since 1970: what it goes by */
    uint64_t clock_doubted_utc_s; /* since when it does not go by its clock, see hour.h; 0: it does */
    uint64_t stored_bytes;        /* of the database in use; 0: the store has not said it yet */
    uint64_t room;                /* enum room */
    uint64_t no_room;             /* commands turned away because of that */
    uint64_t knocks_held_off;     /* told to come later, because their desk had too many */
};

struct relay;
struct session;

/* The settle_ms that leaves room for a sync that takes so long between the last look at a tick and its end. */
uint32_t relay_settle_for(uint32_t sync_ms);

/* ZG_ERR_ARGUMENT, ZG_ERR_MEMORY. Copies the options; keys go to guarded memory. */
ZG_MUST_CHECK zg_err relay_new(struct relay **out, const struct relay_options *options, struct now now);
/* No session and no job may be open; NULL-safe. Wipes. */
void relay_free(struct relay *r);

/* Does what is due: ticks, expiry, leases, handshakes that take too long. */
void relay_advance(struct relay *r, struct now now);
/* mono_ms at which relay_advance is next needed, 0: at once. At the latest when the next hour begins. */
uint64_t relay_deadline(const struct relay *r);
/*
 * Encrypts and hands to the carriers what has gathered, submits what has gathered for the store. Once at the
 * end of each turn of the loop, that is, after any of the other functions and after completions of jobs, and
 * after relay_advance if relay_deadline has come.
 */
void relay_flush(struct relay *r);
void relay_stats(const struct relay *r, struct relay_stats *out);

/*
 * Stopping: no new sessions or commands; what was received is settled (committed, answered) as soon as
 * possible. relay_drained says when nothing is pending any more and sessions may be closed.
 */
void relay_drain(struct relay *r, struct now now);
bool relay_drained(const struct relay *r);

/* What a session writes to. */
struct carrier {
    /*
     * Takes all of buf (borrowed until return). false: it could not pass everything on and keeps a copy of
     * the rest; the session writes no more until session_writable.
     */
    bool (*write)(void *ctx, const uint8_t *buf, size_t len);
    /*
     * The session is over: close when what was written is out. The session is freed already; called once,
     * from session_receive, relay_advance, relay_flush or relay_make_room, or when another one opens.
     */
    void (*close)(void *ctx);
    void *ctx;
    /*
     * The session may be paused no more: ask session_paused, at the end of the turn. Called more often than
     * needed, and from where close is. NULL: who asks in each turn anyway.
     */
    void (*resume)(void *ctx);
};

/* When there are as many connections as there may be: ends the oldest of those that have shown no right to anything
 * and had a minute for it. false: there is none. */
bool relay_make_room(struct relay *r, struct now now);
/* NULL: no memory, or the relay drains or has too many connections and no room is made (close the socket). */
struct session *session_open(struct relay *r, const struct carrier *carrier, struct now now);
/*
 * Bytes from the network. false: the session ended (it called carrier.close and is freed). After relay_drain
 * they are thrown away.
 */
bool session_receive(struct session *s, const uint8_t *data, size_t len, struct now now);
/*
 * It wants no more bytes until it has carried out or answered what it has. Ask after session_receive, and
 * again when carrier.resume was called; bytes that are given to it all the same are kept up to a limit, then
 * it ends.
 */
bool session_paused(const struct session *s);
/* The carrier takes more; relay_flush goes on writing. */
void session_writable(struct session *s);
/* The network ended it: frees, does not call carrier.close. */
void session_close(struct session *s);

#endif
