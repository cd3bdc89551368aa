/* How envelopes and values lie on disk: nonce | XChaCha20-Poly1305 under the key of an epoch, bound to their
 * row. */
#ifndef RELAY_STORE_AT_REST_H
#define RELAY_STORE_AT_REST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/rng.h"
#include "relay/store/epoch.h"

enum { AT_REST_OVERHEAD = 40 };

/* Which row it is. version: of a slot's value; of a message 0. */
struct at_rest_row {
    const char *label;
    uint64_t key;
    uint64_t version;
};

/* out holds len + AT_REST_OVERHEAD bytes. */
void at_rest_seal(uint8_t *out, const struct epoch *epoch, const struct at_rest_row *row,
                  const uint8_t *plain, size_t len, const struct rng *rng);
/* Opens len bytes into out, which holds len - AT_REST_OVERHEAD. False: damaged, or of another row or key. */
bool at_rest_open(uint8_t *out, const struct epoch *epoch, const struct at_rest_row *row,
                  const uint8_t *sealed, size_t len);

#endif
