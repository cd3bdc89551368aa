/*
 * A small secret in a box that a passphrase opens: Argon2id, then a seal that commits to its key.
 *
 *     box = u8 version = 1 | u32 passes | u32 memory in KiB | salt[16] | check[16] | Seal(K, AD, secret)
 *     K   = Argon2id(passphrase, salt, passes, memory), 32 bytes
 *     check = BLAKE2b-16(LP("passphrase box") | LP(label) | LP(version to salt) | LP(sealed))
 *     AD  = label | version to salt
 *
 * The check is no secret and protects nothing: it tells a damaged box from a wrong passphrase. Vaults and the
 * organisation's file use this; nothing of it travels.
 */
#ifndef CLIENT_PASSPHRASE_BOX_H
#define CLIENT_PASSPHRASE_BOX_H

#include <stddef.h>
#include <stdint.h>

#include <zaguan/err.h>

#include "proto/bytes.h"
#include "proto/rng.h"
#include "proto/seal.h"

enum {
    BOX_SALT_BYTES = 16,
    BOX_CHECK_BYTES = 16,
    BOX_OVERHEAD = 1 + 4 + 4 + BOX_SALT_BYTES + BOX_CHECK_BYTES + SEAL_OVERHEAD,
    BOX_PASSPHRASE_MIN = 8,
};

/* What opening costs; it stands in the box, so that later versions may ask for more. */
struct box_cost {
    uint32_t passes;     /* 1 to 16 */
    uint32_t memory_kib; /* 8 to 1 GiB */
};

/* 3 passes over 64 MiB: about half a second on a small computer. */
struct box_cost box_cost_default(void);

/*
 * out holds len + BOX_OVERHEAD. ZG_ERR_ARGUMENT: a passphrase below BOX_PASSPHRASE_MIN bytes, or a cost out of range;
 * ZG_ERR_MEMORY. label says what the box holds; a box opens under its own label only.
 */
ZG_MUST_CHECK zg_err box_make(uint8_t *out, struct span label, struct span passphrase, struct box_cost cost,
                              const uint8_t *secret, size_t len, const struct rng *rng);

/*
 * secret holds len - BOX_OVERHEAD and is untouched on failure. ZG_ERR_MALFORMED: damaged or not such a box;
 * ZG_ERR_VERSION: made by a newer version; ZG_ERR_PASSPHRASE; ZG_ERR_MEMORY.
 */
ZG_MUST_CHECK zg_err box_open(uint8_t *secret, struct span label, struct span passphrase, const uint8_t *box,
                              size_t len);

#endif
