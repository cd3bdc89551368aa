/*
 * How many connections come from one address, so that one stranger cannot take all. Counted in memory under a
 * hash with a key of this run; no address is kept, and nothing at all once it is quiet for some seconds. Of
 * IPv6 the first 64 bits count. From the addresses that the operator lists as shared (a proxy in front, Tor)
 * come many people: they are not counted.
 */
#ifndef RELAY_EDGE_ORIGIN_H
#define RELAY_EDGE_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <zaguan/err.h>

#include "proto/rng.h"
#include "relay/core/limits.h"
#include "relay/edge/address.h"

struct origins;
struct origin;

/* shared is borrowed until origins_free. ZG_ERR_MEMORY. */
ZG_MUST_CHECK zg_err origins_new(struct origins **out, const struct limits *limits,
                                 const struct shared_addresses *shared, const struct rng *rng);
/* Everybody has left; NULL-safe. */
void origins_free(struct origins *o);

/*
 * One more connection from there. false: it may not have one now. *out: for origin_leave when the connection
 * is gone; NULL: it is not counted.
 */
ZG_MUST_CHECK bool origin_enter(struct origins *o, const struct sockaddr *from, uint64_t now_ms,
                                struct origin **out);
/* NULL-safe. */
void origin_leave(struct origins *o, struct origin *origin);
/* Forgets what need not be remembered any more. */
void origins_forget(struct origins *o, uint64_t now_ms);
size_t origins_count(const struct origins *o);

#endif
