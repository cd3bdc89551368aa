/* Cookie and puzzle before a knock; docs/protocol.md section 9. */
#ifndef PROTO_PUZZLE_H
#define PROTO_PUZZLE_H

#include <stdbool.h>
#include <stdint.h>

#include <zaguan/err.h>
#include "proto/command.h"
#include "proto/rng.h"

enum { PUZZLE_HASH_BYTES = 32 };

/* --- relay --- */

void cookie_make(uint8_t out[WIRE_COOKIE_BYTES], const uint8_t cookie_key[32], const struct name *desk_put,
                 uint32_t now_s, uint8_t effort, const struct rng *rng);

/*
 * ZG_OK and *effort; ZG_ERR_FORGED: not ours, or made for another desk; ZG_ERR_EXPIRED. Whether it was spent
 * is the caller's to know. Constant time in the cookie.
 */
ZG_MUST_CHECK zg_err cookie_check(const uint8_t cookie[WIRE_COOKIE_BYTES], const uint8_t cookie_key[32],
                                  const struct name *desk_put, uint32_t now_s, uint8_t *effort);

/* --- both --- */

/* What the solution is bound to: the new queue's names and the envelope. */
void puzzle_hash(uint8_t out[PUZZLE_HASH_BYTES], const struct queue_names *names,
                 const uint8_t envelope[WIRE_ENVELOPE_BYTES]);

/* One Argon2id of 1 MiB, unless effort is 0. ZG_ERR_MEMORY if it cannot be had. */
ZG_MUST_CHECK zg_err puzzle_check(const uint8_t cookie[WIRE_COOKIE_BYTES],
                                  const uint8_t hash[PUZZLE_HASH_BYTES], uint8_t effort, uint64_t solution,
                                  bool *right);

/* --- client --- */

/*
 * Tries at most `tries` values from *x on. ZG_OK: *x is a solution. ZG_ERR_BUSY: not yet, *x is where to go
 * on, so a caller can show progress and stay responsive.
 */
ZG_MUST_CHECK zg_err puzzle_solve(const uint8_t cookie[WIRE_COOKIE_BYTES],
                                  const uint8_t hash[PUZZLE_HASH_BYTES], uint8_t effort, uint64_t *x,
                                  uint32_t tries);

#endif
