/* Authenticated encryption that commits to its key; docs/protocol.md section 0.1. */
#ifndef PROTO_SEAL_H
#define PROTO_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include <zaguan/err.h>
#include "proto/bytes.h"
#include "proto/kdf.h"
#include "proto/rng.h"

enum { SEAL_OVERHEAD = 72, SEAL_AD_MAX = 4096 };

/*
 * out holds len + SEAL_OVERHEAD bytes and must not overlap plain. The associated data is the concatenation of
 * the parts as they are, without lengths, at most SEAL_AD_MAX bytes.
 */
void seal(uint8_t *out, const uint8_t key[KEY_BYTES], const struct span *ad, size_t ad_count,
          const uint8_t *plain, size_t len, const struct rng *rng);

/*
 * Opens len bytes (at least SEAL_OVERHEAD) into out, which holds len - SEAL_OVERHEAD. ZG_ERR_FORGED leaves
 * out untouched.
 */
ZG_MUST_CHECK zg_err seal_open(uint8_t *out, const uint8_t key[KEY_BYTES], const struct span *ad,
                               size_t ad_count, const uint8_t *sealed, size_t len);

#endif
