/*
 * The simulation's world: a relay's core on its real store, and clients, in one process under one clock, one network and
 * one seed. Nothing happens but through the scheduler, so the same seed gives the same run.
 *
 * What is simulated: time; the network (delay, bytes cut at any place, connections that break, or that take little at a
 * time); the store's thread (jobs are done later, in order, and fail while the disk is in trouble); the relay's end, also
 * between a commit and what follows from it, and its start on the same database file. Every other seed has a relay that
 * may keep next to nothing in memory.
 */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <zaguan/client.h>

#include "relay/core/relay.h"
#include "tests/support/support.h"

enum { WORLD_CLIENTS_MAX = 8 };

struct world;
struct link;
struct disk;

/* Deliberate faults, to see that the invariants catch them. */
enum plant { PLANT_NOTHING, PLANT_LOSE /* messages that should be stored are not */ };

struct world_options {
    uint64_t seed;
    const char *folder; /* an empty one, for the database */
    enum plant plant;
    FILE *trace;        /* NULL: none */
};

struct peer {
    struct world *world;
    zg_client *client;
    const char *name;
    struct rng_seed seed;
    struct rng rng;
    struct link *links;
    void (*event)(void *ctx, struct peer *p, const zg_event *e);
    void *ctx;
};

struct world {
    struct world_options options;
    struct rng_seed seed;
    struct rng rng;
    zg_now now;
    struct relay *relay; /* NULL while it is down */
    struct rng_seed relay_seed;
    struct disk *disk;
    bool disk_trouble; /* every third job fails */
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

/* A client on a vault in memory; event is called for each of its events. */
struct peer *world_peer(struct world *w, const char *name,
                        void (*event)(void *ctx, struct peer *p, const zg_event *e), void *ctx);
/* Both clocks, as the relay takes them. */
struct now world_relay_now(const struct world *w);
/* After an action on its client: network and events. */
void peer_turn(struct peer *p);
/* Breaks its connections, each in the middle of what is under way. */
void peer_break(struct peer *p);

/* Runs to the next thing that is due, at most `limit_ms` of simulated time. false: nothing was due until then. */
bool world_step(struct world *w, uint64_t limit_ms);
/* The relay ends at once, as by kill -9: sockets close, jobs that were not done yet are not done. */
void world_relay_stop(struct world *w);
void world_relay_start(struct world *w);

/* "host:port/key", and a voucher for a desk, as the operator would hand them over. */
void world_address(const struct world *w, char *out, size_t cap);
void world_voucher(struct world *w, char *out, size_t cap);

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
    bool relay_closed; /* the relay ended it; what it wrote before still arrives */
    struct session *session;
    struct pipe up, down;
};

void link_connect(struct peer *p, uint32_t id);
void link_send(struct peer *p, uint32_t id, const uint8_t *data, size_t len);
/* Ends a link without telling the client; NULL-safe. */
void link_drop(struct link *l);
struct link *link_find(struct peer *p, uint32_t id);
/* When something is due on it; UINT64_MAX: nothing. */
uint64_t link_due(const struct link *l);
/* Does what is due at world->now; true if it did something. May free the link. */
bool link_run(struct link *l);

/* --- disk.c --- */

/* The store's thread: jobs in order, each done after a while, on the database that outlives the relay. */
struct disk *disk_open(struct world *w, const char *path);
void disk_close(struct disk *d);
struct store *disk_store(struct disk *d);
uint64_t disk_due(const struct disk *d);
bool disk_run(struct disk *d);
/* The relay is gone: jobs that wait are given back as failed, which nobody reads. */
void disk_crash(struct disk *d);
/* Carries out one job at once, for set-up. */
void disk_now(struct disk *d, struct store_job *job);

#endif
