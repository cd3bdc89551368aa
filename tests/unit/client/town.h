/*
 * A relay and people in one process, under a simulated clock: the relay's real core on its store in memory, whole clients on vaults that
 * outlive them, and a network that a test can cut. Deterministic. Mistakes here end the program.
 */
#ifndef TESTS_TOWN_H
#define TESTS_TOWN_H

#include <stdbool.h>
#include <stdint.h>

#include <zaguan/client.h>

#include "relay/core/relay.h"
#include "tests/support/support.h"

enum { TOWN_PEOPLE_MAX = 64, EVENT_KINDS = 32 };

#define TOWN_UTC_MS UINT64_C(1800000000000)

struct town;
struct wire;
struct shelf;

struct person {
    struct town *town;
    zg_client *client;
    struct shelf *shelf; /* what survives the client; NULL: nothing does */
    struct rng_seed seed;
    struct rng rng;
    int64_t clock_ms; /* how far the own clock is off */
    bool cut;         /* every connection fails */
    bool reads;       /* reads every message at once */
    struct wire *wires;
    unsigned events[EVENT_KINDS];
    zg_event last[EVENT_KINDS];
    char **heard; /* texts of all messages, in the order of their events */
    size_t heard_count;
    size_t heard_cap;
};

struct town {
    struct rng_seed seed;
    struct rng rng;
    zg_now now;
    struct relay *relay;
    struct engine *engine;
    struct rng_seed relay_seed;
    struct town_store *store;
    uint8_t relay_sk[32];
    uint8_t relay_pk[32];
    struct limits limits;
    uint8_t ttl_ceiling;
    struct person people[TOWN_PEOPLE_MAX];
    size_t people_count;
    uint32_t cut_one_in; /* of the pieces that travel, one breaks its connection; 0: none */
    uint64_t pieces;
    zg_organisation *organisation;
    /* Around every call of a client by the town; may be NULL. */
    void (*before)(struct person *p);
    void (*after)(struct person *p);
};

/* Opens with the relay running. Free with town_close. */
struct town *town_open(uint64_t seed);
void town_close(struct town *t);
/* As kill -9: what was not stored is lost. */
void town_relay_stop(struct town *t);
void town_relay_start(struct town *t);
/* A relay that knows nothing, under the same key. */
void town_relay_forget(struct town *t);

struct person *town_person(struct town *t);
/* Somebody who keeps nothing: a client without a vault. */
struct person *town_visitor(struct town *t);
/* Another program on a copy of what somebody's vault holds. */
struct person *town_twin(struct town *t, const struct person *of);
/* The program ends at once, or is started again. What the vault did not store is lost. */
void person_stop(struct person *p);
void person_start(struct person *p);
/* After an action on the client. */
void person_turn(struct person *p);
zg_now person_now(const struct person *p);
void person_break(struct person *p);

/* Simulated time passes. */
void town_run(struct town *t, uint64_t ms);
/* Until p has had this event `times` times; false: it did not within limit_ms. */
bool town_until(struct town *t, const struct person *p, zg_event_kind kind, unsigned times, uint64_t limit_ms);

/* What the relay's store holds. */
struct counts town_counts(struct town *t);
/* Every n-th job of the relay's store fails; 0: none. */
void town_fail_store(struct town *t, uint32_t every);

void town_address(const struct town *t, char *out, size_t cap);
void town_voucher(struct town *t, char *out, size_t cap);

/* --- usual beginnings --- */

/* p becomes the worker of a desk that is ready. card: 1,024 bytes. */
void town_desk(struct town *t, struct person *p, char *card);
/* She knocks, the worker answers, she writes back: an open conversation with safety words on both sides. */
void town_meet(struct town *t, struct person *her, struct person *worker, const char *card, zg_id *hers, zg_id *his);
zg_id must_send(struct person *p, const zg_id *conversation, const char *text, uint32_t lifetime_s,
                zg_lifetime_from from);
zg_conversation must_show(const struct person *p, const zg_id *conversation);
/* The text of the newest message that p received; NULL: none. */
const char *last_heard(const struct person *p);

/* --- shelf.c: a vault for tests --- */

struct shelf *shelf_new(void);
struct shelf *shelf_copy(const struct shelf *s);
void shelf_free(struct shelf *s);
/* A vault on it; closing it leaves what was stored. */
zg_vault *shelf_vault(struct shelf *s);
/* Every n-th batch fails; 0: none. */
void shelf_fail(struct shelf *s, uint32_t every);
/* Batches are stored, and said to have failed: what they replace could not be overwritten. */
void shelf_fail_late(struct shelf *s, bool late);
/* While held, batches are neither stored nor failed. */
void shelf_hold(struct shelf *s, bool held);
size_t shelf_count(const struct shelf *s);
/* Entries whose key starts with tag. */
size_t shelf_count_of(const struct shelf *s, uint8_t tag);
/* Whether these bytes stand in a value. */
bool shelf_holds(const struct shelf *s, const void *bytes, size_t len);

#endif
