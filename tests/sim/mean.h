/*
 * A relay that is an enemy: on each link it ends the client's encryption itself, with the relay's own key, and speaks to the real relay
 * in the client's name. So it reads and changes every command and reply on the way: drops, repeats, reorders, cuts, swaps
 * envelopes of everybody, says ok without doing it, lies about time, shows former values of slots.
 */
#ifndef TESTS_SIM_MEAN_H
#define TESTS_SIM_MEAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/rng.h"
#include "relay/core/relay.h"

/* What it has seen on all links, to say it again elsewhere. */
struct mean_loot;
struct mean_loot *mean_loot_new(void);
void mean_loot_free(struct mean_loot *l); /* NULL-safe */

struct mean_options {
    struct relay *relay;
    const uint8_t *relay_sk, *relay_pk; /* borrowed */
    const struct rng *rng;              /* borrowed */
    struct mean_loot *loot;             /* borrowed */
    bool gentle; /* it only looks */
    void (*trace)(void *ctx, const char *what, const char *command); /* of each misdeed */
    void *ctx;
};

struct mean;

/* NULL: the relay takes no connection. */
struct mean *mean_open(const struct mean_options *options, struct now now);
void mean_close(struct mean *m); /* NULL-safe */
/* Bytes of the client. */
void mean_receive(struct mean *m, const uint8_t *data, size_t len, struct now now);
/* Whether there is something to take, or it is over. */
bool mean_waits(const struct mean *m);
/* What the client is to get; borrowed until the next call. */
size_t mean_take(struct mean *m, const uint8_t **out);
bool mean_paused(const struct mean *m);
/* Either side ended it. */
bool mean_over(const struct mean *m);

#endif
