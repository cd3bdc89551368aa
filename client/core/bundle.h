/* The bundle: what a card's holder needs for a knock; docs/protocol.md section 5.2. */
#ifndef CLIENT_BUNDLE_H
#define CLIENT_BUNDLE_H

#include <stddef.h>
#include <stdint.h>

#include <zaguan/err.h>

#include "client/core/organisation.h"
#include "proto/secret.h"

enum {
    XWING_PK_BYTES = 1216,
    XWING_SK_BYTES = 32,
    XWING_CT_BYTES = 1120,
    NOTICE_TEXTS_MAX = 8,
    NOTICE_TEXT_BYTES_MAX = 1000,
    BUNDLE_SEALED_MAX = 4 * 4096,
};

#define INTAKE_VALIDITY_S (2 * DAY_S)      /* made every day */
#define LAST_RESORT_VALIDITY_S (90 * DAY_S) /* made every 60 days */

enum desk_state { DESK_ON_DUTY = 1, DESK_AWAY = 2, DESK_ENDED = 3 };
enum intake_which { INTAKE_OF_DAY = 1, INTAKE_LAST_RESORT = 2 };

struct notice_text {
    char language[3]; /* two letters, ISO 639-1, zero-terminated */
    char text[NOTICE_TEXT_BYTES_MAX + 1];
};

struct notice {
    uint8_t desk_id[DESK_ID_BYTES];
    uint64_t written_s;
    enum desk_state state;
    uint8_t count;
    struct notice_text texts[NOTICE_TEXTS_MAX];
};

/* Public half of a bundle's key part. The certificates stay encoded. */
struct bundle_keys {
    uint8_t root_pk[SIGN_PK_BYTES];
    uint8_t issuing_certificate[ISSUING_CERTIFICATE_BYTES];
    uint8_t desk_certificate[DESK_CERTIFICATE_BYTES];
    uint32_t epoch;
    struct secret put; /* of the desk */
    uint8_t intake_pk[XWING_PK_BYTES];
    struct validity intake_validity;
    uint8_t last_resort_pk[XWING_PK_BYTES];
    struct validity last_resort_validity;
};

/* A bundle that was checked. About 11 KiB: on the heap. */
struct bundle {
    struct bundle_keys keys;
    struct trust trust;
    uint8_t key_part_hash[HASH_BYTES]; /* KPH */
    struct notice notice;
};

/*
 * Writes the sealed bundle, a multiple of 4,096 bytes. key_part_hash gets KPH, which the desk must keep with the epoch's
 * private keys. ZG_ERR_TOO_LARGE for a text that is not terminated within its array, ZG_ERR_MEMORY.
 */
ZG_MUST_CHECK zg_err bundle_make(uint8_t out[BUNDLE_SEALED_MAX], size_t *len, uint8_t key_part_hash[HASH_BYTES],
                                 const struct bundle_keys *keys, const struct notice *notice,
                                 const struct sign_key *publishing, const uint8_t bundle_key[32],
                                 const struct rng *rng);

/*
 * Checks everything in the order of section 5.2. ZG_ERR_FORGED, ZG_ERR_FOREIGN (another organisation than
 * the card's, or certificates of another desk), ZG_ERR_EXPIRED, ZG_ERR_VERSION, ZG_ERR_MALFORMED, ZG_ERR_MEMORY.
 */
ZG_MUST_CHECK zg_err bundle_open(struct bundle *out, const uint8_t *sealed, size_t len,
                                 const uint8_t bundle_key[32], const uint8_t organisation[32], uint64_t now_s);

/* The key to knock with at now_s; ZG_ERR_EXPIRED if neither is valid. *pk is borrowed from b. */
ZG_MUST_CHECK zg_err bundle_intake(const struct bundle *b, uint64_t now_s, enum intake_which *which,
                                   const uint8_t **pk);

#endif
