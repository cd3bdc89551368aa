/*
 * The simulation's world: a relay's core on its real store, and clients, in one process under one clock, one network and
 * one seed. Nothing happens but through the scheduler, so the same seed gives the same run.
 *
 *     world.c      clocks, relay, clients, the scheduler
 *     network.c    delay, bytes cut at any place, connections that break, or that take little at a time
 *     mean.c       a relay that is an enemy
 *     disk.c       the store's thread: jobs are done later, in order, on the database that outlives the relay
 *     ledger.c     what it wrote and deleted
 *     keys.c       its epoch keys
 *     plate.c      what the database lies on: power cuts, a full disk, copies of former times
 *     drawer.c     what a client's vault lies on
 *     plants.c     deliberate faults
 *     faults.c     when something breaks
 *     people.c     who talks with whom, and what about
 *     invariants.c what must hold
 */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <zaguan/client.h>

#include "relay/core/relay.h"
#include "tests/sim/drawer.h"
#include "tests/sim/mean.h"
#include "tests/sim/plants.h"
#include "tests/sim/plate.h"
#include "tests/support/support.h"

enum { WORLD_CLIENTS_MAX = 50 };

struct world;
struct link;
struct disk;
struct disk_copy;

struct world_options {
    uint64_t seed;
    enum plant plant;
    bool memory; /* the store's engine in memory: no disk that could fail */
    FILE *trace; /* NULL: none */
};

struct peer {
    struct world *world;
    zg_client *client; /* NULL while its program does not run */
    const char *name;
    struct rng_seed seed;
    struct rng rng;
    struct drawer *drawer;
    struct link *links;
    bool ready;              /* its vault is loaded */
    uint64_t calm_ms;        /* since when nothing broke for it */
    uint64_t off_ms;         /* how long its program did not run since it was connected last */
    uint32_t lifetime_max_s; /* own limit; 0: 30 days */
    int64_t skew_ms;         /* of its clock */
    void (*event)(void *ctx, struct peer *p, const zg_event *e);
    void *ctx;
};

struct world {
    struct world_options options;
    struct rng_seed seed;
    struct rng rng;
    zg_now now; /* the true time */
    uint64_t start_utc_ms;
    struct relay *relay; /* NULL while it is down */
    int64_t relay_skew_ms;
    uint64_t store_calm_ms; /* since when nothing broke for the relay's store */
    uint32_t relay_hour; /* that it went by, as it was kept outside */
    uint64_t relay_ended_ms;
    struct rng_seed relay_seed;
    struct rng_seed plate_seed;
    struct rng plate_rng;
    struct disk *disk;
    bool disk_trouble; /* every third job fails */
    bool mean;         /* new connections go to an enemy */
    bool gentle;       /* who only looks on */
    struct mean_loot *loot;
    uint8_t relay_sk[32];
    uint8_t relay_pk[32];
    struct peer peers[WORLD_CLIENTS_MAX];
    size_t peer_count;
    uint64_t trace_lines;
    uint8_t trace_hash[32];
};

/* These end the program when something that is not under test fails (memory, files). */
void world_open(struct world *w, const struct world_options *options);
void world_close(struct world *w);

/* A client that does not run yet; event is called for each of its events. */
struct peer *world_peer(struct world *w, const char *name,
                        void (*event)(void *ctx, struct peer *p, const zg_event *e), void *ctx);
/* Both clocks, as they see them. */
struct now world_relay_now(const struct world *w);
zg_now peer_now(const struct peer *p);
/* Its program starts on what its vault has. */
void peer_start(struct peer *p);
/* It ends at once, in the middle of what is under way. */
void peer_crash(struct peer *p);
/* After an action on its client: network and events. */
void peer_turn(struct peer *p);
/* Breaks its connections, each in the middle of what is under way. */
void peer_break(struct peer *p);

/* Runs to the next thing that is due, at most `limit_ms` of simulated time. false: nothing was due until then. */
bool world_step(struct world *w, uint64_t limit_ms);
/* The relay ends at once, as by kill -9: sockets close, jobs that were not done yet are not done. */
void world_relay_stop(struct world *w);
/* On the database as it was left. */
/* Whether the relay has so little room on its disk that it turns knocks away. */
bool world_little_room(const struct world *w);
void world_relay_start(struct world *w);

/* "host:port/key", and a voucher for a desk, as the operator would hand them over. */
void world_address(const struct world *w, char *out, size_t cap);
void world_voucher(struct world *w, char *out, size_t cap);

/* Something broke for everybody. */
void world_trouble(struct world *w);
/* One line of the trace; goes into the hash also when nobody reads it. */
void world_trace(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- network.c --- */

struct chunk {
    struct chunk *next;
    uint64_t at_ms;
    size_t len;
    uint8_t bytes[];
};

/* One direction: chunks in order, each with the time of its arrival. */
struct pipe {
    struct chunk *first, **last;
    uint64_t last_ms;
    size_t bytes;
};

struct link {
    struct link *next;
    struct peer *peer;
    uint32_t id;
    uint64_t opens_ms; /* 0: open, or refused */
    bool open;
    bool slow;         /* takes a record at most before the one before it has arrived */
    bool choked;       /* the relay was told so */
    bool held;         /* its session is paused, and did not say yet that it goes on */
    bool relay_closed; /* the relay ended it; what it wrote before still arrives */
    bool left;         /* the client is gone; what it wrote before still arrives */
    struct session *session;
    struct mean *mean; /* in the session's place, if the relay is an enemy */
    struct pipe up, down;
};

void link_connect(struct peer *p, uint32_t id);
void link_send(struct peer *p, uint32_t id, const uint8_t *data, size_t len);
/* The relay's end is gone; what it wrote before still arrives. */
void link_relay_gone(struct link *l);
/* Ends a link without telling the client; NULL-safe. */
void link_drop(struct link *l);
/* The same, but the relay may hear of it only when it has got what is under way. */
void link_leave(struct link *l);
/* NULL: there is none, or the client left it. */
struct link *link_find(struct peer *p, uint32_t id);
/* When something is due on it; UINT64_MAX: nothing. */
uint64_t link_due(const struct link *l);
/* Does what is due at world->now; true if it did something. May free the link. */
bool link_run(struct link *l);

/* --- disk.c --- */

/* The store's thread: jobs in order, each done after a while. It runs from the first disk_start on. */
struct disk *disk_open(struct world *w);
void disk_close(struct disk *d);
struct store *disk_store(struct disk *d);
struct plate *disk_plate(struct disk *d);
uint64_t disk_due(const struct disk *d);
bool disk_run(struct disk *d);
/* Opens the database, as often as the power fails while it is opened. */
void disk_start(struct disk *d);
/* The relay is gone: jobs that wait are given back as failed, which nobody reads. */
void disk_crash(struct disk *d);
/* The files and the keys as they are now, and back to that while the relay is down. */
struct disk_copy *disk_copy(const struct disk *d);
void disk_put_back(struct disk *d, const struct disk_copy *copy);
void disk_copy_free(struct disk_copy *copy); /* NULL-safe */
/* What is found in the files although it was deleted before this time; NULL: nothing. */
const char *disk_leftover(const struct disk *d, uint64_t mono_ms);
/* How many epoch keys there are. */
size_t disk_keys(const struct disk *d);
/* Carries out one job at once, for set-up. */
void disk_now(struct disk *d, struct store_job *job);

#endif
