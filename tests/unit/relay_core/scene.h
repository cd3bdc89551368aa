/* A relay's core with a store in memory, and what the tests of its commands say again and again. */
#ifndef TESTS_RELAY_CORE_SCENE_H
#define TESTS_RELAY_CORE_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "relay/core/relay.h"
#include "relay/store/memory.h"
#include "tests/support/relay_peer.h"
#include "tests/support/support.h"
#include "tests/support/test_store.h"

#define RUN_TESTS \
    int main(void) \
    { \
        return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL); \
    }

/* A test with a scene of its own, in *state. */
#define SCENE_TEST(f) cmocka_unit_test_setup_teardown(f, scene_setup, scene_teardown)

enum { SCENE_PEERS = 4, SETTLE_MS = 250, HOUR_MS = 3600 * 1000 };

struct scene {
    struct engine *engine;
    struct test_store store;
    struct relay *relay;
    struct now now;
    struct rng_seed seed;
    struct rng rng;
    struct limits limits;
    uint8_t ceiling;
    uint8_t pk[32], sk[32];
    bool hold;                      /* jobs wait in the store */
    struct peer peers[SCENE_PEERS]; /* all connected */
};

int scene_setup(void **state);
int scene_teardown(void **state);
/* The relay anew, with the scene's limits, on the same store; peers anew. */
void scene_restart(struct scene *s);

/* Turns of the relay's loop until there is nothing more to be done now. */
void scene_turn(struct scene *s);
/* Time goes on. */
void scene_pass(struct scene *s, uint64_t ms);
/* To where a tick begins. */
void scene_tick(struct scene *s);
/* Until every SEND of now is answered. */
void scene_settle(struct scene *s);
struct relay_stats scene_stats(const struct scene *s);
uint64_t scene_rows(struct scene *s); /* messages on disk */

/* --- queues --- */

/* Secrets and names of a queue or slot, from a number. */
struct thing {
    uint8_t put[32], take[32], own[32], end[32]; /* a slot's: put is write, take is read */
    struct name put_name, take_name, own_name, end_name;
    struct queue_names names;
};

void thing_from(struct thing *t, uint32_t n);
/* As a slot. */
struct slot_names slot_from(struct thing *t, uint32_t n);
/* A voucher in the store; its secret. */
void give_voucher(struct scene *s, enum voucher_kind kind, uint32_t n, uint8_t secret[32]);
/* Creates it over peer 0; asserts that it worked. */
void make_queue(struct scene *s, struct thing *t, uint32_t n, enum queue_kind kind);

/* --- saying --- */

uint32_t say_ping(struct scene *s, struct peer *p);
uint32_t say_create(struct scene *s, struct peer *p, const struct thing *t, enum queue_kind kind,
                    const uint8_t voucher[32]);
uint32_t say_update(struct scene *s, struct peer *p, const uint8_t own[32], const struct queue_names *names);
/* The envelope is full of `fill`, the handle of `handle`; a lifetime of a day. */
uint32_t say_send(struct scene *s, struct peer *p, const uint8_t put[32], uint32_t handle, uint8_t fill);
uint32_t say_send_ttl(struct scene *s, struct peer *p, enum send_role role, const uint8_t secret[32],
                      uint32_t handle, uint8_t fill, uint8_t ttl);
uint32_t say_cancel(struct scene *s, struct peer *p, uint32_t handle);
uint32_t say_delete(struct scene *s, struct peer *p, enum delete_role role, const uint8_t secret[32]);
void say_ack(struct scene *s, struct peer *p, const uint8_t subscription[8], uint32_t id);
/* Asserts SUBSCRIBED. */
void subscribe(struct scene *s, struct peer *p, const uint8_t take[32], uint32_t window,
               uint8_t subscription[8]);

/* --- hearing: each takes the next thing that was said, and asserts what it is --- */

/* retry after */
uint32_t hear_reply(struct peer *p, uint32_t seq, enum status status);
/* To what deletes something, or finds it gone: within a second, when the journal was emptied, and not before.
 */
void hear_forgotten(struct scene *s, struct peer *p, uint32_t seq, enum status status);
/* The message's id. */
uint32_t hear_delivery(struct peer *p, const uint8_t subscription[8], uint8_t fill);
void hear_withdraw(struct peer *p, const uint8_t subscription[8], uint32_t id);
void hear_ended(struct peer *p, const uint8_t subscription[8], enum ended_reason reason);
void hear_nothing(struct peer *p);

#endif
